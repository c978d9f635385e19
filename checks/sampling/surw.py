"""SURW, selectively uniform random walk (Zhao and others, 2025): threads weighed by what they have left to do.

A schedule looks at one shared word, drawn anew each time. The thread that touches it next is drawn, weighed by how
often each is still to touch it; until then the others go on as they like, but do not touch it. Without weights a thread
with few accesses is nearly always through before one with many has come far.
"""

from collections import Counter
from random import Random
from typing import ClassVar

from spanproof.checks.sampling.sampler import ENDED, GOES_ON, STRETCH
from spanproof.checks.sampling.space import Option, Space

NO_WORD = -1


class Surw:
    """Selectively uniform random walk, selecting one shared word for each schedule."""

    name: ClassVar[str] = "surw"
    guarantee = (
        "all interleavings of the accesses to the word that a schedule looks at are equally likely, as long as none of "
        "them waits and each thread touches it as often as was counted (the mean, rounded, of the uniform ones drawn "
        "first)"
    )
    pilots: ClassVar[int] = 32

    def __init__(self) -> None:
        """Begin with no counts."""
        self._touched: Counter[tuple[int, int]] = Counter()
        self._changed: set[int] = set()
        self._learned = 0
        self._words: list[int] | None = None
        self.word, self.intended = NO_WORD, 0
        self.left: list[int] = []
        """How often each thread is still to touch the word."""

    def learn(self, space: Space, path: list[int]) -> None:
        """Count how often each thread touches which word, and which words change."""
        self._learned, self._words = self._learned + 1, None
        for state, (t, _, number, _) in zip(path, space.steps(path), strict=False):
            self._touched[number, t] += 1
            node = space.tables.nodes_of(state)[t]
            if node is not None and node.access.kind not in {"load", "read"}:
                self._changed.add(number)

    @property
    def words(self) -> list[int]:
        """The words that are shared: more than one thread touches them, and somebody not only looks."""
        if self._words is None:
            threads = Counter(number for number, _ in self._touched)
            self._words = sorted(number for number in self._changed if threads[number] > 1)
        return self._words

    def begin(self, space: Space, draw: Random) -> None:
        """Draw the word and who touches it first."""
        self.word = draw.choice(self.words) if self.words else NO_WORD
        touched, often = self._touched, max(1, self._learned)
        self.left = [round(touched[self.word, t] / often) for t in range(space.threads)]
        self._intend(draw)

    def _intend(self, draw: Random) -> None:
        """Draw who touches the word next, weighed by how often each still will."""
        at = draw.random() * sum(self.left)
        for t, often in enumerate(self.left):
            at -= often
            if at < 0:
                self.intended = t
                return
        self.intended = int(draw.random() * len(self.left))

    def stretch(self, space: Space, draw: Random, path: list[int]) -> int:
        """See sampler.py."""
        options, look, append, random = space.options.get, space.look, path.append, draw.random
        word, state, left = self.word, path[-1], self.left
        for _ in range(STRETCH):
            there = options(state)
            if there is None:
                there = look(state)
            if not there:
                return ENDED
            option = there[0] if len(there) == 1 else there[int(random() * len(there))]
            for other in there:
                if other[2] == word and other[0] != self.intended:
                    option = self._choose(there, draw)
                    break
            state = option[1]
            if state < 0:
                return option[0]
            append(state)
            if option[2] == word:
                left[option[0]] = max(0, left[option[0]] - 1)
                self._intend(draw)
        return GOES_ON

    def _choose(self, there: tuple[Option, ...], draw: Random) -> Option:
        """One that may go on now; if all are about to touch the word and the intended cannot, one of them, weighed."""
        word, intended = self.word, self.intended
        free = [option for option in there if option[2] != word or option[0] == intended]
        if free:
            return free[int(draw.random() * len(free))]
        weights = [self.left[option[0]] for option in there]
        return draw.choices(there, weights if any(weights) else None)[0]
