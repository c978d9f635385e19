"""A counterexample as an ITF trace: read by a reader of that format, it says what the record says."""

import importlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from spanproof.checks import cli
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.planting import subject
from spanproof.checks.record import Record, RecordError, save
from spanproof.checks.reporting.itf import itf
from spanproof.checks.scenarios import BY_NAME


@cache
def found(fault: str = "plain_store_for_cas", scenario: str = "two_allocs_one_arena") -> Record:
    """The record of a scenario with a fault."""
    record = judge(BY_NAME[scenario], subject(fault=fault)).record
    assert record is not None
    return record


def read(record: Record) -> Any:
    """The trace as the reader gives it; what is written is strict JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    reader = importlib.import_module("itf_py")  # by those who made the format; it ships no types
    return reader.trace_from_json(json.loads(itf(record), parse_constant=refuse))


def plain(value: Any) -> str:
    """A value of the reader's as the record shows it."""
    return value if isinstance(value, str) else str(value).replace(",)", ")")


@pytest.mark.parametrize("fault", ["plain_store_for_cas", "second_fit"])
def test_a_reader_of_the_format_sees_what_the_record_says(fault: str) -> None:
    """One state at the start and one for each step, each with every variable, and the cell it changed as it is then."""
    record = found(fault)
    trace = read(record)
    assert (trace.meta["format"], trace.meta["status"]) == ("ITF", "violation")
    assert record.violated.claim in trace.meta["description"]
    assert [state.meta["index"] for state in trace.states] == list(range(len(record.steps) + 1))
    assert all(list(state.values) == trace.vars for state in trace.states)
    assert len({*trace.vars}) == len(trace.vars)
    assert [state.values["step_thread"] for state in trace.states] == [-1, *record.schedule]
    cells = dict(record.cells)
    for state, step in zip(trace.states, [None, *record.steps], strict=True):
        if step is not None:
            cells[step.cell] = step.after
            assert (state.values["step_cell"], state.values["step_line"]) == (step.cell, step.line)
        shown = (value for name, value in state.values.items() if not name.startswith("step_"))
        leaves = (leaf for value in shown for leaf in (value.values() if hasattr(value, "values") else [value]))
        assert sorted(map(plain, leaves)) == sorted(cells.values())


def test_cells_of_a_kind_are_one_map() -> None:
    """Of their numbers; two numbers are a tuple. What is beyond a double's integers is exact."""
    last = read(found()).states[-1].values
    assert last["zeroedBase"] == {1: 8, 2: 0}
    assert {*last["mspan_base"]} == {0, 1}
    assert {*last["pageInUse"]} == {(1, 0), (2, 0)}
    assert last["os_mappings"] == 2**64 - 1
    text = json.loads(itf(found()))
    assert text["states"][0]["os_mappings"] == {"#bigint": str(2**64 - 1)}


@pytest.mark.parametrize(
    ("shown", "means"),
    [
        (str(2**53 - 1), 2**53 - 1),
        (str(2**53), 2**53),
        (str(-(2**53)), -(2**53)),
        ("(1, 2)", (1, 2)),
        ("()", ()),
        ("(5)", (5,)),
        ("nil", "nil"),
        ("007", "007"),
        ("-0", "-0"),
        ("9" * 5000, "9" * 5000),
        ("16, 17", "16, 17"),
    ],
)
def test_values_are_whole_numbers_tuples_or_text(shown: str, means: object) -> None:
    """What is no number as the record writes numbers stays the text it is."""
    record = replace(found(), cells={"x": shown}, steps=())
    value = read(record).states[0].values["x"]
    assert (value, type(value) is tuple) == (means, isinstance(means, tuple))
    big = json.loads(itf(record))["states"][0]["x"]
    assert isinstance(means, int) is isinstance(big, int | dict) or isinstance(means, tuple)
    assert not isinstance(big, int) or abs(big) < 2**53


def test_no_name_of_a_cell_takes_anothers_place() -> None:
    """Nor that of the trace's own words."""
    names = ("#meta", "step_cell", "a.b", "a_b", "a[1].b", "a.b[1]", "a.b[01]", "7", "", "ä", "a[1]", "a[1][2]", "a")
    record = replace(found(), cells={name: f"<{name}>" for name in names}, steps=())
    trace = read(record)
    (state,) = trace.states
    own = {name: value for name, value in state.values.items() if name not in list(trace.vars)[:6]}
    assert all(name.isidentifier() and name.isascii() for name in trace.vars)
    assert len(own) == len(names)
    leaves = [leaf for value in own.values() for leaf in (value.values() if hasattr(value, "values") else [value])]
    assert sorted(leaves) == sorted(f"<{name}>" for name in names)


def test_what_breaks_before_the_program_begins_has_a_trace_too() -> None:
    """Of the cells that were touched."""
    record = found("in_use_bit_not_set", "two_cycles")
    assert record.cells == {}
    trace = read(record)
    assert len(trace.states) == len(record.steps) + 1
    assert {"heap_lock", "mspan_state"} < {*trace.vars}
    assert trace.states[0].values["heap_lock"] == 0
    assert all(list(state.values) == trace.vars for state in trace.states)


def test_a_record_without_states_is_refused() -> None:
    """One that tells a story has none."""
    with pytest.raises(RecordError, match="has no states"):
        itf(replace(found(), kind="history"))


def test_replay_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To a file beside what it shows, or to stdout alone."""
    place = tmp_path / "record.json"
    save(found(), place)
    assert cli.main(["replay", str(place), "--itf", str(tmp_path / "trace.itf.json")]) == 1
    assert "the same as recorded" in capsys.readouterr().out
    assert (tmp_path / "trace.itf.json").read_text() == itf(found())
    assert cli.main(["replay", str(place), "--itf", "-"]) == 1
    assert capsys.readouterr().out == itf(found())
    save(replace(found(), kind="history"), place)
    assert cli.main(["replay", str(place), "--itf", "-"]) == 2
    assert "has no states" in capsys.readouterr().err
