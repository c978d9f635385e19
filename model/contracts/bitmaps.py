"""What the searches of a chunk's bitmap promise, and what is known in their loops: of 512 pages, and of one word.

A bitmap is told page by page, lowest first; a bit is set while its page is allocated. Each claim speaks of one
arbitrary place. Numbers may be symbols, so nothing here is used as a condition. Read next: plain.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spanproof.model.contracts.pages import finds_lowest_free, finds_lowest_run
from spanproof.model.contracts.plain import Known, Names, Number, PlainCall, PlainLoop
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, ite, negate, same
from spanproof.model.words import complement, leading_zeros, trailing_zeros

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


def longest_loops(word: Bitmap, known: Number, j: Number | None, length: Number) -> dict[tuple[str, int], PlainLoop]:
    """The loops of longest_inside: x is the word with all runs of zeros shrunk, and what was looked at shifted out.

    known: the longest run that was known. j: any place, of a run that is not overlooked; None: no place has so many
    zeros, and none are found.
    """
    original, width = word.words[0], word.width
    run = False if j is None else between_ones(word, j, length)

    def state(n: Names, shrunk: Number) -> Claims:
        yield "a one is lowest", n.x & 1 == 1
        yield "there are zeros between ones", n.x & n.x + 1 != 0
        yield "no shorter than was known", n.most >= known
        yield "the next shift", all_of(n.k >= 1, n.k <= shrunk + 1)

    def outer(n: Names) -> Claims:
        yield "its highest one", leading_zeros(n.x, width) == leading_zeros(original, width) + n.out
        if j is None:
            yield "it is no longer", n.most < length
        else:
            yield "what was looked at is no longer", implies(all_of(run, j < n.out), length <= n.most)
        yield "what is left to shrink", n.shrunk + n.p == n.most
        yield from state(n, n.shrunk)

    def inner(n: Names) -> Claims:
        yield "its highest one stays", leading_zeros(n.x, width) == leading_zeros(n.entry.x, width)
        yield "what is left to shrink", n.shrunk + n.p == n.most
        yield from state(n, n.shrunk)

    def left(n: Names) -> Claims:
        yield "its highest one stays", leading_zeros(n.x, width) == leading_zeros(n.entry.x, width)
        yield from state(n, n.most)

    def shrunk_at(n: Names, b: Number, shrunk: Number) -> Claims:
        at = b + n.out
        zeros = word.all_free(at, at + shrunk + 1)
        yield "runs are shrunk", same(negate(Bitmap((n.x,), width).is_allocated(b)), zeros)

    def one_at(x: Number, b: Number) -> Truth:
        return Bitmap((x,), width).is_allocated(b)

    def highest(x: Number) -> Number:
        return width - 1 - leading_zeros(x, width)

    def next_shift(n: Names) -> Number:
        return ite(n.p <= n.k, n.p, n.k)

    def shrinking_steps(n: Names, now: Names, place: Number | None) -> Claims:
        far = next_shift(n)
        if place is None:
            yield "its highest one stays", leading_zeros(now.x, width) == leading_zeros(n.x, width)
        b = place if place is not None else None if j is None else j - n.out
        if b is None:
            return
        shrunk, at = n.shrunk + far, b + n.out
        zeros = word.all_free(at, at + shrunk + 1)
        next_at = b + far + n.out
        here, there = word.all_free(at, at + n.shrunk + 1), word.all_free(next_at, next_at + n.shrunk + 1)
        yield "so far it is shrunk", all_of(shrunk <= n.most, far <= n.shrunk + 1)
        inside = all_of(b >= 0, b < width)
        yield "a one is of two", implies(inside, same(one_at(now.x, b), any_of(one_at(n.x, b), one_at(n.x, b + far))))
        yield "zeros add up", implies(inside, same(zeros, all_of(here, there)))
        yield "runs are shrunk", implies(inside, same(negate(one_at(now.x, b)), zeros))
        if place is None:
            yield "where a one is the run is short", implies(all_of(run, one_at(now.x, b)), length <= shrunk)
            yield "a one is above", implies(run, b <= highest(now.x))
            lost = all_of(b >= 0, negate(one_at(now.x, b)), now.x & now.x + 1 == 0)
            yield "zeros are above all ones", implies(lost, b > highest(now.x))

    def shrinking(n: Names, _: Names, place: Number | None) -> Iterable[Number]:
        at = place if place is not None else None if j is None else j - n.out
        return () if at is None else (at, at + next_shift(n))

    def by(now: Names) -> Number:
        """How far it is shifted in a round: over the lowest ones, and the zeros above them."""
        return now.j + lowest_ones(now)

    def lowest_ones(now: Names) -> Number:
        return trailing_zeros(complement(now.after_2.x, width), width)

    def shifting_steps(n: Names, now: Names, place: Number | None) -> Claims:
        if not hasattr(now, "after_2"):
            return
        was, low, far = now.after_2.x, lowest_ones(now), by(now)
        if place is not None:
            yield "so is each one", implies(place + far < width, same(one_at(now.x, place), one_at(was, place + far)))
            return
        yield "it is shifted", all_of(far < width, now.x == was >> far)
        yield "so is its highest one", leading_zeros(now.x, width) == leading_zeros(was, width) + far
        yield "a one comes next", one_at(was, far)
        if j is None:
            yield from no_longer(n, now, far)
        else:
            yield from looked_at(n, now, j - n.out, low, far)

    def looked_at(n: Names, now: Names, b: Number, low: Number, far: Number) -> Claims:
        assert j is not None
        was = now.after_2.x
        yield "where a one is the run is short", implies(all_of(run, one_at(was, b)), length <= n.most)
        begin = far + n.out
        end = begin + n.most + 1
        yield "ones are lowest", implies(all_of(j >= n.out, j < n.out + low), one_at(was, b))
        late = all_of(run, j >= n.out + low, j < begin, length > now.most)
        yield "a longer one covers the next", implies(late, all_of(j <= begin, end <= j + length))
        yield "so it is all zeros", implies(late, word.all_free(begin, end))
        yield "none is that long", negate(late)
        yield "what was before is no longer", implies(all_of(run, j < n.out), length <= now.most)
        yield "what was looked at is no longer", implies(all_of(run, j < begin), length <= now.most)
        yield "a one is above", implies(run, b <= highest(was))
        here = j >= begin
        yield "the rest is shifted", implies(here, same(one_at(now.x, b - far), one_at(was, b)))
        lost = all_of(here, negate(one_at(now.x, b - far)), now.x & now.x + 1 == 0)
        yield "zeros are above all ones", implies(lost, b - far > highest(now.x))

    def first_one(n: Names, now: Names) -> tuple[Number, Number]:
        """Where the zeros begin that are shifted out, and the lowest one of the word above."""
        begin = lowest_ones(now) + n.out
        return begin, begin + trailing_zeros(original >> begin, width)

    def no_longer(n: Names, now: Names, far: Number) -> Claims:
        was, (begin, one) = now.after_2.x, first_one(n, now)
        end = far - 1 + n.out + n.most + 1
        yield "zeros are shifted out", all_of(now.j >= 1, negate(one_at(was, far - 1)))
        there = all_of(one >= begin, one - n.out < far)
        yield "where a one is none was left", implies(there, negate(one_at(was, one - n.out)))
        yield "its last zeros", word.all_free(far - 1 + n.out, end)
        yield "a one is behind them", all_of(far <= highest(was), one_at(original, highest(original)))
        yield "it is in the word", all_of(end <= highest(original), highest(original) < width)
        yield "up to a one are zeros", all_of(one >= begin, word.all_free(begin, one))
        yield "it is a one", implies(one < width, one_at(original, one))
        yield "it does not come before", negate(there)
        yield "it does not come among the last", negate(all_of(one >= far - 1 + n.out, one < end))
        yield "it comes after", all_of(one >= end, end == begin + now.most)
        yield "so many zeros are no more", now.most < length

    def shifting(n: Names, now: Names, place: Number | None) -> Iterable[Number]:
        if not hasattr(now, "after_2"):
            return ()
        far = by(now)
        if place is not None:
            return (place + far,)
        if j is not None:
            return (j - n.out, far, far - 1)
        begin, one = first_one(n, now)
        return (one - n.out, far - 1, begin)

    places, most, ones = (0, width - 1), (0, width - 2), (1 << width) - 1
    shrink = {"x": (0, ones), "p": most, "k": (1, width), "shrunk": most}
    return {
        ("longest_inside", 1): PlainLoop(
            {**shrink, "most": most, "out": (0, width - 1)},
            Known(outer, lambda n, b: shrunk_at(n, b, n.shrunk)),
            rank=lambda n: width - leading_zeros(n.x, width),
            places=places,
            told={
                "out": (lambda _: trailing_zeros(original, width), lambda n, now: by(now) + n.out),
                "shrunk": (lambda _: 0, lambda n, _: n.most),
            },
            steps=shifting_steps,
            uses=shifting,
        ),
        ("longest_inside", 2): PlainLoop(
            shrink,
            Known(inner, lambda n, b: shrunk_at(n, b, n.shrunk)),
            Known(left, lambda n, b: shrunk_at(n, b, n.most)),
            rank=lambda n: n.p,
            told={"shrunk": (lambda n: n.shrunk, lambda n, _: n.shrunk + n.k)},
            places=places,
            steps=shrinking_steps,
            uses=shrinking,
        ),
    }


def longest_of_word(length: Number, j: Number | None, width: int) -> PlainCall:
    """What longest_inside gives. j: any place of a bitmap; None: as in longest_loops."""

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
