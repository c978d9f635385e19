"""What can be seen of a heap at one moment: `HeapState` as plain data, `HeapVars` as Z3 terms, same fields, same order.

Pages, arenas and spans are counted from 0 here; addresses are real addresses. A field that an invariant did not ask for
is None in a HeapState, so that it fails loudly when it is read all the same. Read next: claim.py.
"""

from dataclasses import dataclass, field, fields
from typing import Any

import z3

from spanproof.model.geometry import Geometry

DEAD, IN_USE, MANUAL = 0, 1, 2
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
    zeroed_base: tuple[int, ...] = _per("arena", "offset")
    """Bytes from the arena's start; memory at and above was never used."""
    page_in_use: tuple[int, ...] = _per("page", "bit")
    """1: a heap span that is published begins here."""
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

    def first_page(self, s: int) -> int:
        """The first page of a span, counted from the heap's first."""
        return (self.base[s] - self.geometry.heap_base) // self.geometry.page_size

    def pages_of(self, s: int) -> range:
        """The pages of a span that lie in the heap."""
        return self.region(self.base[s], self.npages[s])

    def region(self, base: int, npages: int) -> range:
        """The pages of [base, base+npages*page_size) that lie in the heap."""
        return pages_within(self.geometry, base, npages)


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
    return {"arena": geometry.arenas, "page": len(geometry.pages), "span": geometry.spans, "kind": KINDS}[sort]


@dataclass(frozen=True, slots=True)
class HeapVars:
    """The same fields as terms: integers, and arrays from an index to an integer."""

    geometry: Geometry
    sweepgen: z3.ArithRef
    inside_init_or_free: z3.ArithRef
    inside_alloc_or_free: z3.ArithRef
    zeroed_base: z3.ArrayRef
    page_in_use: z3.ArrayRef
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

    def covers(self, s: z3.ArithRef, page: z3.ArithRef) -> z3.BoolRef:
        """Whether the page lies in the span."""
        return z3.And(self.first_page(s) <= page, page < self.first_page(s) + self.npages[s])
