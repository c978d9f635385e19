"""Uniform: each step, one of the threads that can go on, all equally likely."""

from random import Random
from typing import ClassVar

from spanproof.checks.sampling.sampler import ENDED, GOES_ON, STRETCH
from spanproof.checks.sampling.space import Space


class Uniform:
    """The plain random walk."""

    name: ClassVar[str] = "uniform"
    guarantee = (
        "each step takes one of the threads that can go on, all equally likely; nothing beyond that is promised, and a "
        "schedule that needs long runs of one thread is exponentially rare"
    )
    pilots: ClassVar[int] = 0

    def learn(self, space: Space, path: list[int]) -> None:
        """Nothing need be known."""

    def begin(self, space: Space, draw: Random) -> None:
        """Nothing is drawn in advance."""

    def stretch(self, space: Space, draw: Random, path: list[int]) -> int:
        """See sampler.py."""
        options, look, random, append = space.options.get, space.look, draw.random, path.append
        state = path[-1]
        for _ in range(STRETCH):
            there = options(state)
            if there is None:
                there = look(state)
            if not there:
                return ENDED
            option = there[0] if len(there) == 1 else there[int(random() * len(there))]
            state = option[1]
            if state < 0:
                return option[0]
            append(state)
        return GOES_ON
