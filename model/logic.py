"""Claims put together so that one text serves plain booleans and symbolic ones: and, or, not, implies, if.

Python's own `and`, `or`, `not` and `if` ask for a truth value, which a symbolic claim does not have. What is symbolic
is whatever has the methods of `Symbolic`; checks/proving/terms.py has the one that wraps Z3. Read next: contracts.
"""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Symbolic(Protocol):
    """A truth that is not known yet."""

    def conjunction(self, others: list[Any]) -> Any:
        """This and all others."""

    def disjunction(self, others: list[Any]) -> Any:
        """This or one of the others."""

    def negation(self) -> Any:
        """Not this."""

    def equivalence(self, other: Any) -> Any:
        """Whether both are true or both false."""

    def choice(self, yes: Any, no: Any) -> Any:
        """One word if this is true, another if not."""


Truth = Any
"""bool, or Symbolic."""
Claims = Iterator[tuple[str, Truth]]
"""Named claims, all of which hold."""


def each_of(*parts: Claims) -> Claims:
    """The claims of all parts, one after the other."""
    for part in parts:
        yield from part


def all_of(*claims: Truth) -> Truth:
    """Whether all hold."""
    unknown = [claim for claim in claims if not isinstance(claim, bool)]
    if any(claim is False for claim in claims):
        return False
    return unknown[0].conjunction(unknown[1:]) if unknown else True


def any_of(*claims: Truth) -> Truth:
    """Whether one holds."""
    unknown = [claim for claim in claims if not isinstance(claim, bool)]
    if any(claim is True for claim in claims):
        return True
    return unknown[0].disjunction(unknown[1:]) if unknown else False


def negate(claim: Truth) -> Truth:
    """Whether it does not hold."""
    return not claim if isinstance(claim, bool) else claim.negation()


def implies(premise: Truth, claim: Truth) -> Truth:
    """Whether the claim holds if the premise does."""
    return any_of(negate(premise), claim)


def same(a: Truth, b: Truth) -> Truth:
    """Whether both hold or neither."""
    if isinstance(a, bool):
        a, b = b, a
    if isinstance(a, bool):
        return a == b
    return a.equivalence(b)


def ite(condition: Truth, yes: Any, no: Any) -> Any:
    """One word or truth if the condition holds, another if not."""
    if isinstance(condition, bool):
        return yes if condition else no
    return condition.choice(yes, no)
