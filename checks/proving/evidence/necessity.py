"""What each conjunct of the contracts is good for: which obligation fails without it, and where it stands in cores.

Every question of a proof is asked again with a literal for each conjunct. Those outside of the core are not needed for
it; each of the core is left out alone, everywhere, until some question cannot be answered without it. A conjunct that
nothing needs may be a goal that nobody rests on, or follow from others. Read next: uses.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import z3

from spanproof.checks.proving.evidence.standing import Standing
from spanproof.checks.proving.heard import Question

WORK = 1_000_000
"""For one question, in z3's own count; where that is not enough, the conjunct counts as needed, perhaps."""
BRANCH = "branch not taken"
"""What a question is about that shows no claim: that the other way is not gone."""
_z3: Any = z3


@dataclass(slots=True)
class Use:
    """What is known of one conjunct."""

    cores: int = 0
    """Questions in whose core it stands."""
    known: int = 0
    """Questions at which it was known."""
    needed_by: str = ""
    """The first obligation that fails without it."""
    branch: str = ""
    """The first branch that could be taken without it."""
    perhaps: str = ""
    """The first question that is not answered without it, in so much work."""
    shown: int = 0
    """Questions that show it."""

    def and_also(self, other: "Use") -> None:
        """Count what another process has found too, the first reason kept."""
        self.cores += other.cores
        self.known += other.known
        self.shown += other.shown
        self.needed_by = self.needed_by or other.needed_by
        self.branch, self.perhaps = self.branch or other.branch, self.perhaps or other.perhaps


@dataclass(frozen=True, slots=True)
class Uses:
    """What was found of the conjuncts in one proof."""

    proof: str
    uses: Mapping[str, Use]

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` writes for this."""
        return {"kind": "necessity", **asdict(self)}


def merged(parts: Iterable[Mapping[str, Use]]) -> dict[str, Use]:
    """What was found in several proofs."""
    whole: dict[str, Use] = {}
    for part in parts:
        for name, use in part.items():
            whole.setdefault(name, Use()).and_also(use)
    return whole


def failing(question: Question, model: Any) -> str:
    """What a question is about, without the goals that this model does not break."""
    opposite = question.asked[0]
    goals: list[Any] = opposite.arg(0).children() if _z3.is_not(opposite) and _z3.is_and(opposite.arg(0)) else []
    first, *others = question.about.rsplit("; ", max(len(goals) - 1, 0))
    about, _, goal = first.rpartition(": ")
    names = [goal, *others]
    if len(names) != len(goals):
        return question.about
    broken = [n for n, term in zip(names, goals, strict=True) if not _z3.is_true(model.eval(term, True))]  # completed
    return f"{about}: {'; '.join(broken or names)}"


@dataclass(slots=True)
class Necessity:
    """Hears the questions of a proof."""

    proof: str = ""
    uses: dict[str, Use] = field(default_factory=dict[str, Use])
    ablates: bool = True
    """Whether those of a core are left out one by one, too."""
    _standing: Standing = field(default_factory=Standing)
    _literals: dict[str, Any] = field(default_factory=dict[str, Any])
    _solver: Any = None

    def __call__(self, question: Question) -> None:
        """Look at a question that was answered with unsat."""
        if question.answer != "unsat":
            return
        names = list(dict.fromkeys(name for name in question.names if name))
        for name in names:
            self.uses.setdefault(name, Use()).known += 1
        for goal in question.goals:
            self.uses.setdefault(goal, Use()).shown += 1
        if names:
            self._stand_on(question)
            self._solver.push()
            self._solver.add(*question.asked)
            self._ablated(names, question)
            self._solver.pop()

    def found(self) -> Uses:
        """What was found."""
        return Uses(self.proof, self.uses)

    def _stand_on(self, question: Question) -> None:
        if self._solver is None:
            self._solver = _z3.Solver()
            self._solver.set("rlimit", WORK)
            self._solver.set("ctrl_c", False)
        taken, kept = self._standing.turn_to(question.known, question.names)
        if taken:
            self._solver.pop(taken)
        if len(question.known) > kept:
            self._solver.push()
            for name, term in zip(question.names[kept:], question.known[kept:], strict=True):
                self._solver.add(_z3.Implies(self._literal(name), term) if name else term)

    def _literal(self, name: str) -> Any:
        return self._literals.setdefault(name, _z3.Bool(f"conjunct {name}"))

    def _ablated(self, names: list[str], question: Question) -> None:
        """Who of these is in the core, and who of the core cannot be left out."""
        about = question.about
        core = self._core(names)
        for name in core:
            self.uses[name].cores += 1
        for name in core if self.ablates else ():
            use = self.uses[name]
            if use.needed_by or (use.branch and about == BRANCH):
                continue
            answer = str(self._solver.check(*(self._literal(other) for other in names if other != name)))
            where = f"{self.proof}: {about}"
            if answer == "sat" and about == BRANCH:
                use.branch = where
            elif answer == "sat":
                use.needed_by = f"{self.proof}: {failing(question, self._solver.model())}"
            elif answer == "unknown":
                use.perhaps = use.perhaps or where

    def _core(self, names: list[str]) -> list[str]:
        """The conjuncts of an unsatisfiable core; all of them if there is no answer."""
        if self._solver.check(*(self._literal(name) for name in names)) != z3.unsat:
            return names
        inside = {literal.get_id() for literal in self._solver.unsat_core()}
        return [name for name in names if self._literal(name).get_id() in inside]
