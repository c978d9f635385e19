"""Bitmaps of a whole chunk: 512 pages."""

from collections.abc import Callable
from typing import Any

from spanproof.checks.proving.lifted.judging import PlainTheorem
from spanproof.checks.proving.lifted.lemma import Given, Lemma
from spanproof.model.contracts.bitmaps import (
    Bitmap,
    counted_ones,
    finds_lowest_place,
    large_loop,
    longest_of_word,
    lowest_free_page,
    lowest_place,
    lowest_run_of_word,
    small_loop,
    summarizes,
    summing_loops,
)
from spanproof.model.contracts.longest_run import LongestInside, NoneIsInvented, NoneIsOverlooked
from spanproof.model.geometry import GO_AMD64
from spanproof.model.logic import Claims, negate
from spanproof.model.words import ones_count

WIDTH = 64
LOG_MAX = GO_AMD64.log_max_packed_value
PAGES = 512


def _searched(given: Given, least: int, most: int) -> tuple[Any, ...]:
    words = given.words("bits", PAGES // WIDTH)
    npages, search = given.number("npages", least, most), given.number("search", 0, PAGES - 1)
    i, page = given.number("i", 0, PAGES - 1), given.number("page", 0, PAGES - 1)
    bits = Bitmap(words, WIDTH)
    given.assume(bits.all_allocated(0, search // WIDTH * WIDTH))
    return given.text.PallocBits(words, WIDTH), bits, npages, search, i, page


def _find_small_n(given: Given) -> None:
    text, bits, npages, search, i, page = _searched(given, 2, WIDTH)
    given.call(
        text.find_small_n,
        npages,
        search,
        instead={given.text.find_bit_range64: lowest_run_of_word(i, WIDTH)},
        loops={("find_small_n", 1): small_loop(bits, npages, i, page)},
        ensures=lambda found: finds_lowest_place(bits, npages, i, page, found),
    )


def _find_large_n(given: Given) -> None:
    text, bits, npages, search, i, page = _searched(given, WIDTH + 1, PAGES)
    given.call(
        text.find_large_n,
        npages,
        search,
        loops={("find_large_n", 1): large_loop(bits, npages, i, page)},
        ensures=lambda found: finds_lowest_place(bits, npages, i, page, found),
    )


def _find(given: Given) -> None:
    text, bits, npages, search, i, page = _searched(given, 1, PAGES)
    given.call(
        text.find,
        npages,
        search,
        instead={
            given.text.PallocBits.find1: lowest_free_page(bits, (i, page)),
            given.text.PallocBits.find_small_n: lowest_place(bits, (2, WIDTH), i, page),
            given.text.PallocBits.find_large_n: lowest_place(bits, (WIDTH + 1, PAGES), i, page),
        },
        ensures=lambda found: finds_lowest_place(bits, npages, i, page, found),
    )


def _longest_inside(*, found: bool) -> Callable[[Given], None]:
    """found: every run is; else: no place has so many zeros, and so many are not found."""

    def read(given: Given) -> None:
        x, most, length = given.word("x"), given.number("most", 0, WIDTH - 2), given.number("length", 1, WIDTH)
        j = given.number("j", 0, WIDTH - 1) if found else None
        word = Bitmap((x,), WIDTH)
        inside: LongestInside
        if j is None:
            given.assume(most < length)
            given.assume_everywhere(0, WIDTH - 1, lambda place: negate(word.fits(place, length)))
            inside = NoneIsInvented(word, most, length)
        else:
            inside = NoneIsOverlooked(word, most, length, j)
        contract = longest_of_word(length, j, WIDTH)
        given.call(
            given.text.longest_inside,
            x,
            most,
            WIDTH,
            loops=inside.loops(),
            ensures=lambda result: contract.gives(result, x, most, WIDTH),
        )

    return read


def _three(start: Any, most: Any, end: Any, _: int) -> tuple[Any, ...]:
    """What pack_palloc_sum packs."""
    return start, most, end


def _ones_count(given: Given) -> None:
    x, length, j = given.word("x"), given.number("length", 1, WIDTH), given.number("j", 0, WIDTH - 1)
    given.show_all(counted_ones(length, j, WIDTH).gives(given.call(ones_count, x), x))


def _summarize(*, found: bool) -> Callable[[Given], None]:
    """found: every run is; else: no place has so many free pages, and so many are not found."""

    def read(given: Given) -> None:
        text, words = given.text, given.words("bits", PAGES // WIDTH)
        length = given.number("length", 1, PAGES)
        i = given.number("i", 0, PAGES - 1) if found else None
        bits = Bitmap(words, WIDTH)
        if not found:
            given.assume_everywhere(0, PAGES - 1, lambda place: negate(bits.fits(place, length)))

        def ensures(total: Any) -> Claims:
            three: tuple[Any, ...] = total if isinstance(total, tuple) else text.unpack(total, LOG_MAX)  # pyright: ignore[reportUnknownVariableType]
            if i is not None:
                yield from summarizes(bits, i, length, three)
            else:
                yield "no longer than a run there is", three[1] < length

        instead: dict[Any, Any] = {
            text.pack_palloc_sum: _three,
            text.longest_inside: longest_of_word(length, i, WIDTH),
            ones_count: counted_ones(length, 0 if i is None else i, WIDTH),
        }
        loops = summing_loops(bits, i, length)
        given.call(text.PallocBits(words, WIDTH).summarize, LOG_MAX, instead=instead, loops=loops, ensures=ensures)

    return read


FIND = PlainTheorem(
    "find_is_first_fit_in_a_chunk",
    says="pallocBits.find gives the lowest run of free pages that fits in a chunk, and the lowest free page.",
    because="A run within a word, over the border of two, or over many words is looked for from the lowest word on.",
    source="mpallocbits.go, pallocBits.find, findSmallN, findLargeN",
    inputs="any 512 bits, 1 to 512 pages, any search index in or after whose word all free pages are",
    lemmas=(Lemma("find_small_n", _find_small_n), Lemma("find_large_n", _find_large_n), Lemma("find", _find)),
    premises=(
        "findBitRange64 finds the lowest place (proved: find_bit_range64_is_first_fit)",
        "find1 finds the lowest free page (proved: find1_finds_the_lowest_free_page)",
    ),
    tier="long",
)
LONGEST = PlainTheorem(
    "longest_inside_is_the_longest_run",
    says="The loops of summarize that look inside of a word give the longest run of zeros between two ones, if longer.",
    because="Shrinking all runs by as many zeros as are known leaves only longer ones.",
    source="mpallocbits.go, pallocBits.summarize",
    inputs="any word of 64 bits, any length that is known",
    lemmas=(
        Lemma("longest_inside, none is longer", _longest_inside(found=True)),
        Lemma("longest_inside, one is as long", _longest_inside(found=False)),
    ),
    tier="long",
)
SUMMARIZE = PlainTheorem(
    "summarize_gives_the_summary",
    says="pallocBits.summarize gives how many pages are free at both ends, and in the longest run.",
    because="Runs over borders of words are added up; runs within a word are looked for where they can be longer.",
    source="mpallocbits.go, pallocBits.summarize",
    inputs="any 512 bits",
    lemmas=(
        Lemma("ones_count", _ones_count),
        Lemma("summarize, none is longer", _summarize(found=True)),
        Lemma("summarize, one is as long", _summarize(found=False)),
    ),
    premises=(
        "longest_inside gives the longest run within a word (proved: longest_inside_is_the_longest_run)",
        "packing loses nothing (proved: summaries_are_packed_without_loss)",
    ),
    tier="long",
)
THEOREMS = (FIND, LONGEST, SUMMARIZE)
