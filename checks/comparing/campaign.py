"""Hypothesis workloads: programs and schedules drawn, every claim judged after every step, the abstract heap beside.

Each example tabulates one program and walks its tables along the schedules that the example's bytes stand for; a small
program is searched through all its interleavings as well. A failure is shrunk by Hypothesis to a small program, and by
the search to the fewest preemptions. Read next: ../tracing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings

from spanproof.checks.exploring.races import Race, meeting, races
from spanproof.checks.exploring.search import deadlock, ended, explore, fewest_preemptions
from spanproof.checks.exploring.tables import LimitError, Tables
from spanproof.checks.monitor import BrokenError
from spanproof.checks.programs import Program
from spanproof.checks.record import Record
from spanproof.checks.running.replaying import record_of
from spanproof.checks.scenarios import CROSSING, FAILED_CAS, LOST_RACE, REUSE
from spanproof.checks.sentinels import Watching
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.checks.workloads import decisions, programs, schedules, size
from spanproof.model.releases import RELEASES, Release

SENTINELS = (FAILED_CAS, CROSSING, REUSE, LOST_RACE)
SCHEDULES_EACH = 72
FEWEST_PROGRAMS, FEWEST_SCHEDULES = 300, 20_000
SMALL_SIZE, SMALL_STATES = 6, 3_000
"""Programs up to this size are searched through all interleavings, unless there are more states than this."""

SHRINK_SECONDS = 8

settings.register_profile("dev", max_examples=100, deadline=None)
settings.register_profile("ci", max_examples=300, deadline=None)
settings.register_profile("long", max_examples=10_000, deadline=None)

Hurry = Callable[[int], str | None]


class _StoppedError(Exception):
    """The budget is used up."""


@dataclass(slots=True)
class Counts:
    """What a campaign has done so far."""

    programs: int = 0
    schedules: int = 0
    steps: int = 0
    searched: int = 0
    states: int = 0
    waiting: set[str] = field(default_factory=lambda: set(SENTINELS))

    def as_json(self) -> dict[str, int]:
        """As results hold it."""
        return {
            "examples": self.programs,
            "schedules": self.schedules,
            "steps": self.steps,
            "searched": self.searched,
            "states": self.states,
        }


class FoundError(Exception):
    """An example broke a claim."""

    def __init__(
        self,
        tables: Tables | None,
        program: Program,
        broken: BrokenError,
        schedule: tuple[int, ...],
        race: Race | None = None,
    ) -> None:
        """Keep what is needed for the record."""
        super().__init__(str(broken))
        self.tables, self.program, self.broken, self.schedule, self.race = tables, program, broken, schedule, race


def walk(tables: Tables, schedule: bytes, k: int, visited: set[int]) -> list[int]:
    """Follow the k-th schedule of a byte string from start to end; the threads that took the steps.

    Raises:
        BrokenError: a claim breaks; its attribute `schedule` is the way there.

    """
    state, taken = tables.start, list[int]()
    moves = list(zip(tables.masks, tables.deltas, strict=True))
    for pick, steps in decisions(schedule, k):
        able = [t for t in range(len(moves)) if _delta(tables, t, state, taken)]
        if not able:
            break
        t = able[pick % len(able)]
        mask, delta = moves[t]
        for _ in range(steps):
            visited.add(state)
            step = delta.get(state & mask)
            if step is None:
                step = _delta(tables, t, state, taken)
            if not step:
                break
            state += step
            taken.append(t)
    if state & tables.node_mask and not ended(tables, state):
        raise _with(BrokenError("no_deadlock", deadlock(tables, state)), taken)
    return taken


def _with(broken: BrokenError, taken: list[int]) -> BrokenError:
    broken.schedule = tuple(taken)
    return broken


def _delta(tables: Tables, t: int, state: int, taken: list[int]) -> int:
    key = state & tables.masks[t]
    delta = tables.deltas[t].get(key)
    if delta is None:
        try:
            delta = tables.expand(t, key)
        except BrokenError as broken:
            raise _with(broken, [*taken, t]) from None
    return delta


def try_example(program: Program, schedule: bytes, subject: Subject, counts: Counts) -> None:
    """Run one example: its schedules, and all interleavings if it is small.

    Raises:
        FoundError: a claim breaks.

    """
    watching = Watching(counts.waiting, program.geometry)
    try:
        tables = Tables(
            program,
            subject.heap_class,
            witness=lambda node, before, events: watching.see(node.access, node.function, before, events),
        )
    except BrokenError as broken:
        raise FoundError(None, program, broken, ()) from None
    counts.programs += 1
    visited: set[int] = set()
    try:
        for k in range(SCHEDULES_EACH):
            counts.steps += len(walk(tables, schedule, k, visited))
            counts.schedules += 1
    except BrokenError as broken:
        raise FoundError(tables, program, broken, broken.schedule) from None
    _search_if_small(tables, program, counts)
    _judge_order(tables, program, visited)
    counts.waiting &= set(watching.silent)


def _search_if_small(tables: Tables, program: Program, counts: Counts) -> None:
    if size(program) > SMALL_SIZE:
        return
    found = explore(tables, hurry=lambda states: "enough" if states > SMALL_STATES else None)
    if found.broken is not None:
        raise FoundError(tables, program, found.broken, found.schedule)
    counts.searched += not found.reason
    counts.states += found.states


def _judge_order(tables: Tables, program: Program, visited: set[int]) -> None:
    race = next((race for race in races(tables, visited) if race.declared is None), None)
    if race is not None:
        raise FoundError(tables, program, BrokenError("plain_accesses_are_ordered", race.says), (), race)


@dataclass(frozen=True, slots=True)
class Compared:
    """A campaign's result, and the counterexample if there is one."""

    result: Result
    record: Record | None = None


