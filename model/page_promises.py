"""What must be true when a function of the page allocator, of the caches or of a scavenger is called or returns.

Read next: reader_promises.py.
"""

import z3

from spanproof.model.claim import Moment, Promise
from spanproof.model.state import HeapState, HeapVars, groups, pages_within


def _freed_pages_were_owned(v: HeapVars, m: Moment) -> z3.BoolRef:
    base, npages = m.args
    pages = pages_within(v.geometry, base, npages)
    return z3.And(len(pages) == npages, *(v.allocated[page] == 1 for page in pages))


def _holds_freed_pages_were_owned(h: HeapState, m: Moment) -> bool:
    base, npages = m.args
    pages = h.region(base, npages)
    return len(pages) == npages and all(h.allocated[page] == 1 for page in pages)


def _grown_pages_were_reserved(v: HeapVars, m: Moment) -> z3.BoolRef:
    base, size = m.args
    pages = pages_within(v.geometry, base, size // v.geometry.page_size)
    new = [z3.And(v.reserved[page // v.geometry.pages_per_arena] == 1, v.exists[page] == 0) for page in pages]
    return z3.And(len(pages) * v.geometry.page_size == size, *new)


def _holds_grown_pages_were_reserved(h: HeapState, m: Moment) -> bool:
    base, size = m.args
    pages = h.region(base, size // h.geometry.page_size)
    whole = len(pages) * h.geometry.page_size == size
    per_arena = h.geometry.pages_per_arena
    return whole and all(h.reserved[page // per_arena] == 1 and h.exists[page] == 0 for page in pages)


def _holds_background_scavenger_keeps_its_word(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.released is None or bool(m.released >= m.args[0])


def _holds_cycle_ends_a_generation(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return not m.release.scavenge_index or m.generation == m.cycles + 1


def _find_lowers_its_cursor(v: HeapVars, m: Moment) -> z3.BoolRef:
    ci, _ = m.result
    cursor = v.cursor_force if m.args[0] else v.cursor_bg
    return z3.Or(z3.BoolVal(ci == 0 or m.moved), cursor < v.geometry.chunk_base(ci) + v.geometry.chunk_size)


def _holds_find_lowers_its_cursor(h: HeapState, m: Moment) -> bool:
    ci, _ = m.result
    cursor = h.cursor_force if m.args[0] else h.cursor_bg
    return ci == 0 or m.moved or cursor < h.geometry.chunk_base(ci) + h.geometry.chunk_size


def _holds_huge_pages_are_asked_for(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.unasked == 0


def _holds_caches_give_few_pages(h: HeapState, m: Moment) -> bool:
    return bool(0 < m.args[0] < h.geometry.pages_per_block // 4)


def _holds_empty_caches_are_filled(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return not m.unfilled


def _holds_mspans_are_kept_by_halves(h: HeapState, m: Moment) -> bool:
    if m.kept is None:
        return True
    (before, now), room = m.kept, h.geometry.mspan_cache
    match m.function:
        case "try_alloc_mspan":
            return now == max(before - 1, 0) and (m.result is None) == (before == 0)
        case "alloc_mspan_locked":
            return now == (before or room // 2) - 1
        case _:
            return now == min(before + 1, room)


def _holds_ready_memory_was_released(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    _, size, prepared = m.args
    return 0 < prepared <= size  # type: ignore[no-any-return]  # numbers of bytes


def _forced_scavenge_leaves_nothing(v: HeapVars, m: Moment) -> z3.BoolRef:
    some = [
        z3.And([z3.And(v.is_free(z3.IntVal(page)), v.scavenged[page] == 0) for page in group])
        for group in groups(v.geometry)
    ]
    return z3.Implies(z3.BoolVal(m.calm), z3.Not(z3.Or(some)))


def _holds_forced_scavenge_leaves_nothing(h: HeapState, m: Moment) -> bool:
    left = [free and scavenged == 0 for free, scavenged in zip(h.free, h.scavenged, strict=True)]
    return not m.calm or not any(all(left[page] for page in group) for group in groups(h.geometry))


PAGE_PROMISES = (
    Promise(
        "background_scavenger_keeps_its_word",
        "The background scavenger returns as much as is wanted, or has looked for more and found nothing.",
        "It goes on until it has enough, and parks only when there is no chunk worth scavenging.",
        "mgcscavenge.go, bgscavenge, scavengeIndex.find",
        "scavenger_parks_at_once",
        ("bgscavenge",),
        True,
        (),
        None,
        _holds_background_scavenger_keeps_its_word,
    ),
    Promise(
        "find_lowers_its_cursor",
        "When find gives a chunk, its cursor is not above that chunk, unless somebody else has moved it.",
        "So what was looked at is not looked at again.",
        "mgcscavenge.go, scavengeIndex.find",
        "cursor_not_lowered",
        ("index.find",),
        True,
        ("cursor_force", "cursor_bg"),
        _find_lowers_its_cursor,
        _holds_find_lowers_its_cursor,
    ),
    Promise(
        "huge_pages_are_asked_for",
        "Who lets bitmaps of chunks lie on huge pages asks for those of every group there is, but the last of a range.",
        "It goes through all ranges of addresses; that it leaves out the last group costs time alone.",
        "mpagealloc.go, enableChunkHugePages",
        "huge_pages_not_asked_for",
        ("pages.enable_chunk_huge_pages",),
        True,
        (),
        None,
        _holds_huge_pages_are_asked_for,
    ),
    Promise(
        "cycle_ends_a_generation",
        "From 1.21 on each collection ends a generation of the scavenge index.",
        "So what was freed since is left alone in the background, and what was freed before is not.",
        "mgc.go, gcMarkTermination; mgcscavenge.go, scavengeIndex.nextGen",
        "generation_goes_on",
        ("gc_cycle", "gc_mark_termination"),
        True,
        (),
        None,
        _holds_cycle_ends_a_generation,
    ),
    Promise(
        "caches_give_few_pages",
        "A page cache is asked only for less than a quarter of its block.",
        "More pages are rarely there in a row, and would empty it at once.",
        "mheap.go, allocSpan: npages < pageCachePages/4",
        "quarter_of_a_block_from_the_cache",
        ("alloc_from_cache",),
        False,
        (),
        None,
        _holds_caches_give_few_pages,
    ),
    Promise(
        "empty_caches_are_filled",
        "A page cache that gives nothing has some pages left, or it was tried to fill it.",
        "An empty one is filled before anything is taken.",
        "mheap.go, allocSpan: c.empty()",
        "empty_cache_not_filled",
        ("alloc_from_cache",),
        True,
        (),
        None,
        _holds_empty_caches_are_filled,
    ),
    Promise(
        "mspans_are_kept_by_halves",
        "A P that has no mspan takes half as many as it has room for, and keeps what it frees while there is room.",
        "So it needs the pool, and the heap lock, only now and then.",
        "mheap.go, tryAllocMSpan, allocMSpanLocked, freeMSpanLocked",
        "mspan_not_kept",
        ("try_alloc_mspan", "alloc_mspan_locked", "free_mspan_locked"),
        True,
        (),
        None,
        _holds_mspans_are_kept_by_halves,
    ),
    Promise(
        "freed_pages_were_owned",
        "Pages that are freed were allocated.",
        "free_span_locked frees the pages of a living span, once.",
        "mpagealloc.go, pageAlloc.free",
        "pages_freed_twice",
        ("pages.free",),
        False,
        ("allocated",),
        _freed_pages_were_owned,
        _holds_freed_pages_were_owned,
    ),
    Promise(
        "grown_pages_were_reserved",
        "The page allocator is given pages of arenas that were reserved for the heap, and none that it has.",
        "Growing asks sysAlloc for whole arenas, and takes no more than they have.",
        "mheap.go, grow, sysAlloc",
        "grow_beyond_the_arena",
        ("pages.grow",),
        False,
        ("reserved", "exists"),
        _grown_pages_were_reserved,
        _holds_grown_pages_were_reserved,
    ),
    Promise(
        "forced_scavenge_leaves_nothing",
        "After a forced scavenge of everything, nobody else at work, no whole physical page is free and unscavenged.",
        "Every free raises the cursor of forced scavenging, and it looks at all that lies below.",
        "mheap.go, scavengeAll; mgcscavenge.go, scavengeIndex.find",
        "forced_cursor_not_raised",
        ("scavenge_all",),
        True,
        ("exists", "allocated", "scavenged"),
        _forced_scavenge_leaves_nothing,
        _holds_forced_scavenge_leaves_nothing,
    ),
    Promise(
        "ready_memory_was_released",
        "Of the pages that are asked back from the system some had been returned to it, and no others are counted.",
        "Allocating says how many of its pages were scavenged; of memory around them nothing is asked.",
        "mem.go, sysUsed; issue 52682",
        "edges_of_an_aligned_stack_are_freed",
        ("os.sys_used",),
        False,
        (),
        None,
        _holds_ready_memory_was_released,
    ),
)
