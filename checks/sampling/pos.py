"""POS, partial order sampling (Yuan, Yang and Gu, 2018): every pending access has a random priority, the highest goes.

When an access is done, those pending that depend on it draw theirs anew, and so does its thread for its next. So the
order of dependent accesses is decided afresh each time, and no draw is spent on accesses whose order does not matter.
"""

from random import Random
from typing import ClassVar

from spanproof.checks.sampling.sampler import Rule, highest
from spanproof.checks.sampling.space import Option, Space


class Pos:
    """Partial order sampling."""

    name: ClassVar[str] = "pos"
    guarantee = (
        "every order of dependent accesses has a chance in each schedule: at least (1/n)^m where it has m accesses by "
        "n threads, and far more where most of them do not depend on each other"
    )
    pilots: ClassVar[int] = 0

    def learn(self, space: Space, path: list[int]) -> None:
        """Nothing need be known."""

    def begin(self, space: Space, draw: Random) -> Rule:
        """Draw the priorities of the first accesses."""
        random = draw.random
        priorities = [random() for _ in range(space.threads)]

        def rule(there: tuple[Option, ...]) -> Option:
            option = there[0] if len(there) == 1 else highest(there, priorities)
            for u in option[3]:
                priorities[u] = random()
            return option

        return rule
