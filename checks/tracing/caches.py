"""Judges the page caches: what each P took for itself, handed out of it, and gave back.

A cache is one block and a word. Its own P alone takes pages out of it, so the rows of one P tell what is left. A flush
is done by another P; the bits it gives back say whose cache it was, as no two caches hold one page. Read next: fits.py.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spanproof.checks.tracing import claims
from spanproof.checks.tracing.kinds import NO_P, PAGES_PER_BLOCK, Kind
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.tally import Tally
from spanproof.checks.tracing.words import Numbers, Words, between, lowest, scan, stable_order, starts_of_runs

CACHED_PAGES_LIMIT = PAGES_PER_BLOCK // 4
"""A span of so many pages or more is never taken from a cache (mheap.go, allocSpan)."""


@dataclass(frozen=True, slots=True, eq=False)
class Uses:
    """Rows of refills, of spans that caches served, and what came before this part; by P, in order within each."""

    p: Numbers
    row: Numbers
    """-1: the cache as the part before left it."""
    refill: NDArray[np.bool_]
    base: Numbers
    """The page at which the cache begins, from this row on."""
    pages: Words
    """Refilled or taken."""
    before: Words
    after: Words
    until: Numbers
    """The next row of the same P, or a number beyond all rows."""
    ends: NDArray[np.bool_]
    """The last of its P."""


class Caches:
    """Every P's cache, carried from one part of a trace to the next."""

    def __init__(self) -> None:
        """Begin with no cache filled. Arrays over the numbers of Ps."""
        self.base = np.zeros(NO_P + 1, np.int64)
        self.word = np.zeros(NO_P + 1, np.uint64)

    def _uses(self, trace: Trace, refills: Numbers, served: Numbers) -> Uses:
        rows = np.sort(np.concatenate([refills, served]))
        refill = trace.kind[rows] == Kind.CACHE_REFILL
        p = trace.p[rows].astype(np.int64)
        present = np.flatnonzero((np.bincount(p, minlength=NO_P + 1) > 0) | (self.word != 0))
        order = stable_order(np.concatenate([present, p]))
        row = np.concatenate([np.full(len(present), -1), rows])[order]
        p = np.concatenate([present, p])[order]
        refill = np.concatenate([np.ones(len(present), np.bool_), refill])[order]
        old = row < 0
        page = np.where(old, self.base[p], trace.page[row])
        at = np.arange(len(row))
        base = page[np.maximum.accumulate(np.where(refill, at, 0))]
        taken = between(page - base, page - base + trace.npages[row])
        pages = np.where(refill, np.where(old, self.word[p], trace.a[row]), taken)
        keep = np.where(refill, np.uint64(0), ~pages)
        after = scan(keep[np.newaxis], np.where(refill, pages, np.uint64(0))[np.newaxis])[0]
        ends = np.append(old[1:], True)[: len(row)]
        until = np.where(ends, len(trace), np.roll(row, -1))
        before = np.where(old, np.uint64(0), np.roll(after, 1))
        return Uses(p, row, refill, base, pages, before, after, until, ends)

    def judge(self, trace: Trace, rows: Numbers, served: Numbers, tally: Tally) -> None:
        """Judge refills, flushes, and the spans that caches served; all rows ascend."""
        kind = trace.kind[rows]
        refills, flushes = rows[kind == Kind.CACHE_REFILL], rows[kind == Kind.CACHE_FLUSH]
        uses = self._uses(trace, refills, served)
        if not len(uses.row) and not len(flushes):
            return
        nothing = (trace.page[refills] > 0) & (trace.a[refills] == 0)
        foreign = trace.c[refills] != trace.p[refills]
        tally.bad(claims.CACHES_HOLD_THE_FREE_PAGES_OF_A_BLOCK, refills, nothing | foreign)
        emptied = self._judge_flushes(trace, uses, flushes, tally)
        self._judge_served(trace, uses, emptied, tally)
        left = uses.refill & (uses.row >= 0) & (uses.before != 0) & ~np.roll(emptied < uses.until, 1)
        tally.bad(claims.CACHES_HOLD_THE_FREE_PAGES_OF_A_BLOCK, uses.row, left)
        last = np.flatnonzero(uses.ends)
        self.base[uses.p[last]] = uses.base[last]
        self.word[uses.p[last]] = np.where(emptied[last] < len(trace), 0, uses.after[last])

    @staticmethod
    def _judge_flushes(trace: Trace, uses: Uses, flushes: Numbers, tally: Tally) -> Numbers:
        """Find the cache that each flush gave back. For each use: the row that flushed what it left, or len(trace)."""
        emptied = np.full(len(uses.row), len(trace))
        if not len(flushes):
            return emptied
        left = np.flatnonzero(uses.after != 0)
        row = np.concatenate([uses.row[left], flushes])
        base = np.concatenate([uses.base[left], trace.page[flushes]])
        word = np.concatenate([uses.after[left], trace.a[flushes]])
        order = np.lexsort((row, word, base))
        flush = order >= len(left)
        before = np.roll(order, 1)
        found = flush & ~np.append(True, flush[:-1])
        found &= (base[before] == base[order]) & (word[before] == word[order])
        use = left[before[found]]
        in_time = uses.until[use] > row[order][found]
        emptied[use[in_time]] = row[order][found][in_time]
        lost = np.setdiff1d(flushes, emptied, assume_unique=False)
        tally.bad(claims.CACHES_HOLD_THE_FREE_PAGES_OF_A_BLOCK, lost, np.ones(len(lost), np.bool_))
        return emptied

    @staticmethod
    def _judge_served(trace: Trace, uses: Uses, emptied: Numbers, tally: Tally) -> None:
        """A span that a cache served is the lowest run in it that fits."""
        at = np.flatnonzero(~uses.refill)
        row, pages, before = uses.row[at], uses.pages[at], uses.before[at]
        npages = trace.npages[row]
        outside = (trace.page[row] < uses.base[at]) | (trace.page[row] + npages > uses.base[at] + PAGES_PER_BLOCK)
        gone = emptied[at - 1] < row
        foreign = outside | gone | (npages >= CACHED_PAGES_LIMIT) | (pages & ~before != 0) | (uses.p[at] == NO_P)
        tally.bad(claims.SPANS_ARE_WHAT_WAS_TAKEN, row, foreign)
        higher = lowest(pages) != lowest(starts_of_runs(before, npages))
        tally.bad(claims.THE_LOWEST_FREE_RUN_IS_TAKEN, row, higher)
