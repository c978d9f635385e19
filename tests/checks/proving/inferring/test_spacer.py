"""Spacer finds an invariant of alloc_needs_zero without templates, which is checked, and none of a wrong text."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import z3

from spanproof.checks.faults.planting import subject
from spanproof.checks.proving import building
from spanproof.checks.proving.inferring import horn, spacer
from spanproof.checks.proving.inferring.horn import clauses_of
from spanproof.checks.proving.inferring.sieve import Heart
from spanproof.checks.proving.inferring.spacer import find
from spanproof.checks.proving.stopping import patient
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.releases import NEWEST

RELATIONS = {
    "rely", "guarantee",
    "alloc_needs_zero loop 0 invariant", "alloc_needs_zero loop 0 keeps",
    "alloc_needs_zero loop 1 invariant", "alloc_needs_zero loop 1 keeps",
}  # fmt: skip
_z3: Any = z3
REFUTED = "no invariant of this shape exists"


@pytest.mark.long
def test_one_is_found_on_the_reference() -> None:
    """And meets every clause, or it would not be told."""
    found = find(Runtime, NEWEST)
    assert found.result.verdict is Verdict.HOLDS, found.result.reason
    assert set(found.relations) == RELATIONS
    assert all("exists" not in text for text in found.relations.values())


@pytest.mark.parametrize(
    "fault",
    [
        "plain_store_for_cas",
        "failed_cas_treated_as_done",
        "throw_on_equal_base",
        pytest.param("need_zero_not_raised", marks=pytest.mark.long),
        pytest.param("need_zero_skips_zeroed_base", marks=pytest.mark.long),
    ],
)
def test_none_is_found_where_the_text_is_wrong(fault: str) -> None:
    """The clauses of a text with a fault are refuted."""
    wrong = find(subject(fault=fault).heap_class, NEWEST)
    assert wrong.result.verdict is Verdict.UNKNOWN
    assert wrong.result.reason.startswith(REFUTED)
    assert not wrong.relations


@building.afresh()
def test_a_relation_that_is_never_true_is_no_rely() -> None:
    """Nobody would begin anywhere: an arena begins at 0 and clean, and that is a world."""
    system, _ = clauses_of(Runtime, NEWEST, patient)
    nothing: dict[str, Any] = {name: z3.BoolVal(False) for name in system.relations}
    broken = [clause.about for clause in system.clauses if not _valid(clause, system, nothing)]
    assert broken == [about for about in broken if "an arena begins" in about or "the heap as it begins" in about]
    assert "an arena begins at 0, and clean" in broken


@building.afresh()
def test_relations_that_are_no_invariant_do_not_meet_the_clauses() -> None:
    """Where everything is related nothing is promised: what the text is to show is not met, and the rest is."""
    system, _ = clauses_of(Runtime, NEWEST, patient)
    context = _z3.Context()
    solver: Any = _z3.Solver(ctx=context)
    for relation in system.relations.values():
        places = [_z3.Const(f"x{n}", relation.domain(n)) for n in range(relation.arity())]
        solver.add(_z3.ForAll(places, relation(*places)).translate(context))
    assert solver.check().r == _z3.Z3_L_TRUE

    failed = list(spacer.not_met(system, solver.model(), Heart()))

    assert any("needzero_false_is_already_zero" in about for about in failed)
    assert any("potentially overlapping" in about for about in failed)
    assert len(failed) < len(system.clauses) / 2


def test_what_does_not_meet_the_clauses_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Spacer says: each clause is asked about."""

    def not_met(*_: object) -> Iterator[str]:
        yield "the one that fails"

    monkeypatch.setattr(spacer, "not_met", not_met)
    monkeypatch.setattr(horn, "NAMES", ("zeroing: start", "zeroing: rely"))
    found = find(Runtime, NEWEST)
    assert (found.result.verdict, found.relations) == (Verdict.UNKNOWN, {})
    assert "the one that fails" in found.result.reason


def test_it_stops_when_it_must() -> None:
    """With the reason, and nothing found."""
    stopped = find(Runtime, NEWEST, lambda _: "enough")
    assert (stopped.result.verdict, stopped.relations) == (Verdict.UNKNOWN, {})
    assert "enough" in stopped.result.reason


def _valid(clause: horn.Clause, system: horn.System, relations: Mapping[str, Any]) -> bool:
    solver: Any = _z3.Solver()
    solver.set("rlimit", 5_000_000)
    defined = [(system.relations[name], relation) for name, relation in relations.items()]
    for term in (*clause.known, _z3.Not(clause.shown)):
        solver.add(_z3.substitute_funs(term, *defined))
    return bool(solver.check() == _z3.unsat)