def _record(found: FoundError, subject: Subject) -> Record | None:
    """The counterexample with the fewest preemptions of the shrunk program; the walk's own if that takes too long."""
    schedule = found.schedule
    if found.tables is not None:
        began = time.process_time()
        hurry: Hurry = lambda states: "slow" if time.process_time() - began > 5 else None  # noqa: E731
        breaks = None if found.race is None else meeting(found.tables, found.race)
        shortest = fewest_preemptions(found.tables, found.broken.claim, breaks=breaks, hurry=hurry)
        schedule = schedule if shortest is None else shortest.schedule
    return record_of("workload", found.program, subject.heap_class, schedule, subject.heap, subject.fault)


def compare(
    subject: Subject,
    *,
    seed_: int = 0,
    examples: int = FEWEST_PROGRAMS,
    releases: tuple[Release, ...] = RELEASES,
    hurry: Hurry = lambda examples: None,  # noqa: ARG005  # the signature of Hurry
) -> Compared:
    """Draw programs and schedules until `examples` programs have run, a claim breaks, or `hurry` says stop."""
    began, counts = time.perf_counter(), Counts()
    reason: list[str] = []
    last: list[FoundError] = []
    failed: set[tuple[Program, bytes]] = set()
    enough: list[float] = []

    @seed(seed_)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(programs(releases=releases), schedules())
    def campaign(program: Program, schedule: bytes) -> None:
        stop = hurry(counts.programs) if not last else None
        if stop is not None:
            reason.append(stop)
            raise _StoppedError
        if last and time.perf_counter() > enough[0] and (program, schedule) not in failed:
            return  # time to shrink is over: nothing simpler is tried, and the simplest known is kept
        try:
            try_example(program, schedule, subject, counts)
        except FoundError as found:
            enough.append(time.perf_counter() + SHRINK_SECONDS)
            failed.add((program, schedule))
            last.append(found)
            raise

    try:
        campaign()
    except _StoppedError:
        pass
    except FoundError:
        return _violated(last[-1], subject, counts, time.perf_counter() - began)
    except LimitError as e:
        reason.append(str(e))
    return Compared(_clean(counts, reason, seed_, time.perf_counter() - began))


def _violated(found: FoundError, subject: Subject, counts: Counts, seconds: float) -> Compared:
    record = _record(found, subject)
    if record is None:
        said = f"{found.broken}: seen in the tables but not in a run: an internal error"
        return Compared(Result("compare", "workloads", Verdict.UNKNOWN, said, counts=counts.as_json(), seconds=seconds))
    reason = f"{record.violated.claim}: {record.violated.detail}"
    bound = f"program {counts.programs}, shrunk to {len(record.schedule)} steps, {record.switches} context switches"
    result = Result("compare", "workloads", Verdict.VIOLATED, reason, bound, (), seconds, counts.as_json())
    return Compared(result, record)


def _clean(counts: Counts, reason: list[str], seed_: int, seconds: float) -> Result:
    """The verdict of a campaign in which nothing broke."""
    said = reason[0] if reason else ""
    if counts.waiting:
        said = said or "never seen: " + "; ".join(sorted(counts.waiting))
    if counts.programs < FEWEST_PROGRAMS or counts.schedules < FEWEST_SCHEDULES:
        said = said or f"fewer than {FEWEST_PROGRAMS} programs or {FEWEST_SCHEDULES:,} schedules"
    bound = (
        f"{counts.programs:,} programs, {counts.schedules:,} schedules, {counts.searched:,} programs "
        f"through all interleavings, seed {seed_}"
    )
    verdict = Verdict.UNKNOWN if said else Verdict.HOLDS
    return Result("compare", "workloads", verdict, said, bound, ("generated programs of 2 or 3 threads",), seconds, counts.as_json())
