"""The arithmetic of address spaces."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanproof.model.geometry import BYTES, GEOMETRIES, GO_AMD64, SMALL, Geometry

ANY = st.sampled_from(GEOMETRIES)


@st.composite
def addresses(draw: st.DrawFn) -> tuple[Geometry, int]:
    """A geometry and an address in its heap."""
    geometry = draw(ANY)
    return geometry, draw(st.integers(geometry.heap_base, geometry.heap_limit - 1))


@given(addresses())
def test_an_address_lies_in_its_page_and_arena(place: tuple[Geometry, int]) -> None:
    """Each address of the heap lies in the half-open page and arena that the indices name."""
    g, address = place
    page, arena = g.page_index(address), g.arena_index(address)
    assert page in g.pages
    assert arena in g.arena_indices
    assert g.page_base(g.first_page(arena)) == g.arena_base(arena)
    assert g.page_base(page) <= address < g.page_base(page + 1)
    assert g.arena_base(arena) <= address < g.arena_base(arena + 1)
    assert page // g.pages_per_arena == g.page_index(g.arena_base(arena)) // g.pages_per_arena


@given(addresses())
def test_a_page_has_its_base(place: tuple[Geometry, int]) -> None:
    """page_index undoes page_base."""
    g, address = place
    assert g.page_index(g.page_base(g.page_index(address))) == g.page_index(address)


@pytest.mark.parametrize("g", GEOMETRIES, ids=lambda g: g.name)
def test_sizes_fit_together(g: Geometry) -> None:
    """The heap is its arenas, an arena its pages, and the page at address 0 is never part of it."""
    assert g.heap_limit - g.heap_base == g.arenas * g.arena_size
    assert len(g.pages) == g.arenas * g.pages_per_arena
    assert len(g.arena_indices) == g.arenas
    assert g.pages.start > 0
    assert g.pages_per_reclaimer_chunk % 8 == 0


def test_the_real_constants() -> None:
    """linux/amd64: pages of 8 KiB, chunks of 512 pages, arenas of 64 MiB, from 0xc000000000 on."""
    assert (GO_AMD64.page_size, GO_AMD64.pages_per_chunk, GO_AMD64.arena_size) == (8192, 512, 64 << 20)
    assert GO_AMD64.heap_base == 0xC000000000


@pytest.mark.parametrize(
    "wrong", [{"page_size": 0}, {"arenas": 0}, {"pages_per_chunk": -1}, {"first_arena": 0}, {"pages_per_chunk": 3}]
)
def test_impossible_shapes_are_refused(wrong: dict[str, int]) -> None:
    """A shape that Go's constants exclude is refused by name."""
    with pytest.raises(ValueError, match=SMALL.name):
        replace(SMALL, **wrong)  # type: ignore[arg-type]  # none of them is the name


def test_the_reclaimer_can_walk_whole_bytes() -> None:
    """Where reclaim_chunk runs, arenas are whole bytes of eight pages."""
    assert BYTES.pages_per_arena % 8 == GO_AMD64.pages_per_arena % 8 == 0
