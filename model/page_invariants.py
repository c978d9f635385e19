"""What must be true of the page allocator in every state, and of every step: bitmaps, summaries, caches, the index.

Where it says "while nobody holds the heap lock", a change under the lock may be half done. Both forms of each claim are
compared in tests/model. Read next: invariants.py.
"""

from itertools import groupby

import z3

from spanproof.model.claim import Invariant, StepInvariant
from spanproof.model.geometry import Geometry
from spanproof.model.state import (
    DEAD,
    PADDING,
    SCAVENGER,
    HeapState,
    HeapVars,
    chunks,
    entries,
    groups,
)


def _each(index: z3.ArithRef, bodies: list[z3.BoolRef]) -> z3.BoolRef:
    """The body with this number."""
    return z3.And([z3.Implies(index == n, body) for n, body in enumerate(bodies)])


def _all_free(v: HeapVars, pages: range) -> z3.BoolRef:
    inside = all(0 <= page < len(v.geometry.pages) for page in pages)
    return z3.And([v.is_free(z3.IntVal(page)) for page in pages]) if inside else z3.BoolVal(False)


def _is_longest(total: z3.ArithRef, fits: list[z3.BoolRef]) -> z3.BoolRef:
    """Whether the number is the largest k of which `fits[k]` is true; they are true up to it and false beyond."""
    longest = [z3.Implies(total == k, z3.And(fits[k], z3.Not(fits[k + 1]))) for k in range(len(fits) - 1)]
    return z3.And(total >= 0, total < len(fits), *longest, z3.Implies(total == len(fits) - 1, fits[-1]))


def _runs_agree(v: HeapVars, n: int, pages: range) -> z3.BoolRef:
    lengths = range(len(pages) + 1)
    anywhere = [z3.Or([_all_free(v, pages[first : first + k]) for first in range(len(pages) - k + 1)]) for k in lengths]
    return z3.And(
        _is_longest(v.sum_start[n], [_all_free(v, pages[:k]) for k in lengths]),
        _is_longest(v.sum_max[n], anywhere),
        _is_longest(v.sum_end[n], [_all_free(v, pages[len(pages) - k :]) for k in lengths]),
    )


def _summary_tells_the_free_runs(v: HeapVars, e: z3.ArithRef) -> z3.BoolRef:
    bodies = [_runs_agree(v, n, range(first, first + k)) for n, (_, _, first, k) in enumerate(entries(v.geometry))]
    return z3.Implies(v.locked == 0, _each(e, bodies))


def _runs(free: list[bool]) -> tuple[int, int, int]:
    runs = [(is_free, len(list(run))) for is_free, run in groupby(free)]
    start, end = (run if is_free else 0 for is_free, run in (runs[0], runs[-1]))
    return start, max((run for is_free, run in runs if is_free), default=0), end


def _holds_summary_tells_the_free_runs(h: HeapState) -> bool:
    if h.locked:
        return True
    free = dict(enumerate(h.free))
    return all(
        (h.sum_start[n], h.sum_max[n], h.sum_end[n])
        == _runs([free.get(page, False) for page in range(first, first + k)])
        for n, (_, _, first, k) in enumerate(entries(h.geometry))
    )


def _address(g_page: z3.ArithRef, v: HeapVars) -> z3.ArithRef:
    return v.geometry.heap_base + g_page * v.geometry.page_size


def _nothing_is_free_below_the_search_address(v: HeapVars, page: z3.ArithRef) -> z3.BoolRef:
    below = z3.And(v.locked == 0, _address(page, v) + v.geometry.page_size <= v.search_addr)
    return z3.Implies(below, z3.Not(v.is_free(page)))


def _holds_nothing_is_free_below_the_search_address(h: HeapState) -> bool:
    size, base = h.geometry.page_size, h.geometry.heap_base
    lowest = next((base + page * size for page, free in enumerate(h.free) if free), None)
    return bool(h.locked) or lowest is None or h.search_addr < lowest + size


