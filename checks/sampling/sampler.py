"""What a sampler is: it draws one schedule at a time, by a rule that promises something, and says what.

Read next: pos.py, the default; then pct.py, surw.py and uniform.py.
"""

from random import Random
from typing import ClassVar, Protocol

from spanproof.checks.sampling.space import Space

STRETCH = 500
"""Steps after which a walk is looked at: does it only go round?"""
ENDED, GOES_ON = -1, -2
"""How a stretch may end, besides with the thread whose step breaks a claim: nobody can go on, or somebody can."""


class Sampler(Protocol):
    """A rule by which schedules are drawn."""

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

    def begin(self, space: Space, draw: Random) -> None:
        """Draw what it draws once a schedule."""
        ...

    def stretch(self, space: Space, draw: Random, path: list[int]) -> int:
        """Walk on for at most STRETCH steps: the thread whose step breaks a claim, ENDED or GOES_ON."""
        ...
