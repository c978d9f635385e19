"""Guards, and values that were reached in two ways: one of them by a condition.

Read next: expressions.py.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportAttributeAccessIssue=false
# What the text computes with is of any type.

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from spanproof.checks.proving.cuts import LiftError
from spanproof.checks.proving.lifted.numbers import Symbol, choice, negated
from spanproof.checks.proving.terms import Truth
from spanproof.model.logic import all_of, any_of

Guard = Any
"""When a piece of text is reached: bool, or Truth."""


class Split:
    """A value that no single one can stand for: it may be carried on, but not be used."""

    def __init__(self, a: Any, b: Any) -> None:
        """Remember which two."""
        self.said = f"{type(a).__name__} or {type(b).__name__}"

    def __getattr__(self, name: str) -> Any:
        """Refuse."""
        raise LiftError(f"{self.said}: which of the two is not known where .{name} is used")


def merged(condition: Truth, a: Any, b: Any) -> Any:
    """A value if the condition holds, another if not."""
    if a is b:
        return a
    if isinstance(a, bool | Truth) and isinstance(b, bool | Truth):
        return _claim(condition, a, b)
    if isinstance(a, Symbol | int) and isinstance(b, Symbol | int):
        return a if _plainly_equal(a, b) else choice(condition, a, b)
    if type(a) is not type(b):
        return Split(a, b)
    if isinstance(a, tuple | list) and len(a) == len(b):
        return type(a)(merged(condition, x, y) for x, y in zip(a, b, strict=True))
    if is_dataclass(a) and not isinstance(a, type):
        return type(a)(**{f.name: merged(condition, getattr(a, f.name), getattr(b, f.name)) for f in fields(a)})
    return a if _plainly_equal(a, b) else Split(a, b)


def _plainly_equal(a: Any, b: Any) -> bool:
    return not isinstance(a, Symbol) and not isinstance(b, Symbol) and bool(a == b)


def _claim(condition: Truth, a: Any, b: Any) -> Any:
    if isinstance(a, bool) and isinstance(b, bool):
        return a if a == b else condition if a else negated(condition)
    if isinstance(a, bool):
        return any_of(condition, b) if a else all_of(negated(condition), b)
    if isinstance(b, bool):
        return any_of(negated(condition), a) if b else all_of(condition, a)
    return condition.choice(a, b)


def first_of(ways: Iterable[tuple[Guard, Any]]) -> Any:
    """The value of the way that was taken: the guards exclude each other, and one of them holds."""
    found = list(ways)
    result = found[-1][1]
    for guard, value in reversed(found[:-1]):
        result = (value if guard else result) if isinstance(guard, bool) else merged(guard, value, result)
    return result


def joined(condition: Guard, yes: Mapping[str, Any], no: Mapping[str, Any]) -> dict[str, Any]:
    """The names that both ways bind."""
    if isinstance(condition, bool):
        return dict(yes if condition else no)
    return {name: merged(condition, yes[name], no[name]) for name in yes if name in no}


def truth_of(value: Any) -> Any:
    """Whether a value counts as true: bool, or Truth."""
    if isinstance(value, Truth):
        return value
    if isinstance(value, Symbol):
        return negated(value.__eq__(0))
    return bool(value)
