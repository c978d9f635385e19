"""A command from its tasks to its exit code: what it is told, what it writes and what it prints. Read next: jobs.py."""

import math
import os
import shlex
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spanproof import __version__
from spanproof.checks.numbers import how_many
from spanproof.checks.options import REPORT

if TYPE_CHECKING:
    from spanproof.checks.jobs import Setting, Task, Work
    from spanproof.checks.record import Record
    from spanproof.checks.verdict import NotRun, Report

MOST_STORIES = 3
"""Counterexamples that are told at length: a heap that is wrong everywhere has hundreds."""


def _setting(options: dict[str, Any], budget: float | None) -> "Setting":
    from spanproof.checks.comparing.amounts import FEWEST_PROGRAMS, SEEDED_CALLS  # noqa: PLC0415
    from spanproof.checks.exploring.grains import Grain  # noqa: PLC0415
    from spanproof.checks.exploring.reducing.reductions import Reduction  # noqa: PLC0415
    from spanproof.checks.exploring.walking.walks import BEST  # noqa: PLC0415
    from spanproof.checks.faults.planting import subject  # noqa: PLC0415
    from spanproof.checks.jobs import Setting  # noqa: PLC0415
    from spanproof.checks.proving.evidence.wanted import Wanted  # noqa: PLC0415
    from spanproof.checks.replacing import in_words  # noqa: PLC0415
    from spanproof.checks.subject import REFERENCE  # noqa: PLC0415

    taken = subject(options["heap"], options["fault"])  # refuse a heap that does not load before anything runs
    if options["heap"] != REFERENCE:
        options["taken"] = in_words(taken.heap, taken.heap_class)
    seconds = options["budget"] or budget
    deadline = math.inf if seconds is None else time.monotonic() + seconds
    return Setting(
        options["heap"],
        options["fault"],
        options.get("claim"),
        options["release"],
        options["seed"],
        options.get("examples") or FEWEST_PROGRAMS,
        deadline,
        math.inf if seconds is None else seconds,
        tuple(options.get("theorems", ())),
        options.get("calls") or SEEDED_CALLS,
        options["out"] is not None,
        Wanted(next((kind for kind in Wanted if kind and options.get(kind)), "")),
        options.get("certificates") or options.get("recheck") or "",
        options.get("without") or "",
        tuple(options.get("solvers", ())),
        tuple(options.get("trials", ())),
        options.get("schedules", 0),
        options.get("patch", ""),
        options.get("sampling"),
        options.get("reach") or "",
        Grain(options.get("grain") or Grain.ACCESS),
        options.get("walk") or BEST,
        options.get("max_memory") or 0,
        options.get("checkpoint") or "",
        options.get("resume") or "",
        frozenset(Reduction(name) for name in options.get("reductions", ())),
    )


def run_tasks(
    command: str, tasks: list["Task"], options: dict[str, Any], *, budget: float | None = None, tell: bool = False,
    matrix: bool = False,
) -> int:  # fmt: skip
    """Do the tasks and say what came out, at length if theorems are to be told, or as a matrix: the exit code."""
    from spanproof.checks.working import run  # noqa: PLC0415

    out = Path(options["out"] or REPORT)
    keeps = command == "check" or options["out"] is not None
    if keeps:
        writable(out)
    if options["json_file"] not in (None, "-"):
        writable(Path(options["json_file"]).parent, "--json, in")
    if options.get("junit"):
        writable(Path(options["junit"]).parent, "--junit, in")
    if options.get("certificates"):
        writable(Path(options["certificates"]), "--certificates")
    setting = _setting(options, budget)
    work = run(tasks, setting, options["jobs"] or os.cpu_count() or 1)
    if setting.wanted:
        _tell_evidence(setting, work, options)
    if tell and options["json_file"] != "-":
        for told in work.told.values():
            click.echo(told)
    return _say(command, work, options, out, page=keeps, matrix=matrix)


def _tell_evidence(setting: "Setting", work: "Work", options: dict[str, Any]) -> None:
    """Write the manifest of proofs that were written down, or print what else was heard of them."""
    from spanproof.checks.proving.evidence.certificates import Certificate, write_manifest  # noqa: PLC0415
    from spanproof.checks.proving.evidence.necessity import Uses, merged  # noqa: PLC0415
    from spanproof.checks.proving.evidence.stability import Steadiness, judged_steady, told_moves  # noqa: PLC0415
    from spanproof.checks.proving.evidence.uses import told_uses  # noqa: PLC0415

    written = [e for e in work.evidence if isinstance(e, Certificate)]
    if written:
        write_manifest(Path(setting.folder), written, setting.heap, setting.fault)
        asked = sum(len(certificate.about) for certificate in written)
        click.echo(f"{len(written)} proofs with {asked:,} questions are in {setting.folder}", err=True)
    uses = merged(e.uses for e in work.evidence if isinstance(e, Uses))
    steady = [e for e in work.evidence if isinstance(e, Steadiness)]
    work.results += [judged_steady(steady)] if steady else []
    lines = [*(told_uses(uses) if uses else ()), *(told_moves(steady) if steady else ())]
    for line in lines if options["json_file"] != "-" else ():
        click.echo(line)


