"""The pool of mspan structures, and the few that each P keeps so that it need not lock the heap.

Mirrors allocMSpanLocked and its neighbours in mheap.go. Read next: growth.py.
"""

from spanproof.impl.access import NIL_DEREFERENCE, Throw
from spanproof.impl.heap_cells import HeapCells, MspanCache
from spanproof.impl.span import Span


def take_mspan(free: int) -> tuple[int, Span]:
    """fixalloc.alloc on the pool of mspans: the lowest that is free."""
    if free == 0:
        raise Throw("runtime: out of memory: no mspan is free")
    number = (free & -free).bit_length() - 1
    return free & ~(1 << number), Span(number)


def give_mspan(free: int, s: Span) -> tuple[int, None]:
    """fixalloc.free on the pool of mspans."""
    return free | 1 << s.number, None


def push_mspan(cache: MspanCache, s: Span) -> tuple[MspanCache, None]:
    """Keep an mspan for the P."""
    return MspanCache((*cache.spans, s)), None


def pull_mspan(cache: MspanCache) -> tuple[MspanCache, Span]:
    """The mspan that the P kept last."""
    if not cache.spans:
        raise Throw(NIL_DEREFERENCE)
    return MspanCache(cache.spans[:-1]), cache.spans[-1]


def cached_mspans(cache: MspanCache) -> tuple[MspanCache, int]:
    """How many mspans the P keeps."""
    return cache, len(cache.spans)


class Mspans(HeapCells):
    """The part of the heap that hands out mspans."""

    async def try_alloc_mspan(self) -> Span | None:
        """An mspan structure that the P keeps, or None. No lock (mheap.tryAllocMSpan)."""
        kept = await self.mspan_cache.at(self.p).update(cached_mspans)
        if kept == 0:
            return None
        return await self.mspan_cache.at(self.p).update(pull_mspan)

    async def alloc_mspan_locked(self) -> Span:
        """An mspan structure. The heap lock must be held (mheap.allocMSpanLocked)."""
        if not self.has_p:
            return await self.free_mspans.update(take_mspan)
        # Refill the cache if necessary; the last one is pulled off at once.
        kept = await self.mspan_cache.at(self.p).update(cached_mspans)
        if kept == 0:
            refill_count = self.geometry.mspan_cache // 2
            i = 0
            while i < refill_count:
                s = await self.free_mspans.update(take_mspan)
                await self.mspan_cache.at(self.p).update(push_mspan, s)
                i += 1
        return await self.mspan_cache.at(self.p).update(pull_mspan)

    async def free_mspan_locked(self, s: Span) -> None:
        """Give an mspan structure back. The heap lock must be held (mheap.freeMSpanLocked)."""
        if self.has_p:
            # First try to keep it.
            kept = await self.mspan_cache.at(self.p).update(cached_mspans)
            if kept < self.geometry.mspan_cache:
                await self.mspan_cache.at(self.p).update(push_mspan, s)
                return
        await self.free_mspans.update(give_mspan, s)
