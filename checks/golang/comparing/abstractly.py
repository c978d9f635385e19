"""The abstract page allocator beside Go's own text: results alone, many calls a second.

What the reference is compared with in full (compare.py) is here left out: only the model says, of sets of pages, what
Go must give. Read next: ../interleaving/interleave.py.
"""

import random
import time
from dataclasses import dataclass, field, replace

import numpy as np

from spanproof.checks.comparing.living import MOST_TOLD
from spanproof.checks.golang.comparing.compare import AGREES, Compared, GoSide, Hurry, programmed
from spanproof.checks.golang.extracted.driving import ANSWER, CODE, OPS, REQUEST, DiedError
from spanproof.checks.golang.reading.patches import told
from spanproof.checks.golang.reading.toolchains import Toolchain
from spanproof.checks.record import Record, Violated
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.geometry import GO_AMD64
from spanproof.model.pages import AbstractPages
from spanproof.model.words import lowest_run, run_of_ones

COMMANDS = 200_000
LENGTH = 20_000
"""Calls on one heap."""
CHUNKS = 3
CACHES = 4
SIZES = (1, 1, 1, 1, 2, 2, 3, 4, 5, 8, 13, 16, 32, 70)
"""Pages of an allocation."""
CACHED = (1, 1, 1, 2, 4, 16)
PAGE, BASE, CHUNK = GO_AMD64.page_size, GO_AMD64.heap_base, GO_AMD64.chunk_size
RESULTS = ["status", "r0", "r1", "r2"]
KNOWN = ("alloc", "free", "refill", "cache_alloc", "flush")
"""What the abstract allocator is asked here, by the names that histories have for it."""


@dataclass(slots=True)
class Drawn:
    """Calls, and what the abstract allocator says of them."""

    seed: int
    requests: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])
    expected: list[tuple[int, int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int, int]])

    def say(self, op: str, a: int = 0, b: int = 0, answer: tuple[int, int, int] = (0, 0, 0)) -> None:
        """A call, and its answer."""
        self.requests.append((CODE[op], a, b, 0))
        self.expected.append((0, *answer, 0))


def drawn(seed: int, calls: int) -> Drawn:
    """So many calls on one heap, the same for the same seed."""
    found, model, rng = Drawn(seed), AbstractPages(GO_AMD64.pages_per_block), random.Random(seed)  # noqa: S311  # a seed gives the calls again
    found.say("new", GO_AMD64.phys_page_size, GO_AMD64.phys_huge_page_size)
    found.say("grow", BASE, CHUNKS * CHUNK)
    model.grow(0, CHUNKS * GO_AMD64.pages_per_chunk)
    live, caches = list[tuple[int, int]](), [(-1, 0, 0)] * CACHES
    while len(found.requests) < calls:
        which, k = rng.random(), rng.randrange(CACHES)
        if which < 0.42:  # how often each is drawn
            _alloc(found, model, rng.choice(SIZES), live)
        elif which < 0.8 and live:
            place = rng.randrange(len(live))
            live[place], live[-1] = live[-1], live[place]
            page, npages = live.pop()
            model.free(page, npages)
            found.say("free", BASE + page * PAGE, npages)
        elif caches[k][1]:
            caches[k] = _from_cache(found, model, k, caches[k], rng.choice(CACHED), live, flush=which > 0.98)
        else:
            first, mine, scav = caches[k] = model.to_cache()
            found.say("to_cache", k, 0, (0 if first < 0 else BASE + first * PAGE, mine, scav))
    return found


def _alloc(found: Drawn, model: AbstractPages, npages: int, live: list[tuple[int, int]]) -> None:
    page, scav = model.alloc(npages)
    if page >= 0:
        live.append((page, npages))
    found.say("alloc", npages, 0, (BASE + page * PAGE if page >= 0 else 0, scav * PAGE, 0))


def _from_cache(
    found: Drawn, model: AbstractPages, k: int, cache: tuple[int, int, int], npages: int,
    live: list[tuple[int, int]], *, flush: bool,
) -> tuple[int, int, int]:  # fmt: skip
    """Pages of a cache, or all of them back: what is left."""
    first, mine, scav = cache
    if flush:
        model.flush(first, mine, scav)
        found.say("flush", k)
        return -1, 0, 0
    place = lowest_run(mine, npages)
    if place < 0:
        found.say("cache_alloc", k, npages)
        return cache
    run = run_of_ones(place, npages)
    live.append((first + place, npages))
    found.say("cache_alloc", k, npages, (BASE + (first + place) * PAGE, (scav & run).bit_count() * PAGE, 0))
    return first, mine & ~run, scav & ~run


