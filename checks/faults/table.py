"""The kill matrix: each planted fault against each layer, with the time to the first counterexample and its size.

A kill counts when its record replays to the same bytes. A fault that no layer catches is a hole in the scenarios.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TextIO

from spanproof.checks.comparing.campaign import compare
from spanproof.checks.comparing.history_campaign import judge_seeded
from spanproof.checks.comparing.living import replay_history
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.planting import subject
from spanproof.checks.record import Record
from spanproof.checks.running.replaying import replay
from spanproof.checks.scenarios import CLEAN
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict

Hurry = Callable[[int], str | None]
LAYERS = ("explore", "compare")
"""That are asked about a fault of the heap; about one of the page allocator, histories are."""
HISTORIES = "histories"


@dataclass(frozen=True, slots=True)
class Kill:
    """A fault caught by a layer: the seconds it took, what broke where, and the counterexample's size."""

    layer: str
    seconds: float
    record: Record

    @property
    def size(self) -> int:
        """Steps, or calls of a history."""
        return len(self.record.program["calls"]) if self.record.kind == "history" else len(self.record.steps)

    @property
    def text(self) -> str:
        """One cell of the matrix."""
        r = self.record
        if r.kind == "history":
            return f"{self.seconds:.2f} s, {r.name}: {r.violated.claim}, {self.size} calls"
        return f"{self.seconds:.2f} s, {r.name}: {r.violated.claim}, {len(r.steps)} steps, {r.switches} switches"


def _by_search(heap: Subject, hurry: Hurry) -> Record | None:
    """The first counterexample in the catalogue, small scenarios first."""
    for scenario in sorted(CLEAN, key=lambda s: s.states):
        record = judge(scenario, heap, hurry=hurry).record
        if record is not None:
            return record
    return None


def _by_workloads(heap: Subject, hurry: Hurry) -> Record | None:
    return compare(heap, hurry=hurry).record


def _by_histories(heap: Subject, hurry: Hurry) -> Record | None:
    return judge_seeded(heap, hurry=hurry).record


_CATCH: dict[str, Callable[[Subject, Hurry], Record | None]] = {
    "explore": _by_search,
    "compare": _by_workloads,
    HISTORIES: _by_histories,
}


def layers_of(fault: Fault) -> tuple[str, ...]:
    """Who is asked about a fault."""
    return LAYERS if fault.scenario else (HISTORIES,)


def _replays(record: Record, heap: Subject) -> bool:
    again = replay_history(record, heap) if record.kind == "history" else replay(record, heap.heap_class)
    return not again.difference


def kills(fault: Fault, layers: Iterable[str], hurry: Hurry) -> dict[str, Kill]:
    """What each layer makes of a fault: the layers that catch it, with a record that replays."""
    heap = subject(fault=fault.name)
    found: dict[str, Kill] = {}
    for layer in layers:
        began = time.perf_counter()
        record = _CATCH[layer](heap, hurry)
        seconds = time.perf_counter() - began
        if record is not None and _replays(record, heap):
            found[layer] = Kill(layer, seconds, record)
    return found


def judge_fault(fault: Fault, hurry: Hurry) -> Result:
    """`holds` when some layer catches the fault."""
    began = time.perf_counter()
    layers = layers_of(fault)
    caught = kills(fault, layers, hurry)
    counts: dict[str, int] = {}
    for layer in layers:
        kill = caught.get(layer)
        counts[f"{layer}_found"] = int(kill is not None)
        counts[f"{layer}_milliseconds"] = 0 if kill is None else round(kill.seconds * 1000)
        counts[f"{layer}_steps"] = 0 if kill is None else kill.size
    missed = [layer for layer in layers if layer not in caught]
    bound = "; ".join(f"{layer} {caught[layer].text}" for layer in caught)
    reason = "" if not missed else "not caught by " + " or ".join(missed)
    verdict = Verdict.HOLDS if caught else Verdict.VIOLATED
    stopped = hurry(0)
    if not caught and stopped is not None:
        verdict, reason = Verdict.UNKNOWN, stopped
    return Result("faults", fault.name, verdict, reason, bound, (), time.perf_counter() - began, counts)


def print_matrix(results: Collection[Result], file: TextIO) -> None:
    """The matrix as a table, a hundred columns wide."""
    from rich.console import Console  # noqa: PLC0415  # slow to import
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="fault x layer: time to the first counterexample, its steps", title_justify="left", box=None)
    table.add_column("fault", no_wrap=True)
    shown = [layer for layer in (*LAYERS, HISTORIES) if any(f"{layer}_found" in r.counts for r in results)]
    for layer in shown:
        table.add_column(layer, justify="right")
    for result in results:
        table.add_row(result.name, *(_cell(result, layer) for layer in shown))
    Console(file=file, width=100, highlight=False).print(table)


def _cell(result: Result, layer: str) -> str:
    counts = result.counts
    if f"{layer}_found" not in counts:
        return ""
    if not counts[f"{layer}_found"]:
        return "not found"
    size = f"{counts[f'{layer}_steps']} {'calls' if layer == HISTORIES else 'steps'}"
    return f"{counts[f'{layer}_milliseconds'] / 1000:.2f} s, {size}"
