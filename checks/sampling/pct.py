"""PCT, probabilistic concurrency testing (Burckhardt and others, 2010): few preemptions, at places drawn in advance.

Threads have random priorities, and the highest that can go on does. At d-1 steps, drawn from all k, the thread that is
about to go on falls below all others. A bug of depth d needs d ordering constraints; d-1 falls can enforce them.
"""

from random import Random
from typing import ClassVar

from spanproof.checks.sampling.sampler import ENDED, GOES_ON, STRETCH
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
        self.priorities: list[int] = []
        self.falls: list[tuple[int, int]] = []
        """Steps at which a thread falls, and its priority from then on; the next one last."""
        self.done = 0

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

    def begin(self, space: Space, draw: Random) -> None:
        """Draw the order of the threads and the steps at which one falls."""
        self.priorities = list(range(self.depth, self.depth + space.threads))
        draw.shuffle(self.priorities)
        self.falls = [(int(draw.random() * self.longest), low) for low in range(1, self.depth)]
        self.falls.sort(reverse=True)
        self.done = 0

    def stretch(self, space: Space, draw: Random, path: list[int]) -> int:  # noqa: ARG002  # the signature of Sampler
        """See sampler.py."""
        options, look, append, priorities = space.options.get, space.look, path.append, self.priorities
        state, falls = path[-1], self.falls
        fall = falls[-1][0] if falls else -1
        for step in range(self.done, self.done + STRETCH):
            there = options(state)
            if there is None:
                there = look(state)
            if not there:
                return ENDED
            option = there[0] if len(there) == 1 else _highest(there, priorities)
            while step == fall:
                priorities[option[0]] = falls.pop()[1]
                option = _highest(there, priorities)
                fall = falls[-1][0] if falls else -1
            state = option[1]
            if state < 0:
                return option[0]
            append(state)
        self.done += STRETCH
        return GOES_ON


def _highest(there: tuple[Option, ...], priorities: list[int]) -> Option:
    option, highest = there[0], priorities[there[0][0]]
    for other in there[1:]:
        if priorities[other[0]] > highest:
            option, highest = other, priorities[other[0]]
    return option
