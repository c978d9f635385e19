"""Mutants that were studied before this project began: of allocNeedsZero, and of a small heap that was model checked.

Most of them stand in corpus.py and page_corpus.py, under Origin.STUDY. EQUIVALENT are those that break nothing.
Read next: left_out.py.
"""

from functools import partial

from spanproof.checks.faults.fault import Origin, fault

_studied = partial(fault, origin=Origin.STUDY)

RELOAD = """
zeroed_base = await zeroed_base_of_arena.load()
if zeroed_base <= arena_limit and zeroed_base > arena_base:
    raise Throw("potentially overlapping in-use allocations detected")
"""
CLAIM = """
if await zeroed_base_of_arena.compare_and_swap(zeroed_base, arena_limit):
    break
"""
_NO_RECHECK = RELOAD + CLAIM
_WEAK = """
if weak:
    weak = False
elif await zeroed_base_of_arena.compare_and_swap(zeroed_base, arena_limit):
    break
"""
_BIT_CLEARED = "await self.page_in_use.at((self.arena_index(base), page // 8)).and8(~(1 << page % 8))"
_BIT_CLEARED_LATE = f"""
base = await s.base.read()
page = base // self.geometry.page_size % self.geometry.pages_per_arena
await self.free_span_locked(s, ALLOC_HEAP)
await self.lock.unlock()
{_BIT_CLEARED}
"""
_SPANS_SET = "await self.set_spans(base, npages, s)"
_FILLED_IN = "await self.mspan_init(s, base, npages)"

STUDIED = (
    _studied(
        "failed_cas_not_compared_again", "after a failed compare-and-swap the limit is stored even where zeroedBase is above it",
        "zeroed_base_never_decreases", "studied: no_recheck", "two_allocs_one_arena", ("Heap.alloc_needs_zero", RELOAD, _NO_RECHECK),
        threads=2, switches=2,
    ),
    _studied(
        "zeroed_base_set_where_it_differs", "zeroedBase is set to the region's end also where it is above", "zeroed_base_never_decreases",
        "studied: decrease", "free_against_alloc", ("Heap.alloc_needs_zero", "arena_limit > zeroed_base", "arena_limit != zeroed_base"),
        threads=2, switches=2,
    ),
    _studied(
        "free_lowers_zeroed_base", "freeing the highest pages lowers zeroedBase", "zeroed_base_never_decreases", "studied: free_lowers", "free_against_alloc",
        (
            "Heap.free_span_locked", "await self.pages.free(base, npages)",
            "await self.zeroed_base.at(self.arena_index(base)).store(base % self.geometry.arena_size)\nawait self.pages.free(base, npages)",
        ),
    ),
    _studied(
        "zeroed_base_raised_over_dirty_memory_alone", "zeroedBase is raised only where memory needs zeroing", "non_zero_page_is_below_zeroed_base",
        "studied: only_if_need", "two_allocs_one_arena", ("Heap.alloc_needs_zero", "arena_limit > zeroed_base", "need_zero and arena_limit > zeroed_base"),
    ),
    _studied(
        "zeroed_base_raised_without_gaps_alone", "a region that begins above zeroedBase does not raise it", "non_zero_page_is_below_zeroed_base",
        "studied: only_contig", "two_allocs_one_arena",
        ("Heap.alloc_needs_zero", "arena_limit > zeroed_base", "arena_limit > zeroed_base >= arena_base"),
        switches=1,
    ),
    _studied(
        "second_arena_not_reached", "the second arena of a region is looked for where the first one was", "non_zero_page_is_below_zeroed_base",
        "studied: noadvance", "region_across_arenas", ("Heap.alloc_needs_zero", "base += arena_limit - arena_base", ""),
    ),
    _studied(
        "throw_one_page_above", "the overlap check also throws when zeroedBase is one page above the region", "overlap_throw_is_not_reached",
        "studied: throw_plus", "two_allocs_one_arena",
        ("Heap.alloc_needs_zero", "zeroed_base <= arena_limit", "zeroed_base <= arena_limit + self.geometry.page_size"),
        threads=2, switches=2,
    ),
    _studied(
        "weak_compare_and_swap", "a compare-and-swap may fail though nobody else was there", "overlap_throw_is_not_reached",
        "studied: weak_cas", "free_against_alloc",
        ("Heap.alloc_needs_zero", "need_zero = False", "need_zero = False\nweak = True"),
        ("Heap.alloc_needs_zero", CLAIM, _WEAK),
    ),
    _studied(
        "pages_freed_before_the_bit", "pages are given back before the in-use bit of their span is cleared", "in_use_bit_marks_a_built_span",
        "studied: B6 of the model-checked heap", "alloc_against_sweeper",
        ("Heap.free_span_locked", _BIT_CLEARED, ""),
        (
            "Heap.free_span", "await self.free_span_locked(s, ALLOC_HEAP)\nawait self.lock.unlock()",
            _BIT_CLEARED_LATE,
        ),
    ),
)  # fmt: skip

