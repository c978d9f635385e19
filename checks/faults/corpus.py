"""The planted faults, each an edit of the text with the claim that it breaks.

Read next: table.py.
"""

from spanproof.checks.faults.environment_faults import ENVIRONMENT_FAULTS
from spanproof.checks.faults.fault import Origin, fault
from spanproof.checks.faults.historical import HISTORICAL
from spanproof.checks.faults.near_misses import HEAP_MISSES
from spanproof.checks.faults.page_corpus import PAGE_FAULTS
from spanproof.checks.faults.reader_faults import READER_FAULTS
from spanproof.checks.faults.studied import CLAIM, RELOAD, STUDIED

_RELOAD_IN_USE = """
await self.lock.lock()
in_use_bits = await in_use.load()
marked_bits = await marked.read()
in_use_unmarked = and_not(in_use_bits, marked_bits)
"""
_ACQUIRE = """
if not await s.sweepgen.compare_and_swap(uint32(sl.sweep_gen - 2), uint32(sl.sweep_gen - 1)):
    return sl, False
"""

SPAN_FAULTS = (
    fault(
        "plain_store_for_cas", "zeroedBase is stored, not compared and swapped", "zeroed_base_never_decreases",
        "studied: nocas; B1 of the model-checked heap: mheap.go, allocNeedsZero", "two_allocs_one_arena",
        ("Heap.alloc_needs_zero", CLAIM, "await zeroed_base_of_arena.store(arena_limit)\nbreak"),
        origin=Origin.STUDY, threads=2, switches=2,
    ),
    fault(
        "need_zero_skips_zeroed_base", "zeroedBase is not raised over memory that needs zeroing",
        "non_zero_page_is_below_zeroed_base", "studied: skip_if_need; B2 of the model-checked heap: mheap.go, allocNeedsZero", "dirty_and_fresh",
        ("Heap.alloc_needs_zero", "arena_limit > zeroed_base", "not need_zero and arena_limit > zeroed_base"),
        origin=Origin.STUDY,
    ),
    fault(
        "need_zero_not_raised", "alloc_needs_zero always says that nothing needs zeroing",
        "unneeded_zeroing_is_already_zero", "made up: mgcsweep.go and mheap.go", "free_against_alloc",
        ("Heap.alloc_needs_zero", "need_zero = True", ""),
    ),
    fault(
        "need_zero_overwritten", "the second arena's answer replaces the first's", "unneeded_zeroing_is_already_zero",
        "studied: need_overwrite: mheap.go, allocNeedsZero", "dirty_and_fresh",
        ("Heap.alloc_needs_zero", "if arena_base < zeroed_base:\n    need_zero = True", "need_zero = arena_base < zeroed_base"),
        origin=Origin.STUDY,
    ),
    fault(
        "failed_cas_treated_as_done", "a failed compare-and-swap ends the loop", "non_zero_page_is_below_zeroed_base",
        "studied: B4 of the model-checked heap: mheap.go, allocNeedsZero", "two_allocs_one_arena",
        ("Heap.alloc_needs_zero", CLAIM, "await zeroed_base_of_arena.compare_and_swap(zeroed_base, arena_limit)\nbreak"),
        origin=Origin.STUDY, threads=2, switches=3,
    ),
    fault(
        "failed_cas_not_reloaded", "after a failed compare-and-swap the old value is tried again", "no_deadlock",
        "made up: mheap.go, allocNeedsZero", "two_allocs_one_arena", ("Heap.alloc_needs_zero", RELOAD, ""),
    ),
    fault(
        "throw_on_equal_base", "the overlap check also throws when zeroedBase ends where the region begins",
        "overlap_throw_is_not_reached", "studied: throw_ge: mheap.go, allocNeedsZero", "two_allocs_one_arena",
        ("Heap.alloc_needs_zero", "zeroed_base > arena_base", "zeroed_base >= arena_base"),
        origin=Origin.STUDY, threads=2, switches=3,
    ),
    fault(
        "arena_limit_not_capped", "a region that crosses an arena raises zeroedBase beyond the arena",
        "zeroed_base_stays_in_arena", "studied: nocap: mheap.go, allocNeedsZero", "region_across_arenas",
        ("Heap.alloc_needs_zero", "arena_limit = self.geometry.arena_size", ""),
        origin=Origin.STUDY,
    ),
    fault(
        "arena_edge_off_by_one", "a region may reach one page over the arena's end", "zeroed_base_stays_in_arena",
        "studied: B8 of the model-checked heap: mheap.go, allocNeedsZero", "memory_runs_out",
        (
            "Heap.alloc_needs_zero", "arena_limit > self.geometry.arena_size",
            "arena_limit > self.geometry.arena_size + self.geometry.page_size",
        ),
        origin=Origin.STUDY,
    ),
    fault(
        "needzero_cleared_without_memclr", "up to 1.16 alloc stores needzero = 0 and clears nothing", "alloc_keeps_its_word",
        "studied: nomemclr: mheap.go, alloc", "free_against_alloc",
        ("Heap.alloc", "if needzero and await s.needzero.read() != 0:\n    await self.clear(s)", ""),
        origin=Origin.STUDY,
    ),
    fault(
        "memclr_of_npages_bytes", "memory is cleared for npages bytes, not pages", "asked_for_zero_gets_zero",
        "studied: memclr_noshift: mheap.go, alloc", "dirty_and_fresh",
        ("Heap.clear", "npages * self.geometry.page_size", "npages"),
        origin=Origin.STUDY,
    ),
    fault(
        "memclr_one_page_short", "the last page is not cleared", "asked_for_zero_gets_zero", "studied: memclr_short: mheap.go, alloc", "dirty_and_fresh",
        ("Heap.clear", "npages * self.geometry.page_size", "(npages - 1) * self.geometry.page_size"),
        origin=Origin.STUDY,
    ),
    fault(
        "caller_does_not_clear", "from 1.18 on (late clearing in 1.17) the caller forgets to clear",
        "asked_for_zero_gets_zero", "studied: nomemclr, in later releases: malloc.go, mallocgcLarge", "cleared_late",
        ("Runtime.malloc_large", "if not is_zeroed:\n    await self.clear(s)", ""),
        origin=Origin.STUDY,
    ),
    fault(
        "partly_scavenged_is_zero", "from 1.26 on one scavenged page is taken for all", "alloc_keeps_its_word",
        "studied: scav_partial: mheap.go, allocNeedsZero", "scavenged_is_zero",
        ("Heap.init_span", "scav == npages * self.geometry.page_size", "scav != 0"),
        origin=Origin.STUDY,
    ),
    fault(
        "sweepgen_acquired_by_plain_store", "the sweeper stores h-1 without comparing", "sweepgen_follows_the_protocol",
        "made up: mgcsweep.go and mheap.go", "alloc_against_sweeper", ("Sweep.try_acquire", _ACQUIRE, "await s.sweepgen.store(uint32(sl.sweep_gen - 1))"),
    ),
    fault(
        "sweep_without_acquiring", "a sweeper that lost the race sweeps all the same", "only_the_winner_sweeps",
        "mgcsweep.go, tryAcquire", "alloc_against_sweeper",
        ("Sweep.try_acquire", _ACQUIRE, "await s.sweepgen.compare_and_swap(uint32(sl.sweep_gen - 2), uint32(sl.sweep_gen - 1))"),
    ),
    fault(
        "sweeper_not_deregistered", "sweepone forgets activeSweep.end", "sweeper_meets_what_it_may_sweep",
        "mgcsweep.go, activeSweep", "two_cycles", ("Sweep.sweepone", "await self.end_sweep(sl)", ""),
    ),
    fault(
        "finishsweep_skipped", "a cycle begins while spans are unswept", "sweepgen_is_one_of_five", "mgcsweep.go, finishsweep_m", "two_cycles",
        ("Marking.gc_cycle", "await self.finishsweep_m()", ""),
    ),
    fault(
        "marked_span_swept_free", "the sweeper does not look at the mark bits", "live_memory_keeps_its_contents",
        "mgcsweep.go, sweep", "ensure_swept_against_sweeper", ("Sweep.sweep", "nalloc = await s.gcmark_bits.read()", "nalloc = 0"),
    ),
    fault(
        "alloc_count_not_cleared", "the sweeper leaves allocCount as it was", "freed_span_may_be_freed",
        "mgcsweep.go, sweep", "alloc_against_sweeper", ("Sweep.sweep", "await s.alloc_count.write(nalloc)", ""),
    ),
    fault(
        "published_before_set_spans", "page_in_use is set before the pages are mapped", "published_span_is_mapped",
        "after B5, a swap that the study names; studied: B7 of the model-checked heap", "two_allocs_one_arena",
        ("Heap.init_span", "await self.set_spans(base, npages, s)", "if typ != ALLOC_HEAP:\n    await self.set_spans(base, npages, s)"),
        ("Heap.init_span", "await self.pages_in_use.add(npages)", "await self.pages_in_use.add(npages)\nawait self.set_spans(base, npages, s)"),
        origin=Origin.STUDY,
    ),
    fault(
        "spans_entry_missing", "the last page of a span is not mapped", "no_nil_dereference", "mheap.go, setSpans", "two_allocs_one_arena",
        ("Heap.set_spans", "n < npage", "n < npage - 1"),
    ),
    fault(
        "in_use_bit_not_set", "the in-use bit of a heap span is never set", "in_use_span_has_its_bit", "mheap.go, initSpan", "two_allocs_one_arena",
        ("Heap.init_span", "await self.page_in_use.at((self.arena_index(base), page // 8)).or8(1 << page % 8)", ""),
    ),
    fault(
        "in_use_not_reloaded", "reclaim_chunk trusts its old copy after taking the lock again", "plain_accesses_are_ordered",
        "studied: B5 of the model-checked heap; the reload that reclaimChunk's comment asks for, beside B1", "reclaim_against_reuse", ("Heap.reclaim_chunk", _RELOAD_IN_USE, "await self.lock.lock()"),
        origin=Origin.STUDY, threads=2, switches=2,
    ),
    fault(
        "traced_under_the_lock", "the execution tracer is told while the heap lock is held", "no_deadlock", "B1: CL 207846 (f266cce676), in Go 1.12 and 1.13", "traced_reclaim",
        (
            "Heap.reclaim_chunk",
            "await self.lock.unlock()\nawait self.trace_gc_sweep_span((n0 - n_freed) * self.geometry.page_size)\nawait self.lock.lock()",
            "await self.trace_gc_sweep_span((n0 - n_freed) * self.geometry.page_size)",
        ),
        origin=Origin.HISTORY, release="go1.14",
    ),
    fault(
        "span_one_page_too_long", "a span believes that it owns one page more", "no_page_in_two_spans", "after issue 9048, CL 8920", "two_allocs_one_arena",
        ("Heap.alloc_span", "self.init_span(s, typ, spanclass, base, npages, scav)", "self.init_span(s, typ, spanclass, base, npages + 1, scav)"),
    ),
    fault(
        "taken_pages_given_again", "the page allocator gives pages that are taken", "no_page_in_two_spans", "studied: overlap; after issue 9048, CL 8920", "two_allocs_one_arena",
        ("PallocData.alloc_range", "self.alloc.alloc_range(i, n)", "self.alloc"),
        origin=Origin.STUDY, switches=1,
    ),
    fault(
        "freed_with_in_use_bit", "freeing leaves the in-use bit set", "in_use_bit_marks_a_built_span", "made up: mheap.go, freeSpanLocked", "alloc_against_sweeper",
        ("Heap.free_span_locked", "await self.page_in_use.at((self.arena_index(base), page // 8)).and8(~(1 << page % 8))", ""),
    ),
    fault(
        "span_not_killed", "a freed span stays alive", "span_pages_are_allocated", "mheap.go, freeSpanLocked", "free_against_alloc",
        ("Heap.free_span_locked", "await s.state.store(DEAD)", ""),
    ),
    fault(
        "last_page_not_freed", "the last page of a freed span is lost", "allocated_page_has_a_span", "after issue 15022, CL 21280", "free_against_alloc",
        (
            "Heap.free_span_locked", "await self.pages.free(base, npages)",
            "if npages > 1:\n    await self.pages.free(base, npages - 1)",
        ),
    ),
    fault(
        "no_page_freed", "a span is freed with a count of no pages", "calls_are_defined", "made up: mheap.go, freeSpanLocked", "free_against_alloc",
        ("Heap.free_span_locked", "self.pages.free(base, npages)", "self.pages.free(base, 0)"),
    ),
    fault(
        "manual_free_does_nothing", "a manual span is not freed", "who_frees_gives_pages_back", "made up: mheap.go, freeManual", "free_against_alloc",
        ("Heap.free_manual", "await self.free_span_locked(s, typ)", ""),
    ),
    fault(
        "pages_freed_twice", "the pages of a span are freed twice", "freed_pages_were_owned", "mheap.go, freeSpanLocked", "free_against_alloc",
        ("Heap.free_span_locked", "await self.pages.free(base, npages)", "await self.pages.free(base, npages)\nawait self.pages.free(base, npages)"),
    ),
    fault(
        "manual_free_counted_as_heap", "the bytes of a freed stack are subtracted from the heap's", "in_use_bytes_count_the_spans",
        "mheap.go, freeSpanLocked", "free_against_alloc", ("Heap.free_span_locked", "self.in_use.at(typ)", "self.in_use.at(ALLOC_HEAP)"),
    ),
    fault(
        "freed_without_lock", "a manual span is freed without the heap lock", "heap_lock_is_held", "mheap.go, freeManual", "free_against_alloc",
        (
            "Heap.free_manual", "await self.lock.lock()\nawait self.free_span_locked(s, typ)\nawait self.lock.unlock()",
            "await self.free_span_locked(s, typ)",
        ),
    ),
    fault(
        "mspan_taken_after_unlock", "the mspan is taken after the heap lock is released", "lock_discipline_is_kept",
        "mheap.go, allocMSpanLocked", "two_allocs_one_arena",
        (
            "Heap.alloc_span", "s = await self.alloc_mspan_locked()\nawait self.lock.unlock()",
            "await self.lock.unlock()\ns = await self.alloc_mspan_locked()",
        ),
    ),
    fault(
        "grow_forgets_the_pages", "growing does not tell the page allocator", "heap_never_throws", "mheap.go, grow", "two_allocs_one_arena",
        ("Growth.grow", "await self.pages.grow(v, n_base - v)", ""),
    ),
    fault(
        "second_fit", "the page allocator passes by the first page", "refines_the_abstract_heap", "after C2: issue 31616, CL 173479, up to Go 1.12.4: the treap did not find the lowest", "two_allocs_one_arena",
        ("PallocBits.find1", "x = complement(self.words[i], width)", "x = complement(self.words[i] | 1, width)"),
    ),
)  # fmt: skip

FAULTS = (*SPAN_FAULTS, *PAGE_FAULTS, *ENVIRONMENT_FAULTS, *HISTORICAL, *STUDIED, *HEAP_MISSES, *READER_FAULTS)
BY_NAME = {fault.name: fault for fault in FAULTS}
