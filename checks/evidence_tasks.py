"""The tasks of `prove` that are about evidence, and what is refused before they run. Read next: jobs.py."""

from pathlib import Path
from typing import Any

import click

from spanproof.checks.jobs import BY_SPACER, Task
from spanproof.checks.proving.evidence.certificates import read_manifest
from spanproof.checks.proving.evidence.recheck import command
from spanproof.checks.proving.evidence.solvers import installed
from spanproof.model.releases import NEWEST


def inferred(theorems: tuple[str, ...], domain: str | None, options: dict[str, Any]) -> list[Task]:
    """Look for an invariant: with templates, and without."""
    if theorems or domain == "bv64":
        raise click.UsageError("--infer: for alloc_needs_zero, in integers; leave theorems and --domain out")
    release = options["release"] or NEWEST.name
    return [Task("infer", "alloc_needs_zero", release), Task("infer", BY_SPACER, release)]


def named_solvers(options: dict[str, Any]) -> None:
    """Refuse solvers that nobody would ask, or that are no commands."""
    solvers = options["solvers"]
    if solvers and not (options["stability"] or options["recheck"]):
        raise click.UsageError("--solver: only with --recheck or --stability")
    if len(solvers) > 1 and options["stability"]:
        raise click.UsageError("--stability: give one --solver")
    for solver in solvers:
        command(solver)


def rechecks(folder: Path, options: dict[str, Any]) -> list[Task]:
    """A task for each proof, the shortest first: where time runs short, the longest go without."""
    options["solvers"] = options["solvers"] or tuple(reversed(installed()))  # the quickest with bits first
    if not options["solvers"]:
        raise click.UsageError("--recheck: no other solver is installed: pip install 'spanproof[recheck]', or --solver")
    named_solvers(options)
    found = sorted(read_manifest(folder), key=lambda certificate: sum(certificate.seconds))
    return [Task("recheck", certificate.file) for certificate in found]
