"""What the plain functions of the page allocator promise: of words, summaries, addresses, ranges and caches.

Each speaks of one arbitrary bit or byte: what holds of an arbitrary one holds of all. Numbers may be symbols, so they
are compared and shifted here, and never used as conditions. Read next: contract.py.
"""

from collections.abc import Callable
from typing import Any

from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, ite, negate, same
from spanproof.model.words import wrap

Number = Any
"""int, or a symbol that stands for one."""
GO_OFFSET = 0xFFFF800000000000
"""arenaBaseOffset of amd64 as Go's 64-bit words have it (malloc.go)."""
UINT32 = (1 << 32) - 1


# Words of a bitmap.


def is_run(word: Number, i: Number, n: Number) -> Truth:
    """Whether the n bits of a word from i on are ones."""
    ones = (1 << n) - 1
    return (word >> i) & ones == ones


def has(word: Number, i: Number) -> Truth:
    """Whether bit i is one."""
    return word >> i & 1 == 1


def finds_lowest_run(word: Number, n: Number, i: Number, found: Number, width: int) -> Claims:
    """There are n ones at the place found, and at no place i below it; the width stands for no place."""
    yield "there are n ones", implies(found < width, is_run(word, found, n))
    yield "it is a place, or none", all_of(found >= 0, found <= width, implies(found < width, found + n <= width))
    yield "not below", implies(all_of(i < found, i + n <= width), negate(is_run(word, i, n)))


def fills_groups(word: Number, m: int, i: Number, filled: Number) -> Claims:
    """Bit i is set exactly if a bit of its group of m was."""
    group = word >> (i // m * m) & (1 << m) - 1
    yield "groups", same(has(filled, i), group != 0)


def finds_lowest_free(free: Truth, i: Number, first: Number, found: Number, limit: int) -> Claims:
    """The page found is the lowest free one from `first` on, or -1: `free` says whether page i is."""
    yield "a page, or none", all_of(found >= -1, found < limit)
    yield "none", implies(all_of(found == -1, i >= first), negate(free))
    yield "it is free", implies(found == i, free)
    yield "the lowest", implies(all_of(i >= first, i < found), negate(free))


def changes_range(before: Truth, after: Truth, i: Number, first: Number, n: Number, *, to: bool) -> Claims:
    """The bits [first, first+n) have the value `to` now, and the others what they had: of bit i, before and after."""
    inside = all_of(first <= i, i < first + n)
    yield "inside", implies(inside, same(after, to))
    yield "outside", implies(negate(inside), same(after, before))


# Summaries.


def can_be(total: tuple[Number, ...], pages: int) -> Claims:
    """Three numbers can be the summary of so many pages: all are free, or the runs at both ends are shorter."""
    start, most, end = total
    yield "no less than 0", all_of(start >= 0, end >= 0)
    yield "the longest is no shorter", all_of(start <= most, end <= most)
    whole = all_of(start == pages, most == pages, end == pages)
    yield "all, or not all", any_of(whole, all_of(start < pages, most < pages, end < pages))


# Addresses.


def as_word(address: Number) -> Number:
    """A signed address as a 64-bit word of Go's."""
    return wrap(address)


def orders_as_go(a: Number, b: Number, less: Truth, or_same: Truth, offset: int) -> Claims:
    """The order of two addresses is that of Go's words, less the offset, modulo 2^64 (offAddr.lessThan, lessEqual)."""
    one, other = (wrap(as_word(x) - offset) for x in (a, b))
    yield "less than", same(less, one < other)
    yield "less or equal", same(or_same, one <= other)


def lies_in(address: Number, base: Number, size: int) -> Claims:
    """The address is one of the `size` bytes from base on."""
    yield "not below", base <= address
    yield "not above", address < base + size


def is_difference(kept: tuple[Number, Number], a: tuple[Number, Number], b: tuple[Number, Number], q: Number) -> Claims:
    """A byte q is kept exactly if it is a's and not b's, and the range is no larger than a was."""
    yield "the difference", same(within(kept, q), all_of(within(a, q), negate(within(b, q))))
    yield "no larger", any_of(kept[0] >= kept[1], all_of(a[0] <= kept[0], kept[1] <= a[1]))


def within(r: tuple[Number, Number], q: Number) -> Truth:
    """Whether a byte lies in [base, limit)."""
    return all_of(r[0] <= q, q < r[1])


# Page caches and the scavenge index.


def takes_lowest(word: Number, n: Number, i: Number, first: Number, there: Truth, width: int) -> Claims:
    """The n pages from `first` on are the lowest that are ones in the word; `there`: whether any were."""
    mine = all_of(there, first <= i, i < first + n)
    yield "they are in the word", implies(there, all_of(first >= 0, first + n <= width))
    yield "they were there", implies(mine, has(word, i))
    yield "the lowest", implies(all_of(i + n <= width, any_of(negate(there), i < first)), negate(is_run(word, i, n)))


def leave(before: Number, after: Number, i: Number, mine: Truth) -> Truth:
    """Exactly the bits that are mine have left a word."""
    return same(has(after, i), all_of(has(before, i), negate(mine)))


def are_counted(before: Number, after: Number, counted: Number, count: Callable[[Number], Number]) -> Truth:
    """So many ones have left a word; `count` counts them."""
    return counted == count(before ^ after)


# Generations of the sweeper.


def compares_as_uint32(s: Number, h: Number) -> Claims:
    """A span's generation and the heap's may wrap at 2^32: what the text asks of them has the same answer.

    s is one of the generations that a span can have, from h - 2 to h + 3.
    """
    for k in (-2, -1, 0, 1, 3):
        yield f"h{k:+}", same(s & UINT32 == h + k & UINT32, s == h + k)
    yield "the set of swept spans", (h & UINT32) // 2 % 2 == h // 2 % 2
    yield "the other set", 1 - (h & UINT32) // 2 % 2 == 1 - h // 2 % 2


def is_returned(asked: Number, forced: Truth, over: Number, growth: Number, retained: Number) -> Claims:
    """What an allocation asks a scavenger for.

    In bytes: over: how much it is over the memory limit; retained: how much was over the goal before the heap grew.
    Either may be negative: there is room left.
    """
    grown = retained + growth
    fragments = ite(grown < growth, grown, growth)
    needs = ite(all_of(growth > 0, fragments > over), fragments, over)
    yield "as much as limits need", asked == ite(needs > 0, needs, 0)
    yield "forced over the memory limit alone", implies(asked > 0, same(forced, over > 0))
