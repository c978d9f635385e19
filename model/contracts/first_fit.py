"""First fit by address on a set of free pages: what the page allocator is, seen from outside.

The set is one number, bit i for page i, so that it may be a symbol. Read next: pages.py.
"""

from typing import Any

from spanproof.model.contracts.pages import has, is_run
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, negate, same

Number = Any


def is_first_fit(free: Number, n: Number, found: Number, j: Number, pages: int) -> Claims:
    """The n pages from `found` on are free, and no n pages from j on are, if j is below; -1 stands for no place."""
    yield "it is a place, or none", all_of(found >= -1, implies(found >= 0, found + n <= pages))
    yield "its pages are free", implies(all_of(found <= j, j < found + n, found >= 0), has(free, j))
    below = all_of(j + n <= pages, any_of(found == -1, j < found))
    yield "there is none below", implies(below, negate(is_run(free, j, n)))


def are_taken(before: Number, after: Number, i: Number, found: Number, n: Number) -> Truth:
    """Exactly the n pages from `found` on are free no more; of page i. -1 stands for none."""
    mine = all_of(found >= 0, found <= i, i < found + n)
    return same(has(after, i), all_of(has(before, i), negate(mine)))


def are_given(before: Number, after: Number, i: Number, first: Number, n: Number) -> Truth:
    """Exactly the n pages from `first` on are free besides; of page i."""
    return same(has(after, i), any_of(has(before, i), all_of(first <= i, i < first + n)))


def nothing_free_below(free: Number, i: Number, search: Number) -> Truth:
    """Page i is not free if it is below the search address, here a page."""
    return implies(i < search, negate(has(free, i)))
