"""Judges every claim on a whole trace, part by part, so that memory does not grow with the trace.

What a part leaves behind is small: six words a block, a cache a P, and the rows still open (a span that lives, a range
being scavenged, an allocation half done). Read next: story.py.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spanproof.checks.tracing import claims
from spanproof.checks.tracing.caches import Caches
from spanproof.checks.tracing.claims import TraceClaim
from spanproof.checks.tracing.fits import judge_fits
from spanproof.checks.tracing.kinds import PAGES_PER_BLOCK, WITH_PAGES, Kind, flags
from spanproof.checks.tracing.layout import Layout
from spanproof.checks.tracing.owning import judge_owners, judge_scavenged, judge_used
from spanproof.checks.tracing.planes import FREE, Planes
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.tally import Tally
from spanproof.checks.tracing.threads import Allocations, LiveSpans, Pairs
from spanproof.checks.tracing.words import Numbers
from spanproof.checks.tracing.zeroing import ZeroedBases

PART_ROWS, PART_WORDS = 2**18, 2**20
"""A part ends after so many rows, or before its rows touch so many blocks; about 300 MB of memory at most."""
ASTRAY = {
    Kind.FREE_SPAN: claims.FREES_MATCH_ALLOCATIONS,
    Kind.PAGES_FREE: claims.FREES_MATCH_ALLOCATIONS,
    Kind.SCAVENGE_END: claims.SCAVENGING_GIVES_BACK_WHAT_IT_TOOK,
    Kind.CACHE_FLUSH: claims.CACHES_HOLD_THE_FREE_PAGES_OF_A_BLOCK,
    **dict.fromkeys(claims.NO_PAGE_IN_TWO_SPANS.looks_at, claims.NO_PAGE_IN_TWO_SPANS),
}
"""The claim that a row violates whose pages no `grow` ever named."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a trace."""

    trace: Trace
    violated: Mapping[str, int]
    """The first row charged to each claim that is violated."""
    charged_to_another: Mapping[str, int]
    """Claims broken only by rows that are charged to another claim; the first such row."""
    stopped: int | None
    """The row after which nothing is judged, as nobody knows who owns what."""
    seen: Mapping[Kind, int]
    """How many rows of each kind were judged."""

    def events(self, claim: TraceClaim) -> int:
        """How many rows a claim was judged on."""
        return sum(self.seen[kind] for kind in claim.looks_at)


class Checker:
    """The state between two parts of a trace."""

    def __init__(self, trace: Trace, judged_from: int = 0) -> None:
        """Prepare to judge the rows of a trace from `judged_from` on; rows before that say what came before."""
        self.trace, self.judged_from = trace, judged_from
        self.layout = Layout.of(trace)
        self.planes = Planes(self.layout)
        self.allocations, self.spans, self.caches = Allocations(), LiveSpans(), Caches()
        self.frees = Pairs(Kind.FREE_SPAN, Kind.PAGES_FREE, claims.FREES_MATCH_ALLOCATIONS)
        self.scavenges = Pairs(Kind.SCAVENGE_BEGIN, Kind.SCAVENGE_END, claims.SCAVENGING_GIVES_BACK_WHAT_IT_TOOK)
        self.zeroed_bases = ZeroedBases(trace)

    def judge(self, first: int, limit: int) -> Tally:
        """Judge the rows [first, limit), which follow those judged before."""
        trace = self.trace
        tally = Tally(first, limit, self.judged_from)
        rows = np.arange(first, limit)
        at_home = self._at_home(rows, tally)
        was_free = self.planes.now[FREE].copy()
        touches = self.planes.touches(trace, rows[at_home])
        judge_owners(touches, tally)
        served = self.allocations.judge(trace, rows, tally)
        self.spans.judge(trace, rows, tally)
        self.frees.judge(trace, rows, tally)
        self.scavenges.judge(trace, rows, tally)
        self.caches.judge(trace, rows, served, tally)
        judge_scavenged(trace, touches, tally)
        judge_used(trace, touches, tally)
        self.zeroed_bases.judge(trace, first, limit, tally)
        nowhere = trace.page[rows] == 0
        judge_fits(trace, self.layout, was_free, touches, rows[at_home | nowhere], tally)
        return tally

    def _at_home(self, rows: Numbers, tally: Tally) -> NDArray[np.bool_]:
        """Whether the pages of each row were grown at some time. What others claim is violated there."""
        kind, page = self.trace.kind[rows], self.trace.page[rows]
        with_pages = flags(*WITH_PAGES)[kind] & (page > 0)
        at_home = with_pages & self.layout.holds(page, self.trace.npages[rows])
        empty = (kind == Kind.CACHE_REFILL) & (self.trace.a[rows] == 0)  # names no page; caches.py judges it
        astray = np.flatnonzero(with_pages & ~at_home & ~empty)
        for kind_astray, claim in ASTRAY.items():
            tally.bad(claim, rows[astray], kind[astray] == kind_astray)
        return at_home


def parts(trace: Trace, limit: int) -> Iterator[tuple[int, int]]:
    """The rows [0, limit) in parts [first, limit), of at least one row each."""
    first = 0
    while first < limit:
        rows = slice(first, min(first + PART_ROWS, limit))
        blocks = np.where(flags(*WITH_PAGES)[trace.kind[rows]], trace.npages[rows] // PAGES_PER_BLOCK + 2, 0)
        size = max(1, int(np.searchsorted(np.cumsum(blocks), PART_WORDS, side="right")))
        yield first, first + size
        first += size


def check_trace(trace: Trace, judged_from: int = 0) -> Checked:
    """Judge every claim on a trace, rows `judged_from` and later; those before only say what came before."""
    checker = Checker(trace, judged_from)
    violated: dict[str, int] = {}
    with_another: dict[str, int] = {}
    seen = np.zeros(max(Kind) + 1, np.int64)
    stopped: int | None = None
    for first, limit in parts(trace, len(trace)):
        tally = checker.judge(first, limit)
        own, others, stopped = tally.charged()
        violated = own | violated
        with_another = others | with_another
        seen += np.bincount(trace.kind[max(first, judged_from) : tally.limit], minlength=len(seen))
        if stopped is not None:
            break
    return Checked(
        trace=trace,
        violated=violated,
        charged_to_another={name: row for name, row in with_another.items() if name not in violated},
        stopped=stopped,
        seen={kind: int(seen[kind]) for kind in Kind},
    )
