"""The shortest run to a state in which a condition holds: to learn from, and to see that a sentinel can fire.

Shortest is: the fewest preemptions, and of those the fewest steps (Dijkstra's algorithm on states and running threads).
Whether there is one at all is seen first, by visiting every state. Steps that break a claim lead to no state.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from spanproof.checks.broken import BrokenError, EndlessError
from spanproof.checks.collecting import seldom_collected
from spanproof.checks.exploring.expressions import compiled
from spanproof.checks.exploring.grains import SAYS, Grain
from spanproof.checks.exploring.search import Hurry, going_on
from spanproof.checks.exploring.tables import LimitError, Tables
from spanproof.checks.exploring.verdicts import PREMISES, Judged, begun
from spanproof.checks.numbers import how_many
from spanproof.checks.programs import Program
from spanproof.checks.record import Record, Violated
from spanproof.checks.running.replaying import run
from spanproof.checks.scenario import Scenario
from spanproof.checks.sentinels import Watching
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import Release

NOBODY: int = -1
OFTEN = 4096
_PREEMPTION = 1 << 40
"""What a preemption costs; a step costs 1."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What was found. Without a schedule nothing was, in so many states; `reason` says why not all were looked at."""

    schedule: tuple[int, ...] | None
    states: int
    preemptions: int = 0
    claims: frozenset[str] = frozenset()
    """Claims that break on some step: what lies beyond was not looked at."""
    reason: str = ""


