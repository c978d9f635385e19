"""What a report amounts to, check by check: how much holds, how much was looked at, what was not, and on what it rests.

Read next: page.py.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from spanproof.checks.reporting.traced import traces
from spanproof.checks.reporting.words import READING_ORDER
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.verdict import Report, Result, Verdict
from spanproof.model.claims import BY_NAME as CLAIMS

LOOKED_AT = (
    "states", "transitions", "schedules", "examples", "histories", "calls", "differences", "runs",
)  # fmt: skip
"""Counts that can be added up over the results of a check. Obligations and events cannot: results share them."""


@dataclass(frozen=True, slots=True)
class Group:
    """The results of one check."""

    check: str
    verdicts: Mapping[str, int]
    looked_at: Mapping[str, int]
    seconds: float

    @property
    def pace(self) -> str:
        """How fast the search was, where there is enough of it to say so."""
        states = self.looked_at.get("states", 0)
        enough = self.check == "explore" and states and self.seconds >= 1
        return f"{states / self.seconds:,.0f} states a second" if enough else ""


def groups(report: Report) -> list[Group]:
    """One row for each check, those that failed first."""
    checks = {result.check: list[Result]() for result in report.results}
    for result in report.results:
        checks[result.check].append(result)
    rows = [_group(check, results) for check, results in checks.items()]
    return sorted(rows, key=lambda row: [-row.verdicts[word] for word in (Verdict.VIOLATED, Verdict.UNKNOWN)])


def _group(check: str, results: list[Result]) -> Group:
    verdicts = Counter(result.verdict.value for result in results)
    looked_at = Counter[str]()
    for result in results:
        looked_at.update({name: number for name, number in result.counts.items() if name in LOOKED_AT})
    if check == "prove":
        looked_at.update({"own obligations": sum(result.counts.get("own", 0) for result in results)})
    if check == "faults":
        looked_at.update({"planted": len(results), "caught": verdicts[Verdict.HOLDS.value]})
    if check == "trace":
        looked_at.update({"traces": len(traces(results))})
    return Group(
        check,
        {word.value: verdicts[word.value] for word in READING_ORDER},
        {name: number for name, number in looked_at.items() if number},
        sum(_seconds(check, results)),
    )


def _seconds(check: str, results: Iterable[Result]) -> Collection[float]:
    """What was worked, each piece of work once: theorems that share their proofs all tell the seconds of these."""
    seconds = [result.seconds for result in results]
    return set(seconds) if check == "prove" else seconds


def premises(results: Iterable[Result]) -> list[tuple[str, int]]:
    """What results take for granted, with how many of them do; most first."""
    return Counter(premise for result in results for premise in result.assumptions).most_common()


def not_looked_at(report: Report) -> list[tuple[str, str, str]]:
    """Check, name and reason of all that is not known, and of what could not run."""
    unknown = [(r.check, r.name, r.reason) for r in report.results if r.verdict is Verdict.UNKNOWN]
    return unknown + [(n.check, n.name, n.reason) for n in report.not_run]


def says(result: Result, theorems: Mapping[str, str] | None = None) -> str:
    """What is checked, in English, where the name alone says too little and somebody wrote it down.

    theorems: what theorems say, by their names.
    """
    if result.check == "prove" and theorems and result.name in theorems:
        return theorems[result.name]
    if result.check == "explore":
        return BY_NAME[result.name].says if result.name in BY_NAME else ""
    claim = CLAIMS.get(result.name if result.check == "prove" else result.name.rpartition(": ")[2])
    return claim.says if claim else ""


def sentinels(result: Result) -> tuple[str, ...]:
    """The events that a search must have met, and that it did: without one of them it is no `holds` (sentinels.py)."""
    if result.check != "explore" or result.verdict is not Verdict.HOLDS or result.name not in BY_NAME:
        return ()
    return BY_NAME[result.name].sentinels
