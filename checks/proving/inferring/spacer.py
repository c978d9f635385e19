"""The invariant of alloc_needs_zero once more, found by z3's Spacer with no templates: does one exist on one arena?

Spacer meets Horn clauses with relations, or refutes them. What it finds is no pleasure to read, but can be checked: put
into the clauses, each must be valid, and that the ordinary solver says. Refuted says that no invariant of this shape
exists, which need not be a run; so it is unknown. Read next: horn.py.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import z3

from spanproof.checks.proving import building
from spanproof.checks.proving.inferring.horn import System, clauses_of
from spanproof.checks.proving.inferring.sieve import Heart
from spanproof.checks.proving.stopping import Hurry, heeding, patient
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import Release

WHOLE = "alloc_needs_zero, its invariant found by Spacer on one arena"
SETTINGS = {"rlimit": 3_000_000_000, "xform.inline_eager": False, "spacer.order_children": 1}
"""Minutes of work, in z3's own count. Were relations inlined, what is found would have quantifiers, hard to check."""
CHECKING_WORK = 20_000_000
PREMISES = ("one arena, a heap of pages of one byte, one observed byte; regions that are held lie in the arena",)
_z3: Any = z3


@dataclass(frozen=True, slots=True)
class Found:
    """What came out."""

    result: Result
    relations: Mapping[str, str]
    """Each relation that was found, in SMT-LIB 2."""

    def told(self) -> Iterator[str]:
        """All of it, in lines."""
        yield f"{self.result.verdict.value.upper():8}  {self.result.name}"
        yield from (f"          {said}" for said in (self.result.bound, self.result.reason) if said)
        yield from (f"  {name}: {len(text):,} letters" for name, text in self.relations.items())

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` writes for this."""
        return {"kind": "spacer", "proof": self.result.name, "relations": dict(self.relations)}


@building.afresh()
def find(heap_class: Any, release: Release, hurry: Hurry = patient) -> Found:
    """Look for the invariant of this heap's alloc_needs_zero."""
    began, heart = time.perf_counter(), Heart()
    with heart.beating():
        heart.at("the clauses")
        system, reason = clauses_of(heap_class, release, hurry)
        relations: dict[str, str] = {}
        if not reason:
            reason, relations = _solved(system, heart, hurry)
    reason = hurry(0) or reason
    counts = {"clauses": len(system.clauses), "relations": len(system.relations)}
    bound = f"{len(system.clauses)} clauses over {len(system.relations)} relations"
    verdict = Verdict.UNKNOWN if reason else Verdict.HOLDS
    result = Result("prove", WHOLE, verdict, reason, bound, PREMISES, time.perf_counter() - began, counts)
    return Found(result, {} if reason else relations)


def _solved(system: System, heart: Heart, hurry: Hurry) -> tuple[str, dict[str, str]]:
    """(why there is none, the relations).

    What Spacer does hangs by the order in which terms were made, so it gets a context of its own.
    """
    names, context = frozenset(system.relations), _z3.Context()
    heart.at(f"Spacer: {len(system.clauses)} clauses")
    solver = _z3.SolverFor("HORN", ctx=context)
    for name, value in SETTINGS.items():
        solver.set(name, value)
    for clause in system.clauses:
        solver.add(clause.closed(names).translate(context))
    with heeding(hurry, context):
        answer = solver.check()
    if answer.r == _z3.Z3_L_FALSE:
        return "no invariant of this shape exists: Spacer refutes the clauses", {}
    if answer.r != _z3.Z3_L_TRUE:
        return f"Spacer came to no end: {solver.reason_unknown()}", {}
    model = solver.model()
    wrong = next(not_met(system, model, heart), "")
    if wrong:
        return f"what Spacer found does not meet a clause: {wrong}", {}
    return "", {name: _written(model, relation.translate(context)) for name, relation in system.relations.items()}


def _written(model: Any, relation: Any) -> str:
    """What was found, as a claim about its places."""
    places = [_z3.Const(f"x{n}", relation.domain(n)) for n in range(relation.arity())]
    return str(_z3.simplify(model.eval(relation(*places))).sexpr())


def not_met(system: System, model: Any, heart: Heart) -> Iterator[str]:
    """The clauses that are not valid with the relations that were found."""
    for clause in system.clauses:
        heart.at(clause.about)
        solver = _z3.Solver(ctx=model.ctx)
        solver.set("rlimit", CHECKING_WORK)
        for term in (*clause.known, _z3.Not(clause.shown)):
            solver.add(model.eval(term.translate(model.ctx)))
        if solver.check().r != _z3.Z3_L_FALSE:
            yield clause.about
