"""Hypothesis strategies for programs and interleavings. Public: use them in tests of your own.

An example is a program and a byte string. The bytes are read as schedules: who runs next, and how many steps until it
is preempted (`decisions`). The shortest string, no bytes at all, is "one thread after the other", so what Hypothesis
shrinks to is a small program with few switches. Read next: comparing/campaign.py.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from spanproof.checks.programs import (
    ALLOCATING,
    COLLECTING,
    Alloc,
    AllocManual,
    Collect,
    Drop,
    EnsureSwept,
    FreeManual,
    Idle,
    MallocLarge,
    MallocSmall,
    Op,
    Program,
    Reclaim,
    Scan,
    Scavenge,
    ScavengeAll,
    Sweep,
    Thread,
    Uncache,
)
from spanproof.checks.shapes import (
    ALIGNED_STACKS,
    BITMAP_GROUPS,
    BOTH_ENDS,
    EDGE,
    EIGHTFOLD,
    GROUPS,
    HALVES,
    LARGE_GROUPS,
    LARGE_STACKS,
    RANDOM,
    SPARSE,
)
from spanproof.model.geometry import BYTES, CACHED, CHUNKED, SMALL, WIDE, Geometry
from spanproof.model.releases import RELEASES, Release

LENGTHS = (1 << 30, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 19, 24, 30, 38, 48)
"""Steps until the next decision, by the low half of a byte; the first means: as far as it can go."""


def decisions(schedule: bytes, k: int) -> Iterator[tuple[int, int]]:
    """The k-th schedule that a byte string stands for: endless pairs (which of those that can go on, how many steps).

    The 0-th reads the bytes as they are and then runs one thread after the other; the others stir them.
    """
    n = len(schedule)
    i = 0
    while True:
        byte = schedule[i] if i < n else 0
        if k:
            mixed = (i + 1) * 0x9E3779B1 ^ k * 0x85EBCA6B ^ (schedule[i % n] if n else 0) * 0xC2B2AE35
            byte = (mixed ^ mixed >> 15) * 0x2545F491 >> 13 & 255
        yield byte >> 4, LENGTHS[byte & 15]
        i += 1


def _edge(geometry: Geometry, *, scavenges: bool) -> st.SearchStrategy[tuple[Op, ...]]:
    """A past that leaves the next allocation near the end of an arena, in dirty, scavenged or fresh memory."""
    pages = geometry.pages_per_arena
    nearly = st.integers(max(2, pages - 3), pages)
    filled = nearly.map(lambda n: (AllocManual(n),))
    dirtied = nearly.map(lambda n: (AllocManual(n), FreeManual(0)))
    both = nearly.map(lambda n: (AllocManual(n - 1), AllocManual(2), FreeManual(1)))
    returned = dirtied.map(lambda ops: (*ops, ScavengeAll()) if scavenges else ops)
    return st.one_of(st.just(()), st.just(()), filled, dirtied, both, returned)


def _ops(geometry: Geometry, *, collects: bool, scavenges: bool) -> st.SearchStrategy[Op]:
    npages = st.integers(1, max(3, geometry.pages_per_arena // 2))
    few = st.integers(1, 3)
    nth = st.integers(0, 2)
    ops: list[st.SearchStrategy[Op]] = [
        st.builds(MallocLarge, npages, st.booleans(), st.booleans()),
        st.builds(MallocLarge, few),
        st.builds(AllocManual, npages),
        st.builds(FreeManual, nth),
        st.builds(MallocSmall, few),
        st.builds(Alloc, few, st.booleans()),
        st.builds(Drop, nth),
    ]
    if scavenges:
        ops += [st.just(Idle()), st.builds(Scavenge, few), st.just(ScavengeAll())]
    if collects:
        ops += [st.builds(Reclaim, few), st.just(Sweep()), st.just(Sweep()), st.builds(Uncache, nth)]
        ops += [
            st.builds(EnsureSwept, nth),
            st.just(Collect()),
            st.builds(Scan, st.integers(0, geometry.pages_per_arena)),
        ]
    return st.one_of(ops)


def _sweeping() -> st.SearchStrategy[Op]:
    """What meets at spans that are not swept yet."""
    few = st.integers(1, 3)
    return st.one_of(
        st.just(Sweep()),
        st.builds(Reclaim, few),
        st.builds(MallocLarge, few),
        st.builds(AllocManual, few),
        st.builds(EnsureSwept, st.just(0)),
    )


_GARBAGE: tuple[tuple[Op, ...], ...] = (
    (MallocLarge(1), Drop(0), Collect()),
    (MallocLarge(1), MallocLarge(1), Drop(1), Collect()),
    (MallocLarge(1), Drop(0), MallocLarge(1), Drop(1), Collect()),
    (MallocLarge(1), Drop(0), MallocLarge(2), Drop(1), Collect()),
)
"""Pasts that end with a collection: spans in use, dirty, unmarked and unswept."""


def _one_cycle(ops: tuple[Op, ...], allowed: int) -> tuple[tuple[Op, ...], int]:
    """The operations with no more collections than allowed: (they, how many are still allowed)."""
    kept: list[Op] = []
    for op in ops:
        if isinstance(op, COLLECTING):
            if allowed == 0:
                continue
            allowed -= 1
        kept.append(op)
    return tuple(kept), allowed


def _tame(threads: list[Thread]) -> tuple[Thread, ...]:
    """Keep the rules that Go's own callers keep: a cached span is given back between two collections."""
    every = [op for thread in threads for op in (*thread.before, *thread.ops)]
    allowed = 1 if any(isinstance(op, MallocSmall) for op in every) else 2
    tamed: list[Thread] = []
    for thread in threads:
        before, allowed = _one_cycle(thread.before, allowed)
        tamed.append(replace(thread, before=before))
    for n, thread in enumerate(tamed):
        ops, allowed = _one_cycle(thread.ops, allowed)
        tamed[n] = replace(thread, ops=ops or (MallocLarge(1),))
    return tuple(tamed)


