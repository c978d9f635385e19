"""What the engine must not get wrong: vacuity, unknowns, loops, places, and texts that cannot be read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.proofs.catalogue import BY_NAME
from spanproof.checks.proofs.script import judged, proved
from spanproof.checks.proving import jobs, questions
from spanproof.checks.proving.engine import Engine
from spanproof.checks.proving.jobs import Job, Start
from spanproof.checks.proving.obligations import Kind, Outcome, Proof
from spanproof.checks.proving.questions import Try
from spanproof.checks.proving.theorem import JOBS, Unit, units
from spanproof.checks.proving.zeroing import ZeroingProtocol
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.contracts import zeroing
from spanproof.model.contracts.contract import Loop, nothing
from spanproof.model.geometry import GO_AMD64
from spanproof.model.logic import Claims, negate
from spanproof.model.releases import NEWEST

NEEDS_ZERO = JOBS["alloc_needs_zero"]


def run(job: Job = NEEDS_ZERO, heap: Any = Runtime) -> Proof:
    """One proof in integers."""
    return jobs.run(job, heap, NEWEST)


def verdict_with(proof: Proof) -> Any:
    """The result of zeroed_base_never_decreases with this proof of alloc_needs_zero."""
    theorem = BY_NAME["zeroed_base_never_decreases"]
    (rely,) = units(JOBS["zeroing: rely"], Runtime)
    done = [(rely, jobs.run(JOBS["zeroing: rely"], Runtime, NEWEST)), (Unit(proof.job, NEWEST.name, ()), proof)]
    return judged(theorem, done, Subject(), "int", None).result


def test_premises_that_contradict_each_other_are_unknown() -> None:
    """A proof from nothing proves everything, so the theorem is unknown and says where."""

    def begin(p: ZeroingProtocol) -> Start:
        start = NEEDS_ZERO.begin(p)
        p.engine.assume(p.engine.view.byte < p.engine.view.byte)
        return start

    proof = run(replace(NEEDS_ZERO, begin=begin))

    assert proof.vacuous
    assert not [o for o in proof.failed if o.kind is not Kind.REACHED]
    result = verdict_with(proof)
    assert result.verdict is Verdict.UNKNOWN
    assert "contradict each other" in result.reason


def test_a_contract_that_contradicts_itself_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows a call that cannot return is vacuous, and seen to be."""

    def both(_: Any, __: Any, need_zero: Any, *_rest: Any) -> Claims:
        yield "one", need_zero
        yield "and the other", negate(need_zero)

    broken = replace(zeroing.CALLS["alloc_needs_zero"], ensures=both)
    monkeypatch.setitem(zeroing.CALLS, "alloc_needs_zero", broken)
    proof = run(JOBS["init_span: needzero, scavenged"])
    found, _ = proved(BY_NAME["needzero_false_is_already_zero"], Subject())

    assert proof.vacuous
    assert found.result.verdict is Verdict.UNKNOWN
    assert "contradict each other" in found.result.reason


