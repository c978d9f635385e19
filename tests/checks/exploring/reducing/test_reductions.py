"""A search that leaves out what it may comes to the verdict of one that leaves out nothing, on text right and wrong."""

from dataclasses import replace
from itertools import permutations

import pytest

from spanproof.checks.exploring.cases import Leaf
from spanproof.checks.exploring.reducing import overlaps
from spanproof.checks.exploring.reducing.overlaps import explored_in_runs
from spanproof.checks.exploring.reducing.reductions import NOTHING, Reduction
from spanproof.checks.exploring.reducing.runs import Place, Runs
from spanproof.checks.exploring.repeating import differs_in
from spanproof.checks.exploring.search import Explored, explore, schedule_to
from spanproof.checks.exploring.tables import DONE, NODE_BITS, NODE_MASK, LimitError, Tables
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.exploring.walking.arrays import explore_arrays
from spanproof.checks.exploring.walking.compiled import explore_compiled
from spanproof.checks.faults.corpus import FAULTS
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import AllocManual, Collect, Drop, MallocLarge, Program, ScavengeAll, Sweep, Thread
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import BY_NAME, SCENARIOS
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.releases import row
from tests.checks.exploring.reducing.alike_programs import LARGE, OPS, TWO_AND_ONE, alike
from tests.checks.exploring.reducing.heaps import Counting, Nosy, Spinning
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


SWEEPERS = replace(
    LARGE, threads=(Thread((Sweep(),)), Thread((Sweep(),)), Thread((), (MallocLarge(1), Drop(0), Collect())))
)
"""Who of the two acquires the span is named by a ghost."""
SCAVENGERS = replace(LARGE, threads=(Thread((AllocManual(1), ScavengeAll())),) * 2)
"""So is who of these is alone at work."""
PROGRAMS = {
    "sweepers": SWEEPERS,
    "scavengers": SCAVENGERS,
    "2x1": alike(2, 1),
    "2x3": alike(2, 3),
    "3x1": alike(3, 1),
    "2+1": TWO_AND_ONE,
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_the_states_taken_for_those_kept_are_all_states(program: Program) -> None:
    """Each state kept stands for those that differ from it in who is who; together they are as many as there are."""
    tables = runs(program, SYMMETRY)
    kept = explore(tables)
    assert kept.parents is not None
    whole = explore_arrays(Tables(program, Runtime))
    assert sum(orbit(tables, state) for state in kept.parents) == whole.states
    assert kept.states < whole.states
    assert kept.levels == whole.levels


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_states_are_those_of_the_plain_machine(program: Program) -> None:
    """Of some the schedule is run by threads that are told apart, and comes to the same but for names."""
    tables = runs(program, EXACT)
    found = explored_in_runs(tables, explore)
    assert found.parents is not None
    for state in list(found.parents)[:: 1 + found.states // 300]:
        schedule, are = tables.followed(schedule_to(tables, found.parents, state))
        assert differs_in(tables, Runtime, state, schedule, are) == ""


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
    assert judged.verdict is Verdict.HOLDS, judged.reason


@pytest.mark.long
@pytest.mark.parametrize("reductions", [EXACT, ALL], ids=["exact", "all"])
@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if s.states >= FEW], ids=lambda s: s.name)
def test_right_text_is_found_right_in_large_scenarios(scenario: Scenario, reductions: frozenset[Reduction]) -> None:
    """As above."""
    test_right_text_is_found_right(scenario, reductions)


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
    from spanproof.checks.exploring.reducing.alike import kinds  # noqa: PLC0415

    assert kinds(TWO_AND_ONE) == ((0, 2),)
    assert kinds(replace(LARGE, threads=(Thread(OPS), Thread(OPS[:2])))) == ()
    assert kinds(replace(LARGE, threads=(Thread(OPS, OPS[:2]), Thread(OPS), Thread(OPS)))) == ((1, 2),)
    assert kinds(replace(LARGE, threads=(Thread(OPS), Thread(OPS)), ps=True)) == ()


