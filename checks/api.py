"""What a counterexample that is printed as a program needs: paste it, and see it run again.

`from spanproof.checks.api import *` gives programs, their operations, geometries, releases and `show_run`.
"""

from spanproof.checks.exploring.explaining.why import explained
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import (
    Alloc,
    AllocManual,
    Collect,
    Drop,
    EnsureSwept,
    FreeManual,
    Idle,
    MallocLarge,
    MallocSmall,
    Program,
    Reclaim,
    Scan,
    Scavenge,
    ScavengeAll,
    Sweep,
    Thread,
    Uncache,
)
from spanproof.checks.reporting.lanes import lanes
from spanproof.checks.running.endless import watched
from spanproof.checks.running.replaying import record_of
from spanproof.model.geometry import BYTES, CHUNKED, GO_AMD64, SMALL, Geometry
from spanproof.model.releases import row

__all__ = [
    "BYTES",
    "CHUNKED",
    "GO_AMD64",
    "SMALL",
    "Alloc",
    "AllocManual",
    "Collect",
    "Drop",
    "EnsureSwept",
    "FreeManual",
    "Geometry",
    "Idle",
    "MallocLarge",
    "MallocSmall",
    "Program",
    "Reclaim",
    "Scan",
    "Scavenge",
    "ScavengeAll",
    "Sweep",
    "Thread",
    "Uncache",
    "row",
    "show_run",
    "steps_of",
]


def steps_of(schedule: str) -> tuple[int, ...]:
    """The schedule that a text such as `0*12 1*5 0*3` stands for: the thread of each step."""
    runs = (run.partition("*") for run in schedule.split())
    return tuple(int(thread) for thread, _, times in runs for _ in range(int(times or 1)))


def show_run(program: Program, schedule: str, fault: str | None = None) -> str | None:
    """Run a schedule; print what happened if it breaks a claim, and why. Returns the claim's name, or None."""
    heap = subject(fault=fault)
    with watched():
        record = record_of("pasted", program, heap.heap_class, steps_of(schedule), heap.heap, heap.fault)
        record = None if record is None else explained(record, heap)
    print("no claim breaks" if record is None else lanes(record, "run this program again"))  # noqa: T201  # its purpose
    return None if record is None else record.violated.claim
