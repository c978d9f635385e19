"""The kinds of rows in a recorded trace, and the sizes that their pages are counted in.

One row is one thing the page heap did; recorded/README.md describes the columns of each kind. Read next: reading.py.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from spanproof.model.geometry import GO_AMD64

PAGE_SIZE = GO_AMD64.page_size
PAGES_PER_ARENA = GO_AMD64.pages_per_arena
PAGES_PER_BLOCK = 64
"""Pages of one P's page cache (mpagecache.go, pageCachePages), and bits of one word."""
PAGE_LIMIT = 2**48 // PAGE_SIZE
"""No page of the heap is at or beyond it (malloc.go, heapAddrBits)."""
NO_P = 65535
"""Column p of a thread without a P."""
TYPE_AND_CLASS, NEEDZERO_SHIFT = 0xFFFF, 16
"""Parts of column a of a span: type + spanclass<<8, and needzero above."""


class Kind(IntEnum):
    """What a row tells. The names are those of the file's `kind_names`, in lower case."""

    ALLOC_SPAN = 1
    FREE_SPAN = 2
    GROW = 3
    ALLOC_NEEDS_ZERO = 4
    CACHE_REFILL = 5
    CACHE_FLUSH = 6
    SCAVENGE_BEGIN = 7
    SCAVENGE_END = 8
    RECLAIM_CHUNK = 9
    GC_CYCLE = 10
    PADDING = 11
    PAGES_ALLOC = 12
    PAGES_FREE = 13

    @property
    def word(self) -> str:
        """The kind as the file spells it."""
        return self.name.lower()


KINDS_BY_WORD = {kind.word: kind for kind in Kind}
WITH_PAGES = frozenset(Kind) - {Kind.RECLAIM_CHUNK, Kind.GC_CYCLE}
"""Kinds whose page and npages name pages of the heap."""


def flags(*kinds: Kind) -> NDArray[np.bool_]:
    """A table to index with a column of kinds: whether each is one of these."""
    table = np.zeros(256, np.bool_)
    table[[*kinds]] = True
    return table
