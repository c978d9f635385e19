"""From a scenario to its verdict, and to a record when a claim breaks.

Read next: ../workloads.py.
"""

from dataclasses import dataclass, replace

from spanproof.checks.broken import BrokenError
from spanproof.checks.collecting import seldom_collected
from spanproof.checks.exploring.races import Race, meeting, races
from spanproof.checks.exploring.search import Explored, Hurry, explore, fewest_preemptions, schedule_to
from spanproof.checks.exploring.tables import LimitError, Tables
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


def _never(states: int) -> str | None:  # noqa: ARG001  # the signature of Hurry
    return None


@dataclass(frozen=True, slots=True)
class Judged:
    """A scenario's result, and the counterexample if there is one."""

    result: Result
    record: Record | None = None


def judge(
    scenario: Scenario,
    subject: Subject,
    *,
    release: Release | None = None,
    only: str | None = None,
    hurry: Hurry = _never,
) -> Judged:
    """Search all interleavings of a scenario.

    release: in place of the scenario's own; its number of states is then not compared.
    only: judge this claim alone.
    hurry: see search.explore.
    """
    program = scenario.program if release is None else replace(scenario.program, release=release)
    watching = Watching(scenario.sentinels, program.geometry)
    counted = subject.is_reference and program == scenario.program and only is None
    known = scenario.finding and subject.is_reference and release is None and only in {None, scenario.only}
    only = only or scenario.only
    with seldom_collected():
        judged = _judge(scenario, program, subject, only, watching, counted=counted, hurry=hurry)
    return _found(scenario, judged) if known else judged


def _judge(
    scenario: Scenario,
    program: Program,
    subject: Subject,
    only: str | None,
    watching: Watching,
    *,
    counted: bool,
    hurry: Hurry,
) -> Judged:
    try:
        tables = Tables(
            program,
            subject.heap_class,
            only=only,
            witness=lambda node, before, events: watching.see(node.access, node.function, before, events),
        )
    except BrokenError as broken:
        if only not in (None, broken.claim):
            said = f"before the program begins, or where a thread begins, {broken.claim} breaks: {broken.detail}"
            return Judged(Result("explore", scenario.name, Verdict.UNKNOWN, reason=said))
        return _violated(scenario.name, None, _record(scenario, program, subject, (), only))
    try:
        found = explore(tables, hurry=hurry)
    except LimitError as e:
        return Judged(Result("explore", scenario.name, Verdict.UNKNOWN, reason=str(e)))
    race = unordered(tables, found) if only in (None, ORDERED) else None
    if found.broken is None and race is not None:
        found.broken = BrokenError(ORDERED, race.says)
        found.schedule = (*schedule_to(tables, found.parents or {}, race.state), race.threads[0])
    if found.broken is not None:
        schedule = _least(tables, found, race, hurry)
        return _violated(scenario.name, found, _record(scenario, program, subject, schedule, only))
    return Judged(_clean(scenario, tables, found, watching, counted=counted))


def _found(scenario: Scenario, judged: Judged) -> Judged:
    """The verdict on a finding: it holds if the search has found what Go is known to break."""
    result = judged.result
    if result.verdict is Verdict.VIOLATED:
        said = f"as is known, Go breaks {result.reason}"
        return replace(judged, result=replace(result, verdict=Verdict.HOLDS, reason=said))
    if result.verdict is Verdict.HOLDS:
        said = f"{scenario.only} holds, which Go was known to break: text or catalogue has changed"
        return replace(judged, result=replace(result, verdict=Verdict.UNKNOWN, reason=said))
    return judged


def _record(
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


def _violated(name: str, found: Explored | None, record: Record | None) -> Judged:
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
    bound = f"{everything} {found.states:,} states, {len(tables.automata)} threads, {tables.program.release.name}"
    counts = {"states": found.states, "transitions": found.transitions}
    return Result("explore", scenario.name, verdict, reason, bound, PREMISES, found.seconds, counts)
