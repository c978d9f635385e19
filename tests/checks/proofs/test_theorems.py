"""The theorems of the reference heap, as they are proved, told and run by themselves."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from spanproof.checks.faults.planting import subject
from spanproof.checks.proofs.catalogue import BY_NAME, THEOREMS
from spanproof.checks.proofs.script import judged
from spanproof.checks.proofs.script import proved as proved_of
from spanproof.checks.proving.engine import Engine
from spanproof.checks.proving.jobs import granted
from spanproof.checks.proving.obligations import Kind, Outcome, Proof
from spanproof.checks.proving.telling import story
from spanproof.checks.proving.theorem import JOBS, RESTS_ON, Theorem, Unit, prove, units
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.claims import BY_NAME as CLAIMS
from spanproof.model.contracts.contract import Unbounded, Waits, by_retries_alone
from spanproof.model.releases import RELEASES
from tests.checks.proofs.done import proved, together

ASKED_FOR = {
    "zeroed_base_never_decreases", "zeroed_base_stays_in_arena", "no_overlapping_spans",
    "needzero_false_is_already_zero", "asked_for_zero_gets_zero", "overlap_throw_unreachable",
    "alloc_needs_zero_terminates",
    "set_spans_maps_exactly_the_region", "only_the_winner_sweeps", "reclaim_chunk_touches_only_swept_or_claimed_spans",
}  # fmt: skip
each = pytest.mark.parametrize("theorem", THEOREMS, ids=lambda t: t.name)


@together
@each
def test_it_holds_in_integers(theorem: Theorem) -> None:
    """All obligations are met in every release, none from a contradiction, some of them the claim's own."""
    found, done = proved(theorem)

    assert (found.result.verdict, found.result.reason) == (Verdict.HOLDS, "")
    assert found.result.counts["own"] > 0
    assert all(o.outcome is Outcome.PROVED for _, proof in done for o in proof.obligations)
    for _, proof in done:
        ends = [o for o in proof.obligations if o.kind is Kind.REACHED]
        assert ends or proof.job.endswith(": start")  # which is judged on values, from no hypothesis


@pytest.mark.parametrize("release", ["go1.16", "go1.17", "go1.25", "go1.27"])
def test_it_holds_of_one_release(release: str) -> None:
    """What only other releases come to is not asked for, also where the text keeps the answer in a local."""
    found, _ = proved_of(BY_NAME["asked_for_zero_gets_zero"], Subject(), release=release)
    assert (found.result.verdict, found.result.reason) == (Verdict.HOLDS, "")


@pytest.mark.long
@each
def test_it_holds_of_each_release_alone(theorem: Theorem) -> None:
    """As whoever keeps one release asks."""
    for release in RELEASES:
        if any(JOBS[job].applies(release) for job in theorem.proofs):
            found, _ = proved_of(theorem, Subject(), release=release.name)
            assert (found.result.verdict, found.result.reason) == (Verdict.HOLDS, ""), release.name


@cache
def in_bits(unit: Unit) -> Proof:
    """One proof in 64-bit words, done once for all theorems."""
    return prove(unit, Runtime, "bv64")


@pytest.mark.long
@each
def test_it_holds_in_64_bits(theorem: Theorem) -> None:
    """The same in 64-bit words, with Go's constants and the offset of amd64."""
    needed = [unit for job in theorem.proofs for unit in units(JOBS[job], Runtime)]
    found = judged(theorem, [(unit, in_bits(unit)) for unit in needed], Subject(), "bv64", None)

    assert (found.result.verdict, found.result.reason) == (Verdict.HOLDS, "")


def test_a_small_theorem_holds_in_64_bits() -> None:
    """Words that wrap around are in every run of the tests, if only for the smallest proofs."""
    heap = Subject()
    for name in ("zeroing: rely", "malloc_small", "one owner", "owning: rely", "sweeping: rely", "uncache_span"):
        for unit in units(JOBS[name], heap.heap_class):
            assert not prove(unit, heap.heap_class, "bv64").failed


