"""Replays that outlive changes of the text: the events of a record are followed, and no longer the number of its steps.

An event is what a step does to which cell. Where a thread is about to do something else than the record says, it is run
ahead alone, on a copy, and the events to come are laid beside those recorded: what the text has gained is done at once,
what it has lost is passed by. Read next: replaying.py, which replays step by step and is asked first.
"""

from collections import deque
from difflib import SequenceMatcher
from itertools import islice

from spanproof.checks.broken import BrokenError
from spanproof.checks.programs import Program, program_of
from spanproof.checks.record import Record, Step
from spanproof.checks.running.machine import HeapError, Machine
from spanproof.checks.running.replaying import (
    Replayed,
    ScheduleError,
    first_difference,
    followed,
    held_against,
    record_of,
)
from spanproof.impl.malloc import Runtime

AHEAD = 40
"""Events of one thread that are compared where it leaves the record: longer than any function of the heap's text."""
LOOKS = 500
"""How often threads are run ahead, each time from the start; what differs everywhere is followed no further."""
Event = tuple[str, str]


def replay_by_events(record: Record, heap_class: type[Runtime]) -> Replayed:
    """Follow the events of a record whose steps cannot be followed. `difference` names the first step that differs.

    Raises:
        ProgramError: the record's program is damaged.
        ScheduleError: its schedule names a thread that the program does not have.

    """
    program = program_of(record.program)
    if not all(t < len(program.threads) for t in record.schedule):
        raise ScheduleError(
            f"the schedule names a thread that the program does not have; it has {len(program.threads)}"
        )
    only = record.violated.claim if record.alone else None
    schedule, _ = followed(program, heap_class, _schedule(record, program, heap_class, only), only)
    again = record_of(record.name, program, heap_class, schedule, record.heap, record.fault, only)
    if again is None:
        said = [f"no claim breaks; the record says {record.violated.claim}"]
        said += filter(None, [first_difference(record, program, heap_class, only)])
        return Replayed(None, "; ".join(said))
    return held_against(record, again)


def _schedule(record: Record, program: Program, heap_class: type[Runtime], only: str | None) -> tuple[int, ...]:
    """Who takes the next step, so that the events come in the record's order."""
    taken: list[int] = []
    left = deque(zip(record.schedule, record.steps, strict=False))
    looks = 0
    try:
        machine = Machine(program, heap_class, only)
        machine.start()
        while left:
            t, old = left[0]
            if looks < LOOKS and _leaves(machine, t, old):
                looks += 1
                recorded = [_event(step) for step in islice((s for u, s in left if u == t), AHEAD)]
                for _ in range(_gained(recorded, _coming(t, taken, (program, heap_class, only)))):
                    taken.append(t)
                    machine.step(t)
            left.popleft()
            if t in machine.enabled() and _event(machine.describe(t)) == _event(old):
                taken.append(t)
                machine.step(t)
    except BrokenError:
        pass  # running the schedule tells which claim
    return tuple(taken)


def _leaves(machine: Machine, t: int, old: Step) -> bool:
    """Whether thread t is about to do something else than the record says."""
    return t in machine.enabled() and _event(machine.describe(t)) != _event(old)


def _gained(recorded: list[Event], coming: list[Event]) -> int:
    """How many events come before the first that is recorded too, or take the place of some that are gone."""
    _, _, _, since, until = SequenceMatcher(None, recorded, coming, autojunk=False).get_opcodes()[0]
    return until - since


def _coming(t: int, taken: list[int], made: tuple[Program, type[Runtime], str | None]) -> list[Event]:
    """The events of thread t if it runs on alone from here."""
    coming: list[Event] = []
    try:
        machine = Machine(*made)
        machine.start()
        for u in taken:
            machine.step(u)
        while t in machine.enabled() and len(coming) < AHEAD:
            coming.append(_event(machine.describe(t)))
            machine.step(t)
    except (BrokenError, HeapError):
        pass  # what it did until then is all that can be compared
    return coming


def _event(step: Step) -> Event:
    return step.access, step.cell
