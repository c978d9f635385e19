"""Certificates put to other solvers. One that agrees is enough for a question; one that says "sat" is a disagreement.

All solvers that can read a proof are asked all of it. What none of them has answered is asked again alone: made easier,
then as it is with more time, and with nothing to be taken back. What is open then is named. Read next: asked.py.
"""

import shlex
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spanproof.checks.proving.evidence.asked import Answers, asked
from spanproof.checks.proving.evidence.certificates import Certificate
from spanproof.checks.proving.evidence.narrowing import narrowed
from spanproof.checks.proving.evidence.script import Alone, alone
from spanproof.checks.proving.evidence.solvers import MILLISECONDS, PATIENT, command_of, installed, reads
from spanproof.checks.proving.stopping import Hurry, patient
from spanproof.checks.verdict import Result, Verdict

BESIDE = 60.0
"""Seconds for a script on all of which another solver has agreed; limits for single questions are not always kept."""
EASIER = 20.0
"""Seconds for a goal that is asked with the hypotheses that it needs."""
ALONE = 240.0
"""Seconds for a question that is asked alone."""
NAMED = 12
"""Open questions that a result names; of more it says how many."""


class SolverError(ValueError):
    """There is no such solver."""


def command(solver: str, milliseconds: int = MILLISECONDS) -> list[str]:
    """The command of a solver: of one that is installed, by its name, or any other with its arguments.

    Raises:
        SolverError: it names nothing.

    """
    if solver in installed():
        return command_of(solver, milliseconds)
    try:
        parts = shlex.split(solver)
    except ValueError as e:
        raise SolverError(f"{solver!r} is no command: {e}") from e
    if not parts:
        raise SolverError("an empty command is no solver")
    return parts


def short(solver: str) -> str:
    """What a solver is called: of a command, the program."""
    return solver if solver in installed() else Path(command(solver)[0]).name


@dataclass(slots=True)
class _Heard:
    """What solvers have said of a proof's questions."""

    count: int
    agreed: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    """By solver."""
    wrong: dict[int, str] = field(default_factory=dict[int, str])
    """Who says that they are satisfiable."""
    troubles: list[str] = field(default_factory=list[str])
    """How solvers failed otherwise than by not knowing."""

    def whole(self, solver: str, answers: Answers) -> None:
        """What a solver says of all of them, in order."""
        given, name = answers.given, short(solver)
        if len(given) > self.count:
            self.troubles.append(f"{name} gave {len(given)} answers to {self.count} questions")
            return
        if len(given) < self.count:
            said = f"{name} answered {len(given)} of {self.count} questions; {answers.ended or 'and ended'}"
            self.troubles.append(said)
        for number, answer in enumerate(given):
            self.one(solver, number, answer)

    def one(self, solver: str, number: int, answer: str) -> None:
        """What it says of one."""
        if answer == "unsat":
            self.agreed.setdefault(short(solver), set()).add(number)
        elif answer == "sat":
            self.wrong.setdefault(number, short(solver))

    def left_by(self, solver: str) -> list[int]:
        """Those that this one has not answered, whatever others say."""
        answered = self.agreed.get(short(solver), set())
        return [number for number in range(self.count) if number not in answered and number not in self.wrong]

    @property
    def open(self) -> list[int]:
        """Those that no solver has answered."""
        answered = set(self.wrong).union(*self.agreed.values())
        return [number for number in range(self.count) if number not in answered]


def judge_again(folder: Path, certificate: Certificate, solvers: Sequence[str], hurry: Hurry = patient) -> Result:
    """What other solvers say of a proof's questions."""
    began, file = time.perf_counter(), folder / certificate.file
    heard = _Heard(len(certificate.about))
    able = [solver for solver in solvers if reads(solver, file)]
    for solver in able:
        heard.whole(solver, asked(command(solver), file, hurry, None if heard.open else BESIDE))
    text = file.read_text(encoding="utf-8")
    for solver in able:
        for number in heard.left_by(solver):
            if hurry(0) is None:
                _asked_alone(heard, alone(text, number), number, solver, hurry)
    reason = _disagreement(certificate, heard) or _missing(certificate, heard, hurry)
    return Result(
        "prove",
        certificate.proof,
        Verdict.UNKNOWN if reason else Verdict.HOLDS,
        reason,
        _bound(heard),
        (),
        time.perf_counter() - began,
        _counts(heard),
    )


def _asked_alone(heard: _Heard, question: Alone, number: int, solver: str, hurry: Hurry) -> None:
    """First made easier, then as it is."""
    easier = narrowed(question)
    if easier and all(_answer(text, command(solver), hurry, EASIER) == "unsat" for text in easier):
        heard.one(solver, number, "unsat")
    else:
        heard.one(solver, number, _answer(question.text(), command(solver, PATIENT), hurry, ALONE))


def _answer(text: str, solver: Sequence[str], hurry: Hurry, seconds: float) -> str:
    """What a solver says of a script with one question, or nothing."""
    with tempfile.NamedTemporaryFile("w", suffix=".smt2", encoding="utf-8") as script:
        script.write(text)
        script.flush()
        answers = asked(solver, Path(script.name), hurry, seconds)
    return answers.given[0] if len(answers.given) == 1 else ""


def _bound(heard: _Heard) -> str:
    by = ", ".join(f"{solver} on {len(numbers):,}" for solver, numbers in heard.agreed.items())
    return f"{heard.count:,} questions that z3 answered with unsat; agreed: {by or 'nobody'}"


def _counts(heard: _Heard) -> Mapping[str, int]:
    agreed = set[int]().union(*heard.agreed.values())
    by = {f"by_{solver}": len(numbers) for solver, numbers in heard.agreed.items()}
    whole = {"questions": heard.count, "agreed": len(agreed), "disagreed": len(heard.wrong), "open": len(heard.open)}
    return {**whole, **by}


def _disagreement(certificate: Certificate, heard: _Heard) -> str:
    """What a solver answers otherwise: that is no opinion, one of them is wrong."""
    if not heard.wrong:
        return ""
    number, solver = min(heard.wrong.items())
    more = f" and {len(heard.wrong) - 1} more" if len(heard.wrong) > 1 else ""
    return f"THE SOLVERS DISAGREE: z3 says unsat, {solver} says sat, of: {certificate.about[number]}{more}"


def _missing(certificate: Certificate, heard: _Heard, hurry: Hurry) -> str:
    """What is open, and why."""
    if heard.open:
        names = [f"{number}: {certificate.about[number]}" for number in heard.open[:NAMED]]
        more = [f"{len(heard.open) - NAMED} more"] if len(heard.open) > NAMED else []
        stopped = [said for said in (hurry(0),) if said]
        whole = [f"nobody answers {len(heard.open)} of {heard.count}", *stopped, *heard.troubles]
        return f"{'; '.join(whole)}: {' | '.join([*names, *more])}"
    surplus = [said for said in heard.troubles if " gave " in said]
    return surplus[0] if surplus else ""
