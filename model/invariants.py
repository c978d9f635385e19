"""What must be true of every state of the heap, and of every step, in reading order.

Each claim stands here twice: as a formula for Z3, and by hand on plain data. tests/model compares the two.
Read next: promises.py.
"""

from itertools import pairwise

import z3

from spanproof.model.claim import Invariant, StepInvariant
from spanproof.model.page_invariants import PAGE_INVARIANTS, PAGE_STEP_INVARIANTS
from spanproof.model.state import DEAD, IN_USE, MANUAL, NO_HOLDER, NO_SPAN, HeapState, HeapVars
from spanproof.model.words import uint32


def _no_page_in_two_spans(v: HeapVars, a: z3.ArithRef, b: z3.ArithRef) -> z3.BoolRef:
    size = v.geometry.page_size
    apart = z3.Or(v.base[a] + v.npages[a] * size <= v.base[b], v.base[b] + v.npages[b] * size <= v.base[a])
    return z3.Implies(z3.And(a < b, v.state[a] != DEAD, v.state[b] != DEAD), apart)


def _holds_no_page_in_two_spans(h: HeapState) -> bool:
    size = h.geometry.page_size
    alive = [s for s, state in enumerate(h.state) if state != DEAD]
    regions = sorted((h.base[s], h.base[s] + h.npages[s] * size) for s in alive)
    return all(limit <= base for (_, limit), (base, _) in pairwise(regions))


def _published(v: HeapVars, s: z3.ArithRef) -> z3.BoolRef:
    first = v.first_page(s)
    visible = z3.And(v.state[s] == IN_USE, v.page_in_use[first] == 1, v.spans[first] == s)
    return z3.Or(v.returned[s] == 1, visible)


def _published_span_is_mapped(v: HeapVars, s: z3.ArithRef, page: z3.ArithRef) -> z3.BoolRef:
    return z3.Implies(z3.And(_published(v, s), v.covers(s, page)), v.spans[page] == s)


def _is_published(h: HeapState, s: int) -> bool:
    if h.returned[s] == 1:
        return True
    first = h.first_page(s)
    return h.state[s] == IN_USE and 0 <= first < len(h.spans) and h.page_in_use[first] == 1 and h.spans[first] == s


def _holds_published_span_is_mapped(h: HeapState) -> bool:
    return all(h.spans[page] == s for s in range(len(h.state)) if _is_published(h, s) for page in h.pages_of(s))


def _in_use_bit_marks_a_built_span(v: HeapVars, page: z3.ArithRef) -> z3.BoolRef:
    s = v.spans[page]
    built = z3.And(s != NO_SPAN, v.state[s] == IN_USE, v.first_page(s) == page, v.npages[s] > 0)
    return z3.Implies(v.page_in_use[page] == 1, built)


def _holds_in_use_bit_marks_a_built_span(h: HeapState) -> bool:
    return all(
        s != NO_SPAN and h.state[s] == IN_USE and h.first_page(s) == page and h.npages[s] > 0
        for page, s in enumerate(h.spans)
        if h.page_in_use[page] == 1
    )


def _in_use_span_has_its_bit(v: HeapVars, s: z3.ArithRef) -> z3.BoolRef:
    quiet = z3.And(v.inside_init_or_free == 0, v.state[s] == IN_USE)
    return z3.Implies(quiet, v.page_in_use[v.first_page(s)] == 1)


def _holds_in_use_span_has_its_bit(h: HeapState) -> bool:
    if h.inside_init_or_free != 0:
        return True
    begins = {page for page, bit in enumerate(h.page_in_use) if bit == 1}
    return all(h.first_page(s) in begins for s, state in enumerate(h.state) if state == IN_USE)


def _span_pages_are_allocated(v: HeapVars, s: z3.ArithRef, page: z3.ArithRef) -> z3.BoolRef:
    owns = z3.And(v.inside_init_or_free == 0, v.state[s] != DEAD, v.covers(s, page))
    return z3.Implies(owns, v.allocated[page] == 1)


def _holds_span_pages_are_allocated(h: HeapState) -> bool:
    if h.inside_init_or_free != 0:
        return True
    alive = (s for s, state in enumerate(h.state) if state != DEAD)
    return all(h.allocated[page] == 1 for s in alive for page in h.pages_of(s))


