"""PCT, probabilistic concurrency testing (Burckhardt and others, 2010): few preemptions, at places drawn in advance.

Threads have random priorities, and the highest that can go on does. At d-1 steps, drawn from all k, the thread that is
about to go on falls below all others. A bug of depth d needs d ordering constraints; d-1 falls can enforce them.
"""

from itertools import count
from random import Random
from typing import ClassVar

from spanproof.checks.sampling.sampler import Rule, highest
from spanproof.checks.sampling.space import Option, Space

DEPTH = 3


class Pct:
    """PCT with its depth."""

    name: ClassVar[str] = "pct"
    pilots: ClassVar[int] = 32

    def __init__(self, depth: int = DEPTH) -> None:
        """Look for bugs of this depth.

        Raises:
            ValueError: the depth is below 1.

        """
        if depth < 1:
            raise ValueError("a bug has a depth of 1 or more")
        self.depth = depth
        self.longest = 1
        """The most steps of a schedule so far."""

    @property
    def guarantee(self) -> str:
        """What it promises, with the numbers."""
        return (
            f"a bug of depth {self.depth} is hit by a schedule with probability at least 1/(n k^{self.depth - 1}), for "
            f"n threads and schedules of at most k steps; k = {self.longest}, the most seen in the uniform ones drawn "
            "first"
        )

    def learn(self, space: Space, path: list[int]) -> None:  # noqa: ARG002  # the signature of Sampler
        """See how long a schedule is."""
        self.longest = max(self.longest, len(path) - 1)

    def begin(self, space: Space, draw: Random) -> Rule:
        """Draw the order of the threads and the steps at which one falls."""
        priorities: list[float] = list(range(self.depth, self.depth + space.threads))
        draw.shuffle(priorities)
        falls = sorted(((int(draw.random() * self.longest), low) for low in range(1, self.depth)), reverse=True)
        steps = count()

        def rule(there: tuple[Option, ...]) -> Option:
            step = next(steps)
            option = there[0] if len(there) == 1 else highest(there, priorities)
            while falls and falls[-1][0] == step:
                priorities[option[0]] = falls.pop()[1]
                option = highest(there, priorities)
            return option

        return rule
