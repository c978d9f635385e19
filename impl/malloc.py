"""The callers that clear: what malloc does with the spans of the page heap, release by release.

Mirrors the large and the small path of malloc.go (mallocgc) with mcache.go (allocLarge, refill). One object fills a
span. `Runtime` is the whole reference; a user's heap takes its place.
"""

from spanproof.impl.heap import Heap
from spanproof.impl.span import LARGE, SMALL, Span
from spanproof.model.releases import Zeroing
from spanproof.model.words import uint32


class Runtime(Heap):
    """The page heap with the callers that a program reaches it through."""

    async def malloc_large(self, npages: int, needzero: bool, noscan: bool) -> Span | None:
        """A large object of npages pages, zeroed if asked; None when out of memory (mallocgcLarge, mcache.allocLarge).

        In 1.17 memory without pointers is cleared late, by the caller of alloc; from 1.18 on all is.
        """
        delayed = self.release.zeroing == Zeroing.CALLER or (noscan and self.release.zeroing == Zeroing.ALLOC_OR_CALLER)
        s, is_zeroed = await self.alloc(npages, LARGE, needzero and not delayed)
        if s is None:
            return None
        if not self.release.alloc_span_pushes:
            await self.push_swept(s)
        await s.alloc_count.write(1)
        if needzero and delayed:
            if self.release.zeroing == Zeroing.CALLER:
                is_zeroed = await s.needzero.read() == 0
            if not is_zeroed:
                await self.clear(s)
        return s

    async def malloc_small(self, npages: int, needzero: bool) -> Span | None:
        """A small object in a fresh span of npages pages, which the thread keeps cached (mallocgc, mcache.refill)."""
        s, _ = await self.alloc(npages, SMALL, True)
        if s is None:
            return None
        # It is cached now, so nobody else may sweep it in the next cycle. A plain write, as Go has it.
        sg = await self.sweepgen.read()
        await s.sweepgen.write(uint32(sg + 3))
        await s.alloc_count.write(1)
        if needzero and await s.needzero.read() != 0:
            await self.clear(s)
        return s
