"""The page allocator: first fit by address, over bitmaps of chunks and a radix tree of summaries.

Mirrors mpagealloc.go. What the heap lock protects is one cell (page_tree.py); the scavenge index, which scavengers read
without the lock, is changed word by word (scavenge_index.py). Read next: page_cache.py.
"""

from dataclasses import dataclass
from typing import Any

from spanproof.impl.access import Cell, Lock, Throw, Undefined
from spanproof.impl.os_memory import OsMemory
from spanproof.impl.page_tree import Needed, PageTree, fresh_tree
from spanproof.impl.palloc_bits import NOT_FOUND, PallocData, sum_max
from spanproof.impl.ranges import AddrRanges
from spanproof.impl.scavenge_index import ScavengeIndex
from spanproof.model.geometry import Geometry
from spanproof.model.releases import Release
from spanproof.model.words import align_down, align_up


def sys_grow(p: PageTree, base: int, limit: int) -> tuple[PageTree, Needed]:
    """See PageTree.sys_grow."""
    return p.sys_grow(base, limit)


def add_chunks(p: PageTree, base: int, limit: int) -> tuple[PageTree, int]:
    """See PageTree.grow: (the tree, how many groups of bitmaps it needs memory for)."""
    grown = p.grow(base, limit)
    return grown, len(grown.groups) - len(p.groups)


def add_arenas(p: PageTree, first: int, narenas: int) -> tuple[PageTree, None]:
    """See PageTree.add_arenas."""
    return p.add_arenas(first, narenas), None


def enable_huge_pages(p: PageTree) -> tuple[PageTree, bool]:
    """Let bitmaps of chunks lie on huge pages: (the tree, whether they might before)."""
    return p.enable_huge_pages(), p.chunk_huge_pages


def clone_in_use(p: PageTree) -> tuple[PageTree, AddrRanges]:
    """A copy of the ranges of addresses that the heap has."""
    return p, p.clone_in_use()


def update_summaries(p: PageTree, base: int, npages: int, contig: bool, alloc: bool) -> tuple[PageTree, None]:
    """See PageTree.update."""
    return p.update(base, npages, contig, alloc), None


def search(p: PageTree, npages: int) -> tuple[PageTree, tuple[int, int]]:
    """The lowest npages free pages in a row: (their address or 0, a new search address); nothing is taken yet.

    The first part of pageAlloc.alloc. With no page left the search address becomes the highest.
    """
    g = p.geometry
    # With the search address at the end nothing is free.
    if g.chunk_index(p.search_addr) >= p.end:
        return p, (0, 0)
    # See whether the chunk of the search address has room, so that the tree need not be walked.
    if g.pages_per_chunk - g.chunk_page_index(p.search_addr) >= npages:
        i = g.chunk_index(p.search_addr)
        if sum_max(p.summary[-1].at(i), g.log_max_packed_value) >= npages:
            j, search_idx = p.chunk_of(i).alloc.find(npages, g.chunk_page_index(p.search_addr))
            if j == NOT_FOUND:
                raise Throw("bad summary data")
            return p, (g.chunk_base(i) + j * g.page_size, g.chunk_base(i) + search_idx * g.page_size)
    addr, search_addr = p.find(npages)
    if addr == 0 and npages == 1:
        # Not one page is free: look no more until some are freed.
        return p.with_search_addr(g.max_off_addr), (0, 0)
    return p, (addr, search_addr)


def take(p: PageTree, ci: int, si: int, npages: int) -> tuple[PageTree, int]:
    """Allocate pages [si, si+npages) of a chunk: (the tree, how many of them were scavenged).

    Raises:
        Undefined: one of them is not free.

    """
    chunk = p.free_chunk(ci, si, npages)
    return p.with_chunk(ci, chunk.alloc_range(si, npages)), chunk.scavenged.popcnt_range(si, npages)


def give(p: PageTree, ci: int, si: int, npages: int) -> tuple[PageTree, bool]:
    """Free pages [si, si+npages) of a chunk: (the tree, whether all of them were allocated)."""
    chunk = p.chunk_of(ci)
    were = chunk.alloc.popcnt_range(si, npages) == npages
    return p.with_chunk(ci, PallocData(chunk.alloc.free(si, npages), chunk.scavenged)), were


def find(p: PageTree, npages: int) -> tuple[PageTree, tuple[int, int]]:
    """See PageTree.find."""
    return p, p.find(npages)


