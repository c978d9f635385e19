"""`spanproof go`: the real Go runtime in the loop. What is missing is said, with a count. Read next: golang/."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spanproof.checks.options import known, shared
from spanproof.checks.saying import run_tasks

if TYPE_CHECKING:
    from spanproof.checks.golang.toolchains import Toolchain
    from spanproof.checks.verdict import NotRun

GOROOT = click.option(
    "--goroot", type=click.Path(path_type=Path), metavar="DIR", help="Use the Go in this folder alone."
)


@click.group("go")
def go() -> None:
    """Go's own text, taken from a toolchain, beside the reference heap."""


@go.command()
@click.argument("versions", nargs=-1, metavar="[VERSION]...")
def fetch(versions: tuple[str, ...]) -> int:
    """Get versions of Go with pip into your cache (default: one of each release whose text is read)."""
    from spanproof.checks.golang.toolchains import FETCHED  # noqa: PLC0415
    from spanproof.checks.golang.toolchains import fetch as fetched  # noqa: PLC0415

    for version in versions or FETCHED:
        found = fetched(version.removeprefix("go"))
        click.echo(f"{found.version}  {found.root}")
    return 0


@go.command()
@click.option(
    "--commands", type=click.IntRange(1, 10**9), default=20_000, show_default=True, help="Calls of each release."
)
@GOROOT
@shared
def compare(commands: int, goroot: Path | None, **options: Any) -> int:
    """Histories of the page allocator on the reference and on Go's text: all results, and all state."""
    from spanproof.checks.jobs import Task  # noqa: PLC0415

    chosen, options["not_run"] = _chosen(goroot, options["release"], "compare")
    options["calls"] = commands
    return run_tasks("go", [Task("go_compare", str(each.root), each.version) for each in chosen], options)


@go.command()
@click.argument("trials", nargs=-1, metavar="[TRIAL]...")
@GOROOT
@shared
def interleave(trials: tuple[str, ...], goroot: Path | None, **options: Any) -> int:
    """All interleavings of TRIAL... (default: every small program), step by step as the reference takes them."""
    from spanproof.checks.golang.trials import BY_NAME  # noqa: PLC0415
    from spanproof.checks.jobs import Task  # noqa: PLC0415

    for name in trials:
        known(name, BY_NAME, "trial")
    chosen, options["not_run"] = _chosen(goroot, options["release"], "interleave")
    options["trials"] = trials
    return run_tasks("go", [Task("go_interleave", str(each.root), each.version) for each in chosen], options)


def _chosen(goroot: Path | None, release: str | None, work: str) -> tuple[list["Toolchain"], tuple["NotRun", ...]]:
    """(the toolchains that are meant, what cannot be done for want of others)."""
    from spanproof.checks.golang.toolchains import at, installed, missing, of_each_release  # noqa: PLC0415
    from spanproof.checks.verdict import NotRun  # noqa: PLC0415

    if goroot is not None:
        return [at(goroot)], ()
    found = of_each_release(installed())
    lacking = missing(found)
    if release is not None:
        found, lacking = {n: t for n, t in found.items() if n == release}, [n for n in lacking if n == release]
    reason = f"no Go of {', '.join(lacking)} here: `spanproof go fetch` gets it"
    not_run = (NotRun("go", work, reason, len(lacking)),) if lacking else ()
    return list(found.values()), not_run