def _search_address_is_mapped(v: HeapVars) -> z3.BoolRef:
    g = v.geometry
    page = (v.search_addr - g.heap_base) / g.page_size
    inside = z3.And(g.heap_base <= v.search_addr, v.search_addr < g.heap_limit, v.exists[page] == 1)
    return z3.Implies(v.locked == 0, z3.Or(v.search_addr == g.max_off_addr, inside))


def _holds_search_address_is_mapped(h: HeapState) -> bool:
    g = h.geometry
    if h.locked or h.search_addr == g.max_off_addr:
        return True
    page = (h.search_addr - g.heap_base) // g.page_size
    return 0 <= page < len(h.exists) and h.exists[page] == 1


def _allocated_page_is_not_scavenged(v: HeapVars, page: z3.ArithRef) -> z3.BoolRef:
    padding = z3.Or(v.locked != 0, v.holder[page] == PADDING)
    return z3.Implies(v.allocated[page] == 1, z3.Or(v.scavenged[page] == 0, padding))


def _holds_allocated_page_is_not_scavenged(h: HeapState) -> bool:
    if h.locked:
        return True
    rows = zip(h.allocated, h.scavenged, h.holder, strict=True)
    return not any(a == 1 and s != 0 and holder != PADDING for a, s, holder in rows)


def _scavenged_page_is_zero(v: HeapVars, page: z3.ArithRef) -> z3.BoolRef:
    scavenged = z3.Or(v.scavenged[page] == 1, v.cached_scavenged[page] == 1)
    return z3.Implies(scavenged, v.contents[page] == 0)


def _holds_scavenged_page_is_zero(h: HeapState) -> bool:
    rows = zip(h.scavenged, h.cached_scavenged, h.contents, strict=True)
    return all(contents == 0 for tree, cache, contents in rows if 1 in {tree, cache})


def _cache_owns_its_pages(v: HeapVars, s: z3.ArithRef, page: z3.ArithRef) -> z3.BoolRef:
    in_span = z3.And(v.state[s] != DEAD, v.covers(s, page))
    alone = z3.And(v.cached[page] == 1, v.allocated[page] == 1, z3.Not(in_span))
    return z3.Implies(z3.And(v.locked == 0, v.cached[page] != 0), alone)


def _holds_cache_owns_its_pages(h: HeapState) -> bool:
    if h.locked:
        return True
    of_spans = {page for s, state in enumerate(h.state) if state != DEAD for page in h.pages_of(s)}
    cached = {page: count for page, count in enumerate(h.cached) if count != 0}
    if len(h.state) == 0:
        return True
    return all(count == 1 and h.allocated[page] == 1 and page not in of_spans for page, count in cached.items())


def _byte_counters_count_the_pages(v: HeapVars) -> z3.BoolRef:
    size, zero = v.geometry.page_size, z3.IntVal(0)
    each = [z3.IntVal(page) for page in range(len(v.geometry.pages))]
    exist = z3.Sum([v.exists[page] for page in each])
    released = z3.Sum([zero, *(v.scavenged[page] + v.cached_scavenged[page] for page in each)])
    in_spans = v.in_use_bytes[0] + v.in_use_bytes[1] + v.in_use_bytes[2]
    agree = z3.And(
        v.heap_released == released * size,
        in_spans + v.heap_free + v.heap_released == exist * size,
        v.mapped_ready == in_spans + v.heap_free,
    )
    return z3.Implies(z3.And(v.locked == 0, v.inside_alloc_or_free == 0, v.scavenging == 0), agree)


def _holds_byte_counters_count_the_pages(h: HeapState) -> bool:
    if h.locked or h.inside_alloc_or_free or h.scavenging:
        return True
    size, ready = h.geometry.page_size, sum(h.in_use_bytes) + h.heap_free
    released = size * (sum(h.scavenged) + sum(h.cached_scavenged))
    return (h.heap_released, ready + released, h.mapped_ready) == (released, size * sum(h.exists), ready)


def _refused_memory_ends_the_run(v: HeapVars) -> z3.BoolRef:
    return v.mappings_left >= 0


def _holds_refused_memory_ends_the_run(h: HeapState) -> bool:
    return h.mappings_left >= 0


