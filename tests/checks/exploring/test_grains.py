"""A coarser grain loses behaviours and invents none, names what it passed by, and its schedules are runs."""

import pytest

from spanproof.checks.exploring.grains import Fused, Grain, tables_at
from spanproof.checks.exploring.search import explore, schedule_to
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.faults.planting import subject
from spanproof.checks.running.replaying import replay, run
from spanproof.checks.sampling.verdicts import Sampling, judge_sampled
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.access import PLAIN
from spanproof.impl.malloc import Runtime

SMALL = "two_allocs_one_arena"
SEVERAL = (SMALL, "memory_runs_out", "ensure_swept_before_1_17", "free_against_alloc", "two_cycles")


def at(grain: Grain, scenario: str) -> Tables:
    """The tables of a scenario at a grain."""
    return tables_at(grain, BY_NAME[scenario].program, Runtime)


def states_of(tables: Tables) -> set[tuple[object, ...]]:
    """Every state that a search reaches, as the values of all cells and where each thread stands."""
    found = explore(tables)
    assert found.broken is None
    return {
        (
            *(tables.values[n][char] for n, char in enumerate(tables.row_of(state))),
            *(node and (node.function, node.line, str(node.access.cell)) for node in tables.nodes_of(state)),
        )
        for state in found.parents or ()
    }


def ends_of(states: set[tuple[object, ...]], scenario: str) -> set[tuple[object, ...]]:
    """Those in which all threads are done."""
    threads = len(BY_NAME[scenario].program.threads)
    return {state for state in states if state[-threads:] == (None,) * threads}


@pytest.mark.parametrize("scenario", SEVERAL)
def test_a_coarser_grain_only_loses_behaviours(scenario: str) -> None:
    """Call's states are among lock's, and these among those of all accesses; so are the ends; some end is left."""
    fine, lock, call = (states_of(at(grain, scenario)) for grain in (Grain.ACCESS, Grain.LOCK, Grain.CALL))
    assert call < fine
    assert lock < fine
    assert len(call) < len(lock) < len(fine)
    assert ends_of(call, scenario) <= ends_of(lock, scenario) <= ends_of(fine, scenario)
    assert ends_of(call, scenario)


def test_operations_in_turn_are_all_that_call_sees() -> None:
    """One operation each: two orders, so five states and two ends."""
    states = states_of(at(Grain.CALL, SMALL))
    assert (len(states), len(ends_of(states, SMALL))) == (5, 2)
    several = "manual_against_heap"
    assert len(ends_of(states_of(at(Grain.CALL, several)), several)) > 2


def test_a_round_without_a_scheduling_point_is_no_wait() -> None:
    """A thread that goes round is told to do so, as at the finest grain."""
    heap = planted((Edit("Heap.reclaim", "credit > 0", "credit >= 0"),))
    for grain in Grain:
        found = explore(tables_at(grain, BY_NAME["two_cycles"].program, heap))
        assert found.broken is not None
        assert found.broken.detail == "T0 goes round for ever, and no other thread can go on"
        judged = judge(BY_NAME["two_cycles"], Subject(heap), grain=grain)
        assert judged.result.reason == "no_deadlock: T0 goes round for ever, and no other thread can go on"
        assert judged.record is not None


def test_threads_that_wait_let_others_go_on() -> None:
    """Else the one that has to wait for a sweeper would be stuck, and a deadlock be told that is none."""
    assert (
        judge(BY_NAME["ensure_swept_before_1_17"], Subject(), grain=Grain.CALL).result.verdict is not Verdict.VIOLATED
    )


@pytest.mark.parametrize("name", ["failed_cas_treated_as_done", "plain_store_for_cas", "sweep_without_acquiring"])
def test_what_needs_a_fine_grain_is_missed_by_a_coarse_one(name: str) -> None:
    """Found at each access, and at locks and atomics, with a record that replays; not between operations."""
    heap = subject(fault=name)
    scenario = BY_NAME["alloc_against_sweeper" if name.startswith("sweep") else SMALL]
    for grain in (Grain.ACCESS, Grain.LOCK):
        judged = judge(scenario, heap, grain=grain)
        assert judged.result.verdict is Verdict.VIOLATED
        assert judged.record is not None
        assert replay(judged.record, heap.heap_class).difference == ""
    assert judge(scenario, heap, grain=Grain.CALL).result.verdict is not Verdict.VIOLATED


def test_a_fused_schedule_is_a_run_of_single_accesses() -> None:
    """Run on the plain machine, it ends in the memory that the search says."""
    tables = at(Grain.LOCK, SMALL)
    found = explore(tables)
    assert found.parents is not None
    for state in list(found.parents)[::50]:
        coarse = schedule_to(tables, found.parents, state)
        schedule = tables.finely(coarse)
        assert len(schedule) >= len(coarse)
        ran = run(tables.program, Runtime, schedule)
        assert len(ran.steps) == len(schedule)
        last = {step.cell: step.after for step in ran.steps}
        names, row = tables.numbering.names, tables.row_of(state)
        held = {names[n]: tables.values[n][char] for n, char in enumerate(row)}
        assert all(str(held[cell]) == after or after == "nil" for cell, after in last.items() if "[" in cell)


def test_a_run_that_breaks_a_claim_ends_with_the_access_that_does() -> None:
    """In the midst of a fused run, where a plain write breaks it."""
    heap = subject(fault="failed_cas_treated_as_done").heap_class
    tables = tables_at(Grain.LOCK, BY_NAME[SMALL].program, heap)
    found = explore(tables)
    assert found.broken is not None
    last = run(tables.program, heap, tables.finely(found.schedule)).steps[-1]
    assert (last.access, last.cell) == ("write", "memory[5]")
    assert last.cell in found.broken.detail


def test_what_was_passed_by_is_named() -> None:
    """At locks: plain accesses and what the lock guards, nothing else; at calls, locks and atomics too."""
    lock, call = at(Grain.LOCK, SMALL), at(Grain.CALL, SMALL)
    explore(lock)
    explore(call)
    assert isinstance(lock, Fused)
    assert isinstance(call, Fused)
    assert {why for why, *_ in lock.passed} == {"plain", "under lock"}
    assert all(kind in PLAIN for why, kind, *_ in lock.passed if why == "plain")
    assert ("plain", "write", "spans", "set_spans") in lock.passed
    assert ("under lock", "update", "pages", "alloc") in lock.passed
    assert ("fused", "compare_and_swap", "zeroedBase", "alloc_needs_zero") in call.passed
    assert lock.passed["plain", "write", "spans", "set_spans"] == 68
    assert "68  plain       write   spans" in lock.told_passed()
    assert at(Grain.ACCESS, SMALL).told_passed() == ""


def test_the_bound_says_the_grain() -> None:
    """And the number of states is not held against that of all interleavings."""
    judged = judge(BY_NAME[SMALL], Subject(), grain=Grain.LOCK)
    assert judged.result.verdict is Verdict.HOLDS
    assert judged.result.bound == "all 650 states, 2 threads, go1.16; scheduling points only at locks and atomics"
    assert judged.told.startswith("31 accesses were not scheduling points")
    drawn = judge_sampled(BY_NAME[SMALL], Subject(), Sampling(400, grain=Grain.LOCK))
    assert drawn.result.bound.endswith("scheduling points only at locks and atomics")
    assert "were not scheduling points" in drawn.told
