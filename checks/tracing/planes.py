"""What is true of each page, row by row: six sets of pages, each as one word for a block of 64.

Every row that names pages adds them to a set, takes them out of it, or leaves it alone; which, depends on its kind
alone (`ADDS`, `TAKES`). So the sets before each row are a scan over the rows of each block, all blocks at once, and
what a row said and did can be compared with them as whole arrays. Read next: owning.py.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spanproof.checks.tracing.kinds import PAGES_PER_BLOCK, Kind, flags
from spanproof.checks.tracing.layout import Layout
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.words import ALL, Numbers, Words, between, scan, stable_order

GROWN, FREE, SPAN, SCAVENGED, USED, PADDED = range(6)
"""Given to the page allocator; free in it; in a span; scavenged since last used; ever in a span; padding."""
ADDS = {
    GROWN: {Kind.GROW},
    FREE: {Kind.GROW, Kind.CACHE_FLUSH, Kind.SCAVENGE_END, Kind.PAGES_FREE},
    SPAN: {Kind.ALLOC_SPAN},
    SCAVENGED: {Kind.GROW, Kind.SCAVENGE_END},
    USED: {Kind.ALLOC_SPAN},
    PADDED: {Kind.PADDING},
}
TAKES = {
    GROWN: frozenset[Kind](),
    FREE: {Kind.PADDING, Kind.CACHE_REFILL, Kind.SCAVENGE_BEGIN, Kind.PAGES_ALLOC, Kind.ALLOC_SPAN},
    SPAN: {Kind.FREE_SPAN},
    SCAVENGED: {Kind.ALLOC_SPAN},
    USED: frozenset[Kind](),
    PADDED: frozenset[Kind](),
}


def _table(kinds: dict[int, set[Kind]]) -> Words:
    """table[plane, kind]: all ones where the kind is named."""
    table = np.zeros((len(kinds), 256), np.uint64)
    for plane, named in kinds.items():
        table[plane, [*named]] = ALL
    return table


_ADDS = _table({plane: set(kinds) for plane, kinds in ADDS.items()})
_CHANGES = _table({plane: ADDS[plane] | TAKES[plane] for plane in ADDS})


@dataclass(frozen=True, slots=True, eq=False)
class Touches:
    """Each row once for each block that it touches, by block and then by row. All have shape (n,) or (6, n).

    At the head of each block stands one entry of kind 0 and row -1: the block as the part before left it.
    """

    block: Numbers
    """Dense number."""
    start: Numbers
    """The block's first page (address / 8192)."""
    row: Numbers
    kind: NDArray[np.uint8]
    pages: Words
    """The pages of the block that the row names; for caches the pages in the cache."""
    after: Words
    """Shape (6, n): the sets GROWN to PADDED after the row."""

    def of(self, *kinds: Kind) -> Numbers:
        """Where the rows of some kinds are."""
        return np.flatnonzero(flags(*kinds)[self.kind])

    def before(self, plane: int, at: Numbers) -> Words:
        """One of the sets before the rows `at`."""
        words: Words = self.after[plane, at - 1]
        return words


def spread(page: Numbers, npages: Numbers) -> tuple[Numbers, Numbers, Words]:
    """Ranges as (number of the range, block, pages in the block), a line for each block that a range touches."""
    first = page // PAGES_PER_BLOCK
    blocks = (page + npages - 1) // PAGES_PER_BLOCK - first + 1
    which = np.repeat(np.arange(len(page)), blocks)
    block = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(blocks) - blocks, blocks)
    start = page[which] - block * PAGES_PER_BLOCK
    return which, block, between(start, start + npages[which])


class Planes:
    """The six sets, carried from one part of a trace to the next. Memory: six words for each block of the heap."""

    def __init__(self, layout: Layout) -> None:
        """Begin with no page in any set."""
        self.layout = layout
        self.now: Words = np.zeros((len(ADDS), layout.blocks), np.uint64)

    def touches(self, trace: Trace, rows: Numbers) -> Touches:
        """What the rows touch, with the sets before and after. Rows ascend; their blocks stand in the layout."""
        kind = trace.kind[rows]
        which, block, pages = spread(trace.page[rows], trace.npages[rows])
        start, block = block * PAGES_PER_BLOCK, self.layout.dense_block(block)
        cache = (kind == Kind.CACHE_REFILL) | (kind == Kind.CACHE_FLUSH)
        pages = np.where(cache[which], trace.a[rows][which], pages)
        present = np.flatnonzero(np.bincount(block, minlength=self.layout.blocks))
        order = stable_order(np.concatenate([present, block]))
        row = np.concatenate([np.full(len(present), -1), rows[which]])[order]
        begins = np.flatnonzero(row < 0)
        block = np.concatenate([present, block])[order]
        start = np.concatenate([present, start])[order]
        kind = np.concatenate([np.zeros(len(present), np.uint8), kind[which]])[order]
        pages = np.concatenate([np.zeros(len(present), np.uint64), pages])[order]
        keep, put = ~(pages & _CHANGES[:, kind]), pages & _ADDS[:, kind]
        keep[:, begins], put[:, begins] = 0, self.now[:, present]
        after = scan(keep, put)
        ends = np.append(begins[1:], len(row))[: len(begins)] - 1
        self.now[:, present] = after[:, ends]
        return Touches(block, start, row, kind, pages, after)
