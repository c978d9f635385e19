"""Where nobody can go on: who waits for what, and who holds it. Read next: conflicts.py."""

from dataclasses import dataclass, replace
from typing import Any

from spanproof.checks.exploring.explaining.accesses import Move, pending
from spanproof.checks.exploring.explaining.board import Board


@dataclass(frozen=True, slots=True)
class Waits:
    """A thread that waits: for what, in which function, and who holds it, if one thread does."""

    thread: int
    cell: str
    function: str
    holder: int | None


def who_waits(board: Board, state: int, moves: list[Move]) -> tuple[Waits, ...]:
    """Who waits for what, and who holds it."""
    waits: list[Waits] = []
    for t, node in enumerate(board.tables.nodes_of(state)):
        if node is not None:
            holder = _holder(node.access.kind, board.holds(state, node.number), moves)
            waits.append(Waits(t, str(node.access.cell), node.function, holder))
    return tuple(waits)


def _holder(kind: str, value: Any, moves: list[Move]) -> int | None:
    """The thread that holds a lock, or has stopped the world."""
    if kind == "lock":
        return int(value) - 1
    if kind == "acquirem":
        return next((move.thread for move in reversed(moves) if move.access == "stop"), None)
    return None


def in_words(waits: tuple[Waits, ...]) -> str:
    """All who wait, with what they wait for."""
    said: list[str] = []
    for wait in waits:
        held = (
            "" if wait.holder is None else f", which {'it' if wait.holder == wait.thread else f'T{wait.holder}'} holds"
        )
        said.append(f"T{wait.thread} waits for {wait.cell} in {wait.function}{held}")
    return "; ".join(said)


def about_to_do(board: Board, state: int) -> list[Move]:
    """What those who wait are about to do: a run that never ends is one in which they do it too late."""
    moves = (pending(board, state, t) for t in board.threads)
    return [replace(move, wrote=True) if move.access == "compare_and_swap" else move for move in moves if move]
