"""What each conjunct of the contracts is good for: which obligation fails without it, and where it stands in cores.

Every question of a proof is asked again with a literal for each conjunct. Those outside of the core are not needed for
it; each of the core is left out alone, everywhere, until some question cannot be answered without it. A conjunct that
nothing needs may be a goal that nobody rests on, or follow from others. Read next: stability.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import z3

from spanproof.checks.proving.heard import Question

WORK = 4_000_000
"""For one question, in z3's own count; where that is not enough, the conjunct counts as needed, perhaps."""
_z3: Any = z3


@dataclass(slots=True)
class Use:
    """What is known of one conjunct."""

    cores: int = 0
    """Questions in whose core it stands."""
    known: int = 0
    """Questions at which it was known."""
    needed_by: str = ""
    """The first that has another answer without it."""
    perhaps: str = ""
    """The first that is not answered without it, in so much work."""


@dataclass(slots=True)
class Necessity:
    """Hears the questions of proofs."""

    proof: str = ""
    """The proof that is being done."""
    uses: dict[str, Use] = field(default_factory=dict[str, Use])

    def __call__(self, question: Question) -> None:
        """Look at a question that was answered with unsat."""
        names = [name for name in dict.fromkeys(question.names) if name]
        if question.answer != "unsat":
            return
        for name in names:
            self.uses.setdefault(name, Use()).known += 1
        if names:
            self._ablated(question, names)

    def _ablated(self, question: Question, names: list[str]) -> None:
        literals = {name: _z3.Bool(f"conjunct {n}") for n, name in enumerate(names)}
        solver = _solver(question, literals)
        core = _core(solver, literals)
        for name in core:
            use = self.uses[name]
            use.cores += 1
            if use.needed_by:
                continue
            answer = str(solver.check(*(literal for other, literal in literals.items() if other != name)))
            where = f"{self.proof}: {question.about}"
            if answer == "sat":
                use.needed_by = where
            elif answer == "unknown":
                use.perhaps = use.perhaps or where


def _solver(question: Question, literals: Mapping[str, Any]) -> Any:
    solver: Any = z3.Solver()
    solver.set("rlimit", WORK)
    solver.set("ctrl_c", False)
    for name, term in zip(question.names, question.known, strict=True):
        solver.add(_z3.Implies(literals[name], term) if name else term)
    solver.add(*question.asked)
    return solver


def _core(solver: Any, literals: Mapping[str, Any]) -> list[str]:
    """The conjuncts of an unsatisfiable core; all of them if there is no answer."""
    if solver.check(*literals.values()) != z3.unsat:
        return list(literals)
    inside = {str(literal) for literal in solver.unsat_core()}
    return [name for name, literal in literals.items() if str(literal) in inside]


def merged(parts: Iterable[Mapping[str, Use]]) -> dict[str, Use]:
    """What several processes have found, the first reason of each kept."""
    whole: dict[str, Use] = {}
    for part in parts:
        for name, use in part.items():
            mine = whole.setdefault(name, Use())
            mine.cores, mine.known = mine.cores + use.cores, mine.known + use.known
            mine.needed_by, mine.perhaps = mine.needed_by or use.needed_by, mine.perhaps or use.perhaps
    return whole


def told_uses(uses: Mapping[str, Use]) -> Iterator[str]:
    """Each conjunct in a line, those that nothing needs last."""
    width = max(map(len, uses))
    needed = {name: use for name, use in uses.items() if use.needed_by}
    for name, use in sorted(needed.items()):
        yield f"{name:{width}}  in {use.cores:5,} of {use.known:6,} cores; needed by {use.needed_by}"
    for name, use in sorted(uses.items()):
        if not use.needed_by:
            said = f"perhaps needed by {use.perhaps}" if use.perhaps else "nothing needs it"
            yield f"{name:{width}}  in {use.cores:5,} of {use.known:6,} cores; {said}"
    yield f"{len(needed)} of {len(uses)} conjuncts are needed"