EQUIVALENT = (
    _studied(
        "dirty_where_zeroed_base_begins", "equivalent: a region that begins where zeroedBase ends is cleared, which it need not be", "",
        "studied: need_le", "", ("Heap.alloc_needs_zero", "arena_base < zeroed_base", "arena_base <= zeroed_base"),
    ),
    _studied(
        "no_throw_at_the_limit", "equivalent while regions are disjoint: the overlap check does not look at the region's end", "",
        "studied: throw_lt", "", ("Heap.alloc_needs_zero", "zeroed_base <= arena_limit", "zeroed_base < arena_limit"),
    ),
    _studied(
        "no_throw_at_all", "equivalent while regions are disjoint: no overlap is looked for", "", "studied: nothrow", "",
        ("Heap.alloc_needs_zero", RELOAD, "zeroed_base = await zeroed_base_of_arena.load()"),
    ),
    _studied(
        "dirty_asked_again", "equivalent: whether the region is dirty is asked again after a failed compare-and-swap", "", "studied: need_reeval", "",
        ("Heap.alloc_needs_zero", RELOAD, f"{RELOAD}\nif arena_base < zeroed_base:\n    need_zero = True"),
    ),
    _studied(
        "equal_limit_stored_again", "equivalent: where zeroedBase is the region's end it is compared and swapped with itself", "", "studied: loop_le", "",
        ("Heap.alloc_needs_zero", "arena_limit > zeroed_base", "arena_limit >= zeroed_base"),
    ),
    _studied(
        "needzero_cleared_before_memclr", "equivalent: needzero says that memory is zero before it is cleared; nobody else reads it before alloc returns", "",
        "studied: B3 of the model-checked heap", "",
        ("Heap.alloc", "if needzero and await s.needzero.read() != 0:\n    await self.clear(s)\nawait s.needzero.write(0)",
         "dirty = await s.needzero.read() != 0\nawait s.needzero.write(0)\nif needzero and dirty:\n    await self.clear(s)"),
    ),
    fault(
        "page_mark_not_set", "equivalent: the page of a marked span is not marked; reclaim_chunk then asks sweep, which looks at the objects", "",
        "B10: issue 39432, CL 236817 (886caba73c), in Go 1.12 to 1.14", "",
        ("Marking.grey_object", "await self.page_marks.at((self.arena_index(base), page // 8)).or8(1 << page % 8)", ""),
        origin=Origin.HISTORY, release="go1.14",
    ),
    fault(
        "candidate_looked_for_without_the_summary", "equivalent: no summary is asked before the bitmap; it only saves the look", "",
        "A8: issue 35465, CL 206978, while Go 1.14 was made; the scavenge index names no chunk that the heap has not", "",
        ("scavenge.take_candidate", "if sum_max(p.summary[-1].at(ci), g.log_max_packed_value) < low:\n    return p, (0, 0)", ""),
        origin=Origin.HISTORY, release="go1.21",
    ),
    fault(
        "spans_set_before_the_state", "equivalent: pages are mapped before their span is in use; who looks at them waits for the in-use bit, or looks at the state", "",
        "B5: issues 10958 and 24543, CL 203285, CL 203286, before Go 1.14: there the fields were still to come", "",
        ("Heap.init_span", _SPANS_SET, ""), ("Heap.init_span", _FILLED_IN, f"{_FILLED_IN}\n{_SPANS_SET}"),
        origin=Origin.HISTORY, release="go1.14",
    ),
)  # fmt: skip
