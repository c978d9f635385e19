"""All interleavings: breadth first over the tables, and the counterexample with the fewest preemptions.

`explore` visits every state once, each by a look-up and an addition. When a claim breaks, `fewest_preemptions` walks
the same tables again, breadth first on the number of preemptions (0-1 breadth-first search on state and running
thread), so the schedule that is shown interrupts threads as little as can be. Read next: races.py.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spanproof.checks.broken import BrokenError, EndlessError
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.running.machine import going_round

Hurry = Callable[[int], str | None]
"""Told the number of states now and then; a text ends the search with that reason."""


@dataclass(slots=True)
class Explored:
    """What a search found. `broken` is None when nothing broke; `reason` says why it did not see everything."""

    states: int
    transitions: int
    seconds: float
    broken: BrokenError | None = None
    schedule: tuple[int, ...] = ()
    reason: str = ""
    parents: Mapping[int, int] | None = None
    levels: int = 0
    frontier: int = 0
    """States that were reached and not gone on from, where it did not see everything."""
    alone: Any = None
    """States in which one thread alone can go on, and where to, by state or by number; where it did not see all."""
    level_began: tuple[int, int] = (0, 0)
    """States and transitions when the level under way began, where it did not see everything."""


@dataclass(slots=True)
class Clock:
    """A `Hurry` that may look, while it is told the number of states, at what was found so far."""

    hurry: Hurry
    found: Callable[[], Explored] | None = None
    """What the search would come to, were it stopped now; good until it goes on."""

    def __call__(self, states: int) -> str | None:
        """As any other."""
        return self.hurry(states)


def show(hurry: Hurry, found: Callable[[], Explored]) -> None:
    """Let a clock look at what a walk has found, if it is one that does."""
    if isinstance(hurry, Clock):
        hurry.found = found


@dataclass(slots=True)
class Begun:
    """A search that was stopped between two levels, for the plain walk to go on with."""

    parents: dict[int, int]
    frontier: list[int]
    transitions: int = 0
    levels: int = 0
    alone: dict[int, int] = field(default_factory=dict[int, int])


def going_on(states: int) -> str | None:  # noqa: ARG001  # the signature of Hurry
    """Nothing stops the search."""
    return None


def explore(tables: Tables, *, hurry: Hurry = going_on, begun: Begun | None = None) -> Explored:
    """Visit all states, breadth first, until a claim breaks or `hurry` says stop.

    begun: a search of the same tables that was stopped.

    Raises:
        EndlessError: a step goes on for ever, and that claim is not judged.

    """
    began = time.perf_counter()
    begun = begun or Begun({tables.start: -1}, [tables.start])
    parents, frontier, alone = begun.parents, begun.frontier, begun.alone
    # alone: states in which one thread alone can go on -> where to
    moves = [(mask, delta.get, t) for t, (mask, delta) in enumerate(zip(tables.masks, tables.deltas, strict=True))]
    nodes, expand, transitions, level, target = tables.node_mask, tables.expand, begun.transitions, begun.levels, -1
    arrange, tables.so_far = tables.arrange, lambda: parents
    seen, before = 1, 0  # states and transitions when the level began: how far it came when a claim broke in it

    def found(broken: BrokenError | None = None, schedule: tuple[int, ...] = (), reason: str = "") -> Explored:
        seconds = time.perf_counter() - began
        states, taken = (seen, before) if broken is not None else (len(parents), transitions)
        if not reason:
            return Explored(states, taken, seconds, broken, schedule, reason, parents, level)
        left = len(frontier)
        return Explored(states, taken, seconds, None, (), reason, parents, level, left, alone, (states - left, taken))

    show(hurry, lambda: found(reason="so far"))
    while frontier:
        reason = hurry(len(parents))
        if reason is not None:
            return found(reason=reason)
        level, seen, before = level + 1, len(parents), transitions
        reached: list[int] = []
        for state in frontier:
            able = 0
            for mask, get, t in moves:
                key = state & mask
                delta = get(key)
                if delta is None:
                    try:
                        delta = expand(t, key)
                    except BrokenError as broken:
                        return found(broken, (*schedule_to(tables, parents, state), t))
                if delta:
                    able += 1
                    target = state + delta
                    if arrange is not None:
                        target = arrange(target)
                    if target not in parents:
                        parents[target] = state
                        reached.append(target)
            transitions += able
            if able == 1:
                alone[state] = target
            elif not able and state & nodes and tables.monitor.judges("no_deadlock") and not ended(tables, state):
                return found(BrokenError("no_deadlock", deadlock(tables, state)), schedule_to(tables, parents, state))
        frontier = reached
    if tables.monitor.judges("no_deadlock"):
        tables.rounds |= rounds(tables, alone)
        for state, t in tables.rounds.items():
            schedule = (*schedule_to(tables, parents, state), t)  # all was seen when this is
            return replace(found(), broken=BrokenError("no_deadlock", going_round(t)), schedule=schedule)
    return found()


def rounds(tables: Tables, alone: Mapping[int, int]) -> dict[int, int]:
    """The states to which the only thread that can go on comes back for ever, and that thread.

    alone: states in which one thread alone can go on, and where to.
    """
    seen: dict[int, int] = {}
    found: dict[int, int] = {}
    for start in alone:
        here = start
        while here in alone and here not in seen:
            seen[here] = start
            here = alone[here]
        if seen.get(here) == start and here not in found:
            while here not in found:
                found[here] = thread_between(tables, here, alone[here])
                here = alone[here]
    return found


def ended(tables: Tables, state: int) -> bool:
    """Whether the run ended here by breaking a claim that is not judged."""
    return any((t, state & mask) in tables.ended for t, mask in enumerate(tables.masks))


def deadlock(tables: Tables, state: int) -> str:
    """Who waits for what."""
    waits = [
        f"T{t} waits for {node.access.cell} in {node.function}"
        for t, node in enumerate(tables.nodes_of(state))
        if node is not None
    ]
    return "; ".join(waits)


def thread_between(tables: Tables, before: int, after: int) -> int:
    """The thread whose step leads from one state to the next."""
    for t, (mask, deltas) in enumerate(zip(tables.masks, tables.deltas, strict=True)):
        key = before & mask
        delta = deltas[key] if key in deltas else _harmless(tables, t, key)
        if delta and (before + delta if tables.arrange is None else tables.arrange(before + delta)) == after:
            return t
    raise LookupError("no step leads from one state to the other")


def _harmless(tables: Tables, t: int, key: int) -> int | None:
    """What a step does that a fast walk has taken and the tables have not; None if it breaks something."""
    try:
        return tables.expand(t, key)
    except (BrokenError, EndlessError):
        return None


def schedule_to(tables: Tables, parents: Mapping[int, int], state: int) -> tuple[int, ...]:
    """The schedule by which a state was first reached."""
    schedule: list[int] = []
    while parents[state] != -1:
        schedule.append(thread_between(tables, parents[state], state))
        state = parents[state]
    return tuple(reversed(schedule))


@dataclass(slots=True)
class Shortest:
    """The least number of preemptions by which a claim breaks, and a schedule that does it."""

    broken: BrokenError
    schedule: tuple[int, ...]
    preemptions: int


Place = tuple[int, int]
"""A state and the thread that took the last step; -1 at the start."""


def _steps(tables: Tables, state: int) -> list[int | BrokenError]:
    """What each thread does from a state: what to add to it, 0 if it cannot move, or the claim that its step breaks."""
    steps: list[int | BrokenError] = []
    for t, (mask, delta) in enumerate(zip(tables.masks, tables.deltas, strict=True)):
        key = state & mask
        step: int | BrokenError | None = delta.get(key)
        if step is None:
            try:
                step = tables.expand(t, key)
            except BrokenError as broken:
                step = broken
            except EndlessError:
                step = 0
        steps.append(step)
    return steps


def way(came: dict[Place, Place | None], place: Place) -> tuple[int, ...]:
    """The threads that took the steps to a place."""
    taken: list[int] = []
    here: Place | None = place
    while here is not None:
        taken.append(here[1])
        here = came[here]
    return tuple(reversed(taken[:-1]))


def fewest_preemptions(
    tables: Tables, claim: str, *, breaks: Callable[[int], int | None] | None = None, hurry: Hurry = going_on
) -> Shortest | None:
    """The schedule with the fewest preemptions that breaks the claim; None if none does or `hurry` ended the search.

    A preemption is a switch away from a thread that could have gone on. Steps that break other claims are passed by.
    breaks: for a claim about pending accesses, the thread whose step breaks it in a state, or None.
    """
    start: Place = (tables.start, -1)
    came: dict[Place, Place | None] = {start: None}
    cost: dict[Place, int] = {start: 0}
    todo: deque[tuple[int, Place, tuple[int, BrokenError] | None]] = deque([(0, start, None)])
    settled: set[Place] = set()
    while todo:
        spent, here, last = todo.popleft()
        if last is not None:
            return Shortest(last[1], (*way(came, here), last[0]), spent)
        if here in settled:
            continue
        settled.add(here)
        if len(settled) % 4096 == 0 and hurry(len(settled)) is not None:
            return None
        state, running = here
        steps = _steps(tables, state)
        if claim == "no_deadlock" and not any(steps) and state & tables.node_mask and not ended(tables, state):
            return Shortest(BrokenError(claim, deadlock(tables, state)), way(came, here), spent)
        bad = breaks(state) if breaks is not None else tables.rounds.get(state) if claim == "no_deadlock" else None
        if bad is not None:
            steps[bad] = BrokenError(claim, "")
        goes_on = running >= 0 and steps[running] != 0
        for t in reversed(range(len(steps))):  # what costs nothing is put in front, so thread 0 comes first
            step = steps[t]
            after = spent + int(goes_on and t != running)
            put = todo.appendleft if after == spent else todo.append
            if isinstance(step, BrokenError):
                if step.claim == claim:
                    put((after, here, (t, step)))
                continue
            there = state + step, t
            if step and (there not in cost or after < cost[there]):
                cost[there], came[there] = after, here
                put((after, there, None))
    return None
