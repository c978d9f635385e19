"""Addresses and ranges of them, with both of Go's bases: 0, and the lowest address of amd64."""

from collections.abc import Callable
from dataclasses import replace

from spanproof.checks.proving.lifted.judging import PlainTheorem
from spanproof.checks.proving.lifted.lemma import Given, Lemma
from spanproof.model.contracts.pages import GO_OFFSET, is_difference, lies_in, orders_as_go, within
from spanproof.model.geometry import GO_AMD64, Geometry
from spanproof.model.logic import all_of, any_of, implies, negate, same

FROM_ZERO = replace(GO_AMD64, name="from 0", arena_base_offset=0, first_arena=0xC000000000 >> 26)
"""The same sizes where addresses begin at 0, as on other systems."""
BASES = ((GO_AMD64, GO_OFFSET), (FROM_ZERO, 0))
"""Each with its base as Go's words have it."""


def _order(g: Geometry, offset: int) -> Callable[[Given], None]:
    def read(given: Given) -> None:
        a, b = (given.number(name, g.min_off_addr, g.max_off_addr) for name in ("a", "b"))
        given.show_all(orders_as_go(a, b, given.call(g.less_than, a, b), given.call(g.less_equal, a, b), offset))

    return read


def places(g: Geometry) -> Callable[[Given], None]:
    """What reads the lemma of an address's indices."""

    def read(given: Given) -> None:
        addr = given.integer("addr", g.min_off_addr, g.max_off_addr)
        chunk, arena = given.call(g.chunk_index, addr), given.call(g.arena_index, addr)
        chunk_base = given.call(g.chunk_base, chunk)
        given.show_all(lies_in(addr, chunk_base, g.chunk_size))
        page = given.call(g.chunk_page_index, addr)
        given.show_all(lies_in(addr, chunk_base + page * g.page_size, g.page_size))
        given.show_all(lies_in(addr, given.call(g.arena_base, arena), g.arena_size))
        for level in range(g.summary_levels):
            i = given.call(g.off_addr_to_level_index, level, addr)
            given.show_all(lies_in(addr, given.call(g.level_index_to_off_addr, level, i), 1 << g.level_shift[level]))

    return read


def _summary_range(g: Geometry) -> Callable[[Given], None]:
    def read(given: Given) -> None:
        base, limit, addr = (
            given.integer(name, g.min_off_addr, g.max_off_addr + 1) for name in ("base", "limit", "addr")
        )
        given.assume(base <= addr, addr < limit)
        for level in range(g.summary_levels):
            lo, hi = given.call(g.addrs_to_summary_range, level, base, limit)
            i = given.call(g.off_addr_to_level_index, level, addr)
            given.show("covered", all_of(lo <= i, i < hi))
            first = given.call(g.off_addr_to_level_index, level, base)
            last = given.call(g.off_addr_to_level_index, level, limit - 1)
            given.show("no more", all_of(lo == first, hi == last + 1))

    return read


def _subtract(given: Given) -> None:
    a, b, c, d, offset, q = (given.integer(name) for name in ("a", "b", "c", "d", "offset", "q"))
    given.assume(c < d)
    r, other = given.text.AddrRange(a, b, offset), given.text.AddrRange(c, d, offset)
    left = given.call(given.text.AddrRange.subtract, r, other, throws={"bad prune": all_of(a < c, d < b)})
    given.show_all(is_difference((left.base, left.limit), (a, b), (c, d), q))
    size, was = (given.call(given.text.AddrRange.size, x) for x in (left, r))
    given.show("its size does not grow", all_of(size >= 0, size <= was))


def _take(function: str, align: int) -> Callable[[Given], None]:
    def read(given: Given) -> None:
        a, b, length, q = (given.integer(name, 1, 1 << 47) for name in ("a", "b", "length", "q"))
        given.assume(a <= b)
        r = given.text.AddrRange(a, b, 0)
        left, addr = given.call(getattr(given.text.AddrRange, function), r, length, align)
        mine = all_of(addr != 0, addr <= q, q < addr + length)
        given.show("what is taken was there", implies(mine, within((a, b), q)))
        given.show("it is aligned", implies(addr != 0, addr % align == 0))
        fits = all_of(q % align == 0, a <= q, q + length <= b)
        nearer = q < addr if function == "take_from_front" else q > addr
        given.show("no other fits nearer to that end", implies(any_of(addr == 0, nearer), negate(fits)))
        given.show("it is taken", implies(mine, same(within((left.base, left.limit), q), False)))
        given.show("nothing else comes", implies(within((left.base, left.limit), q), within((a, b), q)))
        none = all_of(left.base == a, left.limit == b)
        given.show("too short: nothing is taken", implies(addr == 0, none))

    return read


def _remove_greater_equal(given: Given) -> None:
    a, b, addr, q = (given.integer(name, 0, (1 << 47) - 1) for name in ("a", "b", "addr", "q"))
    left = given.call(given.text.AddrRange.remove_greater_equal, given.text.AddrRange(a, b, 0), addr)
    given.show("the part below", same(within((left.base, left.limit), q), all_of(within((a, b), q), q < addr)))


ORDER = PlainTheorem(
    "addresses_are_ordered_as_go_orders_them",
    says="The order of addresses is that of Go's words less arenaBaseOffset, modulo 2^64.",
    because="Our addresses are signed, so that nothing has to wrap around.",
    source="mranges.go, offAddr.lessThan, offAddr.lessEqual",
    inputs="any two addresses, both bases",
    lemmas=tuple(Lemma(f"order, {g.name}", _order(g, offset)) for g, offset in BASES),
)
PLACES = PlainTheorem(
    "an_address_is_where_its_indices_say",
    says="An address lies in its chunk, its page, its arena and its summary of each level.",
    because="Indices are distances from the base, divided; bases of chunks and arenas are indices, multiplied.",
    source="mpagealloc.go, chunkIndex, chunkBase, chunkPageIndex, offAddrToLevelIndex; mheap.go, arenaIndex, arenaBase",
    inputs="any address of the address space, both bases",
    lemmas=(
        *(Lemma(f"places, {g.name}", places(g)) for g, _ in BASES),
        *(Lemma(f"summary range, {g.name}", _summary_range(g)) for g, _ in BASES),
    ),
)
RANGES = PlainTheorem(
    "ranges_of_addresses_are_sets",
    says="addrRange.subtract is set difference, and throws exactly if two ranges would be left; the rest is as said.",
    because="The four ways in which two ranges can overlap are told apart by their ends.",
    source="mranges.go, addrRange.subtract, removeGreaterEqual, takeFromFront, takeFromBack",
    inputs="any two ranges, any offset; alignments of 1, 8 and 128; ranges of the lower half, lengths up to it",
    lemmas=(
        Lemma("subtract", _subtract),
        Lemma("remove_greater_equal", _remove_greater_equal),
        *(
            Lemma(f"{function} by {align}", _take(function, align))
            for function in ("take_from_front", "take_from_back")
            for align in (1, 8, 128)
        ),
    ),
    premises=("the range that is subtracted is not empty: Go throws of an empty one inside too",),
)
THEOREMS = (ORDER, PLACES, RANGES)
