"""Refinement: what an operation takes and gives is one step of the abstract heap, inside of the operation.

The abstract heap (model/spec.py) owns the pages that somebody has. It steps where pages.alloc and pages.free step, and
where a page cache gives pages, so each result of a run is one of the abstract heap's, in the order of these steps.
Read next: sweeping.py.
"""

from typing import Any

from spanproof.model.contracts.contract import Word
from spanproof.model.contracts.owning import NOBODY, View
from spanproof.model.logic import Claims, all_of, same


def coupled(v: View) -> Claims:
    """Whenever nobody holds the heap lock the abstract heap owns the pages that are allocated."""
    yield "the_abstract_heap_owns_what_is_allocated", same(v.world.allocated, v.world.owner != NOBODY)


def allocates(v: View, s: Any, npages: Word) -> Claims:
    """An allocation is one step of the abstract heap, of what was asked, and its span is what that gave; or is none."""
    if s is None:
        yield "no_memory_is_no_step", not v.hand.took
    else:
        built = v.hand.field("base"), v.hand.field("npages")
        yield "an_allocation_is_one_step", len(v.hand.took) == 1
        for base, taken in v.hand.took:
            yield "the_step_is_of_what_was_asked", taken == npages
            known = built[0] is not None and built[1] is not None
            yield "the_span_is_what_the_step_gave", known and all_of(built[0] == base, built[1] == taken)
    yield "an_allocation_gives_nothing_back", not v.hand.gave


def frees(v: View, base: Word, npages: Word) -> Claims:
    """A free is one step of the abstract heap, of all that the span had."""
    yield "a_free_is_one_step", len(v.hand.gave) == 1
    for given in v.hand.gave:
        yield "the_step_is_of_all_that_the_span_had", all_of(given[0] == base, given[1] == npages)
    yield "a_free_takes_nothing", not v.hand.took