def test_the_theorems_are_those_that_were_asked_for() -> None:
    """The catalogue has at least the theorems of the project's plan, each with claims that a run can break."""
    assert set(BY_NAME) >= ASKED_FOR
    assert len(BY_NAME) == len(THEOREMS)
    assert all(claim in CLAIMS for theorem in THEOREMS for claim in theorem.claims)
    assert all(theorem.claims for theorem in THEOREMS)


@each
def test_every_release_is_spoken_of(theorem: Theorem) -> None:
    """The rows on which the proofs are done stand for every release of the table, for each function."""
    for name in theorem.proofs:
        spoken = [row for unit in units(JOBS[name], Runtime) for row in unit.rows]
        assert sorted(spoken) == sorted({r.name for r in RELEASES if JOBS[name].applies(r)})


def test_contracts_are_discharged_where_they_say() -> None:
    """`proved: NAME` names a proof, which every theorem that uses the contract includes; `searched: NAME` a claim."""
    for theorem in THEOREMS:
        for job in (JOBS[name] for name in theorem.proofs):
            for callee in job.by_contract:
                how, _, what = job.protocol.calls[callee].discharged.partition(": ")
                named = re.split(r"[;,]| in ", what)[0].strip()
                if how == "proved":
                    assert named in JOBS, callee
                elif how == "searched":
                    assert named in CLAIMS, callee
                else:
                    assert "write none of the cells" in job.protocol.calls[callee].discharged


def test_premises_that_are_proved_or_searched_name_where() -> None:
    """`(proved: NAME)` in a premise names a theorem, `(searched: NAME)` a claim."""
    premises = {premise for job in JOBS.values() for premise in job.premises}
    assert {name for p in premises for name in re.findall(r"proved: (\w+)", p)} <= set(BY_NAME)
    assert {name for p in premises for name in re.findall(r"searched: (\w+)", p)} <= set(CLAIMS)
    assert any("proved: " in p for p in premises)


def test_every_loop_has_a_rank_but_one_that_waits() -> None:
    """Each loop of a function that is proved has a rank, or names the proof that shows it; ensure_swept alone waits.

    Scavenging goes on while others free as fast as it returns: of that no bound is shown.
    """
    loops = [(place, loop) for job in JOBS.values() for place, loop in job.protocol.loops.items()]
    assert {place for place, loop in loops if isinstance(loop.rank, Waits)} == {("ensure_swept", 0)}
    endless = {place for place, loop in loops if isinstance(loop.rank, Unbounded)}
    assert endless == {("scavenge", 0), ("bgscavenge", 0)}
    tried_again = {place: loop for place, loop in loops if loop.rank is by_retries_alone}
    assert all(loop.retries for loop in tried_again.values())
    assert {function for function, _ in tried_again} == {
        "begin_sweep", "end_sweep", "mark_drained", "clear", "store_min",
    }  # fmt: skip
    for place, loop in loops:
        if isinstance(loop.rank, str):
            assert not isinstance(JOBS[loop.rank].protocol.loops[place].rank, str)


def test_every_proof_belongs_to_a_theorem() -> None:
    """One that belonged to none would never be done."""
    assert {name for theorem in THEOREMS for name in theorem.proofs} == set(JOBS)


def test_which_protocols_rest_on_which() -> None:
    """Why a theorem holds only if some other proofs of the run do: where premises lead from its protocol."""
    protocols = {job.protocol for job in JOBS.values()}
    named = {
        protocol: {
            JOBS[job].protocol
            for own in JOBS.values()
            if own.protocol is protocol
            for premise in granted(own)
            for name in re.findall(r"\(proved: (\w+)\)", premise)
            for job in BY_NAME[name].proofs
        }
        for protocol in protocols
    }
    for protocol in protocols:
        reached, todo = {protocol}, [protocol]
        while todo:
            new = named[todo.pop()] - reached
            reached |= new
            todo += new
        assert reached == {jobs[0].protocol for jobs in RESTS_ON[protocol]}, protocol.title


def test_a_theorem_does_not_hold_if_another_proof_of_the_run_fails() -> None:
    """freeSpanLocked leaves the in-use bit set: reclaimChunk's own proofs are met, but they rest on that bit."""
    heap = subject(fault="freed_with_in_use_bit")
    theorem = BY_NAME["reclaim_chunk_touches_only_swept_or_claimed_spans"]
    _, done = proved_of(theorem, heap)
    others = [prove(unit, heap.heap_class, "int") for unit in units(JOBS["free_span_locked"], heap.heap_class)]

    assert judged(theorem, done, heap, "int", None).result.verdict is Verdict.HOLDS
    found = judged(theorem, done, heap, "int", None, others=others)
    assert found.result.verdict is Verdict.UNKNOWN
    assert "rests on free_span_locked, not shown: heap.py" in found.result.reason


