"""What a search says of a few states is what the plain machine comes to; wrong tables give no verdict."""

from typing import Any

import pytest

from spanproof.checks.exploring import repeating, tables
from spanproof.checks.exploring.repeating import SAMPLE, difference
from spanproof.checks.exploring.search import Explored, explore, schedule_to
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.access import Access, perform
from spanproof.impl.malloc import Runtime

NAMES = ("two_allocs_one_arena", "two_cycles", "no_memory_for_pages", "flush_against_refill", "spans_of_two_pages")
QUIET = "zeroed_base_never_decreases"
"""A claim that no error made here breaks, so that only the comparison can see it."""


def searched(name: str) -> tuple[Tables, Explored]:
    """A search that has gone well."""
    made = Tables(BY_NAME[name].program, Runtime)
    return made, explore(made)


@pytest.mark.parametrize("name", NAMES)
def test_the_machine_comes_to_the_same(name: str) -> None:
    """Under many seeds; with tables that are right no difference is ever told."""
    made, found = searched(name)
    assert [difference(made, found, Runtime, seed) for seed in range(10)] == [""] * 10


def off_by_one(access: Access[Any], value: Any, thread: int) -> tuple[Any, Any]:
    """What an access does, but for atomic adds."""
    after, result = perform(access, value, thread)
    return (after + 1, result) if access.kind == "add" else (after, result)


def test_wrong_tables_give_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables add one too much: no claim that is judged breaks, and the verdict is unknown all the same."""
    assert judge(BY_NAME["two_allocs_one_arena"], Subject(), only=QUIET).result.verdict is Verdict.HOLDS
    monkeypatch.setattr(tables, "perform", off_by_one)
    result = judge(BY_NAME["two_allocs_one_arena"], Subject(), only=QUIET).result
    assert result.verdict is Verdict.UNKNOWN
    assert result.reason.startswith("internal error: state 0x")
    assert "in the tables" in result.reason


def test_a_thread_elsewhere_is_seen() -> None:
    """The cells are the same, but a thread stands at another node than it does on the machine."""
    made, found = searched("two_cycles")
    state = next(state for state in found.parents or {} if len(schedule_to(made, found.parents or {}, state)) == 5)
    schedule = schedule_to(made, found.parents or {}, state)
    assert repeating.differs_in(made, Runtime, state, schedule) == ""
    assert repeating.differs_in(made, Runtime, state + 1, schedule).startswith("T0 is at ")


def test_a_changed_cell_is_seen() -> None:
    """One character of one memory, a ghost's: the cell is named."""
    made, found = searched("two_allocs_one_arena")
    number = max(n for n, values in enumerate(made.values) if len(values) > 1)
    assert number >= made.numbering.ghosts_from
    made.memories = [
        row[:number] + chr(1 - min(1, ord(row[number]))) + row[number + 1 :] for row in list(made.memories)
    ]
    assert made.numbering.names[number] in difference(made, found, Runtime, 0)


def test_a_step_that_cannot_be_taken_is_seen() -> None:
    """The schedule asks for a thread that waits."""
    made, found = searched("two_allocs_one_arena")
    assert "cannot take step" in repeating.differs_in(made, Runtime, made.start, (0,) * 1_000)
    assert found.broken is None


def test_seed_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same states under the same seed, others under another; so many as are said, all where there are fewer."""
    drawn = list[int]()

    def noted(_tables: Tables, _heap: type[Runtime], state: int, *_way: tuple[int, ...]) -> str:
        drawn.append(state)
        return ""

    monkeypatch.setattr(repeating, "differs_in", noted)

    def states(seed: int) -> list[int]:
        drawn.clear()
        judge(BY_NAME["two_allocs_one_arena"], Subject(), seed=seed)
        return list(drawn)

    assert states(3) == states(3)
    assert len({*states(3), *states(4), *states(5)}) > 2 * SAMPLE
    made, found = searched("two_allocs_one_arena")
    drawn.clear()
    few = dict(list((found.parents or {}).items())[:2])
    assert difference(made, Explored(2, 1, 0.0, parents=few), Runtime, 0) == ""
    assert drawn == list(few)
