"""Words and bitmaps of pages: where runs are found, what ranges of bits change, how groups are filled."""

from typing import Any

from spanproof.checks.proving.lifted.judging import PlainTheorem
from spanproof.checks.proving.lifted.lemma import Given, Lemma
from spanproof.model.contracts.pages import changes_range, fills_groups, finds_lowest_free, finds_lowest_run

WIDTH = 64
PAGES = 512


def _find_bit_range64(given: Given) -> None:
    c, n, i = given.word("c"), given.number("n", 1, WIDTH), given.number("i", 0, WIDTH - 1)
    found = given.call(given.text.find_bit_range64, c, n, WIDTH)
    given.show_all(finds_lowest_run(c, n, i, found, WIDTH))


def _fill_aligned(m: int) -> Any:
    def read(given: Given) -> None:
        x, i = given.word("x"), given.number("i", 0, WIDTH - 1)
        given.show_all(fills_groups(x, m, i, given.call(given.text.fill_aligned, x, m, WIDTH)))

    return read


def _find1(given: Given) -> None:
    bits = given.text.PallocBits(given.words("bits", PAGES // WIDTH), WIDTH)
    search, i = given.number("search", 0, PAGES - 1), given.number("i", 0, PAGES - 1)
    found = given.call(bits.find1, search)
    free = given.call(bits.get, i) == 0
    given.show_all(finds_lowest_free(free, i, search // WIDTH * WIDTH, found, PAGES))


def _range(function: str, *, to: bool) -> Any:
    def read(given: Given) -> None:
        bits = given.text.PageBits(given.words("bits", PAGES // WIDTH), WIDTH)
        first, n = given.number("first", 0, PAGES - 1), given.number("n", 1, PAGES)
        i = given.number("i", 0, PAGES - 1)
        given.assume(first + n <= PAGES)
        after = given.call(getattr(bits, function), first, n)
        before, now = (given.call(b.get, i) == 1 for b in (bits, after))
        given.show_all(changes_range(before, now, i, first, n, to=to))

    return read


FIND_BIT_RANGE64 = PlainTheorem(
    "find_bit_range64_is_first_fit",
    says="findBitRange64 finds n ones in a row in a word, and the lowest place of them.",
    because="c & c>>1 & c>>2 ... keeps a bit where a run begins; shifts that double reach n.",
    source="mpallocbits.go, findBitRange64",
    inputs="any word of 64 bits, 1 to 64 ones",
    lemmas=(Lemma("find_bit_range64", _find_bit_range64),),
    decides=("palloc_bits.find_bit_range64",),
)
FILL_ALIGNED = PlainTheorem(
    "fill_aligned_fills_whole_groups",
    says="fillAligned sets exactly the groups of m bits in which a bit was set.",
    because="Adding all ones but the highest of each group carries into its highest bit if one of them was set.",
    source="mgcscavenge.go, fillAligned",
    inputs="any word of 64 bits, each m that Go allows",
    lemmas=tuple(Lemma(f"fill_aligned {m}", _fill_aligned(m)) for m in (1, 2, 4, 8, 16, 32, 64)),
    decides=("scavenge.fill_aligned",),
)
FIND1 = PlainTheorem(
    "find1_finds_the_lowest_free_page",
    says="pallocBits.find1 gives the lowest free page of a chunk from the word of the search index on.",
    because="It looks at one word after the other, and at the lowest zero of the first that has one.",
    source="mpallocbits.go, pallocBits.find1",
    inputs="any 512 bits, any search index",
    lemmas=(Lemma("find1", _find1),),
    decides=("PallocBits.find1",),
)
RANGES_OF_BITS = PlainTheorem(
    "ranges_of_bits_change_alone",
    says="setRange and clearRange change exactly the bits of their range.",
    because="The first and the last word are masked, those between are all ones or all zeros.",
    source="mpallocbits.go, pageBits.setRange, pageBits.clearRange",
    inputs="any 512 bits, any range in them",
    lemmas=(Lemma("set_range", _range("set_range", to=True)), Lemma("clear_range", _range("clear_range", to=False))),
    tier="long",
    decides=("PageBits.set_range", "PageBits.clear_range"),
)
THEOREMS = (FIND_BIT_RANGE64, FILL_ALIGNED, FIND1, RANGES_OF_BITS)
