"""A row of a bench: what is measured, what is to be reached, and what limits it where it is not.

Read next: explore.py.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from spanproof.checks.verdict import NotRun, Result, Verdict


class AbsentError(Exception):
    """What a row is measured against is not here: the message says what, in a line."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured."""

    value: float
    how: str
    """Size, flags, and what is counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `reach` is to be reached from below, or, if `at_most`, from above."""

    name: str
    unit: str
    reach: float
    measure: Callable[[], Measured]
    limits: str
    """What was tried, and what limits it: told where it is not reached."""
    at_most: bool = False


def judged(rows: Iterable[Row]) -> tuple[list[Result], list[NotRun]]:
    """Measure row after row: `holds` where the figure is reached, `violated` where it is not."""
    results, absent = list[Result](), list[NotRun]()
    for row in rows:
        began = time.perf_counter()
        try:
            found = row.measure()
        except AbsentError as e:
            absent.append(NotRun("bench", row.name, str(e)))
            continue
        seconds = time.perf_counter() - began
        reached = found.value <= row.reach if row.at_most else found.value >= row.reach
        wanted = f"{'at most' if row.at_most else 'at least'} {figure(row.reach)} {row.unit} are to be reached"
        verdict = Verdict.HOLDS if reached else Verdict.VIOLATED
        reason = "" if reached else f"{wanted}; {row.limits}"
        bound = f"{figure(found.value)} {row.unit}: {found.how}" + (f"; {wanted}" if reached else "")
        results.append(Result("bench", row.name, verdict, reason, bound, (), seconds))
    return results, absent


def figure(value: float) -> str:
    """A figure with as many digits as it is worth."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def best_of(times: int, measure: Callable[[], float]) -> float:
    """The least of a few measurements, as whatever else goes on only adds to one."""
    return min(measure() for _ in range(times))
