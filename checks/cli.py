"""The `spanproof` command. Heavy modules are imported by the command that needs them, so that --help is quick.

Exit codes: 0 all hold, 1 violated, 2 bad usage or input, 3 something unknown or nothing run, 130 interrupted.
"""

import difflib
import itertools
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from spanproof import __version__

if TYPE_CHECKING:
    from spanproof.checks.jobs import Setting, Task, Work
    from spanproof.checks.record import Record
    from spanproof.checks.verdict import NotRun, Report

F = TypeVar("F", bound=Callable[..., Any])
REPORT = "spanproof-report"
PINS = "spanproof-pins"
CHECK_BUDGET = 55.0
"""Seconds that `check` may take; what is not done by then is unknown."""

EPILOG = """\b
Examples:
  spanproof check                                   everything, into spanproof-report/
  spanproof prove no_overlapping_spans              for any number of threads
  spanproof explore two_allocs_one_arena            one scenario, all interleavings
  spanproof explore --fault plain_store_for_cas     with a planted bug: see it caught
  spanproof compare --seed 7                        programs and schedules from Hypothesis
  spanproof replay spanproof-report/FILE.json       a counterexample again, step by step
"""


def _seconds(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:  # noqa: ARG001
    if value is not None and not (math.isfinite(value) and value > 0):
        raise click.BadParameter(f"{value:g} is no time; give a number of seconds above 0")
    return value


def _release(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    from spanproof.model.releases import UnknownReleaseError, row  # noqa: PLC0415

    try:
        return None if value is None else row(value).name
    except UnknownReleaseError as e:
        raise click.BadParameter(str(e)) from e


def _fault(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    if value is not None:
        from spanproof.checks.faults.planting import every_fault, named  # noqa: PLC0415

        if named(value) is None:
            _known(value, every_fault(), "fault")
    return value


def _known(name: str, names: Iterable[str], what: str) -> None:
    """Refuse a name that is not known, with the nearest that is."""
    known = list(names)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else "`spanproof list` shows what there is"
        raise click.UsageError(f"no {what} {name!r}: {hint}")


def _named(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    if value is not None and (not value or "\0" in value):
        raise click.BadParameter(f"{value!r} names nothing")
    return value


def _json(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if _named(ctx, param, value) is not None and Path(str(value)).is_dir():
        raise click.BadParameter(f"{value} is a folder; give a file")
    return value


class _WithHistories(click.Command):
    """A command with --histories, whose number may be left out: then click takes -5 for another option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse what is given as its number and begins with a dash."""
        for argument, after in itertools.pairwise([*args, ""]):
            name, equals, value = argument.partition("=")
            given = value if equals else after if after[1:2].isdecimal() else ""
            if name == "--histories" and given.startswith("-"):
                raise click.BadParameter(f"{given!r} is no number of calls; give 1 or more", param_hint="'--histories'")
        return super().parse_args(ctx, args)


OPTIONS = (
    click.option("--json", "json_file", callback=_json, metavar="FILE", help="Write the results as JSON; - is stdout."),
    click.option(
        "--out",
        metavar="DIR",
        callback=_named,
        default=None,
        help=f"Folder for the report (check: {REPORT}) and records.",
    ),
    click.option("--jobs", type=click.IntRange(1, 256), default=None, help="Processes side by side [default: cores]."),
    click.option("--budget", type=float, callback=_seconds, help="Seconds; what is not done by then is unknown."),
    click.option(
        "--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Same seed, same results."
    ),
    click.option(
        "--release", callback=_release, metavar="go1.N", help="Go release to follow [default: each scenario's own]."
    ),
    click.option("--heap", metavar="FILE.py:CLASS", default="reference", help="A heap in place of the reference."),
    click.option("--fault", callback=_fault, metavar="NAME", help="Plant this fault in the heap."),
    click.option("--require", multiple=True, metavar="NAME", help="Exit 2 if no check of this kind or name ran."),
)


def _options(command: F) -> F:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="spanproof")
def cli() -> None:
    """Show that a page heap is right: Go's mheap, run and searched through all interleavings from one text."""


def _setting(options: dict[str, Any], budget: float | None) -> "Setting":
    from spanproof.checks.comparing.campaign import FEWEST_PROGRAMS  # noqa: PLC0415
    from spanproof.checks.comparing.history_campaign import SEEDED_CALLS  # noqa: PLC0415
    from spanproof.checks.faults.planting import subject  # noqa: PLC0415
    from spanproof.checks.jobs import Setting  # noqa: PLC0415

    subject(options["heap"], options["fault"])  # refuse a heap that does not load before anything runs
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
    )


def _told(quiet: bool) -> Callable[[int, int, "Task"], None]:
    """Progress on stderr: one line that is written over on a terminal, else a line now and then."""
    terminal = sys.stderr.isatty()

    def told(done: int, of: int, task: "Task") -> None:
        if quiet or of == 1:
            return
        line = f"{done} of {of}: {task.check} {task.name}"
        if terminal:
            click.echo(f"\r\x1b[K{line[:78]}" + ("\n" if done == of else ""), err=True, nl=False)
        elif done == of or done % 10 == 0:
            click.echo(line, err=True)

    return told


def _run(
    command: str, tasks: list["Task"], options: dict[str, Any], *, budget: float | None = None, tell: bool = False
) -> int:
    """Do the tasks and say what came out, at length if theorems are to be told: the exit code."""
    from spanproof.checks import jobs  # noqa: PLC0415

    out = Path(options["out"] or REPORT)
    keeps = command == "check" or options["out"] is not None
    if keeps:
        _writable(out)
    if options["json_file"] not in (None, "-"):
        _writable(Path(options["json_file"]).parent, "--json, in")
    setting = _setting(options, budget)
    work = jobs.run(tasks, setting, options["jobs"] or os.cpu_count() or 1, _told(quiet=False))
    if tell and options["json_file"] != "-":
        for told in work.told.values():
            click.echo(told)
    return _say(command, work, options, out, page=keeps)


def _writable(folder: Path, option: str = "--out") -> None:
    """Refuse a folder that cannot be written to before any work is done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise click.UsageError(
            f"{option} {folder}: cannot be made: {e.strerror}; give a folder that can be written to"
        ) from e
    if not os.access(folder, os.W_OK):
        raise click.UsageError(f"{option} {folder}: cannot be written to; give another folder")


def _say(command: str, work: "Work", options: dict[str, Any], out: Path, *, page: bool) -> int:
    """Write the report, the records and the JSON, print the table or the counterexamples; the exit code."""
    from spanproof.checks.faults.table import print_matrix  # noqa: PLC0415
    from spanproof.checks.reporting.table import print_table  # noqa: PLC0415
    from spanproof.checks.reporting.words import sentence  # noqa: PLC0415
    from spanproof.checks.reporting.write import ReportError, result_json, write_report  # noqa: PLC0415
    from spanproof.checks.verdict import EXIT_CODES, EXIT_INTERRUPTED, EXIT_USAGE, Report  # noqa: PLC0415
    from spanproof.model.releases import NEWEST  # noqa: PLC0415

    not_run: tuple[NotRun, ...] = ()
    report = Report(command, options["release"] or NEWEST.name, options["seed"], tuple(work.results), not_run)
    unwritten = ""
    if page or work.records:
        report = _placed(report, out)
        try:
            write_report(out, report, work.records, __version__)
        except ReportError as e:
            unwritten = str(e)
    if options["json_file"] == "-":
        click.echo(result_json(report, __version__), nl=False)
    else:
        for name, record in work.records.items() if command != "check" else ():
            click.echo(_story(record, str(out / name)))
        if command == "faults":
            print_matrix(report.results, sys.stdout)
            click.echo(sentence(report))
        else:
            print_table(report, sys.stdout, see=str(out / "report.html") if page or work.records else "")
    if options["json_file"] not in (None, "-"):
        _write_json(Path(options["json_file"]), result_json(report, __version__))
    if unwritten:
        click.echo(f"spanproof: {unwritten}", err=True)
        return EXIT_USAGE
    if work.interrupted:
        click.echo(f"spanproof: interrupted; {len(work.results)} results are kept", err=True)
        return EXIT_INTERRUPTED
    ran = {name for item in report.results for name in (item.check, item.name)}
    missing = [name for name in options["require"] if name not in ran]
    if missing:
        click.echo(f"spanproof: --require {missing[0]}: it did not run", err=True)
        return EXIT_USAGE
    return EXIT_CODES[report.verdict]


def _placed(report: "Report", out: Path) -> "Report":
    """The report with the place of each record in it."""
    from dataclasses import replace  # noqa: PLC0415

    placed = (replace(r, record=str(out / r.record)) if r.record else r for r in report.results)
    return replace(report, results=tuple(placed))


def _write_json(path: Path, text: str) -> None:
    from spanproof.checks.record import write_atomically  # noqa: PLC0415

    try:
        write_atomically(path, text)
    except OSError as e:
        raise click.UsageError(f"--json {path}: cannot be written: {e.strerror}") from e


def _story(record: "Record", place: str) -> str:
    """A counterexample as text, with the program and the way to see it again."""
    from spanproof.checks.reporting.lanes import lanes  # noqa: PLC0415
    from spanproof.checks.running.printing import runnable  # noqa: PLC0415

    program = runnable(record) if record.kind == "run" else ""
    return lanes(record, f"spanproof replay {place}", program)


def _pins() -> list["Task"]:
    from spanproof.checks.jobs import Task  # noqa: PLC0415
    from spanproof.checks.record import load  # noqa: PLC0415

    paths = sorted(Path(PINS).glob("*.json"))
    for path in paths:
        load(path)  # refuse one that is damaged before anything runs
    return [Task("pin", str(path)) for path in paths]


@cli.command()
@_options
def check(**options: Any) -> int:
    """The main job: proofs, searches, workloads, Go's tables, histories, traces, pinned records, planted faults."""
    from spanproof.checks.faults.planting import subject  # noqa: PLC0415
    from spanproof.checks.jobs import (  # noqa: PLC0415
        Task,
        alive_tasks,
        campaign_tasks,
        history_tasks,
        plain_tasks,
        proof_tasks,
        table_tasks,
    )
    from spanproof.checks.proofs.catalogue import BY_NAME as THEOREMS  # noqa: PLC0415
    from spanproof.checks.proofs.catalogue import plain_names  # noqa: PLC0415
    from spanproof.checks.scenarios import SCENARIOS  # noqa: PLC0415
    from spanproof.checks.tracing.shipped import RECORDED  # noqa: PLC0415

    options["theorems"] = tuple(THEOREMS)
    heap = subject(options["heap"], options["fault"]).heap_class
    tasks = [*_pins(), *alive_tasks(), *table_tasks(), *history_tasks()]
    tasks += [Task("trace", str(path)) for path in RECORDED]
    tasks += [Task("explore", s.name) for s in sorted(SCENARIOS, key=lambda s: -s.states)]
    tasks += [*proof_tasks(THEOREMS, heap, options["release"], ["int"]), *plain_tasks(plain_names("quick"))]
    tasks += campaign_tasks()  # the longest of all: where time runs short, nothing else goes without
    return _run("check", tasks, options, budget=CHECK_BUDGET)


@cli.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--claim", metavar="NAME", help="Judge this claim alone.")
@_options
def explore(scenarios: tuple[str, ...], claim: str | None, **options: Any) -> int:
    """Search all interleavings of SCENARIO... (default: the whole catalogue)."""
    if claim is not None:
        from spanproof.model.claims import BY_NAME as CLAIMS  # noqa: PLC0415

        _known(claim, CLAIMS, "claim")
    options["claim"] = claim
    from spanproof.checks.jobs import Task  # noqa: PLC0415
    from spanproof.checks.scenarios import BY_NAME  # noqa: PLC0415

    for name in scenarios:
        _known(name, BY_NAME, "scenario")
    return _run("explore", [Task("explore", name) for name in scenarios or BY_NAME], options)


@cli.command()
@click.argument("theorems", nargs=-1, metavar="[THEOREM]...")
@click.option("--domain", type=click.Choice(["int", "bv64"]), default=None, help="Kind of words [default: int].")
@click.option(
    "--tier",
    type=click.Choice(["quick", "long"]),
    default="quick",
    show_default=True,
    help="quick: unbounded integers, seconds. long: 64-bit words and longer bitmaps too, minutes.",
)
@_options
def prove(theorems: tuple[str, ...], domain: str | None, tier: str, **options: Any) -> int:
    """Prove THEOREM... (default: all) about the text of the heap; name one to hear all.

    For any number of threads, or, where functions only compute, for all inputs.
    """
    from spanproof.checks.faults.planting import subject  # noqa: PLC0415
    from spanproof.checks.jobs import plain_tasks, proof_tasks  # noqa: PLC0415
    from spanproof.checks.proofs.catalogue import BY_NAME, PLAIN_BY_NAME, plain_names  # noqa: PLC0415

    for name in theorems:
        _known(name, [*BY_NAME, *PLAIN_BY_NAME], "theorem")
    if domain == "int" and tier == "long":
        raise click.UsageError("--tier long is 64-bit words too: leave --domain int out")
    domains = (domain,) if domain else ("int",) if tier == "quick" else ("int", "bv64")
    options["theorems"] = tuple(name for name in theorems or BY_NAME if name in BY_NAME)
    plain = [name for name in theorems or plain_names(tier) if name in PLAIN_BY_NAME]
    heap = subject(options["heap"], options["fault"]).heap_class
    tasks = [*proof_tasks(options["theorems"], heap, options["release"], domains), *plain_tasks(plain)]
    return _run("prove", tasks, options, tell=bool(theorems))


@cli.command(cls=_WithHistories)
@click.option("--examples", type=click.IntRange(1, 10_000_000), default=None, help="Programs to draw [default: 300].")
@click.option("--tables", is_flag=True, help="Replay the calls of Go's own tests instead.")
@click.option(
    "--histories",
    type=click.IntRange(1, 10**9),
    is_flag=False,
    flag_value=30_000,
    metavar="[CALLS]",
    help="Histories of the page allocator instead: drawn ones, and so many calls of seeded ones [default: 30,000].",
)
@_options
def compare(examples: int | None, tables: bool, histories: int | None, **options: Any) -> int:
    """Programs and schedules from Hypothesis, against every claim and the abstract heap after every step."""
    from spanproof.checks.jobs import campaign_tasks, history_tasks, table_tasks  # noqa: PLC0415

    options["examples"], options["calls"] = examples, histories
    instead = [*(table_tasks() if tables else ()), *(history_tasks() if histories else ())]
    return _run("compare", instead or campaign_tasks(), options)


@cli.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@_options
def trace(files: tuple[str, ...], **options: Any) -> int:
    """Judge recorded traces of real Go programs (default: the three that are shipped).

    The page allocator of the heap is stepped through each, and must give what Go gave.
    """
    from spanproof.checks.jobs import Task  # noqa: PLC0415
    from spanproof.checks.tracing.shipped import RECORDED  # noqa: PLC0415

    return _run("trace", [Task("trace", str(f)) for f in files or RECORDED], options)


@cli.command()
@click.argument("record", metavar="RECORD")
@click.option("--json", "json_file", callback=_json, metavar="FILE", help="Write the result as JSON; - is stdout.")
def replay(record: str, json_file: str | None) -> int:
    """Run a counterexample again, on the heap and with the fault that it names, and show it."""
    from spanproof.checks.record import load  # noqa: PLC0415
    from spanproof.checks.reporting.write import result_json  # noqa: PLC0415
    from spanproof.checks.verdict import EXIT_CODES, Report  # noqa: PLC0415

    again = load(Path(record))
    result, shown = _replayed(again, record)
    report = Report("replay", again.release, 0, (result,))
    if json_file == "-":
        click.echo(result_json(report, __version__), nl=False)
    else:
        click.echo(shown)
        click.echo(f"{result.verdict.value}: {result.reason}")
    if json_file not in (None, "-"):
        _write_json(Path(json_file), result_json(report, __version__))
    return EXIT_CODES[report.verdict]


def _replayed(record: "Record", place: str) -> tuple[Any, str]:
    """The result of a replay and what to show of it."""
    from spanproof.checks.again import CHECK, NOT_RUN, replayed  # noqa: PLC0415
    from spanproof.checks.faults.planting import subject  # noqa: PLC0415
    from spanproof.checks.verdict import Result, Verdict  # noqa: PLC0415

    check, claim = CHECK[record.kind], record.violated.claim
    try:
        again = replayed(record, subject(record.heap, record.fault))
    except NOT_RUN as e:
        return Result(check, record.name, Verdict.UNKNOWN, f"the heap cannot be run: {e}"), ""
    anew, difference = again.record, again.difference
    if anew is None:
        return Result(check, record.name, Verdict.UNKNOWN, f"not reproduced: {difference}"), ""
    if difference:
        reason = f"breaks {anew.violated.claim}, but not as recorded: {difference}"
        return Result(check, record.name, Verdict.UNKNOWN, reason), _story(anew, place)
    same = Result(check, record.name, Verdict.VIOLATED, f"{claim}, the same as recorded", record=place)
    return same, _story(anew, place)


@cli.command()
@click.argument("record", metavar="RECORD")
def pin(record: str) -> int:
    """Keep a counterexample in spanproof-pins/, where `check` runs it first from now on."""
    from spanproof.checks.again import NOT_RUN, judged  # noqa: PLC0415
    from spanproof.checks.record import load, save  # noqa: PLC0415
    from spanproof.checks.subject import Subject  # noqa: PLC0415

    source = Path(record)
    kept = load(source)
    with suppress(*NOT_RUN):
        judged(kept, Subject(), source.name)  # refuse what is damaged now, and not when it is wanted
    try:
        place = _free_place(Path(PINS), source.stem, kept.dumps())
        save(kept, place)
    except OSError as e:
        raise click.UsageError(f"{PINS}: cannot be written: {e.strerror}; give this folder room or rights") from e
    click.echo(f"pinned: {place}")
    return 0


def _free_place(folder: Path, stem: str, text: str) -> Path:
    """A file in the folder that is not there yet, or holds this text already."""
    names = itertools.chain([stem], (f"{stem}-{n}" for n in itertools.count(2)))
    return next(
        place
        for place in (folder / f"{name}.json" for name in names)
        if not place.exists() or (place.is_file() and place.read_bytes() == text.encode())
    )


@cli.command("list")
@click.option("--json", "json_file", callback=_json, metavar="FILE", help="Write the lists as JSON; - is stdout.")
def list_command(json_file: str | None) -> int:
    """Show the scenarios, claims, releases and faults."""
    import json  # noqa: PLC0415

    from spanproof.checks.listing import lists, print_lists  # noqa: PLC0415

    text = json.dumps(lists(), indent=1) + "\n"
    if json_file == "-":
        click.echo(text, nl=False)
        return 0
    if json_file is not None:
        _write_json(Path(json_file), text)
        return 0
    print_lists(sys.stdout)
    return 0


@cli.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--generated",
    type=click.IntRange(min=0),
    default=150,
    show_default=True,
    metavar="N",
    help="So many of those made from the syntax tree, drawn by --seed, besides all that are written down.",
)
@_options
def faults(names: tuple[str, ...], generated: int, **options: Any) -> int:
    """Plant each fault (or those named) and show which layer catches it, and in what time."""
    from spanproof.checks.faults.planting import corpus, every_fault  # noqa: PLC0415
    from spanproof.checks.jobs import Task  # noqa: PLC0415

    known = every_fault()
    for name in names:
        _known(name, known, "fault")
    if options["fault"] is not None:
        raise click.UsageError("--fault: `faults` plants them itself; name the faults as arguments")
    return _run("faults", [Task("faults", name) for name in names or corpus(generated, options["seed"])], options)


def _one_line(error: Exception) -> str:
    """What is wrong, in one line."""
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    return " ".join(text.split())


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code. Never a traceback for bad input."""
    from spanproof.checks.running.endless import watched  # noqa: PLC0415
    from spanproof.checks.verdict import EXIT_INTERRUPTED, EXIT_USAGE  # noqa: PLC0415

    try:
        with watched():
            code = cli.main(arguments, prog_name="spanproof", standalone_mode=False)
            click.echo(nl=False)  # what is held back is written now, or fails now
    except click.exceptions.NoArgsIsHelpError as e:
        click.echo(e.format_message())
        return 0
    except click.ClickException as e:
        click.echo(f"spanproof: {_one_line(e)}", err=True)
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("spanproof: interrupted", err=True)
        return EXIT_INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click and rich exit, with 1, where nobody reads on
        _silence()
        return EXIT_USAGE
    except _input_errors() as e:
        click.echo(f"spanproof: {_one_line(e)}", err=True)
        return EXIT_USAGE
    except OSError as e:  # the files that a command names are dealt with where it reads or writes them
        _silence()
        click.echo(f"spanproof: the output cannot be written: {e.strerror}", err=True)
        return EXIT_USAGE
    return code if isinstance(code, int) else 0


def _silence() -> None:
    """Whatever is still to be written to stdout is written nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _input_errors() -> tuple[type[Exception], ...]:
    """The errors that a user's input can cause; imported only once something has gone wrong."""
    from spanproof.checks.faults.edit import EditError  # noqa: PLC0415
    from spanproof.checks.programs import ProgramError  # noqa: PLC0415
    from spanproof.checks.record import RecordError  # noqa: PLC0415
    from spanproof.checks.reporting.write import ReportError  # noqa: PLC0415
    from spanproof.checks.running.replaying import ScheduleError  # noqa: PLC0415
    from spanproof.checks.subject import SubjectError  # noqa: PLC0415
    from spanproof.checks.text import TextError  # noqa: PLC0415
    from spanproof.checks.tracing.validating import TraceError  # noqa: PLC0415

    return (EditError, ProgramError, RecordError, ReportError, ScheduleError, SubjectError, TextError, TraceError)


def run() -> None:
    """The console script."""
    from spanproof.checks.verdict import EXIT_INTERRUPTED  # noqa: PLC0415

    code = EXIT_INTERRUPTED
    with suppress(KeyboardInterrupt):  # one that comes while another error is told
        code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is told
    sys.exit(code)


if __name__ == "__main__":
    run()
