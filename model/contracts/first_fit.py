"""First fit by address on a set of free pages: what the page allocator is, seen from outside.

The set is one number, bit i for page i, so that it may be a symbol. Read next: pages.py.
"""

from typing import Any

from spanproof.model.contracts.pages import has, is_run
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, ite, negate

Number = Any


def is_first_fit(free: Number, n: Number, found: Number, j: Number, pages: int) -> Claims:
    """The n pages from `found` on are free, and no n pages from j on are, if j is below; -1 stands for no place."""
    yield "it is a place, or none", all_of(found >= -1, implies(found >= 0, found + n <= pages))
    yield "its pages are free", implies(all_of(found <= j, j < found + n, found >= 0), has(free, j))
    below = all_of(j + n <= pages, any_of(found == -1, j < found))
    yield "there is none below", implies(below, negate(is_run(free, j, n)))


def are_taken(before: Number, after: Number, there: Truth, first: Number, n: Number) -> Truth:
    """Exactly the n pages from `first` on are free no more; if there are none, nothing has changed."""
    return after == ite(there, before & ~_run(first, n), before)


def are_given(before: Number, after: Number, first: Number, n: Number) -> Truth:
    """Exactly the n pages from `first` on are free besides."""
    return after == before | _run(first, n)


def nothing_free_below(free: Number, i: Number, search: Number) -> Truth:
    """Page i is not free if it is below the search address, here a page."""
    return implies(i < search, negate(has(free, i)))


def _run(first: Number, n: Number) -> Number:
    return (1 << n) - 1 << first
