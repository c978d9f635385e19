"""What must be true when a function that allocates, sweeps or frees spans is called or returns.

Read next: page_promises.py.
"""

from collections.abc import Iterator
from typing import Any

import z3

from spanproof.model.claim import Moment, Promise
from spanproof.model.geometry import Geometry
from spanproof.model.releases import SweepDone, Zeroing
from spanproof.model.state import IN_USE, HeapState, HeapVars, pages_within
from spanproof.model.words import uint32


def _all_zero(v: HeapVars, pages: range) -> z3.BoolRef:
    return z3.And([v.contents[page] == 0 for page in pages])


def _unneeded_zeroing_is_already_zero(v: HeapVars, m: Moment) -> z3.BoolRef:
    base, npage = m.args
    return z3.Or(z3.BoolVal(bool(m.result)), _all_zero(v, pages_within(v.geometry, base, npage)))


def _holds_unneeded_zeroing_is_already_zero(h: HeapState, m: Moment) -> bool:
    base, npage = m.args
    return bool(m.result) or not any(h.contents[page] for page in h.region(base, npage))


def _asked_for_zero(m: Moment) -> bool:
    """malloc_large(npages, needzero, noscan), malloc_small(npages, needzero)."""
    return m.result is not None and bool(m.args[1])


def _zero_in_span(v: HeapVars, s: int) -> z3.BoolRef:
    pages = [z3.IntVal(page) for page in range(len(v.geometry.pages))]
    span = z3.IntVal(s)
    return z3.And([z3.Implies(v.covers(span, page), v.contents[page] == 0) for page in pages])


def _asked_for_zero_gets_zero(v: HeapVars, m: Moment) -> z3.BoolRef:
    return _zero_in_span(v, m.result.number) if _asked_for_zero(m) else z3.BoolVal(True)


def _holds_asked_for_zero_gets_zero(h: HeapState, m: Moment) -> bool:
    return not _asked_for_zero(m) or not any(h.contents[page] for page in h.pages_of(m.result.number))


def _spanned(m: Moment) -> int | None:
    """The span that alloc(npages, spanclass, needzero) returned and promised something about, or None."""
    s, is_zeroed = m.result
    if s is None:
        return None
    if m.release.zeroing is Zeroing.CALLER:
        return int(s.number)
    return int(s.number) if is_zeroed else None


def _alloc_keeps_its_word(v: HeapVars, m: Moment) -> z3.BoolRef:
    s = _spanned(m)
    if s is None:
        return z3.BoolVal(True)
    return z3.Or(v.needzero[s] != 0, _zero_in_span(v, s))


def _holds_alloc_keeps_its_word(h: HeapState, m: Moment) -> bool:
    s = _spanned(m)
    return s is None or h.needzero[s] != 0 or not any(h.contents[page] for page in h.pages_of(s))


