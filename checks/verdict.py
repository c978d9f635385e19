"""What a check says: holds, violated or unknown, with its bound and its premises. Never a fourth word.

`Result` is one line of the verdict table, `Report` the whole of what one command found; both become the JSON of
docs/reference. Read next: record.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The three values. `unknown` is never green."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNKNOWN = "unknown"


EXIT_CODES = {Verdict.HOLDS: 0, Verdict.VIOLATED: 1, Verdict.UNKNOWN: 3}
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

CHECKS = ("prove", "explore", "compare", "trace", "tables", "go", "faults", "bench")


@dataclass(frozen=True, slots=True)
class Result:
    """One verdict. `counts` holds integers only; `record` is the path of a counterexample that replays."""

    check: str
    name: str
    verdict: Verdict
    reason: str = ""
    bound: str = ""
    assumptions: tuple[str, ...] = ()
    seconds: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    record: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` writes for this result."""
        return {
            "check": self.check,
            "name": self.name,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "bound": self.bound,
            "assumptions": list(self.assumptions),
            "seconds": round(self.seconds, 3),
            "counts": dict(self.counts),
            "record": self.record,
        }


@dataclass(frozen=True, slots=True)
class NotRun:
    """What could not run for want of something: no result, and no change of the verdict."""

    check: str
    name: str
    reason: str
    count: int = 1

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` writes for this."""
        return {"check": self.check, "name": self.name, "reason": self.reason, "count": self.count}


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Violated if any is, else unknown if any is or there are none, else holds."""
    seen = set(verdicts)
    if Verdict.VIOLATED in seen:
        return Verdict.VIOLATED
    return Verdict.HOLDS if seen == {Verdict.HOLDS} else Verdict.UNKNOWN


EACH_ITS_OWN = "each on its own release"
"""What a report says of the release if none was asked for: each result says which."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one command found."""

    command: str
    release: str
    """The row of the release table that was asked for, or EACH_ITS_OWN."""
    seed: int
    results: tuple[Result, ...]
    not_run: tuple[NotRun, ...] = ()
    evidence: tuple[Mapping[str, Any], ...] = ()
    """What was heard of proofs beside their verdicts, if that was wanted: as JSON has it."""

    @property
    def verdict(self) -> Verdict:
        """The verdict over all results; no results at all is unknown."""
        return overall(result.verdict for result in self.results)

    def as_json(self, version: str) -> dict[str, Any]:
        """The object that `--json` writes."""
        return {
            "spanproof": version,
            "command": self.command,
            "release": self.release,
            "seed": self.seed,
            "verdict": self.verdict.value,
            "results": [result.as_json() for result in self.results],
            "not_run": [item.as_json() for item in self.not_run],
            **({"evidence": list(self.evidence)} if self.evidence else {}),
        }
