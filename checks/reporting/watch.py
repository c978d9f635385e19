"""Which cells of a counterexample matter, and which steps may be folded away because they touch none of them.

Both reports, the text and the page, watch the same cells. Read next: lanes.py.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from spanproof.checks.record import Record, Step

PLAIN_WRITES = frozenset({"store", "write"})
GUARDED = frozenset({"lock", "unlock", "update", "acquirem", "releasem", "stop", "start"})
"""Accesses of locks, of what a lock alone protects, and of the world's state."""
FOLD_AT_LEAST = 3
"""A fold of fewer steps saves no line worth the loss."""


def wrote(step: Step) -> bool:
    """Whether the step wrote its cell: it changed the value, or stored the one that was there."""
    return step.before != step.after or step.access in PLAIN_WRITES


def failed_swap(step: Step) -> bool:
    """Whether the step is a compare-and-swap that lost."""
    return step.access == "compare_and_swap" and step.result.lower() in ("false", "0")


def watched(record: Record) -> tuple[str, ...]:
    """The cells that matter for the claim, most telling first.

    The cell of the last step; cells that the claim's detail names, or that the order is about; cells that more than one
    thread wrote, locks and what they protect last: these are used in order, so they seldom are the story.
    """
    if not record.steps:
        return ()
    writers: dict[str, set[int]] = {}
    locked: set[str] = set()
    for step in record.steps:
        writers.setdefault(step.cell, set())
        if wrote(step):
            writers[step.cell].add(step.thread)
        if step.access in GUARDED:
            locked.add(step.cell)
    rank = _ranks(record, writers, locked)
    return tuple(sorted(rank, key=lambda cell: rank[cell]))


def _ranks(record: Record, writers: Mapping[str, Collection[int]], locked: Collection[str]) -> dict[str, int]:
    """Cells in the order in which the steps first touch them, with what places them before others."""
    rank: dict[str, int] = {}
    ordered = () if record.flip is None else tuple(access.cell for access in record.flip.pair)
    for cell, threads in writers.items():
        if cell == record.steps[-1].cell:
            rank[cell] = 0
        elif cell in ordered or _names(record.violated.detail, cell):
            rank[cell] = 1
        elif len(threads) > 1:
            rank[cell] = 3 if cell in locked else 2
    return rank


def _names(text: str, cell: str) -> bool:
    """Whether a text names the cell, not just a longer name that contains it."""
    return cell in text and re.search(rf"(?<![\w.\]]){re.escape(cell)}(?![\w\[]|\.\w)", text) is not None


def folds(steps: Sequence[Step], watching: Collection[str]) -> list[range]:
    """The steps by index as rows: a range of one is shown, a longer one is folded into one line.

    Folded steps are of one thread, nobody else runs in between, and none touches a watched cell. The last step, which
    breaks the claim, is never folded.
    """
    rows: list[range] = []
    start = 0
    for i, step in enumerate(steps):
        quiet = step.cell not in watching and i < len(steps) - 1
        if quiet and i > start and steps[start].thread == step.thread:
            continue
        rows += _rows(range(start, i))
        start = i
        if not quiet:
            rows.append(range(i, i + 1))
            start = i + 1
    return rows


def _rows(quiet: range) -> list[range]:
    return [quiet] if len(quiet) >= FOLD_AT_LEAST else [range(i, i + 1) for i in quiet]


def start_value(record: Record, cell: str) -> str:
    """The value of a cell before the first step; a question mark if the record does not know the cell."""
    if cell in record.cells:
        return record.cells[cell]
    return next((step.before for step in record.steps if step.cell == cell), "?")
