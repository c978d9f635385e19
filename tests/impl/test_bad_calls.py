"""Calls that nobody may make: what Go throws is thrown with its text, what it leaves undefined is said, at the call."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from spanproof.checks.comparing.standing_alone import StandingAlone
from spanproof.checks.faults.edit import Edit, planted
from spanproof.impl.access import FAULT, OUT_OF_RANGE, Throw, Undefined
from spanproof.model.geometry import CHUNKED, GO_AMD64
from spanproof.model.releases import row

REAL = replace(GO_AMD64, arenas=128)
BELOW_ZERO = "allocated pages below zero?"
ONE_IS_FREE = "which are freed, one is free"
NO_HEAPS = "which no heap can have"
ONE_IS_TAKEN = "which are taken, one is not free"
Call = Callable[[StandingAlone], object]


def page(heap: StandingAlone, i: int) -> int:
    """The address of a page, counted from the heap's first."""
    return heap.geometry.heap_base + i * heap.geometry.page_size


def after_flush(heap: StandingAlone) -> None:
    """Flush a copy of a cache that was flushed."""
    cache = heap.alloc_to_cache()
    heap.flush(cache)
    heap.flush(cache)


def after_flush_and_alloc(heap: StandingAlone) -> None:
    """Flush a copy of a cache of which one page was allocated, and whose others were flushed."""
    cache = heap.alloc_to_cache()
    left, _, _ = cache.alloc(1, heap.geometry)
    heap.flush(left)
    heap.flush(cache)


def freed(first: int, npages: int) -> Call:
    """Free these pages; a chunk is there, and its first two pages are allocated."""
    return lambda heap: heap.free(page(heap, first), npages)


def taken(npages: int) -> Call:
    """Allocate so many pages."""

    def call(heap: StandingAlone) -> None:
        heap.alloc(npages)

    return call


def scavenged_from(search_idx: int) -> Call:
    """Scavenge the heap's first chunk from this page on downwards."""

    def call(heap: StandingAlone) -> None:
        heap.alone.run(heap.pages.scavenge_one(heap.geometry.chunk_index(heap.geometry.heap_base), search_idx, 1))

    return call


def took(heap: StandingAlone, first: int, npages: int) -> None:
    """Take these pages, wherever the first ones lie that are free."""
    heap.alone.run(heap.pages.alloc_range(page(heap, first), npages))


def called(function: Callable[..., object], *args: object) -> None:
    """Call it, and nothing more."""
    function(*args)


def grown(first: int, chunks: int) -> Call:
    """Grow by these chunks."""
    return lambda heap: heap.grow(page(heap, first * heap.geometry.pages_per_chunk), chunks * heap.geometry.chunk_size)


def in_turn(heap: StandingAlone, *calls: Call) -> None:
    """One after the other."""
    for call in calls:
        call(heap)


THROWN: dict[str, tuple[Call, str]] = {
    "pages of a chunk in which nothing is left": (
        lambda heap: in_turn(heap, freed(0, 2), freed(0, 2)), BELOW_ZERO),
    "more pages than are allocated": (freed(0, 3), BELOW_ZERO),
    "a cache that was flushed, where nothing is left": (
        lambda heap: in_turn(heap, freed(0, 2), after_flush), BELOW_ZERO),
    "memory above the heap": (lambda heap: heap.free(heap.geometry.heap_limit - heap.geometry.page_size, 1), FAULT),
    "memory below the heap": (lambda heap: heap.free(heap.geometry.page_size * 8, 1), FAULT),
    "scavenging from behind a chunk's last page": (
        lambda heap: in_turn(heap, freed(0, 2), scavenged_from(heap.geometry.pages_per_chunk)), OUT_OF_RANGE),
    "scavenging from before its first": (
        lambda heap: in_turn(heap, freed(0, 2), scavenged_from(-1)), OUT_OF_RANGE),
    "a growth of no pages": (
        lambda heap: heap.grow(page(heap, heap.geometry.pages_per_chunk), 0),
        "attempted to add zero-sized address range"),
}  # fmt: skip

