"""What can be seen of a heap at one moment: `HeapState` as plain data, `HeapVars` as Z3 terms, same fields, same order.

Pages, arenas and spans are counted from 0 here; addresses are real addresses. A field that an invariant did not ask for
is None in a HeapState, so that it fails loudly when it is read all the same. Read next: claim.py.
"""

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

import z3

from spanproof.model.geometry import Geometry

DEAD, IN_USE, MANUAL = 0, 1, 2
OF_A_LIVING_SPAN = ("base", "npages")
"""The fields of spans of which no invariant looks at a dead span's that nobody was given: who could reach it?"""
NO_SPAN = -1


def _per(sort: str, values: str) -> Any:
    return field(metadata={"per": sort, "values": values}, default=None)


@dataclass(frozen=True, slots=True)
class HeapState:
    """A snapshot. `per` says what a tuple is indexed by, `values` what its entries may be."""

    geometry: Geometry
    sweepgen: int = _per("", "generation")
    """The heap's sweep generation."""
    inside_init_or_free: int = _per("", "count")
    """How many threads are inside init_span or free_span_locked."""
    inside_alloc_or_free: int = _per("", "count")
    """How many threads are inside alloc_span or free_span_locked."""
    reserved: tuple[int, ...] = _per("arena", "bit")
    """1: the arena is one of the heap's."""
    zeroed_base: tuple[int, ...] = _per("arena", "offset")
    """Bytes from the arena's start; memory at and above was never used."""
    page_in_use: tuple[int, ...] = _per("page", "bit")
    """1: a heap span that is published begins here."""
    page_marks: tuple[int, ...] = _per("page", "bit")
    """1: the span that begins here was marked when this cycle began."""
    spans: tuple[int, ...] = _per("page", "span")
    """The span that the page is mapped to, or NO_SPAN."""
    contents: tuple[int, ...] = _per("page", "mark")
    """0: every byte is zero; else the mark of the last writer."""
    expected: tuple[int, ...] = _per("page", "mark")
    """What a user wrote to a page that it still owns; 0 for all other pages."""
    allocated: tuple[int, ...] = _per("page", "bit")
    """1: allocated, says the page allocator."""
    state: tuple[int, ...] = _per("span", "state")
    """DEAD, IN_USE or MANUAL."""
    base: tuple[int, ...] = _per("span", "address")
    """Address of the first byte."""
    npages: tuple[int, ...] = _per("span", "pages")
    """Length in pages."""
    needzero: tuple[int, ...] = _per("span", "bit")
    """1: must be cleared before it is used as zero."""
    span_sweepgen: tuple[int, ...] = _per("span", "generation")
    """The span's sweep generation."""
    returned: tuple[int, ...] = _per("span", "bit")
    """1: alloc_span has returned it and nobody has begun to free it."""
    in_use_bytes: tuple[int, ...] = _per("kind", "bytes")
    """The counters of bytes in spans, by kind: heap, stack, work buffers."""
    locked: int = _per("", "bit")
    """1: somebody holds the heap lock."""
    stopped: int = _per("", "bit")
    """1: the world is stopped."""
    scavenging: int = _per("", "count")
    """How many threads are inside scavenge_one."""
    exists: tuple[int, ...] = _per("page", "bit")
    """1: the page allocator was given the page."""
    scavenged: tuple[int, ...] = _per("page", "bit")
    """1: no memory stands behind the page, says the page allocator."""
    cached: tuple[int, ...] = _per("page", "count")
    """How many page caches have the page."""
    cached_scavenged: tuple[int, ...] = _per("page", "bit")
    """1: a page cache that has the page says that it is scavenged."""
    holder: tuple[int, ...] = _per("page", "holder")
    """Who holds the page although no span has it: NO_HOLDER, a CACHE, a SCAVENGER, or PADDING."""
    sum_start: tuple[int, ...] = _per("entry", "pages")
    """Per entry of the summaries: free pages at the start of what it sums up."""
    sum_max: tuple[int, ...] = _per("entry", "pages")
    """The longest run of free pages in it."""
    sum_end: tuple[int, ...] = _per("entry", "pages")
    """Free pages at its end."""
    search_addr: int = _per("", "search address")
    """The page allocator looks for free pages from here on."""
    index_in_use: tuple[int, ...] = _per("chunk", "pages")
    """Pages allocated, says the scavenge index; -1 where no memory stands behind its word."""
    index_has_free: tuple[int, ...] = _per("chunk", "bit")
    """1: there may be something to scavenge, says the scavenge index."""
    min_heap_idx: int = _per("", "chunks")
    """The lowest chunk that the scavenge index looks at, counted from address 0's; 0 before there is one."""
    cursor_force: int = _per("", "search address")
    """Where forced scavenging goes on, downwards."""
    cursor_bg: int = _per("", "search address")
    """Where the background scavenger goes on, downwards."""
    heap_free: int = _per("", "bytes")
    """The counter of free bytes that memory stands behind."""
    heap_released: int = _per("", "bytes")
    """The counter of free bytes that none stands behind."""
    mapped_ready: int = _per("", "bytes")
    """The counter of bytes that memory stands behind."""
    mappings_left: int = _per("", "grants")
    """How often the system still gives memory; below 0 once it has refused some."""

    def first_page(self, s: int) -> int:
        """The first page of a span, counted from the heap's first."""
        return (self.base[s] - self.geometry.heap_base) // self.geometry.page_size

    @property
    def free(self) -> tuple[bool, ...]:
        """Per page: whether it can be allocated."""
        return tuple(e == 1 and a == 0 for e, a in zip(self.exists, self.allocated, strict=True))

    def pages_of(self, s: int) -> range:
        """The pages of a span that lie in the heap."""
        return self.region(self.base[s], self.npages[s])

    def region(self, base: int, npages: int) -> range:
        """The pages of [base, base+npages*page_size) that lie in the heap."""
        return pages_within(self.geometry, base, npages)