def _one_collector(threads: tuple[Thread, ...]) -> tuple[Thread, ...]:
    """Where a thread marks beside the program nobody else collects."""
    marks = next((n for n, thread in enumerate(threads) if any(isinstance(op, Scan) for op in thread.ops)), None)
    if marks is None:
        return threads
    kept = [thread.ops if n == marks else _one_cycle(thread.ops, 0)[0] for n, thread in enumerate(threads)]
    return tuple(replace(thread, ops=ops or (MallocLarge(1),)) for thread, ops in zip(threads, kept, strict=True))


SHAPES = (
    BYTES, SMALL, CHUNKED, BYTES, SMALL, CHUNKED, CACHED, CACHED, CACHED,
    WIDE, GROUPS, LARGE_GROUPS, EIGHTFOLD, HALVES, SPARSE, BITMAP_GROUPS, EDGE, BOTH_ENDS, RANDOM,
    ALIGNED_STACKS, LARGE_STACKS,
)  # fmt: skip
"""Many programs are on plain heaps."""
PAGES_OF_A_CACHE = 4
"""With blocks of so many pages or fewer a page cache never gives one."""


def _limits(geometry: Geometry) -> st.SearchStrategy[dict[str, Any]]:
    """The limits that make allocations scavenge, mostly none."""
    nbytes = st.integers(1, geometry.pages_per_arena).map(lambda pages: pages * geometry.page_size)
    limits = st.fixed_dictionaries({}, optional={"memory_limit": nbytes, "gc_percent_goal": nbytes})
    return st.one_of(st.just(dict[str, Any]()), limits)


MOST_MAPPINGS = 16
"""A growth asks for memory up to seven times, so a refusal comes somewhere in the first three."""


def _system(geometry: Geometry, release: Release) -> st.SearchStrategy[dict[str, Any]]:
    """How the system behaves, mostly well. Where scavenged memory is taken for zero it is zero (see the findings)."""
    behaves = [st.just(dict[str, Any]()) for _ in range(6)]  # the same strategy six times would count once
    refuses = [st.integers(0, 2).map(lambda n: {"reservations": n})]
    if not geometry.heap_rand_seed:
        refuses.append(st.integers(0, MOST_MAPPINGS).map(lambda n: {"mappings": n}))
    if not release.scavenged_is_zero:
        refuses.append(st.just({"unused_zeroes": False}))
    return st.one_of(*behaves, *refuses)


def _lived(threads: tuple[Thread, ...]) -> tuple[Thread, ...]:
    """Threads whose past is a part of what they do: where memory may be refused, a past may not come to its end."""
    return tuple(Thread((*thread.before, *thread.ops)) for thread in threads)


def _may_fail_before(switches: Mapping[str, Any]) -> bool:
    """Whether the system may refuse already what the past of a thread asks for."""
    return "mappings" in switches or switches.get("reservations") == 0


@st.composite
def programs(
    draw: st.DrawFn, releases: tuple[Release, ...] = RELEASES, threads: tuple[int, int] = (2, 3), most_ops: int = 3
) -> Program:
    """Programs of `threads[0]` to `threads[1]` threads with up to most_ops operations each, on the small geometries.

    From three threads on each has one operation less: what they can do together grows fast.
    """
    geometry = draw(st.sampled_from(SHAPES))
    ps = geometry.pages_per_block > PAGES_OF_A_CACHE
    collects = geometry.pages_per_arena % 8 == 0
    garbage = draw(st.booleans()) if collects else False
    kinds = _sweeping() if garbage and draw(st.booleans()) else _ops(geometry, collects=collects, scavenges=ps)
    past = st.sampled_from(_GARBAGE) if garbage else _edge(geometry, scavenges=ps)
    count = draw(st.integers(*threads))
    drawn: list[Thread] = []
    for n in range(count):
        ops = draw(st.lists(kinds, min_size=1, max_size=most_ops if count < 3 else max(1, most_ops - 1)))
        drawn.append(Thread(tuple(ops), draw(past) if n == 0 else ()))
    if geometry.heap_rand_seed:
        # Go's first growth is small; a large one fails (see the findings).
        drawn[0] = replace(drawn[0], before=(AllocManual(1), *drawn[0].before))
    aligned = geometry in (ALIGNED_STACKS, LARGE_STACKS)
    if aligned:
        # Before the heap has grown aligned stacks fail in Go (see the findings).
        drawn[0] = replace(drawn[0], before=(MallocLarge(1), *drawn[0].before))
    release = draw(st.sampled_from(releases[::-1]))
    switches = draw(_limits(geometry)) if ps else {}
    switches |= {"aligned_stacks": True} if aligned else draw(_system(geometry, release))
    tamed = _lived(_tame(drawn)) if _may_fail_before(switches) else _tame(drawn)
    return Program(_one_collector(tamed), geometry, release, tracing=draw(st.booleans()), ps=ps, **switches)


def schedules() -> st.SearchStrategy[bytes]:
    """Byte strings that `decisions` reads as schedules."""
    return st.binary(max_size=40)


def size(program: Program) -> int:
    """How many operations run interleaved, allocations counted twice: a guess at how many states there are."""
    return sum(2 if isinstance(op, ALLOCATING) else 1 for thread in program.threads for op in thread.ops)
