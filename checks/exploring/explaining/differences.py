"""What threads of two heaps do, and where they first do otherwise: the access, and the functions that it is in.

Read next: inside.py.
"""

from dataclasses import dataclass, field
from itertools import takewhile

OF_PROGRAMS = ("act", "run")
"""What calls the heap."""


@dataclass(frozen=True, slots=True)
class Did:
    """An access that a thread does, with what comes of it; or that it is about to do, which nothing has come of yet."""

    place: int = field(compare=False)
    """The number of its step; of the step after which it is about to do it; 0 before the program begins."""
    about: bool
    thread: int
    function: str
    access: str
    cell: str
    operation: str
    values: tuple[str, ...] = field(compare=False)
    """As records show them: its arguments; then, if it is done, the result and what the cell held and holds."""
    exactly: str
    """The same with all that they consist of."""
    callers: tuple["Caller", ...] = field(compare=False)
    """The functions that await one another, the outermost first, its own last."""

    @property
    def what(self) -> tuple[int, str, str, str, str]:
        """The access, without its values."""
        return self.thread, self.function, self.access, self.cell, self.operation


@dataclass(frozen=True, slots=True)
class Caller:
    """A function that has not returned yet."""

    function: str
    given: str = field(compare=False)
    """Its arguments."""


PROGRAM = tuple(Caller(function, "") for function in OF_PROGRAMS)
"""The callers of a thread that has returned from all that it called."""


@dataclass(frozen=True, slots=True)
class End:
    """A thread has no more to do, or breaks off, in this function if that is known."""

    breaks_off: bool
    function: str = ""
    callers: tuple[Caller, ...] = field(default=(), compare=False)
    """Those of the last access before it breaks off."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two heaps first do otherwise: the one under test, and the reference."""

    place: int
    about: bool
    """Whether it comes after the step of that number, and not with it."""
    tested: Did | End
    reference: Did | End
    inside: str = ""
    """The plain function that came to something else before it; "" if there is none."""

    @property
    def within(self) -> str:
        """The innermost function that both are still in, and that does otherwise; "" if that is not known."""
        if self.inside:
            return self.inside
        common = self._common()
        known = 0 < common < max(len(self.tested.callers), len(self.reference.callers))
        return _named(self.tested.callers[common - 1].function) if known else ""

    def below(self, did: Did) -> str:
        """The function that one of the heaps alone calls; where values differ, the one that gives them; "" if none."""
        if isinstance(self.tested, Did) and isinstance(self.reference, Did) and self.tested.what == self.reference.what:
            return "" if self.inside else _giving(self.tested.callers, self.reference.callers)
        common = self._common()
        return "" if common in {0, len(did.callers)} else _named(did.callers[common].function)

    @property
    def text(self) -> set[str]:
        """The functions that the difference is in, as near as is known."""
        if self.inside:
            return {self.inside}
        both = self.tested, self.reference
        names = {did.operation or did.function if isinstance(did, Did) else did.function for did in both}
        return (names | {self.within}) - {""}

    def _common(self) -> int:
        """How many of the functions that await one another both have in common."""
        both = zip(self.tested.callers, self.reference.callers, strict=False)
        return len([*takewhile(lambda pair: pair[0] == pair[1], both)])


def _giving(tested: tuple[Caller, ...], reference: tuple[Caller, ...]) -> str:
    """The function that gives others other arguments, having been given the same ones."""
    for ours, theirs in zip(reversed(tested), reversed(reference), strict=False):
        if ours.given == theirs.given:
            return _named(ours.function)
    return ""


def _named(function: str) -> str:
    return "" if function in OF_PROGRAMS else function
