"""`spanproof go`: the real Go runtime in the loop. What is missing is said, with a count. Read next: golang/."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spanproof.checks.options import known, shared
from spanproof.checks.saying import run_tasks

if TYPE_CHECKING:
    from spanproof.checks.golang.reading.toolchains import Toolchain
    from spanproof.checks.record import Record
    from spanproof.checks.verdict import NotRun

GOROOT = click.option(
    "--goroot", type=click.Path(path_type=Path), metavar="DIR",
    help="Use the Go in this folder alone; --release holds it to another row than its own.",
)  # fmt: skip


@click.group("go")
def go() -> None:
    """Go's own text, taken from a toolchain, beside the reference heap."""


@go.command()
@click.argument("versions", nargs=-1, metavar="[VERSION]...")
def fetch(versions: tuple[str, ...]) -> int:
    """Get versions of Go with pip into your cache (default: one of each release whose text is read)."""
    from spanproof.checks.golang.reading.toolchains import FETCHED  # noqa: PLC0415
    from spanproof.checks.golang.reading.toolchains import fetch as fetched  # noqa: PLC0415

    for version in versions or FETCHED:
        found = fetched(version.removeprefix("go"))
        click.echo(f"{found.version}  {found.root}")
    return 0


@go.command()
@click.option(
    "--commands", type=click.IntRange(1, 10**9), default=20_000, show_default=True, help="Calls of each release."
)
@click.option("--inside", is_flag=True, help="Inside the real runtime of each toolchain, in place of its text alone.")
@click.option("--abstract", is_flag=True, help="With the abstract page allocator: results alone, ten times as many.")
@GOROOT
@shared
def compare(commands: int, inside: bool, abstract: bool, goroot: Path | None, **options: Any) -> int:
    """Histories of the page allocator on the reference and on Go's text: all results, and all state."""
    from spanproof.checks.jobs import Task  # noqa: PLC0415

    chosen, options["not_run"] = _chosen(goroot, options["release"], "compare")
    if inside and abstract:
        raise click.UsageError("--inside, --abstract: one at a time")
    options["calls"] = commands * 10 if abstract else commands
    check = "go_inside" if inside else "go_abstract" if abstract else "go_compare"
    return run_tasks("go", [Task(check, str(each.root), each.version) for each in chosen], options)


@go.command()
@click.argument("trials", nargs=-1, metavar="[TRIAL]...")
@click.option(
    "--schedules", type=click.IntRange(1, 10**9), default=3_000, show_default=True,
    help="Drawn of each kind of larger program.",
)  # fmt: skip
@GOROOT
@shared
def interleave(trials: tuple[str, ...], schedules: int, goroot: Path | None, **options: Any) -> int:
    """All interleavings of small programs, some of larger ones, step by step as the reference takes them."""
    from spanproof.checks.golang.interleaving.interleave import NAMES  # noqa: PLC0415
    from spanproof.checks.jobs import Task  # noqa: PLC0415

    for name in trials:
        known(name, NAMES, "trial")
    chosen, options["not_run"] = _chosen(goroot, options["release"], "interleave")
    options["trials"], options["schedules"] = trials, schedules
    return run_tasks("go", [Task("go_interleave", str(each.root), each.version) for each in chosen], options)


@go.command()
@click.option(
    "--patch", type=click.Path(path_type=Path), metavar="FILE", help="A unified diff of src/runtime to judge."
)
@click.option("--commands", type=click.IntRange(1, 10**9), default=20_000, show_default=True, help="Calls to compare.")
@GOROOT
@shared
def check(patch: Path | None, commands: int, goroot: Path | None, **options: Any) -> int:
    """Judge a changed Go: what a patch or a GOROOT changes, what rests on that, and its text beside the reference."""
    from spanproof.checks.golang.reading.patches import laid_over  # noqa: PLC0415
    from spanproof.checks.jobs import Task  # noqa: PLC0415

    if patch is None and goroot is None:
        raise click.UsageError("name what is to be judged: --patch FILE, or --goroot DIR")
    toolchain = _toolchain(goroot, options["release"])
    if patch is not None:
        try:
            options["patch"] = patch.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as e:
            raise click.UsageError(f"--patch {patch}: cannot be read: {e}") from e
        laid_over(toolchain, options["patch"])  # refuse one that does not fit before anything runs
    options["calls"] = commands
    return run_tasks("go", [Task("go_check", str(toolchain.root), toolchain.version)], options)


@go.command()
@click.option("--keep", is_flag=True, help="Keep the digests of these toolchains first, to compare later ones with.")
@GOROOT
@shared
def releases(keep: bool, goroot: Path | None, **options: Any) -> int:
    """One table of all releases: what each does, whether its text says so, and what of it changed."""
    from spanproof.checks.golang.drifting.drift import KEPT, text_of  # noqa: PLC0415
    from spanproof.checks.golang.drifting.drift import keep as kept  # noqa: PLC0415
    from spanproof.checks.jobs import Task  # noqa: PLC0415

    chosen, options["not_run"] = _chosen(goroot, options["release"], "releases")
    if keep:
        click.echo(f"{KEPT}: {', '.join(kept(map(text_of, chosen)))}", err=True)
    tasks = [Task("go_releases", "" if goroot is None else str(goroot))] if chosen else []
    return run_tasks("go", tasks, options, tell=True)


