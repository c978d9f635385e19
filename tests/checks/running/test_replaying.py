"""Records: what is written can be read, run again, and gives the same bytes."""

import json
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.corpus import BY_NAME as FAULTS
from spanproof.checks.faults.edit import planted
from spanproof.checks.geometries import MAY_BE_NOTHING, MOST, MOVING
from spanproof.checks.programs import ProgramError, program_of
from spanproof.checks.record import Record, RecordError, loads
from spanproof.checks.running.replaying import ScheduleError, replay, run
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import BY_NAME, CLEAN
from spanproof.checks.subject import Subject
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import Geometry

CASES = (
    ("plain_store_for_cas", "two_allocs_one_arena"),
    ("memclr_of_npages_bytes", "free_against_alloc"),
    ("traced_under_the_lock", "traced_reclaim"),
    ("in_use_not_reloaded", "reclaim_against_reuse"),
    ("finishsweep_skipped", "two_cycles"),
    ("in_use_bit_not_set", "two_cycles"),
)
"""Faults with a scenario that finds them; the last one breaks before the program begins."""


@cache
def found(fault: str, scenario: str) -> tuple[type[Runtime], Record]:
    """The heap with the fault, and the record of how it breaks."""
    heap = planted(FAULTS[fault].edits)
    judged = judge(BY_NAME[scenario], Subject(heap, fault=fault))
    assert judged.record is not None
    return heap, judged.record


@pytest.mark.parametrize(("fault", "scenario"), CASES)
def test_a_replay_gives_the_same_bytes_twice(fault: str, scenario: str) -> None:
    """Replaying a record, and replaying what that gave, each gives the same claim and the same bytes."""
    heap, record = found(fault, scenario)
    for _ in range(2):
        again = replay(record, heap)
        assert again.difference == ""
        assert again.record is not None
        assert again.record.dumps() == record.dumps()
        record = again.record


@pytest.mark.parametrize(("fault", "scenario"), CASES)
def test_a_record_survives_writing_and_reading(fault: str, scenario: str) -> None:
    """Written and read again a record is the same, its program too, and it still replays."""
    heap, record = found(fault, scenario)
    again = loads(record.dumps(), "a record")
    assert again == record
    assert again.dumps() == record.dumps()
    assert program_of(again.program).as_json() == dict(record.program)
    assert replay(again, heap).difference == ""


@pytest.mark.parametrize(("fault", "scenario"), CASES)
def test_a_record_of_a_fault_does_not_replay_on_the_reference(fault: str, scenario: str) -> None:
    """On the reference the record's schedule breaks nothing, or cannot be followed."""
    _, record = found(fault, scenario)
    try:
        replayed = replay(record, Runtime)
    except ScheduleError:
        return
    assert replayed.record is None
    assert record.violated.claim in replayed.difference


@pytest.mark.parametrize("scenario", CLEAN, ids=lambda s: s.name)
def test_programs_survive_writing_and_reading(scenario: Scenario) -> None:
    """Every program of the catalogue is the same after a way through JSON."""
    program = scenario.program
    assert program_of(json.loads(json.dumps(program.as_json()))) == program


def test_a_schedule_that_cannot_be_followed_is_refused() -> None:
    """A schedule that resumes a thread that is not there, blocked or done says which step."""
    program = BY_NAME["two_allocs_one_arena"].program
    with pytest.raises(ScheduleError, match="step 1 resumes T7"):
        run(program, Runtime, (7,))
    with pytest.raises(ScheduleError, match=r"step \d+ resumes T1"):
        run(program, Runtime, (0,) * 5 + (1,) * 10)
    with pytest.raises(ScheduleError, match="resumes T0"):
        run(program, Runtime, (0,) * 10_000)


def is_handled(text: str) -> None:
    """Reading a damaged record and its program ends in one of the documented ways, with one line."""
    said = ""
    try:
        program_of(loads(text, "a record").program)
    except (RecordError, ProgramError) as e:
        said = str(e)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("key", "value"),
    [("kind", "dream"), ("kind", ["run"]), ("name", 3), ("release", None), ("heap", {}), ("fault", 1), ("alone", "no")],
)
def test_values_of_another_type_are_refused(key: str, value: object) -> None:
    """They are not made into texts and truths that the record does not hold."""
    data = json.loads(found(*CASES[0])[1].dumps())

    with pytest.raises(
        RecordError, match=r"a record: a damaged record \((TypeError|ValueError): .*; run the search again"
    ):
        loads(json.dumps(data | {key: value}), "a record")


@pytest.mark.parametrize(
    ("size", "value"),
    [
        ("heap_addr_bits", 10**18), ("heap_addr_bits", 1e12), ("pages_per_block", 0), ("summary_levels", 0),
        ("arenas", 1 << 40), ("spans", 1 << 40), ("page_size", "8"), ("arenas", True), ("first_sweepgen", 1 << 32),
    ],
)  # fmt: skip
def test_sizes_that_no_machine_has_are_refused(size: str, value: object) -> None:
    """By name, before anything is made of them: 1 << 10**12 alone would fill the memory."""
    program = json.loads(found(*CASES[0])[1].dumps())["program"]
    program["geometry"][size] = value

    with pytest.raises(ProgramError, match=size):
        program_of(program)


def test_every_size_has_a_bound() -> None:
    """A size that a geometry is given one day is bounded too, or it is no longer read."""
    assert {field.name for field in fields(Geometry)} == {"name", *MOST, *MOVING}
    assert set(MAY_BE_NOTHING) <= set(MOST)


EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from(("put", "insert", "delete", "cut")), st.characters()),
    min_size=1, max_size=4,
)  # fmt: skip


def edited(text: str, place: float, kind: str, char: str) -> str:
    """The text with one character put, inserted or deleted, or all from there cut off."""
    at = int(place * len(text))
    return {
        "put": text[:at] + char + text[at + 1 :],
        "insert": text[:at] + char + text[at:],
        "delete": text[:at] + text[at + 1 :],
        "cut": text[:at],
    }[kind]


@settings(max_examples=400, deadline=None)
@given(EDITS)
def test_damaged_text_is_refused_in_one_line(edits: list[tuple[float, str, str]]) -> None:
    """Whatever characters of a record are damaged: a record, a program, or one line that says what is wrong."""
    text = found(*CASES[0])[1].dumps()
    for edit in edits:
        text = edited(text, *edit)
    is_handled(text)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2000) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a tree of JSON: what it stands in, and the key or number of it there."""
    keys: list[Any] = list(tree) if hasattr(tree, "keys") else list(range(len(tree)))
    for key in keys:
        yield tree, key
        if hasattr(tree[key], "append") or hasattr(tree[key], "keys"):
            yield from places(tree[key])


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_values_are_refused_in_one_line(data: st.DataObject) -> None:
    """Whatever value of a record is replaced by any other: a record, a program, or one line that says what is wrong."""
    tree: Any = json.loads(found(*CASES[0])[1].dumps())
    place: tuple[Any, Any] = data.draw(st.sampled_from(list(places(tree))))
    place[0][place[1]] = data.draw(ANYTHING)
    is_handled(json.dumps(tree))


@settings(max_examples=200, deadline=None)
@given(ANYTHING)
def test_foreign_json_is_refused(value: object) -> None:
    """JSON that is no record is refused."""
    with pytest.raises(RecordError, match=r"^a record: "):
        loads(json.dumps(value), "a record")
