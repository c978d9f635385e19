"""The catalogue's page-allocator half: page caches, scavengers, growth in unusual places; and what Go itself gets wrong.

A finding is a scenario in which the text, function by function Go's own, breaks a claim that Go's comments make. The
search must find it: that the record exists is what such a scenario shows. Read next: sentinels.py.
"""

from spanproof.checks.programs import (
    AllocManual,
    Collect,
    EnableHugePages,
    FreeManual,
    Idle,
    MallocLarge,
    Scavenge,
    ScavengeAll,
)
from spanproof.checks.scenario import scenario, thread
from spanproof.checks.shapes import (
    ALIGNED_STACKS,
    CHUNKS_APART,
    EDGE,
    GROUPS,
    HALVES,
    LARGE_GROUPS,
    LARGE_STACKS,
    RANDOM,
    SPARSE,
)
from spanproof.model.geometry import CACHED, CHUNKED, WIDE

FILLED = "a page cache was filled"
FROM_CACHE = "a page cache gave pages"
NO_LOCK = "a span was allocated without the heap lock"
FLUSHED = "a page cache was flushed"
SCAVENGED = "pages were scavenged"
NOTHING = "a chunk had nothing to scavenge"
RAISED = "a free raised the cursor of forced scavenging"
LOWERED = "a scavenger lowered a cursor"
CLEARED = "a cursor was cleared"
GENERATION = "a generation of the scavenge index began"
ALIGNED = "an aligned stack was allocated"
REMAINDER = "the rest of an arena was handed over"
PADDED = "padding pages were marked"
FRESH = "memory above zeroedBase was used"

_HOLES = (AllocManual(1), AllocManual(1), AllocManual(1), FreeManual(1))
"""Three pages of which the middle one is free again."""
_BELOW = (AllocManual(1), AllocManual(7), AllocManual(1), FreeManual(0), FreeManual(2))
"""A full chunk with one page free at its bottom, and a free page in the chunk above."""
_ABOVE = (AllocManual(1), AllocManual(7), AllocManual(1), AllocManual(1), FreeManual(0), FreeManual(2))
"""The same, with a page in use above all that is free."""
_TWO_BLOCKS = (AllocManual(1), AllocManual(1), AllocManual(8), AllocManual(1), FreeManual(1), Collect(), FreeManual(3))
"""A page freed in the lower block of a chunk before a cycle began, and one in the upper block after."""
_THREE_SINGLES = (AllocManual(1), AllocManual(3), *[AllocManual(1)] * 5, FreeManual(0))
"""Two chunks and a page in use, the lowest page free."""
_UPWARDS = (FreeManual(2), FreeManual(4), FreeManual(6))
"""Of these, two pages of the second chunk and the one above it are freed."""
_IN_THREE_CHUNKS = (
    AllocManual(1),
    AllocManual(3),
    AllocManual(1),
    AllocManual(3),
    AllocManual(1),
    AllocManual(1),
    FreeManual(0),
    FreeManual(2),
    FreeManual(4),
)
"""A page free at the bottom of each of three chunks, all others in use."""
_SHORT_HOLE = (MallocLarge(1), AllocManual(4), MallocLarge(3), MallocLarge(1), FreeManual(1))
"""Of stacks at every fourth page one was freed: one page is missing, that a stack might be found there wherever it begins."""
_TOP = (AllocManual(8), AllocManual(7), FreeManual(1))
"""All but the heap's very last pages in use; the last block free."""

