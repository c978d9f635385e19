"""The options that the commands share, and what is refused before anything runs. Read next: cli.py."""

import difflib
import itertools
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
REPORT = "spanproof-report"
MOST_NEAR = 3


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
        from spanproof.checks.faults.planting import looked_among, named  # noqa: PLC0415

        if named(value) is None:
            known(value, looked_among(value), "fault")
    return value


def known(name: str, names: Iterable[str], what: str, where: str = "`spanproof list`") -> None:
    """Refuse a name that is not known, with the nearest that is, or with what shows those that are."""
    there = list(names)
    if name not in there:
        near = difflib.get_close_matches(name, there, 1) or [other for other in there if name and name in other]
        hint = f"did you mean {' or '.join(near[:MOST_NEAR])}?" if near else f"{where} shows what there is"
        raise click.UsageError(f"no {what} {name!r}: {hint}")


def named(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    """Refuse a name that names nothing."""
    if value is not None and (not value or "\0" in value):
        raise click.BadParameter(f"{value!r} names nothing")
    return value


def json_place(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse a place for JSON that is none."""
    if named(ctx, param, value) is not None and Path(str(value)).is_dir():
        raise click.BadParameter(f"{value} is a folder; give a file")
    return value


class WithHistories(click.Command):
    """A command with --histories, whose number may be left out: then click takes -5 for another option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse what is given as its number and begins with a dash."""
        for argument, after in itertools.pairwise([*args, ""]):
            name, equals, value = argument.partition("=")
            given = value if equals else after if after[1:2].isdecimal() else ""
            if name == "--histories" and given.startswith("-"):
                raise click.BadParameter(f"{given!r} is no number of calls; give 1 or more", param_hint="'--histories'")
        return super().parse_args(ctx, args)


def file_place(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse a place for a file that is none; stdout is left to JSON."""
    if json_place(ctx, param, value) == "-":
        raise click.BadParameter("- is stdout, which is left to the verdicts; give a file")
    return value


OPTIONS = (
    click.option(
        "--json", "json_file", callback=json_place, metavar="FILE", help="Write the results as JSON; - is stdout."
    ),
    click.option("--junit", callback=file_place, metavar="FILE", help="Write the results as JUnit XML, for CI."),
    click.option(
        "--annotations/--no-annotations",
        default=None,
        help="Print annotations of GitHub Actions [default: where GITHUB_ACTIONS=true].",
    ),
    click.option(
        "--out",
        metavar="DIR",
        callback=named,
        default=None,
        help=f"Folder for the report (check: {REPORT}) and records.",
    ),
    click.option(
        "--reproducible",
        is_flag=True,
        help="The report and its JSON hold no times and nothing of the machine: same run, same bytes.",
    ),
    click.option("--jobs", type=click.IntRange(1, 256), default=None, help="Processes side by side [default: cores]."),
    click.option(
        "--budget", type=float, callback=_seconds, help="Seconds; what is not done then is unknown [check: 55]."
    ),
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


def shared(command: F) -> F:
    """A command with the options that all have."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
