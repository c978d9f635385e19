"""The catalogue: small programs whose interleavings are all searched, each with what must come out.

A scenario says what it is for, its expected verdict, its exact number of states, and the sentinels that must fire. The
counts are those of the reference heap on the scenario's own release; tests/checks holds a second explorer against them.
"""

from dataclasses import dataclass

from spanproof.checks.programs import (
    Alloc,
    AllocManual,
    Collect,
    Drop,
    EnsureSwept,
    FreeManual,
    MallocLarge,
    MallocSmall,
    Op,
    Program,
    Reclaim,
    Sweep,
    Thread,
    Uncache,
)
from spanproof.checks.verdict import Verdict
from spanproof.model.geometry import BYTES, CHUNKED, SMALL, Geometry
from spanproof.model.releases import row

FAILED_CAS = "a compare-and-swap of zeroedBase failed"
CROSSING = "a region crossed an arena"
REUSE = "memory below zeroedBase was used again"
LAST_PAGE = "exactly the last page below zeroedBase was used again"
FRESH = "memory above zeroedBase was used"
LOST_RACE = "a sweep race was lost"
SWEPT_FREE = "a span was swept free"
STAYED = "a marked span was swept and stayed"
RECLAIMED = "reclaim_chunk freed pages"
CREDIT = "reclaim took credit"
GREW = "the heap grew"
NO_MEMORY = "memory ran out"
STOPPED = "the world was stopped"
STALE = "a stale cached span was taken back"
TRACED = "the tracer was told"

OLD_SPAN = (MallocLarge(1), Drop(0), Collect())
"""One span of one page, in use, dirty, unmarked and not yet swept."""
OLD_SPANS = (MallocLarge(1), Drop(0), MallocLarge(1), Drop(1), Collect())
"""Two of them, side by side."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A program with what must come out."""

    name: str
    says: str
    program: Program
    states: int
    sentinels: tuple[str, ...]
    expected: Verdict = Verdict.HOLDS


def _scenario(
    name: str, says: str, release: str, geometry: Geometry, threads: tuple[Thread, ...], states: int,
    sentinels: tuple[str, ...], *, tracing: bool = False,
) -> Scenario:  # fmt: skip
    return Scenario(name, says, Program(threads, geometry, row(release), tracing), states, sentinels)


def _thread(*ops: Op, before: tuple[Op, ...] = ()) -> Thread:
    return Thread(ops, before)