PAGE_SCENARIOS = (
    scenario(
        "cache_against_cache", "two Ps fill their page caches, allocate and free",
        "go1.27", CACHED, (thread(AllocManual(1), FreeManual(0)), thread(AllocManual(1))), 5_601, (FILLED, FROM_CACHE), ps=True,
    ),
    scenario(
        "allocs_without_the_lock", "two Ps allocate from their caches alone, and race for zeroedBase",
        "go1.27", CACHED,
        (
            thread(MallocLarge(1), before=(AllocManual(1), AllocManual(1), FreeManual(1))),
            thread(MallocLarge(1), before=(AllocManual(1), AllocManual(1), FreeManual(1))),
        ), 1_600, (NO_LOCK,), ps=True,
    ),
    scenario(
        "more_mspans_than_a_p_keeps", "a P frees three spans and has room for two of their mspans, beside one that allocates",
        "go1.27", CACHED,
        (
            thread(FreeManual(0), FreeManual(1), FreeManual(2), before=(AllocManual(1), AllocManual(1), AllocManual(1))),
            thread(AllocManual(1)),
        ), 4_389, (FROM_CACHE,), ps=True,
    ),
    scenario(
        "flush_against_refill", "a P goes idle and is flushed while another fills its cache",
        "go1.27", CACHED, (thread(Idle(), before=(AllocManual(1), AllocManual(1))), thread(AllocManual(1), FreeManual(0))), 1_816, (FILLED, FLUSHED), ps=True,
    ),
    scenario(
        "idle_beside_a_full_cache", "a P goes idle and is flushed while another allocates from its cache",
        "go1.20", CACHED, (thread(Idle(), before=(AllocManual(1), AllocManual(1))), thread(AllocManual(1), before=(AllocManual(1), AllocManual(1), FreeManual(1)))), 456,
        (NO_LOCK, FLUSHED), ps=True,
    ),
    scenario(
        "flush_of_scavenged_pages", "a cache of pages, some scavenged, is flushed beside an allocation that needs zero",
        "go1.26", CACHED, (thread(Idle(), before=(AllocManual(2), FreeManual(0), AllocManual(1))), thread(MallocLarge(2))), 2_286, (FLUSHED,), ps=True,
    ),
    scenario(
        "scavenge_against_alloc", "everything is scavenged by force while pages are allocated",
        "go1.27", CACHED, (thread(MallocLarge(1)), thread(ScavengeAll(), before=_HOLES)), 1_850, (SCAVENGED, NOTHING),
    ),
    scenario(
        "scavenge_against_free", "everything is scavenged by force while pages are freed above and below the cursor",
        "go1.27", CACHED, (thread(FreeManual(1), before=_BELOW), thread(ScavengeAll())), 941, (SCAVENGED, LOWERED, CLEARED),
    ),
    scenario(
        "free_raises_the_cursor", "pages are freed above where everything has been scavenged, while a scavenger begins anew",
        "go1.27", CACHED, (thread(FreeManual(0), before=(AllocManual(2), ScavengeAll())), thread(ScavengeAll())), 95, (RAISED, SCAVENGED),
    ),
    scenario(
        "scavenge_against_refill_and_flush", "a cache is filled and flushed while everything is scavenged",
        "go1.27", CACHED, (thread(AllocManual(1), Idle(), before=(*_HOLES, Idle())), thread(ScavengeAll())), 2_334, (SCAVENGED, FILLED, FLUSHED), ps=True,
    ),
    scenario(
        "two_forced_scavengers", "two forced scavengers meet",
        "go1.27", CACHED, (thread(ScavengeAll(), before=_BELOW), thread(ScavengeAll())), 4_131, (SCAVENGED, NOTHING, LOWERED, CLEARED),
    ),
    scenario(
        "scavengers_and_a_free", "two forced scavengers and a background one beside a free",
        "go1.27", CACHED,
        (
            thread(FreeManual(1), before=(AllocManual(2), AllocManual(1), FreeManual(0), Collect())),
            thread(ScavengeAll()), thread(ScavengeAll()), thread(Scavenge(1)),
        ), 244_011, (SCAVENGED, RAISED),
    ),
    scenario(
        "cycle_against_background_scavenger", "a cycle begins between two chunks of the background scavenger",
        "go1.27", CACHED, (thread(Collect(), before=(*_BELOW, Collect())), thread(Scavenge(2), before=())), 212, (GENERATION, SCAVENGED),
    ),
    scenario(
        "scavenged_in_the_background", "the background scavenger is asked for pages of two chunks, after an allocation and beside one",
        "go1.27", CACHED,
        (
            thread(AllocManual(1), Scavenge(9), before=(AllocManual(3), AllocManual(5), AllocManual(3), AllocManual(5), FreeManual(0), FreeManual(2), Collect())),
            thread(AllocManual(1)),
        ), 4_011, (SCAVENGED,),
    ),
    scenario(
        "zero_after_scavenge", "scavenged dirty pages are allocated again as zero",
        "go1.26", CACHED, (thread(MallocLarge(2)), thread(ScavengeAll(), before=(AllocManual(2), FreeManual(0)))), 2_017, (SCAVENGED,),
    ),
    scenario(
        "scavenge_before_1_26", "the same where a scavenged page is not taken for zero",
        "go1.25", CACHED, (thread(MallocLarge(2)), thread(ScavengeAll(), before=(AllocManual(2), FreeManual(0)))), 2_086, (SCAVENGED,),
    ),
    scenario(
        "scavenged_in_pairs", "the system's pages are twice as large: single free pages stay",
        "go1.27", GROUPS, (thread(FreeManual(0), before=(AllocManual(1), AllocManual(3), FreeManual(1))), thread(ScavengeAll())), 520, (SCAVENGED,),
    ),
    scenario(
        "scavenged_in_fours", "the system's pages are four times as large",
        "go1.27", LARGE_GROUPS, (thread(FreeManual(0), before=(AllocManual(5), AllocManual(2), FreeManual(1))), thread(ScavengeAll())), 246, (NOTHING,),
    ),
    scenario(
        "scavenged_in_halves", "the system's pages are half as large",
        "go1.27", HALVES, (thread(MallocLarge(1)), thread(ScavengeAll(), before=_HOLES)), 1_850, (SCAVENGED,),
    ),
    scenario(
        "growth_scavenges", "the heap grows beyond its goal, so that allocations scavenge",
        "go1.27", WIDE, (thread(AllocManual(16), before=(AllocManual(3), AllocManual(1), FreeManual(0), Collect())), thread(AllocManual(2))), 8_969, (SCAVENGED,),
        ps=True, gc_percent_goal=8,
    ),
    scenario(
        "growth_scavenges_what_is_too_much", "the heap grows a little beyond its goal, and no more than that is scavenged",
        "go1.27", WIDE, (thread(AllocManual(16), before=(AllocManual(3), AllocManual(1), FreeManual(0), Collect())), thread(AllocManual(2))), 4_170, (SCAVENGED,),
        ps=True, gc_percent_goal=150,
    ),
    scenario(
        "limit_scavenges", "allocations scavenge to keep the memory limit",
        "go1.27", CACHED, (thread(AllocManual(2), before=(AllocManual(1), AllocManual(2), FreeManual(0))), thread(AllocManual(2))), 8_681, (SCAVENGED,),
        ps=True, memory_limit=24,
    ),
    scenario(
        "aligned_stacks", "stacks begin at the system's pages, beside others",
        "go1.27", ALIGNED_STACKS, (thread(AllocManual(1), before=(MallocLarge(1),)), thread(AllocManual(2))), 1_347, (ALIGNED,),
        aligned_stacks=True,
    ),
    scenario(
        "stack_beside_a_short_hole", "a stack passes by a hole that has a page too few, though it would fit there",
        "go1.27", LARGE_STACKS, (thread(AllocManual(1), FreeManual(4), before=_SHORT_HOLE), thread(MallocLarge(1))), 3_138, (ALIGNED,),
        aligned_stacks=True,
    ),
    scenario(
        "sparse_arenas", "arenas are not neighbours: the rest of one is handed over when the next begins",
        "go1.27", SPARSE, (thread(AllocManual(9), before=(AllocManual(1),)), thread(AllocManual(2), FreeManual(0))), 4_845, (REMAINDER,),
    ),
    scenario(
        "random_base", "the heap begins at a random page of a random chunk",
        "go1.27", RANDOM, (thread(AllocManual(1), FreeManual(0)), thread(MallocLarge(2))), 3_507, (PADDED,),
    ),
    scenario(
        "cache_beside_padding", "a cache is filled from the block in which the padding ends",
        "go1.27", RANDOM, (thread(AllocManual(1), FreeManual(0)), thread(AllocManual(1))), 5_641, (PADDED, FILLED, FROM_CACHE), ps=True,
    ),
    scenario(
        "end_of_the_address_space", "the last block of the address space is cached, flushed and given out",
        "go1.27", EDGE, (thread(AllocManual(1), before=_TOP), thread(AllocManual(1), Idle())), 966, (FILLED, FLUSHED), ps=True,
    ),
    scenario(
        "empty_is_rightly_said", "with no background scavenger an empty chunk is empty, whatever runs beside it",
        "go1.27", CACHED, (thread(AllocManual(1), Idle(), FreeManual(0), before=_BELOW), thread(ScavengeAll())), 5_589, (SCAVENGED,),
        ps=True, only="empty_chunk_has_nothing_to_scavenge",
    ),
    scenario(
        "nothing_is_left", "a forced scavenge of everything leaves nothing where nobody frees beside it",
        "go1.27", CACHED, (thread(ScavengeAll(), before=_BELOW), thread(AllocManual(1), ScavengeAll())), 3_502, (SCAVENGED,),
        only="forced_scavenge_leaves_nothing",
    ),
    scenario(
        "cursor_stays_above", "forced scavengers beside each other lower their cursor over nothing",
        "go1.27", CACHED, (thread(ScavengeAll(), before=(*_BELOW, AllocManual(1), FreeManual(3))), thread(ScavengeAll())), 4_131, (SCAVENGED, LOWERED),
        only="forced_cursor_is_above_what_is_free",
    ),
    scenario(
        "scavenged_in_three_chunks", "two forced scavengers lower their cursor over three chunks",
        "go1.27", CHUNKED, (thread(ScavengeAll(), before=_IN_THREE_CHUNKS), thread(ScavengeAll())), 12_320, (SCAVENGED, LOWERED),
    ),
    scenario(
        "freed_above_three_chunks", "a free raises a cursor that a forced scavenger lowers over three chunks",
        "go1.27", CHUNKED, (thread(FreeManual(5), before=_IN_THREE_CHUNKS), thread(ScavengeAll())), 1_797, (SCAVENGED, RAISED, LOWERED),
    ),
    scenario(
        "mark_keeps_a_raised_cursor", "a free raises the cursor above what find looks at, and its mark keeps it there",
        "go1.27", CACHED, (thread(FreeManual(3), before=_ABOVE), thread(ScavengeAll())), 1_198, (SCAVENGED, RAISED),
        only="forced_cursor_is_above_what_is_free",
    ),
    scenario(
        "huge_pages_enabled", "bitmaps may lie on huge pages from now on, while others allocate and nothing grows",
        "go1.21", CHUNKED, (thread(EnableHugePages(), before=(AllocManual(3),)), thread(AllocManual(1))), 153, (FRESH,), only="no_deadlock",
    ),
    scenario(
        "huge_pages_enabled_twice", "two threads let bitmaps lie on huge pages",
        "go1.27", CHUNKED, (thread(EnableHugePages(), before=(AllocManual(3),)), thread(EnableHugePages(), AllocManual(1))), 149, (FRESH,), only="no_deadlock",
    ),
    scenario(
        "huge_pages_asked_for_once", "the same, and it comes to its end",
        "go1.21", CHUNKS_APART, (thread(EnableHugePages(), before=(AllocManual(9),)), thread(AllocManual(1))), 153, (FRESH,), only="heap_never_throws",
    ),
    scenario(
        "huge_pages_asked_for", "the bitmaps of three chunks may lie on huge pages from now on, while others allocate",
        "go1.21", CHUNKS_APART, (thread(EnableHugePages(), before=(AllocManual(9),)), thread(AllocManual(1))), 153, (FRESH,), only="huge_pages_are_asked_for",
    ),
    scenario(
        "finding_background_hides_pages", "the background scavenger calls a chunk empty of which it saw the lower part",
        "go1.27", WIDE, (thread(Scavenge(4), before=_TWO_BLOCKS),), 0, (),
        only="empty_chunk_has_nothing_to_scavenge", finding=True,
    ),
    scenario(
        "finding_forced_misses_hidden_pages", "a forced scavenge of everything leaves what a background one has hidden",
        "go1.27", WIDE, (thread(Scavenge(4), ScavengeAll(), before=_TWO_BLOCKS),), 0, (),
        only="forced_scavenge_leaves_nothing", finding=True,
    ),
    scenario(
        "finding_cursor_lowered_over_a_free", "a free above what find has looked at is not seen, and the cursor is cleared",
        "go1.27", CACHED, (thread(FreeManual(1), before=_BELOW), thread(ScavengeAll())), 0, (),
        only="forced_cursor_is_above_what_is_free", finding=True,
    ),
    scenario(
        "finding_forced_misses_a_free", "after that a forced scavenge of everything finds nothing",
        "go1.27", CACHED, (thread(FreeManual(1), before=_BELOW), thread(ScavengeAll(), ScavengeAll())), 0, (),
        only="forced_scavenge_leaves_nothing", finding=True,
    ),
    scenario(
        "one_find_at_a_time", "pages are freed above a cursor, each above the last, while one scavenger looks",
        "go1.27", CHUNKED, (thread(*_UPWARDS, before=_THREE_SINGLES), thread(ScavengeAll())), 10_857, (SCAVENGED, RAISED),
        only="forced_cursor_is_above_what_is_free",
    ),
    scenario(
        "finding_cursor_cleared_by_a_late_find", "the same with two scavengers: one takes the mark away, and then the other clears the cursor",
        "go1.27", CHUNKED, (thread(*_UPWARDS, ScavengeAll(), before=_THREE_SINGLES), thread(ScavengeAll())), 0, (),
        only="forced_cursor_is_above_what_is_free", finding=True,
    ),
    scenario(
        "finding_forced_misses_what_a_late_find_cleared", "after that a forced scavenge of everything finds nothing",
        "go1.27", CHUNKED, (thread(*_UPWARDS, ScavengeAll(), ScavengeAll(), before=_THREE_SINGLES), thread(ScavengeAll())), 0, (),
        only="forced_scavenge_leaves_nothing", finding=True,
    ),
    scenario(
        "finding_first_growth_leaves_its_arena", "a first growth as large as an arena is not checked against the random base",
        "go1.27", RANDOM, (thread(AllocManual(32)),), 0, (), only="grown_pages_were_reserved", finding=True,
    ),
    scenario(
        "finding_first_growth_is_padded_away", "a first allocation of whole chunks does not fit behind the padding",
        "go1.27", RANDOM, (thread(AllocManual(16)),), 0, (), only="heap_never_throws", finding=True,
    ),
    scenario(
        "finding_aligned_stack_before_the_first_growth", "before the heap has grown find reads summaries that have no memory",
        "go1.27", ALIGNED_STACKS, (thread(AllocManual(1)),), 0, (), only="heap_never_throws", finding=True,
        aligned_stacks=True,
    ),
    scenario(
        "finding_huge_pages_read_ranges_unlocked", "the ranges of the heap are cloned under the lock, and read without it all the same",
        "go1.27", CHUNKED, (thread(EnableHugePages()), thread(AllocManual(5))), 0, (), only="lock_discipline_is_kept", finding=True,
    ),
)  # fmt: skip
