"""The page allocator behind Go's interface: which pages are allocated, which of the free ones were scavenged.

Stands for mpagealloc.go. It is a first-fit bitmap; Go's is a radix tree that finds the same addresses. Its whole state
is one cell under the heap lock, so alloc, free and grow are one step each. Read next: sweep.py.
"""

from dataclasses import dataclass, replace

from spanproof.impl.access import Cell
from spanproof.model.geometry import Geometry
from spanproof.model.words import and_not, lowest_run, run_of_ones


@dataclass(frozen=True, slots=True)
class PageBits:
    """The frozen state: bit i stands for the i-th page of the heap."""

    mapped: int = 0
    """Pages that grow has handed over."""
    alloc: int = 0
    """Pages that are allocated."""
    scavenged: int = 0
    """Free pages whose contents were returned to the system, or never came from it."""

    def __str__(self) -> str:
        """The allocated pages, as bits from the first page on."""
        return f"alloc {_ones(self.alloc)} of {_ones(self.mapped)}, scavenged {_ones(self.scavenged)}"


def _ones(bits: int) -> str:
    """A bitmap as runs, half-open: {[0, 2) [4, 5)}."""
    runs: list[str] = []
    first = 0
    while bits >> first:
        first += (bits >> first & -(bits >> first)).bit_length() - 1
        length = (~(bits >> first) & (bits >> first) + 1).bit_length() - 1
        runs.append(f"[{first}, {first + length})")
        first += length
    return "{" + " ".join(runs) + "}"


def find_and_allocate(bits: PageBits, npages: int) -> tuple[PageBits, tuple[int, int]]:
    """Allocate the lowest free run: (state, (its first page, how many of its pages were scavenged)), or (-1, 0)."""
    page = lowest_run(and_not(bits.mapped, bits.alloc), npages)
    if page < 0:
        return bits, (-1, 0)
    run = run_of_ones(page, npages)
    taken = replace(bits, alloc=bits.alloc | run, scavenged=and_not(bits.scavenged, run))
    return taken, (page, (bits.scavenged & run).bit_count())


def set_free(bits: PageBits, page: int, npages: int) -> tuple[PageBits, None]:
    """Mark a run as free; its pages are not scavenged."""
    return replace(bits, alloc=and_not(bits.alloc, run_of_ones(page, npages))), None


def add_pages(bits: PageBits, page: int, npages: int) -> tuple[PageBits, None]:
    """Hand over new pages: free, and scavenged since no memory stands behind them yet."""
    run = run_of_ones(page, npages)
    return replace(bits, mapped=bits.mapped | run, scavenged=bits.scavenged | run), None


@dataclass(frozen=True, slots=True)
class PageAlloc:
    """type pageAlloc. Every method needs the heap lock."""

    geometry: Geometry
    bits: Cell[PageBits]

    async def alloc(self, npages: int) -> tuple[int, int]:
        """Allocate npages contiguous pages: (address, bytes of it that were scavenged), or (0, 0) if there is no room.

        The heap lock must be held (mpagealloc.go, pageAlloc.alloc).
        """
        page, scavenged = await self.bits.update(find_and_allocate, npages)
        if page < 0:
            return 0, 0
        return self.geometry.heap_base + page * self.geometry.page_size, scavenged * self.geometry.page_size

    async def free(self, base: int, npages: int) -> None:
        """Return [base, base+npages*page_size). The heap lock must be held (mpagealloc.go, pageAlloc.free)."""
        await self.bits.update(set_free, (base - self.geometry.heap_base) // self.geometry.page_size, npages)

    async def grow(self, base: int, size: int) -> None:
        """Add [base, base+size) to what is free. The heap lock must be held (mpagealloc.go, pageAlloc.grow)."""
        page = (base - self.geometry.heap_base) // self.geometry.page_size
        await self.bits.update(add_pages, page, size // self.geometry.page_size)
