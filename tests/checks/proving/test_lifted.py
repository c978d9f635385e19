"""Lemmas about plain functions of the page allocator, for all inputs, and edits of the text that break them."""

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.proving.lifted.lemma import Given, Lemma, NotMetError, Symbols, broken
from spanproof.checks.proving.obligations import Outcome
from spanproof.checks.proving.stopping import patient
from spanproof.checks.running.pages_alone import page_text
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import AMD64_OFFSET, GO_AMD64
from spanproof.model.logic import all_of, any_of, implies, negate, same

REFERENCE = page_text(Runtime)


def is_run(c: Any, i: Any, n: Any) -> Any:
    """Whether the n bits of c from i on are ones."""
    ones = (1 << n) - 1
    return (c >> i) & ones == ones


def find_bit_range64(given: Given) -> None:
    """It finds n ones, and the lowest place of them."""
    c, n, i = given.word("c"), given.number("n", 1, 64), given.number("i", 0, 63)
    found = given.call(given.text.find_bit_range64, c, n, 64)
    given.show("there are n ones", implies(found < 64, is_run(c, found, n)))
    given.show("not below", implies(all_of(i < found, i + n <= 64), negate(is_run(c, i, n))))


def fill_aligned(given: Given) -> None:
    """A bit is set exactly if one of its group was."""
    x, i = given.word("x"), given.number("i", 0, 63)
    for log in range(7):
        m = 1 << log
        filled = given.call(given.text.fill_aligned, x, m, 64)
        group = x >> (i >> log << log) & (1 << m) - 1
        given.show(f"{m} pages", same(filled >> i & 1 == 1, group != 0))


def subtract(given: Given) -> None:
    """What is left is the difference of the two, unless it would be two ranges."""
    a, b, c, d, offset, q = (given.integer(name) for name in ("a", "b", "c", "d", "offset", "q"))
    given.assume(c < d)
    r, other = given.text.AddrRange(a, b, offset), given.text.AddrRange(c, d, offset)
    left = given.call(given.text.AddrRange.subtract, r, other, throws={"bad prune": all_of(a < c, d < b)})
    inside = all_of(a <= q, q < b, any_of(q < c, d <= q))
    given.show("the difference", same(all_of(left.base <= q, q < left.limit), inside))


def pack(given: Given) -> None:
    """A summary that can be is unpacked as it was packed."""
    log = GO_AMD64.log_max_packed_value
    start, most, end = (given.number(name, 0, 1 << log) for name in ("start", "most", "end"))
    full = 1 << log
    given.assume(start <= most, end <= most, implies(most == full, all_of(start == full, end == full)))
    packed = given.call(given.text.pack_palloc_sum, start, most, end, log)
    for name, was, now in zip(
        ("start", "most", "end"), (start, most, end), given.call(given.text.unpack, packed, log), strict=True
    ):
        given.show(name, was == now)


def addresses(given: Given) -> None:
    """An address is where its chunk and its page say, on amd64."""
    g = GO_AMD64
    addr = given.integer("addr")
    given.assume(addr >= AMD64_OFFSET, addr < AMD64_OFFSET + (1 << 48))
    chunk, page = given.call(g.chunk_index, addr), given.call(g.chunk_page_index, addr)
    base = given.call(g.chunk_base, chunk)
    given.show("the chunk", all_of(base <= addr, addr < base + g.chunk_size))
    within = addr - (base + page * g.page_size)
    given.show("the page", all_of(within >= 0, within < g.page_size))


def merge_at(log: int) -> Any:
    """Eight summaries that can be, of 1 << log pages each, merge into one that can be."""

    def merge(given: Given) -> None:
        text, whole = given.text, GO_AMD64.log_max_packed_value
        sums = tuple(tuple(given.integer(f"{name}[{i}]") for name in ("start", "most", "end")) for i in range(8))
        for total in sums:
            given.assume(*_can_be(total, 1 << log))
        packed = tuple(_packed(given, total) for total in sums)
        instead: dict[Any, Callable[..., Any]] = {text.unpack: _as_it_is, text.pack_palloc_sum: _three}
        found = given.call(text.merge_summaries, packed, log, whole, instead=instead)
        for claim in _can_be(given.call(text.unpack, found, whole) if isinstance(found, int) else found, 8 << log):
            given.show("it can be", claim)

    return merge


def _as_it_is(total: Any, _: int) -> Any:
    return total


def _three(start: Any, most: Any, end: Any, _: int) -> Any:
    return start, most, end


def _packed(given: Given, total: tuple[Any, ...]) -> Any:
    return given.text.pack_palloc_sum(*total, GO_AMD64.log_max_packed_value) if isinstance(total[0], int) else total


def _can_be(total: Any, pages: int) -> tuple[Any, ...]:
    """Whether three numbers are the summary of a bitmap of so many pages."""
    start, most, end = total
    whole = all_of(start == pages, most == pages, end == pages)
    apart = all_of(start < pages, most < pages, end < pages)
    return (start >= 0, end >= 0, start <= most, end <= most, any_of(whole, apart))