UNDEFINED: dict[str, tuple[Call, str]] = {
    "no pages are asked for": (taken(0), "0 pages are asked for"),
    "fewer than none are asked for": (taken(-1), "-1 pages are asked for"),
    "no pages are freed": (freed(0, 0), "0 pages at"),
    "a free page is freed": (freed(2, 1), ONE_IS_FREE),
    "pages are freed of which one is free": (freed(1, 2), ONE_IS_FREE),
    "a range that wraps": (
        lambda heap: heap.free(heap.geometry.max_off_addr + 1 - heap.geometry.page_size, 2), "2 pages at"),
    "a range that begins below all addresses": (
        lambda heap: heap.free(heap.geometry.min_off_addr - heap.geometry.page_size, 2), "2 pages at"),
    "none are looked for": (lambda heap: heap.alone.run(heap.pages.find(0)), "0 pages are looked for"),
    "none are asked of a cache": (
        lambda heap: called(heap.alloc_to_cache().alloc, 0, heap.geometry), "0 pages are asked for"),
    "fewer than none are asked of a cache": (
        lambda heap: called(heap.alloc_to_cache().alloc, -1, heap.geometry), "-1 pages are asked for"),
    "none are taken": (lambda heap: took(heap, 2, 0), "0 pages at"),
    "fewer than none are taken": (lambda heap: took(heap, 2, -1), "-1 pages at"),
    "a taken page is taken": (lambda heap: took(heap, 1, 1), ONE_IS_TAKEN),
    "pages are taken of which one is": (lambda heap: took(heap, 1, 2), ONE_IS_TAKEN),
    "pages are taken that leave the heap": (
        lambda heap: took(heap, heap.geometry.pages_per_chunk - 1, 2), ONE_IS_TAKEN),
    "pages are taken from the midst of one": (
        lambda heap: heap.alone.run(heap.pages.alloc_range(page(heap, 2) + 1, 1)), "1 pages at"),
    "none are padding": (lambda heap: heap.mark_random_padding_pages(page(heap, 2), 0), "0 pages at"),
    "a taken page is padding": (lambda heap: heap.mark_random_padding_pages(page(heap, 1), 1), ONE_IS_TAKEN),
    "padding leaves the heap": (
        lambda heap: heap.mark_random_padding_pages(page(heap, heap.geometry.pages_per_chunk), 1), ONE_IS_TAKEN),
    "pages are freed from the midst of one": (lambda heap: heap.free(page(heap, 0) + 1, 1), "1 pages at"),
    "growing by less than a page": (
        lambda heap: heap.grow(page(heap, 2 * heap.geometry.pages_per_chunk), 1), "1 bytes at"),
    "growing from within a chunk": (
        lambda heap: heap.grow(page(heap, heap.geometry.pages_per_chunk + 1), heap.geometry.chunk_size), "bytes at"),
    "growing beyond all addresses": (
        lambda heap: heap.grow(heap.geometry.max_off_addr + 1, heap.geometry.chunk_size), NO_HEAPS),
    "a growth that wraps": (
        lambda heap: heap.grow(
            heap.geometry.max_off_addr + 1 - heap.geometry.chunk_size, 2 * heap.geometry.chunk_size), NO_HEAPS),
    "growing by the first chunk of all": (
        lambda heap: heap.grow(heap.geometry.min_off_addr, heap.geometry.chunk_size), NO_HEAPS),
    "growing over what is there": (grown(0, 1), "grows over"),
    "growing over its end": (
        lambda heap: in_turn(heap, grown(2, 1), grown(1, 2)), "grows over"),
    "a cache that was flushed": (after_flush, ONE_IS_FREE),
    "a cache of which one page is allocated": (after_flush_and_alloc, ONE_IS_FREE),
}  # fmt: skip
SIZES = pytest.mark.parametrize("geometry", [REAL, CHUNKED], ids=lambda g: g.name)


