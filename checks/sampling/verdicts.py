"""From a scenario to the verdict of a sampling, to what it tells, and to a record when a claim breaks."""

from dataclasses import dataclass, replace

from spanproof.checks.exploring.grains import SAYS, Grain
from spanproof.checks.exploring.search import Explored, Hurry, going_on
from spanproof.checks.exploring.tables import LimitError, Tables
from spanproof.checks.exploring.verdicts import PREMISES, Judged, as_known, begun, is_known, made_small, shown, violated
from spanproof.checks.programs import Program
from spanproof.checks.sampling.sample import Sampled, named, sample
from spanproof.checks.sampling.seen import said_left
from spanproof.checks.scenario import Scenario
from spanproof.checks.sentinels import Watching
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import Release


@dataclass(frozen=True, slots=True)
class Sampling:
    """What is to be drawn."""

    schedules: int
    sampler: str = "pos"
    depth: int | None = None
    seed: int = 0
    grain: Grain = Grain.ACCESS


def judge_sampled(
    scenario: Scenario,
    subject: Subject,
    asked: Sampling,
    *,
    release: Release | None = None,
    only: str | None = None,
    hurry: Hurry = going_on,
) -> Judged:
    """Draw schedules of a scenario: see exploring/verdicts.py, judge."""
    program = scenario.program if release is None else replace(scenario.program, release=release)
    known = is_known(scenario, release, only)
    judged = _small(_judge(scenario, program, subject, asked, only or scenario.only, hurry), subject)
    return as_known(scenario, judged, "these schedules missed it") if known else judged


def _small(judged: Judged, subject: Subject) -> Judged:
    """The same verdict, with a smaller counterexample; which schedule it was stays in the bound."""
    small = made_small(judged, subject)
    if small.record is None:
        return small
    bound = f"{judged.result.bound}; shrunk to {small.result.bound}"
    return replace(small, result=replace(small.result, bound=bound))


def _judge(
    scenario: Scenario, program: Program, subject: Subject, asked: Sampling, only: str | None, hurry: Hurry
) -> Judged:
    watching = Watching(scenario.sentinels, program.geometry)
    tables = begun(scenario, program, subject, only, asked.grain, watching)
    if isinstance(tables, Judged):
        return tables
    try:
        found = sample(tables, named(asked.sampler, asked.depth), asked.schedules, asked.seed, hurry)
    except LimitError as e:
        return Judged(Result("explore", scenario.name, Verdict.UNKNOWN, reason=str(e)))
    told = told_sampled(scenario.name, found)
    if found.broken is not None:
        record = shown(scenario, program, subject, tables.finely(found.schedule), only)
        explored = Explored(found.states, found.steps, found.seconds)
        judged = violated(scenario.name, explored, record)
        where = (
            f"schedule {found.schedules:,}" if found.race is None else f"states that {found.schedules:,} schedules saw,"
        )
        bound = f"{where} drawn by {found.sampler.upper()} (seed {asked.seed}), {judged.result.bound}"
        return replace(judged, result=replace(judged.result, bound=bound, counts=_counts(found)), told=told)
    passed = tables.told_passed()
    return Judged(_clean(scenario, tables, found, watching, asked), told="\n\n".join(filter(None, (told, passed))))


def _clean(scenario: Scenario, tables: Tables, found: Sampled, watching: Watching, asked: Sampling) -> Result:
    """The verdict of a sampling in which nothing broke: as far as it went, and it says how far."""
    reason = found.reason
    if not reason and found.given_up:
        reason = f"{found.given_up:,} schedules were given up, as they had no end"
    if not reason and watching.silent:
        reason = "never seen: " + "; ".join(watching.silent)
    verdict = Verdict.UNKNOWN if reason else Verdict.HOLDS
    bound = (
        f"{found.schedules:,} schedules drawn by {found.sampler.upper()} (seed {asked.seed}), {found.states:,} states "
        f"seen, not all interleavings: {said_left(found.alone, found.schedules)}; {len(tables.automata)} threads, "
        f"{tables.program.release.name}"
    )
    if asked.grain is not Grain.ACCESS:
        bound += f"; {SAYS[asked.grain]}"
    return Result("explore", scenario.name, verdict, reason, bound, PREMISES, found.seconds, _counts(found))


def _counts(found: Sampled) -> dict[str, int]:
    return {
        "schedules": found.schedules,
        "steps": found.steps,
        "states": found.states,
        "memories": found.memories,
        "alone": found.alone,
    }


def told_sampled(name: str, found: Sampled) -> str:
    """What a sampling did, at length: its rate, what the sampler promises, coverage over time, and what is left."""
    drawn = f"{found.schedules:,} schedules drawn by {found.sampler.upper()}, {found.rate:,.0f} a second"
    alone = f"{found.alone:,} of {found.schedules:,} saw a state that no other saw"
    lines = [
        f"{name}: {drawn}, {found.steps:,} steps",
        f"  it promises: {found.guarantee}",
        f"  {'schedules':>12}  {'states seen':>12}",
        *(f"  {schedules:>12,}  {states:>12,}" for schedules, states in found.coverage),
        f"  memories at the end of schedules: {found.memories:,} different ones",
        f"  left: {said_left(found.alone, found.schedules)}; {alone}",
    ]
    return "\n".join(lines)
