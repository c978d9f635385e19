"""The kill matrix: each planted fault against each layer, with the time to the first counterexample and its size.

A fault is well when a layer catches it with a counterexample that replays, or when it changes nothing, with evidence.
One that is neither has survived: a hole in what the layers look at. Read next: page.py.
"""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TextIO

from spanproof.checks.exploring.verdicts import Judged
from spanproof.checks.faults.equivalence import all_proved, decided, evidence
from spanproof.checks.faults.fault import Fault, Origin
from spanproof.checks.faults.layers import LAYERS, Kill, caught, quickest
from spanproof.checks.faults.planting import named, subject
from spanproof.checks.reporting.words import one_line, paragraph, sentence
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Report, Result, Verdict

Hurry = Callable[[int], str | None]
EQUIVALENT = "equivalent: "
SURVIVED = "survived: "
GAP = "  "
"""Between two columns of the matrix."""


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
            f"; first counterexample in {median(times):.2f} s at the median, {max(times):.2f} s at most"
            if times
            else ""
        )
        lines.append(
            f"{origin.name.lower().replace('_', ' ')}: {len(times)} of {len(mine)} caught, {equivalent} equivalent, "
            f"{survived} survived{f', {unknown} unknown' if unknown else ''}{took}"
        )
    return lines


def print_matrix(report: Report, file: TextIO, see: str = "") -> None:
    """The matrix as a table, what it amounts to, and the verdict; `see` names the file that shows more."""
    from spanproof.checks.reporting.table import room  # noqa: PLC0415  # slow to import

    results, width = report.results, room(file)
    lines = _matrix([r for r in results if r.verdict is Verdict.HOLDS and not r.bound.startswith(EQUIVALENT)], width)
    for result in results:
        if result.bound.startswith(EQUIVALENT) or result.verdict is not Verdict.HOLDS:
            lines.append(paragraph(f"{result.name}: {result.bound or result.reason}", width))
    lines += (paragraph(line, width) for line in summary(results))
    file.write("\n".join([*lines, one_line(sentence(report, see)), ""]))


def _matrix(results: Sequence[Result], width: int) -> list[str]:
    """One row for each fault: under each layer the time, and below it the size.

    A name is never broken: where it has no room beside the layers, it stands on a line above them.
    """
    if not results:
        return []
    layers = [layer for layer in LAYERS if any(f"{layer}_found" in r.counts for r in results)]
    cells = {r.name: [_cell(r, layer) for layer in layers] for r in results}
    needs = [max(len(text) for row in cells.values() for text in (layers[k], *row[k])) for k in range(len(layers))]
    names = max(map(len, (*cells, "fault")))
    beside = names + sum(need + len(GAP) for need in needs) <= width
    margin = names if beside else 0
    lines = [
        paragraph("fault x layer: time to the first counterexample, its size", width),
        _row("fault" if beside else "", margin, layers, needs),
    ]
    for name, row in cells.items():
        lines += [] if beside else [name]
        lines.append(_row(name if beside else "", margin, [time for time, _ in row], needs))
        lines.append(_row("", margin, [size for _, size in row], needs))
    return [line for line in lines if line]


def _row(name: str, margin: int, texts: Iterable[str], needs: Iterable[int]) -> str:
    beside = "".join(f"{GAP}{text:>{need}}" for text, need in zip(texts, needs, strict=True))
    return f"{name:<{margin}}{beside}".rstrip()


def _cell(result: Result, layer: str) -> tuple[str, str]:
    """The time and the size; a dash where the layer found nothing, and nothing where it was not asked."""
    counts = result.counts
    if f"{layer}_found" not in counts:
        return "", ""
    if not counts[f"{layer}_found"]:
        return "-", ""
    return f"{counts[f'{layer}_milliseconds'] / 1000:.2f} s", f"{counts[f'{layer}_steps']} {unit_of(layer)}"
