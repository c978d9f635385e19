"""Concrete words against their plain definitions."""

from hypothesis import given
from hypothesis import strategies as st

from spanproof.model.words import (
    WORD_BITS,
    align_down,
    align_up,
    and_not,
    complement,
    leading_zeros,
    lowest_run,
    ones_count,
    run_of_ones,
    trailing_zeros,
    uint32,
    without,
    wrap,
)

BITS = st.integers(0, (1 << 80) - 1)


def naive_lowest_run(bits: int, length: int) -> int:
    """The same, bit by bit."""
    for first in range(bits.bit_length()):
        if all(bits >> first + n & 1 for n in range(length)):
            return first
    return -1


@given(BITS, st.integers(1, 90))
def test_lowest_run_is_the_naive_one(bits: int, length: int) -> None:
    """lowest_run finds what a search bit by bit finds, in arbitrary bitmaps."""
    assert lowest_run(bits, length) == naive_lowest_run(bits, length)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 40)), max_size=8), st.integers(1, 40))
def test_lowest_run_in_long_runs(runs: list[tuple[int, int]], length: int) -> None:
    """lowest_run finds what a search bit by bit finds, where runs are long."""
    bits = place = 0
    for gap, ones in runs:
        bits |= run_of_ones(place + gap, ones)
        place += gap + ones
    assert lowest_run(bits, length) == naive_lowest_run(bits, length)


@given(st.integers(0, 3), st.integers(0, 5_000), st.integers(1, 12))
def test_lowest_run_in_long_bitmaps(few: int, first: int, length: int) -> None:
    """lowest_run finds a run wherever it begins, also where a longer part of the bitmap has to be looked at."""
    bits = few | run_of_ones(first + 3, length) | run_of_ones(9_000, length)
    assert lowest_run(bits, length) == naive_lowest_run(bits, length)
    assert lowest_run(bits, length + 13) == -1


@given(BITS, BITS)
def test_without_leaves_the_ones_of_one_alone(bits: int, others: int) -> None:
    """Bit i is set exactly when it is set in the first and not in the second."""
    assert without(bits, others) == bits & ~others


@given(st.integers(0, 100), st.integers(0, 100))
def test_run_of_ones_is_a_half_open_range(first: int, length: int) -> None:
    """Bit i is set exactly when i is in [first, first+length)."""
    assert {i for i in range(220) if run_of_ones(first, length) >> i & 1} == set(range(first, first + length))


@given(st.integers(0, 1 << 70), st.integers(1, 1 << 20))
def test_align_up_is_the_least_multiple_not_below(word: int, multiple: int) -> None:
    """align_up gives a multiple, not below the word, and less than one multiple above it."""
    aligned = align_up(word, multiple)
    assert aligned % multiple == 0
    assert word <= aligned < word + multiple


@given(BITS, BITS)
def test_and_not_clears_the_bits_of_the_mask(word: int, mask: int) -> None:
    """and_not keeps exactly the bits of the word that the mask does not have."""
    assert {i for i in range(80) if and_not(word, mask) >> i & 1} == {
        i for i in range(80) if word >> i & 1 and not mask >> i & 1
    }


@given(st.integers(-(1 << 70), 1 << 70))
def test_wrap_is_modulo_two_to_the_64(word: int) -> None:
    """wrap gives the word in [0, 2**64) that differs by a multiple of 2**64."""
    assert 0 <= wrap(word) < 1 << WORD_BITS
    assert (word - wrap(word)) % (1 << WORD_BITS) == 0


@given(st.integers(0, 1 << 70), st.integers(1, 1 << 20))
def test_align_down_is_the_greatest_multiple_not_above(word: int, multiple: int) -> None:
    """align_down gives a multiple, not above the word, and less than one multiple below it."""
    aligned = align_down(word, multiple)
    assert aligned % multiple == 0
    assert aligned <= word < aligned + multiple


@given(st.integers(1, 64), st.data())
def test_counts_of_bits_are_those_of_its_digits(width: int, data: st.DataObject) -> None:
    """Zeros below the lowest one, above the highest one, and all ones, as its binary digits show them."""
    word = data.draw(st.integers(0, (1 << width) - 1))
    digits = f"{word:0{width}b}"
    assert trailing_zeros(word, width) == width - len(digits.rstrip("0"))
    assert leading_zeros(word, width) == width - len(digits.lstrip("0"))
    assert ones_count(word) == digits.count("1")
    assert f"{complement(word, width):0{width}b}" == digits.translate({48: 49, 49: 48})


@given(st.integers(-(1 << 40), 1 << 40))
def test_uint32_keeps_the_lowest_bits(word: int) -> None:
    """It is below 2**32, and differs from the word by a multiple of that."""
    assert 0 <= uint32(word) < 1 << 32
    assert (uint32(word) - word) % (1 << 32) == 0
