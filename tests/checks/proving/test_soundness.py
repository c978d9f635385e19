"""What the engine once got wrong: each of these was proved, or passed over, and must not be again."""

from dataclasses import replace
from typing import Any

import pytest
import z3

from spanproof.checks.faults.corpus import BY_NAME as FAULTS
from spanproof.checks.faults.edit import planted
from spanproof.checks.proofs.catalogue import BY_NAME
from spanproof.checks.proving import jobs
from spanproof.checks.proving.heard import listening
from spanproof.checks.proving.jobs import Start
from spanproof.checks.proving.terms import Domain
from spanproof.checks.proving.theorem import JOBS, prove, standing, units
from spanproof.impl.malloc import Runtime
from spanproof.model.contracts import zeroing
from spanproof.model.contracts.contract import Loop
from spanproof.model.logic import Claims, negate
from spanproof.model.releases import NEWEST


def test_vacuous_and_an_unrelated_failure_is_no_theorem(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof from a contradiction is not excused by an obligation that fails elsewhere."""

    def both(_o: Any, _n: Any, need_zero: Any, *_r: Any) -> Any:
        yield "one", need_zero
        yield "other", negate(need_zero)

    broken = replace(zeroing.CALLS["alloc_needs_zero"], ensures=both)
    monkeypatch.setitem(zeroing.CALLS, "alloc_needs_zero", broken)
    theorem, heap = BY_NAME["needzero_false_is_already_zero"], planted(FAULTS["throw_on_equal_base"].edits)
    proofs = [prove(u, heap, "int") for n in theorem.proofs for u in units(JOBS[n], heap)]
    assert any(p.vacuous for p in proofs)
    assert not standing(theorem, proofs, heap).holds


class Plain:
    """A heap that is not frozen."""

    n = 0


def _counts_down(_: Any, local: Any) -> Claims:
    yield "npage", local.npage >= 0


def _claim(claim: Any) -> Claims:
    yield "claim", claim


class Loops(Runtime):
    """Each returns npage, or a number below 0, and is 'proved' to return what it does not."""

    async def walrus_before(self, _: int, npage: int) -> int:
        """Walrus before."""
        if (n := 0) == 0:
            pass
        while npage > 0:
            n = n + 1
            npage -= 1
        return n

    async def walrus_in_condition(self, _: int, npage: int) -> int:
        """Walrus in condition."""
        n = 0
        while npage > 0 and (n := n + 1) > 0:
            npage -= 1
        return n

    async def captured(self, _: int, npage: int) -> int:
        """Captured."""
        match 0:
            case n:
                pass
        while npage > 0:
            n = n + 1
            npage -= 1
        return n

    async def appended(self, _: int, npage: int) -> int:
        """Appended."""
        seen: list[int] = []
        while npage > 0:
            seen.append(1)
            npage -= 1
        return len(seen)

    async def attribute(self, _: int, npage: int) -> int:
        """Attribute."""
        self.n = 0
        while npage > 0:
            self.n += 1
            npage -= 1
        return self.n

    async def below_zero(self, _: int, npage: int) -> int:
        """Below zero."""
        n = 0
        while npage > 0:
            n -= 2
            npage -= 1
        return n


@pytest.mark.parametrize(
    "function", ["walrus_before", "walrus_in_condition", "captured", "appended", "attribute", "below_zero"]
)
def test_what_a_loop_changes_is_not_kept(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either refused, or the false claim fails."""

    def wrong(r: Any) -> Any:
        return r >= 0 if function == "below_zero" else r == 0

    with pytest.raises(StopIteration) as end:
        getattr(Loops, function)(Plain(), 0, 3).send(None)
    assert not wrong(end.value.value), "the claim is false in a run"
    loop = Loop(_counts_down, zeroing.claims_only, lambda _, local: local.npage)
    monkeypatch.setitem(zeroing.LOOPS, (function, 0), loop)

    def begin(p: Any) -> Start:
        p.begin()
        npage = p.engine.fresh("npage")
        p.engine.assume(npage > 0)
        return Start((p.take_region(npage), npage), lambda r: _claim(wrong(r)))

    proof = jobs.run(replace(JOBS["alloc_needs_zero"], function=function, begin=begin, throws=()), Loops, NEWEST)
    assert proof.error or proof.failed


@pytest.mark.parametrize("a", [7, -7])
@pytest.mark.parametrize("c", [-3, 0])
def test_division_by_what_is_not_positive(a: int, c: int) -> None:
    """Z3's / and % are Euclid's, and anything at 0; Python's are not: refused, as in bits."""
    d = Domain(None, bool)
    with pytest.raises(TypeError, match="positive numbers only"):
        z3.simplify((d.word(d.constant(a)) // c).term)


def test_what_was_proved_before_changes_nothing() -> None:
    """Not even the work: the solver's terms are made afresh for each proof."""
    alone = _heard("free_span: sweepgen")
    _heard("init_span")
    assert alone == _heard("free_span: sweepgen")
    assert any(work for _, _, work in alone)


def _heard(job: str) -> list[tuple[str, str, int]]:
    questions: list[tuple[str, str, int]] = []
    with listening(lambda q: questions.append((q.about, q.answer, q.work))):
        jobs.run(JOBS[job], Runtime, NEWEST)
    return questions
