"""The report as one HTML file: no network, works from a folder, follows a counterexample step by step.

The page holds its style, its script and its data. Text from a record reaches it only through the template, which
escapes it, or as JSON that the script shows as text; a content security policy allows no other script than report.js.
Read next: strip.py, report.html, report.js.
"""

import base64
import hashlib
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from spanproof.checks.record import TOLD, Record
from spanproof.checks.reporting.shipped import shipped
from spanproof.checks.reporting.strip import strip
from spanproof.checks.reporting.watch import start_value, watched
from spanproof.checks.reporting.words import counts, in_reading_order, sentence, threads
from spanproof.checks.verdict import Report, Result

POLICY = "default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"
MOST_WATCHED = 12
COLUMNS_WATCHED = 3
"""Watched cells with a column beside the lanes; the others stand in the list above them."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A record with what the page says around it."""

    anchor: str
    record: Record
    replay: str
    threads: Mapping[int, tuple[str, ...]]
    story: tuple[str, ...]


def render_page(
    report: Report, records: Mapping[str, Record], version: str, *, folder: str = "", reproducible: bool = False
) -> str:
    """The text of report.html.

    `records` maps the file name of each record to it, `folder` is where those files are, for the replay commands.
    With `reproducible` the page holds no times and nothing of the machine: the same input gives the same bytes.
    """
    shown = [_shown(n, name, record, folder) for n, (name, record) in enumerate(records.items())]
    anchors = {PurePath(name).name: item.anchor for name, item in zip(records, shown, strict=True)}
    style, script = shipped("report.css"), shipped("report.js")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["counts"] = counts
    return environment.from_string(shipped("report.html")).render(
        policy=POLICY.format(style=_digest(style), script=_digest(script)),
        style=Markup(style),  # noqa: S704 - our own file, and the policy needs its exact bytes
        script=Markup(script),  # noqa: S704
        report=report,
        version=version,
        said=sentence(report),
        results=[(result, _anchor(result, anchors)) for result in in_reading_order(report.results)],
        shown=shown,
        data={item.anchor: _data(item.record) for item in shown if item.record.steps},
        made="" if reproducible else _made(),
        timed=not reproducible,
    )


def _shown(number: int, name: str, record: Record, folder: str) -> Shown:
    path = str(PurePath(folder, name))
    story: Any = record.trace.get("story", ()) if record.kind in TOLD else ()
    lines = tuple(str(line) for line in story) if isinstance(story, list | tuple) else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return Shown(f"record-{number + 1}", record, f"spanproof replay {shlex.quote(path)}", threads(record), lines)


def _anchor(result: Result, anchors: Mapping[str, str]) -> str:
    """Where on the page the record of a result is shown; empty if it has none here."""
    return anchors.get(PurePath(result.record).name, "") if result.record else ""


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _made() -> str:
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{moment}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def _data(record: Record) -> dict[str, Any]:
    """What the script reads of a record: the steps, the start values of the cells that are shown, and the strip."""
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
    }
