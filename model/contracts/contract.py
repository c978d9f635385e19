"""The shape of a contract, for a loop and for a call. Read next: zeroing.py."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spanproof.model.logic import Claims, Truth

Word = Any
"""An address in bytes, a count, an index: int, or a symbolic word."""
View = Any
"""What a protocol observes at one moment: each protocol has its own frozen class."""


def always(*_: Any) -> Truth:
    """True."""
    return True


def never(*_: Any) -> Truth:
    """False."""
    return False


def by_retries_alone(*_: Any) -> Word:
    """The rank of a loop that goes round for nothing but a failed compare-and-swap: it never falls."""
    return 0


def nothing(*_: Any) -> Claims:
    """No claim."""
    yield from ()


@dataclass(frozen=True, slots=True)
class Waits:
    """A loop that only looks again: it has no bound of its own, and ends when others did what it waits for."""

    what: Callable[[View, Any], Claims]
    """Of the view and the locals: what was seen, whenever it looks once more."""


@dataclass(frozen=True, slots=True)
class Unbounded:
    """A loop of which no bound is shown."""

    why: str


@dataclass(frozen=True, slots=True)
class Loop:
    """What is true whenever a loop's head is reached."""

    invariant: Callable[[View, Any], Claims]
    """Of the view and the function's locals."""
    keeps: Callable[[View, View], Claims]
    """What the loop does to the world between any two visits of its head: an order."""
    rank: Callable[[View, Any], Word | tuple[Word, ...]] | Waits | Unbounded | str
    """A natural number that falls with each round, or some of which the first that changes falls; or the name of the
    proof of another protocol that shows it."""
    about: Callable[[View, Any], Truth] = always
    """When the rank is a claim: when the loop works on what is observed."""
    locked: Callable[[Any], Truth] | None = None
    """Of the locals: whether the heap lock is held at the head, where that differs from round to round."""
    retries: str = ""
    """A word. The rank need not fall in a round in which another thread has changed it: a failed compare-and-swap."""
    unless: Callable[[View, View], Truth] = never
    """Of the views at the head and now: whether another thread did something else for which a round may be repeated."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a function asks for and promises; in place of its body when a caller is proved."""

    requires: Callable[..., Claims]
    """Of the view and the arguments."""
    keeps: Callable[[View, View], Claims]
    """What it does to the world, others' steps included."""
    ensures: Callable[..., Claims]
    """Of the view before, the view after, the result and the arguments."""
    result: str
    """truth, word (0 or more), signed (any), growth (a word and a truth), region, span or none."""
    discharged: str
    """Where it is shown that the function does so."""
    columns: tuple[str, ...] = ()
    """The columns of the release table on which it depends."""
    locked: bool | None = None
    """Whether the heap lock must be held, or must not be; None: it makes no difference."""
    unpreempted: bool = False
    """Whether the caller must not be preempted, for the world is not to be stopped before it returns."""
