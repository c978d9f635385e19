"""Uniform: each step, one of the threads that can go on, all equally likely."""

from random import Random
from typing import ClassVar

from spanproof.checks.sampling.sampler import Rule
from spanproof.checks.sampling.space import Option, Space


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

    def begin(self, space: Space, draw: Random) -> Rule:  # noqa: ARG002  # the signature of Sampler
        """Nothing is drawn in advance."""
        random = draw.random

        def rule(there: tuple[Option, ...]) -> Option:
            return there[0] if len(there) == 1 else there[int(random() * len(there))]

        return rule
