"""The search finds the states that a second explorer finds, which has no tables and no keys of local states."""

from collections.abc import Iterable
from typing import Any

import pytest

from spanproof.checks.exploring.search import explore
from spanproof.checks.exploring.tables import Node, Tables
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import CLEAN
from spanproof.impl.malloc import Runtime
from tests.checks.exploring.second_explorer import Place, State, all_states

FEW, MANY = 3_000, 30_000
BUSY = ("two_cycles", "ensure_swept_against_sweeper", "ensure_swept_before_1_17", "ensure_swept_on_1_17")
"""Sweepers that meet see so many results that all of them make over half a million states."""
SMALL = [s for s in CLEAN if s.states < FEW and s.name not in BUSY]
MIDDLE = [s for s in CLEAN if s.states < MANY]
Seen = tuple[tuple[Any, ...], tuple[Any, ...]]


def pending(places: Iterable[Place]) -> tuple[Any, ...]:
    """What each thread is about to do."""
    return tuple(place.pending for place in places)


def pending_nodes(nodes: Iterable[Node | None]) -> tuple[Any, ...]:
    """The same, as the tables have it."""
    return tuple(
        None if n is None else (n.access.kind, n.access.cell, n.access.args, n.function, n.line) for n in nodes
    )


def seen_by_tables(scenario: Scenario, *, liveness: bool | None) -> tuple[int, set[Seen]]:
    """How many states the search finds, and what can be seen of them: all values, what each thread is about to do."""
    tables = Tables(scenario.program, Runtime, liveness=liveness)
    found = explore(tables)
    assert found.broken is None
    assert found.parents is not None
    seen: set[Seen] = set()
    for state in found.parents:
        values = tuple(tables.values[n][char] for n, char in enumerate(tables.row_of(state)))
        seen.add((values, pending_nodes(tables.nodes_of(state))))
    return found.states, seen


def seen_by_second(states: set[State]) -> set[Seen]:
    """The same of the second explorer's states."""
    return {(values, pending(places)) for values, places in states}


def distinct(states: set[State]) -> int:
    """How many there are, when a thread that is done is just done."""
    return len({(values, tuple(p if p.pending else None for p in places)) for values, places in states})


def assert_same(by_tables: tuple[int, set[Any]], states: int, seen: set[Any]) -> None:
    """Compare without showing whole sets: a difference of thousands of states takes pytest minutes to print."""
    assert by_tables[0] == states
    assert len(by_tables[1] ^ seen) == 0


@pytest.mark.parametrize("scenario", SMALL, ids=lambda s: s.name)
def test_same_states_as_by_all_results(scenario: Scenario) -> None:
    """Keyed by all results ever seen, the second explorer sees what the search sees under each of its three keys."""
    states = all_states(scenario.program, merged=False)
    seen = seen_by_second(states)
    assert_same(seen_by_tables(scenario, liveness=True), scenario.states, seen)
    assert_same(seen_by_tables(scenario, liveness=None), distinct(states), seen)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long) for name in BUSY])
def test_same_states_as_by_all_results_of_sweepers(name: str) -> None:
    """The same where sweepers meet; the tables cannot hold so many results."""
    scenario = next(s for s in CLEAN if s.name == name)
    seen = seen_by_second(all_states(scenario.program, merged=False))
    assert_same(seen_by_tables(scenario, liveness=True), scenario.states, seen)


@pytest.mark.parametrize("scenario", MIDDLE, ids=lambda s: s.name)
def test_same_states_as_by_all_locals(scenario: Scenario) -> None:
    """Keyed by all that frames hold, the second explorer finds exactly the states of the search without liveness."""
    states = all_states(scenario.program, merged=True)
    seen = seen_by_second(states)
    assert_same(seen_by_tables(scenario, liveness=False), distinct(states), seen)
    assert_same(seen_by_tables(scenario, liveness=True), scenario.states, seen)


def test_the_catalogue_has_scenarios_for_this() -> None:
    """At least seven scenarios are small enough for the first oracle, and twice as many for the second."""
    assert len(SMALL) >= 7
    assert len(MIDDLE) >= 16
