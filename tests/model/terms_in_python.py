"""Z3 terms as Python functions: ten thousand states are judged in the time in which Z3 would judge twenty.

Only what the formulas of model use is known here: integers, booleans, arrays that are selected from. An array is read
as a tuple, and as 0 outside of it. `by_z3` says the same with Z3 itself; a test compares the two.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import z3

from spanproof.checks.witness import terms
from spanproof.model.claim import Invariant, StepInvariant
from spanproof.model.geometry import Geometry
from spanproof.model.state import FIELDS, HeapState, HeapVars

Z: Any = z3
OUTSIDE = 0
OPERATORS = {
    Z.Z3_OP_LE: "<=", Z.Z3_OP_LT: "<", Z.Z3_OP_GE: ">=", Z.Z3_OP_GT: ">", Z.Z3_OP_EQ: "==", Z.Z3_OP_DISTINCT: "!=",
    Z.Z3_OP_ADD: "+", Z.Z3_OP_SUB: "-", Z.Z3_OP_MUL: "*", Z.Z3_OP_IDIV: "//", Z.Z3_OP_MOD: "%",
    Z.Z3_OP_AND: "and", Z.Z3_OP_OR: "or",
}  # fmt: skip


def _text(term: Any) -> str:
    """The term as a Python expression; `//` and `%` mean what they mean in Z3 while the divisor is positive."""
    kind = term.decl().kind()
    parts = [_text(child) for child in term.children()]
    match kind:
        case Z.Z3_OP_ANUM:
            return str(term.as_long())
        case Z.Z3_OP_TRUE | Z.Z3_OP_FALSE:
            return str(kind == Z.Z3_OP_TRUE)
        case Z.Z3_OP_UNINTERPRETED:
            return str(term.decl().name())
        case Z.Z3_OP_SELECT:
            return f"at({parts[0]}, {parts[1]})"
        case Z.Z3_OP_IMPLIES:
            return f"(not {parts[0]} or {parts[1]})"
        case Z.Z3_OP_NOT:
            return f"(not {parts[0]})"
        case Z.Z3_OP_UMINUS:
            return f"(-{parts[0]})"
        case Z.Z3_OP_ITE:
            return f"({parts[1]} if {parts[0]} else {parts[2]})"
        case Z.Z3_OP_AND | Z.Z3_OP_OR if not parts:
            return str(kind == Z.Z3_OP_AND)
        case _:
            return "(" + f" {OPERATORS[kind]} ".join(parts) + ")"


def names_in(term: Any) -> set[str]:
    """The names of the fields that occur in a term, without suffix."""
    todo, seen, names = [term], set[int](), set[str]()
    while todo:
        here = todo.pop()
        if here.get_id() in seen:
            continue
        seen.add(here.get_id())
        todo += here.children()
        if here.decl().kind() == Z.Z3_OP_UNINTERPRETED:
            names.add(str(here.decl().name()).removesuffix(SUFFIXES[1]))
    return names


def _at(values: tuple[int, ...], index: int) -> int:
    return values[index] if 0 <= index < len(values) else OUTSIDE


SUFFIXES = ("", "_after")


def compiled(term: z3.BoolRef) -> Callable[..., bool]:
    """The term as a function of one HeapState, or of two: that before and that after a step."""
    body = f"lambda {', '.join(name + suffix for suffix in SUFFIXES for name in FIELDS)}: {_text(term)}"
    function = eval(body, {"at": _at})  # noqa: S307  # our own text

    def holds(before: HeapState, after: HeapState | None = None) -> bool:
        later = after or before
        return bool(function(*(getattr(s, name) for s in (before, later) for name in FIELDS)))

    return holds


def by_z3(term: z3.BoolRef, before: HeapState, after: HeapState | None = None) -> bool:
    """What Z3 makes of the term in these states. Fields that are None stay free, and must not matter."""
    pairs = [
        pair
        for state, suffix in zip((before, after or before), SUFFIXES, strict=True)
        for pair in terms(
            HeapVars.named(state.geometry, suffix), state, [f for f in FIELDS if getattr(state, f) is not None]
        )
    ]
    value = z3.simplify(z3.substitute(term, *pairs))
    assert z3.is_true(value) or z3.is_false(value), value
    return z3.is_true(value)


@cache
def formula(claim: Invariant | StepInvariant, geometry: Geometry) -> Callable[..., bool]:
    """The claim's Z3 form, ready to be evaluated on states of this geometry."""
    v, after = (HeapVars.named(geometry, suffix) for suffix in SUFFIXES)
    return compiled(claim.everywhere(v) if isinstance(claim, Invariant) else claim.everywhere(v, after))
