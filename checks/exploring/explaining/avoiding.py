"""The least change of a schedule that avoids a violation, found by running one after the other.

Read next: differences.py.
"""

from dataclasses import dataclass
from itertools import islice

from spanproof.checks.exploring.explaining.accesses import Move
from spanproof.checks.exploring.explaining.board import Board
from spanproof.checks.exploring.explaining.changes import Change, changes
from spanproof.checks.exploring.explaining.completing import completed
from spanproof.checks.programs import Program
from spanproof.checks.running.replaying import run
from spanproof.impl.malloc import Runtime

MOST_RUNS = 600
"""Changes that are run for one record."""


@dataclass(frozen=True, slots=True)
class Flip:
    """The least change of the schedule that avoids the violation: the whole run, and what was moved."""

    schedule: tuple[int, ...]
    moved: str
    alone: bool
    """Only this claim is judged: another breaks in the changed run."""


@dataclass(frozen=True, slots=True)
class Avoided:
    """A change that avoids the violation, and the tables on which it was run."""

    change: Change
    flip: Flip
    board: Board


class Avoiding:
    """Runs of one program along changed schedules."""

    def __init__(self, program: Program, heap_class: type[Runtime], claim: str) -> None:
        """Have run nothing yet."""
        self.program, self.heap_class, self.claim = program, heap_class, claim
        self.runs = 0

    def least(self, board: Board, moves: list[Move], done: int) -> Avoided | None:
        """The least change after which nothing breaks, else the least after which the claim itself does not.

        moves, done: see changes.py. A claim that is judged alone on this board is the only one that is looked at.
        """
        tried = list(islice(changes(board, moves, done), MOST_RUNS))
        found = self._first(tried, board, alone=False)
        if found is None and board.tables.monitor.only is None:
            found = self._first(tried, Board(self.program, self.heap_class, self.claim), alone=True)
        return found

    def _first(self, tried: list[Change], board: Board, *, alone: bool) -> Avoided | None:
        """The first of these changes after which what this board judges is kept; done again step by step, too."""
        for change in tried:
            self.runs += 1
            schedule = completed(board, change.first, change.rest)
            if schedule is not None and self._is_kept(schedule, board.tables.monitor.only):
                return Avoided(change, Flip(schedule, change.moved, alone), board)
        return None

    def _is_kept(self, schedule: tuple[int, ...], only: str | None) -> bool:
        """Whether a run, done again step by step, breaks nothing that is judged."""
        return run(self.program, self.heap_class, schedule, only).broken is None