def _index_counts_the_pages(v: HeapVars, chunk: z3.ArithRef) -> z3.BoolRef:
    per_chunk, bodies = v.geometry.pages_per_chunk, list[z3.BoolRef]()
    for c in range(len(chunks(v.geometry))):
        pages = [z3.IntVal(page) for page in range(c * per_chunk, (c + 1) * per_chunk)]
        taken = [z3.If(z3.And(v.allocated[p] == 1, v.holder[p] != SCAVENGER), 1, 0) for p in pages]
        there = v.exists[pages[0]] == 1
        bodies.append(z3.Implies(there, v.index_in_use[c] == z3.Sum(taken)))
    return z3.Implies(v.locked == 0, _each(chunk, bodies))


def _holds_index_counts_the_pages(h: HeapState) -> bool:
    if h.locked:
        return True
    per_chunk = h.geometry.pages_per_chunk
    taken = [a == 1 and holder != SCAVENGER for a, holder in zip(h.allocated, h.holder, strict=True)]
    return all(
        count == sum(taken[c * per_chunk : (c + 1) * per_chunk])
        for c, count in enumerate(h.index_in_use)
        if h.exists[c * per_chunk] == 1
    )


def _index_begins_at_the_lowest_chunk(v: HeapVars, page: z3.ArithRef) -> z3.BoolRef:
    there = z3.And(v.locked == 0, v.exists[page] == 1)
    chunk = chunks(v.geometry).start + page / v.geometry.pages_per_chunk
    return z3.Implies(there, z3.And(v.min_heap_idx >= 1, v.min_heap_idx <= chunk))


def _holds_index_begins_at_the_lowest_chunk(h: HeapState) -> bool:
    if h.locked or 1 not in h.exists:
        return True
    lowest = chunks(h.geometry).start + h.exists.index(1) // h.geometry.pages_per_chunk
    return 1 <= h.min_heap_idx <= lowest


def _can_be_scavenged(v: HeapVars, group: range) -> z3.BoolRef:
    pages = [z3.IntVal(page) for page in group]
    return z3.And([z3.And(v.is_free(page), v.scavenged[page] == 0) for page in pages])


def _to_scavenge(h: HeapState) -> list[range]:
    """The groups of pages that can be returned to the system."""
    clean = [free and scavenged == 0 for free, scavenged in zip(h.free, h.scavenged, strict=True)]
    return [group for group in groups(h.geometry) if all(clean[page] for page in group)]


