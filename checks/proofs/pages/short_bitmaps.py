"""Bitmaps of a short chunk, of four words of eight pages: the same text as for 512, with its loops followed to the end.

What the long theorems show of the real size, step by step and in minutes, is decided here at once. Read next:
long_bitmaps.py.
"""

from collections.abc import Callable

from spanproof.checks.proving.lifted.judging import PlainTheorem
from spanproof.checks.proving.lifted.lemma import Given, Lemma
from spanproof.model.contracts.bitmaps import Bitmap, finds_lowest_place, summarizes
from spanproof.model.logic import any_of

WIDTH, WORDS = 8, 4
PAGES = WIDTH * WORDS
LOG_MAX = 6
"""Bits of each number in a summary: it counts up to 64 pages."""


def _find(function: str, least: int, most: int) -> Callable[[Given], None]:
    def read(given: Given) -> None:
        words = given.words("bits", WORDS, WIDTH)
        npages, search = given.number("npages", least, most), given.number("search", 0, PAGES - 1)
        i, page = given.number("i", 0, PAGES - 1), given.number("page", 0, PAGES - 1)
        bits = Bitmap(words, WIDTH)
        given.assume(bits.all_allocated(0, search // WIDTH * WIDTH))
        of = given.text.PallocBits(words, WIDTH)
        given.show_all(finds_lowest_place(bits, npages, i, page, given.call(getattr(of, function), npages, search)))

    return read


def _summarize(given: Given) -> None:
    words = given.words("bits", WORDS, WIDTH)
    i, length = given.number("i", 0, PAGES - 1), given.number("length", 1, PAGES)
    bits, text = Bitmap(words, WIDTH), given.text
    total = given.call(text.PallocBits(words, WIDTH).summarize, LOG_MAX)
    start, most, end = given.call(text.unpack, total, LOG_MAX)
    given.show_all(summarizes(bits, i, length, (start, most, end)))
    given.show("there is a run as long", any_of(most == 0, *(bits.fits(place, most) for place in range(PAGES))))


FIND = PlainTheorem(
    "find_is_first_fit_in_a_short_chunk",
    says="pallocBits.find gives the lowest run of free pages that fits in a chunk of 32, and the lowest free page.",
    because="A run within a word, over the border of two, or over many words is looked for from the lowest word on.",
    source="mpallocbits.go, pallocBits.find, find1, findSmallN, findLargeN",
    inputs="any 32 bits in words of 8, 1 to 32 pages, any search index in or after whose word all free pages are",
    lemmas=(
        Lemma("find_small_n", _find("find_small_n", 2, WIDTH)),
        Lemma("find_large_n", _find("find_large_n", WIDTH + 1, PAGES)),
        Lemma("find", _find("find", 1, PAGES)),
    ),
    decides=("PallocBits.find", "PallocBits.find1", "PallocBits.find_small_n", "PallocBits.find_large_n"),
)
SUMMARIZE = PlainTheorem(
    "summarize_gives_the_summary_of_a_short_chunk",
    says="pallocBits.summarize gives how many of 32 pages are free at both ends, and in the longest run.",
    because="Runs over borders of words are added up; runs within a word are looked for where they can be longer.",
    source="mpallocbits.go, pallocBits.summarize",
    inputs="any 32 bits in words of 8",
    lemmas=(Lemma("summarize", _summarize),),
    decides=("PallocBits.summarize", "palloc_bits.longest_inside"),
)
THEOREMS = (FIND, SUMMARIZE)