SCENARIOS = (
    _scenario(
        "two_allocs_one_arena", "two threads take neighbouring pages of one arena and race for its zeroedBase",
        "go1.16", SMALL, (_thread(MallocLarge(1)), _thread(MallocLarge(1))), 2_634, (FAILED_CAS, FRESH),
    ),
    _scenario(
        "region_across_arenas", "a region crosses from one arena into the next while another thread takes pages beside it",
        "go1.16", SMALL, (_thread(MallocLarge(3)), _thread(AllocManual(3))), 2_973, (CROSSING, GREW, FAILED_CAS),
    ),
    _scenario(
        "two_arenas_three_threads", "three threads fill two arenas, one region crossing the border",
        "go1.27", SMALL, (_thread(AllocManual(3)), _thread(AllocManual(2)), _thread(AllocManual(2))), 94_626, (CROSSING, FAILED_CAS, GREW),
    ),
    _scenario(
        "dirty_and_fresh", "a region begins in dirty memory of one arena and ends in fresh memory of the next",
        "go1.16", SMALL, (_thread(AllocManual(2), before=(AllocManual(4), FreeManual(0))), _thread(MallocLarge(3))), 2_397,
        (CROSSING, REUSE),
    ),
    _scenario(
        "last_page_below_zeroed_base", "exactly the last page below zeroedBase is used again while the page above it is taken",
        "go1.15", SMALL,
        (_thread(MallocLarge(1), before=(AllocManual(1), AllocManual(1), FreeManual(1))), _thread(MallocLarge(1))), 2_200,
        (LAST_PAGE, FRESH),
    ),
    _scenario(
        "free_against_alloc", "a manual span is freed while a large object is allocated",
        "go1.14", SMALL, (_thread(MallocLarge(2)), _thread(AllocManual(1), FreeManual(0))), 2_983, (REUSE, FAILED_CAS),
    ),
    _scenario(
        "manual_against_heap", "stacks and heap objects take over each other's pages",
        "go1.16", SMALL,
        (_thread(AllocManual(1), FreeManual(0), MallocLarge(1)), _thread(AllocManual(2), FreeManual(0), MallocLarge(1))), 26_704,
        (REUSE, FAILED_CAS, FRESH),
    ),
    _scenario(
        "needzero_false", "a caller that needs no zero takes dirty pages beside one that needs zero",
        "go1.16", SMALL,
        (_thread(Alloc(1, needzero=False), before=(AllocManual(2), FreeManual(0))), _thread(AllocManual(1), FreeManual(0), Alloc(1, needzero=True))),
        6_077, (REUSE,),
    ),
    _scenario(
        "cleared_late", "Go 1.17: memory without pointers is cleared by the caller of alloc, other memory by alloc",
        "go1.17", SMALL,
        (
            _thread(MallocLarge(1, noscan=True), before=(AllocManual(3), FreeManual(0))),
            _thread(MallocLarge(1, noscan=False), AllocManual(1), FreeManual(1)),
        ), 6_570, (REUSE,),
    ),
    _scenario(
        "caller_clears", "Go 1.18 and later: malloc_large looks at span.needzero",
        "go1.21", SMALL,
        (_thread(MallocLarge(1), before=(AllocManual(2), FreeManual(0))), _thread(AllocManual(1), FreeManual(0), MallocLarge(2))), 7_831,
        (REUSE, FRESH),
    ),
    _scenario(
        "scavenged_is_zero", "Go 1.26 and later: wholly scavenged spans keep needzero = 0 beside spans that are dirty",
        "go1.26", SMALL,
        (_thread(MallocLarge(2), AllocManual(1), before=(AllocManual(1), FreeManual(0))), _thread(MallocLarge(1), MallocSmall(1))), 18_897,
        (REUSE, FRESH, FAILED_CAS),
    ),
    _scenario(
        "memory_runs_out", "more is asked for than there is, and one thread gets nil",
        "go1.24", SMALL, (_thread(AllocManual(5), FreeManual(0)), _thread(MallocLarge(4), AllocManual(1))), 2_260, (NO_MEMORY, CROSSING),
    ),
    _scenario(
        "chunk_by_chunk", "an arena is given to the page allocator chunk by chunk",
        "go1.25", CHUNKED, (_thread(MallocLarge(3), AllocManual(3)), _thread(MallocLarge(6))), 14_408, (GREW, FAILED_CAS),
    ),
    _scenario(
        "alloc_against_sweeper", "an allocation reclaims while the background sweeper works on the same spans",
        "go1.14", BYTES, (_thread(MallocLarge(1), before=OLD_SPANS), _thread(Sweep())), 8_119, (LOST_RACE, SWEPT_FREE, RECLAIMED, REUSE),
    ),
    _scenario(
        "reclaim_against_sweeper", "Go 1.17: reclaim and the background sweeper count themselves as sweepers",
        "go1.17", BYTES, (_thread(Reclaim(1), MallocLarge(1), before=OLD_SPANS), _thread(Sweep())), 8_841,
        (LOST_RACE, SWEPT_FREE, RECLAIMED, CREDIT),
    ),
    _scenario(
        "reclaim_against_reclaim", "two threads claim chunks, and the second finds what the first left",
        "go1.18", BYTES, (_thread(Reclaim(1), AllocManual(1), before=OLD_SPANS), _thread(Reclaim(1), MallocLarge(1))), 12_046,
        (SWEPT_FREE, RECLAIMED, CREDIT),
    ),
    _scenario(
        "reclaim_against_reuse", "while reclaim has the lock down, the sweeper frees its next span and the page is used again",
        "go1.16", BYTES, (_thread(Reclaim(1), before=OLD_SPANS), _thread(Sweep(), AllocManual(1))), 4_557,
        (LOST_RACE, RECLAIMED, REUSE),
    ),
    _scenario(
        "traced_reclaim", "reclaim tells the execution tracer, and drops the lock for it",
        "go1.22", BYTES, (_thread(Reclaim(1), before=OLD_SPAN), _thread(MallocLarge(1))), 3_102, (TRACED, RECLAIMED), tracing=True,
    ),
    _scenario(
        "ensure_swept_against_sweeper", "a thread that needs its span swept meets the sweeper at the same span",
        "go1.27", BYTES,
        (_thread(EnsureSwept(0), AllocManual(1), before=(MallocLarge(1),)), _thread(Sweep(), before=(MallocLarge(1), Drop(0), Collect()))),
        3_803, (LOST_RACE, STAYED, SWEPT_FREE),
    ),
    _scenario(
        "cycle_in_the_middle", "a collection between two allocations, with garbage and a live object, beside another thread",
        "go1.27", BYTES, (_thread(Drop(0), Collect(), MallocLarge(1), before=(MallocLarge(1), MallocLarge(1))), _thread(MallocLarge(1))), 10_699,
        (STOPPED, SWEPT_FREE, REUSE),
    ),
    _scenario(
        "two_cycles", "a cycle begins while spans of the last one are unswept, beside the background sweeper",
        "go1.27", BYTES, (_thread(Collect(), MallocLarge(1), before=(MallocLarge(1), *OLD_SPANS)), _thread(Sweep())), 3_234,
        (STOPPED, SWEPT_FREE, STAYED),
    ),
    _scenario(
        "cached_across_a_cycle", "a span is cached when a collection begins, and taken back stale",
        "go1.16", BYTES, (_thread(Collect(), Sweep(), before=(MallocSmall(1),)), _thread(Drop(0), Uncache(0), before=(MallocSmall(1),))), 643,
        (STOPPED, STALE),
    ),
    _scenario(
        "three_threads_reuse", "stacks come and go beneath a large object",
        "go1.16", SMALL,
        (_thread(AllocManual(1), FreeManual(0)), _thread(AllocManual(2), FreeManual(0)), _thread(MallocLarge(1))), 348_977,
        (REUSE, FRESH, FAILED_CAS),
    ),
    _scenario(
        "sweeper_reclaimer_allocator", "the background sweeper, a reclaiming allocation and a plain one",
        "go1.27", BYTES,
        (_thread(MallocLarge(1), before=OLD_SPANS), _thread(Sweep()), _thread(AllocManual(1))), 555_684,
        (LOST_RACE, SWEPT_FREE, RECLAIMED, REUSE),
    ),
    _scenario(
        "sweeper_and_two_allocs", "two allocations, one reclaiming, and the background sweeper of the seed's release",
        "go1.16", BYTES,
        (_thread(MallocLarge(1), before=OLD_SPANS), _thread(Sweep()), _thread(MallocLarge(2))), 1_198_748,
        (LOST_RACE, SWEPT_FREE, RECLAIMED, REUSE, FAILED_CAS),
    ),
)  # fmt: skip

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