def judge_abstractly(toolchain: Toolchain, seed: int, commands: int, hurry: Hurry) -> Compared:
    """Compare the results of so many calls.

    Raises:
        GoError: its text cannot be read or built.

    """
    side, name = GoSide(programmed(toolchain), toolchain.release), f"abstract {toolchain.version}"
    started, done, stopped, heaps = time.perf_counter(), 0, "", 0
    wrong: Wrong | None = None
    while done < commands and wrong is None:
        stopped = hurry(done) or ""
        if stopped:
            break
        found = drawn(seed * 1_000_003 + heaps, min(LENGTH, commands - done))
        wrong = _differs(found, side)
        done, heaps = done + len(found.requests), heaps + 1
    side.driven.end()
    seconds = time.perf_counter() - started
    counts = {"calls": done, "histories": heaps, "differences": int(wrong is not None)}
    if wrong is not None:
        record = _record(name, toolchain, wrong)
        reason = f"{AGREES[0]}: {wrong.said}"
        return Compared(Result("go", name, Verdict.VIOLATED, reason, f"heap {heaps:,}", (), seconds, counts), record)
    bound = f"results of {done:,} calls on {heaps:,} heaps, {done / max(seconds, 1e-9):,.0f} a second, seed {seed}"
    verdict = Verdict.UNKNOWN if stopped or not done else Verdict.HOLDS
    premises = ("one thread", "an abstract page allocator: first fit by address, on sets of pages (model/pages.py)")
    return Compared(Result("go", name, verdict, stopped, bound, premises, seconds, counts))


def with_worth(compared: Compared, toolchain: Toolchain, seed: int, hurry: Hurry) -> Compared:
    """Where a history differs from the reference's, tell too whether the results of Go alone are wrong.

    The record is that of the difference, which is much shorter, and says so too.

    Raises:
        GoError: its text cannot be read or built.

    """
    if compared.record is None:
        return compared
    said, counts = _worth(str(compared.record.program["calls"][-1][0]), toolchain, seed, hurry)
    result = compared.result
    told_too = replace(result, reason=f"{result.reason}; {said}", counts={**result.counts, **counts})
    worth = said.removeprefix("and ").removeprefix("what it is worth was ")
    return Compared(told_too, replace(compared.record, why=worth))


def _worth(call: str, toolchain: Toolchain, seed: int, hurry: Hurry) -> tuple[str, dict[str, int]]:
    """What a difference in this call is worth: in words, and in numbers."""
    unjudged = "what it is worth was not judged"
    if call not in KNOWN:
        return f"{unjudged}: the abstract allocator does not know {call}", {}
    alone = judge_abstractly(toolchain, seed, COMMANDS, hurry)
    calls = {"calls_alone": alone.result.counts["calls"]}
    if alone.record is not None:
        detail = alone.record.violated.detail
        return f"and Go alone gives what the abstract allocator does not: {detail}", {**calls, "results_wrong": 1}
    if alone.result.verdict is not Verdict.HOLDS:
        return f"{unjudged}: {alone.result.reason}", calls
    said = "a difference, and no harm seen: the results of Go alone are those of the abstract allocator in "
    return f"{said}{calls['calls_alone']:,} calls ({', '.join(KNOWN)})", {**calls, "results_wrong": 0}


@dataclass(frozen=True, slots=True)
class Wrong:
    """A call whose results differ."""

    seed: int
    """Of the heap."""
    calls: tuple[tuple[str, int, int], ...]
    """Up to that one."""
    said: str


def _differs(found: Drawn, side: GoSide) -> Wrong | None:
    """The first call whose results differ."""
    try:
        answers = side.driven.batch(np.array(found.requests, REQUEST))
    except DiedError as e:
        side.again()
        return Wrong(found.seed, _calls(found, len(found.requests)), f"Go's side is gone: {e}")
    expected = np.array(found.expected, ANSWER)
    wrong = np.zeros(len(answers), bool)
    for column in RESULTS:
        wrong |= answers[column] != expected[column]
    # What a flushed cache says of itself is no result of the abstract allocator.
    wrong &= np.array(found.requests)[:, 0] != CODE["flush"]
    places = np.flatnonzero(wrong)
    if not len(places):
        return None
    place = int(places[0])
    op, a, b, _ = found.requests[place]
    gives = [", ".join(f"{int(each[place][r]):#x}" for r in RESULTS[1:]) for each in (answers, expected)]
    said = f"call {place}, {OPS[op - 1]}({a:#x}, {b:#x}): Go gives {gives[0]}, the abstract allocator {gives[1]}"
    return Wrong(found.seed, _calls(found, place + 1), said)


def _calls(found: Drawn, many: int) -> tuple[tuple[str, int, int], ...]:
    return tuple((OPS[op - 1], a, b) for op, a, b, _ in found.requests[:many])


def replay_abstract(record: Record, toolchain: Toolchain) -> Record | None:
    """The record once more, or None if nothing differs.

    Raises:
        GoError: the toolchain's text cannot be read or built.
        KeyError, TypeError, ValueError: the record is damaged.

    """
    found = drawn(int(record.program["seed"]), len(record.program["calls"]))
    side = GoSide(programmed(toolchain), toolchain.release)
    wrong = _differs(found, side)
    side.driven.end()
    return None if wrong is None else _record(record.name, toolchain, wrong)


def _record(name: str, toolchain: Toolchain, wrong: Wrong) -> Record:
    story = [f"{n}: {op}({a:#x}, {b:#x})" for n, (op, a, b) in enumerate(wrong.calls)]
    return Record(
        kind="go history",
        name=name,
        release=toolchain.release.name,
        violated=Violated(*AGREES, wrong.said),
        program={
            "seed": wrong.seed,
            "calls": [list(call) for call in wrong.calls],
            **told(toolchain),
        },
        trace={"story": [f"{CHUNKS} chunks at {BASE:#x}, beside {toolchain.version}", *story[-MOST_TOLD:]]},
    )
