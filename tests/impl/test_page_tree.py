"""What the heap lock protects of the page allocator: addresses of arenas, huge pages for bitmaps, constants."""

from dataclasses import dataclass, replace
from functools import cached_property

import pytest

from spanproof.checks.comparing.standing_alone import StandingAlone
from spanproof.checks.running.pages_alone import PagesAlone
from spanproof.impl.access import Throw
from spanproof.impl.os_memory import OsMemory
from spanproof.impl.page_tree import fresh_tree
from spanproof.impl.palloc_bits import pack_palloc_sum, sum_end, sum_max, sum_start, unpack
from spanproof.impl.ranges import AddrRange, AddrRanges
from spanproof.model.geometry import CHUNKED, GO_AMD64, Geometry
from spanproof.model.releases import NEWEST

TALL = Geometry("3x16, in pairs", 8, 4, 16, arenas=3, heap_addr_bits=10, summary_levels=3, summary_level_bits=1)
"""An entry of the level above the leaves sums up two chunks, and one above that an arena."""


def padded(heap: PagesAlone) -> tuple[int, int]:
    """The search address behind a full lower arena, where the upper one begins with its second chunk.

    Free memory crosses from the first entry of the upper arena into the next one. (the address found, the candidate)
    """
    g = TALL
    upper = g.arena_base(g.first_arena + 1)
    if not heap.test:
        heap.add_arenas(g.first_arena, 2)
    heap.grow(upper + g.chunk_size, g.arena_size - g.chunk_size)
    heap.grow(g.heap_base, g.arena_size)
    heap.alloc(g.pages_per_arena)
    return heap.tree.find(3 * g.pages_per_chunk)


def test_an_arena_is_taken_for_the_heaps() -> None:
    """A finding about Go from 1.26 on: the new search address is none of the heap's, against what its comment says.

    findMappedAddr asks whether the arena exists; the first one begins at a random chunk. Nothing comes of it but a
    longer search, as summaries of the same page of the system's have memory. In a test of Go's the address is right.
    """
    base = TALL.arena_base(TALL.first_arena + 1)
    assert padded(PagesAlone(TALL, NEWEST)) == (base + TALL.chunk_size, base)
    assert padded(StandingAlone(TALL, NEWEST)) == (base + TALL.chunk_size, base + TALL.chunk_size)


def test_an_address_of_no_arena_is_looked_up() -> None:
    """The lowest of the heap's that is not below, or the highest of all."""
    heap, g = PagesAlone(TALL, NEWEST), TALL
    heap.add_arenas(g.first_arena + 1, 1)
    base = g.arena_base(g.first_arena + 1)
    heap.grow(base, g.chunk_size)
    assert heap.tree.find_mapped_addr(g.heap_base) == base
    assert heap.tree.find_mapped_addr(g.arena_base(g.first_arena + 2)) == g.max_off_addr


@dataclass(frozen=True, slots=True)
class Told(OsMemory):
    """Memory that writes down for which groups of bitmaps huge pages were asked."""

    groups: tuple[int, ...] = ()

    async def sys_huge_page(self, group: int) -> None:
        """Write it down."""
        ASKED.append(group)


ASKED: list[int] = []


def test_the_last_group_of_bitmaps_has_no_huge_pages() -> None:
    """A finding about Go from 1.21 on: its loop ends one group early, so that a heap in one group asks for none.

    The second call does nothing.
    """
    ASKED.clear()
    one = replace(GO_AMD64, arenas=1 << 12)
    heap = PagesAlone(one, NEWEST, os_class=Told)
    heap.grow(one.heap_base, one.chunk_size)
    group = one.chunk_index(one.heap_base) >> one.chunks_l2_bits
    within = AddrRange(one.heap_base, one.heap_base + (1 << 30), one.arena_base_offset)
    across = AddrRange(one.heap_base + (32 << 30), one.heap_base + (96 << 30), one.arena_base_offset)
    heap.tree = replace(heap.tree, in_use=AddrRanges((within, across)))
    heap.enable_chunk_huge_pages()
    assert [group + 1] == ASKED
    assert heap.tree.chunk_huge_pages
    heap.enable_chunk_huge_pages()
    assert [group + 1] == ASKED


def test_a_clone_is_the_same() -> None:
    """Ranges and their bytes."""
    ranges = AddrRanges().add(AddrRange(8, 16)).add(AddrRange(32, 64))
    assert ranges.clone_into(AddrRanges()) == ranges
    assert AddrRanges().clone_into(ranges) == AddrRanges()
    assert [ranges.at(n) for n in range(ranges.count)] == [AddrRange(8, 16), AddrRange(32, 64)]


@pytest.mark.parametrize("log_max", [2, GO_AMD64.log_max_packed_value])
def test_parts_of_a_summary_are_those_of_the_whole(log_max: int) -> None:
    """Start, longest and end, one by one and together."""
    for parts in ((0, 0, 0), (1, 2, 1), (0, 3, 2), (1 << log_max,) * 3):
        total = pack_palloc_sum(parts[0], parts[1], parts[2], log_max)
        assert (sum_start(total, log_max), sum_max(total, log_max), sum_end(total, log_max)) == parts
        assert unpack(total, log_max) == parts


class Narrow(Geometry):
    """A geometry whose summaries hold less than an entry of the first level has."""

    @cached_property
    def log_max_packed_value(self) -> int:
        """One bit too few."""
        return self.level_log_pages[0] - 1


def test_summaries_must_hold_the_first_level() -> None:
    """Go's own constants always do."""
    assert all(g.level_log_pages[0] == g.log_max_packed_value for g in (GO_AMD64, CHUNKED, TALL))
    with pytest.raises(Throw, match="root level max pages doesn't fit in summary"):
        fresh_tree(Narrow("narrow", 8, 4, 4, arenas=2), test=False)


def test_generations_begin_anew() -> None:
    """Go's counter has 32 bits."""
    heap = StandingAlone(CHUNKED, NEWEST)
    gen = heap.pages.index.gen
    heap.alone.put(gen, (1 << 32) - 1)
    heap.alone.run(heap.pages.index.next_gen())
    assert heap.alone.value(gen) == 0
