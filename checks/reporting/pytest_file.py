"""A counterexample as a file for pytest: red while the bug is there, green once it is gone.

The file needs pytest, spanproof and nothing else. What a record says in words stands in comments and in quoted
strings only, each on its line, so no text can become a part of the program. Read next: ../api.py, which the file uses.
"""

import json
import re
import textwrap
from collections.abc import Iterable

from spanproof.checks.programs import program_of
from spanproof.checks.record import Record, RecordError
from spanproof.checks.reporting.words import placed, printable
from spanproof.checks.running.printing import in_python, in_words, quoted, shape

WIDTH = 88
LONGEST = 100
"""Columns of a line with a comment behind it."""
ABOUT = '"""A counterexample that spanproof found: red while the bug is there, green once it is gone."""'
NEEDS_GO = ("go history", "go schedule")
"""Kinds whose counterexample is a difference to Go's own text, which no file can hold."""


def pytest_file(record: Record) -> str:
    """The text of the file, ending in a newline.

    Raises:
        RecordError: the record is of Go's own text.
        ProgramError: its program is damaged.

    """
    if record.kind in NEEDS_GO:
        raise RecordError(f"{record.name}: a {record.kind} needs a Go beside it, and is no test by itself; replay it")
    body = _of_run(record) if record.kind == "run" else _of_text(record)
    # The first two lines of a file may name its encoding, in a comment: they are ours.
    return "\n".join([ABOUT, "", *_notes(record), "", *body, ""])


def _notes(record: Record) -> list[str]:
    v = record.violated
    where = f"scenario {record.name}" if record.kind == "run" else f"{record.kind} {record.name}"
    why = (f"why: {record.why}",) if record.why else ()
    said = (f"{v.claim}: {where}, {record.release}", v.says, placed(v.source), f"seen: {v.detail}", *why)
    return [f"# {line}" for text in said for line in textwrap.wrap(printable(text), WIDTH)]


def _of_run(record: Record) -> list[str]:
    program = program_of(record.program).as_json()
    ops = {op[0] for part in ("threads", "before") for thread in program[part] for op in thread}
    geometry, _ = shape(program["geometry"])
    alone = [f"ONLY = {quoted(record.violated.claim)}  # judged alone: others may break before it"]
    only = ", only=ONLY" if record.alone else ""
    return [
        *_imports({geometry, *ops, "Program", "Thread", "row", "show_run"}),
        *_heap(record),
        *(alone if record.alone else ()),
        *_wrapped("SCHEDULE", in_words(record.schedule), "  # the thread of each step, and how many it takes"),
        *in_python("PROGRAM", program),
        *_test(record, f"show_run(PROGRAM, SCHEDULE, FAULT, HEAP{only}, nearest=True)"),
    ]


def _of_text(record: Record) -> list[str]:
    text = json.dumps(record.as_json(), sort_keys=True)
    call = "show_record(RECORD, FAULT, HEAP)"
    return [*_imports({"show_record"}), *_heap(record), *_wrapped("RECORD", text, ""), *_test(record, call)]


def _imports(names: Iterable[str]) -> list[str]:
    there = sorted(names, key=lambda name: (not name.isupper(), name.islower(), name))  # as linters sort them
    return ["from spanproof.checks.api import (", *(f"    {name}," for name in there), ")", ""]


def _heap(record: Record) -> list[str]:
    fault = "None" if record.fault is None else quoted(record.fault)
    return [
        f"HEAP = {quoted(record.heap)}  # or FILE.py:CLASS, as seen from where pytest is run",
        f"FAULT = {fault}  # planted in it; None plants nothing",
    ]


def _wrapped(name: str, text: str, comment: str) -> list[str]:
    """A variable with a text, in pieces where it is long; spaces stay at the ends of pieces."""
    pieces = [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)] or [""]
    line = f"{name} = {quoted(text)}{comment}"
    if len(pieces) == 1 and len(line) <= LONGEST:
        return [line]
    return [f"{name} = ({comment}", *(f"    {quoted(piece)}" for piece in pieces), ")"]


def _test(record: Record, call: str) -> list[str]:
    name = re.sub(r"[^0-9A-Za-z_]", "_", record.violated.claim)[:WIDTH]
    says = "What broke breaks no more; what breaks is printed, step by step."
    return ["", "", f"def test_{name}() -> None:", f'    """{says}"""', f"    assert {call} is None"]
