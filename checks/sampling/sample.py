"""Draws schedules until there are enough, a claim breaks or time is up. Read next: verdicts.py."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from spanproof.checks.broken import BrokenError
from spanproof.checks.collecting import seldom_collected
from spanproof.checks.exploring.races import Race, races
from spanproof.checks.exploring.search import Hurry, deadlock, ended, going_on, schedule_to, thread_between
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.ordering import ORDERED
from spanproof.checks.running.machine import going_round
from spanproof.checks.sampling.pct import DEPTH, Pct
from spanproof.checks.sampling.pos import Pos
from spanproof.checks.sampling.sampler import Sampler
from spanproof.checks.sampling.seen import Seen
from spanproof.checks.sampling.space import Space
from spanproof.checks.sampling.surw import Surw
from spanproof.checks.sampling.uniform import Uniform
from spanproof.checks.sampling.walk import ENDED, GOES_ON, walk

SAMPLERS: dict[str, Callable[[], Sampler]] = {"pos": Pos, "uniform": Uniform, "pct": Pct, "surw": Surw}
"""The samplers by name, the default first."""
MOST_STATES = 2_000_000
"""As many are kept; that takes some 2 GB."""
OFTEN = 64
"""Schedules after which the clock is looked at."""


def named(name: str, depth: int | None = None) -> Sampler:
    """A sampler, PCT with its depth."""
    return Pct(DEPTH if depth is None else depth) if name == Pct.name else SAMPLERS[name]()


@dataclass(frozen=True, slots=True)
class Sampled:
    """What schedules showed. `broken` is None when nothing broke; `reason` says why fewer were drawn than asked for."""

    sampler: str
    guarantee: str
    schedules: int
    steps: int
    seconds: float
    states: int
    memories: int
    """Different contents of memory at the ends of schedules."""
    coverage: tuple[tuple[int, int], ...]
    """So many schedules had seen so many states."""
    alone: int
    """Schedules that saw a state which no other saw: their share is the chance that the next sees a new one."""
    given_up: int = 0
    """Schedules that had no end."""
    broken: BrokenError | None = None
    schedule: tuple[int, ...] = ()
    race: Race | None = None
    reason: str = ""

    @property
    def unseen(self) -> float:
        """The probability that the next schedule sees a new state, by Good and Turing's estimate."""
        return self.alone / self.schedules if self.schedules else 1.0

    @property
    def rate(self) -> float:
        """Schedules a second."""
        return self.schedules / self.seconds if self.seconds else 0.0


class _Sampling:
    """Schedules as they are drawn."""

    def __init__(self, tables: Tables, sampler: Sampler, seed: int) -> None:
        self.tables, self.sampler = tables, sampler
        self.draw = Random(seed)  # noqa: S311  # what is drawn is to be drawn again, from the same seed
        self.space, self.seen = Space(tables), Seen(tables.start)
        self.memories: set[int] = set()
        self.steps = self.given_up = 0

    def one(self, *, pilot: bool) -> tuple[BrokenError, tuple[int, ...]] | None:
        """Draw a schedule: the claim that it breaks and how, or None."""
        path = [self.tables.start]
        end = walk(Uniform() if pilot else self.sampler, self.space, self.draw, path)
        if pilot and end == ENDED:
            self.sampler.learn(self.space, path)
        self.seen.add(path)
        self.steps += len(path) - 1
        last = path[-1]
        if end >= 0:
            return self.space.broken[last, end], (*self._way(path), end)
        if end == GOES_ON:
            self.given_up += 1
            return self._round(path)
        if not last & self.tables.node_mask:
            self.memories.add(last)
        elif self.tables.monitor.judges("no_deadlock") and not ended(self.tables, last):
            return BrokenError("no_deadlock", deadlock(self.tables, last)), self._way(path)
        return None

    def _way(self, path: list[int]) -> tuple[int, ...]:
        return tuple(thread_between(self.tables, a, b) for a, b in pairwise(path))

    def _round(self, path: list[int]) -> tuple[BrokenError, tuple[int, ...]] | None:
        """Where a schedule has no end: does one thread alone go round for ever?"""
        t, here, met = ENDED, path[-1], set[int]()
        while here not in met:
            met.add(here)
            options = self.space.options.get(here) or self.space.look(here)
            if len(options) != 1 or options[0][1] < 0:
                return None
            t, here, _, _ = options[0]
        if not self.tables.monitor.judges("no_deadlock"):
            return None
        first = path.index(next(state for state in path if state in met))
        return BrokenError("no_deadlock", going_round(t)), (*self._way(path[: first + 1]), t)


def sample(tables: Tables, sampler: Sampler, schedules: int, seed: int = 0, hurry: Hurry = going_on) -> Sampled:
    """Draw so many schedules; the same seed gives the same ones.

    The first that breaks a claim ends it. Accesses that nothing orders are looked for in all states that were seen.

    Raises:
        EndlessError: a step goes on for ever, and that claim is not judged.

    """
    began = time.perf_counter()
    drawing = _Sampling(tables, sampler, seed)
    found: tuple[BrokenError, tuple[int, ...]] | None = None
    reason: str | None = None
    with seldom_collected():
        for n in range(schedules):
            if n % OFTEN == 0:
                states = len(drawing.seen.parents)
                reason = hurry(n) or (f"{states:,} states are as many as are kept" if states > MOST_STATES else "")
                if reason:
                    break
            found = drawing.one(pilot=n < min(sampler.pilots, schedules // 4))
            if found is not None:
                break
    seconds, seen = time.perf_counter() - began, drawing.seen
    race = None if found is not None else _race(tables, seen)
    if race is not None:
        way = schedule_to(tables, seen.parents, race.state)
        found = BrokenError(ORDERED, race.says), (*way, race.threads[0])
    broken, schedule = found or (None, ())
    return Sampled(
        sampler.name, sampler.guarantee, seen.schedules, drawing.steps, seconds, len(seen.parents),
        len(drawing.memories), seen.curve(), seen.alone, drawing.given_up, broken, schedule, race, reason or "",
    )  # fmt: skip


def _race(tables: Tables, seen: Seen) -> Race | None:
    """The first race that is not declared, if races are judged."""
    if not tables.monitor.judges(ORDERED):
        return None
    return next((race for race in races(tables, seen.parents) if race.declared is None), None)
