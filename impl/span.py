"""A span: a handle whose fields are cells, as Go's mspans come from a pool and are used again.

Mirrors type mspan of mheap.go, the fields that the page heap itself reads. Read next: heap_cells.py.
"""

from dataclasses import dataclass

from spanproof.impl.access import Cell

DEAD, IN_USE, MANUAL = 0, 1, 2
"""mSpanDead, mSpanInUse, mSpanManual."""

ALLOC_HEAP, ALLOC_STACK, ALLOC_WORK_BUF = 0, 1, 2
"""spanAllocHeap, spanAllocStack, spanAllocWorkBuf: what a span is for."""

LARGE, SMALL = 0, 1
"""spanclass: the size class, 0 for a span that holds one large object. All small classes behave as one here."""

FIELDS = ("base", "npages", "needzero", "state", "sweepgen", "spanclass", "allocCount", "gcmarkBits", "reachable")


@dataclass(frozen=True, slots=True)
class Span:
    """The number of an mspan in the pool."""

    number: int

    def __str__(self) -> str:
        """The handle as reports show it."""
        return f"mspan[{self.number}]"

    @property
    def base(self) -> Cell[int]:
        """startAddr: the address of the first byte. Plain; private until the span is published."""
        return Cell("mspan.base", self.number)

    @property
    def npages(self) -> Cell[int]:
        """Length in pages. Plain; private until the span is published."""
        return Cell("mspan.npages", self.number)

    @property
    def needzero(self) -> Cell[int]:
        """1: the memory must be cleared before it is used as zero. Plain."""
        return Cell("mspan.needzero", self.number)

    @property
    def state(self) -> Cell[int]:
        """DEAD, IN_USE or MANUAL; set atomically after all other fields, loaded before them."""
        return Cell("mspan.state", self.number)

    @property
    def sweepgen(self) -> Cell[int]:
        """With h the heap's: h-2 needs sweeping, h-1 being swept, h swept, h+1 cached before the sweep, h+3 after."""
        return Cell("mspan.sweepgen", self.number)

    @property
    def spanclass(self) -> Cell[int]:
        """LARGE or SMALL. Plain."""
        return Cell("mspan.spanclass", self.number)

    @property
    def alloc_count(self) -> Cell[int]:
        """How many objects are allocated. Plain; the owner's."""
        return Cell("mspan.allocCount", self.number)

    @property
    def gcmark_bits(self) -> Cell[int]:
        """1: an object in it was marked in the last cycle. Plain; the collector's, then the sweeper's."""
        return Cell("mspan.gcmarkBits", self.number)

    @property
    def reachable(self) -> Cell[int]:
        """1: the program still holds a pointer into it. Not a field of Go's mspan: it stands for the roots."""
        return Cell("mspan.reachable", self.number)
