"""What schedules have seen, and what the next is likely to see that none has.

The estimate is Good and Turing's, for schedules in place of words: had a schedule been the next one, it would have seen
a new state exactly if it saw one that no other did. So the share of those schedules is the chance of the next.
"""

from itertools import pairwise

CERTAIN = 3
"""Of N schedules none has what happens with probability 3/N only once in twenty times."""


class Seen:
    """The states that schedules came by."""

    def __init__(self, start: int) -> None:
        """Begin where every schedule does."""
        self.parents: dict[int, int] = {start: -1}
        """Each state, and the one before it on the schedule that saw it first."""
        self.schedules = 0
        self._once: dict[int, int] = {}
        """The states that one schedule alone saw, and which."""
        self.coverage: list[tuple[int, int]] = []
        """So many schedules had seen so many states: after 1, 2, 4, 8, ..."""

    def add(self, path: list[int]) -> None:
        """Take note of a schedule."""
        fresh = set(path).difference(self.parents)
        if not self._once.keys().isdisjoint(path):
            for state in path:
                self._once.pop(state, None)
        if fresh:
            for before, state in pairwise(path):
                if state in fresh:
                    self.parents.setdefault(state, before)
            self._once.update(dict.fromkeys(fresh, self.schedules))
        self.schedules += 1
        if self.schedules & (self.schedules - 1) == 0:
            self.coverage.append((self.schedules, len(self.parents)))

    @property
    def alone(self) -> int:
        """How many schedules saw a state that no other did."""
        return len(set(self._once.values()))

    def curve(self) -> tuple[tuple[int, int], ...]:
        """The coverage up to now."""
        now = self.schedules, len(self.parents)
        return (*self.coverage, *([] if now in self.coverage else [now]))


def said_left(alone: int, schedules: int) -> str:
    """What is left, plainly."""
    if not schedules:
        return "nothing was drawn, so everything is left"
    if not alone and schedules <= CERTAIN:
        return "so few schedules say nothing of what the next one sees"
    if not alone:
        return f"the next schedule sees a new state with probability below about {CERTAIN / schedules:.1g}"
    return f"the next schedule sees a new state with probability about {alone / schedules:.2g}"
