"""Steps as both sides tell them: numbers for threads, kinds, cells and values, and where two schedules differ.

Read next: stepping.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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

    @property
    def choices(self) -> tuple[int, ...]:
        """Which thread took each step."""
        return self.steps[::STEP]


def difference(go: Told, ours: Told) -> str:
    """Where the two differ first, or "" if they do not."""
    if go == ours:
        return ""
    for place in range(0, max(len(go.steps), len(ours.steps)), STEP):
        a, b = go.steps[place : place + STEP], ours.steps[place : place + STEP]
        if a != b:
            return f"step {place // STEP + 1}: {step_said(a)} in Go, {step_said(b)} in the reference"
    for name in ("ended", "results", "words"):
        if getattr(go, name) != getattr(ours, name):
            return f"{name}: {getattr(go, name)} in Go, {getattr(ours, name)} in the reference"
    return "they differ"


def step_said(step: Sequence[int]) -> str:
    """A step in words."""
    if not step:
        return "nothing"
    thread, kind, cell, old, new, got = step
    name = next((name for name, number in KINDS.items() if number == kind >> 1), f"operation {kind >> 1}")
    where = (
        f"{CELLS[(cell >> 48) - 1]}[{cell & (1 << 48) - 1:#x}]" if 0 < cell >> 48 <= len(CELLS) else "an unknown word"
    )
    how = "" if kind & 1 else " fails"
    return f"T{thread} {name} of {where}, old {old:#x}, new {new:#x}, seen {got:#x}{how}"
