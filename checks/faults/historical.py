"""Bugs that Go's heap had, in the form that their fixes removed; a scenario of the catalogue shows each.

Numbers like B11 are those of the list of known bugs; left_out.py has those that cannot be said here, and
page_history.py those of the page allocator that histories show. Read next: studied.py.
"""

from functools import partial

from spanproof.checks.faults.fault import Origin, fault

_history = partial(fault, origin=Origin.HISTORY)

_IN_USE_BIT = """
page = base // self.geometry.page_size % self.geometry.pages_per_arena
await self.page_in_use.at((self.arena_index(base), page // 8)).or8(1 << page % 8)
"""
_STATE_STORED = "await s.state.store(IN_USE)"
_SPANCLASS = "await s.spanclass.write(spanclass)"


_PAGES_READ = """
npages = await s.npages.read()
await self.lock.unlock()
if await self.sweep(s):
    n_freed += npages
"""
_PAGES_READ_LATE = """
await self.lock.unlock()
if await self.sweep(s):
    npages = await s.npages.read()
    n_freed += npages
"""
_NIL_CHECK = "if s is None:\n    return None, False"
_READ_OF_NIL = """
if self.release.zeroing == Zeroing.ALLOC_OR_CALLER:
    is_zeroed = await s.needzero.read() == 0
if s is None:
    return None, False
"""
_OWN_CACHE_READ = "c = await self.pcache.at(self.p).read()"
_OWN_CACHE_WRITTEN = "await self.pcache.at(self.p).write(flushed)"
_NO_CACHE_FOR_STATS = """
if not self.has_p:
    raise Throw("allocSpan called without P or outside bootstrapping")
await self.in_use.at(typ).add(nbytes)
"""
_OPEN_CAS = """
ok = await s.sweepgen.load() == sl.sweep_gen - 2
if ok:
    ok = await s.sweepgen.compare_and_swap(sl.sweep_gen - 2, sl.sweep_gen - 1)
"""
_STACK_GROWS = """
await self.lock.lock()
await self.lock.lock()
await self.lock.unlock()
if await self.tree.update(enable_huge_pages):
    await self.lock.unlock()
    return
"""

