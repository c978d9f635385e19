"""A record as the page shows it: what stands around its steps, and what the script reads of them.

Read next: strip.py.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from spanproof.checks.record import TOLD, WHY, Record
from spanproof.checks.reporting.strip import strip
from spanproof.checks.reporting.turns import Turns, both
from spanproof.checks.reporting.watch import start_value, watched
from spanproof.checks.reporting.words import threads
from spanproof.checks.running.printing import runnable

MOST_WATCHED = 12
COLUMNS_WATCHED = 3
"""Watched cells with a column beside the lanes; the others stand in the list above them."""
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
"""What a damaged program may be refused with: the page is shown without it."""

HEADED = ("history", "go history", "go schedule")
"""Kinds whose story begins with a line that is about all of it."""
NUMBERED = re.compile(r"(?:call )?[0-9]+: ")
"""How a line begins that says itself which it is."""

Program = Mapping[str, str]
"""A program by the names of its files."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A record with what the page says around it."""

    anchor: str
    record: Record
    replay: str
    threads: Mapping[int, tuple[str, ...]]
    why: str
    """What the sentence of a record's `why` is about."""
    heading: str
    """What stands above the lines of its story; "" if all of them are lines."""
    story: tuple[str, ...]
    numbered: bool
    """The lines of the story have numbers of their own."""
    python: str
    """The record as a program that can be pasted and run; empty if it has none."""
    kept: str
    """The last line of that program for the changed schedule, on which nothing breaks."""
    turns: tuple[Turns, Turns] | None
    pair: tuple[int, ...]
    """The steps of the two accesses whose order matters; 0 for one that is no step of the record."""
    go: Program
    """The program that shows it on Go's own runtime."""


def shown(number: int, name: str, record: Record, folder: str, go: Program | None = None) -> Shown:
    """A record of this file name in a folder, as the page shows it."""
    path = str(PurePath(folder, name))
    flip = record.flip
    heading, story = _told(record)
    return Shown(
        anchor=f"record-{number + 1}",
        record=record,
        replay=f"spanproof replay {shlex.quote(path)}",
        threads=threads(record),
        why=WHY.get(record.kind, "why"),
        heading=heading,
        story=story,
        numbered=any(NUMBERED.match(line) for line in story),
        python=_python(record),
        kept=_python(replace(record, schedule=flip.schedule)).rpartition("\n")[2] if flip else "",
        turns=both(record.schedule, flip.schedule) if flip else None,
        pair=_pair(record),
        go=go or {},
    )


def by_claim(items: Iterable[Shown]) -> dict[str, list[Shown]]:
    """Records by the claim that they violate, in their order."""
    grouped: dict[str, list[Shown]] = {}
    for item in items:
        grouped.setdefault(item.record.violated.claim, []).append(item)
    return grouped


def _pair(record: Record) -> tuple[int, ...]:
    steps = range(1, len(record.steps) + 1)
    return tuple(access.step if access.step in steps else 0 for access in record.flip.pair) if record.flip else ()


def _told(record: Record) -> tuple[str, tuple[str, ...]]:
    """(what stands above the story, its lines). Those of calls and of steps begin with what they are on."""
    told: Any = record.trace.get("story", ()) if record.kind in TOLD else ()
    story = tuple(str(line) for line in told) if isinstance(told, list | tuple) else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    heading = next(iter(story), "")
    headed = record.kind in HEADED and not NUMBERED.match(heading)
    return (heading, story[1:]) if headed else ("", story)


def _python(record: Record) -> str:
    try:
        return runnable(record) if record.kind == "run" else ""
    except UNREADABLE:
        return ""


def data_of(record: Record) -> dict[str, Any]:
    """What the script reads of a record: steps, start values of the cells that are shown, the strip, the pair."""
    drawn = strip(record)
    cells = dict.fromkeys([*(step.cell for step in record.steps), *(drawn.cells() if drawn else ())])
    every = watched(record)[:MOST_WATCHED]
    return {
        "threads": {str(thread): "; ".join(ops) for thread, ops in threads(record).items()},
        "watched": list(every),
        "columns": list(every[:COLUMNS_WATCHED]),
        "cells": {cell: start_value(record, cell) for cell in cells},
        "steps": [step.as_json() for step in record.steps],
        "strip": drawn.as_json() if drawn else None,
        "pair": list(_pair(record)),
    }
