"""The catalogue: small programs whose interleavings are all searched, each with what must come out.

A scenario says what it is for, its expected verdict, its exact number of states, and the sentinels that must fire. The
counts are those of the reference heap on the scenario's own release; tests/checks holds a second explorer against them.
"""

from spanproof.checks.environment_scenarios import ENVIRONMENT_SCENARIOS
from spanproof.checks.page_scenarios import PAGE_SCENARIOS
from spanproof.checks.programs import (
    Alloc,
    AllocManual,
    Collect,
    Drop,
    EnsureSwept,
    FreeManual,
    MallocLarge,
    MallocSmall,
    Reclaim,
    Scan,
    Sweep,
    Uncache,
)
from spanproof.checks.scenario import scenario, thread
from spanproof.checks.shapes import TWO_BYTES, WRAPPING
from spanproof.model.claim import FINDINGS
from spanproof.model.geometry import BYTES, CHUNKED, SMALL

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
LED = "a word led to a span"
ASTRAY = "a word led to no span"

OLD_SPAN = (MallocLarge(1), Drop(0), Collect())
"""One span of one page, in use, dirty, unmarked and not yet swept."""
OLD_SPANS = (MallocLarge(1), Drop(0), MallocLarge(1), Drop(1), Collect())
"""Two of them, side by side."""


