"""Hypothesis workloads: programs and schedules drawn, until enough have run or a claim breaks.

A failure is shrunk by Hypothesis to a small program, and by the search to the fewest preemptions. A campaign is drawn
in parts, each from a seed of its own, so that parts can run side by side and one seed still gives the same results.
Read next: ../tracing.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, seed, settings

from spanproof.checks.broken import EndlessError
from spanproof.checks.collecting import seldom_collected
from spanproof.checks.comparing.amounts import FEWEST_PROGRAMS
from spanproof.checks.comparing.walking import Counts, FoundError, try_example
from spanproof.checks.exploring.explaining.why import small_and_explained
from spanproof.checks.exploring.races import meeting
from spanproof.checks.exploring.search import fewest_preemptions
from spanproof.checks.exploring.tables import LimitError
from spanproof.checks.programs import Program
from spanproof.checks.record import Record
from spanproof.checks.running.replaying import record_of
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.checks.workloads import programs, schedules
from spanproof.model.releases import RELEASES, Release

FEWEST_SCHEDULES = 20_000
PARTS = 2
SHRINK_SECONDS = 8
SEARCH_SECONDS = 5
PREMISES = ("generated programs of 2 or 3 threads", "sequentially consistent atomics and a strong compare-and-swap")

settings.register_profile("dev", max_examples=100, deadline=None)
settings.register_profile("ci", max_examples=300, deadline=None)
settings.register_profile("long", max_examples=10_000, deadline=None)

Hurry = Callable[[int], str | None]


class _StoppedError(Exception):
    """The campaign was told to stop."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of a campaign did: why it stopped early, if it did, and the counterexample, if there is one."""

    counts: Counts
    seconds: float
    stopped: str = ""
    broken: str = ""
    record: Record | None = None


def _record(found: FoundError, subject: Subject) -> Record | None:
    """The counterexample of the shrunk program with the fewest preemptions, made smaller yet.

    The walk's own schedule is what is made smaller, if the search for fewer preemptions takes too long.
    """
    schedule = found.schedule
    if found.tables is not None:
        began = time.process_time()

        def hurry(states: int) -> str | None:  # noqa: ARG001  # the signature of Hurry
            return "slow" if time.process_time() - began > SEARCH_SECONDS else None

        breaks = None if found.race is None else meeting(found.tables, found.race)
        shortest = fewest_preemptions(found.tables, found.broken.claim, breaks=breaks, hurry=hurry)
        schedule = schedule if shortest is None else shortest.schedule
    record = record_of("workload", found.program, subject.heap_class, schedule, subject.heap, subject.fault)
    return None if record is None else small_and_explained(record, subject)


def _never(examples: int) -> str | None:  # noqa: ARG001  # the signature of Hurry
    return None


def draw(
    subject: Subject,
    part: int,
    *,
    seed_: int = 0,
    examples: int = FEWEST_PROGRAMS,
    releases: tuple[Release, ...] = RELEASES,
    hurry: Hurry = _never,
    shrink_seconds: float = SHRINK_SECONDS,
) -> Part:
    """Draw one part of a campaign of so many examples, until a claim breaks or `hurry` says stop."""
    began, counts = time.perf_counter(), Counts()
    found: list[FoundError] = []
    failed: set[tuple[Program, bytes]] = set()
    enough, given_up = float("inf"), ""

    @seed(seed_ * PARTS + part)
    @settings(
        max_examples=max(1, (examples + PARTS - 1 - part) // PARTS),  # Hypothesis draws one at least
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example),
        report_multiple_bugs=False,
    )
    @given(programs(releases=releases), schedules())
    def campaign(program: Program, schedule: bytes) -> None:
        nonlocal enough, given_up
        given_up = given_up or ("" if found else hurry(counts.programs) or "")
        if given_up:
            raise _StoppedError(given_up)
        if time.perf_counter() > enough and (program, schedule) not in failed:
            return  # time to shrink is over: nothing simpler is tried, and the simplest known is kept
        try:
            with seldom_collected():
                try_example(program, schedule, subject, counts)
        except FoundError as error:
            enough = min(enough, time.perf_counter() + shrink_seconds)
            failed.add((program, schedule))
            found.append(error)
            raise
        except EndlessError as error:
            given_up = f"the heap cannot be run: {error}"
        except LimitError as error:
            given_up = given_up or ("" if found else str(error))  # the next example says so

    stopped = ""
    try:
        if examples > part:
            campaign()
    except _StoppedError as e:
        stopped = str(e)
    except FoundError:
        record = _record(found[-1], subject)
        return Part(counts, time.perf_counter() - began, broken=str(found[-1].broken), record=record)
    return Part(counts, time.perf_counter() - began, stopped or given_up)


@dataclass(frozen=True, slots=True)
class Compared:
    """A campaign's result, and the counterexample if there is one."""

    result: Result
    record: Record | None = None


def compare(
    subject: Subject,
    *,
    seed_: int = 0,
    examples: int = FEWEST_PROGRAMS,
    releases: tuple[Release, ...] = RELEASES,
    hurry: Hurry = _never,
) -> Compared:
    """Draw a campaign part after part; the first part that breaks a claim ends it."""
    parts: list[Part] = []
    for part in range(PARTS):
        parts.append(draw(subject, part, seed_=seed_, examples=examples, releases=releases, hurry=hurry))
        if parts[-1].broken:
            break
    return judge_campaign(parts, seed_)


def judge_campaign(parts: Sequence[Part], seed_: int) -> Compared:
    """The verdict of a campaign from its parts."""
    counts = Counts()
    for part in parts:
        counts.add(part.counts)
    seconds = sum(part.seconds for part in parts)
    broken = next((part for part in parts if part.broken), None)
    if broken is None:
        return Compared(_clean(counts, next((part.stopped for part in parts if part.stopped), ""), seed_, seconds))
    record = broken.record
    if record is None:
        said = f"{broken.broken}: seen in the tables but not in a run: an internal error"
        return Compared(Result("compare", "workloads", Verdict.UNKNOWN, said, counts=counts.as_json(), seconds=seconds))
    reason = f"{record.violated.claim}: {record.violated.detail}"
    bound = f"program {counts.programs}, shrunk to {record.length}"
    result = Result("compare", "workloads", Verdict.VIOLATED, reason, bound, PREMISES, seconds, counts.as_json())
    return Compared(result, record)


def _clean(counts: Counts, stopped: str, seed_: int, seconds: float) -> Result:
    """The verdict of a campaign in which nothing broke."""
    reason = stopped
    if counts.waiting:
        reason = reason or "never seen: " + "; ".join(sorted(counts.waiting))
    if counts.programs < FEWEST_PROGRAMS or counts.schedules < FEWEST_SCHEDULES:
        reason = reason or f"fewer than {FEWEST_PROGRAMS} programs or {FEWEST_SCHEDULES:,} schedules"
    bound = (
        f"{counts.programs:,} programs, {counts.schedules:,} schedules, {counts.searched:,} programs "
        f"through all interleavings, seed {seed_}"
    )
    verdict = Verdict.UNKNOWN if reason else Verdict.HOLDS
    return Result("compare", "workloads", verdict, reason, bound, PREMISES, seconds, counts.as_json())
