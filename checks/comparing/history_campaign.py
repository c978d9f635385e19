"""Campaigns of histories: short ones that Hypothesis draws and shrinks, and long ones from a seed.

Short ones take place on heaps of many shapes, and all state is compared after every call. Long ones take place at Go's
constants; results are compared after every call, all state now and then. Read next: go_tables.py.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings

from spanproof.checks.comparing.campaign import Compared
from spanproof.checks.comparing.histories import CALLS
from spanproof.checks.comparing.living import live, record_of, shrunk
from spanproof.checks.comparing.plans import REAL_SHAPES, SHAPES, Plan, plans, seeded
from spanproof.checks.record import Record
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import NEWEST, Release

SHORT, LONG = "short histories", "long histories"
EXAMPLES = 300
"""Short histories of a campaign."""
LONG_CALLS = 60_000
"""Calls of a campaign of long ones."""
EACH = 5_000
"""Calls of one long history."""
EVERY = 500
"""In a long history all state is compared after so many calls."""
SHRINK_SECONDS = 10
PREMISES = ("one thread", "an abstract page allocator: first fit by address, on sets of pages (model/pages.py)")
WITH_AN_INDEX = ("scavenge", "scavenge_some", "background")
"""Calls that only releases with a scavenge index have."""

Hurry = Callable[[int], str | None]


class _DiffersError(Exception):
    """A drawn history breaks something."""


class _StoppedError(Exception):
    """The campaign was told to stop."""


@dataclass(slots=True)
class _Found:
    """What a campaign has found so far."""

    began: float = field(default_factory=time.perf_counter)
    histories: int = 0
    made: dict[str, int] = field(default_factory=dict[str, int])
    stopped: str = ""
    broken: Plan | None = None

    @property
    def calls(self) -> int:
        """The calls that found something to do."""
        return sum(self.made.values())


def judge_short(
    subject: Subject, seed_: int = 0, examples: int = EXAMPLES, release: Release = NEWEST,
    hurry: Hurry = lambda done: None,  # noqa: ARG005  # the signature of Hurry
) -> Compared:  # fmt: skip
    """Draw short histories; the first that breaks something is shrunk by Hypothesis."""
    found = _Found()
    enough, failed = float("inf"), set[Plan]()

    @seed(seed_)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example),
        report_multiple_bugs=False,
    )
    @given(plans(SHAPES, (release,)))
    def campaign(plan: Plan) -> None:
        nonlocal enough
        stop = hurry(found.histories) if found.broken is None else None
        if stop is not None:
            raise _StoppedError(stop)
        if time.perf_counter() > enough and plan not in failed:
            return  # time to shrink is over: nothing simpler is tried, and the simplest known is kept
        found.histories += found.broken is None
        if live(plan, subject.heap_class, made=found.made if found.broken is None else {}).broken is not None:
            enough = min(enough, time.perf_counter() + SHRINK_SECONDS)
            failed.add(plan)
            found.broken = plan
            raise _DiffersError

    try:
        campaign()
    except _StoppedError as e:
        found.stopped = str(e)
    except _DiffersError:
        pass
    drawn = f"{found.histories:,} drawn histories on {len(SHAPES)} shapes of heaps"
    bound = f"{drawn}, all state after every call, seed {seed_}"
    if not found.stopped and found.broken is None and examples < EXAMPLES:
        found.stopped = f"fewer than {EXAMPLES} histories"
    return _judged(SHORT, found, subject, bound, release)


def judge_long(
    subject: Subject, seed_: int = 0, calls: int = LONG_CALLS, release: Release = NEWEST,
    hurry: Hurry = lambda done: None,  # noqa: ARG005  # as above
) -> Compared:  # fmt: skip
    """Live through long histories, one after the other, until something breaks; that one is made shorter."""
    found = _Found()
    left = calls
    while left > 0 and found.broken is None:
        found.stopped = hurry(calls - left) or ""
        if found.stopped:
            break
        plan = seeded(
            REAL_SHAPES[found.histories % len(REAL_SHAPES)],
            release,
            seed_ * 1_000_003 + found.histories,
            min(left, EACH),
        )
        found.histories += 1
        left -= len(plan.calls)
        if live(plan, subject.heap_class, EVERY, found.made).broken is not None:
            found.broken = shrunk(plan, subject.heap_class, SHRINK_SECONDS)
    bound = (
        f"{calls - left:,} calls in {found.histories:,} histories at Go's constants, results after every call, "
        f"all state after every {EVERY}, seed {seed_}"
    )
    return _judged(LONG, found, subject, bound, release)


def _judged(name: str, found: _Found, subject: Subject, bound: str, release: Release) -> Compared:
    counts = {"histories": found.histories, "calls": found.calls, "differences": int(found.broken is not None)}
    seconds = time.perf_counter() - found.began
    if found.broken is not None:
        return _violated(name, found.broken, record_of(name, found.broken, subject), seconds, counts)
    wanted = [call for call in CALLS if release.scavenge_index or call not in WITH_AN_INDEX]
    missing = [call for call in wanted if not found.made.get(call)]
    reason = found.stopped or ("never made: " + ", ".join(missing) if missing else "")
    verdict = Verdict.UNKNOWN if reason else Verdict.HOLDS
    return Compared(Result("compare", name, verdict, reason, bound, PREMISES, seconds, counts))


def _violated(name: str, plan: Plan, record: Record | None, seconds: float, counts: dict[str, int]) -> Compared:
    if record is None:
        said = (
            "a history broke something once, and not when it was lived again: the heap is not a function of the calls"
        )
        return Compared(Result("compare", name, Verdict.UNKNOWN, said, "", PREMISES, seconds, counts))
    reason = f"{record.violated.claim}: {record.violated.detail}"
    bound = f"history {counts['histories']:,}, shrunk to {len(plan.calls)} calls on {plan.shape.geometry.name}"
    return Compared(Result("compare", name, Verdict.VIOLATED, reason, bound, PREMISES, seconds, counts), record)
