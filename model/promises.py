"""What must be true when a function of the heap is called or returns, and of every run as a whole.

Read next: spec.py.
"""

from collections.abc import Iterator

import z3

from spanproof.model.claim import Claim, Moment, Promise, RunClaim
from spanproof.model.geometry import Geometry
from spanproof.model.invariants import INVARIANTS, STEP_INVARIANTS
from spanproof.model.releases import SweepDone, Zeroing
from spanproof.model.state import IN_USE, HeapState, HeapVars, groups, pages_within


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


def _holds_only_the_winner_sweeps(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    s: int = m.args[0].number
    return m.acquired_by[s] == m.thread


def _holds_sweeping_is_not_done_before_its_end(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.release.sweep_done is SweepDone.SWEEPDONE or not m.large or not m.done


def _holds_reclaim_keeps_its_word(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.wanted == 0 or (m.wanted > 0 and m.nothing_left)


def _holds_reclaimed_pages_were_freed(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.result == m.freed  # type: ignore[no-any-return]  # numbers of pages


def _chunk_of(m: Moment, geometry: Geometry) -> Iterator[int]:
    """The pages of reclaim_chunk(arenas, page_idx, n), counted from the heap's first."""
    arenas, page_idx, n = m.args
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
            v.span_sweepgen[s] == v.sweepgen - 2,
        )
        for page in _chunk_of(m, v.geometry)
        for s in range(v.geometry.spans)
    ]
    return z3.Not(z3.Or(left))


def _holds_reclaim_chunk_leaves_nothing(h: HeapState, m: Moment) -> bool:
    def is_left(page: int) -> bool:
        s = h.spans[page]
        marked = h.page_in_use[page] == 0 or h.page_marks[page] == 1
        return not marked and s >= 0 and h.state[s] == IN_USE and h.span_sweepgen[s] == h.sweepgen - 2

    return m.drained or not any(map(is_left, _chunk_of(m, h.geometry)))


def _holds_background_scavenger_keeps_its_word(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.released is None or bool(m.released >= m.args[0])


def _holds_cycle_ends_a_generation(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return not m.release.scavenge_index or m.generation == m.cycles + 1


def _holds_caches_give_few_pages(h: HeapState, m: Moment) -> bool:
    return bool(0 < m.args[0] < h.geometry.pages_per_block // 4)


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


def _holds_heap_lock_is_held(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.lock_holder == m.thread


LOCKED = (
    "reclaim_chunk", "grow", "sys_alloc", "free_span_locked", "alloc_phys_page_aligned", "pages.alloc", "pages.free",
    "pages.grow", "pages.alloc_to_cache", "pages.flush", "pages.mark_random_padding_pages",
)  # fmt: skip
"""The functions whose caller must hold the heap lock (assertLockHeld in mheap.go and mpagealloc.go)."""

PROMISES = (
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
        "cycle_ends_a_generation",
        "From 1.21 on each collection ends a generation of the scavenge index.",
        "So what was freed since is left alone in the background, and what was freed before is not.",
        "mgc.go, gcMarkTermination; mgcscavenge.go, scavengeIndex.nextGen",
        "generation_goes_on",
        ("gc_cycle",),
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

REFUSAL = "out_of_memory_only_where_refused"
"""The claim on the throws that end a run rightly where the system has refused memory."""

RUN_CLAIMS = (
    RunClaim(
        "overlap_throw_is_not_reached",
        "allocNeedsZero never finds zeroedBase inside the region that it claims.",
        "Regions are disjoint, and zeroedBase is only ever raised to the end of somebody's region.",
        "mheap.go, allocNeedsZero",
        "throw_on_equal_base",
        ("potentially overlapping in-use allocations detected",),
    ),
    RunClaim(
        "freed_span_may_be_freed",
        "free_span_locked meets a span that is in use, swept and empty, or manual and empty.",
        "A span is freed once, by its owner or by the sweeper that won it.",
        "mheap.go, freeSpanLocked (its fourth throw, for user arenas from 1.20 on, is left out)",
        "alloc_count_not_cleared",
        (
            "mheap.freeSpanLocked - invalid stack free",
            "mheap.freeSpanLocked - invalid free",
            "mheap.freeSpanLocked - invalid span state",
        ),
    ),
    RunClaim(
        "sweeper_meets_what_it_may_sweep",
        "The sweeper only meets spans in the states that its checks allow.",
        "What is acquired stays acquired until it is swept, and sweeping ends before the next cycle begins.",
        "mgcsweep.go",
        "sweeper_not_deregistered",
        (
            "mspan.sweep: bad span state",
            "mspan.sweep: bad span state after sweep",
            "non in-use span in unswept list",
            "sweep increased allocation count",
            "sweeper left outstanding across sweep generations",
            "mismatched begin/end of activeSweep",
            "active sweepers found at start of mark phase",
            "use of invalid sweepLocker",
        ),
    ),
    RunClaim(
        "no_nil_dereference",
        "No thread follows a nil span.",
        "The in-use bit of a page is set after its entry in spans.",
        "mheap.go, initSpan",
        "spans_entry_missing",
        ("invalid memory address or nil pointer dereference",),
    ),
    RunClaim(
        REFUSAL,
        "Go says that it is out of memory only where the system has just refused some.",
        "Where addresses alone are refused, the allocation gives no span, and its caller says so.",
        "mem_linux.go, sysMapOS; mpagealloc.go, pageAlloc.grow",
        "granted_memory_refused",
        ("runtime: out of memory", "pageAlloc: out of memory"),
    ),
    RunClaim(
        "heap_never_throws",
        "None of Go's other throws is reached.",
        "Each of them states an invariant of its authors.",
        "mheap.go",
        "grow_forgets_the_pages",
        (),
    ),
    RunClaim(
        "calls_are_defined",
        "The page allocator is asked only for what Go says it does.",
        "It does not check what it frees: a page that is freed twice is given out twice.",
        "mpagealloc.go, free, grow; mpagecache.go, flush",
        "no_page_freed",
    ),
    RunClaim(
        "plain_accesses_are_ordered",
        "Of two accesses to one word, one of them a plain write or both not atomic, one happens before the other.",
        "Locks, atomics and the stopped world order them; what is left is declared, with Go's reason.",
        "The Go Memory Model; checks/exploring/races.py",
        "in_use_not_reloaded",
    ),
    RunClaim(
        "lock_discipline_is_kept",
        "What the heap lock protects is touched by its holder, and a lock is released by who took it.",
        "The page allocator's state is plain memory.",
        "mheap.go, mheap.lock",
        "mspan_taken_after_unlock",
    ),
    RunClaim(
        "no_deadlock",
        "Some thread can always go on until all are done.",
        "There is one lock; whoever holds it never waits for it again.",
        "mheap.go, mheap.lock",
        "traced_under_the_lock",
    ),
    RunClaim(
        "refines_the_abstract_heap",
        "Every page allocation gives the address that the abstract heap gives, and frees what it holds.",
        "The page allocator is a lowest-address first fit.",
        "mpagealloc.go; model/spec.py",
        "second_fit",
    ),
)

CLAIMS: tuple[Claim, ...] = (*INVARIANTS, *STEP_INVARIANTS, *PROMISES, *RUN_CLAIMS)
BY_NAME = {claim.name: claim for claim in CLAIMS}
THROWS = {text: claim.name for claim in RUN_CLAIMS for text in claim.throws}


def claim_of_throw(text: str) -> str:
    """The claim that a throw with this text breaks."""
    return THROWS.get(text, "heap_never_throws")
