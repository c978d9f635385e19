"""Bugs that a page allocator like Go's might well have, near those that it had: made up.

Each is of a class of bugs that Go has had: addresses where nothing is, ranges, the scavenge index, summaries, caches,
locks, generations. Read next: left_out.py.
"""

from spanproof.checks.faults.fault import Fault, fault


def _miss(name: str, says: str, where: str, *edits: tuple[str, str, str]) -> Fault:
    return fault(name, says, "refines_the_abstract_heap", f"made up: {where}", "", *edits)


HEAP_MISSES = (
    fault(
        "counted_off_in_vain", "who ends to sweep expects the count that it is about to leave, and tries again", "no_deadlock",
        "made up: mgcsweep.go, activeSweep.end", "spans_of_two_pages",
        ("Sweep.end_sweep", "self.active.compare_and_swap(state, state - 1)", "self.active.compare_and_swap(state - 1, state - 1)"),
    ),
    fault(
        "drained_set_looked_at_again", "who finds the set to sweep empty looks again", "no_deadlock",
        "made up: mgcsweep.go, sweepone", "alloc_against_sweeper",
        ("Sweep.sweepone", "await self.mark_drained()\nbreak", "await self.mark_drained()\ncontinue"),
    ),
    fault(
        "chunks_claimed_for_ever", "who reclaims goes on when no chunk is left", "no_deadlock",
        "made up: mheap.go, reclaim", "spans_of_two_pages",
        ("Heap.reclaim", "await self.reclaim_index.store(RECLAIM_DONE)\nbreak", "await self.reclaim_index.store(RECLAIM_DONE)\ncontinue"),
    ),
    fault(
        "swept_span_waited_for", "who needs its span swept waits until it is cached as well", "no_deadlock",
        "made up: mgcsweep.go, ensureSwept", "ensure_swept_against_sweeper",
        (
            "Sweep.ensure_swept", "if spangen == sl.sweep_gen or spangen == uint32(sl.sweep_gen + 3):\n    break",
            "if spangen == uint32(sl.sweep_gen + 3):\n    break",
        ),
    ),
    fault(
        "cursor_lowered_in_vain", "who lowers a cursor expects that it is lowered, and tries again", "no_deadlock",
        "made up: mranges.go, atomicOffAddr.StoreMin", "freed_above_three_chunks",
        ("AtomicOffAddr.store_min", "self.a.compare_and_swap(old, new)", "self.a.compare_and_swap(new, new)"),
    ),
    fault(
        "reclaimer_counted_off_at_once", "who reclaims is counted off before it sweeps", "reclaimers_are_waited_for",
        "made up: mheap.go, reclaimChunk", "reclaimer_is_waited_for",
        ("Heap.reclaim_chunk", "await self.end_sweep(sl)", ""),
        ("Heap.reclaim_chunk", "if not sl.valid:\n    return 0", "if not sl.valid:\n    return 0\nawait self.end_sweep(sl)"),
    ),
    fault(
        "second_byte_not_looked_at", "who reclaims looks at the first byte of page_in_use alone", "reclaim_chunk_leaves_nothing",
        "made up: mheap.go, reclaimChunk", "reclaimed_in_two_bytes",
        ("Heap.reclaim_chunk", "i < nbytes", "i < min(nbytes, 1)"),
    ),
    fault(
        "large_span_not_listed", "the span of a large object is not put where the sweeper finds it", "every_unswept_span_is_listed",
        "made up: mcache.go, allocLarge", "sweeper_and_two_allocs",
        ("Runtime.malloc_large", "if not self.release.alloc_span_pushes:\n    await self.push_swept(s)", ""),
    ),
    fault(
        "cursor_not_lowered", "find leaves its cursor where it was", "find_lowers_its_cursor",
        "made up: mgcscavenge.go, scavengeIndex.find", "freed_above_three_chunks",
        ("ScavengeIndex.find", "await cursor.store_min(new_search_addr)", "pass"),
    ),
    fault(
        "huge_pages_not_asked_for", "of each range one more group of bitmaps is left out", "huge_pages_are_asked_for",
        "made up: mpagealloc.go, enableChunkHugePages", "huge_pages_asked_for",
        ("PageAlloc.enable_chunk_huge_pages", "group < g.chunk_index(r.limit - 1) >> g.chunks_l2_bits", "group + 1 < g.chunk_index(r.limit - 1) >> g.chunks_l2_bits"),
    ),
    fault(
        "scavenger_parks_at_once", "the background scavenger parks after one chunk, however much is wanted", "background_scavenger_keeps_its_word",
        "made up: mgcscavenge.go, bgscavenge", "scavenged_in_the_background",
        ("Pages.bgscavenge", "released += more", "return"),
    ),
    fault(
        "generation_goes_on", "a collection ends no generation of the scavenge index", "cycle_ends_a_generation",
        "made up: mgcscavenge.go, nextGen", "cycle_against_background_scavenger",
        ("Marking.gc_cycle", "await self.index.next_gen()", ""),
    ),
    fault(
        "quarter_of_a_block_from_the_cache", "a page cache is asked for a quarter of its block", "caches_give_few_pages",
        "made up: mheap.go, allocSpan", "flush_of_scavenged_pages",
        ("Heap.alloc_span", "npages < g.pages_per_block // 4", "npages <= g.pages_per_block // 4"),
    ),
    fault(
        "mspan_not_kept", "an mspan that is freed goes to the pool, though the P has room for it", "mspans_are_kept_by_halves",
        "made up: mheap.go, freeMSpanLocked", "idle_beside_a_full_cache",
        ("Mspans.free_mspan_locked", "kept < self.geometry.mspan_cache", "kept > self.geometry.mspan_cache"),
    ),
    fault(
        "tracer_told_always", "who reclaims tells the tracer, and lets the lock go for it, also where none runs", "only_a_tracer_that_runs_is_told",
        "made up: mheap.go, reclaimChunk", "spans_of_two_pages",
        ("Heap.reclaim_chunk", "self.tracing", "True"),
    ),
    fault(
        "chunk_not_capped", "who reclaims a chunk looks at all that is left of the arena", "reclaimed_spans_begin_in_the_chunk",
        "made up: mheap.go, reclaimChunk", "reclaimed_in_one_of_two_chunks",
        ("Heap.reclaim_chunk", "if nbytes > n // 8:\n    nbytes = n // 8", "pass"),
    ),
    fault(
        "sweeps_only_when_done", "the sweeper takes sweeping for done when it is not", "sweeping_goes_on",
        "made up: mgcsweep.go, sweepone", "two_sweepers_on_1_17",
        ("Sweep.sweepone", "await self.sweep_drained.load() != 0", "await self.sweep_drained.load() == 0"),
    ),
    fault(
        "empty_cache_not_filled", "a page cache that is empty stays empty", "empty_caches_are_filled",
        "made up: mheap.go, allocSpan", "cache_against_cache",
        ("Pages.alloc_from_cache", "c.empty()", "False"),
    ),
    fault(
        "garbage_not_reclaimed", "allocating reclaims no pages, and the heap grows beside its garbage", "alloc_reclaims_first",
        "made up: mheap.go, alloc", "two_cycles",
        ("Heap.alloc", "await self.reclaim(npages)", "pass"),
    ),
    fault(
        "stacks_not_aligned", "a stack begins at any page of the heap, whatever the system wants", "stacks_begin_at_system_pages",
        "mheap.go, allocSpan; issue 41008, as before 1.16", "aligned_stacks",
        ("Heap.alloc_span", "need_phys_page_align = self.aligned_stacks and typ == ALLOC_STACK", "need_phys_page_align = False"),
    ),
    fault(
        "surplus_not_credited", "pages that were reclaimed and not asked for are nobody's credit", "reclaim_keeps_its_word", "made up: mheap.go, reclaim", "spans_of_two_pages",
        ("Heap.reclaim", "await self.reclaim_credit.add(nfound - npage)", ""),
    ),
    fault(
        "reclaim_looks_at_one_chunk", "who reclaims is content with what one chunk has", "reclaim_keeps_its_word",
        "made up: mheap.go, reclaim; after the end of the list at which mheap.reclaimList stopped before 1.12", "reclaimed_chunk_by_chunk",
        ("Heap.reclaim", "npage -= nfound", "npage = 0"),
    ),
    fault(
        "search_address_not_lowered_by_scavenging", "scavenged pages are given back above a search address that has passed them", "nothing_is_free_below_the_search_address",
        "made up: mgcscavenge.go, scavengeOne", "scavenge_against_alloc",
        ("ScavengingPageAlloc.scavenge_one", "await self.tree.update(lower_search_addr, addr)", ""),
    ),
    fault(
        "flushed_without_the_lock", "a page cache is flushed without the heap lock", "lock_discipline_is_kept", "made up: proc.go, p.destroy", "flush_against_refill",
        ("Pages.flush_pcache", "await self.lock.lock()", ""), ("Pages.flush_pcache", "await self.lock.unlock()", ""),
    ),
    fault(
        "entries_of_the_first_arena_alone", "the pages of a region's second arena are mapped in the first", "published_span_is_mapped", "made up: mheap.go, setSpans", "region_across_arenas",
        ("Heap.set_spans", "if i == 0:\n    ai = self.arena_index(base + n * self.geometry.page_size)", ""),
    ),
    fault(
        "growth_not_rounded", "growing asks for pages, not for whole chunks", "refines_the_abstract_heap", "made up: mheap.go, grow", "chunk_by_chunk",
        ("Growth.grow", "align_up(npage, g.pages_per_chunk) * g.page_size", "npage * g.page_size"),
    ),
    fault(
        "generation_moves_by_one", "a cycle moves the sweep generation by one", "sweepgen_is_one_of_five", "made up: mgc.go, gcSweep", "cached_across_a_cycle",
        ("Marking.gc_sweep", "self.sweepgen.write(uint32(sg + 2))", "self.sweepgen.write(uint32(sg + 1))"),
    ),
    fault(
        "cleared_while_preemptible", "a large object is cleared where a collection may begin, and is reached by nobody", "live_memory_keeps_its_contents", "made up: malloc.go, mallocgcLarge; after B20, issue 47302, CL 336449", "cycle_beside_an_allocation",
        ("Runtime.malloc_large", "if not is_zeroed:\n    await self.clear(s)", "await self.releasem()\nif not is_zeroed:\n    await self.clear(s)\nawait self.acquirem()"),
    ),
    fault(
        "free_bytes_not_counted", "a span's scavenged bytes are subtracted from the free bytes too", "byte_counters_count_the_pages", "made up: mheap.go, allocSpan", "two_allocs_one_arena",
        ("Heap.alloc_span", "await self.heap_free.add(-(nbytes - scav))", "await self.heap_free.add(-nbytes)"),
    ),
)  # fmt: skip
"""Scenarios show these."""

