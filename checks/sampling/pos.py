"""POS, partial order sampling (Yuan, Yang and Gu, 2018): every pending access has a random priority, the highest goes.

When an access is done, those pending that depend on it draw theirs anew, and so does its thread for its next. So the
order of dependent accesses is decided afresh each time, and no draw is spent on accesses whose order does not matter.
"""

from random import Random
from typing import ClassVar

from spanproof.checks.sampling.sampler import ENDED, GOES_ON, STRETCH
from spanproof.checks.sampling.space import Space


class Pos:
    """Partial order sampling."""

    name: ClassVar[str] = "pos"
    guarantee = (
        "every order of dependent accesses has a chance in each schedule: at least (1/n)^m where it has m accesses by "
        "n threads, and far more where most of them do not depend on each other"
    )
    pilots: ClassVar[int] = 0

    def __init__(self) -> None:
        """Begin with no priorities."""
        self.priorities: list[float] = []

    def learn(self, space: Space, path: list[int]) -> None:
        """Nothing need be known."""

    def begin(self, space: Space, draw: Random) -> None:
        """Draw the priorities of the first accesses."""
        self.priorities = [draw.random() for _ in range(space.threads)]

    def stretch(self, space: Space, draw: Random, path: list[int]) -> int:
        """See sampler.py."""
        options, look, random, append = space.options.get, space.look, draw.random, path.append
        priorities, state = self.priorities, path[-1]
        for _ in range(STRETCH):
            there = options(state)
            if there is None:
                there = look(state)
            if not there:
                return ENDED
            option, highest = there[0], priorities[there[0][0]]
            for other in there[1:]:
                if priorities[other[0]] > highest:
                    option, highest = other, priorities[other[0]]
            t, state, _, concerned = option
            if state < 0:
                return t
            append(state)
            for u in concerned:
                priorities[u] = random()
        return GOES_ON