def _allocated_page_has_a_span(v: HeapVars, page: z3.ArithRef) -> z3.BoolRef:
    s = v.spans[page]
    has_one = z3.And(s != NO_SPAN, v.state[s] != DEAD, v.covers(s, page))
    held = v.holder[page] != NO_HOLDER
    return z3.Implies(z3.And(v.inside_alloc_or_free == 0, v.allocated[page] == 1), z3.Or(has_one, held))


def _holds_allocated_page_has_a_span(h: HeapState) -> bool:
    if h.inside_alloc_or_free != 0:
        return True
    return all(
        s != NO_SPAN and h.state[s] != DEAD and page in h.pages_of(s)
        for page, s in enumerate(h.spans)
        if h.allocated[page] == 1 and h.holder[page] == NO_HOLDER
    )


def _zeroed_base_stays_in_arena(v: HeapVars, arena: z3.ArithRef) -> z3.BoolRef:
    return z3.And(0 <= v.zeroed_base[arena], v.zeroed_base[arena] <= v.geometry.arena_size)


def _holds_zeroed_base_stays_in_arena(h: HeapState) -> bool:
    return all(0 <= zeroed_base <= h.geometry.arena_size for zeroed_base in h.zeroed_base)


def _non_zero_page_is_below_zeroed_base(v: HeapVars, page: z3.ArithRef) -> z3.BoolRef:
    arena, in_arena = page / v.geometry.pages_per_arena, page % v.geometry.pages_per_arena
    below = (in_arena + 1) * v.geometry.page_size <= v.zeroed_base[arena]
    return z3.Implies(v.contents[page] != 0, below)