_ENSURING = (
    thread(EnsureSwept(0), AllocManual(1), before=(MallocLarge(1),)),
    thread(Sweep(), before=(MallocLarge(1), Drop(0), Collect())),
)
"""One thread needs its span swept, the other sweeps in the background."""
SPAN_SCENARIOS = (
    scenario(
        "two_allocs_one_arena", "two threads take neighbouring pages of one arena and race for its zeroedBase",
        "go1.16", SMALL, (thread(MallocLarge(1)), thread(MallocLarge(1))), 3_260, (FAILED_CAS, FRESH),
    ),
    scenario(
        "region_across_arenas", "a region crosses from one arena into the next while another thread takes pages beside it",
        "go1.16", SMALL, (thread(MallocLarge(3)), thread(AllocManual(3))), 3_779, (CROSSING, GREW, FAILED_CAS),
    ),
    scenario(
        "two_arenas_three_threads", "three threads fill two arenas, one region crossing the border",
        "go1.27", SMALL, (thread(AllocManual(3)), thread(AllocManual(2)), thread(AllocManual(2))), 137_411, (CROSSING, FAILED_CAS, GREW),
    ),
    scenario(
        "dirty_and_fresh", "a region begins in dirty memory of one arena and ends in fresh memory of the next",
        "go1.16", SMALL, (thread(AllocManual(2), before=(AllocManual(4), FreeManual(0))), thread(MallocLarge(3))), 2_774,
        (CROSSING, REUSE),
    ),
    scenario(
        "last_page_below_zeroed_base", "exactly the last page below zeroedBase is used again while the page above it is taken",
        "go1.15", SMALL,
        (thread(MallocLarge(1), before=(AllocManual(1), AllocManual(1), FreeManual(1))), thread(MallocLarge(1))), 2_456,
        (LAST_PAGE, FRESH),
    ),
    scenario(
        "free_against_alloc", "a manual span is freed while a large object is allocated",
        "go1.14", SMALL, (thread(MallocLarge(2)), thread(AllocManual(1), FreeManual(0))), 3_751, (REUSE, FAILED_CAS),
    ),
    scenario(
        "manual_against_heap", "stacks and heap objects take over each other's pages",
        "go1.16", SMALL,
        (thread(AllocManual(1), FreeManual(0), MallocLarge(1)), thread(AllocManual(2), FreeManual(0), MallocLarge(1))), 30_045,
        (REUSE, FAILED_CAS, FRESH),
    ),
    scenario(
        "needzero_false", "a caller that needs no zero takes dirty pages beside one that needs zero",
        "go1.16", SMALL,
        (thread(Alloc(1, needzero=False), before=(AllocManual(2), FreeManual(0))), thread(AllocManual(1), FreeManual(0), Alloc(1, needzero=True))),
        6_522, (REUSE,),
    ),
    scenario(
        "cleared_late", "Go 1.17: memory without pointers is cleared by the caller of alloc, other memory by alloc",
        "go1.17", SMALL,
        (
            thread(MallocLarge(1, noscan=True), before=(AllocManual(3), FreeManual(0))),
            thread(MallocLarge(1, noscan=False), AllocManual(1), FreeManual(1)),
        ), 7_050, (REUSE,),
    ),
    scenario(
        "caller_clears", "Go 1.18 and later: malloc_large looks at span.needzero",
        "go1.21", SMALL,
        (thread(MallocLarge(1), before=(AllocManual(2), FreeManual(0))), thread(AllocManual(1), FreeManual(0), MallocLarge(2))), 8_577,
        (REUSE, FRESH),
    ),
    scenario(
        "scavenged_is_zero", "Go 1.26 and later: wholly scavenged spans keep needzero = 0 beside spans that are dirty",
        "go1.26", SMALL,
        (thread(MallocLarge(2), AllocManual(1), before=(AllocManual(1), FreeManual(0))), thread(MallocLarge(1), MallocSmall(1))), 23_055,
        (REUSE, FRESH, FAILED_CAS),
    ),
    scenario(
        "memory_runs_out", "more is asked for than there is, and one thread gets nil",
        "go1.24", SMALL, (thread(AllocManual(5), FreeManual(0)), thread(MallocLarge(4), AllocManual(1))), 2_706, (NO_MEMORY, CROSSING),
    ),
    scenario(
        "chunk_by_chunk", "an arena is given to the page allocator chunk by chunk",
        "go1.25", CHUNKED, (thread(MallocLarge(3), AllocManual(3)), thread(MallocLarge(6))), 17_004, (GREW, FAILED_CAS),
    ),
    scenario(
        "alloc_against_sweeper", "an allocation reclaims while the background sweeper works on the same spans",
        "go1.14", BYTES, (thread(MallocLarge(1), before=OLD_SPANS), thread(Sweep())), 8_442, (LOST_RACE, SWEPT_FREE, RECLAIMED, REUSE),
    ),
    scenario(
        "reclaim_against_sweeper", "Go 1.17: reclaim and the background sweeper count themselves as sweepers",
        "go1.17", BYTES, (thread(Reclaim(1), MallocLarge(1), before=OLD_SPANS), thread(Sweep())), 9_135,
        (LOST_RACE, SWEPT_FREE, RECLAIMED, CREDIT),
    ),
    scenario(
        "reclaim_against_reclaim", "two threads claim chunks, and the second finds what the first left",
        "go1.18", BYTES, (thread(Reclaim(1), AllocManual(1), before=OLD_SPANS), thread(Reclaim(1), MallocLarge(1))), 13_333,
        (SWEPT_FREE, RECLAIMED, CREDIT),
    ),
    scenario(
        "reclaim_against_reuse", "while reclaim has the lock down, the sweeper frees its next span and the page is used again",
        "go1.16", BYTES, (thread(Reclaim(1), before=OLD_SPANS), thread(Sweep(), AllocManual(1))), 4_752,
        (LOST_RACE, RECLAIMED, REUSE),
    ),
    scenario(
        "reclaim_against_larger_reuse", "what reclaim and the sweeper freed is used again as one span, while reclaim looks at the same byte",
        "go1.16", BYTES, (thread(Reclaim(2), before=OLD_SPANS), thread(Sweep(), AllocManual(2))), 7_207,
        (LOST_RACE, RECLAIMED, REUSE),
    ),
    scenario(
        "spans_of_two_pages", "a span of two pages is reclaimed for one: the other page is credit for whoever comes next",
        "go1.27", BYTES, (thread(Reclaim(1), before=(MallocLarge(2), Drop(0), Collect())), thread(Reclaim(2))), 703, (RECLAIMED, CREDIT),
    ),
    scenario(
        "reclaimed_chunk_by_chunk", "more is wanted than the first chunk of the heap has, beside the background sweeper",
        "go1.27", BYTES, (thread(Reclaim(2), before=(AllocManual(7), MallocLarge(1), MallocLarge(1), Drop(1), Drop(2), Collect())), thread(Sweep())), 6_970,
        (RECLAIMED, LOST_RACE),
    ),
    scenario(
        "reclaimed_in_two_bytes", "the only span to reclaim begins in the second byte of its chunk's bitmap",
        "go1.27", TWO_BYTES, (thread(Reclaim(1), before=(AllocManual(8), MallocLarge(1), Drop(1), Collect())), thread(AllocManual(1))), 1_617, (RECLAIMED,),
    ),
    scenario(
        "traced_reclaim", "reclaim tells the execution tracer, and drops the lock for it",
        "go1.22", BYTES, (thread(Reclaim(1), before=OLD_SPAN), thread(MallocLarge(1))), 3_360, (TRACED, RECLAIMED), tracing=True,
    ),
    scenario(
        "ensure_swept_against_sweeper", "a thread that needs its span swept meets the sweeper at the same span",
        "go1.27", BYTES, _ENSURING, 4_063, (LOST_RACE, STAYED, SWEPT_FREE),
    ),
    scenario(
        "ensure_swept_before_1_17", "up to 1.16 a thread that needs its span swept sweeps it unless somebody else does",
        "go1.16", BYTES, _ENSURING, 2_445, (LOST_RACE, STAYED, SWEPT_FREE),
    ),
    scenario(
        "ensure_swept_on_1_17", "the same on 1.17, where who sweeps is counted",
        "go1.17", BYTES, _ENSURING, 2_603, (LOST_RACE, STAYED, SWEPT_FREE),
    ),
    scenario(
        "small_objects_in_no_memory", "small objects are allocated, and for one there is no memory",
        "go1.27", SMALL, (thread(MallocSmall(5), MallocSmall(1)), thread(MallocSmall(4))), 2_771, (NO_MEMORY, CROSSING),
    ),
    scenario(
        "cycle_in_the_middle", "a collection between two allocations, with garbage and a live object, beside another thread",
        "go1.27", BYTES, (thread(Drop(0), Collect(), MallocLarge(1), before=(MallocLarge(1), MallocLarge(1))), thread(MallocLarge(1))), 11_776,
        (STOPPED, SWEPT_FREE, REUSE),
    ),
    scenario(
        "two_cycles", "a cycle begins while spans of the last one are unswept, beside the background sweeper",
        "go1.27", BYTES, (thread(Collect(), MallocLarge(1), before=(MallocLarge(1), *OLD_SPANS)), thread(Sweep())), 3_297,
        (STOPPED, SWEPT_FREE, STAYED),
    ),
    scenario(
        "cached_across_a_cycle", "a span is cached when a collection begins, and taken back stale",
        "go1.16", BYTES, (thread(Collect(), Sweep(), before=(MallocSmall(1),)), thread(Drop(0), Uncache(0), before=(MallocSmall(1),))), 653,
        (STOPPED, STALE),
    ),
    scenario(
        "generation_wraps_around", "the same as two cycles, where the second begins with generation 0 after the last that a uint32 has",
        "go1.27", WRAPPING, (thread(Collect(), MallocLarge(1), before=(MallocLarge(1), *OLD_SPANS)), thread(Sweep())), 3_297,
        (STOPPED, SWEPT_FREE, STAYED),
    ),
    scenario(
        "cached_while_the_generation_wraps", "a span is cached before the generation is 0 again, and taken back stale after",
        "go1.16", WRAPPING, (thread(Collect(), Sweep(), before=(MallocSmall(1), Collect())), thread(Drop(0), Uncache(0), before=(MallocSmall(1),))), 668,
        (STOPPED, STALE),
    ),
    scenario(
        "cached_beside_the_sweeper", "an old span is reclaimed, and cached for small objects before the sweeper comes to it",
        "go1.14", BYTES, (thread(MallocSmall(1), before=OLD_SPAN), thread(Sweep())), 3_803, (LOST_RACE, SWEPT_FREE, RECLAIMED, REUSE),
    ),
    scenario(
        "cycle_beside_an_allocation", "a collection begins beside an allocation, and its garbage is taken at once",
        "go1.27", BYTES, (thread(Collect(), MallocLarge(1)), thread(MallocLarge(1))), 4_136, (STOPPED, FRESH),
    ),
    scenario(
        "done_beside_a_reclaimer", "Go 1.17: the background sweeper finds nothing left while another thread reclaims",
        "go1.17", BYTES, (thread(Reclaim(1), before=OLD_SPAN), thread(Sweep())), 1_043, (LOST_RACE, RECLAIMED),
    ),
    scenario(
        "reclaimer_is_waited_for", "Go 1.27: the same, and that sweeping is not done before the reclaimer's end is judged alone",
        "go1.27", BYTES, (thread(Reclaim(1), before=OLD_SPAN), thread(Sweep())), 1_635, (LOST_RACE, RECLAIMED), only="reclaimers_are_waited_for",
    ),
    scenario(
        "finding_done_beside_a_reclaimer", "the background sweeper says that sweeping is done while a reclaimer, whom nobody counts, sweeps",
        "go1.16", BYTES, (thread(Reclaim(1), before=OLD_SPAN), thread(Sweep())), 0, (), only="reclaimers_are_waited_for", finding=True,
    ),
    scenario(
        "cached_after_two_cycles", "a span is cached anew in the second collection, before the sweeper comes to its old entry",
        "go1.27", BYTES, (thread(MallocSmall(1), before=(*OLD_SPAN, Sweep(), MallocLarge(1), Drop(1), Collect())), thread(Sweep())), 5_375, (SWEPT_FREE,),
    ),
    scenario(
        "two_sweepers_on_1_16", "two threads sweep in the background, and both find the end of the list",
        "go1.16", BYTES, (thread(Sweep(), before=OLD_SPAN), thread(Sweep())), 569, (SWEPT_FREE,),
    ),
    scenario(
        "two_sweepers_on_1_17", "the same where sweepers are counted",
        "go1.17", BYTES, (thread(Sweep(), before=OLD_SPAN), thread(Sweep())), 404, (SWEPT_FREE,),
    ),
    scenario(
        "reclaimed_in_one_of_two_chunks", "an arena has two chunks to reclaim, and more is wanted than the first has",
        "go1.27", CHUNKED, (thread(Reclaim(1), before=(AllocManual(8), MallocLarge(1), Drop(1), Collect())), thread(AllocManual(1))), 1_785, (RECLAIMED,),
    ),
    scenario(
        "nil_on_1_17", "Go 1.17: alloc gets no span, and does not look whether it needs zeroing",
        "go1.17", SMALL, (thread(MallocLarge(5), MallocLarge(5)), thread(AllocManual(1))), 2_004, (NO_MEMORY, CROSSING),
    ),
    scenario(
        "three_threads_reuse", "stacks come and go beneath a large object",
        "go1.16", SMALL,
        (thread(AllocManual(1), FreeManual(0)), thread(AllocManual(2), FreeManual(0)), thread(MallocLarge(1))), 513_817,
        (REUSE, FRESH, FAILED_CAS),
    ),
    scenario(
        "sweeper_reclaimer_allocator", "the background sweeper, a reclaiming allocation and a plain one",
        "go1.27", BYTES,
        (thread(MallocLarge(1), before=OLD_SPANS), thread(Sweep()), thread(AllocManual(1))), 642_193,
        (LOST_RACE, SWEPT_FREE, RECLAIMED, REUSE),
    ),
    scenario(
        "sweeper_and_two_allocs", "two allocations, one reclaiming, and the background sweeper of the seed's release",
        "go1.16", BYTES,
        (thread(MallocLarge(1), before=OLD_SPANS), thread(Sweep()), thread(MallocLarge(2))), 1_363_314,
        (LOST_RACE, SWEPT_FREE, RECLAIMED, REUSE, FAILED_CAS),
    ),
    scenario(
        "word_into_a_span_being_built", "the collector follows a word to an mspan that is just being used again",
        "go1.27", BYTES, (thread(Scan(0), before=(AllocManual(1), FreeManual(0))), thread(MallocLarge(1))), 694, (LED, ASTRAY, STOPPED),
    ),
    scenario(
        "word_into_what_was_freed", "the collector follows a word to a page that once was an mspan's which now has another",
        "go1.14", BYTES, (thread(Scan(1), before=(AllocManual(2), FreeManual(0))), thread(MallocLarge(1))), 457, (ASTRAY, STOPPED),
    ),
    scenario(
        "word_into_live_memory", "the collector follows words to memory that is owned, while others allocate and free beside it",
        "go1.20", BYTES, (thread(Scan(0), before=(MallocLarge(1),)), thread(AllocManual(1), FreeManual(0))), 754, (LED, STOPPED),
    ),
    scenario(
        "word_into_garbage", "a word keeps garbage alive for a cycle, and the sweeper of the last one is still at work",
        "go1.17", BYTES, (thread(Scan(0), before=OLD_SPAN), thread(Sweep())), 162, (SWEPT_FREE, STOPPED),
    ),
)  # fmt: skip

SCENARIOS = (*SPAN_SCENARIOS, *PAGE_SCENARIOS, *ENVIRONMENT_SCENARIOS)
HOLDING = tuple(s for s in SCENARIOS if not s.finding)
"""Those of which the claims that they judge hold."""
CLEAN = tuple(s for s in HOLDING if s.only in {None, *FINDINGS})
"""Those in which nothing breaks but what Go is known to break: judged by all other claims they hold too."""
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
