"""From a scenario to its verdict, and to a record when a claim breaks.

Read next: ../workloads.py.
"""

from dataclasses import dataclass, replace
from typing import Any

from spanproof.checks.broken import BrokenError
from spanproof.checks.collecting import seldom_collected
from spanproof.checks.exploring.explaining.why import small_and_explained
from spanproof.checks.exploring.grains import SAYS, Grain, tables_at
from spanproof.checks.exploring.keeping.checkpoint import Keeping
from spanproof.checks.exploring.keeping.origin import origin
from spanproof.checks.exploring.races import Race, meeting, races
from spanproof.checks.exploring.reducing.overlaps import explored_in_runs
from spanproof.checks.exploring.reducing.reductions import NOTHING, Reduction
from spanproof.checks.exploring.reducing.reductions import SAYS as REDUCED
from spanproof.checks.exploring.reducing.runs import Runs
from spanproof.checks.exploring.repeating import difference
from spanproof.checks.exploring.search import Explored, Hurry, fewest_preemptions, going_on, schedule_to
from spanproof.checks.exploring.tables import LimitError, Node, Tables
from spanproof.checks.exploring.walking.walks import BEST, explored
from spanproof.checks.numbers import how_many
from spanproof.checks.observe import Event
from spanproof.checks.ordering import ORDERED
from spanproof.checks.programs import Program
from spanproof.checks.record import Record
from spanproof.checks.running.replaying import ScheduleError, record_of
from spanproof.checks.scenario import NOT_COUNTED, Scenario
from spanproof.checks.sentinels import Watching
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import Release

