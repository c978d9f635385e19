"""What a scenario is: a program with what must come out of all its interleavings. Read next: scenarios.py."""

from dataclasses import dataclass
from typing import Any

from spanproof.checks.programs import Op, Program, Thread
from spanproof.model.geometry import Geometry
from spanproof.model.releases import row

NOT_COUNTED = -1
"""In the place of the number of states of a program that nobody has counted."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A program with what must come out."""

    name: str
    says: str
    program: Program
    states: int
    """Of the whole search, exactly; NOT_COUNTED: any number."""
    sentinels: tuple[str, ...]
    only: str | None = None
    """The claim that is judged alone."""
    finding: bool = False
    """Go itself breaks that claim: the search must find it."""


def scenario(
    name: str, says: str, release: str, geometry: Geometry, threads: tuple[Thread, ...], states: int,
    sentinels: tuple[str, ...], *, only: str | None = None, finding: bool = False, **switches: Any,
) -> Scenario:  # fmt: skip
    """A scenario. switches: those of the program."""
    return Scenario(name, says, Program(threads, geometry, row(release), **switches), states, sentinels, only, finding)


def thread(*ops: Op, before: tuple[Op, ...] = ()) -> Thread:
    """What one thread does, and what it did before."""
    return Thread(ops, before)
