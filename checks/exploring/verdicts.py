"""From a scenario to its verdict, and to a record when a claim breaks.

Read next: ../workloads.py.
"""

from dataclasses import dataclass, replace

from spanproof.checks.broken import BrokenError
from spanproof.checks.collecting import seldom_collected
from spanproof.checks.exploring.explaining.why import small_and_explained
from spanproof.checks.exploring.grains import SAYS, Grain, finely, tables_at, told_passed
from spanproof.checks.exploring.races import Race, meeting, races
from spanproof.checks.exploring.repeating import difference
from spanproof.checks.exploring.search import Explored, Hurry, fewest_preemptions, going_on, schedule_to
from spanproof.checks.exploring.tables import LimitError, Tables
from spanproof.checks.exploring.walking.walks import BEST, explored
from spanproof.checks.ordering import ORDERED
from spanproof.checks.programs import Program
from spanproof.checks.record import Record
from spanproof.checks.running.replaying import record_of
from spanproof.checks.scenario import Scenario
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
) -> Judged:
    """Search all interleavings of a scenario.

    release: in place of the scenario's own; its number of states is then not compared.
    only: judge this claim alone.
    grain: where threads may be switched.
    seed: draws the states that are reached once more without tables.
    walk: which one is taken (walks.py).
    hurry: see search.explore.
    small: make a counterexample as small as can be, and say why it breaks its claim.
    """
    program = scenario.program if release is None else replace(scenario.program, release=release)
    watching = Watching(scenario.sentinels, program.geometry)
    exactly = subject.is_reference and program == scenario.program and grain is Grain.ACCESS
    known = is_known(scenario, subject, release, only)
    counted = exactly and only is None
    only = only or scenario.only
    with seldom_collected():
        judged = _judge(scenario, program, subject, only, grain, watching, seed, walk, counted=counted, hurry=hurry)
    # What Go is known to break is shown by the program that the catalogue has for it.
    judged = made_small(judged, subject) if small and not known else judged
    text = "text or catalogue has changed" if grain is Grain.ACCESS else "the grain is too coarse to see it"
    return as_known(scenario, judged, text) if known else judged


def made_small(judged: Judged, subject: Subject) -> Judged:
    """The same verdict, told of a smaller counterexample that says why."""
    if judged.record is None:
        return judged
    record = small_and_explained(judged.record, subject)
    told = violated(judged.result.name, None, record).result
    return replace(judged, result=replace(judged.result, reason=told.reason, bound=told.bound), record=record)


def is_known(scenario: Scenario, subject: Subject, release: Release | None, only: str | None) -> bool:
    """Whether Go is known to break the claim that is judged."""
    return scenario.finding and subject.is_reference and release is None and only in {None, scenario.only}


def _judge(
    scenario: Scenario,
    program: Program,
    subject: Subject,
    only: str | None,
    grain: Grain,
    watching: Watching,
    seed: int,
    walk: str,
    *,
    counted: bool,
    hurry: Hurry,
) -> Judged:
    tables = begun(scenario, program, subject, only, grain, watching)
    if isinstance(tables, Judged):
        return tables
    try:
        found = explored(tables, walk, hurry, scenario.states)
    except LimitError as e:
        return Judged(Result("explore", scenario.name, Verdict.UNKNOWN, reason=str(e)))
    race = unordered(tables, found) if only in (None, ORDERED) else None
    if found.broken is None and race is not None:
        found.broken = BrokenError(ORDERED, race.says)
        found.schedule = (*schedule_to(tables, found.parents or {}, race.state), race.threads[0])
    if found.broken is not None:
        schedule = finely(tables, _least(tables, found, race, hurry))
        return violated(scenario.name, found, shown(scenario, program, subject, schedule, only))
    result = _clean(scenario, tables, found, watching, counted=counted)
    differs = difference(tables, found, subject.heap_class, seed)
    if differs:
        result = replace(result, verdict=Verdict.UNKNOWN, reason=differs)
    if grain is Grain.ACCESS:
        return Judged(result)
    return Judged(replace(result, bound=f"{result.bound}; {SAYS[grain]}"), told=told_passed(tables))


def begun(
    scenario: Scenario, program: Program, subject: Subject, only: str | None, grain: Grain, watching: Watching
) -> Tables | Judged:
    """The tables of a scenario's program; the verdict, where a claim breaks before it begins."""
    try:
        return tables_at(
            grain,
            program,
            subject.heap_class,
            only=only,
            witness=lambda node, before, events: watching.see(node.access, node.function, before, events),
        )
    except BrokenError as broken:
        if only not in (None, broken.claim):
            said = f"before the program begins, or where a thread begins, {broken.claim} breaks: {broken.detail}"
            return Judged(Result("explore", scenario.name, Verdict.UNKNOWN, reason=said))
        return violated(scenario.name, None, shown(scenario, program, subject, (), only))


def as_known(scenario: Scenario, judged: Judged, otherwise: str) -> Judged:
    """The verdict on a finding: it holds if the search has found what Go is known to break.

    otherwise: why it may not have.
    """
    result = judged.result
    if result.verdict is Verdict.VIOLATED:
        said = f"as is known, Go breaks {result.reason}"
        return replace(judged, result=replace(result, verdict=Verdict.HOLDS, reason=said))
    if result.verdict is Verdict.HOLDS:
        said = f"{scenario.only} holds, which Go was known to break: {otherwise}"
        return replace(judged, result=replace(result, verdict=Verdict.UNKNOWN, reason=said))
    return judged


def shown(
    scenario: Scenario, program: Program, subject: Subject, schedule: tuple[int, ...], only: str | None
) -> Record | None:
    """The record of a schedule of this scenario."""
    return record_of(scenario.name, program, subject.heap_class, schedule, subject.heap, subject.fault, only)


def unordered(tables: Tables, found: Explored) -> Race | None:
    """The first race that is not declared, if the search itself found nothing."""
    if found.broken is not None or found.parents is None:
        return None
    return next((race for race in races(tables, found.parents) if race.declared is None), None)


def _least(tables: Tables, found: Explored, race: Race | None, hurry: Hurry) -> tuple[int, ...]:
    """The schedule with the fewest preemptions; the first one found if that takes too long."""
    assert found.broken is not None
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
    bound = f"{len(record.schedule)} steps, {record.switches} context switches"
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
    bound = f"{everything} {found.states:,} states{left}, {len(tables.automata)} threads, {tables.program.release.name}"
    counts = {"states": found.states, "transitions": found.transitions}
    return Result("explore", scenario.name, verdict, reason, bound, PREMISES, found.seconds, counts)
