"""A counterexample in the Informal Trace Format, which viewers and tools of Apalache and Quint open.

The format is Apalache's ADR 15, https://apalache-mc.org/docs/adr/015adr-trace.html. Each state holds every cell of the
record, and who took the step that led to it. `mspan[0].base` is the entry 0 of the map `mspan_base`: names are TLA+'s.
Values are those that the record shows: whole numbers, pairs of them, else text. Read next: ../record.py.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from spanproof.checks.record import Record, RecordError, Step

EXACT = 2**53 - 1
"""The largest integer that every reader of JSON takes as it is written."""
STEP = ("step_thread", "step_function", "step_line", "step_access", "step_cell", "step_result")
_NUMBER = r"(?:0|-?[1-9][0-9]{0,99})"  # longer ones are text: Python itself refuses very long ones
_INDEX = re.compile(rf"\[({_NUMBER})\]")
_TUPLE = re.compile(rf"\((?:{_NUMBER}(?:, {_NUMBER})*)?\)")
Place = tuple[str, tuple[int, ...]]
"""A variable and the key in it; no key where the variable is the cell itself."""


def itf(record: Record) -> str:
    """The text of the trace, ending in a newline.

    Raises:
        RecordError: the record has no steps, as those that tell a story.

    """
    if record.kind != "run":
        raise RecordError(f"{record.name}: a record of kind {record.kind} has no states, and so is no trace for --itf")
    cells = _at_first(record)
    places = _places(cells)
    variables = dict.fromkeys([*STEP, *(name for name, _ in places.values())])
    states = [_state(0, None, cells, places)]
    for number, step in enumerate(record.steps, 1):
        cells[step.cell] = step.after
        states.append(_state(number, step, cells, places))
    trace = {"#meta": _meta(record), "vars": list(variables), "states": states}
    return json.dumps(trace, indent=1) + "\n"


def _meta(record: Record) -> dict[str, Any]:
    v = record.violated
    fault = "" if record.fault is None else f", fault {record.fault}"
    return {
        "format": "ITF",
        "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
        "source": f"spanproof, scenario {record.name}, {record.release}, heap {record.heap}{fault}",
        "status": "violation",
        "description": f"{v.claim}: {v.says} Seen: {v.detail}",
    }


def _at_first(record: Record) -> dict[str, str]:
    """Every cell at the start. What breaks before the program begins has only the cells that its steps touch."""
    touched: dict[str, str] = {}
    for step in record.steps:
        touched.setdefault(step.cell, step.before)
    cells = {**touched, **record.cells}
    return {cell: cells[cell] for cell in sorted(cells, key=_parted)}


def _parted(cell: str) -> Place:
    """The name with its indices left out, and they."""
    return _INDEX.sub("[]", cell), tuple(int(number) for number in _INDEX.findall(cell))


def _places(cells: Iterable[str]) -> dict[str, Place]:
    """Where each cell stands: names that differ only in what TLA+ has no letters for are told apart by a number."""
    named: dict[str, str] = {}
    """The variable of all cells that differ in their indices alone."""
    places: dict[str, Place] = {}
    for cell in cells:
        shape, key = _parted(cell)
        if shape not in named:
            bare = re.sub(r"[^0-9A-Za-z_]", "_", shape.replace("[]", ""))
            named[shape] = _free(bare, {*STEP, *named.values()})
        places[cell] = named[shape], key
    return places


def _free(name: str, taken: set[str]) -> str:
    name = name if name[:1].isalpha() else f"v{name}"
    names = (name, *(f"{name}_{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def _state(number: int, step: Step | None, cells: Mapping[str, str], places: Mapping[str, Place]) -> dict[str, Any]:
    state: dict[str, Any] = {"#meta": {"index": number}, **_step(step)}
    for cell, (name, key) in places.items():
        value = _value(cells[cell])
        if key:
            at = _integer(key[0]) if len(key) == 1 else {"#tup": [_integer(index) for index in key]}
            state.setdefault(name, {"#map": []})["#map"].append([at, value])
        else:
            state[name] = value
    return state


def _step(step: Step | None) -> dict[str, Any]:
    """Who took the step that led to a state; nobody led to the first."""
    if step is None:
        return dict(zip(STEP, (-1, "", 0, "", "", ""), strict=True))
    took = step.thread, step.function, _integer(step.line), step.access, step.cell, step.result
    return dict(zip(STEP, took, strict=True))


def _value(text: str) -> Any:
    if re.fullmatch(_NUMBER, text):
        return _integer(int(text))
    if _TUPLE.fullmatch(text):
        return {"#tup": [_integer(int(number)) for number in re.findall(_NUMBER, text)]}
    return text


def _integer(number: int) -> Any:
    return number if abs(number) <= EXACT else {"#bigint": str(number)}
