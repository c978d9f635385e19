"""Words that threads change by compare-and-swap, and try again on if it fails: who made it fail.

With each such word goes a count of the steps that other threads have made on it: a ghost. If the word is not what this
thread left there, the count has grown. So a round of a loop that is repeated only where the count has grown since the
round before costs another thread a step, which succeeded: of all rounds of all threads together some get through.
Read next: engine.py.
"""

from typing import Any

from spanproof.checks.proving.cuts import LiftError
from spanproof.checks.proving.observing import Observing
from spanproof.checks.proving.paths import Paths, Tide
from spanproof.impl.access import Access, perform
from spanproof.model.logic import all_of, any_of

THREAD = 0


class Tides(Paths):
    """The words on which this thread tries again."""

    protocol: Observing

    def tide(self, name: str) -> Tide:
        """The word as this thread met it last; before that, any."""
        if name not in self.tides:
            self.tides = {**self.tides, name: self._later(name, None)}
        return self.tides[name]

    def _later(self, name: str, old: Tide | None) -> Tide:
        new = Tide(self.protocol.some_value(name), self.fresh(f"others' steps on {name}"))
        if old is not None:
            self.assume(old.theirs <= new.theirs)
        return new

    def step_on(self, access: Access[Any]) -> tuple[Any, Any, Any]:
        """Do an access to such a word, which others may have changed since: (the word, what it is then, the result)."""
        name, index = access.cell.name, access.cell.index
        if index is not None:
            raise LiftError(f"{self.where()}: {name} is many words, and a loop tries again on one")
        old = self.tide(name)
        now = self._later(name, old)
        self.assume(any_of(now.value == old.value, old.theirs < now.theirs))
        value, result = perform(access, now.value, THREAD)
        self.tides = {**self.tides, name: Tide(value, now.theirs)}
        return now.value, value, result

    def adrift(self) -> None:
        """This thread may itself have changed these words, in a callee or in rounds of a loop."""
        self.tides = {name: self._later(name, old) for name, old in self.tides.items()}

    def was_outrun(self, word: str, then: Any) -> Any:  # a truth
        """Whether another thread has changed the word since the time of this count."""
        return then < self.tides[word].theirs if word else False


def falls(now: Any, then: Any) -> Any:  # a truth
    """Whether a rank is lower: of several numbers the first that is not the same."""
    if not isinstance(now, tuple):
        return now < then
    claim: Any = False
    for a, b in reversed(list(zip(now, then, strict=True))):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        claim = any_of(a < b, all_of(a == b, claim))
    return claim
