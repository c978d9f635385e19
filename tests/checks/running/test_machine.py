"""The first two readings agree: a run, and a walk through the tables, over one schedule."""

import random
from collections.abc import Iterator

import pytest

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.faults.corpus import BY_NAME as FAULTS
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.ordering import ORDERED
from spanproof.checks.programs import AllocManual, Collect, FreeManual, MallocLarge, Program, Sweep, Thread
from spanproof.checks.running.machine import Machine
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import CLEAN, OLD_SPAN
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import BYTES, SMALL
from spanproof.model.releases import NEWEST

SCHEDULES = 12
SPINS = 2_000
"""Steps after which a schedule is cut: spin loops may go on for long."""


def walk(tables: Tables, chooser: random.Random) -> Iterator[tuple[int, int]]:
    """A random walk through the tables: (the thread that takes a step, the state it leads to)."""
    state = tables.start
    for _ in range(SPINS):
        moves: list[tuple[int, int]] = []
        for t, mask in enumerate(tables.masks):
            delta = tables.deltas[t].get(state & mask)
            delta = tables.expand(t, state & mask) if delta is None else delta
            if delta:
                moves.append((t, state + delta))
        if not moves:
            return
        t, state = chooser.choice(moves)
        yield t, state


def assert_same(machine: Machine, tables: Tables, state: int) -> None:
    """All values, ghosts included, and all pending accesses are the same in both."""
    row = tables.row_of(state)
    assert machine.values == [tables.values[n][char] for n, char in enumerate(row)]
    for mine, node in zip(machine.pending, tables.nodes_of(state), strict=True):
        assert (mine is None) == (node is None)
        if mine is not None and node is not None:
            assert (mine.kind, mine.cell, mine.args) == (node.access.kind, node.access.cell, node.access.args)


@pytest.mark.parametrize("scenario", CLEAN, ids=lambda s: s.name)
def test_machine_and_tables_agree(scenario: Scenario) -> None:
    """Step by step over random schedules, the machine has the values and pending accesses that the tables have."""
    tables = Tables(scenario.program, Runtime)
    for seed in range(SCHEDULES):
        machine = Machine(scenario.program, Runtime)
        machine.start()
        assert_same(machine, tables, tables.start)
        for t, state in walk(tables, random.Random(seed)):
            assert t in machine.enabled()
            machine.step(t)
            assert_same(machine, tables, state)


ALONE = "only_the_winner_sweeps"


def test_machine_and_tables_agree_when_a_claim_is_judged_alone() -> None:
    """With one claim judged alone both keep the same ghosts."""
    scenario = next(s for s in CLEAN if s.name == "ensure_swept_against_sweeper")
    tables = Tables(scenario.program, Runtime, only=ALONE)
    for seed in range(SCHEDULES):
        machine = Machine(scenario.program, Runtime, ALONE)
        machine.start()
        for t, state in walk(tables, random.Random(seed)):
            machine.step(t)
            assert_same(machine, tables, state)


def test_a_claim_that_is_judged_alone_is_not_cut_short_by_a_race() -> None:
    """Accesses that are not ordered end a run where all is judged, and where they are judged."""
    heap = planted((Edit("Heap.alloc_needs_zero", "need_zero = False", "need_zero = False\n" + READS),))

    assert ends(heap, None) == ends(heap, ORDERED) == {ORDERED}
    assert ends(heap, "zeroed_base_never_decreases") == set()


READS = "await self.zeroed_base.at(self.arena_index(base)).read()"


def ends(heap: type[Runtime], only: str | None) -> set[str]:
    """The claims that break on random schedules."""
    broken = set[str]()
    for seed in range(SCHEDULES):
        machine, chooser = Machine(CLEAN[0].program, heap, only), random.Random(seed)
        machine.start()
        while machine.enabled():
            try:
                machine.step(chooser.choice(machine.enabled()))
            except BrokenError as e:
                broken.add(e.claim)
                break
    return broken


