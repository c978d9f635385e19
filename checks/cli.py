"""The `spanproof` command. Heavy modules are imported by the command that needs them, so that --help is quick.

Exit codes: 0 all hold, 1 violated, 2 bad usage or input, 3 something unknown or nothing run, 130 interrupted.
"""

import itertools
import os
import signal
import sys
from _thread import interrupt_main
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from spanproof import __version__
from spanproof.checks.exploring.keeping.hearing import HEARD
from spanproof.checks.options import WithHistories, json_place, known, named, shared
from spanproof.checks.saying import run_tasks, write_json

if TYPE_CHECKING:
    from spanproof.checks.jobs import Task

PINS = "spanproof-pins"
LISTS = ("scenarios", "claims", "theorems", "releases", "faults")
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
  spanproof explain no_page_in_two_spans            what a claim says, and how it breaks
"""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="spanproof")
def cli() -> None:
    """Show that a page heap is right: Go's mheap, run and searched through all interleavings from one text."""


def _pins() -> list["Task"]:
    from spanproof.checks.again import load_sound  # noqa: PLC0415
    from spanproof.checks.jobs import Task  # noqa: PLC0415

    paths = sorted(Path(PINS).glob("*.json"))
    for path in paths:
        load_sound(path)  # refuse one that is damaged before anything runs
    return [Task("pin", str(path)) for path in paths]


@cli.command()
@shared
def check(**options: Any) -> int:
    """The main job: proofs, searches, workloads, Go's tables, histories, traces, pinned records, planted faults."""
    from spanproof.checks.faults.planting import subject  # noqa: PLC0415
    from spanproof.checks.jobs import Task  # noqa: PLC0415
    from spanproof.checks.proofs.catalogue import BY_NAME as THEOREMS  # noqa: PLC0415
    from spanproof.checks.proofs.catalogue import plain_names  # noqa: PLC0415
    from spanproof.checks.scenarios import SCENARIOS  # noqa: PLC0415
    from spanproof.checks.task_lists import (  # noqa: PLC0415
        alive_tasks,
        campaign_tasks,
        history_tasks,
        plain_tasks,
        proof_tasks,
        table_tasks,
    )
    from spanproof.checks.tracing.shipped import RECORDED  # noqa: PLC0415

    options["theorems"] = tuple(THEOREMS)
    heap = subject(options["heap"], options["fault"]).heap_class
    tasks = [*_pins(), *alive_tasks(), *table_tasks(), *history_tasks()]
    tasks += [Task("trace", str(path)) for path in RECORDED]
    tasks += [Task("explore", s.name) for s in sorted(SCENARIOS, key=lambda s: -s.states)]
    tasks += [*proof_tasks(THEOREMS, heap, options["release"], ["int"]), *plain_tasks(plain_names("quick"))]
    tasks += campaign_tasks()  # the longest of all: where time runs short, nothing else goes without
    return run_tasks("check", tasks, options, budget=CHECK_BUDGET)


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
@click.option("--certificates", callback=named, metavar="DIR", help="Write each proof for other solvers to read.")
@click.option("--necessity", is_flag=True, help="Tell what each conjunct of the contracts is needed for; minutes.")
@click.option("--stability", is_flag=True, help="Ask each question under several seeds of the solver, too; minutes.")
@click.option("--infer", is_flag=True, help="Find the invariant of alloc_needs_zero and its rely: Houdini, and Spacer.")
@click.option("--recheck", callback=named, metavar="DIR", help="Put such proofs to other solvers; nothing is proved.")
@click.option("--without", metavar="PREMISE", help="Leave a premise out, such as sys_unused_zeroes.")
@click.option(
    "--solver",
    "solvers",
    multiple=True,
    metavar="CMD",
    help="For --recheck, instead of cvc5 and bitwuzla, repeatable; for --stability, another z3.",
)
@shared
def prove(theorems: tuple[str, ...], domain: str | None, tier: str, infer: bool, **options: Any) -> int:
    """Prove THEOREM... (default: all) about the text of the heap; name one to hear all.

    For any number of threads, or, where functions only compute, for all inputs.
    """
    from spanproof.checks import evidence_tasks  # noqa: PLC0415
    from spanproof.checks.faults.planting import subject  # noqa: PLC0415
    from spanproof.checks.proofs.catalogue import BY_NAME, PLAIN_BY_NAME, plain_names  # noqa: PLC0415
    from spanproof.checks.proving.theorem import REMOVABLE  # noqa: PLC0415
    from spanproof.checks.task_lists import plain_tasks, proof_tasks  # noqa: PLC0415

    if options["recheck"]:
        if theorems or options["certificates"]:
            raise click.UsageError("--recheck: asks about what is in the folder; leave theorems and --certificates out")
        return run_tasks("prove", evidence_tasks.rechecks(Path(options["recheck"]), options), options)
    if sum(map(bool, (options["certificates"], options["necessity"], options["stability"], infer))) > 1:
        raise click.UsageError("--certificates, --necessity, --stability, --infer: one at a time")
    evidence_tasks.named_solvers(options)
    if infer:
        return run_tasks("prove", evidence_tasks.inferred(theorems, domain, options), options, tell=True)
    for name in theorems:
        known(name, [*BY_NAME, *PLAIN_BY_NAME], "theorem")
    if options["without"] is not None:
        known(options["without"], REMOVABLE, "premise that can be left out,")
    if domain == "int" and tier == "long":
        raise click.UsageError("--tier long is 64-bit words too: leave --domain int out")
    domains = (domain,) if domain else ("int",) if tier == "quick" else ("int", "bv64")
    options["theorems"] = tuple(name for name in theorems or BY_NAME if name in BY_NAME)
    plain = [name for name in theorems or plain_names(tier) if name in PLAIN_BY_NAME]
    heap = subject(options["heap"], options["fault"]).heap_class
    tasks = [*proof_tasks(options["theorems"], heap, options["release"], domains), *plain_tasks(plain)]
    return run_tasks("prove", tasks, options, tell=bool(theorems))


