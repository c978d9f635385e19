"""Small heaps of unusual shapes, for scenarios and workloads: the system's pages, arenas apart, the end of addresses.

Read next: workloads.py.
"""

from dataclasses import replace

from spanproof.model.geometry import BYTES, CACHED, CHUNKED, WIDE

CHUNKS_APART = replace(CHUNKED, name="1x16, bitmaps apart", chunks_l1_bits=3)
"""The bitmap of each chunk lies apart from the others."""
TWO_BYTES = replace(CHUNKED, name="1x16, reclaimed in one", pages_per_reclaimer_chunk=16)
"""Who reclaims looks at two bytes of page_in_use in a row."""
WRAPPING = replace(BYTES, name="2x8, before sweepgen wraps", first_sweepgen=(1 << 32) - 4)
"""In the second cycle the sweep generation is 0 again."""
ALIGNED_STACKS = replace(CACHED, name="2x8, for aligned stacks", phys_page_size=16)
"""Stacks begin at every second page."""
LARGE_STACKS = replace(CACHED, name="2x8, for stacks at every fourth page", phys_page_size=32)
GROUPS = replace(CACHED, name="2x8, pages of the system's twice as large", phys_page_size=16)
LARGE_GROUPS = replace(CACHED, name="2x8, pages of the system's four times as large", phys_page_size=32)
HALVES = replace(CACHED, name="2x8, pages of the system's half as large", page_size=16, heap_addr_bits=9)
"""With phys_page_size 8: two of the system's pages are one of the heap's."""
SPARSE = replace(CACHED, name="3x16, sparse", pages_per_arena=16, arenas=3, arena_gap=1, heap_addr_bits=9)
"""Between two arenas lies one that is not the heap's."""
BITMAP_GROUPS = replace(SPARSE, name="3x16, sparse, two groups of bitmaps", chunks_l1_bits=1)
"""The bitmaps of each arena lie in a group of their own."""
RANDOM = replace(WIDE, name="1x32, random base", heap_rand_seed=(9 * 8) << 1 | 1)
"""The heap begins at the second chunk of its arena, with nine padding pages: the highest bits that count are ones."""
EIGHTFOLD = replace(WIDE, name="1x32, pages of the system's eight times as large", phys_page_size=64)
"""As 64 KiB are eight times a page of the heap's."""
BOTH_ENDS = replace(CACHED, name="3x8, at both ends of the address space", arenas=3, arena_gap=1)
"""The first arena begins at the lowest address that a heap can have, the other ends at the highest."""
EDGE = replace(CACHED, name="2x8, at the end of the address space", first_arena=2, heap_addr_bits=8)
