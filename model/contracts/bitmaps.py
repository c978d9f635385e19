"""What the searches of a chunk's bitmap promise, and what is known in their loops: of 512 pages, and of one word.

A bitmap is told page by page, lowest first; a bit is set while its page is allocated. Each claim speaks of one
arbitrary place. Numbers may be symbols, so nothing here is used as a condition. Read next: plain.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spanproof.model.contracts.pages import finds_lowest_free, finds_lowest_run
from spanproof.model.contracts.plain import Known, Names, Number, PlainCall, PlainLoop
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, negate

NOT_FOUND = -1
"""What a search gives that found nothing."""


@dataclass(frozen=True, slots=True)
class Bitmap:
    """Any bitmap."""

    words: tuple[Number, ...]
    width: int

    @property
    def pages(self) -> int:
        """How many there are."""
        return len(self.words) * self.width

    def free(self, page: int) -> Truth:
        """Whether a page is free."""
        return self.words[page // self.width] >> page % self.width & 1 == 0

    def all_free(self, first: Number, limit: Number, among: range | None = None) -> Truth:
        """Whether all pages in [first, limit) are free; among: of these pages only."""
        places = range(self.pages) if among is None else among
        return all_of(*(implies(all_of(first <= p, p < limit), self.free(p)) for p in places))

    def all_allocated(self, first: Number, limit: Number) -> Truth:
        """Whether all pages in [first, limit) are allocated."""
        return all_of(*(implies(all_of(first <= p, p < limit), negate(self.free(p))) for p in range(self.pages)))

    def is_free(self, page: Number) -> Truth:
        """Whether this is a page, and free."""
        return any_of(*(all_of(page == p, self.free(p)) for p in range(self.pages)))

    def is_allocated(self, page: Number) -> Truth:
        """Whether this is a page, and allocated."""
        return any_of(*(all_of(page == p, negate(self.free(p))) for p in range(self.pages)))

    def fits(self, first: Number, npages: Number) -> Truth:
        """Whether so many free pages stand from this one on."""
        return all_of(first >= 0, first + npages <= self.pages, self.all_free(first, first + npages))

    def end_free(self, count: Number, limit: int) -> Truth:
        """Whether so many free pages stand just below the page `limit`, and not one more."""
        below = limit - count
        return all_of(
            count >= 0,
            below >= 0,
            self.all_free(below, limit, range(limit)),
            any_of(below == 0, *(all_of(below == p + 1, negate(self.free(p))) for p in range(limit))),
        )

    def begin_free(self, count: Number, limit: int) -> Truth:
        """Whether so many free pages stand first of those below the page `limit`, and not one more."""
        among = range(limit)
        next_one = any_of(count == limit, *(all_of(count == p, negate(self.free(p))) for p in among))
        return all_of(count >= 0, self.all_free(0, count, among), next_one)


def finds_lowest_place(bits: Bitmap, npages: Number, i: Number, page: Number, found: Any) -> Claims:
    """The first number is the lowest place of so many free pages, the second the lowest free page; -1 for none.

    i: any place; page: any page.
    """
    at, first_free = found
    yield "it fits", implies(at != NOT_FOUND, bits.fits(at, npages))
    yield "it fits nowhere below", implies(all_of(any_of(at == NOT_FOUND, i < at)), negate(bits.fits(i, npages)))
    yield "the first free page is free", implies(first_free != NOT_FOUND, bits.is_free(first_free))
    yield "none is free below", implies(any_of(first_free == NOT_FOUND, page < first_free), negate(bits.is_free(page)))


def small_loop(bits: Bitmap, npages: Number, i: Number, page: Number) -> PlainLoop:
    """The loop of find_small_n."""
    width = bits.width

    def head(n: Names) -> Claims:
        limit = n.index * width
        yield "free pages at the end", bits.end_free(n.end, limit)
        yield "it did not fit", implies(i + npages <= limit, negate(bits.all_free(i, i + npages, range(limit))))
        yield from _first_free(bits, n.new_search_idx, page, limit)

    changes = {"end": (0, width), "new_search_idx": (NOT_FOUND, bits.pages - 1)}
    return PlainLoop(changes, Known(head))


def large_loop(bits: Bitmap, npages: Number, i: Number, page: Number) -> PlainLoop:
    """The loop of find_large_n."""
    width = bits.width

    def head(n: Names) -> Claims:
        limit = n.index * width
        yield "free pages at the end", bits.end_free(n.size, limit)
        yield "they begin at start", implies(n.size > 0, n.start == limit - n.size)
        yield "they are too few", n.size < npages
        yield "it did not fit", implies(i + npages <= limit, negate(bits.all_free(i, i + npages, range(limit))))
        yield from _first_free(bits, n.new_search_idx, page, limit)

    pages = bits.pages
    changes = {"start": (NOT_FOUND, pages), "size": (0, pages), "new_search_idx": (NOT_FOUND, pages - 1)}
    return PlainLoop(changes, Known(head))


def lowest_place(bits: Bitmap, sizes: tuple[int, int], i: Number, page: Number) -> PlainCall:
    """What find_small_n and find_large_n give. sizes: the least and the greatest number of pages they are asked for."""

    def ensures(found: Any, _: Any, npages: Number, __: Number) -> Claims:
        yield from finds_lowest_place(bits, npages, i, page, found)

    def requires(_: Any, npages: Number, search: Number) -> Claims:
        yield "so many pages", all_of(npages >= sizes[0], npages <= sizes[1])
        yield "a page", all_of(search >= 0, search < bits.pages)
        yield "nothing is free below", bits.all_allocated(0, search // bits.width * bits.width)

    either = (NOT_FOUND, bits.pages - 1)
    return PlainCall((either, either), ensures, requires)


def lowest_free_page(bits: Bitmap, pages: tuple[Number, ...]) -> PlainCall:
    """What find1 gives. pages: any pages."""

    def ensures(found: Number, _: Any, search: Number) -> Claims:
        first = search // bits.width * bits.width
        for page in (*pages, found):
            yield from finds_lowest_free(bits.is_free(page), page, first, found, bits.pages)

    def requires(_: Any, search: Number) -> Claims:
        yield "a page", all_of(search >= 0, search < bits.pages)

    return PlainCall(((NOT_FOUND, bits.pages - 1),), ensures, requires)


def _first_free(bits: Bitmap, first_free: Number, page: Number, limit: int) -> Claims:
    known = first_free != NOT_FOUND
    yield "the first free page is free", implies(known, all_of(first_free < limit, bits.is_free(first_free)))
    none = any_of(negate(known), page < first_free)
    yield "none is free below", implies(all_of(page < limit, none), negate(bits.is_free(page)))


def lowest_run_of_word(i: Number, width: int) -> PlainCall:
    """What find_bit_range64 gives. i: any place of the bitmap, that of the word included."""

    def ensures(found: Number, c: Number, n: Number, _: int) -> Claims:
        yield from finds_lowest_run(c, n, i % width, found, width)

    def requires(_: Number, n: Number, __: int) -> Claims:
        yield "1 or more", n >= 1
        yield "no more than a word has", n <= width

    return PlainCall(((0, width),), ensures, requires)


# Summaries.


def between_ones(word: Bitmap, j: Number, length: Number) -> Truth:
    """Whether so many zeros stand in a word from place j on, with a one somewhere below them and one above."""
    below, above = word.all_free(0, j), word.all_free(j + length, word.width)
    return all_of(j >= 0, word.all_free(j, j + length), negate(below), negate(above))


def longest_of_word(length: Number, j: Number | None, width: int) -> PlainCall:
    """What longest_inside gives.

    j: any place of a bitmap; None: no place has so many zeros, and so many are not found.
    """

    def ensures(found: Number, x: Number, most: Number, _: int) -> Claims:
        yield "no shorter than was known", found >= most
        if j is None:
            yield "it is no longer", implies(most < length, found < length)
        else:
            yield "no longer run", implies(between_ones(Bitmap((x,), width), j % width, length), length <= found)

    def requires(_: Number, most: Number, __: int) -> Claims:
        yield "shorter than any of a word can be", all_of(most >= 0, most <= width - 2)

    def nowhere(place: Number, x: Number, _: Number, __: int) -> Claims:
        if j is None:
            yield "nowhere as many", negate(Bitmap((x,), width).fits(place, length))

    return PlainCall(((0, width - 2),), ensures, requires, nowhere, (0, width - 1))


def counted_ones(length: Number, j: Number, width: int) -> PlainCall:
    """What ones_count gives. j: any place of a bitmap, where so many zeros may stand."""

    def ensures(found: Number, x: Number) -> Claims:
        zeros = all_of(j % width + length <= width, Bitmap((x,), width).all_free(j % width, j % width + length))
        yield "zeros are not counted", implies(zeros, found + length <= width)

    return PlainCall(((0, width),), ensures)


def summarizes(bits: Bitmap, i: Number, length: Number, total: tuple[Number, ...]) -> Claims:
    """The three numbers are the free pages at the start, in the longest run and at the end.

    i, length: any run of pages; that there is a run as long as the longest is shown apart.
    """
    start, most, end = total
    pages = bits.pages
    yield "free pages at the start", bits.begin_free(start, pages)
    yield "free pages at the end", bits.end_free(end, pages)
    yield "no longer run", implies(bits.fits(i, length), length <= most)
    yield "the longest is no shorter", all_of(start <= most, end <= most, most <= pages)


def summing_loops(bits: Bitmap, i: Number | None, length: Number) -> dict[tuple[str, int], PlainLoop]:
    """The loops of summarize. i: a run of so many pages is not overlooked; None: there is none, and none is found."""
    width, pages = bits.width, bits.pages

    def inside(k: int) -> Truth:
        """Whether the run lies in word k, with ones on both sides."""
        assert i is not None
        lo, hi, among = k * width, (k + 1) * width, range(k * width, (k + 1) * width)
        apart = (negate(bits.all_free(lo, i, among)), negate(bits.all_free(i + length, hi, among)))
        return all_of(lo <= i, i + length <= hi, *apart)

    def short(n: Names) -> Claims:
        if i is None:
            yield "it is no longer", n.most < length
            return
        limit = n.index * width
        ends = any_of(i >= limit - n.cur, *(inside(k) for k in range(n.index)))
        there = all_of(i + length <= limit, bits.all_free(i, i + length, range(limit)))
        yield "no longer run but in a word", implies(there, any_of(length <= n.most, ends))

    def first(n: Names) -> Claims:
        limit, none = n.index * width, n.start == NOT_FOUND
        yield "free pages at the end", bits.end_free(n.cur, limit)
        yield "all are free yet", implies(none, all_of(n.cur == limit, n.most == 0))
        begin = all_of(n.start < limit, bits.begin_free(n.start, limit), n.start <= n.most)
        yield "free pages at the start", implies(negate(none), begin)
        yield from short(n)

    def first_left(n: Names) -> Claims:
        yield from first(n)
        if i is None:
            yield "nor is the end", n.cur < length

    def second(n: Names) -> Claims:
        yield "the longest is no shorter", all_of(n.start <= n.most, n.cur <= n.most)
        if i is None:
            yield "it is no longer", n.most < length
            return
        later = any_of(*(inside(k) for k in range(n.index, len(bits.words))))
        yield "no longer run but in a later word", implies(bits.fits(i, length), any_of(length <= n.most, later))

    def end_begins(n: Names, _: Names, __: Number | None) -> Iterable[Number]:
        return (n.index * width - n.cur,)

    def in_word(n: Names, _: Names, place: Number | None) -> Iterable[Number]:
        return () if place is None else (n.index * width + place,)

    counts = {"start": (NOT_FOUND, pages - 1), "most": (0, pages), "cur": (0, pages)}
    return {
        ("summarize", 1): PlainLoop(counts, Known(first), Known(first_left), uses=end_begins),
        ("summarize", 2): PlainLoop({"most": (0, width - 2)}, Known(second), uses=in_word),
    }
