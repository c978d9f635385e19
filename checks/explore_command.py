"""`spanproof explore` and `spanproof bench`: the search, what stands in for it, and how fast it is.

What the options may be is written here once more, so that --help need not load the search; a test holds it to that.
Read next: exploring/verdicts.py.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spanproof.checks.options import json_place, known, named, shared
from spanproof.checks.saying import run_tasks

if TYPE_CHECKING:
    from spanproof.checks.sampling.verdicts import Sampling


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--claim", metavar="NAME", help="Judge this claim alone.")
@click.option(
    "--export", type=click.Choice(["promela"]), help="Write the scenario for Spin instead, to stdout or to --out FILE."
)
@click.option(
    "--sample",
    type=click.IntRange(1, 100_000_000),
    metavar="N",
    help="Draw so many schedules by --seed instead of searching all; says what is left.",
)
@click.option(
    "--sampler", type=click.Choice(["pos", "uniform", "pct", "surw"]), help="How to draw them [default: pos]."
)
@click.option("--depth", type=click.IntRange(1, 100), help="For --sampler pct: the depth of bugs [default: 3].")
@click.option(
    "--reach", metavar="EXPRESSION", help="Show the shortest run to a state, such as 'spans[3] != 0 and locked'."
)
@click.option(
    "--grain",
    type=click.Choice(["access", "lock", "call"]),
    default="access",
    show_default=True,
    help="Where threads are switched: at every access, at locks and atomics, or between operations.",
)
@click.option(
    "--reduce",
    "reductions",
    multiple=True,
    type=click.Choice(["unseen", "locked", "symmetry"]),
    help="Mostly fewer states, for larger programs; repeatable. unseen: accesses that nobody else can tell are no "
    "steps. symmetry: identical threads are not told apart. Not exact, locked: sections of the heap lock are judged "
    "at their ends.",
)
@click.option(
    "--max-memory", type=click.IntRange(1), metavar="MB", help="End a search, as unknown, when so much is in use."
)
@click.option(
    "--walk",
    type=click.Choice(["best", "plain", "arrays", "compiled"]),
    default="best",
    show_default=True,
    help="How all states are visited; all come to the same. best: the compiled walk if it can be had, else the plain.",
)
@click.option(
    "--checkpoint",
    callback=named,
    metavar="FILE",
    help="Keep in FILE what was found when the search of one SCENARIO is stopped: by --budget, --max-memory, Ctrl-C or "
    "SIGTERM; and every minute on its way, or less often where that would take more than a twentieth of the time.",
)
@click.option(
    "--resume",
    callback=named,
    metavar="FILE",
    help="Go on from what is kept in FILE; stopped again, it is kept there, or in --checkpoint FILE.",
)
@shared
def explore(scenarios: tuple[str, ...], claim: str | None, **options: Any) -> int:
    """Search all interleavings of SCENARIO... (default: the whole catalogue), or draw some, or look for a state.

    --reach takes comparisons, and, or, not, indexing, integers, pending(thread, "function") and the fields of
    HeapState, pages counted from the heap's first; it exits 0 if such a state is reached, 1 if there is none, 3 if
    that is unknown.

    --resume takes the same SCENARIO and options as before, and the same texts; it comes to the same states,
    transitions and verdict as a search that was never stopped. A search that ends leaves the file as it was kept last.
    A file is replaced when the new one is whole, by more of the same search and never by less; what is in FILE and is
    no checkpoint is not replaced.
    """
    if claim is not None:
        from spanproof.model.claims import BY_NAME as CLAIMS  # noqa: PLC0415

        known(claim, CLAIMS, "claim")
    options["claim"] = claim
    from spanproof.checks.jobs import Task  # noqa: PLC0415
    from spanproof.checks.scenarios import BY_NAME  # noqa: PLC0415

    for name in scenarios:
        known(name, BY_NAME, "scenario")
    _refuse_mixed(scenarios, options)
    if options["export"] is not None:
        return _export(scenarios, options)
    options["sampling"] = _sampling(options)
    kept = _kept(scenarios, options)
    tell = kept or any(options[name] for name in ("sampling", "reach", "reductions")) or options["grain"] != "access"
    return run_tasks("explore", [Task("explore", name) for name in scenarios or BY_NAME], options, tell=tell)


def _refuse_mixed(scenarios: tuple[str, ...], options: dict[str, Any]) -> None:
    """Refuse options of `explore` that do not go together."""
    if options["sample"] is None and (options["sampler"], options["depth"]) != (None, None):
        raise click.UsageError("--sampler, --depth: say with --sample N how many schedules to draw")
    if options["depth"] is not None and options["sampler"] != "pct":
        raise click.UsageError("--depth: only --sampler pct has a depth")
    rest = options["sample"], options["reach"], options["export"], options["checkpoint"], options["resume"]
    if options["reductions"] and (any(rest) or options["grain"] != "access"):
        raise click.UsageError("--reduce: of a search at every access; it is not sampled, exported, kept or looked in")
    if options["reach"] is None:
        return
    if options["sample"] is not None or options["claim"] is not None:
        raise click.UsageError("--reach: looks for a state and judges no claim; leave --sample and --claim out")
    if len(scenarios) != 1:
        raise click.UsageError("--reach: name one scenario")
    from spanproof.checks.exploring.expressions import parsed  # noqa: PLC0415

    parsed(options["reach"])


def _kept(scenarios: tuple[str, ...], options: dict[str, Any]) -> bool:
    """Whether the search is kept or gone on with. Refuses what cannot be kept, and places that cannot be written to."""
    option = next((name for name in ("checkpoint", "resume") if options[name] is not None), None)
    if option is None:
        return False
    if len(scenarios) != 1:
        raise click.UsageError(f"--{option}: name one scenario")
    if (options["sample"], options["reach"], options["grain"]) != (None, None, "access"):
        raise click.UsageError(f"--{option}: a search of all states is kept; leave --sample, --reach and --grain out")
    from spanproof.checks.exploring.keeping.container import plain, read_first  # noqa: PLC0415

    if options["resume"] is not None:
        read_first(Path(options["resume"]))
    plain(Path(options[option]))
    return True


def _export(scenarios: tuple[str, ...], options: dict[str, Any]) -> int:
    """Write a scenario in another tool's language: claims are off, and ghosts are in it."""
    from dataclasses import replace  # noqa: PLC0415

    from spanproof.checks.exploring.spin.promela import promela, tables_for  # noqa: PLC0415
    from spanproof.checks.faults.planting import subject  # noqa: PLC0415
    from spanproof.checks.scenarios import BY_NAME  # noqa: PLC0415
    from spanproof.model.releases import row  # noqa: PLC0415

    if len(scenarios) != 1:
        raise click.UsageError("--export: name one scenario")
    if (options["claim"], options["sample"], options["reach"], options["grain"]) != (None, None, None, "access"):
        raise click.UsageError("--export: all states and no claims; leave --claim, --sample, --reach and --grain out")
    if (options["checkpoint"], options["resume"]) != (None, None):
        raise click.UsageError("--export: nothing is searched; leave --checkpoint and --resume out")
    program = BY_NAME[scenarios[0]].program
    if options["release"] is not None:
        program = replace(program, release=row(options["release"]))
    tables, _ = tables_for(program, subject(options["heap"], options["fault"]).heap_class)
    text = promela(scenarios[0], tables)
    if options["out"] is None:
        click.echo(text, nl=False)
        return 0
    try:
        Path(options["out"]).write_text(text, encoding="utf-8")
    except OSError as e:
        raise click.UsageError(f"--out {options['out']}: cannot be written: {e.strerror}") from e
    return 0


