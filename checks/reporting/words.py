"""Words that both reports share: safe text, operations in short, numbers, and the order in which results are read.

Read next: lanes.py, table.py, page.py.
"""

import json
import textwrap
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from spanproof.checks.record import Record, shortened
from spanproof.checks.verdict import Report, Result, Verdict

WIDTH = 100
"""Columns of a text report."""
LONGEST_WORD = 200
"""Of a line that says what is wrong: the path of a file is shorter, what somebody put in its place may not be."""
READING_ORDER = (Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.HOLDS)


def printable(text: str) -> str:
    """The text without what could move the cursor, colour the terminal or reorder a line: such characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def clip(text: str, width: int) -> str:
    """The text in at most `width` columns; three dots say that something is missing."""
    if len(text) <= width:
        return text
    return text[: width - 3] + "..." if width > len("...") else text[:width]


@cache
def _go_lines() -> Mapping[str, Any]:
    """Where Go's text has what claims name: made by docs/catalogue.py."""
    kept = files("spanproof.checks.reporting") / "go_lines.json"
    return json.loads(kept.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def placed(source: str) -> str:
    """What a claim says of its place in Go, with the line that this is in the newest text, where there is one."""
    kept = _go_lines()
    place = kept["lines"].get(source)
    return f"{source} ({place} in {kept['go']})" if place else source


def one_line(text: str, longest: int = LONGEST_WORD) -> str:
    """The text in one line that is safe to print, no word of it longer than `longest`."""
    return " ".join(shortened(printable(word), longest) for word in text.split())


def paragraph(text: str, width: int = WIDTH) -> str:
    """The text in lines of at most `width` columns, all but the first indented: none of them begins like a verdict."""
    said = one_line(text, width - len("  "))
    return "\n".join(textwrap.wrap(said, width, subsequent_indent="  ", break_on_hyphens=False))


def operation(op: Any) -> str:
    """One operation of a program in short: `["MallocLarge", 2, True]` as `MallocLarge(2, true)`."""
    parts = _sequence(op)
    if not parts or not isinstance(op, list | tuple):
        return printable(str(op))  # pyright: ignore[reportUnknownArgumentType]
    name, *arguments = (_argument(part) for part in parts)
    return f"{name}({', '.join(arguments)})"


def _argument(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else printable(str(value))


def threads(record: Record) -> dict[int, tuple[str, ...]]:
    """The threads that take a step or have a program, with the operations of each in short.

    What a program does before the interleaving begins is marked so.
    """
    before, programs = (_sequence(record.program.get(key, ())) for key in ("before", "threads"))
    named: dict[int, tuple[str, ...]] = {n: tuple(map(operation, _sequence(ops))) for n, ops in enumerate(programs)}
    for n, ops in enumerate(before):
        named[n] = (*(f"before: {operation(op)}" for op in _sequence(ops)), *named.get(n, ()))
    return {n: named.get(n, ()) for n in sorted({*named, *(step.thread for step in record.steps)})}


def _sequence(value: Any) -> list[Any]:
    """The items of what should be a list; anything else is shown as the only item."""
    return list(value) if isinstance(value, list | tuple) else [value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def counts(numbers: Mapping[str, int]) -> str:
    """Counts as a person reads them: `states 29,233, transitions 81,004`."""
    return ", ".join(f"{name} {number:,}" for name, number in numbers.items())


def in_reading_order(results: Iterable[Result]) -> list[Result]:
    """Violated first, then unknown, then what holds; otherwise in the order given."""
    return sorted(results, key=lambda result: READING_ORDER.index(result.verdict))


def sentence(report: Report, see: str = "") -> str:
    """The verdict over everything in one sentence; `see` is where to look: the page with bounds and premises."""
    total, verdict = len(report.results), report.verdict
    if not total:
        return "unknown: nothing was checked"
    if verdict is Verdict.HOLDS:
        said = f"holds: {total} of {total} results hold"
        return f"{said}, see {see}" if see else said
    said = ", ".join(
        f"{word.value}{':' if word is verdict else ''} {number} of {total}"
        for word in READING_ORDER[:2]
        if (number := sum(result.verdict is word for result in report.results))
    )
    return f"{said}, see {see}" if see else said
