"""The catalogue's part in which the system misbehaves: it refuses addresses or memory, or does not clear what it took.

Where addresses are refused an allocation gives no span. Where memory is refused that the heap cannot do without, Go
throws, and the run ends: `mappings` says after how many times, so that each scenario meets the refusal at one place of
a growth. Whatever was true before the throw is judged in every interleaving. Read next: sentinels.py.
"""

from spanproof.checks.page_scenarios import FILLED, FLUSHED, REMAINDER, SCAVENGED
from spanproof.checks.programs import AllocManual, FreeManual, Idle, MallocLarge, ScavengeAll
from spanproof.checks.scenario import scenario, thread
from spanproof.checks.shapes import BITMAP_GROUPS, BOTH_ENDS, EIGHTFOLD, SPARSE
from spanproof.model.geometry import CACHED, CHUNKED

NO_ADDRESSES = "the system refused addresses"
NO_MEMORY = "memory ran out"
GREW = "the heap grew"
OUT_OF_MEMORY = "Go threw that it is out of memory"
NO_BITMAPS = "Go threw that there is no memory for bitmaps"
REUSE = "memory below zeroedBase was used again"

_DIRTY = (thread(MallocLarge(2)), thread(ScavengeAll(), before=(AllocManual(2), FreeManual(0))))
"""Two pages were written and freed; they are returned to the system while as many are asked for as zero."""

ENVIRONMENT_SCENARIOS = (
    scenario(
        "addresses_refused", "the system reserves one arena and then no more: one thread gets nil",
        "go1.27", CACHED, (thread(AllocManual(5), FreeManual(0)), thread(MallocLarge(5))), 699, (NO_ADDRESSES, NO_MEMORY, REUSE),
        reservations=1,
    ),
    scenario(
        "no_addresses_at_all", "Go 1.17: the very first addresses are refused, to one that asks for zero and to one that does not",
        "go1.17", CACHED, (thread(MallocLarge(1)), thread(AllocManual(1))), 38, (NO_ADDRESSES,), reservations=0,
    ),
    scenario(
        "rest_stays_where_addresses_are_refused", "where the next arena is refused, what is left of the present one is still there",
        "go1.27", SPARSE, (thread(AllocManual(2), AllocManual(7)), thread(MallocLarge(9))), 2_402, (NO_ADDRESSES, NO_MEMORY, GREW),
        reservations=1,
    ),
    scenario(
        "no_memory_at_all", "the very first memory is refused",
        "go1.27", CACHED, (thread(MallocLarge(1)), thread(AllocManual(1))), 29, (OUT_OF_MEMORY,), mappings=0,
    ),
    scenario(
        "no_memory_for_pages", "the second arena is reserved, and no memory is given for it",
        "go1.27", CACHED, (thread(AllocManual(5), FreeManual(0)), thread(MallocLarge(5))), 825, (OUT_OF_MEMORY, GREW), mappings=5,
    ),
    scenario(
        "no_memory_for_summaries", "the second arena has memory, and its summaries have none",
        "go1.25", CACHED, (thread(AllocManual(5), FreeManual(0)), thread(MallocLarge(5))), 953, (OUT_OF_MEMORY, GREW), mappings=6,
    ),
    scenario(
        "no_memory_for_the_index", "the scavenge index has no memory for the second arena, while a scavenger reads it",
        "go1.27", CACHED, (thread(AllocManual(8)), thread(ScavengeAll(), before=(AllocManual(1), AllocManual(1), FreeManual(0)))), 327,
        (OUT_OF_MEMORY, SCAVENGED), mappings=7,
    ),
    scenario(
        "no_memory_for_bitmaps", "the bitmaps of the first chunks have no memory",
        "go1.16", CHUNKED, (thread(MallocLarge(1)), thread(AllocManual(1))), 41, (NO_BITMAPS,), mappings=3,
    ),
    scenario(
        "no_memory_for_more_bitmaps", "the bitmaps of another group of chunks have no memory",
        "go1.27", BITMAP_GROUPS, (thread(AllocManual(1), FreeManual(0)), thread(AllocManual(2), MallocLarge(9))), 4_275, (NO_BITMAPS, GREW), mappings=10,
    ),
    scenario(
        "no_memory_for_the_rest", "memory for the rest of an arena is refused when the next one begins",
        "go1.27", SPARSE, (thread(AllocManual(1), FreeManual(0)), thread(AllocManual(2), MallocLarge(9))), 3_000, (OUT_OF_MEMORY, GREW), mappings=5,
    ),
    scenario(
        "no_memory_after_the_rest", "the rest of an arena is handed over, and memory of the next one is refused",
        "go1.27", SPARSE, (thread(AllocManual(1), FreeManual(0)), thread(AllocManual(2), MallocLarge(9))), 3_612, (OUT_OF_MEMORY, GREW), mappings=7,
    ),
    scenario(
        "memory_is_just_enough", "as much memory is given as is asked for",
        "go1.27", SPARSE, (thread(AllocManual(9), before=(AllocManual(1),)), thread(AllocManual(2), FreeManual(0))), 4_975, (REMAINDER,), mappings=10,
    ),
    scenario(
        "both_ends_of_the_address_space", "one arena begins at the lowest address that a heap can have, the other ends at the highest",
        "go1.27", BOTH_ENDS, (thread(AllocManual(8), AllocManual(1)), thread(AllocManual(1), Idle())), 9_445, (GREW, FILLED, FLUSHED), ps=True,
    ),
    scenario(
        "scavenged_in_eights", "the system's pages are eight times as large: what is free of them only in part stays",
        "go1.27", EIGHTFOLD, (thread(FreeManual(0), before=(AllocManual(5), AllocManual(8), AllocManual(3), FreeManual(1))), thread(ScavengeAll())), 250,
        (SCAVENGED,),
    ),
    scenario(
        "dirty_memory_before_1_26", "the system does not clear what is returned to it, and nobody takes it for zero",
        "go1.25", CACHED, _DIRTY, 1_993, (SCAVENGED, REUSE), unused_zeroes=False,
    ),
    scenario(
        "finding_dirty_memory_as_zero", "the system does not clear what is returned to it, and it is handed out as zero",
        "go1.27", CACHED, _DIRTY, 0, (SCAVENGED,), only="asked_for_zero_gets_zero", finding=True, unused_zeroes=False,
    ),
)  # fmt: skip
