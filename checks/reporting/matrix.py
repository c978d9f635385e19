"""The kill matrix on the page: each planted fault against each layer, read from the counts of a faults run.

Read next: page.py.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from spanproof.checks.verdict import Result, Verdict

FOUND = "_found"
UNITS = {"tables": "calls", "histories": "calls", "traces": "rows"}
"""What the size of a layer's counterexample counts, where that is not steps."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one layer made of one fault."""

    kind: str
    """found, missed, or not asked"""
    size: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One fault."""

    name: str
    caught: bool
    cells: tuple[Cell, ...]
    said: str
    """Of a fault that no layer caught: why it may, or that it survived."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Faults by layers."""

    layers: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def caught(self) -> int:
        """How many faults some layer caught."""
        return sum(row.caught for row in self.rows)


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault that one layer must catch, and what came of it: `check` plants some."""

    name: str
    verdict: Verdict
    layer: str = ""
    """Which caught it."""
    first: str = ""
    """Its first counterexample; of a fault that was not caught, why."""
    seconds: float = 0.0


CAUGHT = re.compile(r"caught by (\S+) ([0-9.]+) s, (.+)")
"""The bound of such a result (faults/alive.py)."""


def planted(results: Iterable[Result]) -> list[Planted]:
    """Faults that were each put to one layer, those that it did not catch first."""
    alone = [r for r in results if r.check == "faults" and not any(name.endswith(FOUND) for name in r.counts)]
    return sorted(map(_planted, alone), key=lambda fault: bool(fault.layer))


def _planted(result: Result) -> Planted:
    caught = CAUGHT.fullmatch(result.bound) if result.verdict is Verdict.HOLDS else None
    if caught is None:
        return Planted(result.name, result.verdict, "", result.reason or result.bound)
    return Planted(result.name, result.verdict, caught[1], caught[3], float(caught[2]))


def matrix(results: Collection[Result]) -> Matrix | None:
    """The matrix, faults that no layer caught first; None if these results are of no faults run."""
    asked = [r for r in results if r.check == "faults" and any(name.endswith(FOUND) for name in r.counts)]
    layers = tuple(_layers(asked))
    rows = (_row(result, layers) for result in asked)
    return Matrix(layers, tuple(sorted(rows, key=lambda row: row.caught))) if asked else None


def _layers(results: Iterable[Result]) -> Iterable[str]:
    """The layers that were asked, in the order in which they were."""
    return dict.fromkeys(name.removesuffix(FOUND) for r in results for name in r.counts if name.endswith(FOUND))


def _row(result: Result, layers: Iterable[str]) -> Row:
    cells = tuple(_cell(result, layer) for layer in layers)
    caught = any(cell.kind == "found" for cell in cells)
    return Row(result.name, caught, cells, "" if caught else result.reason or result.bound)


def _cell(result: Result, layer: str) -> Cell:
    counts = result.counts
    found = counts.get(layer + FOUND)
    if found is None:
        return Cell("not asked")
    if not found:
        return Cell("missed" if result.verdict is not Verdict.UNKNOWN else "not asked")
    size = f"{counts.get(f'{layer}_steps', 0):,} {UNITS.get(layer, 'steps')}"
    return Cell("found", size, counts.get(f"{layer}_milliseconds", 0) / 1000)
