"""The planted faults of the page allocator, its caches and its scavengers. Read next: table.py."""

from spanproof.checks.faults.fault import Origin, fault

_EDGES = """
first, scav = await self.pages.alloc(npages + extra_pages)
base = align_up(first, self.geometry.phys_page_size)
before = base - first
if before > 0:
    await self.pages.free(first, before // self.geometry.page_size)
after = extra_pages * self.geometry.page_size - before
if after > 0:
    await self.pages.free(base + npages * self.geometry.page_size, after // self.geometry.page_size)
return base, scav, growth
"""
_WHOLE_BLOCK = """
whole = complement(0, g.pages_per_block)
alloc, scavenged = chunk.alloc.alloc_pages64(cpi, whole), chunk.scavenged.clear_block64(cpi, whole)
"""

PAGE_FAULTS = (
    fault(
        "summary_not_updated_by_free", "freeing pages leaves the summaries as they were", "summary_tells_the_free_runs",
        "made up: mpagealloc.go, free", "free_against_alloc",
        ("PageAlloc.free", "await self.tree.update(update_summaries, base, npages, True, False)", ""),
    ),
    fault(
        "search_address_not_lowered_by_flush", "flushing a cache leaves the search address above its pages",
        "nothing_is_free_below_the_search_address", "made up: mpagecache.go, flush", "flush_against_refill",
        ("CachingPageAlloc.flush", "await self.tree.update(lower_search_addr, c.base)", ""),
    ),
    fault(
        "search_address_beyond_a_block", "filling a cache looks on behind its block, which may be no page of the heap's",
        "search_address_is_mapped", "like A3: issue 38605, CL 229577", "cache_against_cache",
        ("page_cache.leave_block", "g.pages_per_block - 1", "g.pages_per_block"),
    ),
    fault(
        "alloc_leaves_the_scavenged_bit", "allocating pages leaves them marked scavenged", "allocated_page_is_not_scavenged",
        "made up: mpallocbits.go, pallocData.allocRange", "free_against_alloc",
        ("PallocData.alloc_range", "self.scavenged.clear_range(i, n)", "self.scavenged"),
    ),
    fault(
        "flush_marks_all_scavenged", "a flushed cache's pages are all marked scavenged", "scavenged_page_is_zero",
        "made up: mpagecache.go, flush", "flush_of_scavenged_pages",
        ("CachingPageAlloc.flush", "c.scav & 1 << i != 0", "c.cache & 1 << i != 0"),
    ),
    fault(
        "cache_not_emptied_by_flush", "a P goes on with the cache that it flushed", "cache_owns_its_pages",
        "made up: mpagecache.go, flush", "flush_against_refill",
        ("Pages.flush_pcache", "await self.pcache.at(self.p).write(flushed)", ""),
    ),
    fault(
        "scavenged_bytes_not_subtracted", "heapReleased keeps the bytes that a span took", "byte_counters_count_the_pages",
        "made up: mheap.go, allocSpan", "two_allocs_one_arena", ("Heap.alloc_span", "await self.heap_released.add(-scav)", ""),
    ),
    fault(
        "index_not_told_of_caches", "filling a cache does not tell the scavenge index", "index_counts_the_pages",
        "made up: mpagecache.go, allocToCache", "cache_against_cache",
        (
            "CachingPageAlloc.alloc_to_cache",
            "if self.release.scavenge_index:\n    await self.index.alloc(g.chunk_index(c.base), ones_count(c.cache))", "",
        ),
    ),
    fault(
        "min_heap_idx_not_set", "growing leaves minHeapIdx as it was", "index_begins_at_the_lowest_chunk",
        "made up: mgcscavenge.go, grow", "chunk_by_chunk", ("ScavengeIndex.grow", "await self.min_heap_idx.store(base_idx)", ""),
    ),
    fault(
        "index_not_told_of_frees", "freeing does not say that there is something to scavenge",
        "empty_chunk_has_nothing_to_scavenge", "made up: mgcscavenge.go, scavChunkData.free", "empty_is_rightly_said",
        ("ScavChunkData.free", "data.flags | HAS_FREE", "data.flags"),
    ),
    fault(
        "forced_cursor_not_raised", "freeing leaves the cursor of forced scavenging", "forced_scavenge_leaves_nothing",
        "like A14: mgcscavenge.go, free", "nothing_is_left", ("ScavengeIndex.free", "await self.search_addr_force.store_marked(addr)", ""),
    ),
    fault(
        "forced_cursor_not_marked", "freeing raises the cursor of forced scavenging without a mark",
        "forced_cursor_is_above_what_is_free", "made up: mranges.go, StoreMarked", "mark_keeps_a_raised_cursor",
        ("AtomicOffAddr.store_marked", "-(addr - self.offset)", "addr - self.offset"),
    ),
    fault(
        "marked_cursor_cleared", "a find that has found nothing clears a cursor that was raised meanwhile",
        "forced_cursor_is_above_what_is_free", "made up: mranges.go, Clear", "mark_keeps_a_raised_cursor",
        ("AtomicOffAddr.clear", "if old < 0:\n    return", ""),
    ),
    fault(
        "background_cursor_raised_by_free", "freeing raises the background scavenger's cursor",
        "background_cursor_rises_in_a_cycle", "made up: mgcscavenge.go, free", "scavengers_and_a_free",
        ("ScavengeIndex.free", "await self.search_addr_force.store_marked(addr)", "await self.search_addr_bg.store_marked(addr)"),
    ),
    fault(
        "find_raises_the_forced_cursor", "find stores where it looks on even where that is higher",
        "forced_cursor_rises_under_the_lock", "made up: mranges.go, StoreMin", "two_forced_scavengers",
        ("AtomicOffAddr.store_unmark", "await self.a.compare_and_swap(-(marked_addr - self.offset), new_addr - self.offset)",
         "await self.a.store(new_addr - self.offset)"),
    ),
    fault(
        "grow_beyond_the_arena", "growing does not look where the arena ends", "grown_pages_were_reserved",
        "made up: mheap.go, grow", "region_across_arenas", ("Growth.grow", "n_base > end", "end == 0"),
    ),
    fault(
        "unused_leaves_memory", "memory that was returned to the system is as it was, and is taken for zero",
        "asked_for_zero_gets_zero", "A1: CL 715160 (27937289dc), since Go 1.26: initSpan trusts what sysUnused may not have done", "zero_after_scavenge",
        ("OsMemory.sys_unused", "await self.memory.at(page).write(0)", ""),
        origin=Origin.HISTORY, release="go1.27",
    ),
    fault(
        "edges_of_an_aligned_stack_are_freed", "more than an aligned stack is allocated, and what lies around it is freed",
        "ready_memory_was_released", "A9: issue 52682, CL 266919, CL 407502 (b58067013e), in Go 1.16 to 1.18", "aligned_stacks",
        (
            "Pages.alloc_phys_page_aligned",
            "base = align_up(base, self.geometry.phys_page_size)\nscav = await self.pages.alloc_range(base, npages)\nreturn base, scav, growth",
            _EDGES,
        ),
        origin=Origin.HISTORY, release="go1.18",
    ),
    fault(
        "cache_takes_the_whole_block", "filling a cache allocates the whole block, and forgets what of it was scavenged",
        "byte_counters_count_the_pages", "A16: CL 356609 (6d1fffac63), up to Go 1.17, and harmless there; here beside the padding of 1.26", "cache_beside_padding",
        (
            "page_cache.take_block",
            "alloc, scavenged = chunk.alloc.alloc_pages64(cpi, c.cache), chunk.scavenged.clear_block64(cpi, c.cache & c.scav)",
            _WHOLE_BLOCK,
        ),
        origin=Origin.HISTORY, release="go1.26",
    ),
    fault(
        "scavenged_pages_given_away", "pages are given back before they are scavenged", "live_memory_keeps_its_contents",
        "made up: mgcscavenge.go, scavengeOne", "scavenge_against_alloc",
        (
            "scavenge.take_candidate",
            "return p.with_chunk(ci, p.chunk_of(ci).alloc_range(base, npages)), (base, npages)", "return p, (base, npages)",
        ),
    ),
    fault(
        "rest_of_an_arena_lost", "the rest of an arena is not handed over when the next one begins", "what_is_left_is_one_piece",
        "made up: mheap.go, grow", "sparse_arenas", ("Growth.grow", "end - base != 0", "False"),
    ),
    fault(
        "rest_of_an_arena_not_counted", "the rest of an arena is handed over and not counted as growth", "refines_the_abstract_heap",
        "made up: mheap.go, grow", "sparse_arenas", ("Growth.grow", "total_growth += end - base", ""),
    ),
    fault(
        "out_of_memory_not_seen", "growing goes on where the system gives no memory", "grown_pages_were_reserved",
        "made up: mheap.go, grow", "memory_runs_out", ("Growth.grow", "av == 0", "av < 0"),
    ),
    fault(
        "arena_beyond_the_address_space", "an arena is reserved behind the last one", "refines_the_abstract_heap",
        "made up: malloc.go, sysAlloc", "memory_runs_out",
        (
            "Growth.sys_alloc", "await self.arena_hint.update(take_arenas, narenas, self.geometry.arena_gap, limit)",
            "await self.arena_hint.update(take_arenas, narenas, self.geometry.arena_gap, limit + 1)",
        ),
    ),
    fault(
        "last_arena_not_used", "memory runs out one arena too early", "refines_the_abstract_heap", "made up: malloc.go, sysAlloc", "two_arenas_three_threads",
        (
            "Growth.sys_alloc", "await self.arena_hint.update(take_arenas, narenas, self.geometry.arena_gap, limit)",
            "await self.arena_hint.update(take_arenas, narenas, self.geometry.arena_gap, limit - 1)",
        ),
    ),
    fault(
        "last_chunk_of_an_arena_not_used", "a new arena is reserved where the present one has just enough left", "refines_the_abstract_heap",
        "made up: mheap.go, grow", "chunk_by_chunk", ("Growth.grow", "n_base > end", "n_base >= end"),
    ),
    fault(
        "gap_reserved", "arenas that are not the heap's are reserved", "refines_the_abstract_heap", "made up: malloc.go, sysAlloc", "sparse_arenas",
        (
            "Growth.sys_alloc", "await self.arena_hint.update(take_arenas, narenas, self.geometry.arena_gap, limit)",
            "await self.arena_hint.update(take_arenas, narenas, 0, limit)",
        ),
    ),
    fault(
        "too_few_random_chunks", "half of the random bits choose the first chunk", "heap_begins_where_the_random_bits_say",
        "made up: mheap.go, grow", "random_base", ("Growth.grow", "chunks.bit_length() - 1", "(chunks.bit_length() - 1) // 2"),
    ),
    fault(
        "too_little_random_padding", "one random bit too few chooses the first page", "heap_begins_where_the_random_bits_say",
        "made up: mheap.go, grow", "random_base",
        (
            "Growth.grow", "await self.heap_rand_seed.update(next_heap_rand_bits, g.log_chunk_size)",
            "await self.heap_rand_seed.update(next_heap_rand_bits, g.log_chunk_size - 1)",
        ),
    ),
    fault(
        "aligned_stack_not_aligned", "no more pages are looked for than a stack needs, wherever it must begin", "refines_the_abstract_heap",
        "made up: mheap.go, allocSpan", "aligned_stacks",
        ("Pages.alloc_phys_page_aligned", "self.geometry.phys_page_size // self.geometry.page_size", "0"),
    ),
    fault(
        "aligned_stack_in_a_short_hole", "one page less is looked for to align a stack: it fits, and is not where Go has it", "refines_the_abstract_heap",
        "made up: mheap.go, allocSpan", "stack_beside_a_short_hole",
        (
            "Pages.alloc_phys_page_aligned", "self.geometry.phys_page_size // self.geometry.page_size",
            "self.geometry.phys_page_size // self.geometry.page_size - 1",
        ),
    ),
)  # fmt: skip
