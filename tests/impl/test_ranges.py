"""Ranges of addresses against sets of them: what Go's own tests of mranges.go do not call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanproof.impl.access import Throw
from spanproof.impl.ranges import AddrRange, AddrRanges, make_addr_range
from spanproof.model.geometry import AMD64_OFFSET

RANGE = st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda pair: AddrRange(pair[0], pair[0] + pair[1]))


def addresses(r: AddrRange) -> set[int]:
    """The addresses in a range."""
    return set(range(r.base, r.limit))


@st.composite
def lists(draw: st.DrawFn) -> AddrRanges:
    """Ranges that neither overlap nor touch."""
    ranges, place = AddrRanges(), 0
    for gap, size in draw(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 6)), max_size=12)):
        ranges = ranges.add(AddrRange(place + gap, place + gap + size))
        place += gap + size
    return ranges


def all_addresses(ranges: AddrRanges) -> set[int]:
    """The addresses in all of them; their number is what the list says."""
    every = {address for r in ranges.ranges for address in range(r.base, r.limit)}
    assert len(every) == ranges.total_bytes
    return every


@given(RANGE, RANGE)
def test_subtract_is_the_difference_of_sets(a: AddrRange, b: AddrRange) -> None:
    """Or it throws, where b lies inside of a; an empty b inside counts as well, as it does in Go."""
    if a.base < b.base and b.limit < a.limit:
        with pytest.raises(Throw, match="bad prune"):
            a.subtract(b)
    else:
        assert addresses(a.subtract(b)) == addresses(a) - addresses(b)


@given(RANGE, st.integers(0, 60))
def test_a_range_holds_its_addresses(r: AddrRange, address: int) -> None:
    """And no others; what is below an address is cut off there."""
    assert r.contains(address) == (address in addresses(r))
    assert r.size() == len(addresses(r))
    assert addresses(r.remove_greater_equal(address)) == {a for a in addresses(r) if a < address}


@given(RANGE, st.integers(1, 6), st.sampled_from((1, 2, 4, 8)))
def test_what_is_taken_is_aligned_and_no_longer_there(r: AddrRange, length: int, align: int) -> None:
    """From either end, if there is room for it."""
    for left, addr in (r.take_from_front(length, align), r.take_from_back(length, align)):
        if left == r:
            assert addr == 0
        else:
            taken = set(range(addr, addr + length))
            assert addr % align == 0
            assert taken <= addresses(r)
            assert not taken & addresses(left)


@given(lists(), st.integers(0, 140))
def test_lists_hold_what_their_ranges_hold(ranges: AddrRanges, address: int) -> None:
    """Looked for, looked for upwards, and cut off at an address."""
    every = all_addresses(ranges)
    assert ranges.contains(address) == (address in every)
    above = [a for a in every if a >= address]
    if ranges.ranges:
        assert ranges.find_addr_greater_equal(address) == ((min(above), True) if above else (0, False))
    assert all_addresses(ranges.remove_greater_equal(address)) == {a for a in every if a < address}


@given(lists(), st.integers(1, 8))
def test_the_last_bytes_are_taken_from_the_highest_range(ranges: AddrRanges, nbytes: int) -> None:
    """As many as asked for, or the whole range."""
    every = all_addresses(ranges)
    left, taken = ranges.remove_last(nbytes)
    assert all_addresses(left) == every - addresses(taken)
    if ranges.ranges:
        assert taken.size() == min(nbytes, ranges.ranges[-1].size())
        assert max(addresses(taken)) == max(every)


def test_a_range_lies_on_one_side_of_the_wrap_around() -> None:
    """On amd64 the lowest address is the most negative one; a range must not cross address 0."""
    assert make_addr_range(8, 16, AMD64_OFFSET).size() == 8
    assert make_addr_range(-16, -8, AMD64_OFFSET).contains(-9)
    with pytest.raises(Throw, match="not in the same memory segment"):
        make_addr_range(-8, 8, AMD64_OFFSET)
    with pytest.raises(Throw, match="zero-sized"):
        AddrRanges().add(AddrRange(8, 8))
