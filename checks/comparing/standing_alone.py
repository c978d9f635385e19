"""A page allocator that stands alone, made as Go's own tests make theirs: what they call p.test.

Read next: go_tables.py.
"""

from dataclasses import replace

from spanproof.checks.running.pages_alone import PagesAlone
from spanproof.impl.malloc import Runtime
from spanproof.impl.os_memory import OsMemory
from spanproof.impl.page_cache import EMPTY, PageCache
from spanproof.model.geometry import Geometry
from spanproof.model.releases import NEWEST, Release

CACHES = 3
"""Page caches that a history has."""


class MockedMemory(OsMemory):
    """Memory without contents: a p.test returns none to the system (mgcscavenge.go, scavengeOne)."""

    __slots__ = ()

    async def sys_unused(self, base: int, size: int) -> None:
        """Return nothing."""


class StandingAlone(PagesAlone):
    """type pageAlloc, held by one thread. Sizes are bytes, npages pages."""

    def __init__(self, geometry: Geometry, release: Release = NEWEST, heap_class: type[Runtime] = Runtime) -> None:
        """Begin with no memory; nothing is returned to a system (p.test). heap_class: whose page allocator it is."""
        super().__init__(geometry, release, heap_class, MockedMemory, test=True)
        self.caches: list[PageCache] = [EMPTY] * CACHES

    def refill(self, k: int) -> PageCache:
        """Cache k gets new pages: the cache."""
        self.caches[k] = self.alloc_to_cache()
        return self.caches[k]

    def cache_alloc(self, k: int, npages: int) -> tuple[int, int]:
        """Pages of cache k: (their address or 0, the bytes of them that were scavenged)."""
        self.caches[k], addr, scav = self.caches[k].alloc(npages, self.geometry)
        return addr, scav

    def flush_cache(self, k: int) -> PageCache:
        """Cache k gives back what it has: what is left."""
        self.caches[k] = self.flush(self.caches[k])
        return self.caches[k]

    def next_gen(self) -> None:
        """See ScavengeIndex.next_gen."""
        self.alone.run(self.pages.index.next_gen())

    def set_up(self, chunk: int, allocated: list[tuple[int, int]], scavenged: list[tuple[int, int]]) -> None:
        """Grow by one chunk with these runs of pages allocated and scavenged, as Go's tests make their heaps."""
        g, base = self.geometry, self.geometry.chunk_base(chunk)
        self.grow(base, g.chunk_size)
        data = self.tree.chunk_of(chunk)
        scav = data.scavenged.clear_all()
        self.alone.run(self.pages.index.alloc(chunk, g.pages_per_chunk))
        self.alone.run(self.pages.index.free(chunk, 0, g.pages_per_chunk))
        for first, npages in scavenged:
            scav = scav.set_range(first, npages) if npages else scav
        data = replace(data, scavenged=scav)
        for first, npages in allocated:
            if npages:
                data = data.alloc_range(first, npages)
                self.alone.run(self.pages.index.alloc(chunk, npages))
        self.tree = self.tree.with_chunk(chunk, data).update(base, g.pages_per_chunk, False, False)
