"""Hypotheses that are added and taken back: what is to be done to come from one question to the next.

Questions of one path know mostly the same, so whoever hears them keeps what stays. Read next: script.py, necessity.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Standing:
    """Hypotheses in levels, each level added at once and taken back at once."""

    terms: list[Any] = field(default_factory=list[Any])
    names: list[str] = field(default_factory=list[str])
    levels: list[int] = field(default_factory=list[int])
    """How many hypotheses stand below each level."""

    def turn_to(self, known: Sequence[Any], names: Sequence[str]) -> tuple[int, int]:
        """Make this what stands: (how many levels are taken back, how many of the hypotheses are still there).

        Those after them make a level of their own, if there are any.
        """
        same, taken = _common(self.terms, self.names, known, names), 0
        while self.levels and len(self.terms) > same:
            taken += 1
            kept = self.levels.pop()
            del self.terms[kept:], self.names[kept:]
        kept = len(self.terms)
        if len(known) > kept:
            self.levels.append(kept)
            self.terms += known[kept:]
            self.names += names[kept:]
        return taken, kept


def _common(a: Sequence[Any], names_a: Sequence[str], b: Sequence[Any], names_b: Sequence[str]) -> int:
    """How many hypotheses both begin with."""
    n = 0
    for x, name_x, y, name_y in zip(a, names_a, b, names_b, strict=False):
        if name_x != name_y or (x is not y and not x.eq(y)):
            break
        n += 1
    return n
