"""The operating system: memory whose pages really hold contents.

Mirrors mem.go and mem_linux.go (sysReserve, sysAlloc, sysMap, sysUsed, sysUnused) and memclrNoHeapPointers. The
contents of one page are one cell: 0 when every byte is zero, else the mark of who wrote it last. Users write whole
pages, so a page that is cleared only in part is still not zero. The system may refuse memory, and may fail to clear
what is returned to it. Read next: page_alloc.py.
"""

from dataclasses import dataclass

from spanproof.impl.access import Cell, Cells, Throw
from spanproof.model.geometry import Geometry

MAPPED_READY: Cell[int] = Cell("gcController.mappedReady")
HEAP_RELEASED: Cell[int] = Cell("gcController.heapReleased")
RESERVATIONS_LEFT: Cell[int] = Cell("os.reservations")
MAPPINGS_LEFT: Cell[int] = Cell("os.mappings")
ALWAYS = (1 << 64) - 1
"""As often as anybody asks."""


def grant(left: int) -> tuple[int, bool]:
    """Grant one more request, if so many are left: (how many then, whether it is granted); -1 after a refusal."""
    return (left - 1, True) if left > 0 else (-1, False)


@dataclass(frozen=True, slots=True)
class OsMemory:
    """The address space of one heap."""

    geometry: Geometry
    memory: Cells[int]
    mapped_ready: Cell[int] = MAPPED_READY
    """Bytes of the heap's that memory stands behind."""
    heap_released: Cell[int] = HEAP_RELEASED
    """Bytes of free pages that were returned, or never had memory."""
    reservations: int = ALWAYS
    """How many ranges of addresses the system reserves before it refuses."""
    mappings: int = ALWAYS
    """How often it gives memory before it refuses."""
    unused_zeroes: bool = True
    """What is returned to it reads as zero. If not, its last resort failed as well, and Go did not look."""
    reservations_left: Cell[int] = RESERVATIONS_LEFT
    mappings_left: Cell[int] = MAPPINGS_LEFT

    async def sys_reserve(self, base: int, size: int) -> int:
        """Reserve addresses [base, base+size): base, or 0 if the system refuses (mem.go, sysReserve)."""
        if self.reservations != ALWAYS and not await self.reservations_left.update(grant):
            return 0
        return base

    async def sys_alloc(self, size: int) -> bool:
        """Have memory for what is not heap: whether the system gives it (mem.go, sysAlloc)."""
        return self.mappings == ALWAYS or await self.mappings_left.update(grant)

    async def sys_map_os(self, base: int, size: int) -> None:
        """Make reserved memory usable (mem_linux.go, sysMapOS).

        Raises:
            Throw: the system refuses, or is asked for nothing, which it takes for a mistake.

        """
        if size == 0:
            raise Throw("runtime: cannot map pages in arena address space")
        if self.mappings != ALWAYS and not await self.mappings_left.update(grant):
            raise Throw("runtime: out of memory")

    async def sys_map(self, base: int, size: int) -> None:
        """Make reserved memory usable, and count it as released: what Go hands over as sysStat (mem.go, sysMap).

        Fresh memory reads as zero, so there is nothing to write.
        """
        await self.heap_released.add(size)
        await self.sys_map_os(base, size)

    async def sys_used(self, base: int, size: int, prepared: int) -> None:
        """Ask for memory back of which `prepared` bytes were returned (mem.go, sysUsed).

        What was not returned reads as it was left; the rest reads as zero.
        """
        await self.mapped_ready.add(prepared)

    async def sys_unused(self, base: int, size: int) -> None:
        """Return the contents of [base, base+size) to the system, page by page; it then reads as zero (mem.go).

        Unless the system fails: nobody looks at what its last resort answers (mem_linux.go, sysUnusedOS).
        """
        await self.mapped_ready.add(-size)
        if not self.unused_zeroes:
            return
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