class _Steps:
    """What each thread does from a state, whatever breaks."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.claims: set[str] = set()

    def __call__(self, state: int) -> Iterator[tuple[int, int]]:
        """The threads that can go on, and where to."""
        for t, (mask, delta) in enumerate(zip(self.tables.masks, self.tables.deltas, strict=True)):
            key = state & mask
            step = delta.get(key)
            if step is None:
                try:
                    step = self.tables.expand(t, key)
                except BrokenError as broken:
                    self.claims.add(broken.claim)
                    continue
                except EndlessError:
                    self.claims.add("no_deadlock")
                    continue
            if step:
                yield t, state + step


def reach(tables: Tables, holds: Callable[[int], bool], hurry: Hurry = going_on) -> Reached:
    """The shortest run to a state in which the condition holds."""
    steps = _Steps(tables)
    there, states, reason = _anywhere(tables, holds, steps, hurry)
    if not there:
        return Reached(None, states, claims=frozenset(steps.claims), reason=reason)
    return _shortest(tables, holds, steps, hurry)


def _anywhere(tables: Tables, holds: Callable[[int], bool], steps: _Steps, hurry: Hurry) -> tuple[bool, int, str]:
    """Whether the condition holds in any state, how many were looked at, and why not all."""
    seen, frontier = {tables.start}, [tables.start]
    while frontier:
        reason = hurry(len(seen))
        if reason is not None:
            return False, len(seen), reason
        if any(holds(state) for state in frontier):
            return True, len(seen), ""
        reached: list[int] = []
        for state in frontier:
            for _, target in steps(state):
                if target not in seen:
                    seen.add(target)
                    reached.append(target)
        frontier = reached
    return False, len(seen), ""


def _shortest(tables: Tables, holds: Callable[[int], bool], steps: _Steps, hurry: Hurry) -> Reached:
    """The run to a state in which the condition holds, where there is one."""
    start: tuple[int, int] = tables.start, NOBODY
    came: dict[tuple[int, int], tuple[int, int]] = {}
    cost: dict[tuple[int, int], int] = {start: 0}
    todo: list[tuple[int, int, int]] = [(0, *start)]
    settled: set[tuple[int, int]] = set()
    while todo:
        spent, state, running = heappop(todo)
        here = state, running
        if here in settled:
            continue
        settled.add(here)
        if holds(state):
            return Reached(_way(came, here), len(settled), spent // _PREEMPTION, frozenset(steps.claims))
        if len(settled) % OFTEN == 0:
            reason = hurry(len(settled))
            if reason is not None:
                return Reached(
                    None, len(settled), reason=f"it can be reached, but the shortest run is not known: {reason}"
                )
        able = dict(steps(state))
        for t, target in able.items():
            after = spent + 1 + (_PREEMPTION if t != running and running in able else 0)
            there = target, t
            if after < cost.get(there, after + 1):
                cost[there], came[there] = after, here
                heappush(todo, (after, *there))
    raise LookupError("a state was seen that no run leads to")


def _way(came: dict[tuple[int, int], tuple[int, int]], place: tuple[int, int]) -> tuple[int, ...]:
    """The schedule that led to a place."""
    schedule: list[int] = []
    while place in came:
        schedule.append(place[1])
        place = came[place]
    return tuple(reversed(schedule))


@dataclass(frozen=True, slots=True)
class JudgedReach:
    """Whether the condition can hold, and the run that leads there: a record in form, though no claim is broken."""

    result: Result
    run: Record | None = None


def judge_reach(
    scenario: Scenario,
    subject: Subject,
    expression: str,
    *,
    release: Release | None = None,
    grain: Grain = Grain.ACCESS,
    hurry: Hurry = going_on,
) -> JudgedReach:
    """Look for the shortest run of a scenario to a state in which the condition holds.

    It holds if there is one, and is violated if there is none in the whole space of states.

    Raises:
        ExpressionError: it is no condition on a state of this scenario.

    """
    began = time.perf_counter()
    program = scenario.program if release is None else replace(scenario.program, release=release)
    tables = begun(scenario, program, subject, scenario.only, grain, Watching((), program.geometry))
    if isinstance(tables, Judged):
        said = f"a claim breaks before the program begins: {tables.result.reason}"
        return JudgedReach(Result("explore", scenario.name, Verdict.UNKNOWN, said))
    try:
        with seldom_collected():
            found = reach(tables, compiled(expression, tables), hurry)
    except LimitError as e:
        return JudgedReach(Result("explore", scenario.name, Verdict.UNKNOWN, reason=str(e)))
    verdict, reason = _verdict(tables, found, grain, expression)
    bound = f"{found.states:,} states, {how_many(len(tables.automata), 'threads')}, {program.release.name}"
    if grain is not Grain.ACCESS:
        bound += f"; {SAYS[grain]}"
    counts = {"states": found.states}
    schedule = None if found.schedule is None else tables.finely(found.schedule)
    if schedule is not None:
        counts |= {"steps": len(schedule), "preemptions": found.preemptions}
    seconds = time.perf_counter() - began
    result = Result("explore", scenario.name, verdict, reason, bound, PREMISES, seconds, counts)
    return JudgedReach(result, None if schedule is None else _run(scenario, program, subject, schedule, expression))


def _verdict(tables: Tables, found: Reached, grain: Grain, expression: str) -> tuple[Verdict, str]:
    """What is to be said of a condition, and why."""
    if found.schedule is not None:
        steps, preemptions = len(tables.finely(found.schedule)), found.preemptions
        switches = f"{preemptions} preemption{'' if preemptions == 1 else 's'}"
        return Verdict.HOLDS, f"reached in {steps} steps with {switches}: {expression}"
    if found.reason:
        return Verdict.UNKNOWN, found.reason
    if found.claims or (tables.monitor.only is not None and tables.ended):
        claims = ", ".join(sorted(found.claims)) or "one that is not judged"
        return Verdict.UNKNOWN, f"not reached, but what lies beyond a broken claim was not looked at ({claims})"
    if grain is not Grain.ACCESS:
        return Verdict.UNKNOWN, f"not reached, with {SAYS[grain]}: {expression}"
    return Verdict.VIOLATED, f"unreachable, in the whole space of states: {expression}"


def _run(scenario: Scenario, program: Program, subject: Subject, schedule: tuple[int, ...], expression: str) -> Record:
    """The run of a schedule, step by step."""
    ran = run(program, subject.heap_class, schedule, scenario.only)
    return Record(
        kind="run",
        name=scenario.name,
        release=program.release.name,
        violated=Violated("", "", "", expression),
        heap=subject.heap,
        fault=subject.fault,
        program=program.as_json(),
        schedule=schedule,
        cells=ran.cells,
        steps=ran.steps,
    )
