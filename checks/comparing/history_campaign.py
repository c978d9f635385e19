"""Campaigns of histories: short ones that Hypothesis draws and shrinks, and long ones, each from a seed of its own.

Both take place on heaps of many shapes. All state is compared after every call; in long ones at Go's constants that is
done now and then, and results and the search address are compared after every call. Read next: go_tables.py.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings

from spanproof.checks.comparing.amounts import SEEDED_CALLS
from spanproof.checks.comparing.campaign import Compared
from spanproof.checks.comparing.living import live, record_of, shrunk
from spanproof.checks.comparing.mixes import CALLS
from spanproof.checks.comparing.plans import SHAPES, SMALL_SHAPES, Plan, plans, seeded
from spanproof.checks.record import Record
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import NEWEST, Release

DRAWN, SEEDED = "drawn histories", "seeded histories"
EXAMPLES = 300
"""Histories of a campaign of drawn ones."""
LENGTHS = (1_000, 1_000, 3_000, 20_000)
"""Calls of a seeded history: one on each shape, then the next length."""
EVERY = 500
"""At Go's constants all state is compared after so many calls of a seeded history."""
SHRINK_SECONDS = 6
"""For Hypothesis, and once more for what it leaves and for seeded histories."""
PREMISES = (
    "one thread",
    "an abstract page allocator: first fit by address, on sets of pages (model/pages.py)",
    "the page allocator's text is that of go1.27, whatever the release",
)
NO_SCAVENGER = "scavenging is left out: the reference's scavenger is that of go1.21 and later"
WITH_AN_INDEX = ("scavenge", "scavenge_some", "background")
"""Calls that only releases with a scavenge index have."""


def calls_of(release: Release) -> tuple[str, ...]:
    """The calls that find something to do where the heap is of this release."""
    has = dict.fromkeys(WITH_AN_INDEX, release.scavenge_index) | {"pad": release.random_heap_base}
    return tuple(name for name in CALLS if has.get(name, True))


Hurry = Callable[[int], str | None]


class _DiffersError(Exception):
    """A drawn history breaks something."""


class _StoppedError(Exception):
    """The campaign was told to stop."""


def _never(done: int) -> str | None:  # noqa: ARG001  # the signature of Hurry
    return None


@dataclass(slots=True)
class _Found:
    """What a campaign has found so far."""

    began: float = field(default_factory=time.perf_counter)
    histories: int = 0
    made: dict[str, int] = field(default_factory=dict[str, int])
    stopped: str = ""
    broken: Plan | None = None


def judge_drawn(
    subject: Subject, seed_: int = 0, examples: int = EXAMPLES, release: Release = NEWEST, hurry: Hurry = _never
) -> Compared:
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
        shrinking = found.broken is not None
        stop = None if shrinking else hurry(found.histories)
        if stop is not None:
            raise _StoppedError(stop)
        if time.perf_counter() > enough and plan not in failed:
            return  # time to shrink is over: nothing simpler is tried, and the simplest known is kept
        found.histories += not shrinking
        if live(plan, subject.heap_class, made={} if shrinking else found.made).broken is not None:
            enough = min(enough, time.perf_counter() + SHRINK_SECONDS)
            failed.add(plan)
            found.broken = plan
            raise _DiffersError

    try:
        campaign()
    except _StoppedError as e:
        found.stopped = str(e)
    except _DiffersError:
        assert found.broken is not None
        found.broken = shrunk(found.broken, subject.heap_class, SHRINK_SECONDS)
    if examples < EXAMPLES:
        found.stopped = found.stopped or f"fewer than {EXAMPLES} histories"
    where = f"{found.histories:,} histories of up to 60 calls on {len(SHAPES)} shapes of heaps"
    return _judged(DRAWN, found, subject, f"{where}, all state after every call, seed {seed_}", release)


def judge_seeded(
    subject: Subject, seed_: int = 0, calls: int = SEEDED_CALLS, release: Release = NEWEST, hurry: Hurry = _never
) -> Compared:
    """Live through long histories, one after the other, until something breaks; that one is made shorter."""
    found, done = _Found(), 0
    while done < calls and found.broken is None:
        found.stopped = hurry(done) or ""
        if found.stopped:
            break
        each, nth = divmod(found.histories, len(SHAPES))
        length = min(calls - done, LENGTHS[each % len(LENGTHS)])
        plan = seeded(SHAPES[nth], release, seed_ * 1_000_003 + found.histories, length)
        found.histories += 1
        done += length
        every = 1 if plan.shape in SMALL_SHAPES else EVERY
        if live(plan, subject.heap_class, every, found.made).broken is not None:
            found.broken = shrunk(plan, subject.heap_class, SHRINK_SECONDS)
    made = sum(found.made.values())
    where = f"{done:,} calls, of which {made:,} found something to do, in {found.histories:,} histories"
    where += f" on {min(found.histories, len(SHAPES))} shapes of heaps"
    what = f"results after every call, all state too in small heaps, in real ones after every {EVERY}"
    return _judged(SEEDED, found, subject, f"{where}, {what}, seed {seed_}", release)


def judge_histories(
    name: str, subject: Subject, seed_: int, calls: int, release: Release | None, hurry: Hurry
) -> Compared:
    """The campaign of this name, DRAWN or SEEDED; calls: of a seeded one."""
    if name == DRAWN:
        return judge_drawn(subject, seed_, release=release or NEWEST, hurry=hurry)
    return judge_seeded(subject, seed_, calls, release or NEWEST, hurry)


def _judged(name: str, found: _Found, subject: Subject, bound: str, release: Release) -> Compared:
    made = sum(found.made.values())
    counts = {"histories": found.histories, "calls": made, "differences": int(found.broken is not None)}
    seconds = time.perf_counter() - found.began
    if found.broken is not None:
        return _violated(name, found.broken, record_of(name, found.broken, subject), seconds, counts)
    missing = [call for call in calls_of(release) if not found.made.get(call)]
    reason = found.stopped or ("never made: " + ", ".join(missing) if missing else "")
    verdict = Verdict.UNKNOWN if reason else Verdict.HOLDS
    premises = PREMISES if release.scavenge_index else (*PREMISES, NO_SCAVENGER)
    return Compared(Result("compare", name, verdict, reason, bound, premises, seconds, counts))


def _violated(name: str, plan: Plan, record: Record | None, seconds: float, counts: dict[str, int]) -> Compared:
    if record is None:
        said = "a history broke something once, and not again: the heap does not depend on its calls alone"
        return Compared(Result("compare", name, Verdict.UNKNOWN, said, "", PREMISES, seconds, counts))
    reason = f"{record.violated.claim}: {record.violated.detail}"
    bound = f"history {counts['histories']:,}, shrunk to {len(plan.calls)} calls on {plan.shape.geometry.name}"
    return Compared(Result("compare", name, Verdict.VIOLATED, reason, bound, PREMISES, seconds, counts), record)
