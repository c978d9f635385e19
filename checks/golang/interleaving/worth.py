"""What a difference is worth: Go's text alone on a small program, and its promises where each interleaving ends.

That a text takes other steps than the reference breaks nothing by itself: an atomic access more may do no harm, and a
store where a compare-and-swap belongs does. Read next: interleave.py.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from spanproof.checks.golang.extracted.driving import DiedError
from spanproof.checks.golang.interleaving.scheduling import Trying
from spanproof.checks.golang.interleaving.stepping import Reference, ended
from spanproof.checks.golang.interleaving.steps import KINDS, STEP, Told

MOST = 50_000
"""Interleavings that are gone through in their order: the first differ only in how they end."""
DRAWN = 3_000
"""Those that are drawn where there are more."""
SECONDS = 5.0
"""For either; the rest of a patch is still to be judged."""
OFTEN = 256
"""Interleavings from one look at the clock to the next."""
ELSEWHERE = "Go's text writes a word that is not known here, and is not as it was when the next interleaving begins"
Hurry = Callable[[int], str | None]


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that is broken where a schedule ends."""

    promise: str
    seen: str


def broken(reference: Reference, told: Told) -> Iterator[Broken]:
    """The promises of a trial that do not hold where this schedule of Go's text ends."""
    how = ended(reference, told)
    for promise in reference.trial.promises:
        yield from (Broken(promise.__name__, seen) for seen in promise(reference.trial, how))


@dataclass(frozen=True, slots=True)
class Worth:
    """What the promises of a program say of Go's text alone."""

    schedules: int = 0
    """Gone through in their order."""
    whole: bool = False
    """There are no more."""
    drawn: int = 0
    """Drawn beside them."""
    promises: tuple[str, ...] = ()
    """What was judged: no harm of another kind was looked for."""
    broken: Broken | None = None
    told: Told | None = None
    """The schedule in which it is broken, if that was kept."""
    unjudged: str = ""
    """Why nothing is said."""

    @property
    def said(self) -> str:
        """What follows the difference, in words."""
        if self.broken is not None:
            return f"and Go alone breaks {self.broken.promise}: {self.broken.seen}"
        if self.unjudged:
            return f"what it is worth was not judged: {self.unjudged}"
        said = f"a difference, and no harm seen: Go alone keeps the promises of this program in {self._many}"
        return f"{said} ({', '.join(self.promises)})"

    @property
    def why(self) -> str:
        """The same for a record: without how many, where that depends on how fast they were gone through."""
        if self.broken is not None or self.unjudged or self.whole:
            return self.said.removeprefix("and ").removeprefix("what it is worth was ")
        said = "a difference, and no harm seen: Go alone keeps the promises of this program in those interleavings that"
        return f"{said} were gone through, not in all ({', '.join(self.promises)})"

    @property
    def counts(self) -> dict[str, int]:
        """The same in numbers; whether a promise is broken is left out where that was not judged."""
        judged = self.broken is not None or not self.unjudged
        return {
            "interleavings_alone": self.schedules + self.drawn,
            **({"promises_broken": int(self.broken is not None)} if judged else {}),
        }

    @property
    def _many(self) -> str:
        if self.whole:
            return f"all {self.schedules:,} interleavings"
        if not self.schedules:
            return f"{self.drawn:,} interleavings that were drawn"
        return f"{self.schedules:,} interleavings, stopped there, and in {self.drawn:,} that were drawn"


def worth_of(program: Path, reference: Reference, hurry: Hurry, seed: int, *, small: bool) -> Worth:
    """Go through interleavings of Go's text alone, until one breaks a promise.

    The program has a process of its own: no word is left from other schedules, and what it runs, which is compared
    with nothing, does not count as tried. seed: not 0, for those that are drawn. small: go through all if they are not
    too many; else they are drawn at once.
    """
    if not reference.trial.promises:
        return Worth(unjudged="nothing is promised of this program")
    go = Trying(program)
    try:
        found = _walked(go, reference, hurry, MOST) if small else Worth()
        if found.whole or found.broken is not None or found.unjudged:
            return found
        go.again()  # it would tell of all the others
        return replace(_drawn(go, reference, hurry, seed), schedules=found.schedules)
    except DiedError as e:
        return Worth(unjudged=f"Go's side is gone: {e}")
    finally:
        go.driven.end()


def _walked(go: Trying, reference: Reference, hurry: Hurry, most: int, seed: int = 0) -> Worth:
    """Schedules of one kind, until a promise is broken or it takes too long. Raises DiedError."""
    schedules, stop = 0, time.monotonic() + SECONDS
    promises = tuple(promise.__name__ for promise in reference.trial.promises)
    for told in go.schedules(reference, most, seed=seed):
        schedules += 1
        found = next(broken(reference, told), None)
        if found is not None:
            return Worth(schedules, broken=found, told=told)
        if _writes_elsewhere(told):
            return Worth(schedules, unjudged=ELSEWHERE)
        if schedules % OFTEN == 0 and (time.monotonic() > stop or hurry(0) is not None):
            return Worth(schedules, promises=promises)
    return Worth(schedules, whole=schedules < most, promises=promises)


def _drawn(go: Trying, reference: Reference, hurry: Hurry, seed: int) -> Worth:
    found = _walked(go, reference, hurry, DRAWN, seed)
    return replace(found, schedules=0, whole=False, drawn=found.schedules)


def _writes_elsewhere(told: Told) -> bool:
    """Whether a step writes a word that is none of the trial's, and so is not set back."""
    steps = zip(told.steps[1::STEP], told.steps[2::STEP], strict=True)
    return any(not cell and kind & 1 and kind >> 1 != KINDS["load"] for kind, cell in steps)
