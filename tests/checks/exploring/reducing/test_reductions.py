"""A search that leaves out what it may comes to the verdict of one that leaves out nothing, on text right and wrong."""

from itertools import permutations

import pytest

from spanproof.checks.exploring.cases import Leaf
from spanproof.checks.exploring.reducing import overlaps
from spanproof.checks.exploring.reducing.overlaps import explored_in_runs
from spanproof.checks.exploring.reducing.reductions import NOTHING, Reduction
from spanproof.checks.exploring.reducing.runs import Place, Runs
from spanproof.checks.exploring.search import Explored, explore
from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK, Tables
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.exploring.walking.arrays import explore_arrays
from spanproof.checks.exploring.walking.compiled import explore_compiled
from spanproof.checks.faults.corpus import FAULTS
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import Program
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import BY_NAME, SCENARIOS
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.releases import row
from tests.checks.exploring.reducing.alike_programs import LARGE, OPS, TWO_AND_ONE, alike
from tests.checks.exploring.test_walks import NEEDS_KERNEL, told

UNSEEN, LOCKED, SYMMETRY = (frozenset({reduction}) for reduction in Reduction)
EXACT, ALL = UNSEEN | SYMMETRY, frozenset(Reduction)
FEW = 4_000
"""States of the scenarios that are searched once more here."""


def runs(program: Program, reductions: frozenset[Reduction], only: str | None = None) -> Runs:
    """The tables of the reference's runs."""
    return Runs(program, Runtime, reductions, only=only)


def orbit(tables: Runs, state: int) -> int:
    """How many states are taken for this one: by renaming its threads in every way."""
    alike, threads = tables.alike, len(tables.automata)
    assert alike is not None
    row_, nodes = tables.row_of(state), [state >> NODE_BITS * t & NODE_MASK for t in range(threads)]
    ways = [who for who in permutations(range(threads)) if all(_keeps(who, kind) for kind in tables.kinds)]
    ways = [who for who in ways if all(who[t] == t for t in range(threads) if not _has_kind(tables, t))]
    return len({(alike.row(row_, who), tuple(nodes[who.index(t)] for t in range(threads))) for who in ways})


def _keeps(who: tuple[int, ...], kind: tuple[int, ...]) -> bool:
    return {who[t] for t in kind} == set(kind)


def _has_kind(tables: Runs, t: int) -> bool:
    return any(t in kind for kind in tables.kinds)


@pytest.mark.parametrize(
    "program", [alike(2, 1), alike(2, 3), alike(3, 1), TWO_AND_ONE], ids=["2x1", "2x3", "3x1", "2+1"]
)
def test_the_states_taken_for_those_kept_are_all_states(program: Program) -> None:
    """Each state kept stands for those that differ from it in who is who; together they are as many as there are."""
    tables = runs(program, SYMMETRY)
    kept = explore(tables)
    assert kept.parents is not None
    whole = explore_arrays(Tables(program, Runtime))
    assert sum(orbit(tables, state) for state in kept.parents) == whole.states
    assert kept.states < whole.states
    assert kept.levels == whole.levels


@NEEDS_KERNEL
@pytest.mark.parametrize("reductions", [UNSEEN, LOCKED, SYMMETRY, ALL], ids=lambda found: "+".join(sorted(found)))
@pytest.mark.parametrize("program", [alike(2, 3), alike(3, 1), TWO_AND_ONE], ids=["2x3", "3x1", "2+1"])
def test_walks_come_to_the_same(program: Program, reductions: frozenset[Reduction]) -> None:
    """The compiled walk and the plain one, of the same runs and the same threads."""
    plain = explored_in_runs(runs(program, reductions), explore)
    assert told(explored_in_runs(runs(program, reductions), explore_compiled)) == told(plain)
    if SYMMETRY.isdisjoint(reductions):
        assert told(explored_in_runs(runs(program, reductions), explore_arrays)) == told(plain)


@pytest.mark.parametrize("reductions", [EXACT, ALL], ids=["exact", "all"])
@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if s.states < FEW], ids=lambda s: s.name)
def test_right_text_is_found_right(scenario: Scenario, reductions: frozenset[Reduction]) -> None:
    """The verdict is that of the whole search, sentinels included; states are drawn and run on the plain machine."""
    judged = judge(scenario, subject(), reductions=reductions, small=False).result
    assert (judged.verdict, judged.reason) == (Verdict.HOLDS, judged.reason)


