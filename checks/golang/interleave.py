"""Go's own text under our scheduler, and the reference heap on the same schedules: every step must be equal.

Go's atomics and locks are the steps on both sides. What is plain in Go is done with the step before it, on both sides
too: of that the search with its happens-before relation speaks. Read next: drift.py.
"""

import json
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from spanproof.checks.golang.compare import named, programmed
from spanproof.checks.golang.driving import CODE, REQUEST, DiedError, Driven
from spanproof.checks.golang.toolchains import GoError, Toolchain
from spanproof.checks.golang.trials import BY_NAME, GEOMETRY, TRIALS, Call, Ended, Trial
from spanproof.checks.record import Record, RecordError, Violated
from spanproof.checks.running.replaying import Replayed
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.impl.access import BLOCKED, PLAIN, Access, Cell, Throw, perform
from spanproof.impl.heap_cells import ArenaList
from spanproof.impl.malloc import Runtime
from spanproof.impl.span import Span
from spanproof.impl.sweep import SweepLocker
from spanproof.model.releases import Release

MASK = (1 << 64) - 1
CELLS = (
    "zeroedBase", "scav.chunks", "scav.searchAddrBg", "scav.searchAddrForce", "scav.minHeapIdx", "scav.freeHWM",
    "scav.gen", "heap.lock", "pageInUse", "pageMarks", "mspan.sweepgen", "sweep.active", "sweepgen",
)  # fmt: skip
"""The words that both sides know, in the order of their numbers, which begin at 1 (harness/interleave.go)."""
CALLS = (
    "alloc_needs_zero",
    "find",
    "alloc",
    "free",
    "set_empty",
    "next_gen",
    "lock",
    "unlock",
    "reclaim_chunk",
    "acquire",
    "publish",
)
"""What can be called there, in the order of its numbers, which begin at 1."""
KINDS = {"load": 1, "store": 2, "compare_and_swap": 3, "and8": 5, "or8": 6, "lock": 9, "unlock": 10}
STEP = 6
"""Words of a step: the thread, its kind and whether it succeeded, the cell, the old value, the new one, what it saw."""
DONE, THROWN, DEADLOCK = range(3)
END = MASK
MOST = 30_000
"""Schedules of a trial."""
Hurry = Callable[[int], str | None]


def number_of(name: str, index: Any) -> int:
    """The number of a cell, as the harness has it."""
    place: Any = index or 0
    if isinstance(place, tuple):  # an arena, and a byte of one of its bitmaps
        arena, byte = cast("tuple[int, int]", place)
        place = arena << 10 | byte
    return int((CELLS.index(name) + 1) << 48 | place)


@dataclass(frozen=True, slots=True)
class Told:
    """A schedule, as either side tells it."""

    ended: int
    results: tuple[tuple[int, ...], ...]
    words: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def choices(self) -> tuple[int, ...]:
        """Which thread took each step."""
        return self.steps[::STEP]