def found_of(heap: type[Runtime], program: Program, reductions: frozenset[Reduction]) -> str | None:
    """The claim that a search of a user's heap finds broken; None: it finds none."""
    tables = Runs(program, heap, reductions, only="scavenged_page_is_zero")
    broken = explored_in_runs(tables, explore).broken
    return None if broken is None else broken.claim


@pytest.mark.parametrize(
    "reductions", [NOTHING, UNSEEN, SYMMETRY, EXACT, ALL], ids=lambda found: "+".join(sorted(found))
)
def test_what_is_lost_after_an_unlock_is_seen(reductions: frozenset[Reduction]) -> None:
    """Whoever gives the lock back has another name then, but has touched what it had touched."""
    assert found_of(Counting, alike(2, 1), reductions) == "scavenged_page_is_zero"


def test_who_may_know_threads_by_number_is_refused() -> None:
    """A number that was read into a local would not be renamed."""
    with pytest.raises(LimitError, match=r"load of heap\.lock tells threads apart"):
        found_of(Nosy, alike(2, 1), SYMMETRY)
    assert found_of(Nosy, alike(2, 1), UNSEEN) is None


def test_a_run_that_goes_round_moves() -> None:
    """Two threads that spin are not taken for two that wait."""
    tables = Runs(alike(2, 1), Spinning, UNSEEN)
    whole = explore(Tables(alike(2, 1), Spinning))
    reduced = explored_in_runs(tables, explore)
    assert (whole.broken, reduced.broken) == (None, None)


def test_the_walk_over_arrays_is_not_taken_for_threads_that_are_alike() -> None:
    """It tells them apart."""
    judged = judge(BY_NAME["two_allocs_one_arena"], subject(), reductions=SYMMETRY, walk="arrays", small=False).result
    assert judged.verdict is Verdict.UNKNOWN
    assert "--walk arrays" in judged.reason


def test_threads_that_a_ghost_names_at_the_start_are_told_apart() -> None:
    """One of two has begun, and a ghost says which."""
    program = replace(LARGE, threads=(Thread((ScavengeAll(),)),) * 2)
    tables = runs(program, SYMMETRY)
    assert tables.kinds == ()
    assert told(explore(tables)) == told(explore(Tables(program, Runtime)))


def test_only_who_wants_a_lock_that_is_held_waits() -> None:
    """If nobody holds it a thread goes on, and touches all that its run does."""
    tables = runs(alike(2, 1), UNSEEN)
    explored_in_runs(tables, explore)
    nodes = [node for node in tables.automata[0].nodes if node is not None]
    wants = next(node for node in nodes if node.number == tables.lock and node.access.kind == "lock")
    held = next(node for node in nodes if node.held)
    free = next(node for node in nodes if not node.held and node is not wants)
    assert overlaps.waits(tables, held, wants)
    assert not overlaps.waits(tables, free, wants)
    assert not overlaps.waits(tables, held, free)
    assert not overlaps.waits(tables, None, wants)


@pytest.mark.parametrize("name", ["two_allocs_one_arena", "reclaim_against_reuse"])
def test_a_run_looks_at_nothing_that_it_wrote_before(name: str) -> None:
    """Else two paths of a tree would not part where they look at the same."""
    tables = runs(BY_NAME[name].program, ALL)
    found = explored_in_runs(tables, explore)
    assert found.parents is not None
    for state in found.parents:
        row_ = tables.row_of(state)
        for t in range(len(tables.automata)):
            source = state >> NODE_BITS * t & NODE_MASK
            if source == DONE:
                continue
            tables.case(t, source, row_)
            wanted, written = dict[int, str](), set[int]()
            for access in tables.run(t, source, row_):
                wanted |= {cell: char for cell, char in access.path if cell not in written and cell not in wanted}
                written |= {cell for cell, _ in access.leaf.updates} if access.done else set()
            assert dict(tables.path(t, source, row_)) == wanted
            assert all(row_[cell] == char for cell, char in wanted.items())


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
