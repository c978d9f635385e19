"""Collects which rows violate which claim, and decides which row is charged to which. Read next: checking.py."""

import numpy as np
from numpy.typing import NDArray

from spanproof.checks.tracing.claims import TRACE_CLAIMS, TraceClaim
from spanproof.checks.tracing.words import Numbers


class Tally:
    """The violations found in one part of a trace, rows [first, limit). Rows before `judged_from` are not judged."""

    def __init__(self, first: int, limit: int, judged_from: int = 0) -> None:
        """Begin with none."""
        self.limit = limit
        self.judged_from = max(first, judged_from)
        self._rows: dict[str, list[Numbers]] = {}

    def bad(self, claim: TraceClaim, rows: Numbers, violations: NDArray[np.uint64] | NDArray[np.bool_]) -> None:
        """Note the rows whose violation is not 0. Rows and violations have one shape; a row may occur twice."""
        found = rows[np.flatnonzero(violations)]
        found = found[found >= self.judged_from]
        if len(found):
            self._rows.setdefault(claim.name, []).append(found)

    def cut(self, row: int) -> None:
        """Nothing is known from this row on: rows at or after it are set aside."""
        self.limit = min(self.limit, row)

    def charged(self) -> tuple[dict[str, int], dict[str, int], int | None]:
        """(first row charged to each claim, first row charged to another claim instead, the row judging ends at).

        A row that violates several claims is charged to the first in reading order. After the first row that violates
        a claim about owners nothing is judged.
        """
        owned = [rows.min() for c in TRACE_CLAIMS if c.owns for rows in self._rows.get(c.name, ())]
        stop = int(min(owned)) if owned else None
        if stop is not None:
            self.cut(stop + 1)
        own: dict[str, int] = {}
        with_another: dict[str, int] = {}
        taken = np.zeros(0, np.int64)
        for claim in TRACE_CLAIMS:
            if claim.name not in self._rows:
                continue
            rows = np.unique(np.concatenate(self._rows[claim.name]))
            rows = rows[rows < self.limit]
            free = np.setdiff1d(rows, taken, assume_unique=True)
            if len(free):
                own[claim.name] = int(free[0])
            elif len(rows):
                with_another[claim.name] = int(rows[0])
            taken = np.union1d(taken, rows)
        return own, with_another, stop
