"""Traces on the page: what kinds of events each had, which claims were judged on it, how its heap went.

Read next: plots.py, page.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spanproof.checks.reporting.plots import Plot, plots, stretches_each
from spanproof.checks.tracing.series import Life, Series
from spanproof.checks.verdict import Result, Verdict

TOTAL = "events"
NO_EVENTS = ("differences",)
"""Counts of a trace's results that are no kind of event."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event."""

    name: str
    number: int
    share: float
    """Of the most frequent kind's, between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace."""

    name: str
    events: str
    """How far the verdicts reach."""
    kinds: tuple[Kind, ...]
    claims: int
    hold: int
    plots: tuple[Plot, ...]
    """Two of each file: files in several folders may have one name."""
    lives: tuple[Life, ...]
    """The story of a page of each file."""


def traces(results: Iterable[Result], series: Sequence[Series] = ()) -> list[Trace]:
    """The traces of a report in its order, each with the results on it and what was counted of it put together."""
    by_name: dict[str, list[Result]] = {}
    for result in results:
        if result.check == "trace":
            by_name.setdefault(_name(result), []).append(result)
    most = stretches_each(len(series))
    drawn: dict[str, tuple[Plot, ...]] = {}
    for one in series:
        drawn[one.name] = (*drawn.get(one.name, ()), *plots(one, most))
    lives = {one.name: tuple(o.life for o in series if o.name == one.name and o.life is not None) for one in series}
    return [_trace(name, judged, drawn.get(name, ()), lives.get(name, ())) for name, judged in by_name.items()]


def _name(result: Result) -> str:
    """The trace that a result is of; what stands before the claim may hold colons."""
    return result.name.rpartition(": ")[0] or result.name


def _trace(name: str, judged: list[Result], drawn: tuple[Plot, ...], lives: tuple[Life, ...]) -> Trace:
    counts: dict[str, int] = {}
    for result in judged:
        for kind, number in result.counts.items():
            counts[kind] = max(number, counts.get(kind, 0))
    numbers = {kind: n for kind, n in counts.items() if kind != TOTAL and kind not in NO_EVENTS and n}
    most = max(numbers.values(), default=1)
    kinds = tuple(Kind(kind, n, n / most) for kind, n in sorted(numbers.items(), key=lambda item: -item[1]))
    hold = sum(result.verdict is Verdict.HOLDS for result in judged)
    return Trace(name, judged[0].bound, kinds, len(judged), hold, drawn, lives)