ORDERED = [fault for fault in FAULTS if fault.scenario]


@pytest.mark.parametrize("fault", ORDERED, ids=lambda fault: fault.name)
def test_wrong_text_is_found_wrong(fault: Fault) -> None:
    """Whatever breaks a claim with nothing left out breaks it with each of them left out, and shows it in a run."""
    scenario, heap = BY_NAME[fault.scenario], subject(fault=fault.name)
    release = row(fault.release) if fault.release else None
    whole = judge(scenario, heap, release=release, only=fault.claim, small=False).result
    for reductions in (UNSEEN, SYMMETRY, ALL):
        found = judge(scenario, heap, release=release, only=fault.claim, small=False, reductions=reductions)
        assert found.result.verdict is whole.verdict, sorted(reductions)
        assert (found.record is None) == (whole.verdict is not Verdict.VIOLATED)


def test_who_does_not_look_for_overlaps_misses_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """If whatever is invisible were fused, a lost compare-and-swap would not be seen: the looks decide."""

    def nowhere(tables: Runs, states: object) -> set[Place]:  # noqa: ARG001  # the signature of overlapping
        return set()

    monkeypatch.setattr(overlaps, "overlapping", nowhere)
    fault = next(fault for fault in FAULTS if fault.name == "plain_store_for_cas")
    heap, release = subject(fault=fault.name), row(fault.release) if fault.release else None
    judged = judge(BY_NAME[fault.scenario], heap, release=release, only=fault.claim, reductions=UNSEEN, small=False)
    assert judged.result.verdict is not Verdict.VIOLATED


def test_who_learns_nothing_of_renaming_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """If writers' marks kept their names, states that are run on the plain machine would differ."""
    from spanproof.checks.exploring.reducing import alike as module  # noqa: PLC0415

    naming = {name: rename for name, rename in module.NAMING.items() if name != "memory"}
    monkeypatch.setattr(module, "NAMING", naming)
    results = [
        judge(BY_NAME["two_allocs_one_arena"], subject(), reductions=SYMMETRY, small=False, seed=seed).result
        for seed in range(8)
    ]
    assert any(result.verdict is not Verdict.HOLDS for result in results)


def test_threads_that_are_not_alike_are_told_apart() -> None:
    """Those with other operations, with a past of their own, or with a P each."""
    from dataclasses import replace  # noqa: PLC0415

    from spanproof.checks.exploring.reducing.alike import kinds  # noqa: PLC0415
    from spanproof.checks.programs import Thread  # noqa: PLC0415

    assert kinds(TWO_AND_ONE) == ((0, 2),)
    assert kinds(replace(LARGE, threads=(Thread(OPS), Thread(OPS[:2])))) == ()
    assert kinds(replace(LARGE, threads=(Thread(OPS, OPS[:2]), Thread(OPS), Thread(OPS)))) == ((1, 2),)
    assert kinds(replace(LARGE, threads=(Thread(OPS), Thread(OPS)), ps=True)) == ()


def test_nothing_left_out_is_the_search() -> None:
    """Runs of single accesses by threads that are told apart are the steps of the tables."""
    program = alike(2, 2)
    assert told(explored_in_runs(runs(program, NOTHING), explore)) == told(explore(Tables(program, Runtime)))


def test_an_access_beside_another_to_the_same_is_a_point() -> None:
    """What two threads load and swap is never fused; what only the lock's holder touches is, where that is asked."""
    tables = runs(alike(2, 3), ALL)
    found: Explored = explored_in_runs(tables, explore)
    assert found.broken is None
    assert {cell for _, _, cell in tables.points} >= {"zeroedBase"}
    report = tables.told_passed()
    assert "under lock" in report
    assert "zeroedBase" not in report


def test_a_run_is_what_its_accesses_do() -> None:
    """The cells that a run writes hold what the last of its accesses wrote, and it looks at nothing that it wrote."""
    tables = runs(alike(2, 1), ALL)
    explored_in_runs(tables, explore)
    row_ = tables.row_of(tables.start)
    leaf: Leaf = tables.case(0, tables.automata[0].start, row_)
    accesses = [access for access in tables.run(0, tables.automata[0].start, row_) if access.done]
    assert len(accesses) > 1
    written = dict(update for access in accesses for update in access.leaf.updates)
    assert dict(leaf.updates) == written
    assert leaf.target == accesses[-1].leaf.target
