"""Bitmaps of which one page is observed do to its bit what real bitmaps do, and count what they can know."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanproof.checks.proving import jobs, observed
from spanproof.checks.proving.cursors import Flags, Signed
from spanproof.checks.proving.engine import Engine
from spanproof.checks.proving.observed import PageSet, Place
from spanproof.checks.proving.scavenging import ScavengingProtocol
from spanproof.checks.proving.terms import Bits
from spanproof.checks.proving.theorem import JOBS
from spanproof.impl.malloc import Runtime
from spanproof.impl.palloc_bits import PallocBits, PallocData
from spanproof.model.geometry import WIDE
from spanproof.model.logic import all_of, any_of, implies, same
from spanproof.model.releases import NEWEST

PAGES, BLOCK = WIDE.pages_per_chunk, WIDE.pages_per_block
WORDS = st.tuples(*[st.integers(0, (1 << BLOCK) - 1)] * (PAGES // BLOCK))
RANGES = st.integers(0, PAGES - 1).flatmap(lambda i: st.tuples(st.just(i), st.integers(1, PAGES - i)))


def real(words: tuple[int, ...]) -> PallocBits:
    """A bitmap."""
    return PallocBits(words, BLOCK)


def is_set(bits: Any, place: Place) -> Any:
    """Whether a real bitmap has the observed page's bit, whichever that is."""
    return any_of(*(place.page(WIDE) == i for i in range(PAGES) if bits.get(i)))


def seen(words: tuple[int, ...]) -> PageSet:
    """The same bitmap with one page observed, any of it."""
    e = Engine(WIDE, None)
    place = Place(0, e.fresh("block"), e.fresh("bit"))
    e.assume(all_of(place.block < PAGES // BLOCK, place.bit < BLOCK))
    return PageSet(e, place, is_set(real(words), place), True, e.fresh_bits(place.bit, "bitmap").name)


def agrees(now: PageSet, expected: Any) -> bool:
    """Whether the observed bit is the one that the real bitmap has, wherever it is."""
    return now.engine.follows(same(now.seen, is_set(expected, now.place)))


@given(st.sampled_from(["set_range", "clear_range", "alloc_range", "free"]), WORDS, RANGES)
def test_ranges_change_as_in_real_bitmaps(function: str, words: tuple[int, ...], where: tuple[int, int]) -> None:
    """Of any bitmap and any range: the bit, and by how many more or less are set, if that can be known."""
    before, expected = seen(words), getattr(real(words), function)(*where)
    now = getattr(before, function)(*where)

    assert agrees(now, expected)
    added = sum(expected.get(i) for i in range(PAGES)) - sum(real(words).get(i) for i in range(PAGES))
    assert not before.engine.follows(before.engine.as_word(now.added) != added)


@given(WORDS, RANGES)
def test_counts_are_possible_ones(words: tuple[int, ...], where: tuple[int, int]) -> None:
    """All of a range, none of it, or something that does not exclude the real count."""
    bits, count = seen(words), real(words).popcnt_range(*where)
    e = bits.engine
    found = e.as_word(bits.popcnt_range(*where))

    assert not e.follows(found != count)
    assert e.follows(found == count) == (count in {0, where[1]})


@given(WORDS, WORDS, st.integers(0, PAGES - 1))
def test_words_change_as_in_real_bitmaps(words: tuple[int, ...], others: tuple[int, ...], i: int) -> None:
    """Setting and clearing in the word that holds a page; and the word itself."""
    before, v = seen(words), others[0]
    e, place = before.engine, before.place
    mask = Bits(e.fork, place.bit, any_of(*(place.bit == j for j in range(BLOCK) if v >> j & 1)), before.name)

    assert agrees(before.set_block64(i, mask), real(words).set_block64(i, v))
    assert agrees(before.clear_block64(i, mask), real(words).clear_block64(i, v))
    word = real(words).block64(i)
    here = any_of(*(place.bit == j for j in range(BLOCK) if word >> j & 1))
    in_block = place.block == i // BLOCK
    assert e.follows(implies(in_block, same(before.block64(i).seen, here)))


def test_another_chunk_leaves_the_observed_page_alone() -> None:
    """The tree gives bitmaps of any chunk; what is done to others is not seen."""
    bits = seen((0, 0))
    e = bits.engine
    place = Place(e.fresh("chunk"), bits.place.block, bits.place.bit)
    tree = observed.tree(e, place, PallocData, e.fresh_truth("allocated"), False)
    e.assume(place.chunk == 3)
    now = tree.with_chunk(4, tree.chunk_of(4).alloc_range(0, PAGES))
    mine = tree.with_chunk(3, tree.chunk_of(3).alloc_range(0, PAGES))

    assert not e.follows(now.allocated.here)
    assert e.follows(mine.allocated.here)
    assert e.follows(mine.allocated.seen)


@pytest.mark.parametrize("bits", [None, 64])
def test_signed_words_are_go_s_int64(bits: int | None) -> None:
    """Compared with 0 and with words, and their distance from 0."""
    e = Engine(WIDE, bits)
    three, minus_three = (Signed(e.domain, e.domain.constant(n)) for n in (3, -3))

    assert e.follows(all_of(minus_three < 0, three > 0, minus_three < three, three >= minus_three, three <= 3))
    assert e.follows(all_of(minus_three.magnitude() == 3, three.magnitude() == 3))


def test_flags_are_asked_for_free_pages_only() -> None:
    """Another flag is refused, as nothing is known of it."""
    e = Engine(WIDE, None)
    flags = Flags(e.fresh_truth("has_free"))

    assert (flags & ~1).has_free is False
    assert (flags | 1).has_free is True
    for wrong in (lambda: flags & 2, lambda: flags | 2):
        with pytest.raises(TypeError, match="only that there are free pages"):
            wrong()


def test_what_is_done_to_bitmaps_in_another_way_is_refused() -> None:
    """A plain write to the page allocator's tree has no meaning to proofs."""

    class Writes(ScavengingProtocol):
        """Whose text would write it."""

    e = Engine(WIDE, None)
    p = Writes(e, Runtime, NEWEST)
    e.unused_zeroes = True
    p.begin()
    with pytest.raises(Exception, match="of the bitmaps has no meaning"):
        p.access(Runtime(WIDE, NEWEST).pages.tree.read())
    assert jobs.granted(JOBS["scavenge_one: large pages"])[1] == jobs.LARGE_PAGES
