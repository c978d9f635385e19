"""What `spanproof go` has done with one toolchain, kind by kind. What Go refuses is unknown, with its reason.

Read next: comparing/compare.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spanproof.checks.golang.comparing.abstractly import judge_abstractly
from spanproof.checks.golang.comparing.compare import Compared, Hurry, judge_go
from spanproof.checks.golang.comparing.inside import judge_inside
from spanproof.checks.golang.interleaving.interleave import SAMPLED, judge_interleavings
from spanproof.checks.golang.patched import judge_patch
from spanproof.checks.golang.reading.toolchains import GoError, Toolchain, at
from spanproof.checks.record import Record
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict


@dataclass(frozen=True, slots=True)
class Asked:
    """What all kinds of work are asked with."""

    subject: Subject
    seed: int
    calls: int
    hurry: Hurry
    release: str = ""
    """What a toolchain is held to, if not to the row of its own version."""
    trials: tuple[str, ...] = ()
    """Interleave: those that are meant, if not all."""
    schedules: int = SAMPLED
    """Interleave: drawn of each family of programs."""
    patch: str = ""
    """Check: a unified diff."""


Found = tuple[tuple[Result, ...], tuple[Record, ...]]
"""What came out, and the records of what is violated."""


def _one(found: Compared) -> Found:
    return (found.result,), () if found.record is None else (found.record,)


def _interleave(go: Toolchain, asked: Asked) -> Found:
    found = judge_interleavings(
        go, asked.subject, asked.hurry, names=asked.trials, seed=asked.seed, schedules=asked.schedules
    )
    return found.results, found.records


def _check(go: Toolchain, asked: Asked) -> Found:
    found = judge_patch(go, asked.patch, asked.subject, asked.seed, asked.calls, asked.hurry)
    return found.results, found.records


KINDS: Mapping[str, Callable[[Toolchain, Asked], Found]] = {
    "compare": lambda go, asked: _one(judge_go(go, asked.subject, asked.seed, asked.calls, asked.hurry)),
    "abstract": lambda go, asked: _one(judge_abstractly(go, asked.seed, asked.calls, asked.hurry)),
    "inside": lambda go, asked: _one(judge_inside(go, asked.subject, asked.seed, asked.calls, asked.hurry)),
    "interleave": _interleave,
    "check": _check,
}


def judged(kind: str, root: Path, version: str, asked: Asked) -> Found:
    """Do one kind of work with the toolchain in a folder."""
    try:
        return KINDS[kind](at(root, asked.release), asked)
    except GoError as e:
        return (Result("go", f"{kind} {version}", Verdict.UNKNOWN, str(e)),), ()