SOME_FAULTS = ("plain_store_for_cas", "sweep_without_acquiring", "need_zero_not_raised", "second_fit")


@pytest.mark.parametrize("name", SOME_FAULTS)
def test_both_see_a_fault_at_the_same_step(name: str) -> None:
    """On random schedules of a heap with a fault, both readings find the same claim broken at the same step."""
    heap, broken = planted(FAULTS[name].edits), 0
    sweeping = tuple(s for s in CLEAN if "sweep" in s.name)
    for scenario in CLEAN[:4] + sweeping[:3]:
        try:
            tables = Tables(scenario.program, heap)
        except BrokenError as early:
            with pytest.raises(BrokenError, match=early.claim):
                Machine(scenario.program, heap).start()
            continue
        for seed in range(SCHEDULES):
            broken += same_end(tables, Machine(scenario.program, heap), random.Random(seed))
    assert broken or name == "sweep_without_acquiring"


def same_end(tables: Tables, machine: Machine, chooser: random.Random) -> bool:
    """Run both until the machine finds a claim broken; whether it did. The tables must then say the same."""
    machine.start()
    state = tables.start
    for _ in range(SPINS):
        able = machine.enabled()
        if not able:
            return False
        t = chooser.choice(able)
        key = state & tables.masks[t]
        broken = broken_by(machine, t)
        if broken is not None and broken.claim == "plain_accesses_are_ordered":
            return False  # the tables look for these at the end
        if broken is not None:
            with pytest.raises(BrokenError) as found:
                tables.expand(t, key)
            assert (found.value.claim, found.value.detail) == (broken.claim, broken.detail)
            return True
        delta = tables.deltas[t].get(key)
        state += tables.expand(t, key) if delta is None else delta
        assert_same(machine, tables, state)
    return False


def broken_by(machine: Machine, t: int) -> BrokenError | None:
    """The claim that thread t's next step breaks, or None."""
    try:
        machine.step(t)
    except BrokenError as broken:
        return broken
    return None


def run_alone(machine: Machine) -> None:
    """Run each thread to its end as soon as it can go."""
    while able := machine.enabled():
        machine.step(able[0])


def test_the_past_leaves_a_quiet_heap() -> None:
    """What threads did before the program has left nobody inside a function and the lock free."""
    program = Program(
        (Thread((MallocLarge(1),), (MallocLarge(2), Collect())), Thread((), (AllocManual(1), FreeManual(0)))),
        BYTES, NEWEST,
    )  # fmt: skip
    machine = Machine(program, Runtime)
    values = dict(zip(machine.numbering.names, machine.values, strict=True))
    assert values["heap.lock"] == values["world"] == 0
    assert {value for name, value in values.items() if name.endswith(".inside")} == {0}


def test_a_run_to_the_end_is_no_deadlock() -> None:
    """When all threads are done nobody waits; when one waits for a lock that is never released, it is a deadlock."""
    program = Program((Thread((MallocLarge(1),)), Thread((MallocLarge(1),))), SMALL, NEWEST)
    machine = Machine(program, Runtime)
    machine.start()
    run_alone(machine)
    assert not machine.deadlocked()
    held = Machine(program, Runtime)
    held.start()
    held.step(0)
    held.values[held.numbering.of(held.heap.lock)] = 99
    while held.enabled():
        held.pending[held.enabled()[0]] = None
    assert held.deadlocked()
    assert "waits for heap.lock in alloc_span" in held.waiting()


def test_a_past_that_never_ends_is_a_deadlock() -> None:
    """Before the program begins nobody else can help a thread that goes round."""
    heap = planted(FAULTS["counted_off_in_vain"].edits)
    program = Program((Thread((), (*OLD_SPAN, Sweep())),), BYTES, NEWEST)
    with pytest.raises(BrokenError, match="T0 goes round for ever") as broken:
        Machine(program, heap)
    assert broken.value.claim == "no_deadlock"
