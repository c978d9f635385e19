"""Certificates put to another solver. It agrees, or it does not, or it does not know: only the first is green.

The solver is a command in a process of its own, with so much time and memory. Read next: necessity.py.
"""

import resource
import shlex
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spanproof.checks.proving.evidence.certificates import Certificate
from spanproof.checks.proving.evidence.solvers import command_of, installed
from spanproof.checks.proving.stopping import Hurry, patient
from spanproof.checks.verdict import Result, Verdict

MEMORY = 4 << 30
"""Bytes that a solver may use."""
SECONDS = 900.0
"""For one script."""
LOOK = 0.05
ANSWERS = frozenset({"sat", "unsat", "unknown"})


class SolverError(ValueError):
    """There is no such solver."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a solver printed."""

    given: tuple[str, ...]
    """One for each check-sat, as far as it came."""
    ended: str = ""
    """Why it came no further."""


def command(solver: str) -> list[str]:
    """The command of a solver: of one that is installed, by its name, or any other with its arguments.

    Raises:
        SolverError: it names nothing.

    """
    if solver in installed():
        return command_of(solver)
    try:
        parts = shlex.split(solver)
    except ValueError as e:
        raise SolverError(f"{solver!r} is no command: {e}") from e
    if not parts:
        raise SolverError("an empty command is no solver")
    return parts


def asked(solver: Sequence[str], script: Path, hurry: Hurry = patient) -> Answers:
    """Put a script to a solver."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            process = subprocess.Popen(  # noqa: S603  # what the user names, or our own module
                [*solver, str(script)], stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        except OSError as e:
            return Answers((), f"{solver[0]}: cannot be run: {e.strerror}")
        if hasattr(resource, "prlimit"):  # Linux
            resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
        ended = _waited(process, hurry)
        out.seek(0)
        err.seek(0)
        given = tuple(line for line in map(str.strip, out) if line in ANSWERS)
        if not ended and process.returncode:
            said = next((line.strip() for line in err if line.strip()), "")
            ended = f"it ended with code {process.returncode}{': ' if said else ''}{said[:200]}"
        return Answers(given, ended)


def _waited(process: "subprocess.Popen[bytes]", hurry: Hurry) -> str:
    """Wait for its end, or make one: why."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            process.wait(LOOK)
        except subprocess.TimeoutExpired:
            said = hurry(0) or (f"its {SECONDS:g} s are over" if time.monotonic() > deadline else "")
            if not said:
                continue
            process.kill()
            process.wait()
            return said
        except KeyboardInterrupt:
            process.kill()
            process.wait()
            raise
        return ""


def judge_again(folder: Path, certificate: Certificate, solver: str, hurry: Hurry = patient) -> Result:
    """What another solver says of a proof's questions."""
    began = time.perf_counter()
    answers = asked(command(solver), folder / certificate.file, hurry)
    seen, count = Counter(answers.given), len(certificate.about)
    reason = _disagreement(certificate, answers) or _missing(certificate, answers)
    return Result(
        "prove",
        f"{certificate.proof} by {solver}",
        Verdict.UNKNOWN if reason else Verdict.HOLDS,
        reason,
        f"the {count:,} questions that z3 answered with unsat",
        (),
        time.perf_counter() - began,
        {
            "questions": count,
            "agreed": seen["unsat"],
            "disagreed": seen["sat"],
            "not_answered": count - seen["unsat"] - seen["sat"],
        },
    )


def _disagreement(certificate: Certificate, answers: Answers) -> str:
    """What it answers otherwise: that is no opinion, one of both is wrong."""
    wrong = [about for about, given in zip(certificate.about, answers.given, strict=False) if given == "sat"]
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"THE SOLVERS DISAGREE: z3 says unsat, it says sat, of: {wrong[0]}{more}" if wrong else ""


def _missing(certificate: Certificate, answers: Answers) -> str:
    count = len(certificate.about)
    if len(answers.given) > count:
        return f"it gave {len(answers.given)} answers to {count} questions"
    if len(answers.given) < count:
        return f"it answered {len(answers.given)} of {count} questions; {answers.ended or 'and ended'}"
    open_ = [about for about, given in zip(certificate.about, answers.given, strict=True) if given != "unsat"]
    return f"it does not know {len(open_)} of {count}, the first: {open_[0]}" if open_ else ""
