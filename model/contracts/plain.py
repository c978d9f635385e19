"""The shape of contracts for plain functions: what is known at the head of a loop, and what a call gives.

What holds of every place of a bitmap is shown of an arbitrary one, and may be used of those that a contract names.
Read next: bitmaps.py.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spanproof.model.contracts.contract import nothing
from spanproof.model.logic import Claims

Names = Any
"""The function's names at one place of its text, as attributes. `entry` has those with which the loop in question was
entered, `after_2` those with which the function's second loop was left."""
Number = Any
"""int, or a symbol that stands for one."""


def nowhere(*_: Any) -> Iterable[Number]:
    """No place."""
    return ()


def no_names() -> dict[str, Any]:
    """No names."""
    return {}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known whenever one place of the text is reached."""

    claims: Callable[[Names], Claims] = nothing
    everywhere: Callable[[Names, Number], Claims] = nothing
    """Of each of the loop's `places`."""


@dataclass(frozen=True, slots=True)
class PlainLoop:
    """What stands for the rounds of a loop. In a `for` the name `index` is how many items were gone through."""

    changes: Mapping[str, tuple[int, int]]
    """The names that it changes, each with the least and the greatest number it can be."""
    head: Known
    """Whenever its head is reached."""
    left: Known | None = None
    """When it is over, or broken off. If none is named all that is known of each way is known of them together."""
    rank: Callable[[Names], Number] | None = None
    """Of a `while`: what falls with each round, and never below 0."""
    places: tuple[int, int] = (0, 0)
    """The first and the last place of which something holds everywhere."""
    told: Mapping[str, tuple[Callable[[Names], Number], Callable[[Names, Names], Number]]] = field(
        default_factory=no_names
    )
    """Names that `changes` has and the text has not, which only contracts speak of: what each is where the loop is
    entered, and after a round, of the names at the head and the names after it."""
    steps: Callable[[Names, Names, Number | None], Claims] = nothing
    """What leads to all that must be shown in a round: of the names at the head, the names there, and the place of
    which it must be shown, if it is of one."""
    uses: Callable[[Names, Names, Number | None], Iterable[Number]] = nowhere
    """At what places this is used in a round: of the names at the head, the names where something must be shown, and
    the place of which it must be shown, if it is of one."""


@dataclass(frozen=True, slots=True)
class PlainCall:
    """What a function of numbers asks for and gives."""

    results: tuple[tuple[int, int], ...]
    """The least and the greatest of each number it gives."""
    ensures: Callable[..., Claims]
    """Of the result and the arguments."""
    requires: Callable[..., Claims] = nothing
    """Of the arguments."""
    requires_everywhere: Callable[..., Claims] = nothing
    """Of each of the `places`, and the arguments."""
    places: tuple[int, int] = (0, 0)

    def gives(self, result: Any, *args: Any) -> Claims:
        """All that is claimed of a result."""
        for (least, most), number in zip(self.results, self.parts(result), strict=True):
            yield f"not below {least}", number >= least
            yield f"not above {most}", number <= most
        yield from self.ensures(result, *args)

    def parts(self, result: Any) -> tuple[Number, ...]:
        """The numbers of a result."""
        return result if len(self.results) > 1 else (result,)
