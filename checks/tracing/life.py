"""The story of one page over a trace: the one whose rows show most of what a page heap does with a page.

Read next: story.py, which tells a row in words.
"""

import numpy as np

from spanproof.checks.tracing.kinds import WITH_PAGES, Kind, flags
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.series import Life
from spanproof.checks.tracing.story import address, tell, touching
from spanproof.checks.tracing.words import Numbers

CYCLE = (Kind.ALLOC_SPAN, Kind.FREE_SPAN, Kind.SCAVENGE_END, Kind.ALLOC_SPAN)
"""All that may become of a page: in a span, free, with the OS, and in a span again."""
WHOLE = "in a span, freed, given back to the OS, and in a span again"
BUSIEST = "the page at which most rows begin"
TRIED = 256
"""Ranges given back whose pages are looked at: of a trace in which none goes round, no more is worth its time."""
FIRST, LAST = 3, 9
"""Rows told of each end of a long story."""


def life_of(trace: Trace, limit: int) -> Life | None:
    """The story of the first page that goes through all of it within the rows [0, limit), or of the busiest one."""
    given = np.flatnonzero(trace.kind[:limit] == Kind.SCAVENGE_END)[:TRIED]
    for row in given.tolist():
        page = _taken_again(trace, row, limit)
        if page is not None:
            rows = touching(trace, page, 1, limit)
            length = _cycle(trace, rows)
            if length:
                return _told(trace, page, WHOLE, rows[:length])
    page = _busiest(trace, limit)
    return None if page is None else _told(trace, page, BUSIEST, touching(trace, page, 1, limit))


def _taken_again(trace: Trace, row: int, limit: int) -> int | None:
    """The first page of a range that is in a span after the row that gave the range back."""
    base, end = int(trace.page[row]), int(trace.page[row] + trace.npages[row])
    later = slice(row + 1, limit)
    spans = (trace.kind[later] == Kind.ALLOC_SPAN) & (trace.page[later] < end)
    spans &= trace.page[later] + trace.npages[later] > base
    found = np.flatnonzero(spans)
    return max(base, int(trace.page[row + 1 + found[0]])) if len(found) else None


def _cycle(trace: Trace, rows: Numbers) -> int:
    """How many of the rows of a page it takes to go round; 0 if it does not."""
    wanted = list(CYCLE)
    for n, row in enumerate(rows):
        if trace.kind[row] == wanted[0]:
            wanted.pop(0)
        if not wanted:
            return n + 1
    return 0


def _busiest(trace: Trace, limit: int) -> int | None:
    """The page at which most rows begin."""
    near = flags(*WITH_PAGES)[trace.kind[:limit]] & (trace.page[:limit] > 0)
    pages, numbers = np.unique(trace.page[:limit][near], return_counts=True)
    return int(pages[numbers.argmax()]) if len(pages) else None


def _told(trace: Trace, page: int, about: str, rows: Numbers) -> Life:
    """The rows in words; of very many the first and the last."""
    shown = rows if len(rows) <= FIRST + LAST else np.concatenate((rows[:FIRST], rows[-LAST:]))
    lines = [tell(trace, row) for row in shown.tolist()]
    left = len(rows) - len(lines)
    if left:
        lines.insert(FIRST, f"({left:,} more rows of this page)")
    return Life(f"page {page} at {address(page)}", about, tuple(lines))
