"""Judges what one M does in a row: take pages, ask allocNeedsZero, build the span; free a span, then its pages.

An M runs all of it on the system stack, so its own rows are not mixed with rows of other goroutines, and their order is
program order. Rows left open at the end of one part of a trace are looked at again with the next. Read next: caches.py.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spanproof.checks.tracing import claims
from spanproof.checks.tracing.kinds import NEEDZERO_SHIFT, PAGE_SIZE, PAGES_PER_ARENA, TYPE_AND_CLASS, Kind
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.tally import Tally
from spanproof.checks.tracing.words import Numbers, stable_order

Flags = NDArray[np.bool_]
NO_ROWS = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Rows sorted by a key (their M, or the page of their span), in order within each; all arrays have shape (n,)."""

    row: Numbers
    kind: NDArray[np.uint8]
    begins: Flags
    """The first row of its group."""
    ends: Flags

    def follows(self, kind: Kind) -> Flags:
        """Whether the row before it in its group is of a kind."""
        return np.append(False, self.kind[:-1] == kind)[: len(self.row)] & ~self.begins


def grouped(trace: Trace, rows: Numbers, key: NDArray[np.integer]) -> Groups:
    """Group rows, which ascend, by a key of shape (rows of the trace,)."""
    values = key[rows]
    order = stable_order(values) if int(values.max(initial=0)) < 2**32 else np.argsort(values, kind="stable")
    rows, values = rows[order], values[order]
    changes = values[1:] != values[:-1]
    edge = np.ones(min(1, len(rows)), np.bool_)
    return Groups(rows, trace.kind[rows], np.append(edge, changes), np.append(changes, edge))


def same_range(trace: Trace, rows: Numbers, others: Numbers) -> Flags:
    """Whether two rows name the same pages."""
    same: Flags = (trace.page[rows] == trace.page[others]) & (trace.npages[rows] == trace.npages[others])
    return same


class Pairs:
    """Rows that come in pairs on one M: free_span and pages_free, scavenge_begin and scavenge_end."""

    def __init__(self, opens: Kind, closes: Kind, claim: claims.TraceClaim) -> None:
        """Name the two kinds and the claim that says they agree."""
        self.opens, self.closes, self.claim = opens, closes, claim
        self.open = NO_ROWS

    def judge(self, trace: Trace, rows: Numbers, tally: Tally) -> None:
        """Each closing row follows an opening row of the same range, and no row opens before that."""
        kind = trace.kind[rows]
        rows = np.concatenate([self.open, rows[(kind == self.opens) | (kind == self.closes)]])
        g = grouped(trace, rows, trace.m)
        before = np.roll(g.row, 1)
        closed = g.follows(self.opens) & same_range(trace, g.row, before)
        tally.bad(self.claim, g.row, np.where(g.kind == self.closes, ~closed, g.follows(self.opens)))
        self.open = np.sort(g.row[g.ends & (g.kind == self.opens)])


class LiveSpans:
    """Which spans live, each known by the row that built it."""

    def __init__(self) -> None:
        """Begin with none."""
        self.rows = NO_ROWS

    def judge(self, trace: Trace, rows: Numbers, tally: Tally) -> None:
        """Each freed span was built at that base, with as many pages, the same type and span class."""
        kind = trace.kind[rows]
        rows = np.concatenate([self.rows, rows[(kind == Kind.ALLOC_SPAN) | (kind == Kind.FREE_SPAN)]])
        g = grouped(trace, rows, trace.page)
        before = np.roll(g.row, 1)
        same_kind = (trace.a[g.row] ^ trace.a[before]) & TYPE_AND_CLASS == 0
        built = g.follows(Kind.ALLOC_SPAN) & (trace.npages[g.row] == trace.npages[before]) & same_kind
        tally.bad(claims.FREES_MATCH_ALLOCATIONS, g.row, (g.kind == Kind.FREE_SPAN) & ~built)
        self.rows = np.sort(g.row[g.ends & (g.kind == Kind.ALLOC_SPAN)])


