"""What a sampler is: it draws one schedule at a time, by a rule that promises something, and says what.

Read next: pos.py, the default; then pct.py, surw.py and uniform.py; then walk.py, which takes the steps.
"""

from collections.abc import Callable
from random import Random
from typing import ClassVar, Protocol

from spanproof.checks.sampling.space import Option, Space

Rule = Callable[[tuple[Option, ...]], Option]
"""Of what threads can do in a state, at least one thing, that which is done; asked once for each step."""


class Sampler(Protocol):
    """A way in which schedules are drawn."""

    name: ClassVar[str]
    pilots: ClassVar[int]
    """So many schedules are drawn uniformly first, for it to count steps in."""

    @property
    def guarantee(self) -> str:
        """What it promises of one schedule, in one sentence."""
        ...

    def learn(self, space: Space, path: list[int]) -> None:
        """Count what it must know, in a schedule that was drawn uniformly."""
        ...

    def begin(self, space: Space, draw: Random) -> Rule:
        """Draw what it draws once a schedule: the rule of this one."""
        ...


def highest(there: tuple[Option, ...], priorities: list[float]) -> Option:
    """What the thread of the highest priority can do, the first of those where they are equal."""
    option, most = there[0], priorities[there[0][0]]
    for other in there:
        if priorities[other[0]] > most:
            option, most = other, priorities[other[0]]
    return option
