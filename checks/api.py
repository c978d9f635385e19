"""What a counterexample that is printed as a program needs: paste it, and see it run again.

`from spanproof.checks.api import *` gives programs, their operations, geometries, releases and `show_run`; records of
other kinds are shown by `show_record`.
"""

from spanproof.checks.again import judged
from spanproof.checks.exploring.explaining.why import explained
from spanproof.checks.exploring.reducing.reductions import Reduction
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import (
    Alloc,
    AllocManual,
    Collect,
    Drop,
    EnableHugePages,
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
from spanproof.checks.record import Record, RecordError, loads
from spanproof.checks.reporting.lanes import lanes
from spanproof.checks.running.endless import watched
from spanproof.checks.running.replaying import followed, record_of
from spanproof.checks.scenario import NOT_COUNTED, Scenario
from spanproof.checks.subject import REFERENCE
from spanproof.checks.verdict import Result, Verdict
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
    "EnableHugePages",
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
    "explore",
    "row",
    "show_record",
    "show_run",
    "steps_of",
]


def steps_of(schedule: str) -> tuple[int, ...]:
    """The schedule that a text such as `0*12 1*5 0*3` stands for: the thread of each step."""
    runs = (run.partition("*") for run in schedule.split())
    return tuple(int(thread) for thread, _, times in runs for _ in range(int(times or 1)))


def show_run(
    program: Program, schedule: str, fault: str | None = None, heap: str = REFERENCE, only: str | None = None,
    *, nearest: bool = False,
) -> str | None:  # fmt: skip
    """Run a schedule; print what happened if it breaks a claim, and why. Returns the claim's name, or None.

    heap: FILE.py:CLASS, a heap in the reference's place.
    only: judge this claim alone.
    nearest: pass by the steps that cannot be taken, and at the end run each thread on alone, so that the schedule can
    be followed whatever became of the text; without it they are refused.

    Raises:
        ScheduleError: it resumes a thread that is done, blocked or not there.
        SubjectError, EditError: there is no such heap or fault, or the fault does not fit the heap's text.

    """
    under_test = subject(heap, fault)
    steps = steps_of(schedule)
    with watched():
        if nearest:
            steps, _ = followed(program, under_test.heap_class, steps, only)
        record = record_of("pasted", program, under_test.heap_class, steps, under_test.heap, under_test.fault, only)
        return _shown(None if record is None else explained(record, under_test), "no claim breaks")


def explore(
    program: Program, fault: str | None = None, heap: str = REFERENCE, only: str | None = None,
    *, reduce: tuple[str, ...] = (),
) -> Result:  # fmt: skip
    """Search all interleavings of a program; print what happened if a claim breaks, and why. Returns the result.

    fault, heap, only: as for `show_run`.
    reduce: what may be left out: unseen, locked, symmetry.

    Raises:
        SubjectError, EditError: as for `show_run`.
        ValueError: there is no such reduction.

    """
    reductions = frozenset(Reduction(name) for name in reduce)
    asked = Scenario("program", "", program, NOT_COUNTED, ())
    with watched():
        found = judge(asked, subject(heap, fault), only=only, reductions=reductions)
        if found.record is not None:
            _shown(found.record, "")
        return found.result


def show_record(text: str, fault: str | None = None, heap: str = REFERENCE) -> str | None:
    """Judge the record in a text on a heap; print what happened if it still breaks a claim. Returns its name, or None.

    This is for records without a program: of calls, of numbers, of rows of a trace.

    Raises:
        RecordError, ProgramError: it is no record, or damaged, or has no meaning on this heap.
        SubjectError, EditError: as for `show_run`.

    """
    with watched():
        result, record = judged(loads(text, "the text"), subject(heap, fault), "record")
        if result.verdict is Verdict.UNKNOWN:
            raise RecordError(f"the text: {result.reason}")
        return _shown(record, "nothing breaks")


def _shown(record: Record | None, none: str) -> str | None:
    print(none if record is None else lanes(record, "run this program again"))  # noqa: T201  # its purpose
    return None if record is None else record.violated.claim