def _sampling(options: dict[str, Any]) -> "Sampling | None":
    """What is to be drawn, if that is asked for."""
    if options["sample"] is None:
        return None
    from spanproof.checks.exploring.grains import Grain  # noqa: PLC0415
    from spanproof.checks.sampling.verdicts import Sampling  # noqa: PLC0415

    sampler = options["sampler"] or "pos"
    return Sampling(options["sample"], sampler, options["depth"], options["seed"], Grain(options["grain"]))


@click.command()
@click.argument("what", type=click.Choice(["explore"]))
@click.argument("rows", nargs=-1, metavar="[ROW]...")
@click.option("--json", "json_file", callback=json_place, metavar="FILE", help="Write the result as JSON; - is stdout.")
@click.option("--require", multiple=True, metavar="CHECK", help="Exit 2 unless this check has run, repeatable.")
def bench(what: str, rows: tuple[str, ...], json_file: str | None, require: tuple[str, ...]) -> int:
    """Measure what is to be reached in speed: `holds` where it is. Minutes; leave the machine alone meanwhile.

    ROW... (default: all) are of states_per_second_default, states_per_second_compiled, total_against_spin_default,
    total_against_spin_compiled, search_against_spin, four_threads_of_three_operations, bytes_per_state,
    first_violation, sampled_schedules.
    """
    from spanproof.checks.benching.explore import ROWS  # noqa: PLC0415
    from spanproof.checks.benching.rows import judged  # noqa: PLC0415
    from spanproof.checks.jobs import Work  # noqa: PLC0415
    from spanproof.checks.saying import say  # noqa: PLC0415
    from spanproof.model.releases import NEWEST  # noqa: PLC0415

    for name in rows:
        known(name, [row.name for row in ROWS], f"row of bench {what}", "`spanproof bench --help`")
    results, absent = judged(row for row in ROWS if not rows or row.name in rows)
    options = {"release": NEWEST.name, "seed": 0, "json_file": json_file, "require": require, "not_run": tuple(absent)}
    return say("bench", Work(results), options)