def _holds_only_the_winner_sweeps(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    s: int = m.args[0].number
    return m.acquired_by[s] == m.thread


def _holds_sweeping_is_not_done_before_its_end(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.release.sweep_done is SweepDone.SWEEPDONE or not m.large or not m.done


def _holds_reclaimers_are_waited_for(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return not m.large or not m.done


def _reclaimed_spans_begin_in_the_chunk(v: HeapVars, m: Moment) -> z3.BoolRef:
    if m.chunk is None:
        return z3.BoolVal(True)
    base, g = v.base[m.args[0].number], v.geometry
    return z3.Or([base == g.heap_base + page * g.page_size for page in _chunk_of(m.chunk, g)])


def _holds_reclaimed_spans_begin_in_the_chunk(h: HeapState, m: Moment) -> bool:
    s: int = m.args[0].number
    base, g = h.base[s], h.geometry
    return m.chunk is None or any(base == g.heap_base + page * g.page_size for page in _chunk_of(m.chunk, g))


def _holds_alloc_reclaims_first(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.given_out or not m.owes


def _stacks_begin_at_system_pages(v: HeapVars, m: Moment) -> z3.BoolRef:
    if m.result is None or not m.aligned or not m.release.aligned_stacks:
        return z3.BoolVal(True)
    return v.base[m.result.number] % v.geometry.phys_page_size == 0


def _holds_stacks_begin_at_system_pages(h: HeapState, m: Moment) -> bool:
    if m.result is None or not m.aligned or not m.release.aligned_stacks:
        return True
    s: int = m.result.number
    return h.base[s] % h.geometry.phys_page_size == 0


def _holds_sweeping_goes_on(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.result >= 0 or m.given_out


def _is_unswept(generation: Any, heaps: Any) -> Any:
    """Whether a span of this generation waits to be swept."""
    return generation == uint32(heaps - 2)


def _every_unswept_span_is_listed(v: HeapVars, m: Moment) -> z3.BoolRef:
    spans = range(v.geometry.spans)
    unswept = [z3.And(v.state[s] == IN_USE, _is_unswept(v.span_sweepgen[s], v.sweepgen)) for s in spans]
    return z3.And([z3.Implies(unswept[s], z3.BoolVal(m.to_sweep[s] == 1)) for s in spans])


def _holds_every_unswept_span_is_listed(h: HeapState, m: Moment) -> bool:
    in_use = (s for s in range(h.geometry.spans) if h.state[s] == IN_USE)
    return all(m.to_sweep[s] == 1 for s in in_use if _is_unswept(h.span_sweepgen[s], h.sweepgen))


def _holds_only_a_tracer_that_runs_is_told(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.tracing


def _holds_reclaim_keeps_its_word(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.wanted == 0 or (m.wanted > 0 and m.nothing_left)


def _holds_reclaimed_pages_were_freed(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.result == m.freed  # type: ignore[no-any-return]  # numbers of pages


def _holds_who_frees_gives_pages_back(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.chunk is not None or m.freed > 0


def _chunk_of(called: tuple[Any, ...], geometry: Geometry) -> Iterator[int]:
    """The pages of reclaim_chunk(arenas, page_idx, n), counted from the heap's first."""
    arenas, page_idx, n = called
    per_arena = geometry.pages_per_arena
    for i in range(page_idx, page_idx + n):
        yield (arenas.at(i // per_arena) - geometry.first_arena) * per_arena + i % per_arena


def _reclaim_chunk_leaves_nothing(v: HeapVars, m: Moment) -> z3.BoolRef:
    if m.drained:
        return z3.BoolVal(True)
    left = [
        z3.And(
            v.page_in_use[page] == 1,
            v.page_marks[page] == 0,
            v.spans[page] == s,
            v.state[s] == IN_USE,
            _is_unswept(v.span_sweepgen[s], v.sweepgen),
        )
        for page in _chunk_of(m.args, v.geometry)
        for s in range(v.geometry.spans)
    ]
    return z3.Not(z3.Or(left))


def _holds_reclaim_chunk_leaves_nothing(h: HeapState, m: Moment) -> bool:
    def is_left(page: int) -> bool:
        s = h.spans[page]
        marked = h.page_in_use[page] == 0 or h.page_marks[page] == 1
        return not marked and s >= 0 and h.state[s] == IN_USE and bool(_is_unswept(h.span_sweepgen[s], h.sweepgen))

    return m.drained or not any(map(is_left, _chunk_of(m.args, h.geometry)))


def _holds_heap_lock_is_held(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.lock_holder == m.thread


LOCKED = (
    "reclaim_chunk", "grow", "sys_alloc", "free_span_locked", "alloc_phys_page_aligned", "pages.alloc", "pages.free",
    "pages.grow", "pages.alloc_to_cache", "pages.flush", "pages.mark_random_padding_pages",
)  # fmt: skip
"""The functions whose caller must hold the heap lock (assertLockHeld in mheap.go and mpagealloc.go)."""

SPAN_PROMISES = (
    Promise(
        "unneeded_zeroing_is_already_zero",
        "When alloc_needs_zero says that a region needs no zeroing, every byte of it is zero.",
        "Such a region lies at or above zeroedBase, where nothing was ever written.",
        "mheap.go, allocNeedsZero",
        "need_zero_not_raised",
        ("alloc_needs_zero",),
        True,
        ("contents",),
        _unneeded_zeroing_is_already_zero,
        _holds_unneeded_zeroing_is_already_zero,
    ),
    Promise(
        "asked_for_zero_gets_zero",
        "Who asked for zeroed memory gets zero bytes, in each release's way.",
        "alloc clears (1.14 to 1.16), alloc or its caller does (1.17), the caller does (from 1.18).",
        "malloc.go, mallocgc",
        "caller_does_not_clear",
        ("malloc_large", "malloc_small"),
        True,
        ("contents", "base", "npages"),
        _asked_for_zero_gets_zero,
        _holds_asked_for_zero_gets_zero,
    ),
    Promise(
        "alloc_keeps_its_word",
        "A span that alloc returns as zeroed is zero: is_zeroed up to 1.17, needzero = 0 from 1.18 on.",
        "needzero is cleared without clearing memory only where the caller did not ask for zero.",
        "mheap.go, alloc",
        "needzero_cleared_without_memclr",
        ("alloc",),
        True,
        ("contents", "base", "npages", "needzero"),
        _alloc_keeps_its_word,
        _holds_alloc_keeps_its_word,
    ),
    Promise(
        "only_the_winner_sweeps",
        "A span is swept by the thread that won it, and by nobody else.",
        "The compare-and-swap from h-2 to h-1 has one winner; a stale cached span belongs to who cached it.",
        "mgcsweep.go, sweepLocker.tryAcquire",
        "sweep_without_acquiring",
        ("sweep",),
        False,
        (),
        None,
        _holds_only_the_winner_sweeps,
    ),
    Promise(
        "sweeping_is_not_done_before_its_end",
        "From 1.17 on, while a large span is swept the heap does not say that sweeping is done.",
        "Whoever sweeps is counted, and done means that nothing is left and nobody is counted.",
        "mgcsweep.go, isSweepDone, activeSweep.isDone; issue 45315",
        "reclaimer_is_no_sweeper",
        ("sweep",),
        True,
        (),
        None,
        _holds_sweeping_is_not_done_before_its_end,
    ),
    Promise(
        "reclaimers_are_waited_for",
        "While a large span is swept, by whomever, the heap does not say that sweeping is done.",
        "Up to 1.16 only those are counted who sweep from the list, and who reclaims does not.",
        "mgcsweep.go, sweepone: mheap_.sweepers; issue 45315",
        "reclaimer_counted_off_at_once",
        ("sweep",),
        True,
        (),
        None,
        _holds_reclaimers_are_waited_for,
    ),
    Promise(
        "alloc_reclaims_first",
        "Who allocates for the collected heap while spans wait to be swept reclaims pages before it takes any.",
        "So the heap does not grow while there is garbage to take pages from.",
        "mheap.go, alloc",
        "garbage_not_reclaimed",
        ("alloc_span",),
        False,
        (),
        None,
        _holds_alloc_reclaims_first,
    ),
    Promise(
        "sweeping_goes_on",
        "Who sweeps one span and has swept none finds that all were given out.",
        "It ends without one only at the end of the list, or where somebody has come to it before.",
        "mgcsweep.go, sweepone",
        "sweeps_only_when_done",
        ("sweepone",),
        True,
        (),
        None,
        _holds_sweeping_goes_on,
    ),
    Promise(
        "every_unswept_span_is_listed",
        "When a cycle has begun, each span that waits to be swept is named once in the set of those to sweep.",
        "Who allocates or sweeps a span pushes it, once; who caches one pushes it when it is given back.",
        "mcentral.go, fullSwept; mcache.go, allocLarge; mgcsweep.go, sweep",
        "large_span_not_listed",
        ("gc_cycle", "gc_mark_termination"),
        True,
        ("state", "span_sweepgen", "sweepgen"),
        _every_unswept_span_is_listed,
        _holds_every_unswept_span_is_listed,
    ),
    Promise(
        "only_a_tracer_that_runs_is_told",
        "What is reclaimed is told to the execution tracer only while it runs.",
        "Telling it lets the heap lock go.",
        "mheap.go, reclaimChunk: trace.enabled",
        "tracer_told_always",
        ("trace_gc_sweep_span",),
        False,
        (),
        None,
        _holds_only_a_tracer_that_runs_is_told,
    ),
    Promise(
        "reclaim_keeps_its_word",
        "Who reclaims gets as many pages as it wants, or nothing is left to look at; what is more goes to the credit.",
        "It goes on until it has enough, and ends early only when the last chunk is claimed.",
        "mheap.go, reclaim",
        "surplus_not_credited",
        ("reclaim",),
        True,
        (),
        None,
        _holds_reclaim_keeps_its_word,
    ),
    Promise(
        "reclaimed_pages_were_freed",
        "Who reclaims a chunk says how many pages it gave back to the heap.",
        "It adds up the pages of the spans that it swept free.",
        "mheap.go, reclaimChunk; issue 9048",
        "spans_counted_for_pages",
        ("reclaim_chunk",),
        True,
        (),
        None,
        _holds_reclaimed_pages_were_freed,
    ),
    Promise(
        "who_frees_gives_pages_back",
        "When a span was freed, its pages were given back to the page allocator, by whoever freed it.",
        "It calls freeSpanLocked, which does that in the hold of the heap lock in which the span dies.",
        "mheap.go, freeSpan, freeManual, freeSpanLocked",
        "manual_free_does_nothing",
        ("free_span", "free_manual"),
        True,
        (),
        None,
        _holds_who_frees_gives_pages_back,
    ),
    Promise(
        "reclaimed_spans_begin_in_the_chunk",
        "Who reclaims a chunk frees spans that begin in that chunk, and no others.",
        "It looks at the bits of its pages alone, and at an arena's end goes on in the next.",
        "mheap.go, reclaimChunk",
        "chunk_not_capped",
        ("free_span_locked",),
        False,
        ("base",),
        _reclaimed_spans_begin_in_the_chunk,
        _holds_reclaimed_spans_begin_in_the_chunk,
    ),
    Promise(
        "reclaim_chunk_leaves_nothing",
        "When reclaim_chunk returns, no unmarked span of its chunk waits to be swept, unless all are given out.",
        "It looks at every page on which an unmarked span begins, and sweeps what nobody else has acquired.",
        "mheap.go, reclaimChunk",
        "second_byte_not_looked_at",
        ("reclaim_chunk",),
        True,
        ("page_in_use", "page_marks", "spans", "state", "sweepgen", "span_sweepgen"),
        _reclaim_chunk_leaves_nothing,
        _holds_reclaim_chunk_leaves_nothing,
    ),
    Promise(
        "stacks_begin_at_system_pages",
        "Where the system wants it, from 1.16 on, a stack begins at a page of the system's.",
        "More is looked for than the stack needs, and of that what begins at such a page.",
        "mheap.go, allocSpan, needPhysPageAlign; issue 41008",
        "stacks_not_aligned",
        ("alloc_manual",),
        True,
        ("base",),
        _stacks_begin_at_system_pages,
        _holds_stacks_begin_at_system_pages,
    ),
    Promise(
        "heap_lock_is_held",
        "The heap lock is held where Go says so.",
        "These functions touch what the lock protects.",
        "mheap.go, assertLockHeld",
        "freed_without_lock",
        LOCKED,
        False,
        (),
        None,
        _holds_heap_lock_is_held,
    ),
)
