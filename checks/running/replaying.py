"""From a schedule to a record, and from a record to the same record again.

A replay runs the program on the heap as it is now and compares the whole record. Where the text has changed, it names
the first step that differs; where all steps are the same, the first of the rest. What older code did not write is no
difference, and neither are lines of the text. Read next: ../exploring/tables.py.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from spanproof.checks.broken import BrokenError
from spanproof.checks.programs import Program, program_of
from spanproof.checks.record import Record, Step, Violated, shortened
from spanproof.checks.running.machine import Machine, show
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.claims import BY_NAME


@dataclass(frozen=True, slots=True)
class Ran:
    """What a schedule led to. `broken` is None when nothing broke."""

    broken: BrokenError | None
    cells: dict[str, str]
    steps: tuple[Step, ...]


LONGEST = 100_000
"""Steps after which a pinned program that spins is given up."""
SHOWN = 40
"""Characters of a value, where one is held against another."""


class ScheduleError(ValueError):
    """The schedule asks for a step that no thread can take."""


def run(program: Program, heap_class: type[Runtime], schedule: tuple[int, ...], only: str | None = None) -> Ran:
    """Run a schedule to its end, or to the first claim that breaks; with `only`, that claim alone is judged.

    Raises:
        ScheduleError: it resumes a thread that is done, blocked or not there.

    """
    steps: list[Step] = []
    cells: dict[str, str] = {}
    try:
        past: list[Step] = []
        try:
            machine = Machine(program, heap_class, only, past)
        except BrokenError:
            steps = past  # broken before the program begins: show how that went
            raise
        ghosts = machine.numbering.ghosts_from
        names = machine.numbering.names[:ghosts]
        cells = dict(zip(names, map(show, machine.values[:ghosts]), strict=True))
        machine.start()
        for place, t in enumerate(schedule):
            if t not in machine.enabled():
                raise ScheduleError(f"step {place + 1} resumes T{t}, which cannot go on")
            steps.append(machine.describe(t))
            machine.step(t)
        deadlock = machine.deadlocked()
        if deadlock:
            return Ran(BrokenError("no_deadlock", deadlock), cells, tuple(steps))
    except BrokenError as broken:
        return Ran(broken, cells, tuple(steps))
    return Ran(None, cells, tuple(steps))


def record_of(
    name: str, program: Program, heap_class: type[Runtime], schedule: tuple[int, ...], heap: str, fault: str | None,
    only: str | None = None,
) -> Record | None:  # fmt: skip
    """The record of a schedule that breaks a claim, or None if it breaks none."""
    ran = run(program, heap_class, schedule, only)
    if ran.broken is None or only not in (None, ran.broken.claim):
        return None
    claim = BY_NAME[ran.broken.claim]
    return Record(
        kind="run",
        name=name,
        release=program.release.name,
        violated=Violated(claim.name, claim.says, claim.source, ran.broken.detail),
        heap=heap,
        fault=fault,
        program=program.as_json(),
        schedule=schedule[: len(ran.steps)],
        cells=ran.cells,
        steps=ran.steps,
        alone=only is not None,
    )


@dataclass(frozen=True, slots=True)
class Replayed:
    """The record made anew, None if nothing broke this time, and where it first differs from the old one."""

    record: Record | None
    difference: str
    met: bool = True
    """Whether what the record speaks of still has a meaning."""
    by_events: bool = False
    """The same claim breaks, on the same events, though not step by step: the text has changed."""
    by_steps: bool = False
    """The same claim breaks, on the same steps, whatever else differs."""


def replay(record: Record, heap_class: type[Runtime]) -> Replayed:
    """Run a record's schedule again.

    Raises:
        ProgramError: the record's program is damaged.
        ScheduleError: the schedule cannot be followed any more.

    """
    program = program_of(record.program)
    only = record.violated.claim if record.alone else None
    again = record_of(record.name, program, heap_class, record.schedule, record.heap, record.fault, only)
    if again is None:
        return Replayed(None, f"no claim breaks; the record says {record.violated.claim}")
    return held_against(record, again)


def held_against(record: Record, again: Record) -> Replayed:
    """A record and what was made anew of it, on any steps. Why it breaks is not found anew here, and is kept."""
    again = replace(again, why=record.why, flip=record.flip)
    same = again.violated.claim == record.violated.claim
    by_steps = same and not _steps_differ(record, again)
    return Replayed(again, difference(record, again), by_events=same and not by_steps, by_steps=by_steps)


def survey(record: Record, heap: Subject, name: str) -> tuple[Result, Record | None]:
    """Judge a pinned record: does its program still break a claim on this heap, on its schedule or as near as can be?

    The schedule is followed by what threads can do: a step that cannot be taken is passed by, and at its end each
    thread runs on alone. So a pin survives changes of the text.
    """
    program = program_of(record.program)
    schedule, passed = followed(program, heap.heap_class, record.schedule)
    again = record_of(record.name, program, heap.heap_class, schedule, heap.heap, heap.fault)
    bound = f"{len(schedule)} steps, {passed} of the record's passed by" if passed else f"{len(schedule)} steps"
    if again is None:
        return Result("explore", f"pinned {name}", Verdict.HOLDS, bound=bound), None
    reason = f"{again.violated.claim}: {again.violated.detail}"
    return Result("explore", f"pinned {name}", Verdict.VIOLATED, reason, bound), again


def followed(
    program: Program, heap_class: type[Runtime], schedule: tuple[int, ...], only: str | None = None
) -> tuple[tuple[int, ...], int]:
    """The steps of a schedule that can be taken, then each thread to its end: (they, how many were passed by).

    With `only`, that claim alone is judged; where one breaks, that is the end.
    """
    taken: list[int] = []
    passed = 0
    try:
        machine = Machine(program, heap_class, only)
        machine.start()
        for t in schedule:
            if t not in machine.enabled():
                passed += 1
                continue
            taken.append(t)
            machine.step(t)
        while (able := machine.enabled()) and len(taken) < LONGEST:
            taken.append(able[0])
            machine.step(able[0])
    except BrokenError:
        pass  # running the schedule again tells which claim
    return tuple(taken), passed


def difference(old: Record, new: Record) -> str:
    """Where the second record first differs from the first; "" if nowhere.

    Lines of the text are no difference, and neither is what the first lacks: older code wrote less.
    """
    return "" if old.dumps() == new.dumps() else next(_differences(old, new), "")


def _differences(old: Record, new: Record) -> Iterator[str]:
    """All of them: the steps first, then the claim, then what stands beside the steps."""
    steps = _steps_differ(old, new)
    if old.violated.claim != new.violated.claim:
        yield steps or f"the claim differs: {_was(old.violated.claim, new.violated.claim)}"
    if steps:
        yield steps
    for name in ("says", "source", "detail"):
        yield from _unlike(f"violated.{name}", getattr(old.violated, name), getattr(new.violated, name))
    yield from _unlike("release", old.release, new.release)
    yield from _unlike("schedule", list(old.schedule), list(new.schedule))
    yield from _program_differs(old.program, new.program)
    yield from _cells_differ(old.cells, new.cells)
    yield from _reason_differs(old, new)


def _steps_differ(old: Record, new: Record) -> str:
    for place, (a, b) in enumerate(zip(old.steps, new.steps, strict=False), 1):
        if replace(a, line=0) != replace(b, line=0):
            return f"step {place} differs: was {_brief(a)}, is {_brief(b)}"
    return "" if len(old.steps) == len(new.steps) else f"it ends after {len(new.steps)} steps, not {len(old.steps)}"


def _unlike(name: str, was: object, now: object) -> Iterator[str]:
    if was != now:
        yield f"{name} differs: {_was(was, now)}"


def _was(was: object, now: object) -> str:
    """Two values, from where they part if they are long."""
    a, b = str(was), str(now)
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    begin = 0 if max(len(a), len(b)) <= SHOWN else max(0, same - SHOWN // 2)
    return f"was {_from(a, begin)}, is {_from(b, begin)}"


def _from(text: str, begin: int) -> str:
    rest = text[begin:]
    return f"{'...' if begin else ''}{rest if len(rest) <= SHOWN else f'{rest[:SHOWN]}...'}" or "empty"


def _program_differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What a program says that is read otherwise, or not at all."""
    for key, was in old.items():
        if key == "geometry":
            for size, number in was.items():
                yield from _unlike(f"program.geometry.{size}", number, new[key].get(size, "not read"))
        else:
            yield from _unlike(f"program.{key}", was, new.get(key, "not read"))