@cli.command(cls=WithHistories)
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
@shared
def compare(examples: int | None, tables: bool, histories: int | None, **options: Any) -> int:
    """Programs and schedules from Hypothesis, against every claim and the abstract heap after every step."""
    from spanproof.checks.task_lists import campaign_tasks, history_tasks, table_tasks  # noqa: PLC0415

    options["examples"], options["calls"] = examples, histories
    instead = [*(table_tasks() if tables else ()), *(history_tasks() if histories else ())]
    return run_tasks("compare", instead or campaign_tasks(), options)


@cli.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@shared
def trace(files: tuple[str, ...], **options: Any) -> int:
    """Judge recorded traces of real Go programs (default: the three that are shipped).

    The page allocator of the heap is stepped through each, and must give what Go gave.
    """
    from spanproof.checks.jobs import Task  # noqa: PLC0415
    from spanproof.checks.tracing.shipped import RECORDED  # noqa: PLC0415

    return run_tasks("trace", [Task("trace", str(f)) for f in files or RECORDED], options)


@cli.command()
@click.argument("record", metavar="RECORD")
def pin(record: str) -> int:
    """Keep a counterexample in spanproof-pins/, where `check` runs it first from now on."""
    from spanproof.checks.again import NOT_RUN, judged, load_sound, of_file  # noqa: PLC0415
    from spanproof.checks.record import save  # noqa: PLC0415
    from spanproof.checks.reporting.words import printable  # noqa: PLC0415
    from spanproof.checks.subject import Subject  # noqa: PLC0415

    source = Path(record)
    kept = load_sound(source)
    with of_file(record), suppress(*NOT_RUN):
        judged(kept, Subject(), source.name)  # refuse what is damaged now, and not when it is wanted
    try:
        place = _free_place(Path(PINS), source.stem, kept.dumps())
        save(kept, place)
    except OSError as e:
        raise click.UsageError(f"{PINS}: cannot be written: {e.strerror}; give this folder room or rights") from e
    click.echo(printable(f"pinned: {place}"))
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
@click.argument("kinds", nargs=-1, type=click.Choice(LISTS), metavar="[KIND]...")
@click.option("--json", "json_file", callback=json_place, metavar="FILE", help="Write the lists as JSON; - is stdout.")
def list_command(kinds: tuple[str, ...], json_file: str | None) -> int:
    """Show the scenarios, claims, theorems, releases and faults, or those KINDs of them. --json writes all."""
    import json  # noqa: PLC0415

    from spanproof.checks.listing import SHOWN, lists  # noqa: PLC0415
    from spanproof.checks.reporting.table import print_rows  # noqa: PLC0415

    everything = lists()
    text = json.dumps(everything, indent=1) + "\n"
    if json_file == "-":
        click.echo(text, nl=False)
        return 0
    if json_file is not None:
        write_json(Path(json_file), text)
        return 0
    rows = {
        title: [columns, *(tuple(_cell(entry[column]) for column in columns) for entry in everything[title])]
        for title, columns in SHOWN.items()
        if not kinds or title in kinds
    }
    print_rows(rows, sys.stdout)
    return 0


