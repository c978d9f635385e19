"""SURW, selectively uniform random walk (Zhao and others, 2025): threads weighed by what they have left to do.

A schedule looks at one shared word, drawn anew each time. The thread that touches it next is drawn, weighed by how
often each is still to touch it; until then the others go on as they like, but do not touch it. Without weights a thread
with few accesses is nearly always through before one with many has come far.
"""

from collections import Counter
from random import Random
from typing import ClassVar

from spanproof.checks.sampling.sampler import Rule
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

    def begin(self, space: Space, draw: Random) -> Rule:
        """Draw the word and who touches it first."""
        word = draw.choice(self.words) if self.words else NO_WORD
        often = max(1, self._learned)
        return _Looking(word, [round(self._touched[word, t] / often) for t in range(space.threads)], draw).rule


class _Looking:
    """A schedule that looks at one word."""

    def __init__(self, word: int, left: list[int], draw: Random) -> None:
        """left: how often each thread is still to touch the word."""
        self.word, self.left, self.draw = word, left, draw
        self.intended = self._next()

    def _next(self) -> int:
        """Draw who touches the word next, weighed by how often each still will."""
        at = self.draw.random() * sum(self.left)
        for t, often in enumerate(self.left):
            at -= often
            if at < 0:
                return t
        return int(self.draw.random() * len(self.left))

    def rule(self, there: tuple[Option, ...]) -> Option:
        """One of all, but who touches the word is the intended thread."""
        word, intended = self.word, self.intended
        option = there[0] if len(there) == 1 else there[int(self.draw.random() * len(there))]
        for other in there:
            if other[2] == word and other[0] != intended:
                option = self._choose(there)
                break
        if option[2] == word:
            self.left[option[0]] = max(0, self.left[option[0]] - 1)
            self.intended = self._next()
        return option

    def _choose(self, there: tuple[Option, ...]) -> Option:
        """One that may go on now; if all are about to touch the word and the intended cannot, one of them, weighed."""
        word, intended = self.word, self.intended
        free = [option for option in there if option[2] != word or option[0] == intended]
        if free:
            return free[int(self.draw.random() * len(free))]
        weights = [self.left[option[0]] for option in there]
        return self.draw.choices(there, weights if any(weights) else None)[0]