PAGE_MISSES = (
    _miss(
        "successor_looked_for_too_high", "a binary search for the range above an address passes it by", "mranges.go, findSucc",
        ("AddrRanges.find_succ", "top = i", "bot = i + 1"),
    ),
    _miss(
        "full_chunk_does_not_fit", "the number of pages of a chunk in use is stored in one bit too few", "mgcscavenge.go, scavChunkData",
        ("ScavChunkData.pack", "self.in_use | self.last_in_use << 16", "self.in_use & (1 << log - 1) - 1 | self.last_in_use << 16"),
    ),
    _miss(
        "last_in_use_runs_into_the_flags", "the number of pages that were in use is stored in one bit too many", "mgcscavenge.go, unpackScavChunkData",
        ("ScavChunkData.pack", "self.flags << 16 + log", "self.flags << 15 + log"),
    ),
    _miss(
        "forced_cursor_raised_to_the_base", "freeing raises the cursor to the first page freed, not to the last", "mgcscavenge.go, free",
        ("ScavengeIndex.free", "page + npages - 1", "page"),
    ),
    _miss(
        "huge_page_taken_beyond_the_run", "a huge page is kept whole though it begins before the free run", "mgcscavenge.go, findScavengeCandidate",
        ("scavenge.find_scavenge_candidate", "huge_page_below >= end - run", "huge_page_below >= 0"),
    ),
    _miss(
        "run_across_summaries_missed", "the longest run of a summary never crosses a border of the summaries below", "mpagealloc.go, mergeSummaries",
        ("palloc_bits.merge_summaries", "max(most, end + si, mi)", "max(most, mi)"),
    ),
    _miss(
        "end_of_a_summary_not_extended", "an end that is all free does not go on", "mpagealloc.go, mergeSummaries; studied: a mutant of the refinement",
        ("palloc_bits.merge_summaries", "end += 1 << log_max_pages_per_sum", "end = ei"),
    ),
    _miss(
        "search_begins_too_high", "a search skips the entry in which the search address lies", "mpagealloc.go, find; studied: a mutant of the refinement",
        ("PageTree.find", "search_idx & entries_per_block - 1", "(search_idx & entries_per_block - 1) + 1"),
    ),
    _miss(
        "largest_summary_packed", "the largest number of pages is packed into bits that do not hold it", "mpagealloc.go, packPallocSum",
        ("palloc_bits.pack_palloc_sum", "if most == 1 << log_max:\n    return 1 << 63", ""),
    ),
    _miss(
        "last_entry_not_updated", "the last entry that a range reaches is not updated above the lowest level", "mpagealloc.go, update",
        ("PageTree.update", "g.addrs_to_summary_range(level, base, limit + 1)", "g.addrs_to_summary_range(level, base, limit + 1 - g.chunk_size)"),
    ),
    _miss(
        "middle_chunks_not_updated", "of a range over many chunks the last but one keeps its summary", "mpagealloc.go, update",
        ("PageTree.update", "range(sc + 1, ec)", "range(sc + 1, ec - 1)"),
    ),
    _miss(
        "summaries_mapped_again", "summaries that the range below has in its memory are mapped over", "mpagealloc_64bit.go, sysGrow",
        ("PageTree.sys_grow", "if in_use_index > 0:\n    need = need.subtract(self._summary_bytes(level, self.in_use.ranges[in_use_index - 1]))", ""),
    ),
    _miss(
        "summaries_above_mapped_again", "summaries that the range above has in its memory are mapped over", "mpagealloc_64bit.go, sysGrow",
        ("PageTree.sys_grow", "if in_use_index < len(self.in_use.ranges):\n    need = need.subtract(self._summary_bytes(level, self.in_use.ranges[in_use_index]))", ""),
    ),
    _miss(
        "new_chunk_not_scavenged", "fresh memory is taken for memory that the system has given", "mpagealloc.go, grow",
        ("PageTree.grow", "replace(chunk, scavenged=chunk.scavenged.set_range(0, g.pages_per_chunk))", "chunk"),
    ),
    _miss(
        "nothing_free_whatever_was_asked", "when a long run is not found the search address says that nothing is free", "mpagealloc.go, alloc",
        ("page_alloc.search", "addr == 0 and npages == 1", "addr == 0"),
    ),
    _miss(
        "search_address_not_lowered_by_free", "freeing leaves the search address above the freed pages", "mpagealloc.go, free",
        ("PageAlloc.free", "await self.tree.update(lower_search_addr, base)", ""),
    ),
    _miss(
        "search_address_not_lowered_by_grow", "growing below leaves the search address above the new chunks", "mpagealloc.go, grow",
        ("PageTree.grow", "base if g.less_than(base, self.search_addr) else self.search_addr", "self.search_addr if self.search_addr != g.max_off_addr else base"),
    ),
    _miss(
        "flush_of_single_pages_not_summed_up", "flushing a cache leaves the summaries as they were", "mpagecache.go, flush",
        ("CachingPageAlloc.flush", "await self.tree.update(update_summaries, c.base, g.pages_per_block, False, False)", ""),
    ),
    _miss(
        "flush_forgets_what_is_scavenged", "pages that a cache gives back are not scavenged any more", "mpagecache.go, flush",
        ("CachingPageAlloc.flush", "if c.scav & 1 << i != 0:\n    await self.tree.update(mark_scavenged, ci, pi + i, 1)", ""),
    ),
    _miss(
        "cache_counts_all_that_is_scavenged", "a run of pages from a cache counts as scavenged what is scavenged of all its pages", "mpagecache.go, allocN",
        ("PageCache.alloc_n", "self.scav & mask", "self.scav"),
    ),
    _miss(
        "first_page_of_a_block_left_out", "the cache of a block never has its first page", "mpagecache.go, allocToCache",
        ("page_cache.find_block", "complement(chunk.alloc.pages64(j), g.pages_per_block)", "complement(chunk.alloc.pages64(j) | 1, g.pages_per_block)"),
    ),
    _miss(
        "scavenged_of_the_whole_chunk", "allocating counts what is scavenged from the first page of the chunk on", "mpagealloc.go, allocRange",
        ("page_alloc.take", "chunk.scavenged.popcnt_range(si, npages)", "chunk.scavenged.popcnt_range(0, npages)"),
    ),
    _miss(
        "run_of_ones_one_too_short", "a run within a word may be one page shorter than asked", "mpallocbits.go, findBitRange64",
        ("palloc_bits.find_bit_range64", "n - 1, 1", "n - 2, 1"),
    ),
    _miss(
        "shift_not_doubled", "a search in a word does not double its shift", "mpallocbits.go, findBitRange64",
        ("palloc_bits.find_bit_range64", "k *= 2", "k *= 4"),
    ),
    _miss(
        "run_across_words_begins_anew", "a run across two words is not seen", "mpallocbits.go, findSmallN",
        ("PallocBits.find_small_n", "end + start >= npages", "start >= npages"),
    ),
    _miss(
        "whole_words_not_counted", "a free word within a long run is not counted", "mpallocbits.go, findLargeN",
        ("PallocBits.find_large_n", "size += width", "size = width"),
    ),
    _miss(
        "groups_filled_by_their_highest_page", "a page of the system's counts as free whose highest page alone is free", "mgcscavenge.go, fillAligned",
        ("scavenge.fill_aligned", "(x & c) + c | x | c", "(x & c) + c | c"),
    ),
    _miss(
        "last_page_of_a_chunk_not_found", "looking down through a chunk begins one page too low", "mgcscavenge.go, find",
        ("ScavengeIndex.find", "g.chunk_base(i) + g.chunk_size - g.page_size", "g.chunk_base(i)"),
    ),
    _miss(
        "dense_chunk_never_scavenged", "a forced scavenge passes by chunks that are densely used", "mgcscavenge.go, shouldScavenge",
        ("ScavChunkData.should_scavenge", "if force:\n    return True", ""),
    ),
    _miss(
        "index_begins_too_high", "the scavenge index begins at the highest chunk that was grown, not at the lowest", "mgcscavenge.go, grow",
        ("ScavengeIndex.grow", "min_heap_idx == 0 or base_idx < min_heap_idx", "base_idx > min_heap_idx"),
    ),
    _miss(
        "pruned_at_the_wrong_end", "a range from which another is taken begins where that one begins, not where it ends", "mranges.go, subtract",
        ("AddrRange.subtract", "replace(self, base=b.limit)", "replace(self, base=b.base)"),
    ),
    _miss(
        "ranges_joined_to_one_side", "where a range closes a gap the range above it stays", "mranges.go, add",
        ("AddrRanges.add", "ranges[i - 1] = replace(ranges[i - 1], limit=ranges[i].limit)\ndel ranges[i]", "ranges[i - 1] = replace(ranges[i - 1], limit=r.limit)"),
    ),
)  # fmt: skip
"""Histories show these."""
