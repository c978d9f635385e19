"""Scenarios and workloads on a system that misbehaves."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from spanproof.checks.environment_scenarios import ENVIRONMENT_SCENARIOS
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.corpus import BY_NAME as FAULTS
from spanproof.checks.faults.environment_faults import ENVIRONMENT_FAULTS
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.planting import subject
from spanproof.checks.monitor import Monitor
from spanproof.checks.programs import ENVIRONMENT, SWITCHES, Program, program_of
from spanproof.checks.running.machine import HeapError, Machine, heaps_of
from spanproof.checks.running.replaying import replay
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import BY_NAME, SCENARIOS
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.checks.workloads import SHAPES
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import Geometry
from spanproof.model.releases import NEWEST, RELEASES, row
from tests.checks.drawing import many_programs

DIRTY = BY_NAME["finding_dirty_memory_as_zero"]
CLAIM = "asked_for_zero_gets_zero"
RATIOS = {Fraction(1, 2), Fraction(1), Fraction(2), Fraction(4), Fraction(8)}


@pytest.mark.parametrize("scenario", ENVIRONMENT_SCENARIOS, ids=lambda s: s.name)
def test_every_scenario_comes_out_as_it_says(scenario: Scenario) -> None:
    """All interleavings, the states counted, the sentinels fired; a finding is found."""
    judged = judge(scenario, Subject())

    assert judged.result.verdict is Verdict.HOLDS, judged.result.reason
    assert (judged.record is not None) == scenario.finding


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.name)
def test_dirty_memory_is_handed_out_as_zero_where_scavenged_is_taken_for_zero(release: Any) -> None:
    """From 1.26 on the search finds it, with a record that replays; before it finds nothing."""
    judged = judge(DIRTY, Subject(), release=release)

    if not release.scavenged_is_zero:
        assert judged.record is None
        assert judged.result.verdict is (Verdict.HOLDS if release.scavenge_index else Verdict.UNKNOWN)
        return
    assert judged.result.verdict is Verdict.VIOLATED
    assert judged.record is not None
    assert judged.record.violated.claim == CLAIM
    assert replay(judged.record, Runtime).difference == ""


def test_the_finding_needs_the_system_to_fail() -> None:
    """The same program where the system clears what is returned to it."""
    program = replace(DIRTY.program, unused_zeroes=True)

    assert (
        judge(replace(DIRTY, program=program, finding=False, states=0), Subject(), release=row("go1.27")).record is None
    )


def judged_claims(program: Program) -> set[str]:
    """The invariants that are judged of a program's states."""
    monitor: Monitor = Machine(program, Runtime).monitor
    return {invariant.name for invariant, _ in monitor.invariants}


def test_what_the_system_did_is_not_judged_where_it_fails() -> None:
    """That scavenged pages are zero is the system's doing; all else is judged as ever."""
    failing = BY_NAME["dirty_memory_before_1_26"].program
    behaving = replace(failing, unused_zeroes=True)

    assert judged_claims(behaving) - judged_claims(failing) == {"scavenged_page_is_zero"}


@pytest.mark.parametrize("fault", ENVIRONMENT_FAULTS, ids=lambda f: f.name)
def test_faults_show_in_their_scenarios(fault: Fault) -> None:
    """Each breaks its claim where it says, with a record that replays."""
    heap = subject(fault=fault.name)
    judged = judge(BY_NAME[fault.scenario], heap, only=fault.claim)

    assert FAULTS[fault.name] is fault
    assert judged.record is not None, judged.result.reason
    assert judged.record.violated.claim == fault.claim
    assert replay(judged.record, heap.heap_class).difference == ""


def test_a_throw_for_want_of_memory_counts_where_none_was_refused() -> None:
    """With a system that refuses nothing, and with one that has just granted what was asked for."""
    heap = subject(fault="granted_memory_refused")
    judged = judge(BY_NAME["memory_is_just_enough"], heap)

    assert judged.record is not None
    assert judged.record.violated.claim == "out_of_memory_only_where_refused"


def ratio(g: Geometry) -> Fraction:
    """A page of the system's in pages of the heap's."""
    return Fraction(g.phys_page_size, g.page_size)


def test_pages_of_the_system_come_in_all_sizes() -> None:
    """Scenarios and workloads have pages of the system's of half to eight pages of the heap's."""
    assert {ratio(s.program.geometry) for s in SCENARIOS} >= RATIOS
    assert {ratio(g) for g in SHAPES} >= RATIOS


def test_ranges_lie_at_both_ends() -> None:
    """Some shape of both has the lowest address that a heap can have, and one the highest, at once."""
    ends = {(g.heap_base == g.chunk_base(1), g.heap_limit == g.max_off_addr + 1) for g in SHAPES}
    assert (True, True) in ends
    program = BY_NAME["both_ends_of_the_address_space"].program
    assert program.geometry.heap_base == program.geometry.chunk_base(1)
    assert program.geometry.heap_limit == program.geometry.max_off_addr + 1


def test_workloads_meet_every_misbehaviour() -> None:
    """A thousand programs: refused addresses, refused memory, unused memory left; most of them on a good system."""
    seen = many_programs()

    for name, usual in ENVIRONMENT.items():
        assert any(getattr(p, name) != usual for p in seen), name
    behaving = [p for p in seen if all(getattr(p, name) == usual for name, usual in ENVIRONMENT.items())]
    assert len(behaving) > len(seen) // 2
    assert all(p.unused_zeroes or not p.release.scavenged_is_zero for p in seen)


def test_programs_of_older_records_have_a_system_that_behaves() -> None:
    """A record without these switches is read as if they were as usual; with them they come back."""
    data = BY_NAME["no_memory_for_pages"].program.as_json()
    assert program_of(data).mappings == data["mappings"] == 5

    older = {name: value for name, value in data.items() if name not in ENVIRONMENT}
    assert {name: getattr(program_of(older), name) for name in ENVIRONMENT} == ENVIRONMENT
    assert set(ENVIRONMENT) < set(SWITCHES)


class Narrow(Runtime):
    """A user's heap, written before systems could misbehave."""

    def __init__(
        self, geometry: Geometry, release: Any, *, tracing: bool, preemptible: bool, has_p: bool, p: int,
        memory_limit: int, gc_percent_goal: int, aligned_stacks: bool,
    ) -> None:  # fmt: skip
        """Take what there was to be taken."""
        super().__init__(
            geometry, release, tracing=tracing, preemptible=preemptible, has_p=has_p, p=p, memory_limit=memory_limit,
            gc_percent_goal=gc_percent_goal, aligned_stacks=aligned_stacks,
        )  # fmt: skip


def test_heaps_of_users_need_not_know_of_it() -> None:
    """They are told of the system only where it misbehaves."""
    program = BY_NAME["two_allocs_one_arena"].program

    assert heaps_of(program, Narrow)[0].release.name == program.release.name
    with pytest.raises(HeapError, match=r"cannot be made: .*mappings"):
        heaps_of(replace(program, release=NEWEST, mappings=3), Narrow)
