"""A counterexample as text: one column per thread, time downwards, the watched cells at the right.

A failure answers in this order: what was claimed, where that comes from, what happened, why, how to see it again. The
text is plain, at most 100 columns wide, fewer where a terminal has fewer, and the same for the same record and width.
Read next: grid.py, which places the columns.
"""

import textwrap
from collections.abc import Iterable

from spanproof.checks.record import TOLD, WHY, Record
from spanproof.checks.reporting.grid import NARROWEST, grid
from spanproof.checks.reporting.words import WIDTH, placed, printable

MARGIN = " " * len("VIOLATED  ")


def lanes(record: Record, replay: str, program: str = "", *, width: int = WIDTH) -> str:
    """The text of a record, ending in a newline.

    `replay` is the command that runs it again, `program` the same program as runnable Python; both stand in the text
    as they are given, so that they can be copied. Every other line has at most `width` columns, but not less than 60.
    """
    width = max(width, NARROWEST)
    parts = [_heading(record, width), _story(record, width) if record.kind in TOLD else grid(record, width=width)]
    if program:
        parts.append(["  as a program:", "", *(f"    {line}".rstrip() for line in program.splitlines())])
    parts.append([f"  replay: {replay}"])
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _heading(record: Record, width: int) -> list[str]:
    violated = record.violated
    place = f"{'scenario' if record.kind not in TOLD else record.kind} {record.name}, {record.release}"
    if record.heap != "reference":
        place += f", heap {record.heap}"
    if record.fault is not None:
        place += f", fault {record.fault}"
    first = f"VIOLATED  {printable(violated.claim)}   {printable(place)}"
    if len(first) > width:
        first = f"VIOLATED  {printable(violated.claim)}"
        return [
            *_wrapped([first[len(MARGIN) :]], "VIOLATED  ", width),
            *_wrapped([place, *_said(record)], MARGIN, width),
        ]
    return [first, *_wrapped(_said(record), MARGIN, width)]


def _said(record: Record) -> tuple[str, ...]:
    why = (f"{WHY.get(record.kind, 'why')}: {record.why}",) if record.why else ()
    return record.violated.says, placed(record.violated.source), f"seen: {record.violated.detail}", *why


def _story(record: Record, width: int) -> list[str]:
    """The lines that a trace tells of the page concerned, or a history of its calls."""
    lines: object = record.trace.get("story", ())
    told: list[str] = [str(line) for line in lines] if isinstance(lines, list | tuple) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return _wrapped(told, "  ", width)


def _wrapped(texts: Iterable[str], indent: str, width: int) -> list[str]:
    """Each text on lines of its own, the first of them after `indent`."""
    lines: list[str] = []
    for text in texts:
        rest = " " * (len(indent) if indent.strip() else len(indent) + 2 * (indent == "  "))
        lines += textwrap.wrap(
            printable(text), width, initial_indent=indent, subsequent_indent=rest, break_on_hyphens=False
        )
    return lines