def test_an_invariant_that_nothing_meets_fails_before_it_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invariant that is false is not met on entry; assuming it then does not make the rest true."""

    def never(*_: Any) -> Claims:
        yield "never", False

    old = zeroing.LOOPS["alloc_needs_zero", 0]
    monkeypatch.setitem(zeroing.LOOPS, ("alloc_needs_zero", 0), Loop(never, old.keeps, old.rank))
    proof = run()

    assert [o.goal for o in proof.failed if o.kind is Kind.INVARIANT] == ["never"]
    assert verdict_with(proof).verdict is Verdict.UNKNOWN


def test_what_the_solver_gives_up_on_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """With next to no resources nothing is proved that was not, and nothing is called failed."""
    monkeypatch.setattr(questions, "INTEGERS", (Try(1), Try(1)))
    proof = run()

    assert {o.outcome for o in proof.failed} == {Outcome.UNKNOWN}
    result = verdict_with(proof)
    assert result.verdict is Verdict.UNKNOWN
    assert "the solver gave up on" in result.reason


def test_a_failed_obligation_has_values_and_the_way_there() -> None:
    """The counterexample names what is observed and the locals; the path goes through the edited line."""
    heap = planted((Edit("Heap.alloc_needs_zero", "need_zero = True", ""),))
    failed = run(heap=heap).failed[0]
    source = Path(Runtime.alloc_needs_zero.__code__.co_filename).read_text().splitlines()
    edited = next(n for n, line in enumerate(source, 1) if line.strip() == "need_zero = True")

    assert (failed.goal, failed.kind) == ("zero_so_far", Kind.INVARIANT)
    assert {"byte", "world.zeroed_base", "world.dirty", "hand.base", "base", "npage"} <= set(failed.values)
    assert failed.values["world.dirty"] == "True"
    assert ("heap.py", edited) in failed.lines
    assert int(failed.values["npage"]) >= 0


class Odd(Runtime):
    """Texts that the engine must understand, or refuse."""

    async def twice(self, base: int, size: int) -> None:
        """The same loop in two calls of one function."""
        await self.os.memclr(base, size)
        await self.os.memclr(base, size)

    async def strange(self, *_: int) -> None:
        """Awaits what no engine knows."""
        await _Strange()

    async def unknown_loop(self, _: int, size: int) -> None:
        """A loop that no contract knows."""
        while size > 0:
            size -= 1

    async def identity(self, _: int, size: int) -> int:
        """Uses a word as an index."""
        return (1, 2, 3)[size]

    async def calls(self, base: int, size: int) -> None:
        """Calls what has no contract."""
        await self.alloc_manual(base, size)


class Forgetful(Runtime):
    """Texts that lack an await."""

    async def looks(self, base: int, size: int) -> None:
        """Takes an access for what it reads."""
        if self.memory.at(base // self.geometry.page_size).read() == 0:  # type: ignore[comparison-overlap]  # as below
            return
        await self.os.memclr(base, size)

    async def asks(self, base: int, size: int) -> None:
        """Asks an access for its truth value."""
        if self.memory.at(base // self.geometry.page_size).read():  # type: ignore[truthy-bool]  # what is forgotten
            return
        await self.os.memclr(base, size)

    async def clears(self, base: int, size: int) -> None:
        """Clears nothing."""
        self.os.memclr(base, size)  # type: ignore[unused-coroutine]  # what is forgotten


@pytest.mark.parametrize("function", ["looks", "asks"])
def test_a_forgotten_await_of_an_access_is_an_error(function: str) -> None:
    """The error names the cell and says that an await is missing."""
    error = run(replace(JOBS["memclr"], function=function), Forgetful).error

    assert "test_engine.py:" in error
    assert "read of memory" in error
    assert "an await is missing" in error


def test_a_forgotten_await_of_a_call_does_nothing() -> None:
    """What was never run is not taken for done: the promise fails, in the function that forgot."""
    with pytest.warns(RuntimeWarning, match="never awaited"):
        failed = run(replace(JOBS["memclr"], function="clears"), Forgetful).failed

    assert {(o.goal, o.function, o.outcome) for o in failed} == {("region_is_zero", "clears", Outcome.FAILED)}


class _Strange:
    def __await__(self) -> Any:
        yield self


def odd(function: str, by_contract: tuple[str, ...] = ()) -> Proof:
    """The proof of one of the odd texts, on memory that is held."""
    return run(replace(JOBS["memclr"], name=function, function=function, by_contract=by_contract), Odd)


def test_a_loop_in_two_calls_is_two_loops() -> None:
    """The second call does not look like another round of the first: both are proved, with paths for each."""
    once, twice = run(JOBS["memclr"]), odd("twice")

    assert (twice.error, twice.failed, twice.vacuous) == ("", (), ())
    assert twice.paths == once.paths + 1
    rounds = [sum(o.goal == "the rank falls" for o in proof.obligations) for proof in (once, twice)]
    assert rounds == [1, 2]


@pytest.mark.parametrize(
    ("function", "by_contract", "said"),
    [
        ("strange", (), "is nothing that the text may await"),
        ("unknown_loop", (), "unknown_loop loop 0 has no invariant in this protocol"),
        ("calls", ("alloc_manual",), "alloc_manual"),
        ("identity", (), "TypeError"),
        ("nosuch", (), "nosuch"),
    ],
)
def test_a_text_that_cannot_be_read_is_an_error(function: str, by_contract: tuple[str, ...], said: str) -> None:
    """One line that names the place or the function; the theorem is unknown."""
    proof = odd(function, by_contract)

    assert said in proof.error
    assert "\n" not in proof.error
    assert verdict_with(replace(run(), error=proof.error)).verdict is Verdict.UNKNOWN


def test_a_contract_may_not_ask_for_a_truth_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's `and` in a contract would fork the proof unseen: it is refused."""

    def forks(v: Any, local: Any) -> Claims:
        yield "forks", v.claimed and local.npage > 0

    old = zeroing.LOOPS["alloc_needs_zero", 0]
    monkeypatch.setitem(zeroing.LOOPS, ("alloc_needs_zero", 0), Loop(forks, old.keeps, old.rank))

    assert "a contract asks for the truth value" in run().error


def test_the_same_proof_is_the_same_again() -> None:
    """Goals, places, outcomes and their order do not change from one time to the next."""
    first, second = run(), run()

    assert [replace(o, seconds=0.0) for o in first.obligations] == [replace(o, seconds=0.0) for o in second.obligations]


def test_relations_of_loops_are_shown_to_be_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `keeps` that is no order, or that the loop does not keep, fails."""

    def raised_once(old: Any, new: Any) -> Claims:
        yield "raised", old.world.zeroed_base < new.world.zeroed_base

    old = zeroing.LOOPS["alloc_needs_zero", 1]
    monkeypatch.setitem(zeroing.LOOPS, ("alloc_needs_zero", 1), Loop(old.invariant, raised_once, old.rank, old.about))

    failed = {o.where for o in run().failed if o.kind is Kind.KEEPS}
    assert "alloc_needs_zero loop 1: reflexive" in failed


def test_words_of_lemmas_are_their_own() -> None:
    """A fact is shown from its premises alone: a false one fails whatever else is known."""
    e = Engine(GO_AMD64, None)
    e.protocol = ZeroingProtocol(e, Runtime, NEWEST)
    x = e.fresh("x")
    e.assume(x < 3)
    e.fact("it does not follow", nothing(), iter([("x is small", x < 3)]))
    e.fact("it follows", iter([("premise", x < 2)]), iter([("x is small", x < 3)]))

    lemmas = [o.outcome for o in e.obligations if o.kind is Kind.LEMMA]
    assert lemmas == [Outcome.FAILED, Outcome.PROVED]