def find1(given: Given) -> None:
    """The lowest free page of a chunk from the word of the search index on."""
    bits = given.text.PallocBits(given.words("bits", 8), 64)
    search, i = given.number("search", 0, 511), given.number("i", 0, 511)
    found = given.call(bits.find1, search)
    free = given.call(bits.get, i) == 0
    given.show("none", implies(all_of(found == -1, i >= search), negate(free)))
    given.show("it is free", implies(found == i, free))
    given.show("the lowest", implies(all_of(i >= search // 64 * 64, i < found), negate(free)))


def cache_alloc(given: Given) -> None:
    """Pages that a cache gives leave it, the lowest that fit, and no others do."""
    cache, scav, n, i = given.word("cache"), given.word("scav"), given.number("n", 1, 64), given.number("i", 0, 63)
    base = 1 << 30
    left, addr, _ = given.call(given.text.PageCache(base, cache, scav).alloc, n, GO_AMD64)
    first = (addr - base) // GO_AMD64.page_size
    mine = all_of(addr != 0, first <= i, i < first + n)
    given.show("they were there", implies(mine, cache >> i & 1 == 1))
    given.show("what is left", same(left.cache >> i & 1 == 1, all_of(cache >> i & 1 == 1, negate(mine))))
    given.show("scavenged", same(left.scav >> i & 1 == 1, all_of(scav >> i & 1 == 1, negate(mine))))
    given.show("the lowest", implies(all_of(i + n <= 64, any_of(addr == 0, i < first)), negate(is_run(cache, i, n))))


MERGES = tuple(merge_at(log) for log in GO_AMD64.level_log_pages[1:])
LEMMAS = (find_bit_range64, fill_aligned, subtract, pack, addresses, *MERGES, find1, cache_alloc)
DRAWN = (find_bit_range64, fill_aligned, subtract, pack, find1, cache_alloc)
"""Those whose premises numbers meet by chance."""
each = pytest.mark.parametrize("lemma", LEMMAS, ids=lambda lemma: lemma.__name__)


def proved(lemma: Any, text: SimpleNamespace = REFERENCE) -> Symbols:
    """A lemma, read for all inputs."""
    symbols = Symbols(text, patient)
    lemma(symbols)
    symbols.end()
    return symbols


@each
def test_it_holds_for_all_inputs(lemma: Any) -> None:
    """Every goal, from premises that can be met."""
    found = proved(lemma)
    assert len(found.obligations) > 2
    assert [str(o) for o in found.obligations if o.outcome is not Outcome.PROVED] == []


@pytest.mark.parametrize("lemma", DRAWN, ids=lambda lemma: lemma.__name__)
def test_it_holds_of_numbers(lemma: Any) -> None:
    """The same lemma, run: what is proved of the formulas is so of the text."""
    rng, tried = random.Random(1), 0
    for _ in range(2_000):
        try:
            assert broken(Lemma(lemma.__name__, lemma), REFERENCE, lambda _, lo, hi: _drawn(rng, lo, hi)) == []
            tried += 1
        except NotMetError:
            continue
    assert tried > 10


def _drawn(rng: random.Random, lo: int, hi: int) -> int:
    """A number: near an end, of few bits, or any."""
    return rng.choice((min(lo + rng.randrange(9), hi), max(hi - rng.randrange(9), lo), rng.randint(lo, hi)))


@pytest.mark.parametrize(
    ("lemma", "function", "old", "new"),
    [
        (find_bit_range64, "palloc_bits.find_bit_range64", "k *= 2", "k *= 3"),
        (find_bit_range64, "palloc_bits.find_bit_range64", "n - 1", "n - 2"),
        (fill_aligned, "scavenge.fill_aligned", "(x & c) + c | x | c", "(x & c) + c | c"),
        (subtract, "AddrRange.subtract", "replace(self, base=b.limit)", "replace(self, base=b.base)"),
        (MERGES[0], "palloc_bits.merge_summaries", "start == i << log_max_pages_per_sum", "start >= 0"),
        (find1, "PallocBits.find1", "search_idx // width", "search_idx // width + 1"),
        (cache_alloc, "PageCache.alloc_n", "(1 << npages) - 1 << i", "(1 << npages) - 2 << i"),
        (pack, "palloc_bits.pack_palloc_sum", "(end & mask) << 2 * log_max", "(end & mask) << log_max"),
    ],
)
def test_an_edit_breaks_it(lemma: Any, function: str, old: str, new: str) -> None:
    """The text is what is proved: a wrong one fails, and its counterexample breaks the lemma when it is run."""
    text = page_text(planted((Edit(function, old, new),)))
    found = proved(lemma, text)
    assert any(o.outcome is Outcome.FAILED for o in found.obligations)
    assert found.counterexample is not None
    assert broken(Lemma(lemma.__name__, lemma), text, found.counterexample)


def test_numbers_do_not_wrap() -> None:
    """A symbol with one value left is that number, and the operations on bounds agree with Python's."""
    rng = random.Random(2)
    for _ in range(300):
        a, b = rng.randint(0, 300), rng.randint(0, 70)
        text = SimpleNamespace()
        symbols = Symbols(text, patient)
        x, y = symbols.number("x", 0, 300), symbols.number("y", 0, 70)
        symbols.assume(x == a, y == b)
        symbols.show("+", x + y == a + b)
        symbols.show("-", x - y == a - b)
        symbols.show("-", y - x == b - a)
        symbols.show(">>", x >> y == a >> b)
        symbols.show("<<", x << y == a << b)
        symbols.show("&~", x & ~y == a & ~b)
        symbols.show("|^", (x | y) - (x ^ y) == a & b)
        symbols.show("%", (x - y) % 16 == (a - b) % 16)
        symbols.show("//", (x - y) // 16 == (a - b) // 16)
        assert all(o.outcome is Outcome.PROVED for o in symbols.obligations), (a, b)
