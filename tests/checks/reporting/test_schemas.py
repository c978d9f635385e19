"""The published JSON Schemas and what is really written agree."""

import importlib
import json
from dataclasses import fields
from typing import Any

import pytest

from spanproof.checks.record import KINDS, Record
from spanproof.checks.reporting.shipped import SCHEMAS, schema
from spanproof.checks.reporting.write import result_json
from spanproof.checks.verdict import CHECKS, NotRun, Report, Result, Verdict
from tests.checks.reporting.examples import crowded, explained_raise, hostile, lost_raise, mixed_report, told_trace

Draft202012Validator: Any = importlib.import_module("jsonschema").Draft202012Validator  # it ships no types
EMPTY: dict[str, Any] = {"scenarios": [], "claims": [], "theorems": [], "releases": [], "faults": []}


def errors(name: str, instance: Any) -> list[str]:
    """What the schema of that name finds wrong."""
    return [error.message for error in Draft202012Validator(schema(name)).iter_errors(instance)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_schemas(name: str) -> None:
    """Each is a valid JSON Schema of 2020-12 and says so."""
    Draft202012Validator.check_schema(schema(name))

    assert schema(name)["$schema"].endswith("2020-12/schema")


def test_the_schema_knows_each_kind_of_record() -> None:
    """And no other."""
    assert schema("record")["properties"]["kind"]["enum"] == list(KINDS)


@pytest.mark.parametrize("report", [mixed_report(), mixed_report(None), Report("explore", "go1.27", 0, ())])
@pytest.mark.parametrize("reproducible", [False, True])
def test_reports_are_valid(report: Report, *, reproducible: bool) -> None:
    """What `--json` writes is valid."""
    assert errors("result", json.loads(result_json(report, "0.1.0", reproducible=reproducible))) == []


@pytest.mark.parametrize("record", [lost_raise(), explained_raise(), told_trace(), hostile(), crowded(9, 30)])
def test_records_are_valid(record: Record) -> None:
    """What a record file holds is valid."""
    assert errors("record", json.loads(record.dumps())) == []


def test_the_schemas_name_every_field() -> None:
    """A field that is added to a report or a record must be published."""
    result = schema("result")

    assert set(result["$defs"]["result"]["required"]) == {f.name for f in fields(Result)}
    assert set(result["$defs"]["not_run"]["required"]) == {f.name for f in fields(NotRun)}
    assert set(result["required"]) == set(mixed_report().as_json("0"))
    assert result["$defs"]["check"]["enum"] == list(CHECKS)
    assert result["$defs"]["verdict"]["enum"] == [verdict.value for verdict in Verdict]
    assert set(schema("record")["required"]) == set(lost_raise().as_json())


WRONG_REPORTS: list[dict[str, Any]] = [
    {"verdict": "maybe"}, {"seed": "7"}, {"extra": 1}, {"results": [{}]}, {"not_run": [{"check": "go"}]},
]  # fmt: skip
FLIP: dict[str, Any] = explained_raise().as_json()["flip"]
WRONG_RECORDS: list[dict[str, Any]] = [
    {"version": 2}, {"format": "x"}, {"kind": "dream"}, {"steps": [[0, "f", 1]]}, {"schedule": [-1]},
    {"cells": {"a": 1}}, {"flip": {}}, {"flip": {**FLIP, "pair": FLIP["pair"][:1]}}, {"flip": {**FLIP, "more": 1}},
]  # fmt: skip


@pytest.mark.parametrize("change", WRONG_REPORTS)
def test_wrong_reports_are_found(change: dict[str, object]) -> None:
    """The schema of reports refuses a fourth verdict, wrong types, missing and unknown fields."""
    assert errors("result", mixed_report().as_json("0.1.0") | change)


@pytest.mark.parametrize("change", WRONG_RECORDS)
def test_wrong_records_are_found(change: dict[str, object]) -> None:
    """The schema of records refuses other versions, short steps and values that are no text."""
    assert errors("record", lost_raise().as_json() | change)


def test_lists_are_objects_with_names() -> None:
    """The schema of `list --json` wants all five lists, and a name for each thing; what else is known is open."""
    known = {**EMPTY, "scenarios": [{"name": "two_allocs", "states": 5072}]}

    assert errors("list", known) == []
    assert errors("list", {**EMPTY, "faults": [{"states": 1}]})
    assert errors("list", {"scenarios": []})
