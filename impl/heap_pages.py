"""Where the heap gets pages from besides the page allocator itself, and how it keeps within its limits.

Mirrors parts of allocSpan in mheap.go, which Go has in one function: the page cache of a P, aligned stacks, and what an
allocation scavenges. Read next: heap.py.
"""

from spanproof.impl.access import Throw
from spanproof.impl.growth import Growth
from spanproof.impl.page_cache import PageCache
from spanproof.impl.scavenge import NO_LIMIT
from spanproof.impl.span import ALLOC_HEAP
from spanproof.model.geometry import Geometry
from spanproof.model.words import align_up


def cache_alloc(c: PageCache, npages: int, geometry: Geometry) -> tuple[PageCache, tuple[int, int]]:
    """See PageCache.alloc."""
    left, base, scav = c.alloc(npages, geometry)
    return left, (base, scav)


class Pages(Growth):
    """The part of the heap that knows where pages come from."""

    async def alloc_from_cache(self, npages: int) -> tuple[int, int]:
        """Take npages pages from the page cache of the P, filled again if it is empty (a part of allocSpan).

        (address, bytes of it that were scavenged), or (0, 0) if it has no such run. The heap lock must not be held.
        """
        c = await self.pcache.at(self.p).read()
        if c.empty():
            await self.lock.lock()
            c = await self.pages.alloc_to_cache()
            await self.pcache.at(self.p).write(c)
            await self.lock.unlock()
        return await self.pcache.at(self.p).update(cache_alloc, npages, self.geometry)

    async def alloc_phys_page_aligned(self, npages: int) -> tuple[int, int, int]:
        """Take npages pages that begin at a page of the system's (a part of allocSpan).

        (address or 0, bytes of it that were scavenged, bytes that the heap grew by). The heap lock must be held.
        """
        # Find more than is needed, but take the aligned part alone: freeing the edges would lose what is scavenged.
        # The search address may stay higher than it need be.
        extra_pages = self.geometry.phys_page_size // self.geometry.page_size
        growth = 0
        base, _ = await self.pages.find(npages + extra_pages)
        if base == 0:
            growth, ok = await self.grow(npages + extra_pages)
            if not ok:
                return 0, 0, 0
            base, _ = await self.pages.find(npages + extra_pages)
            if base == 0:
                raise Throw("grew heap, but no adequate free space found")
        base = align_up(base, self.geometry.phys_page_size)
        scav = await self.pages.alloc_range(base, npages)
        return base, scav, growth

    async def scavenge_for(self, scav: int, growth: int) -> None:
        """Return as much to the system as an allocation needs, so that limits are kept (a part of allocSpan).

        scav: bytes of the allocation that were scavenged. growth: bytes that the heap grew by. The heap lock must not
        be held. The limiter of CPU time is left out.
        """
        bytes_to_scavenge = 0
        force_scavenge = False
        if self.memory_limit != NO_LIMIT:
            # Scavenge what will be paged in, so as to keep the memory limit.
            inuse = await self.mapped_ready.load()
            if scav + inuse > self.memory_limit:
                bytes_to_scavenge = scav + inuse - self.memory_limit
                force_scavenge = True
        if self.gc_percent_goal != NO_LIMIT and growth > 0:
            # The heap grew: scavenge those fragments that are least likely to be used again.
            heap_in_use = await self.in_use.at(ALLOC_HEAP).load()
            heap_free = await self.heap_free.load()
            retained = heap_in_use + heap_free
            if retained + growth > self.gc_percent_goal:
                todo = growth
                overage = retained + growth - self.gc_percent_goal
                if todo > overage:
                    todo = overage
                if todo > bytes_to_scavenge:
                    bytes_to_scavenge = todo
        if self.has_p and bytes_to_scavenge > 0:
            await self.pages.scavenge(bytes_to_scavenge, force_scavenge)

    async def flush_pcache(self) -> None:
        """Give the pages of the P's cache back, when it goes idle (mgc.go, gcMarkTermination; proc.go, p.destroy)."""
        await self.lock.lock()
        c = await self.pcache.at(self.p).read()
        flushed = await self.pages.flush(c)
        await self.pcache.at(self.p).write(flushed)
        await self.lock.unlock()

    async def bgscavenge(self, nbytes: int) -> None:
        """The background scavenger, until it has returned nbytes or parks (mgcscavenge.go, bgscavenge)."""
        released = 0
        while released < nbytes:
            # Between two chunks the scavenger can be stopped.
            await self.acquirem()
            more, found = await self.pages.scavenge_next(nbytes - released, False)
            await self.releasem()
            if not found:
                return
            released += more

    async def scavenge_all(self) -> None:
        """Return to the system whatever can be returned (mheap.scavengeAll)."""
        await self.pages.scavenge(NO_LIMIT, True)
