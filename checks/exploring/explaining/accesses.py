"""The accesses of a run on the tables, each with what its cell held: what is said of a run is read from these.

Read next: sentences.py.
"""

from dataclasses import dataclass
from typing import Any

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.explaining.board import Board
from spanproof.checks.ordering import writes
from spanproof.impl.access import ATOMIC, PLAIN

MEMORY = ATOMIC | PLAIN
"""Accesses to a word of memory: no locks, and no stopping of the world."""


@dataclass(frozen=True, slots=True)
class Move:
    """One step of a run on the tables."""

    thread: int
    function: str
    access: str
    cell: str
    number: int
    seen: Any
    """What the cell held."""
    wrote: bool
    operation: str = ""

    @property
    def what(self) -> tuple[int, str, str, str]:
        """The access, without what it found."""
        return self.thread, self.function, self.access, self.cell


@dataclass(frozen=True, slots=True)
class Described:
    """An access of a run: the number of its step in the record, 0 if it comes only after the record's last."""

    step: int
    thread: int
    function: str
    access: str
    cell: str
    operation: str = ""
    """Kind update: the function that says what becomes of the cell."""


def played(board: Board, schedule: tuple[int, ...]) -> tuple[list[Move], int]:
    """The steps of a schedule, the one that breaks a claim included, and the state before it or at the end."""
    state, moves = board.start, list[Move]()
    for t in schedule:
        move = pending(board, state, t)
        if move is None:
            break
        moves.append(move)
        there = board.step(state, t)
        if isinstance(there, BrokenError):
            break
        state = there
    return moves, state


def pending(board: Board, state: int, t: int) -> Move | None:
    """What thread t is about to do."""
    node = board.tables.nodes_of(state)[t]
    if node is None:
        return None
    access, value = node.access, board.holds(state, node.number)
    wrote = access.kind not in MEMORY or writes(access, value)
    operation = getattr(access.args[0], "__name__", "") if access.kind == "update" else ""
    return Move(t, node.function, access.kind, str(access.cell), node.number, value, wrote, operation)


def meets(a: Move, b: Move) -> bool:
    """Whether two threads access one cell, and one of them writes."""
    return a.number == b.number and a.thread != b.thread and (a.wrote or b.wrote)


def described(moves: list[Move], n: int) -> Described:
    """The access at this place of a run, counted from 0."""
    move = moves[n]
    return Described(n + 1, move.thread, move.function, move.access, move.cell, move.operation)


def not_done(move: Move) -> Described:
    """An access that comes only after the record's last step."""
    return Described(0, move.thread, move.function, move.access, move.cell, move.operation)
