"""Every question that a proof asks the solver, for whoever wants to hear: what was known, what was asked, the answer.

A question is plain formulas, with no literals to track them by, so that another solver can be asked the same.
Read next: evidence/script.py.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import z3


@dataclass(frozen=True, slots=True)
class Question:
    """Asked was whether all of these terms can be true together. Unsatisfiable means shown."""

    known: Sequence[Any]
    """The hypotheses, the earliest first."""
    names: Sequence[str]
    """Of each hypothesis: the conjunct of a contract that it is, or "" where it is none."""
    asked: Sequence[Any]
    """The negated goals, or the side of a branch."""
    about: str
    """What depends on it: the goals by name, or the branch."""
    answer: str
    """sat, unsat or unknown."""
    seconds: float
    work: int
    """In the solver's own count; over all attempts."""
    goals: Sequence[str] = ()
    """The conjuncts of contracts that are to be shown."""


Listener = Callable[[Question], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Generator[None]:
    """While this lasts, the listener hears of every question."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(question: Question) -> None:
    """Tell all listeners."""
    for listener in _listeners:
        listener(question)


def anybody() -> bool:
    """Whether anybody listens."""
    return bool(_listeners)


def work_so_far() -> int:
    """What the solver has done in this process, in its own count; 0 while nobody listens."""
    return _counted() if _listeners else 0


def _counted() -> int:
    solver: Any = z3.Solver()
    return int(solver.statistics().get_key_value("rlimit count"))
