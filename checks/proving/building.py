"""Formulas, made by Z3's own constructors, and what else its Python classes do not give.

What z3's Python operators add, a look at the sort of every operand and coercions, took half the time of a proof. Terms
of words have the right sorts by construction; Z3 itself still refuses what does not fit. Read next: terms.py.
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import z3

_z3: Any = z3
_own: Any = _z3.z3
"""The module of z3 that keeps the context in which terms are made where none is named."""
_COMMON: Any = _z3.main_ctx()
"""Where terms are made that belong to no proof."""
_context: Any = _COMMON
_context_ref: Any = _context.ref()


@contextmanager
def afresh() -> Generator[None]:
    """While this lasts, terms are made as if none had ever been.

    How long the solver looks hangs by the order in which terms were made, so what a process proved before would decide
    how long the next proof takes, and at worst whether the solver gives up on it. Inside another one it does nothing:
    what is looked at together is made together.
    """
    global _context, _context_ref  # noqa: PLW0603  # as z3 does it
    before = _own.main_ctx()
    if before is not _COMMON:
        yield
        return
    _own._main_ctx = _context = _z3.Context()  # noqa: SLF001  # z3 gives no other way to exchange it
    _context_ref = _context.ref()
    try:
        yield
    finally:
        _own._main_ctx = _context = before  # noqa: SLF001  # as above
        _context_ref = _context.ref()


def _claim(ast: Any) -> Any:
    return _z3.BoolRef(ast, _context)


def _array(terms: list[Any]) -> Any:
    return (_z3.Ast * len(terms))(*[term.ast for term in terms])


def conjunction(terms: list[Any]) -> Any:
    """All of these."""
    if len(terms) == 1:
        return terms[0]
    return _claim(_z3.Z3_mk_and(_context_ref, len(terms), _array(terms)))


def disjunction(terms: list[Any]) -> Any:
    """One of these."""
    if len(terms) == 1:
        return terms[0]
    return _claim(_z3.Z3_mk_or(_context_ref, len(terms), _array(terms)))


def negation(term: Any) -> Any:
    """Not this."""
    return _claim(_z3.Z3_mk_not(_context_ref, term.ast))


def equal(a: Any, b: Any) -> Any:
    """Both are the same, of any sort."""
    return _claim(_z3.Z3_mk_eq(_context_ref, a.ast, b.ast))


def less(a: Any, b: Any) -> Any:
    """a < b, of integers."""
    return _claim(_z3.Z3_mk_lt(_context_ref, a.ast, b.ast))


def less_unsigned(a: Any, b: Any) -> Any:
    """a < b, of bits."""
    return _claim(_z3.Z3_mk_bvult(_context_ref, a.ast, b.ast))


def plus(a: Any, b: Any) -> Any:
    """The sum."""
    if isinstance(a, _z3.BitVecRef):
        return _z3.BitVecRef(_z3.Z3_mk_bvadd(_context_ref, a.ast, b.ast), _context)
    return _z3.ArithRef(_z3.Z3_mk_add(_context_ref, 2, _array([a, b])), _context)


def minus(a: Any, b: Any) -> Any:
    """The difference."""
    if isinstance(a, _z3.BitVecRef):
        return _z3.BitVecRef(_z3.Z3_mk_bvsub(_context_ref, a.ast, b.ast), _context)
    return _z3.ArithRef(_z3.Z3_mk_sub(_context_ref, 2, _array([a, b])), _context)


def product(a: Any, b: Any) -> Any:
    """The product of integers."""
    return _z3.ArithRef(_z3.Z3_mk_mul(_context_ref, 2, _array([a, b])), _context)


def quotient(a: Any, b: Any) -> Any:
    """A // b of integers, b positive."""
    return _z3.ArithRef(_z3.Z3_mk_div(_context_ref, a.ast, b.ast), _context)


def remainder(a: Any, b: Any) -> Any:
    """A % b of integers, b positive."""
    return _z3.ArithRef(_z3.Z3_mk_mod(_context_ref, a.ast, b.ast), _context)


def choice(condition: Any, yes: Any, no: Any) -> Any:
    """One term or another of its sort."""
    return type(yes)(_z3.Z3_mk_ite(_context_ref, condition.ast, yes.ast, no.ast), _context)


def add_to(solver: Any, terms: Iterable[Any]) -> None:
    """Assert claims."""
    for term in terms:
        _z3.Z3_solver_assert(_context_ref, solver.solver, term.ast)


def is_of_words(claim: Any) -> bool:
    """Whether a claim speaks of words alone: of no integers, and of no functions that are not known."""
    goal = _z3.Goal()
    goal.add(claim)
    return bool(_z3.Probe("is-qfbv")(goal))


def interrupt(context: Any = None) -> None:
    """Make the solver give up what it is at, from another thread; a context of its own, if it has one."""
    (_context if context is None else context).interrupt()


def is_value(term: Any) -> bool:
    """Whether a claim is plainly true or plainly false."""
    return bool(_z3.is_true(term) or _z3.is_false(term))
