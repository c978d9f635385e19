"""The first-fit bitmap behind Go's interface, against sets of pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanproof.impl.page_alloc import PageBits, add_pages, find_and_allocate, set_free
from spanproof.model.spec import AbstractHeap

STEPS = st.lists(
    st.tuples(st.sampled_from(("alloc", "free", "grow")), st.integers(0, 40), st.integers(1, 9)), max_size=25
)


def pages_of(bits: int) -> frozenset[int]:
    """The numbers of the bits that are set."""
    return frozenset(n for n in range(bits.bit_length()) if bits >> n & 1)


@given(STEPS)
def test_the_bitmap_refines_the_abstract_heap(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is allocated, freed and added: the bitmap gives the abstract heap's pages, and holds the same."""
    bits, heap, given_out = PageBits(), AbstractHeap(), list[tuple[int, int]]()
    grown = 0
    for kind, n, npages in steps:
        if kind == "grow":
            first = grown + n % 3
            bits, heap = add_pages(bits, first, npages)[0], heap.grow(first, npages)
            grown = first + npages
        elif kind == "alloc":
            bits, (page, _) = find_and_allocate(bits, npages)
            heap, expected = heap.alloc(npages)
            assert page == (-1 if expected is None else expected)
            given_out += [(page, npages)] if page >= 0 else []
        elif given_out:
            page, length = given_out.pop(n % len(given_out))
            bits, heap = set_free(bits, page, length)[0], heap.free(page, length)
        assert (pages_of(bits.mapped), pages_of(bits.alloc)) == (heap.exist, heap.owned)
        assert not bits.scavenged & bits.alloc
        assert not bits.scavenged & ~bits.mapped


@pytest.mark.parametrize(
    ("before", "npages", "after", "found"),
    [
        (PageBits(0b1111, 0b0001, 0b1110), 2, PageBits(0b1111, 0b0111, 0b1000), (1, 2)),
        (PageBits(0b1111, 0b0010, 0b1000), 2, PageBits(0b1111, 0b1110, 0b0000), (2, 1)),
        (PageBits(0b1111, 0b0010, 0b1101), 3, PageBits(0b1111, 0b0010, 0b1101), (-1, 0)),
        (PageBits(0b1011, 0b0000, 0b0000), 2, PageBits(0b1011, 0b0011, 0b0000), (0, 0)),
        (PageBits(), 1, PageBits(), (-1, 0)),
    ],
    ids=["all scavenged", "half scavenged", "no room", "gap in what is mapped", "nothing mapped"],
)
def test_find_and_allocate(before: PageBits, npages: int, after: PageBits, found: tuple[int, int]) -> None:
    """The lowest run that fits is taken, and how much of it was scavenged is counted."""
    assert find_and_allocate(before, npages) == (after, found)


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        (PageBits(), "alloc {} of {}, scavenged {}"),
        (PageBits(0b1111, 0b0101, 0b1000), "alloc {[0, 1) [2, 3)} of {[0, 4)}, scavenged {[3, 4)}"),
        (PageBits(0b11110000, 0b10110000, 0), "alloc {[4, 6) [7, 8)} of {[4, 8)}, scavenged {}"),
    ],
)
def test_bits_are_written_as_runs(bits: PageBits, text: str) -> None:
    """The text of the state shows half-open runs of pages."""
    assert str(bits) == text
