"""Refuses rows whose pages cannot be pages of a heap, whatever their kind claims. Read next: reading.py."""

import numpy as np
from numpy.typing import NDArray

from spanproof.checks.tracing.kinds import PAGE_LIMIT, PAGES_PER_ARENA, PAGES_PER_BLOCK, WITH_PAGES, Kind, flags

ROW_LIMIT = 2**24
"""Rows that are read at most: some 800 MB of columns."""
GROWN_LIMIT = 2**27
"""Pages that may be grown at most: 1 TiB of heap, half a million words a plane."""


class TraceError(ValueError):
    """The file is no trace that can be checked: one line, with the file, the place and what to do."""


def validate(kind: NDArray[np.uint8], page: NDArray[np.int64], npages: NDArray[np.int64], place: str) -> None:
    """Look at page and npages of each row, all of shape (rows,).

    Raises:
        TraceError: the first row that is out of range, by kind of fault.

    """

    def refuse(bad: NDArray[np.bool_], column: str, values: NDArray[np.int64], must: str) -> None:
        rows = np.flatnonzero(bad)
        if len(rows):
            at, value = rows[0], int(values[rows[0]])
            raise TraceError(
                f"{place}: column {column}, row {at} ({Kind(int(kind[at])).word}): {value} is out of range, "
                f"must be {must}; copy or record it again"
            )

    heap = flags(*WITH_PAGES)[kind]
    nowhere = (page == 0) & flags(Kind.PAGES_ALLOC, Kind.CACHE_REFILL)[kind]  # the answer "no room"
    cache = flags(Kind.CACHE_REFILL, Kind.CACHE_FLUSH)[kind]
    arena = kind == Kind.ALLOC_NEEDS_ZERO
    refuse((page < 0) | (page >= PAGE_LIMIT), "page", page, f"below {PAGE_LIMIT}")
    refuse(heap & ~nowhere & (page == 0), "page", page, "1 or more")
    refuse(heap & (npages == 0), "npages", npages, "1 or more")
    refuse(heap & (page + npages > PAGE_LIMIT), "npages", npages, f"such that the range ends by page {PAGE_LIMIT}")
    refuse(heap & (npages > GROWN_LIMIT), "npages", npages, f"at most {GROWN_LIMIT}")
    refuse(cache & (npages != PAGES_PER_BLOCK), "npages", npages, f"{PAGES_PER_BLOCK}, as a page cache has")
    refuse(cache & (page % PAGES_PER_BLOCK != 0), "page", page, f"a multiple of {PAGES_PER_BLOCK}")
    beyond = arena & (page % PAGES_PER_ARENA + npages > PAGES_PER_ARENA)
    refuse(beyond, "npages", npages, "such that the piece ends in its arena")
    grown = np.cumsum(np.where(kind == Kind.GROW, npages, 0))
    refuse(grown > GROWN_LIMIT, "npages", npages, f"such that at most {GROWN_LIMIT} pages are grown in all")
