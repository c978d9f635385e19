"""How steady the answers of another solver are: the same script under several seeds, in a process of its own.

Its work is counted where it says so, as every z3 does; between its own seeds, as counts of two versions are not of the
same thing. Read next: necessity.py.
"""

import tempfile
from itertools import pairwise
from pathlib import Path

from spanproof.checks.proving.evidence.asked import Answers, asked
from spanproof.checks.proving.evidence.recheck import command, short
from spanproof.checks.proving.evidence.script import Script
from spanproof.checks.proving.evidence.stability import SEEDS, Moved, Steadiness, moves
from spanproof.checks.proving.stopping import Hurry, patient


def steadiness_of(proof: str, script: Script, solver: str, hurry: Hurry = patient) -> Steadiness:
    """Put a proof's questions to another solver under each seed."""
    by_seed = [_under(seed, script, solver, hurry) for seed in SEEDS]
    works = [_works(given, len(script.asked)) for given in by_seed]
    moved, most = list[Moved](), 0
    for number, question in enumerate(script.asked):
        answers = tuple(_answer(given, number) for given in by_seed)
        work = tuple(each[number] for each in works)
        most = max(most, *work)
        if moves(answers, work):
            moved.append(Moved(proof, question.about, answers, work))
    name = f"{short(solver)} {by_seed[0].version}".strip()
    return Steadiness(proof, name, len(script.asked), most, tuple(moved))


def _under(seed: int, script: Script, solver: str, hurry: Hurry) -> Answers:
    with tempfile.NamedTemporaryFile("w", suffix=".smt2", encoding="utf-8") as file:
        file.write(script.text(seed))
        file.flush()
        return asked(command(solver), Path(file.name), hurry)


def _answer(given: Answers, number: int) -> str:
    return given.given[number] if number < len(given.given) else "none"


def _works(given: Answers, many: int) -> list[int]:
    """What the solver did for each question; 0 where it does not say. A script that begins anew may count anew."""
    steps = [after - before if after >= before else after for before, after in pairwise((0, *given.work))]
    return [*steps[:many], *[0] * (many - len(steps))]