def pad(p: PageTree, ci: int, si: int, npages: int) -> tuple[PageTree, None]:
    """Allocate pages of a chunk that are never used: they stay scavenged (a part of markRandomPaddingPages).

    Raises:
        Undefined: one of them is not free.

    """
    chunk = p.free_chunk(ci, si, npages).alloc_range(si, npages)
    return p.with_chunk(ci, PallocData(chunk.alloc, chunk.scavenged.set_range(si, npages))), None


def raise_search_addr(p: PageTree, search_addr: int) -> tuple[PageTree, None]:
    """All pages below the address are allocated."""
    if p.geometry.less_than(p.search_addr, search_addr):
        return p.with_search_addr(search_addr), None
    return p, None


def lower_search_addr(p: PageTree, base: int) -> tuple[PageTree, None]:
    """Pages from the address on are about to be free."""
    if p.geometry.less_than(base, p.search_addr):
        return p.with_search_addr(base), None
    return p, None


@dataclass(frozen=True, slots=True)
class PageAlloc:
    """type pageAlloc. Every method needs the heap lock."""

    geometry: Geometry
    release: Release
    lock: Lock
    tree: Cell[PageTree]
    index: ScavengeIndex
    os: OsMemory

    def fresh(self, test: bool) -> dict[Cell[Any], Any]:
        """Its cell and the value before the heap has memory (pageAlloc.init). test: no heap is around it (p.test)."""
        return {self.tree: fresh_tree(self.geometry, test)}

    async def add_arenas(self, first: int, narenas: int) -> None:
        """Store new arenas in mheap_.arenas, which find_mapped_addr looks at (a part of mheap.sysAlloc).

        The heap lock must be held.
        """
        await self.tree.update(add_arenas, first, narenas)

    async def grow(self, base: int, size: int) -> None:
        """Add [base, base+size) to what is free, in whole chunks. The heap lock must be held (pageAlloc.grow).

        Raises:
            Undefined: it begins within a chunk, has a part of a page, leaves the address space, has its first chunk, or
                some of it is the heap's already.

        """
        g = self.geometry
        if base % g.chunk_size != 0 or size % g.page_size != 0:
            raise Undefined(f"{size} bytes at {base:#x} are added")
        limit = align_up(base + size, g.chunk_size)
        base = align_down(base, g.chunk_size)
        needed = await self.tree.update(sys_grow, base, limit)
        n = 0
        while n < needed.count:
            r = needed.at(n)
            await self.os.sys_map_os(r.base, r.size())
            n += 1
        if self.release.scavenge_index:
            await self.index.grow(base, limit)
        groups = await self.tree.update(add_chunks, base, limit)
        while groups > 0:
            if not await self.os.sys_alloc(g.pages_per_chunk // 4 << g.chunks_l2_bits):
                raise Throw("pageAlloc: out of memory")
            groups -= 1
        await self.tree.update(update_summaries, base, size // g.page_size, True, False)

    async def enable_chunk_huge_pages(self) -> None:
        """Let the bitmaps of chunks lie on huge pages of the system's, those to come and those that there are.

        The heap lock must not be held (pageAlloc.enableChunkHugePages).
        """
        g = self.geometry
        await self.lock.lock()
        if await self.tree.update(enable_huge_pages):
            await self.lock.unlock()
            return
        await self.tree.update(clone_in_use)
        await self.lock.unlock()

        # Go does not look at the clone that it made, but at the ranges, which others may be changing now.
        p = await self.tree.read()
        n = 0
        while n < p.in_use.count:
            r = p.in_use.at(n)
            group = g.chunk_index(r.base) >> g.chunks_l2_bits
            # The last group of a range is left out, so all of it where there is only one.
            while group < g.chunk_index(r.limit - 1) >> g.chunks_l2_bits:
                await self.os.sys_huge_page(group)
                group += 1
            n += 1

    async def alloc_range(self, base: int, npages: int) -> int:
        """Allocate [base, base+npages*page_size): how many bytes of it were scavenged (pageAlloc.allocRange).

        The heap lock must be held.

        Raises:
            Undefined: there are no pages, or one of them is not free.

        """
        g = self.geometry
        if npages <= 0 or base % g.page_size != 0:
            raise Undefined(f"{npages} pages at {base:#x} are taken")
        limit = base + npages * g.page_size - 1
        sc, ec = g.chunk_index(base), g.chunk_index(limit)
        si, ei = g.chunk_page_index(base), g.chunk_page_index(limit)

        scav = 0
        if sc == ec:
            # The range is in one chunk.
            scav = await self.take(sc, si, ei + 1 - si)
        else:
            scav = await self.take(sc, si, g.pages_per_chunk - si)
            c = sc + 1
            while c < ec:
                more = await self.take(c, 0, g.pages_per_chunk)
                scav += more
                c += 1
            more = await self.take(ec, 0, ei + 1)
            scav += more
        await self.tree.update(update_summaries, base, npages, True, True)
        return scav * g.page_size

    async def take(self, ci: int, si: int, npages: int) -> int:
        """Allocate pages of one chunk: how many of them were scavenged (a part of pageAlloc.allocRange).

        No Go counterpart. The heap lock must be held.
        """
        scav = await self.tree.update(take, ci, si, npages)
        if self.release.scavenge_index:
            await self.index.alloc(ci, npages)
        return scav

    async def find(self, npages: int) -> tuple[int, int]:
        """The lowest npages free pages in a row: (their address or 0, a new search address) (pageAlloc.find).

        The heap lock must be held.

        Raises:
            Undefined: no page is asked for.

        """
        if npages <= 0:
            raise Undefined(f"{npages} pages are looked for")
        return await self.tree.update(find, npages)

    async def alloc(self, npages: int) -> tuple[int, int]:
        """Allocate npages contiguous pages: (address, bytes of it that were scavenged), or (0, 0) if there is no room.

        The heap lock must be held (pageAlloc.alloc).

        Raises:
            Undefined: no page is asked for.

        """
        if npages <= 0:
            raise Undefined(f"{npages} pages are asked for")
        addr, search_addr = await self.tree.update(search, npages)
        if addr == 0:
            return 0, 0
        scav = await self.alloc_range(addr, npages)
        # All pages below the new search address are allocated, by us or before.
        await self.tree.update(raise_search_addr, search_addr)
        return addr, scav

    async def free(self, base: int, npages: int) -> None:
        """Return [base, base+npages*page_size). The heap lock must be held (pageAlloc.free).

        Raises:
            Undefined: the range is empty, begins within a page or leaves the address space, or a page of it is free.

        """
        g = self.geometry
        if (
            npages <= 0
            or base % g.page_size != 0
            or not 0 <= base - g.min_off_addr <= (1 << g.heap_addr_bits) - npages * g.page_size
        ):
            raise Undefined(f"{npages} pages at {base:#x} are freed")
        await self.tree.update(lower_search_addr, base)
        limit = base + npages * g.page_size - 1
        sc, ec = g.chunk_index(base), g.chunk_index(limit)
        si, ei = g.chunk_page_index(base), g.chunk_page_index(limit)
        if sc == ec:
            # The range is in one chunk.
            await self.give(sc, si, ei + 1 - si)
        else:
            await self.give(sc, si, g.pages_per_chunk - si)
            c = sc + 1
            while c < ec:
                await self.give(c, 0, g.pages_per_chunk)
                c += 1
            await self.give(ec, 0, ei + 1)
        await self.tree.update(update_summaries, base, npages, True, False)

    async def give(self, ci: int, si: int, npages: int) -> None:
        """Free pages of one chunk (a part of pageAlloc.free). No Go counterpart. The heap lock must be held."""
        were = await self.tree.update(give, ci, si, npages)
        if self.release.scavenge_index:
            await self.index.free(ci, si, npages)
        if not were:
            raise Undefined(f"of {npages} pages of chunk {ci} from page {si} on, which are freed, one is free")

    async def mark_random_padding_pages(self, base: int, npages: int) -> None:
        """Allocate [base, base+npages*page_size) for good, so that the heap begins behind it.

        They stay scavenged: nothing was ever there. The heap lock must be held (pageAlloc.markRandomPaddingPages).

        Raises:
            Undefined: there are no pages, or one of them is not free.

        """
        g = self.geometry
        if npages <= 0 or base % g.page_size != 0:
            raise Undefined(f"{npages} pages at {base:#x} are padding")
        limit = base + npages * g.page_size - 1
        sc, ec = g.chunk_index(base), g.chunk_index(limit)
        si, ei = g.chunk_page_index(base), g.chunk_page_index(limit)
        if sc == ec:
            await self.pad(sc, si, ei + 1 - si)
        else:
            await self.pad(sc, si, g.pages_per_chunk - si)
            c = sc + 1
            while c < ec:
                await self.pad(c, 0, g.pages_per_chunk)
                c += 1
            await self.pad(ec, 0, ei + 1)
        await self.tree.update(update_summaries, base, npages, True, True)

    async def pad(self, ci: int, si: int, npages: int) -> None:
        """Pad with pages of one chunk (a part of pageAlloc.markRandomPaddingPages). No Go counterpart."""
        await self.tree.update(pad, ci, si, npages)
        await self.index.alloc(ci, npages)
