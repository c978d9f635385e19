"""A trace and its heap just before one row: what an explanation may ask. Read next: explaining.py."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spanproof.checks.tracing.checking import Checker
from spanproof.checks.tracing.kinds import PAGES_PER_BLOCK, Kind
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.story import pages_of, touching


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen at a row: the page it is about, in a sentence, and the earlier rows that the sentence names."""

    page: int
    detail: str
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """A trace and its heap just before one row."""

    trace: Trace
    row: int
    heap: Checker

    @property
    def pages(self) -> list[int]:
        """The pages that the row names; of a cache those in it."""
        page = int(self.trace.page[self.row])
        if self.trace.kind[self.row] in {Kind.CACHE_REFILL, Kind.CACHE_FLUSH}:
            return [page + bit for bit in pages_of(int(self.trace.a[self.row]))]
        return list(range(page, page + int(self.trace.npages[self.row])))

    def word(self, plane: int, page: int) -> int:
        """A plane's word of the block that holds a page; 0 where nothing was grown."""
        if not self.heap.layout.holds(np.array([page]), np.array([1]))[0]:
            return 0
        return int(self.heap.planes.now[plane, self.heap.layout.dense_block(np.array([page // PAGES_PER_BLOCK]))[0]])

    def has(self, plane: int, page: int) -> bool:
        """Whether a page is in one of the sets."""
        return bool(self.word(plane, page) >> page % PAGES_PER_BLOCK & 1)

    def last(self, page: int, *kinds: Kind) -> int | None:
        """The last earlier row of some kinds that concerns a page."""
        rows = touching(self.trace, page, 1, self.row)
        rows = rows[np.isin(self.trace.kind[rows], kinds)]
        return int(rows[-1]) if len(rows) else None

    def last_of_m(self, *kinds: Kind) -> int | None:
        """The last earlier row of some kinds on the row's M."""
        same = (self.trace.m[: self.row] == self.trace.m[self.row]) & np.isin(self.trace.kind[: self.row], kinds)
        rows = np.flatnonzero(same)
        return int(rows[-1]) if len(rows) else None

    def first_page(self, wrong: Callable[[int], bool]) -> int:
        """The first of the row's pages that is wrong; else its first page."""
        return next((page for page in self.pages if wrong(page)), int(self.trace.page[self.row]))

    def named(self, row: int) -> str:
        """How a sentence names a row."""
        return f"row {self.trace.number(row)}"
