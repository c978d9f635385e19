"""A program's tables as something to play on: what a thread's step leads to, and whether a state has no way on.

Every claim is judged as a run judges it: after each step, where two accesses meet that nothing orders, and where nobody
can go on. So a way that is found here breaks the same claim when it is run. Read next: shrinking.py.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spanproof.checks.broken import BrokenError, EndlessError
from spanproof.checks.exploring.races import Race, pending_race
from spanproof.checks.exploring.search import deadlock, ended, way
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.ordering import ORDERED
from spanproof.checks.programs import Program
from spanproof.checks.running.machine import LONGEST_ROUND, going_round
from spanproof.impl.malloc import Runtime

NO_END = "no_deadlock"
"""The claim that is about ends, and not about steps."""
ENDLESS = "without an access"
"""In what is said of a text that goes round and takes no step."""
Cost = tuple[int, int]
"""Context switches, then steps."""
Place = tuple[int, int]
"""A state and the thread that took the last step; -1 at the start."""


class Board:
    """The tables of a program, with all that is judged."""

    def __init__(self, program: Program, heap_class: type[Runtime], only: str | None = None) -> None:
        """Make the tables.

        Raises:
            BrokenError: a claim is broken before the program begins.

        """
        self.tables = Tables(program, heap_class, only=only)
        self.threads = range(len(self.tables.masks))
        self.start = self.tables.start
        ordered = self.tables.monitor.judges(ORDERED)
        self._race: Callable[[int, int], Race | None] | None = pending_race(self.tables) if ordered else None
        self._going: dict[int, bool] = {}
        self.endless = False
        """Whether the text was seen to go round without an access: to find that out takes a second each time."""

    def step(self, state: int, t: int) -> int | BrokenError:
        """The state after a step of thread t, the same state if it cannot move, or the claim that its step breaks."""
        if self._race is not None:
            race = self._race(state, t)
            if race is not None:
                return BrokenError(ORDERED, race.says)
        delta = self.tables.deltas[t].get(state & self.tables.masks[t])
        if delta is None:
            try:
                delta = self.tables.expand(t, state & self.tables.masks[t])
            except BrokenError as broken:
                self.endless |= ENDLESS in broken.detail
                return broken
            except EndlessError:
                self.endless = True
                delta = 0
        return state + delta

    def after(self, schedule: tuple[int, ...]) -> int | None:
        """The state after these steps; None if one cannot be taken, or breaks something."""
        state = self.start
        for t in schedule:
            there = self.step(state, t)
            if there == state or isinstance(there, BrokenError):
                return None
            state = there
        return state

    def holds(self, state: int, number: int) -> Any:
        """What the cell of this number holds in a state."""
        return self.tables.values[number][self.tables.row_of(state)[number]]

    def able(self, state: int) -> list[int]:
        """The threads whose step leads elsewhere, or breaks something."""
        return [t for t in self.threads if self.step(state, t) != state]

    def no_end(self, state: int) -> str:
        """Who waits for what where nobody can go on, or who alone comes back here for ever; "" elsewhere."""
        if not self.tables.monitor.judges(NO_END) or not state & self.tables.node_mask:
            return ""
        able = self.able(state)
        if not able:
            return "" if ended(self.tables, state) else deadlock(self.tables, state)
        return going_round(able[0]) if len(able) == 1 and self._goes_round(state) else ""

    def _goes_round(self, state: int) -> bool:
        """Whether the only thread that can go on comes back to this state, and no other can meanwhile."""
        chain: dict[int, int] = {}
        here = state
        while here >= 0 and here not in chain and here not in self._going and len(chain) < LONGEST_ROUND:
            chain[here] = len(chain)
            here = self._onlyway(here)
        first = chain.get(here, len(chain))
        self._going |= {passed: place >= first for passed, place in chain.items()}
        return self._going[state]

    def _onlyway(self, state: int) -> int:
        """Where the only thread that can go on leads; -1 where more than one can, or its step breaks something."""
        able = self.able(state)
        there = self.step(state, able[0]) if len(able) == 1 else -1
        return -1 if isinstance(there, BrokenError) else there


@dataclass(frozen=True, slots=True)
class Least:
    """The cheapest way to break a claim; without a schedule there is none, or it was too far to look."""

    schedule: tuple[int, ...] | None
    exact: bool
    """Whether everything cheaper was looked at."""
    places: int
    """How many places were looked at."""


def least(board: Board, claim: str, most: Cost, places: int) -> Least:
    """The schedule with the fewest context switches, and among those the fewest steps, that breaks the claim.

    Steps that break other claims are passed by. Nothing that costs more than `most` is looked at, and not more than so
    many places: what is found depends on no clock.
    """
    start: Place = (board.start, -1)
    came: dict[Place, Place | None] = {start: None}
    cost: dict[Place, Cost] = {start: (0, 0)}
    todo: list[tuple[int, int, int, Place, int]] = [(0, 0, 0, start, -1)]
    settled: set[Place] = set()
    pushed = 0
    while todo:
        switches, steps, _, here, last = heapq.heappop(todo)
        if last >= 0:
            return Least((*way(came, here), last), True, len(settled))
        if here in settled:
            continue
        if len(settled) >= places:
            return Least(None, False, len(settled))
        settled.add(here)
        state, running = here
        broken = board.no_end(state) if claim == NO_END else ""
        if broken and not board.able(state):
            return Least(way(came, here), True, len(settled))
        for t in board.threads:
            there = board.step(state, t)
            if there == state:
                continue
            spent = switches + (t != running and running >= 0), steps + 1
            if spent > most:
                continue
            pushed += 1
            if broken or isinstance(there, BrokenError):
                if broken or (isinstance(there, BrokenError) and there.claim == claim):
                    heapq.heappush(todo, (*spent, pushed, here, t))
                continue
            place = there, t
            if place not in cost or spent < cost[place]:
                cost[place], came[place] = spent, here
                heapq.heappush(todo, (*spent, pushed, place, -1))
    return Least(None, True, len(settled))