@go.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[--] [COMMAND]...")
@click.option(
    "--package", type=click.Path(path_type=Path), metavar="DIR", help="Build the main package here; COMMAND: its words."
)
@click.option(
    "--level",
    type=click.Choice(("events", "spans", "objects")),
    default="events",
    show_default=True,
    help="What is recorded: events; every span that claims to be zero is read too; every object too.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("spanproof-traces"), show_default=True, metavar="DIR",
    help="Where the files go, one of each process.",
)  # fmt: skip
@click.option("--seconds", type=click.FloatRange(min=0.1), default=600, show_default=True, help="Then it is ended.")
@click.option(
    "--megabytes", type=click.IntRange(1, 1024), default=256, show_default=True, help="Of a file; 16,384 records each."
)
@click.option("--cost", is_flag=True, help="Run it three times more with the recorder and three times without.")
@click.option("--release", metavar="NAME", help="Build with the toolchain of this release, such as go1.21.")
@GOROOT
def record(
    command: tuple[str, ...], package: Path | None, level: str, out: Path, seconds: float, megabytes: int, cost: bool,
    release: str | None, goroot: Path | None,
) -> int:  # fmt: skip
    """Record what the page heap of a real program does; `spanproof trace` judges the files.

    Without --package, COMMAND is whatever begins programs that were built so before. Linux on amd64 only.
    """
    from spanproof.checks.golang.recording import programs as recording  # noqa: PLC0415

    recording.supported()
    if package is None and (not command or release is not None or goroot is not None):
        raise click.UsageError("name --package DIR to build and run, or a COMMAND that runs what was built before")
    depth, words, plain = recording.Level[level.upper()], list(command), list(command)
    if package is not None:
        toolchain = _toolchain(goroot, release)
        words = [str(recording.build(toolchain, package, depth)), *command]
        plain = [str(recording.build(toolchain, package, depth, recorder=False)), *command] if cost else []
    recorded = recording.record(words, out, depth, seconds, megabytes)
    for line in recording.told_lines(recorded):
        click.echo(line)
    if not recorded.files:
        raise click.UsageError(f"no process of {words[0]} wrote a file: none was built with --package")
    if cost:
        for line in recording.cost_lines(words, plain, out, depth, seconds, built=package is not None):
            click.echo(line)
    return 0


def replay_on_go(record: "Record", json_file: str | None) -> int:
    """Show what a record says on the real runtime of each toolchain here: the exit code."""
    from spanproof.checks.golang.reproducing import reproducer_of, shown_on  # noqa: PLC0415
    from spanproof.checks.jobs import Work  # noqa: PLC0415
    from spanproof.checks.saying import say  # noqa: PLC0415
    from spanproof.checks.verdict import Result  # noqa: PLC0415

    reproducer = reproducer_of(record)
    if reproducer is None:
        raise click.UsageError(f"{record.name}: no program shows this on the real runtime")
    chosen, not_run = _chosen(None, None, "replay")
    found = [shown_on(toolchain, reproducer) for toolchain in chosen]
    results = [each for each in found if isinstance(each, Result)]
    not_run += tuple(each for each in found if not isinstance(each, Result))
    options = {"release": record.release, "seed": 0, "json_file": json_file, "require": (), "not_run": not_run}
    return say("replay", Work(results), options)


def _toolchain(goroot: Path | None, release: str | None) -> "Toolchain":
    """The one to build with: in this folder, of this release, or the newest."""
    from spanproof.checks.golang.reading.toolchains import (  # noqa: PLC0415
        NoGoError,
        at,
        installed,
        lacking_parts,
        of_each_release,
    )  # fmt: skip
    from spanproof.model.releases import UnknownReleaseError, row  # noqa: PLC0415

    if parts := lacking_parts():
        raise NoGoError(parts)
    try:
        if goroot is not None:
            return _held(at(goroot, (release and row(release).name) or ""))
        found = of_each_release(installed())
        name = next(reversed(found), "") if release is None else row(release).name
    except UnknownReleaseError as e:
        raise click.UsageError(f"--release: {e}") from e
    if name not in found:
        raise NoGoError(
            f"no Go{f' of {name}' if name else ''} here: pip install 'spanproof[go]', or `spanproof go fetch`"
        )
    return found[name]


def _held(toolchain: "Toolchain") -> "Toolchain":
    """It, if the table has a row for it: GoError otherwise, before anything runs."""
    _ = toolchain.release
    return toolchain


def _chosen(goroot: Path | None, release: str | None, work: str) -> tuple[list["Toolchain"], tuple["NotRun", ...]]:
    """(the toolchains that are meant, what cannot be done for want of others)."""
    from spanproof.checks.golang.reading.toolchains import (  # noqa: PLC0415
        FETCHED,
        at,
        installed,
        lacking_parts,
        missing,
        of_each_release,
    )  # fmt: skip
    from spanproof.checks.verdict import NotRun  # noqa: PLC0415

    if parts := lacking_parts():
        return [], (NotRun("go", work, parts, 1 if goroot or release else len(FETCHED)),)
    if goroot is not None:
        return [_held(at(goroot, release or ""))], ()
    found = of_each_release(installed())
    lacking = missing(found)
    if release is not None:
        found, lacking = {n: t for n, t in found.items() if n == release}, [n for n in lacking if n == release]
    reason = f"no Go of {', '.join(lacking)} here: `spanproof go fetch` gets it"
    not_run = (NotRun("go", work, reason, len(lacking)),) if lacking else ()
    return list(found.values()), not_run
