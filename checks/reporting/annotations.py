"""Results as annotations of GitHub Actions: lines that its runner shows beside the source.

Violated is an error and unknown a warning. The place is that of the step that broke the claim, where a record has
steps, or the one that the reason names. Escaped as in the runner's own toolkit (actions/toolkit, command.ts).
Read next: ../verdict.py.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from spanproof.checks import programs
from spanproof.checks.record import Record
from spanproof.checks.reporting.words import in_reading_order, printable
from spanproof.checks.subject import REFERENCE
from spanproof.checks.verdict import Report, Result, Verdict
from spanproof.impl import malloc

LEVEL = {Verdict.VIOLATED: "error", Verdict.UNKNOWN: "warning"}
TEXTS = Path(malloc.__file__).parent
"""The folder with the text of the heap."""
Place = tuple[Path, int]


def annotations(report: Report, records: Mapping[str, Record], root: Path) -> list[str]:
    """One line for each result that does not hold, failures first.

    records: by the names of their files.
    root: the folder to which places in the source are relative; what is not in it has no place.
    """
    return [
        _line(result, _record_of(result, records), _place(result, records, root), root)
        for result in in_reading_order(report.results)
        if result.verdict in LEVEL
    ]


def _record_of(result: Result, records: Mapping[str, Record]) -> Record | None:
    return records.get(Path(result.record).name) if result.record else None


def _line(result: Result, record: Record | None, place: Place | None, root: Path) -> str:
    claim = () if record is None else (record.violated.says, *((f"why: {record.why}",) if record.why else ()))
    said = [result.reason, *claim, *((f"replay: spanproof replay {result.record}",) if result.record else ())]
    given: dict[str, str] = {"title": f"{result.verdict.value}: {result.check} {result.name}"}
    if place is not None:
        file, line = place
        if file.is_relative_to(root.resolve()):
            given = {"file": file.relative_to(root.resolve()).as_posix(), "line": str(line), **given}
        else:
            said.append(f"at {file.name}:{line}")
    properties = ",".join(f"{name}={_property(value)}" for name, value in given.items())
    return f"::{LEVEL[result.verdict]} {properties}::{_data(chr(10).join(said))}"


def _data(text: str) -> str:
    lines = (printable(line) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _place(result: Result, records: Mapping[str, Record], root: Path) -> Place | None:
    record = _record_of(result, records)
    if record is not None and record.steps:
        return _of_record(record)
    named = re.search(r"\b(\w+\.py):([0-9]{1,9})\b", result.reason)
    if named is None:
        return None
    files = (*_files(REFERENCE if record is None else record.heap), (root / named[1]).resolve())
    return next(((file, int(named[2])) for file in files if file.name == named[1] and file.is_file()), None)


def _of_record(record: Record) -> Place | None:
    """Where a user's own text was last, if the heap is one: the mistake is there; else the last step."""
    own = [file for file in _files(record.heap) if record.heap != REFERENCE][:1]
    places = (_of_function(step.function, step.line, own) for step in reversed(record.steps))
    last = record.steps[-1]
    return next(filter(None, places), None) or _of_function(last.function, last.line, _files(record.heap))


def _files(heap: str) -> list[Path]:
    """Where the text may be: in the user's heap, in the reference, and in what programs do with it."""
    own = [] if heap == REFERENCE else [Path(heap.rpartition(":")[0])]
    return [file.resolve() for file in (*own, *sorted(TEXTS.glob("*.py")), Path(programs.__file__)) if file.is_file()]


def _of_function(function: str, line: int, files: Iterable[Path]) -> Place | None:
    """The file whose function of that name has that line in it."""
    found = (
        (file, line)
        for file in files
        for name, first, last in _functions(file)
        if name == function and first <= line <= last
    )
    return next(found, None)


@cache
def _functions(file: Path) -> list[tuple[str, int, int]]:
    """Each function in a file, with its first and its last line; none where it cannot be read."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return []
    defined = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(node.name, node.lineno, node.end_lineno or node.lineno) for node in defined]