def _heard(work: "Work") -> tuple[dict[str, Any], ...]:
    """What was heard of proofs, apart from what stands in files."""
    if not work.evidence:
        return ()
    from spanproof.checks.proving.evidence.certificates import Certificate  # noqa: PLC0415

    return tuple(found.as_json() for found in work.evidence if not isinstance(found, Certificate))


def writable(folder: Path, option: str = "--out") -> None:
    """Refuse a folder that cannot be written to before any work is done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise click.UsageError(
            f"{option} {folder}: cannot be made: {e.strerror}; give a folder that can be written to"
        ) from e
    if not os.access(folder, os.W_OK):
        raise click.UsageError(f"{option} {folder}: cannot be written to; give another folder")


def _say(command: str, work: "Work", options: dict[str, Any], out: Path, *, page: bool, matrix: bool) -> int:
    """Write the report, the records and the JSON, print the table or the counterexamples; the exit code."""
    from spanproof.checks.reporting.table import print_table  # noqa: PLC0415
    from spanproof.checks.reporting.words import one_line, paragraph  # noqa: PLC0415
    from spanproof.checks.reporting.write import PAGE, result_json  # noqa: PLC0415
    from spanproof.checks.stopping import OUT_OF_TIME  # noqa: PLC0415
    from spanproof.checks.verdict import EACH_ITS_OWN, EXIT_CODES, EXIT_INTERRUPTED, EXIT_USAGE, Report, Verdict  # noqa: PLC0415

    not_run: tuple[NotRun, ...] = options.get("not_run", ())
    heard = _heard(work)
    report = Report(command, options["release"] or EACH_ITS_OWN, options["seed"], tuple(work.results), not_run, heard)
    see, lost = "", ""
    if page or work.records:
        report = _placed(report, out)
        see, lost = _write_report(report, work, out, reproducible=options.get("reproducible", False))
    elif command != "bench" and (out / PAGE).is_file():
        click.echo(f"spanproof: {one_line(f'{out / PAGE} is of an earlier run')}", err=True)
    if options["json_file"] == "-":
        click.echo(result_json(report, __version__, reproducible=options.get("reproducible", False)), nl=False)
    else:
        if command not in {"check", "faults"}:
            _tell_stories(work.records, out, lost=bool(lost))
        if matrix:
            from spanproof.checks.faults.table import print_matrix  # noqa: PLC0415

            print_matrix(report, sys.stdout, see)
        else:
            if "taken" in options:
                click.echo(paragraph(options["taken"]))
            print_table(report, sys.stdout, see)
    unwritten = [said for said in (work.unwritten, lost) if said]
    for tell in (_tell_json, _tell_ci):
        try:
            tell(report, work, options, "; ".join(unwritten))
        except click.UsageError as e:
            unwritten.append(e.format_message())
    for said in unwritten:
        click.echo(f"spanproof: {one_line(said)}", err=True)
    if unwritten:  # what was found counts all the same
        return EXIT_CODES[report.verdict] if report.verdict is Verdict.VIOLATED else EXIT_USAGE
    late = sum(OUT_OF_TIME in result.reason for result in report.results)
    if late:
        said = f"not reached in time: {how_many(late, 'results')}; --budget SECONDS gives more"
        click.echo(f"spanproof: {said}", err=True)
    if work.interrupted:
        kept = f"kept: {how_many(len(work.results), 'results')}" + (f", see {see}" if see else "")
        click.echo(f"spanproof: interrupted; {one_line(kept)}", err=True)
        return EXIT_INTERRUPTED
    ran = {name for item in report.results for name in (item.check, item.name)}
    lacking = {item.check: item.reason for item in not_run}
    missing = [name for name in options["require"] if name not in ran or name in lacking]
    if missing:
        said = f"--require {missing[0]}: {lacking.get(missing[0], 'it did not run')}"
        click.echo(f"spanproof: {one_line(said)}", err=True)
        return EXIT_USAGE
    return EXIT_CODES[report.verdict]


def _write_report(report: "Report", work: "Work", out: Path, *, reproducible: bool) -> tuple[str, str]:
    """(where the page is, or why there is none)."""
    from spanproof.checks.golang.reproducing import programs_of  # noqa: PLC0415
    from spanproof.checks.reporting.page import Beside  # noqa: PLC0415
    from spanproof.checks.reporting.write import PAGE, ReportError, write_report  # noqa: PLC0415

    beside = Beside(programs_of(work.records), work.told, work.series, _sentences(report))
    try:
        write_report(out, report, work.records, __version__, reproducible=reproducible, beside=beside)
    except ReportError as e:
        return "", str(e)
    return str(out / PAGE), ""


def _tell_stories(records: Mapping[str, "Record"], out: Path, *, lost: bool) -> None:
    """Print counterexamples: where there are many, one of each claim, and of those the shortest few."""
    told = worth_telling(records)
    for name in told:
        click.echo(story(records[name], str(out / name), there=not lost or (out / name).is_file()))
    left = len(records) - len(told)
    if left:
        more = "counterexample is" if left == 1 else "counterexamples are"
        click.echo(f"{left} more {more} named in the table; spanproof replay RECORD tells one, {out} has the records\n")


def worth_telling(records: Mapping[str, "Record"]) -> list[str]:
    """The names of the records that are told at length, in their order."""
    if len(records) <= MOST_STORIES:
        return list(records)
    shortest: dict[str, str] = {}
    for name in sorted(records, key=lambda name: len(records[name].steps)):
        shortest.setdefault(records[name].violated.claim, name)
    told = set(list(shortest.values())[:MOST_STORIES])
    return [name for name in records if name in told]


def _tell_json(report: "Report", work: "Work", options: dict[str, Any], unwritten: str) -> None:  # noqa: ARG001  # as below
    """Write the results to the file that is wanted, if one is."""
    from spanproof.checks.reporting.write import result_json  # noqa: PLC0415

    if options["json_file"] not in (None, "-"):
        write_json(Path(options["json_file"]), result_json(report, __version__))


def _sentences(report: "Report") -> dict[str, str]:
    """What each theorem says, where some were proved: the catalogue takes a while to load."""
    if not any(result.check == "prove" for result in report.results):
        return {}
    from spanproof.checks.proofs.catalogue import PLAIN, THEOREMS  # noqa: PLC0415

    return {theorem.name: theorem.says for theorem in (*THEOREMS, *PLAIN)}


def _tell_ci(report: "Report", work: "Work", options: dict[str, Any], unwritten: str) -> None:
    """Tell continuous integration what came out: JUnit's file, and lines that GitHub's runner reads from any stream."""
    from spanproof.checks.reporting.annotations import annotations  # noqa: PLC0415
    from spanproof.checks.reporting.junit import junit  # noqa: PLC0415

    if options.get("junit"):
        stopped = "interrupted" if work.interrupted else unwritten
        write_json(Path(options["junit"]), junit(report, stopped, work.records), "--junit")
    wanted = options.get("annotations")
    if wanted or (wanted is None and os.environ.get("GITHUB_ACTIONS") == "true"):
        root = Path(os.environ.get("GITHUB_WORKSPACE") or ".")
        for line in annotations(report, work.records, root):
            click.echo(line, err=options["json_file"] == "-")


def say(command: str, work: "Work", options: dict[str, Any]) -> int:
    """Say what came of work that was done without tasks: the exit code."""
    return _say(command, work, options, Path(REPORT), page=False, matrix=False)


def _placed(report: "Report", out: Path) -> "Report":
    """The report with the place of each record in it."""
    from dataclasses import replace  # noqa: PLC0415

    placed = (replace(r, record=str(out / r.record)) if r.record else r for r in report.results)
    return replace(report, results=tuple(placed))


def write_json(path: Path, text: str, option: str = "--json") -> None:
    """Write a file that an option names, whole or not at all."""
    from spanproof.checks.record import write_atomically  # noqa: PLC0415

    try:
        write_atomically(path, text)
    except OSError as e:
        raise click.UsageError(f"{option} {path}: cannot be written: {e.strerror}") from e


def story(record: "Record", place: str, *, there: bool = True) -> str:
    """A counterexample as text, with the program and, if the record is there, the way to see it again."""
    from spanproof.checks.reporting.lanes import lanes  # noqa: PLC0415
    from spanproof.checks.reporting.words import printable  # noqa: PLC0415
    from spanproof.checks.running.printing import runnable  # noqa: PLC0415

    program = runnable(record, wrapped=True) if record.kind == "run" else ""
    again = f"spanproof replay {printable(shlex.quote(place))}" if there else "its record could not be written"
    return lanes(record, again, program, width=text_width())


def text_width() -> int:
    """The columns of a text: a page's, or those of a terminal that has fewer."""
    from spanproof.checks.reporting.words import WIDTH  # noqa: PLC0415

    return min(WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else WIDTH
