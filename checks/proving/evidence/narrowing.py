"""A question made easier for another solver: goal by goal, each with only those hypotheses that our own solver needed.

Which ones is a hint, and nothing rests on it: what another solver finds unsatisfiable with fewer hypotheses is so with
all of them, and where no goal can be false, none of several can. Any other answer says nothing. Read next: recheck.py.
"""

from collections.abc import Sequence
from typing import Any

import z3

from spanproof.checks.proving.evidence.script import Alone, Script
from spanproof.checks.proving.heard import Question

_z3: Any = z3
MOST_WORK = 50_000_000
"""For one goal, in z3's own count."""


def narrowed(question: Alone) -> list[str]:
    """A script for each goal; none if our solver does not see one of them."""
    terms = list(_z3.parse_smt2_string(question.text()))
    if len(terms) != len(question.known) + len(question.asked):
        return []
    known, asked = terms[: len(question.known)], terms[len(question.known) :]
    parts = [_narrowed(known, opposite) for opposite in _goals(asked)]
    return [part for part in parts if part] if all(parts) else []


def _goals(asked: Sequence[Any]) -> list[list[Any]]:
    """The opposite of each goal."""
    if len(asked) == 1 and _z3.is_not(asked[0]) and _z3.is_and(asked[0].arg(0)):
        return [[_z3.Not(goal)] for goal in asked[0].arg(0).children()]
    return [list(asked)]


def _narrowed(known: Sequence[Any], opposite: Sequence[Any]) -> str:
    solver = _z3.Solver()
    solver.set("rlimit", MOST_WORK)
    solver.add(*opposite)
    literals = {f"known {n}": term for n, term in enumerate(known)}
    for name, term in literals.items():
        solver.assert_and_track(term, name)
    if solver.check() != _z3.unsat:
        return ""
    needed = [literals[str(literal).strip("|")] for literal in solver.unsat_core()]
    script = Script()
    script(Question(needed, [""] * len(needed), opposite, "", "unsat", 0.0, 0))
    return script.text()