NO_HOLDER, CACHE, SCAVENGER, PADDING = 0, 1, 2, 3


@cache
def entries(geometry: Geometry) -> tuple[tuple[int, int, int, int], ...]:
    """The entries of the summaries that sum up pages of the heap: (level, index, first page, pages).

    The first page is counted from the heap's first; it may lie before that, and what is summed up beyond the end.
    """
    g = geometry
    found: list[tuple[int, int, int, int]] = []
    for level in range(g.summary_levels):
        lo, hi = g.addrs_to_summary_range(level, g.heap_base, g.heap_limit)
        for index in range(lo, hi):
            first = (g.level_index_to_off_addr(level, index) - g.heap_base) // g.page_size
            found.append((level, index, first, 1 << g.level_log_pages[level]))
    return tuple(found)


def chunks(geometry: Geometry) -> range:
    """The heap's chunks, as chunk_index names them."""
    return range(geometry.chunk_index(geometry.heap_base), geometry.chunk_index(geometry.heap_limit - 1) + 1)


def groups(geometry: Geometry) -> tuple[range, ...]:
    """The pages that can be scavenged together only: those of one page of the system's."""
    size = max(1, geometry.phys_page_size // geometry.page_size)
    return tuple(range(first, first + size) for first in range(0, len(geometry.pages), size))


def pages_within(geometry: Geometry, base: int, npages: int) -> range:
    """The pages of [base, base+npages*page_size) that lie in the heap, counted from its first."""
    first = (base - geometry.heap_base) // geometry.page_size
    return range(max(first, 0), min(first + npages, len(geometry.pages)))


FIELDS = tuple(f.name for f in fields(HeapState) if f.name != "geometry")
PER = {f.name: str(f.metadata["per"]) for f in fields(HeapState) if f.name != "geometry"}
VALUES = {f.name: str(f.metadata["values"]) for f in fields(HeapState) if f.name != "geometry"}
KINDS = 3


def extent(sort: str, geometry: Geometry) -> int:
    """How many arenas, pages, spans or kinds there are."""
    match sort:
        case "entry":
            return len(entries(geometry))
        case "chunk":
            return len(chunks(geometry))
        case _:
            return {"arena": geometry.arenas, "page": len(geometry.pages), "span": geometry.spans, "kind": KINDS}[sort]


@dataclass(frozen=True, slots=True)
class HeapVars:
    """The same fields as terms: integers, and arrays from an index to an integer."""

    geometry: Geometry
    sweepgen: z3.ArithRef
    inside_init_or_free: z3.ArithRef
    inside_alloc_or_free: z3.ArithRef
    reserved: z3.ArrayRef
    zeroed_base: z3.ArrayRef
    page_in_use: z3.ArrayRef
    page_marks: z3.ArrayRef
    spans: z3.ArrayRef
    contents: z3.ArrayRef
    expected: z3.ArrayRef
    allocated: z3.ArrayRef
    state: z3.ArrayRef
    base: z3.ArrayRef
    npages: z3.ArrayRef
    needzero: z3.ArrayRef
    span_sweepgen: z3.ArrayRef
    returned: z3.ArrayRef
    in_use_bytes: z3.ArrayRef
    locked: z3.ArithRef
    stopped: z3.ArithRef
    scavenging: z3.ArithRef
    exists: z3.ArrayRef
    scavenged: z3.ArrayRef
    cached: z3.ArrayRef
    cached_scavenged: z3.ArrayRef
    holder: z3.ArrayRef
    sum_start: z3.ArrayRef
    sum_max: z3.ArrayRef
    sum_end: z3.ArrayRef
    search_addr: z3.ArithRef
    index_in_use: z3.ArrayRef
    index_has_free: z3.ArrayRef
    min_heap_idx: z3.ArithRef
    cursor_force: z3.ArithRef
    cursor_bg: z3.ArithRef
    heap_free: z3.ArithRef
    heap_released: z3.ArithRef
    mapped_ready: z3.ArithRef
    mappings_left: z3.ArithRef

    @staticmethod
    def named(geometry: Geometry, suffix: str = "") -> "HeapVars":
        """Fresh terms; `suffix` tells two states apart."""
        terms: dict[str, Any] = {
            name: z3.Array(name + suffix, z3.IntSort(), z3.IntSort()) if PER[name] else z3.Int(name + suffix)
            for name in FIELDS
        }
        return HeapVars(geometry, **terms)

    def first_page(self, s: z3.ArithRef) -> z3.ArithRef:
        """The first page of a span, counted from the heap's first."""
        return (self.base[s] - self.geometry.heap_base) / self.geometry.page_size

    def is_free(self, page: z3.ArithRef) -> z3.BoolRef:
        """Whether the page can be allocated."""
        return z3.And(self.exists[page] == 1, self.allocated[page] == 0)

    def covers(self, s: z3.ArithRef, page: z3.ArithRef) -> z3.BoolRef:
        """Whether the page lies in the span."""
        return z3.And(self.first_page(s) <= page, page < self.first_page(s) + self.npages[s])
