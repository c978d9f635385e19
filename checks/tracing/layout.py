"""Where the blocks of a heap stand in one dense row, lowest address first. Read next: planes.py."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from spanproof.checks.tracing.kinds import PAGES_PER_BLOCK, Kind
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.words import Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The parts of the address space that `grow` ever gives to the page allocator.

    Parts that do not touch are one block apart in the dense row, a block that is never free: no run crosses a gap.
    """

    base: Numbers
    """First block of each part, in blocks of address / 8192 / 64; ascending."""
    limit: Numbers
    dense: Numbers
    """The dense number of each part's first block."""

    @classmethod
    def of(cls, trace: Trace) -> Self:
        """The layout of a whole trace."""
        grown = np.flatnonzero(trace.kind == Kind.GROW)
        base = trace.page[grown] // PAGES_PER_BLOCK
        limit = -(-(trace.page[grown] + trace.npages[grown]) // PAGES_PER_BLOCK)
        order = np.argsort(base, kind="stable")
        base, reach = base[order], np.maximum.accumulate(limit[order])
        begins = np.flatnonzero(np.append(True, base[1:] > reach[:-1])) if len(base) else grown
        ends = np.append(begins[1:], len(base)) - 1 if len(base) else grown
        base, limit = base[begins], reach[ends]
        return cls(base, limit, np.cumsum(limit - base + 1) - (limit - base + 1))

    @property
    def blocks(self) -> int:
        """How long the dense row is."""
        return int(self.dense[-1] + self.limit[-1] - self.base[-1]) if len(self.base) else 0

    def holds(self, page: Numbers, npages: Numbers) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether all blocks of each range [page, page + npages) stand in the row."""
        if not len(self.base):
            return np.zeros(len(page), np.bool_)
        part = np.searchsorted(self.base, page // PAGES_PER_BLOCK, side="right") - 1
        inside = page + npages <= self.limit[part] * PAGES_PER_BLOCK
        return (part >= 0) & inside

    def dense_block(self, block: Numbers) -> Numbers:
        """The dense number of blocks that stand in the row."""
        part = np.searchsorted(self.base, block, side="right") - 1
        return block - self.base[part] + self.dense[part]

    def dense_page(self, page: Numbers) -> Numbers:
        """The dense number of pages in such blocks."""
        return self.dense_block(page // PAGES_PER_BLOCK) * PAGES_PER_BLOCK + page % PAGES_PER_BLOCK

    def page_of(self, dense_page: int) -> int:
        """The page with a dense number."""
        part = int(np.searchsorted(self.dense, dense_page // PAGES_PER_BLOCK, side="right")) - 1
        return dense_page + int(self.base[part] - self.dense[part]) * PAGES_PER_BLOCK
