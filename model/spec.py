"""The abstract heap: which pages exist and which are owned, and nothing else.

It steps where the real one allocates, frees and grows. Allocation is the lowest-address first fit, over runs of pages
written as sets of integers; it shares no code with the page allocator that it judges. Pages are counted from 0.
"""

from dataclasses import dataclass


class RefusedError(ValueError):
    """The abstract heap cannot take this step."""


@dataclass(frozen=True, slots=True)
class AbstractHeap:
    """Two sets of pages: those that exist, those that somebody owns."""

    exist: frozenset[int] = frozenset()
    owned: frozenset[int] = frozenset()

    def first_fit(self, npages: int) -> int | None:
        """The first page of the lowest run of npages pages that exist and are not owned, or None."""
        free = self.exist - self.owned
        for page in sorted(free):
            if all(page + n in free for n in range(npages)):
                return page
        return None

    def alloc(self, npages: int) -> tuple["AbstractHeap", int | None]:
        """Own the lowest run: (the heap after, the run's first page or None)."""
        page = self.first_fit(npages)
        if page is None:
            return self, None
        return AbstractHeap(self.exist, self.owned | set(range(page, page + npages))), page

    def free(self, page: int, npages: int) -> "AbstractHeap":
        """Own these pages no longer.

        Raises:
            RefusedError: one of them was not owned.

        """
        pages = frozenset(range(page, page + npages))
        if not pages <= self.owned:
            raise RefusedError(f"pages {sorted(pages - self.owned)} are freed but not owned")
        return AbstractHeap(self.exist, self.owned - pages)

    def grow(self, page: int, npages: int) -> "AbstractHeap":
        """Let these pages exist.

        Raises:
            RefusedError: one of them exists already.

        """
        pages = frozenset(range(page, page + npages))
        if pages & self.exist:
            raise RefusedError(f"pages {sorted(pages & self.exist)} are added twice")
        return AbstractHeap(self.exist | pages, self.owned)