def _cells_differ(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Cells at the start; a record that has none at all is of older code."""
    for cell in dict.fromkeys((*new, *old)) if old else ():
        yield from _unlike(f"cell {cell} at the start", old.get(cell, "not there"), new.get(cell, "not there"))


def _reason_differs(old: Record, new: Record) -> Iterator[str]:
    """Why the claim breaks, if the first record says so."""
    if old.flip is not None and new.flip is None:
        yield "flip differs: no such change is found any more"
    elif old.flip is not None and new.flip is not None:
        for field in fields(old.flip):
            yield from _unlike(f"flip.{field.name}", getattr(old.flip, field.name), getattr(new.flip, field.name))
    if old.why:
        yield from _unlike("why", old.why, new.why)


def first_difference(record: Record, program: Program, heap_class: type[Runtime], only: str | None) -> str:
    """The first step of a record that is not what its schedule leads to now; "" if all are."""
    try:
        machine = Machine(program, heap_class, only)
        machine.start()
        for place, (t, old) in enumerate(zip(record.schedule, record.steps, strict=False), 1):
            if t not in machine.enabled():
                return f"step {place} differs: was {_brief(old)}, but T{t} cannot go on"
            new = machine.describe(t)
            if replace(old, line=0) != replace(new, line=0):
                return f"step {place} differs: was {_brief(old)}, is {_brief(new)}"
            machine.step(t)
    except BrokenError:
        return ""  # the records are compared then
    return ""


def _brief(step: Step) -> str:
    before, after = (shortened(value, SHOWN) for value in (step.before, step.after))
    cell = shortened(step.cell, 2 * SHOWN)
    return f"T{step.thread} {step.function}: {step.access} {cell} {before} -> {after}"