def test_time_that_ran_out_is_said_once() -> None:
    """Of a theorem's own proofs, and of the dozens that it rests on: not proof by proof."""
    theorem, late = BY_NAME["zeroed_base_never_decreases"], "the budget of 55 s is used up"
    done = [
        (unit, Proof(unit.job, unit.release, "int", error=late))
        for name in theorem.proofs
        for unit in units(JOBS[name], Runtime)
    ]
    others = [Proof(name, "go1.27", "int", error=late) for name in JOBS if name not in theorem.proofs]
    reason = judged(theorem, done, Subject(), "int", None, others=others).result.reason
    assert reason.count(late) == 2
    assert re.search(
        r"^\S.*? and \d+ other proofs: the budget .*; rests on \S.*? and \d+ other proofs, not shown: ", reason
    )
    assert "nothing to run" not in reason
    assert len(reason) < 250


def test_a_solver_that_was_told_to_stop_has_read_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may say so in the middle of anything; only without a reason to stop is the text to blame."""

    def stopped(*_: object) -> None:
        raise RuntimeError("push canceled")

    monkeypatch.setattr(Engine, "run", stopped)
    (unit,) = units(JOBS["alloc_needs_zero"], Runtime)
    assert prove(unit, Runtime, "int", lambda _: "the budget is used up").error == "the budget is used up"
    assert "cannot be read with symbols" in prove(unit, Runtime, "int").error


def test_nothing_proved_is_not_holds() -> None:
    """A theorem none of whose proofs were done is unknown."""
    found = judged(BY_NAME["zeroed_base_never_decreases"], [], Subject(), "int", None)

    assert found.result.verdict is Verdict.UNKNOWN
    assert "not done" in found.result.reason


@together
def test_a_theorem_is_told_at_length() -> None:
    """The story has the claim, the premises, where contracts are discharged, obligations by line, and times."""
    theorem = BY_NAME["asked_for_zero_gets_zero"]
    found, done = proved(theorem)
    told = story(theorem, found.result, done)

    assert told.startswith("HOLDS     asked_for_zero_gets_zero\n")
    for said in (
        theorem.says, "sys_unused zeroes", "the compare-and-swap is strong", "no address overflow", "are disjoint",
        "alloc_span proved: alloc_span: needzero", "proved: pages.alloc", "line",
        "s in the solver",
    ):  # fmt: skip
        assert said in " ".join(told.split()), said


@together
def test_what_the_premise_on_addresses_excludes_is_shown() -> None:
    """The endless loop at npage = 2^51 is run, and told with the theorem that needs the premise."""
    theorem = BY_NAME["alloc_needs_zero_terminates"]
    found, done = proved(theorem)

    assert f"at npage = {1 << 51} the loop comes round" in story(theorem, found.result, done)


def test_a_script_proves_its_theorem_by_itself() -> None:
    """`python -m spanproof.checks.proofs.NAME` tells the theorem, exits 0, and says nothing on stderr."""
    command = [sys.executable, "-m", "spanproof.checks.proofs.zeroed_base_never_decreases"]
    source = {"PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=source)  # noqa: S603  # our own

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("HOLDS")


def test_every_theorem_has_its_script() -> None:
    """A module of the same name holds each theorem."""
    for theorem in THEOREMS:
        module = sys.modules[f"spanproof.checks.proofs.{theorem.name}"]
        assert module.__dict__["THEOREM"] is theorem


@pytest.mark.benchmark(group="prove")
def test_time_of_the_quick_tier(benchmark: BenchmarkFixture) -> None:
    """All proofs in integers, each once."""

    def everything() -> int:
        return sum(len(prove(unit, Runtime, "int").failed) for job in JOBS.values() for unit in units(job, Runtime))

    assert benchmark.pedantic(everything, rounds=1) == 0  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]
