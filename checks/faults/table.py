"""The kill matrix: each planted fault against each layer, with the time to the first counterexample and its size.

A fault is well when a layer catches it with a counterexample that replays, or when it changes nothing, with evidence.
One that is neither has survived: a hole in what the layers look at. Read next: page.py.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from statistics import median
from typing import TextIO

from spanproof.checks.exploring.verdicts import Judged
from spanproof.checks.faults.equivalence import all_proved, decided, evidence
from spanproof.checks.faults.fault import Fault, Origin
from spanproof.checks.faults.layers import LAYERS, Kill, caught, quickest
from spanproof.checks.faults.planting import named, subject
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict

Hurry = Callable[[int], str | None]
EQUIVALENT = "equivalent: "
SURVIVED = "survived: "


@dataclass(frozen=True, slots=True)
class Found:
    """What has come of a fault."""

    kills: tuple[Kill, ...] = ()
    equal: str = ""
    """The evidence that it changes nothing, or breaks nothing."""
    differs: str = ""
    """What it changes, where nothing caught it."""


def judge_fault(fault: Fault, hurry: Hurry) -> Judged:
    """`holds` when some layer catches the fault, or when there is evidence that it changes nothing.

    With the first counterexample that is kept as a record.
    """
    began, heap = time.perf_counter(), subject(fault=fault.name)
    found = (_made if fault.origin is Origin.GENERATED else _written)(fault, heap, hurry)
    verdict, reason, bound = Verdict.HOLDS, "", "; ".join(text_of(kill) for kill in found.kills)
    if found.equal:
        bound = f"{EQUIVALENT}{found.equal}"
    elif not found.kills:
        stopped = hurry(0)
        verdict = Verdict.UNKNOWN if stopped else Verdict.VIOLATED
        reason = stopped or f"{SURVIVED}no layer catches it; {found.differs}"
    counts = dict(_counts(found.kills, fault))
    result = Result("faults", fault.name, verdict, reason, bound, (), time.perf_counter() - began, counts)
    return Judged(result, next((kill.record for kill in found.kills if kill.record is not None), None))


def _written(fault: Fault, heap: Subject, hurry: Hurry) -> Found:
    """All layers are asked about a fault that somebody wrote down."""
    kills = tuple(caught(fault, heap, hurry, LAYERS, only_first=False))
    if kills or hurry(0):
        return Found(kills)
    equal = evidence(fault, heap, hurry)
    if not equal.differs:
        return Found(equal=equal.said)
    return Found(equal="" if fault.claim else all_proved(fault, heap, hurry), differs=equal.differs)


def _made(fault: Fault, heap: Subject, hurry: Hurry) -> Found:
    """About one made from the syntax tree one layer after the other, until one catches it.

    Workloads and slow proofs are asked only where the edit is seen to change something.
    """
    proved = decided(fault, heap, hurry)
    if proved:
        return Found(equal=proved)
    first = quickest(fault)
    kills = tuple(caught(fault, heap, hurry, first, only_first=True))
    if kills or hurry(0):
        return Found(kills)
    equal = evidence(fault, heap, hurry)
    if not equal.differs:
        return Found(equal=equal.said)
    kills = tuple(caught(fault, heap, hurry, [layer for layer in LAYERS if layer not in first], only_first=True))
    return Found(kills, differs=equal.differs)


def _counts(kills: Iterable[Kill], fault: Fault) -> Iterable[tuple[str, int]]:
    """Per layer: whether it was asked, found it, in how many milliseconds, and the size of the counterexample."""
    by_layer = {kill.layer: kill for kill in kills}
    for layer in LAYERS:
        kill = by_layer.get(layer)
        if kill is not None or fault.origin is not Origin.GENERATED:
            yield f"{layer}_found", int(kill is not None)
            yield f"{layer}_milliseconds", 0 if kill is None else round(kill.seconds * 1000)
            yield f"{layer}_steps", 0 if kill is None else kill.size
            yield f"{layer}_switches", 0 if kill is None else kill.switches


def text_of(kill: Kill) -> str:
    """One cell of the matrix, in words."""
    claim = f": {kill.claim}" if kill.claim else ""
    switches = f", {kill.switches} switches" if kill.switches else ""
    return f"{kill.layer} {kill.seconds:.2f} s, {kill.where}{claim}, {kill.size} {unit_of(kill.layer)}{switches}"


def unit_of(layer: str) -> str:
    """What the size of a layer's counterexample counts."""
    return {"tables": "calls", "histories": "calls", "traces": "rows"}.get(layer, "steps")


def seconds_of(result: Result) -> float | None:
    """Until the first layer found it; None if none did."""
    found = [result.counts[f"{layer}_milliseconds"] for layer in LAYERS if result.counts.get(f"{layer}_found")]
    return min(found) / 1000 if found else None


def summary(results: Collection[Result]) -> list[str]:
    """How many of each origin are caught, equivalent or survive, and how long the first counterexample takes."""
    lines: list[str] = []
    for origin in Origin:
        mine = [r for r in results if (fault := named(r.name)) is not None and fault.origin is origin]
        if not mine:
            continue
        times = [seconds for r in mine if (seconds := seconds_of(r)) is not None]
        equivalent = sum(r.bound.startswith(EQUIVALENT) for r in mine)
        survived = sum(r.verdict is Verdict.VIOLATED for r in mine)
        unknown = sum(r.verdict is Verdict.UNKNOWN for r in mine)
        took = (
            f"; first counterexample in {median(times):.2f} s at the median, {max(times):.1f} s at most"
            if times
            else ""
        )
        lines.append(
            f"{origin.name.lower().replace('_', ' ')}: {len(times)} of {len(mine)} caught, {equivalent} equivalent, "
            f"{survived} survived{f', {unknown} unknown' if unknown else ''}{took}"
        )
    return lines


def print_matrix(results: Collection[Result], file: TextIO) -> None:
    """The matrix as a table, a hundred and twenty columns wide, and what it amounts to."""
    from rich.console import Console  # noqa: PLC0415  # slow to import
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="fault x layer: time to the first counterexample, its size", title_justify="left", box=None)
    table.add_column("fault", overflow="fold")
    shown = [layer for layer in LAYERS if any(f"{layer}_found" in r.counts for r in results)]
    for layer in shown:
        table.add_column(layer, justify="right")
    for result in results:
        if result.verdict is Verdict.HOLDS and not result.bound.startswith(EQUIVALENT):
            table.add_row(result.name, *(_cell(result, layer) for layer in shown))
    console = Console(file=file, width=120, highlight=False)
    console.print(table)
    for result in results:
        if result.bound.startswith(EQUIVALENT) or result.verdict is not Verdict.HOLDS:
            console.print(f"{result.name}: {result.bound or result.reason}", soft_wrap=True)
    for line in summary(results):
        console.print(line, soft_wrap=True)


def _cell(result: Result, layer: str) -> str:
    counts = result.counts
    if f"{layer}_found" not in counts:
        return ""
    if not counts[f"{layer}_found"]:
        return "-"
    return f"{counts[f'{layer}_milliseconds'] / 1000:.2f} s, {counts[f'{layer}_steps']} {unit_of(layer)}"
