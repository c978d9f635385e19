"""Records done again, whatever their kind: replayed as they were made, or judged on the heap as it is now (pinned).

A record that is replayed must come out the same, in all that it says. One that is pinned need not: the question is
whether its program, its calls, its numbers or its rows still break something. Heavy modules are imported for their
kind alone.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from spanproof.checks.broken import EndlessError
from spanproof.checks.local_state import HiddenStateError
from spanproof.checks.numbering import UnknownCellError
from spanproof.checks.programs import ProgramError, program_of
from spanproof.checks.record import Record, RecordError, load
from spanproof.checks.running.by_events import replay_by_events
from spanproof.checks.running.machine import HeapError
from spanproof.checks.running.replaying import Replayed, ScheduleError, difference, survey
from spanproof.checks.running.replaying import replay as replay_run
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict

CHECK = {
    "run": "explore",
    "history": "compare",
    "inputs": "prove",
    "trace": "trace",
    "go history": "go",
    "go schedule": "go",
}
"""Who makes records of a kind."""
SIZE = {
    "history": ("calls", "calls"),
    "go history": ("calls", "calls"),
    "go schedule": ("story", "lines"),
    "inputs": ("inputs", "inputs"),
    "trace": ("rows", "rows of the trace"),
}
"""What a record of a kind is made of: the name in the file, and in words."""

NOT_RUN = (EndlessError, HeapError, HiddenStateError, UnknownCellError)
"""What a heap raises that cannot be run at all."""


@contextmanager
def of_file(place: object) -> Generator[None]:
    """While this lasts, whatever is wrong with a record is told with the file that it is in.

    Raises:
        RecordError: something is.

    """
    try:
        yield
    except ProgramError as e:
        raise RecordError(f"{place}: a damaged record (program: {e}); run the search again") from e
    except (RecordError, ScheduleError) as e:
        if str(e).startswith(f"{place}: "):
            raise
        if isinstance(e.__cause__, KeyError):  # a name that is not there is all that it says
            raise RecordError(f"{place}: a damaged record (no {e.__cause__}); run the search again") from e
        raise RecordError(f"{place}: {e}") from e


def load_sound(path: Path) -> Record:
    """Read a record, and its program if it has one.

    Raises:
        RecordError: it cannot be read, or is damaged.

    """
    record = load(path)
    if record.kind == "run":
        with of_file(path):
            program_of(record.program)
    return record


def replayed(record: Record, heap: Subject) -> Replayed:
    """Do again what a record says, on the heap that it names.

    Raises:
        RecordError, ProgramError: the record is damaged.
        ScheduleError: its schedule names a thread that its program does not have.

    """
    match record.kind:
        case "trace":
            from spanproof.checks.tracing.replaying import replay_trace  # noqa: PLC0415

            difference = replay_trace(record, heap)
            return Replayed(None if difference else record, difference)
        case "run":
            return _explained(record, _run_again(record, heap), heap)
        case _:
            return _done_again(record, heap)


def _run_again(record: Record, heap: Subject) -> Replayed:
    """Step by step if that can be done, else by the events of the record."""
    try:
        again = replay_run(record, heap.heap_class)
    except ScheduleError:
        return replay_by_events(record, heap.heap_class)
    if again.by_steps:
        return again
    by_events = replay_by_events(record, heap.heap_class)
    return by_events if by_events.by_events or again.record is None else again


def _explained(record: Record, again: Replayed, heap: Subject) -> Replayed:
    """A replay with the reason as it is found now, where the record gives one; it is compared if all else is the same.

    On other steps it may well be another.
    """
    if again.record is None or not (record.why or record.flip):
        return again
    from spanproof.checks.exploring.explaining.why import explained  # noqa: PLC0415  # for this kind alone

    found = explained(again.record, heap)
    differs = again.difference or (difference(record, found) if again.by_steps else "")
    return replace(again, record=found, difference=differs)


def _done_again(record: Record, heap: Subject) -> Replayed:
    """The record made anew on this heap, or None, and how it differs."""
    match record.kind:
        case "history":
            from spanproof.checks.comparing.living import replay_history  # noqa: PLC0415

            return replay_history(record, heap)
        case "go history":
            from spanproof.checks.golang.comparing.compare import replay_go  # noqa: PLC0415

            return replay_go(record, heap)
        case "go schedule":
            from spanproof.checks.golang.interleaving.interleave import replay_schedule  # noqa: PLC0415

            return replay_schedule(record, heap)
        case "inputs":
            from spanproof.checks.proofs.catalogue import PLAIN_BY_NAME  # noqa: PLC0415
            from spanproof.checks.proving.lifted.judging import replay_inputs  # noqa: PLC0415

            return replay_inputs(record, PLAIN_BY_NAME, heap)
        case _:
            from spanproof.checks.tracing.replaying import replay  # noqa: PLC0415

            return Replayed(replay(record, heap).record, "")


def judged(record: Record, heap: Subject, name: str) -> tuple[Result, Record | None]:
    """Judge a pinned record on this heap, whatever heap it was made on: the result, and a record if something breaks.

    Raises:
        RecordError, ProgramError: the record is damaged.

    """
    if record.kind == "run":
        from spanproof.checks.exploring.explaining.why import explained  # noqa: PLC0415  # for this kind alone

        found, broken = survey(record, heap, name)
        return found, None if broken is None else explained(broken, heap)
    again = _done_again(record, heap)
    check, pinned = CHECK[record.kind], f"pinned {name}"
    part, said = SIZE[record.kind]
    bound = f"{len((record.trace if record.kind in ('trace', 'go schedule') else record.program)[part]):,} {said}"
    if again.record is not None:
        violated = again.record.violated
        return Result(check, pinned, Verdict.VIOLATED, f"{violated.claim}: {violated.detail}", bound), again.record
    if again.met:
        return Result(check, pinned, Verdict.HOLDS, bound=bound), None
    return Result(check, pinned, Verdict.UNKNOWN, again.difference, bound), None
