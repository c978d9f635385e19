"""The operating system: memory whose pages really hold contents.

Mirrors mem.go (sysReserve, sysMap, sysUsed, sysUnused) and memclrNoHeapPointers. The contents of one page are one cell:
0 when every byte is zero, else the mark of who wrote it last. Users write whole pages, so a page that is cleared only
in part is still not zero. Read next: page_alloc.py.
"""

from dataclasses import dataclass

from spanproof.impl.access import Cell, Cells
from spanproof.model.geometry import Geometry

MAPPED_READY: Cell[int] = Cell("gcController.mappedReady")
HEAP_RELEASED: Cell[int] = Cell("gcController.heapReleased")


@dataclass(frozen=True, slots=True)
class OsMemory:
    """The address space of one heap."""

    geometry: Geometry
    memory: Cells[int]
    mapped_ready: Cell[int] = MAPPED_READY
    """Bytes of the heap's that memory stands behind."""
    heap_released: Cell[int] = HEAP_RELEASED
    """Bytes of free pages that were returned, or never had memory."""

    async def sys_map(self, base: int, size: int) -> None:
        """Make reserved memory usable, and count it as released: what Go hands over as sysStat (mem.go, sysMap).

        Fresh memory reads as zero, so there is nothing to write.
        """
        await self.heap_released.add(size)

    async def sys_used(self, base: int, size: int, prepared: int) -> None:
        """Ask for memory back of which `prepared` bytes were returned (mem.go, sysUsed).

        What was not returned reads as it was left; the rest reads as zero.
        """
        await self.mapped_ready.add(prepared)

    async def sys_unused(self, base: int, size: int) -> None:
        """Return the contents of [base, base+size) to the system, page by page; it then reads as zero (mem.go)."""
        await self.mapped_ready.add(-size)
        page = base // self.geometry.page_size
        limit = (base + size) // self.geometry.page_size
        while page < limit:
            await self.memory.at(page).write(0)
            page += 1

    async def sys_huge_page(self, group: int) -> None:
        """Say that a group of bitmaps may lie on huge pages: a hint, by which nothing changes (mem.go, sysHugePage)."""

    async def memclr(self, base: int, size: int) -> None:
        """Clear [base, base+size), size in bytes: every page that lies in it wholly (memclrNoHeapPointers)."""
        page = base // self.geometry.page_size
        limit = (base + size) // self.geometry.page_size
        while page < limit:
            await self.memory.at(page).write(0)
            page += 1
