"""The reference's page allocator, noting each call as a request to Go's text, with the answer that is expected.

Read next: compare.py.
"""

from typing import Any

from spanproof.checks.comparing.standing_alone import StandingAlone
from spanproof.checks.golang.comparing.state import MASK, Digest
from spanproof.checks.golang.extracted.driving import CODE
from spanproof.impl.malloc import Runtime
from spanproof.impl.page_cache import PageCache
from spanproof.impl.scavenge import NO_LIMIT
from spanproof.model.geometry import Geometry
from spanproof.model.releases import NEWEST, Release


class Noting(StandingAlone):
    """A page allocator that stands alone, and what Go's should answer to the same calls."""

    def __init__(self, geometry: Geometry, release: Release = NEWEST, heap_class: type[Runtime] = Runtime) -> None:
        """Begin with no memory."""
        super().__init__(geometry, release, heap_class)
        self.requests: list[tuple[int, int, int, int]] = []
        self.expected: list[tuple[int, int, int, int, int]] = []
        self.digest = Digest(self)
        self._note("new", geometry.phys_page_size, geometry.phys_huge_page_size)

    def leaving_out(self, bits: int) -> None:
        """Leave these bits of the index's words out, on both sides. Before the first call."""
        self.digest.left_out = bits
        op, a, b, _ = self.requests[0]
        self.requests[0] = op, a, b, bits

    def _note(self, op: str, a: int = 0, b: int = 0, answer: tuple[int, ...] = ()) -> None:
        r0, r1, r2 = (*answer, 0, 0, 0)[:3]
        self.requests.append((CODE[op], a & MASK, b & MASK, 0))
        self.expected.append((0, r0 & MASK, r1, r2, self.digest.now()))

    def grow(self, base: int, size: int) -> None:
        """See PageAlloc.grow."""
        super().grow(base, size)
        self._note("grow", base, size)

    def alloc(self, npages: int) -> tuple[int, int]:
        """See PageAlloc.alloc."""
        answer = super().alloc(npages)
        self._note("alloc", npages, 0, answer)
        return answer

    def free(self, base: int, npages: int) -> None:
        """See PageAlloc.free."""
        super().free(base, npages)
        self._note("free", base, npages)

    def mark_random_padding_pages(self, base: int, npages: int) -> None:
        """See PageAlloc.mark_random_padding_pages."""
        super().mark_random_padding_pages(base, npages)
        self._note("pad", base, npages)

    def refill(self, k: int) -> PageCache:
        """Cache k gets new pages."""
        cache = super().refill(k)
        self._note("to_cache", k, 0, _written(cache))
        return cache

    def cache_alloc(self, k: int, npages: int) -> tuple[int, int]:
        """Pages of cache k."""
        answer = super().cache_alloc(k, npages)
        self._note("cache_alloc", k, npages, answer)
        return answer

    def flush_cache(self, k: int) -> PageCache:
        """Cache k gives back what it has."""
        cache = super().flush_cache(k)
        self._note("flush", k, 0, _written(cache))
        return cache

    def next_gen(self) -> None:
        """See ScavengeIndex.next_gen."""
        super().next_gen()
        self._note("next_gen")

    def scavenge(self, nbytes: int = NO_LIMIT, *, force: bool = True) -> int:
        """See ScavengingPageAlloc.scavenge."""
        released = super().scavenge(nbytes, force=force)
        self._note("scavenge", nbytes, int(force), (released,))
        return released


def _written(cache: Any) -> tuple[int, int, int]:
    return cache.base, cache.cache, cache.scav
