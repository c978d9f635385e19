"""`spanproof replay`: a counterexample again, and in the forms that other tools read.

Read next: again.py, reporting/pytest_file.py, reporting/itf.py.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spanproof import __version__
from spanproof.checks.options import json_place, named
from spanproof.checks.saying import story, text_width, writable, write_json

if TYPE_CHECKING:
    from spanproof.checks.record import Record
    from spanproof.checks.subject import Subject
    from spanproof.checks.verdict import Report, Result

STDOUT = "-"


@click.command()
@click.argument("record", metavar="RECORD")
@click.option("--json", "json_file", callback=json_place, metavar="FILE", help="Write the result as JSON; - is stdout.")
@click.option("--go", "on_go", is_flag=True, help="Show the same on the real runtime of each Go here, by a program.")
@click.option(
    "--pytest",
    "pytest_place",
    is_flag=False,
    flag_value=STDOUT,
    callback=json_place,
    metavar="[FILE]",
    help="Write it as a test that is red while the bug is there, to FILE or to stdout.",
)
@click.option(
    "--itf",
    callback=json_place,
    metavar="FILE",
    help="Write it as a trace that viewers of Apalache and Quint open; - is stdout.",
)
@click.option("--out", callback=named, metavar="DIR", help="Write the report into this folder: a page, and the record.")
@click.option("--reproducible", is_flag=True, help="The page holds no times and nothing of the machine.")
def replay(
    record: str, json_file: str | None, on_go: bool, pytest_place: str | None, itf: str | None, out: str | None,
    reproducible: bool,
) -> int:  # fmt: skip
    """Run a counterexample again, on the heap and with the fault that it names, and show it.

    If the text has changed since, the events of the record are followed as far as they are still there, and the first
    step that differs is named.

    What --pytest and --itf write is what the record says, whatever comes of it now.
    """
    from spanproof.checks.again import load_sound, of_file  # noqa: PLC0415
    from spanproof.checks.go_command import replay_on_go  # noqa: PLC0415
    from spanproof.checks.reporting.grid import NARROWEST  # noqa: PLC0415
    from spanproof.checks.reporting.words import paragraph  # noqa: PLC0415
    from spanproof.checks.reporting.write import result_json  # noqa: PLC0415
    from spanproof.checks.verdict import EXIT_CODES, Report  # noqa: PLC0415

    forms = {"--pytest": pytest_place, "--itf": itf}
    if on_go and any((*forms.values(), out)):
        raise click.UsageError("--go: shows the record by a program; leave --pytest, --itf and --out out")
    if [json_file, *forms.values()].count(STDOUT) > 1:
        raise click.UsageError("--json, --pytest, --itf: only one can be written to stdout")
    if out is not None:
        writable(Path(out))
    again = load_sound(Path(record))
    if on_go:
        return replay_on_go(again, json_file)
    with of_file(record):
        texts = _written(again, forms)
        result, anew, shown = _replayed(again, record)
    report = Report("replay", again.release, 0, (result,))
    if out is not None:
        _write_page(Path(out), report, Path(record).name, anew or again, reproducible=reproducible)
    if json_file is not None:
        texts.append(("--json", json_file, result_json(report, __version__)))
    if STDOUT not in {place for _, place, _ in texts}:
        click.echo(shown)
        click.echo(paragraph(f"{result.verdict.value}: {result.reason}", max(text_width(), NARROWEST)))
    for option, place, text in texts:
        if place == STDOUT:
            click.echo(text, nl=False)
        else:
            write_json(Path(place), text, option)
    return EXIT_CODES[report.verdict]


def _write_page(out: Path, report: "Report", name: str, record: "Record", *, reproducible: bool) -> None:
    """Write the page of one record, and the record beside it, as it is now if it can be replayed."""
    from spanproof.checks.golang.reproducing import programs_of  # noqa: PLC0415
    from spanproof.checks.reporting.page import Beside  # noqa: PLC0415
    from spanproof.checks.reporting.write import RESULTS, ReportError, write_report  # noqa: PLC0415

    name = name if name != RESULTS else f"record-{name}"
    beside = Beside(programs_of({name: record}))
    (result,) = report.results
    placed = replace(report, results=(replace(result, record=str(out / name)),))
    try:
        write_report(out, placed, {name: record}, __version__, reproducible=reproducible, beside=beside)
    except ReportError as e:
        raise click.UsageError(str(e)) from e


def _written(record: "Record", forms: dict[str, str | None]) -> list[tuple[str, str, str]]:
    """The forms that are wanted: (the option, where to, the text)."""
    from spanproof.checks.reporting.itf import itf  # noqa: PLC0415
    from spanproof.checks.reporting.pytest_file import pytest_file  # noqa: PLC0415

    made = {"--pytest": pytest_file, "--itf": itf}
    return [(option, place, made[option](record)) for option, place in forms.items() if place is not None]


def _replayed(record: "Record", place: str) -> tuple["Result", "Record | None", str]:
    """The result of a replay, the record of it if the same or another claim breaks, and what to show."""
    from spanproof.checks.again import CHECK, NOT_RUN, replayed  # noqa: PLC0415
    from spanproof.checks.verdict import Result, Verdict  # noqa: PLC0415

    def unknown(reason: str) -> Any:
        return Result(CHECK[record.kind], record.name, Verdict.UNKNOWN, reason)

    claim = record.violated.claim
    heap = _heap_of(record, place)
    try:
        again = replayed(record, heap)
    except NOT_RUN as e:
        return unknown(f"the heap cannot be run: {e}"), None, ""
    anew, difference = again.record, again.difference
    if anew is None:
        return unknown(f"not reproduced: {difference}"), None, ""
    if difference and not (again.by_events or again.by_steps):
        return unknown(f"breaks {anew.violated.claim}, but not as recorded: {difference}"), anew, story(anew, place)
    reason = f"{claim}, the same as recorded"
    if record.kind == "run" and anew.cells and not record.cells:
        reason += ", which has no cells at the start to compare"
    if difference and again.by_steps:
        reason = f"{claim}, on the steps of the record, but not all that it says is so: {difference}"
    elif difference:
        reason = f"{claim}, by the events of the record, for its steps are no longer those of the text: {difference}"
    return Result(CHECK[record.kind], record.name, Verdict.VIOLATED, reason, record=place), anew, story(anew, place)


def _heap_of(record: "Record", place: str) -> "Subject":
    """The heap that a record names, with its fault planted in it.

    Raises:
        RecordError: there is no such heap or fault, or the fault does not fit.

    """
    from spanproof.checks.faults.edit import EditError  # noqa: PLC0415
    from spanproof.checks.faults.planting import PLANTABLE, subject  # noqa: PLC0415
    from spanproof.checks.faults.planting import named as fault_named  # noqa: PLC0415
    from spanproof.checks.record import RecordError  # noqa: PLC0415
    from spanproof.checks.reporting.words import one_line  # noqa: PLC0415
    from spanproof.checks.subject import SubjectError  # noqa: PLC0415

    fault = record.fault
    if fault is not None and fault not in PLANTABLE:
        may_be = _may_be_made(fault)
        if may_be:
            said = f"{place}: its fault {fault} is looked for among those made from the syntax tree; that takes a while"
            click.echo(f"spanproof: {one_line(said)}", err=True)
        if not may_be or fault_named(fault) is None:
            raise RecordError(
                f"{place}: there is no fault {fault!r} any more, which the record names; `spanproof list` shows those "
                "that there are"
            )
    try:
        return subject(record.heap, fault)
    except (EditError, SubjectError) as e:
        raise RecordError(f"{place}: the heap that it names cannot be had: {e}") from e


def _may_be_made(fault: str) -> bool:
    """Whether a fault made from the syntax tree could have this name; to make them all takes long."""
    from spanproof.checks.faults.edit import functions  # noqa: PLC0415

    begins = (re.sub(r"\W+", "_", f"{owner} {name} ").lower() for owner, name, _ in functions())
    return re.fullmatch(r"\w+_\d+", fault) is not None and any(map(fault.startswith, begins))