def _cell(value: object) -> str:
    """What a list shows of a value."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


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
@click.option("--proofs", is_flag=True, help="Ask the proofs alone, and name the obligation that fails.")
@shared
def faults(names: tuple[str, ...], generated: int, proofs: bool, **options: Any) -> int:
    """Plant each fault (or those named) and show which layer catches it, and in what time."""
    from spanproof.checks.faults.planting import corpus, looked_among  # noqa: PLC0415
    from spanproof.checks.jobs import Task  # noqa: PLC0415

    for name in names:
        known(name, looked_among(name), "fault")
    if options["fault"] is not None:
        raise click.UsageError("--fault: `faults` plants them itself; name the faults as arguments")
    if options["heap"] != "reference" or options["release"] is not None:
        raise click.UsageError("--heap, --release: faults are edits of the reference heap, each on its own rows")
    chosen = dict.fromkeys(names or corpus(generated, options["seed"]))
    check = "by_proofs" if proofs else "faults"
    return run_tasks("faults", [Task(check, name) for name in chosen], options, matrix=not proofs)


def _add_groups() -> None:
    from spanproof.checks.completion_command import complete_names, completion  # noqa: PLC0415
    from spanproof.checks.explain_command import explain  # noqa: PLC0415
    from spanproof.checks.explore_command import bench, explore  # noqa: PLC0415
    from spanproof.checks.go_command import go  # noqa: PLC0415
    from spanproof.checks.replay_command import replay  # noqa: PLC0415

    for command in (completion, explain, explore, bench, go, replay):
        cli.add_command(command)
    complete_names(cli)


_add_groups()


def _one_line(error: Exception) -> str:
    """What is wrong, in one line that is safe to print."""
    from spanproof.checks.reporting.words import one_line  # noqa: PLC0415

    return one_line(error.format_message() if isinstance(error, click.ClickException) else str(error))


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
    from spanproof.checks.exploring.expressions import ExpressionError  # noqa: PLC0415
    from spanproof.checks.exploring.keeping.container import CheckpointError  # noqa: PLC0415
    from spanproof.checks.exploring.spin.promela import ExportError  # noqa: PLC0415
    from spanproof.checks.exploring.walking.kernel.building import NoKernelError  # noqa: PLC0415
    from spanproof.checks.faults.edit import EditError  # noqa: PLC0415
    from spanproof.checks.golang.reading.toolchains import GoError  # noqa: PLC0415
    from spanproof.checks.programs import ProgramError  # noqa: PLC0415
    from spanproof.checks.proving.evidence.certificates import CertificateError  # noqa: PLC0415
    from spanproof.checks.proving.evidence.recheck import SolverError  # noqa: PLC0415
    from spanproof.checks.record import RecordError  # noqa: PLC0415
    from spanproof.checks.reporting.write import ReportError  # noqa: PLC0415
    from spanproof.checks.running.replaying import ScheduleError  # noqa: PLC0415
    from spanproof.checks.subject import SubjectError  # noqa: PLC0415
    from spanproof.checks.text import TextError  # noqa: PLC0415
    from spanproof.checks.tracing.validating import TraceError  # noqa: PLC0415

    inputs = (EditError, ProgramError, RecordError, ScheduleError, SubjectError, TextError, TraceError)
    others = (CertificateError, CheckpointError, ExportError, ExpressionError, GoError, NoKernelError, ReportError)
    return (*inputs, *others, SolverError)


class _Ending:
    """Ends a process at Ctrl-C and at SIGTERM, in one way: what was found by then is kept.

    Nobody is told of what goes wrong meanwhile: objects that were half made are thrown away.
    """

    def __init__(self) -> None:
        """Hear of both first, unless one is left unheard, as Ctrl-C is in the background."""
        self.begun = False
        sys.unraisablehook = self.unraisable
        for number in HEARD:
            if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
                signal.signal(number, self.interrupted)

    def interrupted(self, signum: int, frame: FrameType | None) -> None:
        """Ctrl-C was pressed, or somebody ends the process."""
        self.begun = True
        signal.default_int_handler(signum, frame)

    def unraisable(self, what: "sys.UnraisableHookArgs") -> None:
        """Something was raised where nobody catches it. Was it Ctrl-C, the process hears of it again."""
        if issubclass(what.exc_type, KeyboardInterrupt):
            interrupt_main()
        elif not self.begun:
            sys.__unraisablehook__(what)


def run() -> None:
    """The console script."""
    _Ending()
    from spanproof.checks.verdict import EXIT_INTERRUPTED  # noqa: PLC0415

    code = EXIT_INTERRUPTED
    with suppress(KeyboardInterrupt):  # one that comes while another error is told
        code = main()
    for number in HEARD:
        signal.signal(number, signal.SIG_IGN)  # all is told
    sys.exit(code)


if __name__ == "__main__":
    run()