def _empty_chunk_has_nothing_to_scavenge(v: HeapVars, chunk: z3.ArithRef) -> z3.BoolRef:
    per_chunk, bodies = v.geometry.pages_per_chunk, list[z3.BoolRef]()
    for c in range(len(chunks(v.geometry))):
        inside = [group for group in groups(v.geometry) if group.start // per_chunk == c]
        some = z3.Or([_can_be_scavenged(v, group) for group in inside])
        bodies.append(z3.Implies(v.index_has_free[c] == 0, z3.Not(some)))
    return z3.Implies(v.locked == 0, _each(chunk, bodies))


def _holds_empty_chunk_has_nothing_to_scavenge(h: HeapState) -> bool:
    per_chunk = h.geometry.pages_per_chunk
    return bool(h.locked) or all(h.index_has_free[group.start // per_chunk] != 0 for group in _to_scavenge(h))


def _forced_cursor_is_above_what_is_free(v: HeapVars, page: z3.ArithRef) -> z3.BoolRef:
    bodies = [z3.BoolVal(True)] * len(v.geometry.pages)
    for group in groups(v.geometry):
        above = _address(z3.IntVal(group.start), v) <= v.cursor_force
        bodies[group.start] = z3.Implies(_can_be_scavenged(v, group), above)
    return z3.Implies(v.locked == 0, _each(page, bodies))


def _holds_forced_cursor_is_above_what_is_free(h: HeapState) -> bool:
    g = h.geometry
    highest = max((g.heap_base + group.start * g.page_size for group in _to_scavenge(h)), default=None)
    return bool(h.locked) or highest is None or highest <= h.cursor_force


def _what_is_left_is_one_piece(v: HeapVars, page: z3.ArithRef) -> z3.BoolRef:
    per_arena, pages = v.geometry.pages_per_arena, [z3.IntVal(p) for p in range(len(v.geometry.pages))]
    bodies = list[z3.BoolRef]()
    for p in pages[:-1]:
        n = p.as_long()
        left = z3.And(v.reserved[n // per_arena] == 1, v.exists[p] == 0, z3.Or([v.exists[q] == 1 for q in pages[:n]]))
        arenas = range((n + 1) // per_arena, v.geometry.arenas)
        more = z3.Or([v.reserved[arena] == 1 for arena in arenas])
        next_too = z3.And(v.reserved[arenas.start] == 1, v.exists[pages[n + 1]] == 0)
        bodies.append(z3.Implies(z3.And(v.locked == 0, left, more), next_too))
    return _each(page, bodies)


def _holds_what_is_left_is_one_piece(h: HeapState) -> bool:
    if h.locked or 1 not in h.exists or 1 not in h.reserved:
        return True
    per_arena = h.geometry.pages_per_arena
    limit = (len(h.reserved) - h.reserved[::-1].index(1)) * per_arena
    reserved = [h.reserved[page // per_arena] == 1 for page in range(limit)]
    left = (page for page in range(h.exists.index(1), limit) if reserved[page] and h.exists[page] == 0)
    first = next(left, limit)
    return all(reserved[page] and h.exists[page] == 0 for page in range(first, limit))


def _begins(g: Geometry) -> tuple[int, int]:
    """Where the random bits have the heap begin: (its first page, padding pages)."""
    chunks_per_arena = g.pages_per_arena // g.pages_per_chunk
    padding = g.heap_rand_seed // chunks_per_arena % g.chunk_size // g.page_size
    return g.heap_rand_seed % chunks_per_arena * g.pages_per_chunk, padding


def _heap_begins_where_the_random_bits_say(v: HeapVars, page: z3.ArithRef) -> z3.BoolRef:
    first, padding = _begins(v.geometry)
    there = z3.Implies(v.exists[page] == 1, z3.And(page >= first, v.exists[z3.IntVal(first)] == 1))
    pads = z3.And(v.exists[page] == 1, first <= page, page < first + padding)
    return z3.Implies(v.locked == 0, z3.And(there, (v.holder[page] == PADDING) == pads))


def _holds_heap_begins_where_the_random_bits_say(h: HeapState) -> bool:
    if h.locked:
        return True
    first, padding = _begins(h.geometry)
    if 1 in h.exists and h.exists.index(1) != first:
        return False
    pads = {page for page in range(first, min(first + padding, len(h.exists))) if h.exists[page] == 1}
    return {page for page, holder in enumerate(h.holder) if holder == PADDING} == pads


PAGE_INVARIANTS = (
    Invariant(
        "what_is_left_is_one_piece",
        "While nobody holds the heap lock, what was reserved and not handed over is one piece, at the end.",
        "Before the heap goes on in another arena it hands over the rest of the present one.",
        "mheap.go, grow, curArena",
        "rest_of_an_arena_lost",
        ("locked", "reserved", "exists"),
        ("page",),
        _what_is_left_is_one_piece,
        _holds_what_is_left_is_one_piece,
    ),
    Invariant(
        "heap_begins_where_the_random_bits_say",
        "While nobody holds the heap lock, the heap begins with the chunk and the padding that the random bits say.",
        "The lowest bits choose the chunk of the first arena, the next ones how much of that chunk is never used.",
        "mheap.go, grow; malloc.go, nextHeapRandBits",
        "too_few_random_chunks",
        ("locked", "exists", "holder"),
        ("page",),
        _heap_begins_where_the_random_bits_say,
        _holds_heap_begins_where_the_random_bits_say,
        "random_heap_base",
    ),
    Invariant(
        "summary_tells_the_free_runs",
        "While nobody holds the heap lock, each summary is that of its pages: free at the start, in a row, at the end.",
        "A leaf follows its bitmap, an entry above the entries that it sums up, after every change.",
        "mpagealloc.go, pageAlloc.summary, update",
        "summary_not_updated_by_free",
        ("locked", "exists", "allocated", "sum_start", "sum_max", "sum_end"),
        ("entry",),
        _summary_tells_the_free_runs,
        _holds_summary_tells_the_free_runs,
    ),
    Invariant(
        "nothing_is_free_below_the_search_address",
        "While nobody holds the heap lock, every page below the search address is allocated.",
        "Whoever frees lowers it first; it is raised over pages that are allocated.",
        "mpagealloc.go, pageAlloc.searchAddr",
        "search_address_not_lowered_by_flush",
        ("locked", "exists", "allocated", "search_addr"),
        ("page",),
        _nothing_is_free_below_the_search_address,
        _holds_nothing_is_free_below_the_search_address,
    ),
    Invariant(
        "search_address_is_mapped",
        "While nobody holds the heap lock, the search address is one of the heap's, or the highest that there is.",
        "The summaries of other addresses have no memory.",
        "mpagealloc.go, pageAlloc.searchAddr; issue 40191",
        "search_address_beyond_a_block",
        ("locked", "exists", "search_addr"),
        (),
        _search_address_is_mapped,
        _holds_search_address_is_mapped,
    ),
    Invariant(
        "allocated_page_is_not_scavenged",
        "While nobody holds the heap lock, no page is both allocated and scavenged, but for padding.",
        "Allocating clears the bit; what was scavenged is told to the caller, who calls sysUsed.",
        "mpallocbits.go, pallocData.allocRange",
        "alloc_leaves_the_scavenged_bit",
        ("locked", "allocated", "scavenged", "holder"),
        ("page",),
        _allocated_page_is_not_scavenged,
        _holds_allocated_page_is_not_scavenged,
    ),
    Invariant(
        "scavenged_page_is_zero",
        "A page that is marked scavenged, in the bitmaps or in a page cache, is zero.",
        "It was returned to the system, which clears it, or never had memory, and nobody has it.",
        "mgcscavenge.go, scavengeOne; mem.go, sysUnused",
        "flush_marks_all_scavenged",
        ("contents", "scavenged", "cached_scavenged"),
        ("page",),
        _scavenged_page_is_zero,
        _holds_scavenged_page_is_zero,
        switch="unused_zeroes",
    ),
    Invariant(
        "cache_owns_its_pages",
        "While nobody holds the heap lock, a page in a page cache is allocated, and in no other cache or living span.",
        "Filling a cache allocates its pages; they are given out from it once, or flushed.",
        "mpagecache.go, allocToCache",
        "cache_not_emptied_by_flush",
        ("locked", "cached", "allocated", "state", "base", "npages"),
        ("span", "page"),
        _cache_owns_its_pages,
        _holds_cache_owns_its_pages,
    ),
    Invariant(
        "byte_counters_count_the_pages",
        "While nobody allocates, frees or scavenges, heapReleased counts scavenged pages, heapFree other free ones.",
        "Every change of pages has its change of counters.",
        "mheap.go, allocSpan and freeSpanLocked; mgcscavenge.go, scavengeOne; mgcpacer.go",
        "scavenged_bytes_not_subtracted",
        (
            "locked",
            "inside_alloc_or_free",
            "scavenging",
            "exists",
            "scavenged",
            "cached_scavenged",
            "in_use_bytes",
            "heap_free",
            "heap_released",
            "mapped_ready",
        ),
        (),
        _byte_counters_count_the_pages,
        _holds_byte_counters_count_the_pages,
    ),
    Invariant(
        "refused_memory_ends_the_run",
        "Nobody goes on where the system has refused memory for pages, summaries, bitmaps or the index.",
        "There is no heap without them, so Go throws at once.",
        "mem_linux.go, sysMapOS; mpagealloc.go, pageAlloc.grow; CL 305911",
        "bitmaps_without_memory",
        ("mappings_left",),
        (),
        _refused_memory_ends_the_run,
        _holds_refused_memory_ends_the_run,
    ),
    Invariant(
        "index_counts_the_pages",
        "While nobody holds the heap lock, the index counts a chunk's allocated pages, without those being scavenged.",
        "Every change of a bitmap under the lock has its change of the index.",
        "mgcscavenge.go, scavChunkData.inUse",
        "index_not_told_of_caches",
        ("locked", "exists", "allocated", "holder", "index_in_use"),
        ("chunk",),
        _index_counts_the_pages,
        _holds_index_counts_the_pages,
        "scavenge_index",
    ),
    Invariant(
        "index_begins_at_the_lowest_chunk",
        "While nobody holds the heap lock, the index looks at every chunk of the heap, and at no chunk 0.",
        "Growth below what there is lowers minHeapIdx; chunk 0 means that nothing was found.",
        "mgcscavenge.go, scavengeIndex.minHeapIdx, grow",
        "min_heap_idx_not_set",
        ("locked", "exists", "min_heap_idx"),
        ("page",),
        _index_begins_at_the_lowest_chunk,
        _holds_index_begins_at_the_lowest_chunk,
        "scavenge_index",
    ),
    Invariant(
        "empty_chunk_has_nothing_to_scavenge",
        "While nobody holds the heap lock, a chunk of which the index says so has nothing to scavenge.",
        "Every free says that there is something; setEmpty is called when nothing was found.",
        "mgcscavenge.go, scavengeIndex.setEmpty, shouldScavenge",
        "index_not_told_of_frees",
        ("locked", "exists", "allocated", "scavenged", "index_has_free"),
        ("chunk",),
        _empty_chunk_has_nothing_to_scavenge,
        _holds_empty_chunk_has_nothing_to_scavenge,
        "scavenge_index",
    ),
    Invariant(
        "forced_cursor_is_above_what_is_free",
        "While nobody holds the heap lock, forced scavenging has all that can be scavenged before it.",
        "Every free above the cursor raises it; find lowers it over chunks that have nothing.",
        "mgcscavenge.go, scavengeIndex.searchAddrForce",
        "forced_cursor_not_marked",
        ("locked", "exists", "allocated", "scavenged", "cursor_force"),
        ("page",),
        _forced_cursor_is_above_what_is_free,
        _holds_forced_cursor_is_above_what_is_free,
        "scavenge_index",
    ),
)


def _background_cursor_rises_in_a_cycle(before: HeapVars, after: HeapVars) -> z3.BoolRef:
    return z3.Or(after.cursor_bg <= before.cursor_bg, after.stopped == 1)


def _holds_background_cursor_rises_in_a_cycle(before: HeapState, after: HeapState) -> bool:
    return after.cursor_bg <= before.cursor_bg or after.stopped == 1


def _forced_cursor_rises_under_the_lock(before: HeapVars, after: HeapVars) -> z3.BoolRef:
    return z3.Or(after.cursor_force <= before.cursor_force, after.locked == 1)


def _holds_forced_cursor_rises_under_the_lock(before: HeapState, after: HeapState) -> bool:
    return after.cursor_force <= before.cursor_force or after.locked == 1


PAGE_STEP_INVARIANTS = (
    StepInvariant(
        "background_cursor_rises_in_a_cycle",
        "The background scavenger's cursor only moves down, but while a cycle begins, with the world stopped.",
        "Nobody but nextGen raises it, to the highest address freed in the generation.",
        "mgcscavenge.go, scavengeIndex.searchAddrBg, nextGen",
        "background_cursor_raised_by_free",
        ("stopped", "cursor_bg"),
        (),
        _background_cursor_rises_in_a_cycle,
        _holds_background_cursor_rises_in_a_cycle,
    ),
    StepInvariant(
        "forced_cursor_rises_under_the_lock",
        "The cursor of forced scavenging only moves down, but under the heap lock.",
        "Nobody but free raises it.",
        "mgcscavenge.go, scavengeIndex.searchAddrForce, free",
        "find_raises_the_forced_cursor",
        ("locked", "cursor_force"),
        (),
        _forced_cursor_rises_under_the_lock,
        _holds_forced_cursor_rises_under_the_lock,
    ),
)
