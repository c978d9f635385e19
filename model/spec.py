"""The abstract heap: which pages exist and which are owned, and nothing else.

It steps where the real one allocates, frees and grows, where a page cache takes its pages and gives them back, and
where a scavenger does. Allocation is the lowest-address first fit, over runs of pages written as sets of integers; it
shares no code with the page allocator that it judges. Pages are counted from 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

SCAVENGERS, PADDED = -1, -2
"""Who holds a page besides the Ps, which are counted from 0, and spans."""


class RefusedError(ValueError):
    """The abstract heap cannot take this step."""


@dataclass(frozen=True, slots=True)
class AbstractHeap:
    """Sets of pages: those that exist, those that somebody owns, and of these the ones that no span has."""

    exist: frozenset[int] = frozenset()
    owned: frozenset[int] = frozenset()
    held: frozenset[tuple[int, int]] = frozenset()
    """(page, who holds it)"""
    arenas: int = 0
    """Arenas of the address space that were reserved or passed by, the lowest ones."""
    grown: int = 0
    """Pages that were added since the heap began to grow; 0 while it does not."""
    grants: int | None = None
    """How many reservations the system still grants; None: as many as are asked for."""

    def first_fit(self, npages: int) -> int | None:
        """The first page of the lowest run of npages pages that exist and are not owned, or None."""
        return _lowest_run(self.exist - self.owned, npages)

    def held_by(self, holder: int) -> frozenset[int]:
        """The pages that one holds."""
        return frozenset(page for page, who in self.held if who == holder)

    def alloc(self, npages: int) -> tuple["AbstractHeap", int | None]:
        """Own the lowest run: (the heap after, the run's first page or None)."""
        page = self.first_fit(npages)
        if page is None:
            return self, None
        return self.own(range(page, page + npages)), page

    def own(self, pages: Iterable[int], holder: int | None = None) -> "AbstractHeap":
        """Own these pages; with a holder, for no span.

        Raises:
            RefusedError: one of them does not exist, or is owned.

        """
        taken = frozenset(pages)
        if not taken <= self.exist - self.owned:
            raise RefusedError(f"pages {sorted(taken - (self.exist - self.owned))} are taken but not free")
        held = self.held if holder is None else self.held | {(page, holder) for page in taken}
        return replace(self, owned=self.owned | taken, held=held)

    def give_back(self, pages: Iterable[int], holder: int) -> "AbstractHeap":
        """Own pages that this one holds no longer.

        Raises:
            RefusedError: it does not hold one of them.

        """
        given = frozenset(pages)
        if not given <= self.held_by(holder):
            raise RefusedError(f"pages {sorted(given - self.held_by(holder))} are given back by who does not hold them")
        return replace(self, owned=self.owned - given, held=self.held - {(page, holder) for page in given})

    def to_cache(self, block: int, p: int) -> tuple["AbstractHeap", frozenset[int]]:
        """Let a P hold all free pages of the lowest block that has one: (the heap after, those pages)."""
        free = self.exist - self.owned
        if not free:
            return self, frozenset()
        first = min(free) // block * block
        pages = free & set(range(first, first + block))
        return self.own(pages, p), pages

    def from_cache(self, npages: int, p: int) -> tuple["AbstractHeap", int | None]:
        """Let a span have the lowest run of what a P holds: (the heap after, the run's first page or None)."""
        page = _lowest_run(self.held_by(p), npages)
        if page is None:
            return self, None
        return replace(self, held=self.held - {(page + n, p) for n in range(npages)}), page

    def free(self, page: int, npages: int) -> "AbstractHeap":
        """Own these pages no longer.

        Raises:
            RefusedError: one of them was not owned, or is held for no span.

        """
        pages = frozenset(range(page, page + npages))
        of_spans = self.owned - {held for held, _ in self.held}
        if not pages <= of_spans:
            raise RefusedError(f"pages {sorted(pages - of_spans)} are freed but not owned")
        return replace(self, owned=self.owned - pages)

    def grow(self, page: int, npages: int) -> "AbstractHeap":
        """Let these pages exist.

        Raises:
            RefusedError: one of them exists already.

        """
        pages = frozenset(range(page, page + npages))
        if pages & self.exist:
            raise RefusedError(f"pages {sorted(pages & self.exist)} are added twice")
        return replace(self, exist=self.exist | pages, grown=self.grown + npages)

    def left(self, gap: int, per_arena: int) -> int:
        """The pages behind the last one that exists, in arenas that were reserved; none before there is one."""
        return (self.arenas - gap) * per_arena - max(self.exist) - 1 if self.exist else 0

    def reserve(self, narenas: int, gap: int, room: int) -> tuple["AbstractHeap", int | None]:
        """Reserve the next arenas: (the heap after, the first of them, or None if they do not fit or are refused).

        gap: arenas behind them that are not the heap's. room: arenas of the address space.
        """
        if self.arenas + narenas > room or self.grants == 0:
            return self, None
        grants = None if self.grants is None else self.grants - 1
        return replace(self, arenas=self.arenas + narenas + gap, grants=grants), self.arenas


def _lowest_run(pages: frozenset[int], npages: int) -> int | None:
    """The first of the lowest npages pages in a row, or None."""
    return next((page for page in sorted(pages) if all(page + n in pages for n in range(npages))), None)