PREMISES = (
    "sequentially consistent atomics and a strong compare-and-swap",
    "spanSet.push and pop are atomic",
    "the page allocator's text is that of go1.27, whatever the release",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A scenario's result, and the counterexample if there is one."""

    result: Result
    record: Record | None = None
    told: str = ""
    """What is to be said besides."""


def judge(
    scenario: Scenario,
    subject: Subject,
    *,
    release: Release | None = None,
    only: str | None = None,
    grain: Grain = Grain.ACCESS,
    seed: int = 0,
    walk: str = BEST,
    hurry: Hurry = going_on,
    small: bool = True,
    keeping: Keeping | None = None,
    reductions: frozenset[Reduction] = NOTHING,
) -> Judged:
    """Search all interleavings of a scenario.

    release: in place of the scenario's own; its number of states is then not compared.
    only: judge this claim alone.
    grain: where threads may be switched.
    seed: draws the states that are reached once more without tables.
    walk: which one is taken (walks.py).
    hurry: see search.explore.
    small: make a counterexample as small as can be, and say why it breaks its claim.
    keeping: where the search is kept when it is stopped, and what it goes on from.
    reductions: what may be left out; the number of states is then not compared.
    """
    program = scenario.program if release is None else replace(scenario.program, release=release)
    watching = Watching(scenario.sentinels, program.geometry)
    whole = program == scenario.program and grain is Grain.ACCESS and not reductions
    known = is_known(scenario, release, only)
    comparable = whole and only is None and scenario.states != NOT_COUNTED
    counted = comparable and subject.is_reference
    only = only or scenario.only
    with seldom_collected():
        way = Way(only, grain, reductions, seed, walk, hurry, keeping)
        judged = _judge(scenario, program, subject, way, watching, counted=counted)
    # What Go is known to break is shown by the program that the catalogue has for it.
    judged = made_small(judged, subject) if small and not known else judged
    judged = _beside_the_reference(scenario, judged) if comparable and not counted else judged
    text = "text or catalogue has changed" if grain is Grain.ACCESS else "the grain is too coarse to see it"
    return as_known(scenario, judged, text if subject.is_reference else "") if known else judged


def _beside_the_reference(scenario: Scenario, judged: Judged) -> Judged:
    """The same verdict, saying how many states the reference has, if another heap has others."""
    result = judged.result
    if result.verdict is not Verdict.HOLDS or result.counts.get("states") in (None, scenario.states):
        return judged
    bound = f"{result.bound}; the reference has {scenario.states:,} states"
    return replace(judged, result=replace(result, bound=bound))


def made_small(judged: Judged, subject: Subject) -> Judged:
    """The same verdict, told of a smaller counterexample that says why."""
    if judged.record is None:
        return judged
    record = small_and_explained(judged.record, subject)
    told = violated(judged.result.name, None, record).result
    return replace(judged, result=replace(judged.result, reason=told.reason, bound=told.bound), record=record)


def is_known(scenario: Scenario, release: Release | None, only: str | None) -> bool:
    """Whether Go is known to break the claim that is judged. A heap that keeps to Go's text there is none the worse."""
    return scenario.finding and release is None and only in {None, scenario.only}


@dataclass(frozen=True, slots=True)
class Way:
    """How a search goes: see judge."""

    only: str | None
    grain: Grain
    reductions: frozenset[Reduction]
    seed: int
    walk: str
    hurry: Hurry
    keeping: Keeping | None

    @property
    def says(self) -> str:
        """What it leaves out, for the bound of a verdict."""
        reduced = [REDUCED[reduction] for reduction in sorted(self.reductions)]
        return "; ".join([SAYS[self.grain], *reduced] if self.grain is not Grain.ACCESS else reduced)


def _judge(
    scenario: Scenario, program: Program, subject: Subject, way: Way, watching: Watching, *, counted: bool
) -> Judged:
    only = way.only
    tables = begun(scenario, program, subject, only, way.grain, watching, way.reductions)
    if isinstance(tables, Judged):
        return tables
    try:
        found = _searched(tables, scenario, program, subject, way)
    except LimitError as e:
        return Judged(Result("explore", scenario.name, Verdict.UNKNOWN, reason=str(e)))
    race = unordered(tables, found) if only in (None, ORDERED) else None
    if found.broken is None and race is not None:
        found.broken = BrokenError(ORDERED, race.says)
        found.schedule = (*schedule_to(tables, found.parents or {}, race.state), race.threads[0])
    if found.broken is not None:
        schedule = tables.finely(_least(tables, found, race, way.hurry))
        return violated(scenario.name, found, shown(scenario, program, subject, schedule, only))
    result = _clean(scenario, tables, found, watching, counted=counted)
    differs = difference(tables, found, subject.heap_class, way.seed)
    if differs:
        result = replace(result, verdict=Verdict.UNKNOWN, reason=differs)
    if not way.says:
        return Judged(result)
    return Judged(replace(result, bound=f"{result.bound}; {way.says}"), told=tables.told_passed())


def _searched(tables: Tables, scenario: Scenario, program: Program, subject: Subject, way: Way) -> Explored:
    """All states of new tables."""

    def walk(tables: Tables, hurry: Hurry) -> Explored:
        return explored(tables, way.walk, hurry, scenario.states)

    if isinstance(tables, Runs):
        return explored_in_runs(tables, walk, hurry=way.hurry)
    if way.keeping is None:
        return walk(tables, way.hurry)
    kept = origin(scenario.name, program, subject, way.only, way.keeping.edits)
    return way.keeping.explored(tables, kept, way.walk, way.hurry, scenario.states)


def begun(
    scenario: Scenario,
    program: Program,
    subject: Subject,
    only: str | None,
    grain: Grain,
    watching: Watching,
    reductions: frozenset[Reduction] = NOTHING,
) -> Tables | Judged:
    """The tables of a scenario's program; the verdict, where a claim breaks before it begins."""

    def witness(node: Node, before: Any, events: tuple[Event, ...]) -> None:
        watching.see(node.access, node.function, before, events)

    try:
        if reductions:
            return Runs(program, subject.heap_class, reductions, only=only, witness=witness)
        return tables_at(grain, program, subject.heap_class, only=only, witness=witness)
    except BrokenError as broken:
        if only not in (None, broken.claim):
            said = f"before the program begins, or where a thread begins, {broken.claim} breaks: {broken.detail}"
            return Judged(Result("explore", scenario.name, Verdict.UNKNOWN, reason=said))
        return violated(scenario.name, None, shown(scenario, program, subject, (), only))


def as_known(scenario: Scenario, judged: Judged, otherwise: str) -> Judged:
    """The verdict on a finding: it holds if the search has found what Go is known to break.

    otherwise: why it may not have; empty of a heap that may well do better than Go.
    """
    result = judged.result
    if result.verdict is Verdict.VIOLATED:
        said = f"as is known, Go breaks {result.reason}"
        return replace(judged, result=replace(result, verdict=Verdict.HOLDS, reason=said))
    if result.verdict is Verdict.HOLDS and not otherwise:
        return replace(judged, result=replace(result, reason=f"{scenario.only} holds here, which Go breaks"))
    if result.verdict is Verdict.HOLDS:
        said = f"{scenario.only} holds, which Go was known to break: {otherwise}"
        return replace(judged, result=replace(result, verdict=Verdict.UNKNOWN, reason=said))
    return judged


def shown(
    scenario: Scenario, program: Program, subject: Subject, schedule: tuple[int, ...], only: str | None
) -> Record | None:
    """The record of a schedule of this scenario; None if a run does not show what the search found."""
    try:
        return record_of(scenario.name, program, subject.heap_class, schedule, subject.heap, subject.fault, only)
    except ScheduleError:
        return None


def unordered(tables: Tables, found: Explored) -> Race | None:
    """The first race that is not declared, if the search itself found nothing."""
    if found.broken is not None or found.parents is None:
        return None
    return next((race for race in races(tables, found.parents) if race.declared is None), None)


def _least(tables: Tables, found: Explored, race: Race | None, hurry: Hurry) -> tuple[int, ...]:
    """The schedule with the fewest preemptions; the first one found if that takes too long."""
    assert found.broken is not None
    if tables.kinds:
        return found.schedule  # fewest preemptions of whom: its threads change names
    breaks = None if race is None else meeting(tables, race)
    shortest = fewest_preemptions(tables, found.broken.claim, breaks=breaks, hurry=hurry)
    return found.schedule if shortest is None else shortest.schedule


def violated(name: str, found: Explored | None, record: Record | None) -> Judged:
    """The verdict of a search in which a claim broke; unknown if a run does not show it."""
    counts = {} if found is None else {"states": found.states, "transitions": found.transitions}
    seconds = 0.0 if found is None else found.seconds
    if record is None:
        said = "the search found a broken claim that a run does not show: an internal error"
        return Judged(Result("explore", name, Verdict.UNKNOWN, reason=said, counts=counts, seconds=seconds))
    reason = f"{record.violated.claim}: {record.violated.detail}"
    bound = record.length
    return Judged(Result("explore", name, Verdict.VIOLATED, reason, bound, PREMISES, seconds, counts), record)


def _clean(scenario: Scenario, tables: Tables, found: Explored, watching: Watching, *, counted: bool) -> Result:
    """The verdict of a search in which nothing broke."""
    reason = found.reason
    if not reason and watching.silent:
        reason = "never seen: " + "; ".join(watching.silent)
    if not reason and counted and found.states != scenario.states:
        reason = f"{found.states:,} states where {scenario.states:,} are expected: text or catalogue has changed"
    verdict = Verdict.UNKNOWN if reason else Verdict.HOLDS
    everything = "all" if not found.reason else "the first"
    left = f", {found.frontier:,} of them not gone on from" if found.reason else ""
    of = f"{how_many(len(tables.automata), 'threads')}, {tables.program.release.name}"
    bound = f"{everything} {found.states:,} states{left}, {of}"
    counts = {"states": found.states, "transitions": found.transitions}
    return Result("explore", scenario.name, verdict, reason, bound, PREMISES, found.seconds, counts)