def _holds_non_zero_page_is_below_zeroed_base(h: HeapState) -> bool:
    size, per_arena = h.geometry.page_size, h.geometry.pages_per_arena
    return all(
        page % per_arena * size + size <= h.zeroed_base[page // per_arena]
        for page, contents in enumerate(h.contents)
        if contents != 0
    )


def _live_memory_keeps_its_contents(v: HeapVars, page: z3.ArithRef) -> z3.BoolRef:
    return z3.Implies(v.expected[page] != 0, v.contents[page] == v.expected[page])


def _holds_live_memory_keeps_its_contents(h: HeapState) -> bool:
    return all(expected in (0, contents) for expected, contents in zip(h.expected, h.contents, strict=True))


GENERATIONS = frozenset(uint32(k) for k in (-2, -1, 0, 1, 3))
"""How far a span's sweepgen can be ahead of the heap's; both are uint32, and wrap around."""


def _sweepgen_is_one_of_five(v: HeapVars, s: z3.ArithRef) -> z3.BoolRef:
    ahead = uint32(v.span_sweepgen[s] - v.sweepgen)  # type: ignore[arg-type]  # a term behaves like a word
    one_of = z3.Or([ahead == k for k in sorted(GENERATIONS)])
    return z3.Implies(z3.And(v.state[s] == IN_USE, v.returned[s] == 1), one_of)


def _holds_sweepgen_is_one_of_five(h: HeapState) -> bool:
    return all(
        uint32(h.span_sweepgen[s] - h.sweepgen) in GENERATIONS
        for s, state in enumerate(h.state)
        if state == IN_USE and h.returned[s] == 1
    )


def _in_use_bytes_count_the_spans(v: HeapVars) -> z3.BoolRef:
    size = v.geometry.page_size
    each = [z3.IntVal(s) for s in range(v.geometry.spans)]
    heap = z3.Sum([z3.If(v.state[s] == IN_USE, v.npages[s] * size, z3.IntVal(0)) for s in each])
    manual = z3.Sum([z3.If(v.state[s] == MANUAL, v.npages[s] * size, z3.IntVal(0)) for s in each])
    agree = z3.And(v.in_use_bytes[0] == heap, v.in_use_bytes[1] + v.in_use_bytes[2] == manual)
    return z3.Implies(v.inside_alloc_or_free == 0, agree)


def _holds_in_use_bytes_count_the_spans(h: HeapState) -> bool:
    if h.inside_alloc_or_free != 0:
        return True
    pages: dict[int, int] = dict.fromkeys((DEAD, IN_USE, MANUAL), 0)
    for s, state in enumerate(h.state):
        pages[state] += h.npages[s]
    heap, *manual = h.in_use_bytes
    return (heap, sum(manual)) == (pages[IN_USE] * h.geometry.page_size, pages[MANUAL] * h.geometry.page_size)


INVARIANTS = (
    Invariant(
        "no_page_in_two_spans",
        "No page belongs to two spans that are alive.",
        "pages.alloc gives a page to one caller until it is freed; a span is dead before its pages can be given again.",
        "mheap.go, mSpanState; allocNeedsZero's throw",
        "span_one_page_too_long",
        ("state", "base", "npages"),
        ("span", "span"),
        _no_page_in_two_spans,
        _holds_no_page_in_two_spans,
    ),
    Invariant(
        "published_span_is_mapped",
        "Every page of a published span maps to it: its in-use bit is set, or it was returned to its caller.",
        "set_spans runs before page_in_use is set and before alloc_span returns.",
        "mheap.go, heapArena.spans",
        "published_before_set_spans",
        ("state", "base", "npages", "spans", "page_in_use", "returned"),
        ("span", "page"),
        _published_span_is_mapped,
        _holds_published_span_is_mapped,
    ),
    Invariant(
        "in_use_bit_marks_a_built_span",
        "A set in-use bit marks the first page of a span that is in use, built and mapped.",
        "Setting the bit is the last step of publication; clearing it is the first of freeing.",
        "mheap.go, heapArena.pageInUse",
        "freed_with_in_use_bit",
        ("state", "base", "npages", "spans", "page_in_use"),
        ("page",),
        _in_use_bit_marks_a_built_span,
        _holds_in_use_bit_marks_a_built_span,
    ),
    Invariant(
        "in_use_span_has_its_bit",
        "While nobody is inside init_span or free_span_locked, every span in use has its in-use bit set.",
        "A span whose bit is missing would never be reclaimed.",
        "mheap.go, initSpan",
        "in_use_bit_not_set",
        ("state", "base", "page_in_use", "inside_init_or_free"),
        ("span",),
        _in_use_span_has_its_bit,
        _holds_in_use_span_has_its_bit,
    ),
    Invariant(
        "span_pages_are_allocated",
        "While nobody is inside init_span or free_span_locked, every page of a living span is allocated.",
        "Pages are given back only by free_span_locked, which kills the span.",
        "mheap.go, freeSpanLocked",
        "span_not_killed",
        ("state", "base", "npages", "allocated", "inside_init_or_free"),
        ("span", "page"),
        _span_pages_are_allocated,
        _holds_span_pages_are_allocated,
    ),
    Invariant(
        "allocated_page_has_a_span",
        "While nobody is inside alloc_span or free_span_locked, every allocated page lies in a living span, or is "
        "held by a page cache or a scavenger, or is padding.",
        "Otherwise the page would be lost.",
        "mheap.go, freeSpanLocked",
        "last_page_not_freed",
        ("state", "base", "npages", "spans", "allocated", "holder", "inside_alloc_or_free"),
        ("page",),
        _allocated_page_has_a_span,
        _holds_allocated_page_has_a_span,
    ),
    Invariant(
        "zeroed_base_stays_in_arena",
        "zeroedBase lies between 0 and the size of its arena.",
        "It is only ever raised to arenaLimit, which is capped at heapArenaBytes.",
        "mheap.go, heapArena.zeroedBase",
        "arena_limit_not_capped",
        ("zeroed_base",),
        ("arena",),
        _zeroed_base_stays_in_arena,
        _holds_zeroed_base_stays_in_arena,
    ),
    Invariant(
        "non_zero_page_is_below_zeroed_base",
        "Every page that is not zero lies below zeroedBase of its arena.",
        "allocNeedsZero raises zeroedBase over a region before anybody may write to it.",
        "mheap.go, heapArena.zeroedBase",
        "need_zero_skips_zeroed_base",
        ("contents", "zeroed_base"),
        ("page",),
        _non_zero_page_is_below_zeroed_base,
        _holds_non_zero_page_is_below_zeroed_base,
    ),
    Invariant(
        "live_memory_keeps_its_contents",
        "What a user wrote to its memory stays until the user gives the memory up.",
        "Only its owner writes to a page, and clearing happens before the owner gets it.",
        "malloc.go, mallocgc",
        "marked_span_swept_free",
        ("contents", "expected"),
        ("page",),
        _live_memory_keeps_its_contents,
        _holds_live_memory_keeps_its_contents,
    ),
    Invariant(
        "sweepgen_is_one_of_five",
        "A span in use is unswept, being swept, swept, or cached before or after the sweep.",
        "The heap's generation moves by 2 only when every span is swept or cached.",
        "mheap.go, mspan.sweepgen",
        "finishsweep_skipped",
        ("state", "sweepgen", "span_sweepgen", "returned"),
        ("span",),
        _sweepgen_is_one_of_five,
        _holds_sweepgen_is_one_of_five,
    ),
    Invariant(
        "in_use_bytes_count_the_spans",
        "While nobody is inside alloc_span or free_span_locked, the counters equal the bytes in living spans.",
        "Each allocation adds what its free subtracts.",
        "mheap.go, allocSpan and freeSpanLocked; mstats.go",
        "manual_free_counted_as_heap",
        ("state", "npages", "in_use_bytes", "inside_alloc_or_free"),
        (),
        _in_use_bytes_count_the_spans,
        _holds_in_use_bytes_count_the_spans,
    ),
    *PAGE_INVARIANTS,
)


def _zeroed_base_never_decreases(before: HeapVars, after: HeapVars, arena: z3.ArithRef) -> z3.BoolRef:
    return before.zeroed_base[arena] <= after.zeroed_base[arena]


def _holds_zeroed_base_never_decreases(before: HeapState, after: HeapState) -> bool:
    return all(old <= new for old, new in zip(before.zeroed_base, after.zeroed_base, strict=True))


_MOVES = ((-2, -1), (-1, 0), (0, 3), (3, 0), (1, -1))
PROTOCOL = frozenset((uint32(old), uint32(new)) for old, new in _MOVES)
"""How a span's sweepgen may move, both ends counted from the heap's: acquired, swept, cached, uncached, stale."""


def _sweepgen_follows_the_protocol(before: HeapVars, after: HeapVars, s: z3.ArithRef) -> z3.BoolRef:
    old, new = (uint32(h.span_sweepgen[s] - h.sweepgen) for h in (before, after))  # type: ignore[arg-type]  # as above
    moved = z3.And(before.span_sweepgen[s] != after.span_sweepgen[s], before.state[s] == IN_USE)
    return z3.Implies(moved, z3.Or([z3.And(old == a, new == b) for a, b in sorted(PROTOCOL)]))


def _holds_sweepgen_follows_the_protocol(before: HeapState, after: HeapState) -> bool:
    return all(
        (uint32(old - before.sweepgen), uint32(new - after.sweepgen)) in PROTOCOL
        for s, (old, new) in enumerate(zip(before.span_sweepgen, after.span_sweepgen, strict=True))
        if old != new and before.state[s] == IN_USE
    )


STEP_INVARIANTS = (
    StepInvariant(
        "zeroed_base_never_decreases",
        "From one state to the next, zeroedBase of an arena never goes down.",
        "It is raised by compare-and-swap to a larger value only.",
        "mheap.go, heapArena.zeroedBase",
        "plain_store_for_cas",
        ("zeroed_base",),
        ("arena",),
        _zeroed_base_never_decreases,
        _holds_zeroed_base_never_decreases,
    ),
    StepInvariant(
        "sweepgen_follows_the_protocol",
        "The sweepgen of a span in use only moves as the protocol says: acquired, swept, cached, uncached.",
        "Only the winner of the compare-and-swap stores the next value.",
        "mheap.go, mspan.sweepgen",
        "sweepgen_acquired_by_plain_store",
        ("state", "sweepgen", "span_sweepgen"),
        ("span",),
        _sweepgen_follows_the_protocol,
        _holds_sweepgen_follows_the_protocol,
    ),
    *PAGE_STEP_INVARIANTS,
)
