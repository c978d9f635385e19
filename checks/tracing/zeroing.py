"""Judges the zeroedBase that allocNeedsZero loads, though its rows may stand in another order than what they did.

What a row surely comes after: the rows before the last earlier row of its M, or of its P. A row recorded later may have
raised zeroedBase first, but only if its M and P were not seen in between. So the value loaded is bounded from below
by what surely was before (`floor`), and must be one that some allocation raised it to. Read next: checking.py.
"""

import numpy as np

from spanproof.checks.tracing import claims
from spanproof.checks.tracing.kinds import NO_P, PAGE_SIZE, PAGES_PER_ARENA, Kind
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.tally import Tally
from spanproof.checks.tracing.words import Numbers, distinct, stable_order

AHEAD = 256
"""Rows that are looked at first for an allocation that was under way; then twice as many, and so on."""


def previous(key: Numbers, first: int, last_seen: dict[int, int]) -> Numbers:
    """For each of the rows from `first` on, the last earlier row of its key, or -1; `last_seen` is carried on."""
    order = stable_order(key)
    before = np.empty(len(key), np.int64)
    before[order] = np.roll(order, 1) + first
    ascending = key[order]
    begins = np.append(True, ascending[1:] != ascending[:-1]) if len(key) else np.zeros(0, np.bool_)
    for at in order[begins].tolist():
        before[at] = last_seen.get(int(key[at]), -1)
    for at in order[np.append(begins[1:], True)[: len(order)]].tolist():
        last_seen[int(key[at])] = first + at
    return before


class ZeroedBases:
    """zeroedBase of each arena, in pages from its start, as raised so far in row order."""

    def __init__(self, trace: Trace) -> None:
        """Begin with every arena at 0."""
        pieces = trace.kind == Kind.ALLOC_NEEDS_ZERO
        self.arenas: Numbers = distinct(trace.page[pieces] // PAGES_PER_ARENA)
        self.raised = np.zeros(len(self.arenas), np.int64)
        self._parts: list[tuple[int, Numbers]] = []
        self._last_of_m: dict[int, int] = {}
        self._last_of_p: dict[int, int] = {}
        self._last_rows: Numbers | None = None

    def judge(self, trace: Trace, first: int, limit: int, tally: Tally) -> None:
        """Judge the allocNeedsZero rows of the part [first, limit)."""
        self._parts.append((first, self.raised.copy()))
        part = slice(first, limit)
        by_m = previous(trace.m[part].astype(np.int64), first, self._last_of_m)
        by_p = previous(trace.p[part].astype(np.int64), first, self._last_of_p)
        after = np.maximum(by_m, np.where(trace.p[part] == NO_P, -1, by_p))
        rows = first + np.flatnonzero(trace.kind[part] == Kind.ALLOC_NEEDS_ZERO)
        after = after[rows - first]
        arena = np.searchsorted(self.arenas, trace.page[rows] // PAGES_PER_ARENA)
        raised_to = trace.page[rows] % PAGES_PER_ARENA + trace.npages[rows]
        floor = self._floors(trace, rows, arena, raised_to, after, first)
        loaded = np.minimum(trace.a[rows], np.uint64(2**40)).astype(np.int64)
        tally.bad(claims.ZEROED_BASE_NEVER_FALLS, rows, loaded < floor * PAGE_SIZE)
        higher = np.flatnonzero((loaded > floor * PAGE_SIZE) & (rows >= tally.judged_from))
        seen_by = rows[higher].tolist(), after[higher].tolist()
        meanwhile = [self._raised_meanwhile(trace, row, seen) for row, seen in zip(*seen_by, strict=True)]
        tally.bad(claims.ZEROED_BASE_IS_A_LIMIT, rows[higher], ~np.array(meanwhile, np.bool_))

    def _floors(
        self, trace: Trace, rows: Numbers, arena: Numbers, raised_to: Numbers, after: Numbers, first: int
    ) -> Numbers:
        """How far each row's arena was raised, at the least, when the row loaded its zeroedBase; in pages."""
        arenas = len(self.arenas)
        order = stable_order(np.concatenate([np.arange(arenas), arena]))
        at_row = np.concatenate([np.full(arenas, first - 1), rows])[order]
        of_arena = np.concatenate([np.arange(arenas), arena])[order]
        high = np.concatenate([self.raised, raised_to])[order]
        span = PAGES_PER_ARENA + 1
        highest = np.maximum.accumulate(of_arena * span + high) - of_arena * span
        times = len(trace) + 1
        place = np.searchsorted(of_arena * times + at_row + 1, arena * times + after + 1, side="right") - 1
        floors: Numbers = highest[np.maximum(place, 0)] if len(rows) else after
        for at in np.flatnonzero(after < first).tolist():
            floors[at] = self._floor_before(trace, int(arena[at]), int(after[at]))
        self.raised[of_arena] = highest  # of several, the last and highest stays
        return floors

    def _floor_before(self, trace: Trace, arena: int, row: int) -> int:
        """How far an arena was raised up to a row of an earlier part."""
        if row < 0:
            return 0
        first, raised = next(part for part in reversed(self._parts) if part[0] <= row)
        page = trace.page[first : row + 1]
        of_arena = (trace.kind[first : row + 1] == Kind.ALLOC_NEEDS_ZERO) & (
            page // PAGES_PER_ARENA == self.arenas[arena]
        )
        limits = page[of_arena] % PAGES_PER_ARENA + trace.npages[first : row + 1][of_arena]
        return int(limits.max(initial=raised[arena]))

    def _raised_meanwhile(self, trace: Trace, row: int, after: int) -> bool:
        """Whether an allocation after row `after`, or one under way at `row`, raised zeroedBase to what was loaded."""
        if int(trace.a[row]) % PAGE_SIZE or int(trace.a[row]) > PAGES_PER_ARENA * PAGE_SIZE:
            return False
        if len(_limits(trace, row, np.arange(after + 1, row))):
            return True
        return any(
            self._under_way(trace, row, int(later)) for later in _limits(trace, row, self._next_rows(trace, row))
        )

    def _next_rows(self, trace: Trace, row: int) -> Numbers:
        """The next row of each M after a row: only these may have begun before it."""
        if self._last_rows is None:
            self._last_rows = len(trace) - 1 - np.unique(trace.m[::-1], return_index=True)[1]
        coming = int(np.count_nonzero(self._last_rows > row))
        size, found = AHEAD, np.zeros(0, np.int64)
        while len(found) < coming:
            found = row + 1 + np.unique(trace.m[row + 1 : row + 1 + size], return_index=True)[1]
            size *= 2
        return found

    @staticmethod
    def _under_way(trace: Trace, row: int, later: int) -> bool:
        """Whether the M and P of a later row were not seen from `row` until then: its CAS may have come first."""
        between = slice(row, later)
        same_p = (trace.p[between] == trace.p[later]) & (trace.p[later] != NO_P)
        return not np.any((trace.m[between] == trace.m[later]) | same_p)


def _limits(trace: Trace, row: int, rows: Numbers) -> Numbers:
    """Those of the rows that raised zeroedBase of the row's arena to what the row loaded."""
    arena, limit = trace.page[row] // PAGES_PER_ARENA, int(trace.a[row]) // PAGE_SIZE
    piece = (trace.kind[rows] == Kind.ALLOC_NEEDS_ZERO) & (trace.page[rows] // PAGES_PER_ARENA == arena)
    found: Numbers = rows[piece & (trace.page[rows] % PAGES_PER_ARENA + trace.npages[rows] == limit)]
    return found