def begun(geometry: object, release: str = "go1.27", allocated: int = 2) -> StandingAlone:
    """A heap of one chunk, with pages allocated at its start."""
    assert isinstance(geometry, type(REAL))
    heap = StandingAlone(geometry, row(release))
    heap.grow(geometry.heap_base, geometry.chunk_size)
    heap.alloc(allocated)
    return heap


@SIZES
@pytest.mark.parametrize("name", THROWN)
def test_what_go_throws_is_thrown(name: str, geometry: object) -> None:
    """With Go's text."""
    call, text = THROWN[name]
    heap = begun(geometry)
    with pytest.raises((Throw, Undefined)) as raised:
        call(heap)
    assert isinstance(raised.value, Throw)
    assert str(raised.value) == text


@SIZES
@pytest.mark.parametrize("name", UNDEFINED)
def test_what_go_leaves_undefined_is_said(name: str, geometry: object) -> None:
    """With the numbers that were given; nothing is read into them."""
    call, text = UNDEFINED[name]
    heap = begun(geometry)
    with pytest.raises((Throw, Undefined)) as raised:
        call(heap)
    assert isinstance(raised.value, Undefined), str(raised.value)
    assert text in str(raised.value)


def across(geometry: object, release: str) -> str:
    """What is said when a range is freed that leaves a chunk for one that is not the heap's."""
    heap = begun(geometry, release)
    pages = heap.geometry.pages_per_chunk
    heap.alloc(pages - 2)
    with pytest.raises((Throw, Undefined)) as raised:
        heap.free(page(heap, pages - 1), 2)
    return f"{type(raised.value).__name__}: {raised.value}"


def test_freeing_across_unmapped_memory() -> None:
    """Go counts below zero where the index has memory, and faults where not; without an index it frees what is free."""
    assert across(REAL, "go1.27") == f"Throw: {BELOW_ZERO}"
    assert across(CHUNKED, "go1.27") == f"Throw: {FAULT}"
    for geometry in (REAL, CHUNKED):
        assert across(geometry, "go1.20").startswith("Undefined: of 1 pages of chunk")


@SIZES
def test_before_there_was_an_index_nothing_is_thrown(geometry: object) -> None:
    """Up to 1.20 nobody counts, so what is thrown later is undefined: freeing twice, and flushing twice."""
    heap = begun(geometry, "go1.20")
    heap.free(page(heap, 0), 2)
    with pytest.raises(Undefined, match=ONE_IS_FREE):
        heap.free(page(heap, 0), 2)
    with pytest.raises(Undefined, match=ONE_IS_FREE):
        after_flush(begun(geometry, "go1.20"))


@SIZES
def test_a_flushed_cache_may_be_flushed(geometry: object) -> None:
    """What flush gives back is empty, and flushing that does nothing; only a copy made before holds pages still."""
    heap = begun(geometry)
    left = heap.flush(heap.alloc_to_cache())
    before = heap.tree

    assert left.empty()
    assert heap.flush(left) == left
    assert heap.tree is before


def test_an_empty_range_was_taken_once() -> None:
    """Go up to 1.15 added ranges without a page (CL 242817): with that planted, a growth of no pages says nothing."""
    check = 'if r.size() == 0:\n    raise Throw("attempted to add zero-sized address range")'
    for heap_class, thrown in ((planted((Edit("AddrRanges.add", check, ""),)), False), (planted(()), True)):
        heap = StandingAlone(REAL, heap_class=heap_class)
        heap.grow(REAL.heap_base, REAL.chunk_size)
        if thrown:
            with pytest.raises(Throw, match="zero-sized"):
                heap.grow(page(heap, 2 * REAL.pages_per_chunk), 0)
        else:
            heap.grow(page(heap, 2 * REAL.pages_per_chunk), 0)
            assert any(r.size() == 0 for r in heap.tree.in_use.ranges)
