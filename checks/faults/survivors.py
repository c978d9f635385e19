"""Faults made from the syntax tree that no layer finds: read and explained, one by one.

Some change nothing for a reason that no scenario shows, which is checked as far as it can be (equivalence.py); of the
others it is said what would find them.
"""

from collections.abc import Mapping

NEVER_MET: Mapping[str, str] = {
    "scavengeindex_grow_bound_1": "a chunk is handed over once, so no growth begins where the heap does",
    "pagealloc_mark_random_padding_pages_bound_1": "padding is marked only where there is some: grow looks",
    "pagetree_grow_bound_2": "a chunk is handed over once, so no growth begins where the heap does",
    "heap_reclaim_chunk_not_reloaded_2": "marks change while the world is stopped, and who reclaims cannot be preempted",
    "addrranges_find_succ_bound_2": "an address at a range's base lies in the range, and was found the line before",
    "scavenge_find_scavenge_candidate_bound_5": "huge pages as large as a page of the system's would begin where it does",
    "page_cache_find_block_bound_1": "the search address lies in the heap, or is the highest address of all",
}
"""Bounds whose two sides are never equal, words that are the same when they are read again: and why."""
WOULD_FIND: Mapping[str, str] = {
    "pagealloc_grow_bound_2": "One group of bitmaps more is given memory than is needed. A count of the bytes of bitmaps.",
    "pagealloc_alloc_bound_1": "Asking for no pages at all is refused in a call that no layer makes; "
    "tests/impl has it among the bad input.",
    "heap_trace_gc_sweep_span_unlocked_1": "The tracer's new buffer comes from the heap; here it only takes the lock and lets "
    "it go. A tracer that asks for memory.",
    "heap_reclaim_bound_1": "Who reclaims when all chunks are claimed looks once more. A bound on useless looks.",
    "heap_alloc_span_split_1": "The lock is let go between an aligned stack's pages, which are owned by then, and its mspan. "
    "A claim that pages have their mspan before the lock is let go: Go makes no such promise.",
    "pagealloc_free_bound_1": "Freeing no pages at all is refused by a call that no layer makes; "
    "tests/impl has it among the bad input.",
    "sweep_sweep_bound_2": "A span of which nothing was freed is cleared before it is used again. A bound on clearing; "
    "and spans of several objects.",
    "pages_bgscavenge_bound_1": "The background scavenger looks for one chunk more than it needs. A bound on looking.",
    "pagetree_try_chunk_of_negated_1": "Only who looks at a chunk that the heap never had comes here, and no layer does. "
    "A history that looks at addresses which are not the heap's.",
    "sweep_sweepone_negated_13": "Who reclaims may take credit for pages that nobody freed, and frees less than it wants. "
    "A claim that credit was earned.",
    "sweep_sweep_negated_4": "Small and large spans are swept alike. Spans of several objects: here each has one.",
}
"""What would find a survivor."""