class Reference:
    """The reference's text on a trial, schedule by schedule."""

    def __init__(self, trial: Trial, heap_class: type[Runtime], release: Release) -> None:
        """Do what was done before."""
        self.trial = trial
        self.heap = sweeping_at_once(heap_class)(GEOMETRY, release)
        self.values: dict[tuple[str, Any], Any] = {}
        self.pending: list[Access[Any] | None] = []
        self.results: list[list[int]] = []
        self.steps: list[int] = []
        self.threads: list[Any] = []
        self.thrown = False
        self._lived()
        for span in trial.spans:
            for page in range(span.base // GEOMETRY.page_size, span.base // GEOMETRY.page_size + span.npages):
                self.values["spans", page] = Span(span.number) if span.mapped else None
            self.values["mspan.npages", span.number] = span.npages
            self.values["mspan.base", span.number] = span.base
        self.values |= {(name, index): value for name, index, value in trial.words}
        touched = {key for key in self.values if key[0] in CELLS}
        self.words = sorted({*touched, *self._named()}, key=lambda key: number_of(*key))
        for name, index in self.words:
            self._value(Cell(name, index))
        self.initial = dict(self.values)

    def _lived(self) -> None:
        """Do what was done before, one access after the other."""
        alone, answer = self._calls(self.trial.before, []), None
        try:
            while True:
                access = alone.send(answer)
                cell = access.cell
                self.values[cell.name, cell.index], answer = perform(access, self._value(cell), 0)
        except StopIteration:
            return

    def _named(self) -> Iterator[tuple[str, Any]]:
        """The words that the trial is about, touched before or not."""
        yield from ((name, None) for name in CELLS if name not in ("zeroedBase", "scav.chunks"))
        for call in (call for calls in self.trial.threads for call in calls):
            if call.name == "alloc_needs_zero":
                base, npages = call.args
                first, last = (self.heap.arena_index(a) for a in (base, base + npages * GEOMETRY.page_size - 1))
                yield from (("zeroedBase", arena) for arena in range(first, last + 1))

    def cells(self) -> list[tuple[int, int]]:
        """The words at the start, by the numbers of their cells."""
        return [(number_of(*key), word_of(self.initial[key])) for key in self.words]

    def play(self, choices: Sequence[int]) -> Told:
        """The schedule in which these threads take the steps; it ends where one of them cannot."""
        self.values = dict(self.initial)
        self.results = [[] for _ in self.trial.threads]
        self._begin([self._calls(calls, mine) for calls, mine in zip(self.trial.threads, self.results, strict=True)])
        for thread in choices:
            if self.thrown or self.pending[thread] is None or not self._step(thread):
                break
        left = any(access is not None for access in self.pending)
        ended = THROWN if self.thrown else DEADLOCK if left else DONE
        for thread in self.threads:
            thread.close()
        words = tuple(word_of(self.values[key]) for key in self.words)
        return Told(ended, tuple(map(tuple, self.results)), words, tuple(self.steps))

    def _begin(self, threads: list[Any]) -> None:
        self.threads, self.thrown, self.steps = threads, False, []
        self.pending = [None] * len(threads)
        for number in range(len(threads)):
            self._advance(number, None)

    def _advance(self, number: int, answer: Any) -> None:
        """Run a thread to its next access that is a step."""
        thread = self.threads[number]
        try:
            while True:
                access = thread.send(answer)
                if access.kind not in PLAIN:
                    self.pending[number] = access
                    return
                cell = access.cell
                self.values[cell.name, cell.index], answer = perform(access, self._value(cell), number)
        except StopIteration:
            self.pending[number] = None
        except Throw:
            self.pending[number], self.thrown = None, True

    def _step(self, number: int) -> bool:
        """Do the access that a thread is at: whether it can be done."""
        access = self.pending[number]
        assert access is not None
        cell, before = access.cell, self._value(access.cell)
        after, answer = perform(access, before, number)
        if answer is BLOCKED:
            return False
        self.values[cell.name, cell.index] = after
        self.steps += self._written(number, access, before, answer)
        self._advance(number, answer)
        return True

    def _written(self, number: int, access: Access[Any], before: Any, answer: Any) -> tuple[int, ...]:
        """A step as words."""
        kind, cell, old, new, ok = access.kind, access.cell, 0, 0, 1
        match kind:
            case "store":
                (new,) = access.args
            case "update":  # a word of the scavenge index, which lies in a page of its own
                kind, new = "store", access.args[2]
            case "and8" | "or8":
                (new,) = access.args
            case "compare_and_swap":
                old, new = access.args
                ok = int(answer)
            case _:
                pass
        got = 0 if kind in ("lock", "unlock") else word_of(before)
        return number, KINDS[kind] << 1 | ok, number_of(cell.name, cell.index), old & MASK, new & MASK, got

    def _value(self, cell: Cell[Any]) -> Any:
        key = cell.name, cell.index
        if key not in self.values:
            self.values[key] = self._fresh(*key)
        return self.values[key]

    def _fresh(self, name: str, index: Any) -> Any:  # noqa: ARG002  # of any index
        if name == "scav.chunks":
            return None
        fresh = {"scav.freeHWM": GEOMETRY.min_off_addr, self.heap.os.mappings_left.name: self.heap.mappings}
        return fresh.get(name, 0)

    async def _calls(self, calls: Sequence[Call], results: list[int]) -> None:
        for call in calls:
            found = await self._call(call.name, *call.args)
            results += (*found, 0, 0)[:2] if isinstance(found, tuple) else (int(found or 0), 0)

    def _call(self, name: str, *args: int) -> Any:
        heap = self.heap
        match name:
            case "alloc_needs_zero":
                return heap.alloc_needs_zero(*args)
            case "find":
                return heap.index.find(bool(args[0]))
            case "reclaim_chunk":
                return heap.reclaim_chunk(ArenaList((args[0],)), *args[1:])
            case "acquire":
                return self._acquire(Span(args[0]))
            case "publish":
                return self._publish(Span(args[0]))
            case "lock" | "unlock":
                return getattr(heap.lock, name)()
            case _:
                return getattr(heap.index, name)(*args)

    async def _acquire(self, s: Span) -> bool:
        """Sweep a span, if nobody else does."""
        heap = self.heap
        _, ok = await heap.try_acquire(SweepLocker(await heap.sweepgen.read()), s)
        if ok:
            await heap.sweep(s)
        return ok

    async def _publish(self, s: Span) -> None:
        """A span on new pages, in the order of initSpan."""
        heap, g = self.heap, GEOMETRY
        base = await s.base.read()
        await heap.set_spans(base, await s.npages.read(), s)
        await s.sweepgen.store(await heap.sweepgen.read())
        page = base // g.page_size % g.pages_per_arena
        await heap.page_in_use.at((heap.arena_index(base), page // 8)).or8(1 << page % 8)


def sweeping_at_once(heap_class: type[Runtime]) -> type[Runtime]:
    """The heap with the harness's sweep: a span without marks goes, under the lock."""

    class Sweeping(heap_class):  # type: ignore[valid-type, misc]  # a class that is given
        """That heap."""

        async def sweep(self, s: Span) -> bool:
            """Free the span (harness/heap.go, sweepSpan)."""
            g = self.geometry
            await self.lock.lock()
            base = await s.base.read()
            page = base // g.page_size % g.pages_per_arena
            await self.page_in_use.at((self.arena_index(base), page // 8)).and8(~(1 << page % 8) & 0xFF)
            await s.sweepgen.store(await self.sweepgen.read())
            await self.lock.unlock()
            return True

    return Sweeping


def word_of(value: Any) -> int:
    """What a cell holds, as 64 bits; a page of the index is its one word."""
    if isinstance(value, int):
        return int(value) & MASK
    return int(value.get(0, 0)) if value is not None else 0


class Trying:
    """Go's text on trials."""

    def __init__(self, program: Path) -> None:
        """program: as building.py made it."""
        self.driven = Driven(program)

    def schedules(self, reference: Reference, most: int = 0, choices: Sequence[int] | None = None) -> Iterator[Told]:
        """Schedules of a trial, all of them unless `most` says otherwise. choices: this one alone.

        Raises:
            DiedError: the program is gone.

        """
        threads, words = len(reference.trial.threads), len(reference.words)
        for told in self._answers(reference, most, choices, tell=True):
            yield _read(told, threads, words)

    def endings(self, reference: Reference, most: int = 0) -> Iterator[tuple[int, Told]]:
        """In how many schedules a trial ends in each way: (how many, without its steps). Raises as `schedules`."""
        threads, words = len(reference.trial.threads), len(reference.words)
        for many, *told in self._answers(reference, most, None, tell=False):
            yield many, _read(tuple(told), threads, words)

    def _answers(
        self, reference: Reference, most: int, choices: Sequence[int] | None, *, tell: bool
    ) -> Iterator[tuple[int, ...]]:
        trial = reference.trial
        text = json.dumps({
            "Cells": reference.cells(), "Most": most, "Tell": tell, "Choices": choices,
            "Spans": [[s.number, s.base, s.npages, int(s.mapped)] for s in trial.spans],
            "Threads": [[_numbered(call) for call in calls] for calls in trial.threads],
        }).encode()  # fmt: skip
        self.driven.send(np.array([(CODE["interleave"], len(text), 0, 0)], REQUEST).tobytes() + text)
        while True:
            (count,) = struct.unpack("<Q", self.driven.receive(8))
            if count == END:
                return
            yield struct.unpack(f"<{count}Q", self.driven.receive(8 * count))


def _numbered(call: Call) -> list[int]:
    return [CALLS.index(call.name) + 1, *(arg & MASK for arg in call.args), *[0] * (4 - len(call.args))]


def _read(told: tuple[int, ...], threads: int, words: int) -> Told:
    place, results = 1, list[tuple[int, ...]]()
    for _ in range(threads):
        many = told[place]
        results.append(told[place + 1 : place + 1 + many])
        place += 1 + many
    return Told(told[0], tuple(results), told[place : place + words], told[place + words :])


def ended(reference: Reference, told: Told) -> Ended:
    """How a schedule ended, for promises to judge."""
    results = tuple(tuple(zip(mine[::2], mine[1::2], strict=True)) for mine in told.results)
    words = dict(zip(reference.words, told.words, strict=True))
    return Ended(results, words, told.ended == THROWN, told.ended == DEADLOCK)


def difference(go: Told, ours: Told) -> str:
    """Where the two differ first, or "" if they do not."""
    if go == ours:
        return ""
    for place in range(0, max(len(go.steps), len(ours.steps)), STEP):
        a, b = go.steps[place : place + STEP], ours.steps[place : place + STEP]
        if a != b:
            return f"step {place // STEP + 1}: {step_said(a)} in Go, {step_said(b)} in the reference"
    for name in ("ended", "results", "words"):
        if getattr(go, name) != getattr(ours, name):
            return f"{name}: {getattr(go, name)} in Go, {getattr(ours, name)} in the reference"
    return "they differ"


def step_said(step: Sequence[int]) -> str:
    """A step in words."""
    if not step:
        return "nothing"
    thread, kind, cell, old, new, got = step
    name = next((name for name, number in KINDS.items() if number == kind >> 1), f"operation {kind >> 1}")
    where = (
        f"{CELLS[(cell >> 48) - 1]}[{cell & (1 << 48) - 1:#x}]" if 0 < cell >> 48 <= len(CELLS) else "an unknown word"
    )
    how = "" if kind & 1 else " fails"
    return f"T{thread} {name} of {where}, old {old:#x}, new {new:#x}, seen {got:#x}{how}"


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a trial."""

    schedules: int = 0
    steps: int = 0
    different: str = ""
    broken: str = ""
    choices: tuple[int, ...] = ()
    """The schedule in which it is different or broken."""
    whole: bool = True
    throws: int = 0


def tried(trial: Trial, heap_class: type[Runtime], release: Release, go: Trying, most: int = MOST) -> Tried:
    """Go through the schedules of a trial on both sides, until the two differ or a promise is broken.

    Raises:
        DiedError: Go's side is gone.

    """
    reference = Reference(trial, heap_class, release)
    schedules = steps = throws = 0
    found = Tried()
    for told in go.schedules(reference, most):
        schedules, steps, throws = schedules + 1, steps + len(told.steps) // STEP, throws + (told.ended == THROWN)
        if found.choices:
            continue  # the rest is read, so that the next trial begins at its own beginning
        different = difference(told, reference.play(told.choices))
        broken = "" if different else next(_broken(reference, told), "")
        if different or broken:
            found = Tried(different=different, broken=broken, choices=told.choices)
    whole = schedules < most or not most
    return Tried(schedules, steps, found.different, found.broken, found.choices, whole, throws)


def _broken(reference: Reference, told: Told) -> Iterator[str]:
    for promise in reference.trial.promises:
        yield from promise(reference.trial, ended(reference, told))


def tried_alone(trial: Trial, heap_class: type[Runtime], release: Release, go: Trying) -> Tried:
    """Go through all schedules on Go's side alone, and judge the promises on each way in which they end.

    Raises:
        DiedError: Go's side is gone.

    """
    reference = Reference(trial, heap_class, release)
    schedules = ways = 0
    broken = ""
    for many, told in go.endings(reference):
        schedules, ways = schedules + many, ways + 1
        broken = broken or next(_broken(reference, told), "")
    return Tried(schedules, ways, broken=broken)


@dataclass(frozen=True, slots=True)
class Interleaved:
    """What came out of all trials on a toolchain's text."""

    results: tuple[Result, ...]
    records: tuple[Record, ...] = ()


def judge_interleavings(
    toolchain: Toolchain, subject: Subject, hurry: Hurry, edits: Mapping[str, bytes] | None = None,
    names: Sequence[str] = (),
) -> Interleaved:  # fmt: skip
    """All trials, or those named, on a toolchain's text. edits: files in the place of its own.

    Raises:
        GoError: its text cannot be read or built.

    """
    program = programmed(toolchain, edits)
    go, results, records = Trying(program), list[Result](), list[Record]()
    for trial in (BY_NAME[name] for name in names) if names else TRIALS:
        started, stop = time.perf_counter(), hurry(len(results))
        name = f"{trial.name} {toolchain.version}"
        if stop is not None:
            results.append(Result("go", name, Verdict.UNKNOWN, stop))
            continue
        try:
            if trial.alone:
                found = tried_alone(trial, subject.heap_class, toolchain.release, go)
                if not found.broken:
                    results.append(_judged_alone(trial, name, found, time.perf_counter() - started))
                    continue
            # What is broken is gone through with every step, for its schedule.
            found = tried(trial, subject.heap_class, toolchain.release, go, 0 if trial.alone else MOST)
        except DiedError as e:
            results.append(Result("go", name, Verdict.UNKNOWN, f"Go's side is gone: {e}"))
            go.driven.end()
            go = Trying(program)
            continue
        result, record = _judged(trial, toolchain, subject, found, time.perf_counter() - started)
        results.append(result)
        records += [record] if record is not None else []
    go.driven.end()
    return Interleaved(tuple(results), tuple(records))


PREMISES = (
    "what is plain in Go is done with the step before it",
    "sequentially consistent atomics",
    "Go's text compiled with stubs for what is around it (golang/harness)",
)


def _judged_alone(trial: Trial, name: str, found: Tried, seconds: float) -> Result:
    """What came of schedules that Go's side took alone."""
    counts = {"schedules": found.schedules, "endings": found.steps}
    rate = found.schedules / max(seconds, 1e-9)
    bound = f"all {found.schedules:,} interleavings of {trial.says}, by Go's text alone, {rate:,.0f} a second; "
    bound += f"promises judged on each of the {found.steps:,} ways in which they end"
    return Result("go", name, Verdict.HOLDS, "", bound, PREMISES, seconds, counts)


def _judged(
    trial: Trial, toolchain: Toolchain, subject: Subject, found: Tried, seconds: float
) -> tuple[Result, Record | None]:
    name = f"{trial.name} {toolchain.version}"
    differs = int(bool(found.different))
    counts = {"schedules": found.schedules, "steps": found.steps, "differences": differs}
    how_many = "all" if found.whole else "the first"
    bound = f"{how_many} {found.schedules:,} interleavings of {trial.says}, {found.steps:,} steps compared"
    if found.choices:
        record = _record(trial, toolchain, subject, found)
        reason = f"{record.violated.claim}: {record.violated.detail}"
        bound = f"{len(found.choices)} steps"
        return Result("go", name, Verdict.VIOLATED, reason, bound, PREMISES, seconds, counts), record
    missed = "no schedule throws, and some should" if trial.throws and not found.throws else ""
    reason = missed or ("" if found.whole else f"there are more than {found.schedules:,} interleavings")
    verdict = Verdict.UNKNOWN if reason else Verdict.HOLDS
    return Result("go", name, verdict, reason, bound, PREMISES, seconds, counts), None


AGREES = (
    "go_agrees",
    "Go's own text takes the steps that the reference takes.",
    "the runtime of the toolchain that is named",
)
PROMISED = (
    "go_keeps_its_promises",
    "Go's own text keeps what the model says at the end of every interleaving.",
    "the same",
)


def _record(trial: Trial, toolchain: Toolchain, subject: Subject, found: Tried) -> Record:
    violated = Violated(*(AGREES if found.different else PROMISED), found.different or found.broken)
    return Record(
        kind="go schedule",
        name=f"{trial.name} {toolchain.version}",
        release=toolchain.release.name,
        violated=violated,
        heap=subject.heap,
        fault=subject.fault,
        program={"trial": trial.name, "go": toolchain.version, "goroot": str(toolchain.root)},
        schedule=found.choices,
        trace={"story": list(_story(trial, toolchain, subject, found.choices))},
    )


def replay_schedule(record: Record, subject: Subject) -> Replayed:
    """Take the schedule of a record again, on both sides.

    Raises:
        RecordError: it is damaged, or the Go that it names is not here.

    """
    try:
        trial, toolchain = BY_NAME[str(record.program["trial"])], named(record)
        go = Trying(programmed(toolchain))
    except (GoError, KeyError) as e:
        raise RecordError(f"{record.name}: {e}") from e
    reference = Reference(trial, subject.heap_class, toolchain.release)
    threads = range(len(trial.threads))
    if not all(choice in threads for choice in record.schedule):
        raise RecordError(f"{record.name}: its schedule has threads that {trial.name} does not have")
    (told,) = go.schedules(reference, choices=record.schedule)
    go.driven.end()
    different = difference(told, reference.play(told.choices))
    broken = "" if different else next(_broken(reference, told), "")
    if not different and not broken:
        return Replayed(None, f"nothing differs; the record says {record.violated.detail}")
    again = _record(trial, toolchain, subject, Tried(different=different, broken=broken, choices=told.choices))
    return Replayed(again, "" if again.dumps() == record.dumps() else f"was {record.violated.detail!r}")


def _story(trial: Trial, toolchain: Toolchain, subject: Subject, choices: Sequence[int]) -> Iterator[str]:
    """The schedule on the reference, step by step."""
    yield f"{trial.says}, on {toolchain.version}; the steps that the reference takes:"
    reference = Reference(trial, subject.heap_class, toolchain.release)
    steps = reference.play(choices).steps
    yield from (step_said(steps[place : place + STEP]) for place in range(0, len(steps), STEP))
