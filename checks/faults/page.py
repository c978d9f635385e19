"""The kill matrix as a page of docs, from the results of `spanproof faults`: docs/generate.py writes it.

Read next: ../cli.py.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from spanproof.checks.faults.fault import Fault, Origin
from spanproof.checks.faults.layers import LAYERS
from spanproof.checks.faults.left_out import LEFT_OUT
from spanproof.checks.faults.planting import PLANTABLE, every_fault, named
from spanproof.checks.faults.survivors import WOULD_FIND
from spanproof.checks.faults.table import EQUIVALENT, summary, unit_of
from spanproof.checks.verdict import Result, Verdict

HEAD = """\
# Faults and the kill matrix

Generated from the results of `spanproof faults`. Each fault is an edit of the reference heap's
text; a layer finds it when it gives a counterexample that replays (of Go's tables, a call that differs again). Times
are seconds until the first counterexample, on two cores, the search going through its scenarios from the smallest on;
sizes are those after shrinking. In brackets: the row of the release table on which it is shown, and what it takes. `spanproof faults NAME` does
it again, `spanproof explore --fault NAME` shows a run.

All layers are asked about a fault that somebody wrote down. One that is made from the syntax tree is asked of one layer
after the other, the quickest first, until one finds it; those here are drawn from {made:,} that can be made.
"""
SECTIONS = {
    Origin.HISTORY: "Bugs that Go had",
    Origin.STUDY: "Mutants of the studies",
    Origin.MADE_UP: "Made up, one for each claim and more",
}


def page(results: Sequence[Result]) -> str:
    """The whole page."""
    known = [(result, fault) for result in results if (fault := named(result.name)) is not None]
    head = HEAD.format(made=len(every_fault()) - len(PLANTABLE))
    return "\n".join((head, *_summary(results), *_sections(known), *_generated(known), *_left_out()))


def results_of(path: Path) -> list[Result]:
    """The results that `spanproof faults --json` wrote.

    Raises:
        ReadError: it is no such file.

    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["results"]
        return [
            Result("faults", r["name"], Verdict(r["verdict"]), r["reason"], r["bound"], (), r["seconds"], r["counts"])
            for r in found
        ]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ReadError(f"{path}: not what `spanproof faults --json` writes: {type(e).__name__}: {e}") from e


class ReadError(ValueError):
    """These are no results of faults."""


def _summary(results: Sequence[Result]) -> Iterator[str]:
    yield from (f"* {line}" for line in summary(results))
    yield ""


def _sections(known: Sequence[tuple[Result, Fault]]) -> Iterator[str]:
    for origin, title in SECTIONS.items():
        rows = [(result, fault) for result, fault in known if fault.origin is origin]
        if not rows:
            continue
        yield f"## {title}\n"
        yield "| fault | what | source | " + " | ".join(LAYERS) + " |"
        yield "|---|---|---|" + "---|" * len(LAYERS)
        for result, fault in rows:
            cells = " | ".join(_cell(result.counts, layer) for layer in LAYERS)
            yield f"| `{fault.name}` | {fault.says}{_needs(fault, result)} | {fault.source} | {cells} |"
        yield ""
        yield from _not_caught(rows)


def _needs(fault: Fault, result: Result) -> str:
    """On which row it is shown, and what it takes: the fewest switches that a search has found, where one has."""
    switches = result.counts.get("explore_switches", 0) if result.counts.get("explore_found") else fault.switches
    switches = min(switches, fault.switches) if fault.switches else switches
    takes = (
        f"{max(fault.threads, 2)} threads, {switches} switch{'' if switches == 1 else 'es'}"
        if switches
        else "in sequence"
    )
    return f" ({fault.release}; {takes})" if fault.release else f" ({takes})"


def _cell(counts: Mapping[str, int], layer: str) -> str:
    if not counts.get(f"{layer}_found"):
        return "-" if f"{layer}_found" in counts else ""
    return f"{counts[f'{layer}_milliseconds'] / 1000:.2f}, {counts[f'{layer}_steps']} {unit_of(layer)}"


def _not_caught(rows: Sequence[tuple[Result, Fault]]) -> Iterator[str]:
    """Those that change nothing, with the evidence, and those that survived, with what would find them."""
    equivalent = [(r, f) for r, f in rows if r.bound.startswith(EQUIVALENT)]
    survived = [(r, f) for r, f in rows if r.verdict is Verdict.VIOLATED]
    unknown = [(r, f) for r, f in rows if r.verdict is Verdict.UNKNOWN]
    if equivalent:
        yield "Equivalent, with the evidence:\n"
        yield from (f"* `{f.name}`: {f.says}. {r.bound.removeprefix(EQUIVALENT)}." for r, f in equivalent)
        yield ""
    if survived:
        yield "Survivors, and what would find them:\n"
        yield from (f"* `{f.name}`: {f.says}. {_why(r, f)}" for r, f in survived)
        yield ""
    if unknown:
        yield "Unknown, and so not green:\n"
        yield from (f"* `{f.name}`: {f.says}. {r.reason}." for r, f in unknown)
        yield ""


def _why(result: Result, fault: Fault) -> str:
    return WOULD_FIND.get(fault.name, f"Not explained yet: {result.reason}.")


def _generated(known: Sequence[tuple[Result, Fault]]) -> Iterator[str]:
    rows = [(result, fault) for result, fault in known if fault.origin is Origin.GENERATED]
    if not rows:
        return
    yield "## Made from the syntax tree\n"
    first = {layer: sum(bool(r.counts.get(f"{layer}_found")) for r, _ in rows) for layer in LAYERS}
    yield "Found by " + ", ".join(f"{layer} {number}" for layer, number in first.items()) + ".\n"
    yield from _not_caught(rows)
    yield "Found:\n"
    yield "| fault | what | found by |"
    yield "|---|---|---|"
    yield from (
        f"| `{f.name}` | {f.says.replace('|', chr(92) + '|')} | {_found_by(r)} |" for r, f in rows if _found_by(r)
    )
    yield ""


def _found_by(result: Result) -> str:
    """The layer that found it, when, and with how large a counterexample."""
    return "; ".join(
        f"{layer}, {_cell(result.counts, layer)}" for layer in LAYERS if result.counts.get(f"{layer}_found")
    )


def _left_out() -> Iterator[str]:
    yield "## Bugs that the reference heap cannot express\n"
    yield from (f"* {bug.number}, {bug.name}: {bug.reason}" for bug in LEFT_OUT)
    yield ""