class Allocations:
    """The rows of one M's allocSpan: pages_alloc unless a cache served it, allocNeedsZero by arena, alloc_span."""

    def __init__(self) -> None:
        """Begin with no M in the middle of one."""
        self.open = NO_ROWS

    def judge(self, trace: Trace, rows: Numbers, tally: Tally) -> Numbers:
        """Judge spans against what was taken, and needzero. Gives the rows of spans that a cache served, ascending."""
        kind = trace.kind[rows]
        found = (kind == Kind.PAGES_ALLOC) & (trace.page[rows] > 0)
        found |= (kind == Kind.ALLOC_NEEDS_ZERO) | (kind == Kind.ALLOC_SPAN)
        g = grouped(trace, np.concatenate([self.open, rows[found]]), trace.m)
        at, piece = np.arange(len(g.row)), g.kind == Kind.ALLOC_NEEDS_ZERO
        begin = np.maximum.accumulate(np.where(g.begins, at, 0))
        other = np.maximum.accumulate(np.where(piece, -1, at)) if len(at) else at
        # The last row that is no piece, before this one, on the same M; or the place before its first row.
        head = np.maximum(np.append(-1, other[:-1])[: len(at)], begin - 1)
        took = (head >= begin) & (g.kind[head] == Kind.PAGES_ALLOC)
        span = g.kind == Kind.ALLOC_SPAN
        unlike = took & ~same_range(trace, g.row, g.row[head])
        tally.bad(claims.SPANS_ARE_WHAT_WAS_TAKEN, g.row, (span & unlike) | ((g.kind == Kind.PAGES_ALLOC) & took))
        self._judge_needzero(trace, g, head, tally)
        done = np.maximum.accumulate(np.where(span, at, -1)) if len(at) else at
        last = np.flatnonzero(g.ends)
        done_in_group = np.repeat(np.maximum(done[last], begin[last] - 1), np.diff(np.append(-1, last)))
        self.open = np.sort(g.row[at > done_in_group])
        return np.sort(g.row[span & ~took])

    @staticmethod
    def _judge_needzero(trace: Trace, g: Groups, head: Numbers, tally: Tally) -> None:
        at, before = np.arange(len(g.row)), np.roll(g.row, 1)
        page, limit = trace.page[g.row], trace.page[g.row] + trace.npages[g.row]
        piece, span = g.kind == Kind.ALLOC_NEEDS_ZERO, g.kind == Kind.ALLOC_SPAN
        offset = (page % PAGES_PER_ARENA).astype(np.uint64) * PAGE_SIZE
        below = piece & (offset < trace.a[g.row])
        nth = np.cumsum(below)
        so_far = nth > np.where(
            head >= 0, nth[head], 0
        )  # a head is no piece, so the sum there is that before its pieces
        said = trace.c[g.row] == so_far
        tally.bad(claims.ZEROED_BASE_DECIDES_NEED_ZERO, g.row, piece & ~said)
        after_piece = g.follows(Kind.ALLOC_NEEDS_ZERO)
        joined = ~piece | ~after_piece | (page == trace.page[before] + trace.npages[before])
        torn = np.cumsum(~joined)
        first = np.minimum(head + 1, at)
        covers = after_piece & (trace.page[g.row[first]] == page) & (torn == torn[first])
        covers &= trace.page[before] + trace.npages[before] == limit
        needzero = (trace.a[g.row] >> NEEDZERO_SHIFT) & 1
        whole = trace.b[g.row] == trace.npages[g.row].astype(np.uint64) * PAGE_SIZE
        expected = so_far & ~whole if trace.release.scavenged_is_zero else so_far
        tally.bad(claims.NEEDZERO_FOLLOWS_THE_RELEASE, g.row, span & (~covers | (needzero != expected)))
