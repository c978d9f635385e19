"""How a heap went over a trace, in few numbers: what a page of a report draws, in a value that a process hands back.

Plain numbers without numpy, which who draws them need not load. Read next: counting.py, which makes them, and life.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Life:
    """The story of one page of a trace."""

    page: str
    """Its number and its address."""
    about: str
    """What it is told for."""
    rows: tuple[str, ...]
    """The rows that concern it, in words."""


@dataclass(frozen=True, slots=True)
class Series:
    """One trace, cut into stretches of as many events each, but for one. A trace holds no clock: events are its time.

    Pages are those that there are once the last event of a stretch is done.
    """

    name: str
    """The trace's."""
    rows: int
    """Events of the whole trace; more than the last of `ends` if who owns what is not known to its end."""
    ends: tuple[int, ...]
    """How many events there are up to the end of each stretch; ascending."""
    grown: tuple[int, ...]
    """Pages of the heap, without padding."""
    spans: tuple[int, ...]
    """Pages in spans."""
    scavenged: tuple[int, ...]
    """Pages of the heap that the OS has back, or never gave."""
    events: Mapping[str, tuple[int, ...]]
    """By kind, as the file spells it: how many events of it each stretch has. Kinds that do not occur are left out."""
    life: Life | None = None
    """The story of a page of it, if there is one."""

    def coarser(self, most: int) -> "Series":
        """The same in at most so many stretches, each of several of these."""
        size = max(1, -(-len(self.ends) // most))
        lasts = [min(at + size, len(self.ends)) - 1 for at in range(0, len(self.ends), size)]

        def kept(values: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(values[last] for last in lasts)

        added = {
            kind: tuple(sum(numbers[at : at + size]) for at in range(0, len(numbers), size))
            for kind, numbers in self.events.items()
        }
        grown, spans, scavenged = (kept(pages) for pages in (self.grown, self.spans, self.scavenged))
        return replace(self, ends=kept(self.ends), grown=grown, spans=spans, scavenged=scavenged, events=added)