HISTORICAL = (
    _history(
        "in_use_before_the_fields", "a span is in use before its fields are set: it still has those of the last one", "sweepgen_follows_the_protocol",
        "B5: issues 10958 and 24543, CL 203285, CL 203286, before Go 1.14", "two_cycles",
        ("Heap.init_span", _SPANCLASS, f"{_STATE_STORED}\n{_SPANCLASS}"),
        release="go1.14",
    ),
    _history(
        "pages_read_after_sweep", "how many pages a span has is read when it is swept and may be another's", "plain_accesses_are_ordered",
        "C7: the second half of issue 9048, CL 8920, before Go 1.5", "reclaim_against_reuse",
        ("Heap.reclaim_chunk", _PAGES_READ, _PAGES_READ_LATE),
        release="go1.14", switches=1,
    ),
    _history(
        "spans_counted_for_pages", "who reclaims counts the spans that it freed, not their pages", "reclaimed_pages_were_freed",
        "C7: the first half of issue 9048, CL 8920, before Go 1.5", "spans_of_two_pages",
        ("Heap.reclaim_chunk", "n_freed += npages", "n_freed += 1"),
        release="go1.14",
    ),
    _history(
        "cached_generation_not_expected", "the sweeper expects no span that somebody has cached since", "sweeper_meets_what_it_may_sweep",
        "B11: issues 27997 and 28003, CL 140697, while Go 1.12 was made", "cached_beside_the_sweeper",
        ("Sweep.sweepone", "sweepgen == sl.sweep_gen or sweepgen == uint32(sl.sweep_gen + 3)", "sweepgen == sl.sweep_gen"),
        release="go1.14", threads=2, switches=3,
    ),
    _history(
        "reclaimer_is_no_sweeper", "who reclaims sweeps spans, and is not counted as a sweeper", "sweeping_is_not_done_before_its_end",
        "B2: issue 45315, CL 307915 (a25a77aed2), CL 307916, in Go 1.12 to 1.16; their rows have it in their own text", "done_beside_a_reclaimer",
        ("Heap.reclaim_chunk", "sl, ok = await self.try_acquire(sl, s)", _OPEN_CAS),
        release="go1.17", threads=2, switches=2,
    ),
    _history(
        "needzero_of_nil", "needzero is read before it is known whether there is a span", "no_nil_dereference",
        "B20: CL 316429 (8a4b7294af), while Go 1.17 was made", "nil_on_1_17",
        ("Heap.alloc", _NIL_CHECK, _READ_OF_NIL),
        release="go1.17",
    ),
    _history(
        "cache_of_a_running_p_flushed", "the cache of another P is flushed, which may be running", "span_pages_are_allocated",
        "after B24: CL 453622 (8d68b388d4) flushes the caches of idle Ps, from Go 1.21 on, and of no others", "idle_beside_a_full_cache",
        ("Pages.flush_pcache", _OWN_CACHE_READ, "c = await self.pcache.at((self.p + 1) % self.geometry.ps).read()"),
        ("Pages.flush_pcache", _OWN_CACHE_WRITTEN, "await self.pcache.at((self.p + 1) % self.geometry.ps).write(flushed)"),
        origin=Origin.STUDY,
    ),
    _history(
        "no_allocation_without_a_p", "what a thread without a P allocates cannot be counted", "heap_never_throws",
        "B19: issue 42339, CL 267158, while Go 1.16 was made", "two_allocs_one_arena",
        ("Heap.alloc_span", "await self.in_use.at(typ).add(nbytes)", _NO_CACHE_FOR_STATS),
        release="go1.16",
    ),
    _history(
        "growth_counts_what_was_asked", "growing counts the pages that were asked for, not those that came", "byte_counters_count_the_pages",
        "B18: its sibling, issue 15022, CL 21280, before Go 1.6.2", "two_allocs_one_arena",
        ("Growth.grow", "self.os.sys_map(v, n_base - v)", "self.os.sys_map(v, npage * g.page_size)"),
        release="go1.14",
    ),
    _history(
        "stack_grows_under_the_lock", "the heap lock is taken where the stack may grow, and a stack comes from the heap", "no_deadlock",
        "B14: issue 64067, CL 541635, in Go 1.21.0 to 1.21.4", "huge_pages_enabled",
        ("PageAlloc.enable_chunk_huge_pages", "await self.lock.lock()\nif await self.tree.update(enable_huge_pages):\n    await self.lock.unlock()\n    return", _STACK_GROWS),
        release="go1.21",
    ),
    _history(
        "scavenged_again", "pages that were returned to the system are returned once more, and counted once more", "byte_counters_count_the_pages",
        "C3: issue 28595, CL 147559, while Go 1.12 was made", "scavenge_against_alloc",
        ("scavenge.find_scavenge_candidate", "s | a", "a"),
        release="go1.21",
    ),
    _history(
        "bit_before_state", "the in-use bit of a span is set before its state", "in_use_bit_marks_a_built_span",
        "after B5, a swap that the study names: issues 10958 and 24543, CL 203285, CL 203286, before Go 1.14", "two_allocs_one_arena",
        ("Heap.init_span", _STATE_STORED, ""),
        ("Heap.init_span", "await self.pages_in_use.add(npages)", f"{_STATE_STORED}\nawait self.pages_in_use.add(npages)"),
        origin=Origin.STUDY,
    ),
    _history(
        "published_before_the_fields", "the in-use bit of a span is set before its sweep generation", "sweepgen_follows_the_protocol",
        "after B5, a swap that the study names: issues 10958 and 24543, CL 203285, CL 203286, before Go 1.14", "cached_beside_the_sweeper",
        ("Heap.init_span", "await s.sweepgen.store(sweepgen)", ""),
        ("Heap.init_span", "await self.pages_in_use.add(npages)", "await s.sweepgen.store(sweepgen)\nawait self.pages_in_use.add(npages)"),
        origin=Origin.STUDY,
    ),
)  # fmt: skip
