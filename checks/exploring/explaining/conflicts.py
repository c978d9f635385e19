"""Accesses of two threads in conflict, and those two of them whose order decides whether a claim breaks.

Read next: completing.py.
"""

from collections.abc import Iterator

from spanproof.checks.exploring.explaining.accesses import MEMORY, Described, Move, described, meets, not_done, pending
from spanproof.checks.exploring.explaining.board import Board


def conflicts(moves: list[Move], done: int) -> Iterator[tuple[int, int]]:
    """Places of accesses of different threads to one cell, one of which writes; of a lock, whole holdings of it.

    done: so many accesses were done; of the others, that threads wait to do, the lock itself is what they come to.
    """
    for i, a in enumerate(moves):
        for j in range(i + 1, len(moves)):
            b = moves[j]
            if not meets(a, b):
                continue
            waits = j >= done and a.access == b.access == "lock"
            if waits or (a.access in MEMORY and b.access in MEMORY) or (a.access, b.access) in (
                ("lock", "unlock"), ("acquirem", "start"), ("stop", "releasem"),
            ):  # fmt: skip
                yield i, j


def met(board: Board, state: int, last: Move) -> list[Move]:
    """What another thread is about to do, with nothing to order it with the last access."""
    moves = (pending(board, state, t) for t in board.threads)
    return [move for move in moves if move is not None and meets(move, last)][:1]


def decisive(bad: list[Move], done: int, good: list[Move], ends: tuple[int, int] | None) -> tuple[Described, Described]:
    """The two accesses whose order matters: where the runs first show the violating thread something else.

    Where they show it the same up to its last step, they are the two ends of what was moved, if it has two.

    done: how many accesses of the bad run were done; threads wait to do the others. ends: see Change.
    """
    victims = [move.thread for move in bad[done:]] or [bad[-1].thread]
    for victim in victims:
        found = _first_difference(bad, good, victim)
        if found is not None:
            return found
    if ends is not None:
        i, j = ends
        return described(bad, i), described(bad, j)
    return _late(bad, good)


def too_late(bad: list[Move], good: list[Move], last: int | None) -> tuple[Described, Described] | None:
    """The access that breaks the claim, and a write that comes too late for it, if only the claim looks at that.

    It is the last step that a thread runs on for in the good run, and no other thread touches its cell.
    last: see Change.
    """
    if last is None:
        return None
    write = good[last]
    done = sum(move.thread == write.thread for move in bad)
    before = sum(move.thread == write.thread for move in good[:last])
    seen = any(move.number == write.number and move.thread != write.thread for move in bad)
    if done > before or write.access not in MEMORY or not write.wrote or seen:
        return None
    return described(bad, len(bad) - 1), not_done(write)


def _first_difference(bad: list[Move], good: list[Move], victim: int) -> tuple[Described, Described] | None:
    """The first access of a thread that finds another value, with the write of another thread that it depends on."""
    mine = [(n, m) for n, m in enumerate(bad) if m.thread == victim]
    theirs = [(n, m) for n, m in enumerate(good) if m.thread == victim]
    for (n, a), (m, b) in zip(mine, theirs, strict=False):
        if a.what != b.what:
            return None
        if a.seen == b.seen or a.access not in MEMORY:
            continue
        written = [k for k, w in enumerate(bad[:n]) if w.number == a.number and w.thread != victim and w.wrote]
        later = [k for k, w in enumerate(bad) if k > n and w.number == a.number and w.thread != victim and w.wrote]
        if written and not _same_write(bad, written[-1], good, m):
            return described(bad, written[-1]), described(bad, n)
        if later:
            return described(bad, n), described(bad, later[0])
        undone = [w for w in good[:m] if w.number == a.number and w.thread != victim and w.wrote]
        if undone:
            return described(bad, n), not_done(undone[-1])
        if written:
            return described(bad, written[-1]), described(bad, n)
    return None


def _same_write(bad: list[Move], k: int, good: list[Move], m: int) -> bool:
    """Whether the write is the last one before the access in the other run too."""
    before = [w for w in good[:m] if w.number == bad[k].number and w.wrote]
    return bool(before) and before[-1].what == bad[k].what


def _late(bad: list[Move], good: list[Move]) -> tuple[Described, Described]:
    """The last access of the run, or the last before it, to a cell that another thread writes only later."""
    done = {t: sum(m.thread == t for m in bad) for t in {m.thread for m in good}}
    left: list[Move] = []
    for move in good:
        done[move.thread] -= 1
        if done[move.thread] < 0:
            left.append(move)
    for n in range(len(bad) - 1, -1, -1):
        a = bad[n]
        for w in left:
            if w.number == a.number and w.thread != a.thread and w.access in MEMORY and (w.wrote or a.wrote):
                return described(bad, n), not_done(w)
    others = [n for n, m in enumerate(bad) if m.thread != bad[-1].thread]
    if not others:  # the others come only later: the first of them that touches what this thread has touched
        first = next((w for w in left if any(meets(a, w) for a in bad)), left[0])
        return described(bad, len(bad) - 1), not_done(first)
    return described(bad, others[-1]), described(bad, len(bad) - 1)
