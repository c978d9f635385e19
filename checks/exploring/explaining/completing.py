"""Changed schedules run to the end, fairly: thread after thread, each as far as it can go and no longer than a turn.

Read next: changes.py.
"""

from itertools import groupby

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.explaining.board import NO_END, Board
from spanproof.checks.exploring.search import ended

TURN = 200
"""Steps of a thread, after which a fair scheduler lets the next one run."""
LONGEST = 6_000
"""Steps after which a run is taken for one that does not come to its end."""


def completed(board: Board, first: tuple[int, ...], rest: tuple[int, ...]) -> tuple[int, ...] | None:
    """The whole run, up to the end of all threads; None if it cannot be done or breaks a claim.

    first: steps that are followed one by one. rest: what then is followed as near as can be.
    """
    state = board.after(first)
    if state is None:
        return None
    ran = _ran(board, state, rest)
    return None if isinstance(ran, BrokenError) else (*first, *ran)


def breaks_alone(board: Board, thread: int, claim: str) -> bool:
    """Whether a thread breaks the claim when no other one takes a step."""
    ran = _ran(board, board.start, (thread,) * LONGEST, fair=False)
    return isinstance(ran, BrokenError) and ran.claim == claim


def _ran(board: Board, state: int, rest: tuple[int, ...], *, fair: bool = True) -> list[int] | BrokenError:
    """The steps of a schedule that can be taken, then turn by turn to the end."""
    taken: list[int] = []
    stuck = -1
    turns = ((t, len(list(steps))) for t, steps in groupby(rest))
    for t, steps in turns:
        ran = _turn(board, state, t, steps, taken)
        if isinstance(ran, BrokenError):
            return ran
        state = ran
    while fair and board.able(state) and len(taken) < LONGEST and stuck != state:
        stuck = state
        for t in board.threads:
            ran = _turn(board, state, t, TURN, taken)
            if isinstance(ran, BrokenError):
                return ran
            state = ran
    said = board.no_end(state)
    unfinished = fair and bool(state & board.tables.node_mask) and not ended(board.tables, state)
    return BrokenError(NO_END, said) if said or unfinished else taken


def _turn(board: Board, state: int, t: int, steps: int, taken: list[int]) -> int | BrokenError:
    """At most so many steps of a thread: the state then."""
    for _ in range(steps):
        there = board.step(state, t)
        if there == state or isinstance(there, BrokenError):
            return there
        state = there
        taken.append(t)
    return state
