"""Steps as both sides tell them: numbers for threads, kinds, cells and values, where two schedules differ, and words.

Read next: stepping.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from spanproof.impl.span import Span

MASK = (1 << 64) - 1
CELLS = (
    "zeroedBase", "scav.chunks", "scav.searchAddrBg", "scav.searchAddrForce", "scav.minHeapIdx", "scav.freeHWM",
    "scav.gen", "heap.lock", "pageInUse", "pageMarks", "mspan.sweepgen", "sweep.active", "sweepgen", "spans",
)  # fmt: skip
"""The words that both sides know, in the order of their numbers, which begin at 1 (harness/interleave.go)."""
CALLS = (
    "alloc_needs_zero",
    "find",
    "alloc",
    "free",
    "set_empty",
    "next_gen",
    "lock",
    "unlock",
    "reclaim_chunk",
    "acquire",
    "publish",
)
"""What can be called there, in the order of its numbers, which begin at 1."""
KINDS = {"load": 1, "store": 2, "compare_and_swap": 3, "and8": 5, "or8": 6, "lock": 9, "unlock": 10}
STEP = 6
"""Words of a step: the thread, its kind and whether it succeeded, the cell, the old value, the new one, what it saw."""
DONE, THROWN, DEADLOCK, ENDLESS = range(4)
WITHOUT_INDEX = frozenset(CELLS) - {"zeroedBase", "scav.chunks", "pageInUse", "pageMarks", "mspan.sweepgen", "spans"}
"""There is one of each of these."""
TAKES_OLD = frozenset({"compare_and_swap"})
TAKES_NEW = frozenset({"store", "compare_and_swap", "and8", "or8"})
SEES_NOTHING = frozenset({"lock", "unlock"})
LONGEST_CYCLE = 6
"""Steps that are told once, if they come again and again."""
FEWEST_FOLDED = 4
"""Lines that it must save."""
END = MASK


def number_of(name: str, index: Any) -> int:
    """The number of a cell, as the harness has it."""
    place: Any = index or 0
    if isinstance(place, tuple):  # an arena, and a byte of one of its bitmaps
        arena, byte = cast("tuple[int, int]", place)
        place = arena << 10 | byte
    return int((CELLS.index(name) + 1) << 48 | place)


def word_of(value: Any) -> int:
    """What a cell holds, as 64 bits: a span is its number, and a page of the index its one word."""
    if isinstance(value, Span):
        return value.number
    if isinstance(value, int):
        return int(value) & MASK
    return int(value.get(0, 0)) if value is not None else 0


@dataclass(frozen=True, slots=True)
class Told:
    """A schedule, as either side tells it."""

    ended: int
    results: tuple[tuple[int, ...], ...]
    words: tuple[int, ...]
    steps: tuple[int, ...]
    thrown: str = field(default="", compare=False)
    """What the throw says in which it ended, as far as that is known."""

    @property
    def choices(self) -> tuple[int, ...]:
        """Which thread took each step."""
        return self.steps[::STEP]


def end_said(told: Told) -> str:
    """How a schedule ended, in words: who did what after which step, if its steps were kept."""
    number, last = len(told.choices), told.choices[-1:]
    if told.ended == THROWN:
        what = f' "{told.thrown}"' if told.thrown else ""
        return f"T{last[0]} throws{what} after step {number:,}" if last else f"a throw{what}"
    if told.ended == DEADLOCK:
        return f"a deadlock{f' after step {number:,}' if last else ''}: threads wait, and none can go on"
    if told.ended == ENDLESS:
        return (
            f"no end: T{last[0]} still goes on after {number:,} steps" if last else "no end: a thread goes on for ever"
        )
    return "every thread comes to its end"


LEFT = {THROWN: "a throw", DEADLOCK: "a thread that is not at its end", DONE: "every thread at its end"}
"""What there is in the reference after the steps that Go took: it takes no others, so that some may be left."""


def difference(go: Told, ours: Told, words: Sequence[tuple[str, Any]] = ()) -> str:
    """Where the two differ first, or "" if they do not. words: those that a schedule tells of at its end."""
    if go == ours:
        return ""
    for place in range(0, max(len(go.steps), len(ours.steps)), STEP):
        a, b = go.steps[place : place + STEP], ours.steps[place : place + STEP]
        if a != b:
            return f"step {place // STEP + 1}: {step_said(a)} in Go, {step_said(b)} in the reference"
    if go.ended != ours.ended:
        return f"the end: {end_said(go)} in Go; after the same steps {LEFT[ours.ended]} in the reference"
    for thread, (mine, others) in enumerate(zip(go.results, ours.results, strict=True)):
        if mine != others:
            return f"what the calls of T{thread} give: {_numbers(mine)} in Go, {_numbers(others)} in the reference"
    for place, (mine_, other) in enumerate(zip(go.words, ours.words, strict=True)):
        if mine_ != other:
            name = cell_said(number_of(*words[place])) if words else f"word {place}"
            return f"{name} at the end: {mine_:#x} in Go, {other:#x} in the reference"
    return "they differ"


def _numbers(results: Sequence[int]) -> str:
    """Results of a thread's calls: two numbers of each."""
    pairs = zip(results[::2], results[1::2], strict=True)
    return ", ".join(f"({a:#x}, {b:#x})" for a, b in pairs) or "nothing"


def cell_said(cell: int) -> str:
    """A cell by its number, as Go calls it."""
    if not 0 < cell >> 48 <= len(CELLS):
        return "an unknown word"
    name = CELLS[(cell >> 48) - 1]
    return name if name in WITHOUT_INDEX else f"{name}[{cell & (1 << 48) - 1:#x}]"


def step_said(step: Sequence[int]) -> str:
    """A step in words. What means nothing for its kind is left out, unless it is something all the same."""
    if not step:
        return "nothing"
    thread, kind, cell, old, new, got = step
    name = next((name for name, number in KINDS.items() if number == kind >> 1), f"operation {kind >> 1}")
    known = name in KINDS
    values = (
        ("old", old, not known or name in TAKES_OLD),
        ("new", new, not known or name in TAKES_NEW),
        ("seen", got, name not in SEES_NOTHING),
    )
    said = "".join(f", {what} {value:#x}" for what, value, means in values if means or value)
    return f"T{thread} {name} of {cell_said(cell)}{said}{'' if kind & 1 else ' fails'}"


def steps_said(told: Sequence[int]) -> Iterator[str]:
    """All steps in words, each with its number; what comes again and again is told once, and how often."""
    steps = [tuple(told[place : place + STEP]) for place in range(0, len(told), STEP)]
    place = 0
    while place < len(steps):
        cycle, again = _cycle(steps, place)
        for number in range(place, place + cycle):
            yield f"{number + 1}: {step_said(steps[number])}"
        place += cycle * (1 + again)
        if again:
            what = "that step" if cycle == 1 else f"those {cycle} steps"
            yield f"... {what} {again:,} times more, up to step {place:,}"


def _cycle(steps: Sequence[tuple[int, ...]], place: int) -> tuple[int, int]:
    """(how many steps from here are a cycle, how often it comes again); (1, 0) if that would save little."""
    for length in range(1, LONGEST_CYCLE + 1):
        same = 0
        while place + same + length < len(steps) and steps[place + same] == steps[place + same + length]:
            same += 1
        if same // length * length >= FEWEST_FOLDED:
            return length, same // length
    return 1, 0
