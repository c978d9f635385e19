"""Page caches: up to one word of free pages that a P allocates from without the heap lock.

Mirrors mpagecache.go. Read next: scavenge.py.
"""

from dataclasses import dataclass

from spanproof.impl.access import Throw, Undefined
from spanproof.impl.page_alloc import PageAlloc, lower_search_addr, update_summaries
from spanproof.impl.page_tree import PageTree
from spanproof.impl.palloc_bits import NOT_FOUND, PallocData, find_bit_range64
from spanproof.model.geometry import Geometry
from spanproof.model.words import align_down, and_not, complement, ones_count, trailing_zeros


@dataclass(frozen=True, slots=True)
class PageCache:
    """type pageCache. A value: what changes one gives a new one."""

    base: int = 0
    """The address of the page that bit 0 stands for."""
    cache: int = 0
    """Bit i: page i is free, and the cache's."""
    scav: int = 0
    """Bit i: page i is scavenged."""

    def empty(self) -> bool:
        """Whether no page is left."""
        return self.cache == 0

    def alloc(self, npages: int, g: Geometry) -> tuple["PageCache", int, int]:
        """Take npages pages in a row, the lowest: (the cache after it, their address or 0, scavenged bytes of them).

        Raises:
            Undefined: no page is asked for.

        """
        if npages <= 0:
            raise Undefined(f"{npages} pages are asked for")
        if self.cache == 0:
            return self, 0, 0
        if npages == 1:
            i = trailing_zeros(self.cache, g.pages_per_block)
            scav = self.scav >> i & 1
            left = PageCache(self.base, and_not(self.cache, 1 << i), and_not(self.scav, 1 << i))
            return left, self.base + i * g.page_size, scav * g.page_size
        return self.alloc_n(npages, g)

    def alloc_n(self, npages: int, g: Geometry) -> tuple["PageCache", int, int]:
        """alloc of more than one page (pageCache.allocN)."""
        i = find_bit_range64(self.cache, npages, g.pages_per_block)
        if i >= g.pages_per_block:
            return self, 0, 0
        mask = (1 << npages) - 1 << i
        scav = ones_count(self.scav & mask)
        left = PageCache(self.base, and_not(self.cache, mask), and_not(self.scav, mask))
        return left, self.base + i * g.page_size, scav * g.page_size


EMPTY = PageCache()
"""No cache."""


def find_block(p: PageTree) -> tuple[PageTree, PageCache]:
    """The block of the lowest free page, as a cache; nothing is taken yet. The first part of pageAlloc.allocToCache.

    With no page left the search address becomes the highest.
    """
    g = p.geometry
    if g.chunk_index(p.search_addr) >= p.end:
        return p, EMPTY
    ci = g.chunk_index(p.search_addr)
    if p.summary[-1].at(ci) != 0:
        # The chunk of the search address has a free page: the lowest of all.
        j, _ = p.chunk_of(ci).alloc.find(1, g.chunk_page_index(p.search_addr))
        if j == NOT_FOUND:
            raise Throw("bad summary data")
    else:
        addr, _ = p.find(1)
        if addr == 0:
            # Not one page is free: look no more until some are freed.
            return p.with_search_addr(g.max_off_addr), EMPTY
        ci, j = g.chunk_index(addr), g.chunk_page_index(addr)
    chunk = p.chunk_of(ci)
    base = g.chunk_base(ci) + align_down(j, g.pages_per_block) * g.page_size
    free = complement(chunk.alloc.pages64(j), g.pages_per_block)
    return p, PageCache(base, free, chunk.scavenged.block64(j))


def take_block(p: PageTree, c: PageCache) -> tuple[PageTree, None]:
    """Allocate the free pages of a block; those that were scavenged are so no more, as the cache knows them."""
    g = p.geometry
    ci, cpi = g.chunk_index(c.base), g.chunk_page_index(c.base)
    chunk = p.chunk_of(ci)
    alloc, scavenged = chunk.alloc.alloc_pages64(cpi, c.cache), chunk.scavenged.clear_block64(cpi, c.cache & c.scav)
    return p.with_chunk(ci, PallocData(alloc, scavenged)), None


def leave_block(p: PageTree, base: int) -> tuple[PageTree, None]:
    """Look on from the last page of a block that a cache has taken: all of it is allocated now.

    Not from the first page after it, which may be no page of the heap's.
    """
    g = p.geometry
    return p.with_search_addr(base + g.page_size * (g.pages_per_block - 1)), None


def mark_scavenged(p: PageTree, ci: int, pi: int, npages: int) -> tuple[PageTree, None]:
    """Note that pages of a chunk are scavenged."""
    chunk = p.chunk_of(ci)
    return p.with_chunk(ci, PallocData(chunk.alloc, chunk.scavenged.set_range(pi, npages))), None


class CachingPageAlloc(PageAlloc):
    """type pageAlloc, with what fills page caches and empties them."""

    __slots__ = ()

    async def flush(self, c: PageCache) -> PageCache:
        """Return all pages of a cache: what is left of it, nothing. The heap lock must be held (pageCache.flush).

        Raises:
            Undefined: one of them is free.

        """
        g = self.geometry
        if c.empty():
            return c
        ci = g.chunk_index(c.base)
        pi = g.chunk_page_index(c.base)
        # Page by page: this is rare, and there are no calls that free bits here and there.
        i = 0
        while i < g.pages_per_block:
            if c.cache & 1 << i != 0:
                await self.give(ci, pi + i, 1)
            if c.scav & 1 << i != 0:
                await self.tree.update(mark_scavenged, ci, pi + i, 1)
            i += 1
        # The block may be below what was searched.
        await self.tree.update(lower_search_addr, c.base)
        await self.tree.update(update_summaries, c.base, g.pages_per_block, False, False)
        return EMPTY

    async def alloc_to_cache(self) -> PageCache:
        """Take all free pages of the lowest block that has one; an empty cache if there is none.

        The heap lock must be held (pageAlloc.allocToCache).
        """
        g = self.geometry
        c = await self.tree.update(find_block)
        if c.cache == 0:
            return c
        await self.tree.update(take_block, c)
        await self.tree.update(update_summaries, c.base, g.pages_per_block, False, True)
        if self.release.scavenge_index:
            await self.index.alloc(g.chunk_index(c.base), ones_count(c.cache))
        await self.tree.update(leave_block, c.base)
        return c
