"""Counts what stands in the heap along a trace: pages grown, in spans, scavenged; and the events of each kind.

The pages themselves are counted, not what rows say of them: a row that tells wrong scavenged bytes moves nothing here.
Read next: series.py, planes.py.
"""

import numpy as np

from spanproof.checks.tracing.checking import parts
from spanproof.checks.tracing.kinds import Kind, flags
from spanproof.checks.tracing.layout import Layout
from spanproof.checks.tracing.planes import ADDS, GROWN, PADDED, SCAVENGED, SPAN, TAKES, Planes
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.series import Series
from spanproof.checks.tracing.words import Numbers, Words, count

STRETCHES = 360
"""As many as a plot has columns."""
COUNTED = (GROWN, SPAN, SCAVENGED)
_MOVES = flags(*(kind for plane in (*COUNTED, PADDED) for kind in ADDS[plane] | TAKES[plane]))


def series_of(trace: Trace, limit: int) -> Series:
    """The series of the rows [0, limit), before which nobody lost sight of who owns what."""
    stretches = min(limit, STRETCHES)
    ends: Numbers = np.arange(1, stretches + 1) * limit // max(stretches, 1)
    grown, spans, scavenged = (tuple(pages.tolist()) for pages in _pages(trace, limit, ends))
    events = {kind.word: _in_stretches(np.flatnonzero(trace.kind[:limit] == kind), ends) for kind in Kind}
    told = {word: tuple(numbers.tolist()) for word, numbers in events.items() if numbers.any()}
    return Series(trace.name, len(trace), tuple(ends.tolist()), grown, spans, scavenged, told)


def _pages(trace: Trace, limit: int, ends: Numbers) -> Numbers:
    """The pages in each counted set at the end of each stretch, shape (3, stretches)."""
    changes = np.zeros((len(COUNTED), len(ends)), np.int64)
    layout = Layout.of(trace)
    planes = Planes(layout)
    for first, last in parts(trace, limit):
        rows = first + np.flatnonzero(_MOVES[trace.kind[first:last]])
        page, npages = trace.page[rows], trace.npages[rows]
        touches = planes.touches(trace, rows[(page > 0) & layout.holds(page, npages)])
        held = count(_counted(touches.after))
        at = np.flatnonzero(touches.row >= 0)  # the others are what a block began the part with
        for plane, moved in enumerate(held[:, at] - held[:, at - 1]):
            changes[plane] += _in_stretches(touches.row[at], ends, moved)
    pages: Numbers = np.cumsum(changes, axis=1)
    return pages


def _counted(after: Words) -> Words:
    """The counted sets without padding, which nobody can ever take."""
    words: Words = after[list(COUNTED)] & ~after[PADDED]
    return words


def _in_stretches(rows: Numbers, ends: Numbers, amounts: Numbers | None = None) -> Numbers:
    """How many of the rows each stretch has, or what their amounts add up to."""
    added = np.bincount(np.searchsorted(ends, rows, side="right"), amounts, len(ends))
    return added.astype(np.int64)  # amounts are added as floats, exact below 2**53
