"""Numbers that are not known yet, and behave like Python's: nothing wraps around.

A `Number` is a vector of bits that knows the least and the greatest value it can have. Each operation gives its result
as many bits as that can need, so what is proved is proved of the text as Python runs it. An `Integer` has no bounds: it
is for what only adds, subtracts and compares. Read next: reading.py.
"""

# pyright: reportUnknownLambdaType=false
# Operations on terms, which have no types.

from typing import Any, TypeGuard

import z3

from spanproof.checks.proving import building
from spanproof.checks.proving.cuts import LiftError
from spanproof.checks.proving.terms import Truth


def _undecided(term: Any) -> bool:
    raise LiftError(f"whether {str(term)[:80]} holds is asked where nothing can be decided")


def truth(term: Any) -> Any:
    """The claim of a formula; a plain bool where it is one."""
    if building.is_value(term):
        return z3.is_true(term)
    return Truth(_undecided, term)


class Symbol:
    """What Number and Integer have in common: everything is made of a few operations on terms."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        raise NotImplementedError

    __rsub__ = __mul__ = __and__ = __or__ = __xor__ = __lt__ = __gt__ = __add__

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __rand__(self, other: Any) -> Any:
        return self & other

    def __ror__(self, other: Any) -> Any:
        return self | other

    def __rxor__(self, other: Any) -> Any:
        return self ^ other

    def __neg__(self) -> Any:
        return self.__rsub__(0)

    def __invert__(self) -> Any:
        return self.__rsub__(-1)

    def __ge__(self, other: Any) -> Any:
        return negated(self < other)

    def __le__(self, other: Any) -> Any:
        return negated(self > other)

    def __ne__(self, other: object) -> Any:
        return negated(self == other)

    def chosen(self, condition: Truth, yes: Any, no: Any) -> Any:
        """One number or another: what a claim chooses with."""
        return choice(condition, yes, no)

    def __bool__(self) -> bool:
        raise LiftError("the truth of a symbol is asked where nothing can be decided")

    def __index__(self) -> int:
        raise LiftError("a symbol is used where a number is needed")


def negated(claim: Any) -> Any:
    """Not this."""
    return not claim if isinstance(claim, bool) else claim.negation()


def bits_for(lo: int, hi: int) -> int:
    """How many bits hold every number from lo to hi: in two's complement if some are negative."""
    return max(hi.bit_length(), 1) if lo >= 0 else max(hi.bit_length(), (-lo - 1).bit_length()) + 1


class Number(Symbol):
    """A whole number from lo to hi: `term` has bits_for(lo, hi) bits."""

    __slots__ = ("hi", "lo", "term")
    __hash__ = None  # type: ignore[assignment]  # as above

    def __init__(self, term: Any, lo: int, hi: int) -> None:
        """Wrap a term of the right size."""
        assert term.size() == bits_for(lo, hi)
        self.term, self.lo, self.hi = term, lo, hi

    def __repr__(self) -> str:
        """The range, for messages only."""
        return f"<number from {self.lo} to {self.hi}>"

    def within(self, lo: int, hi: int) -> Any:
        """The same number where it is known to lie in these bounds."""
        lo, hi = max(lo, self.lo), min(hi, self.hi)
        return self if (lo, hi) == (self.lo, self.hi) or lo > hi else exactly(fitted(self, bits_for(lo, hi)), lo, hi)

    def __add__(self, other: Any) -> Any:
        return _combined(self, other, lambda a, b: a + b, *_corners(self, other, lambda a, b: a + b))

    def __sub__(self, other: Any) -> Any:
        lo, hi = bounds(other)
        return _combined(self, other, lambda a, b: a - b, self.lo - hi, self.hi - lo)

    def __rsub__(self, other: Any) -> Any:
        return _combined(other, self, lambda a, b: a - b, other - self.hi, other - self.lo)

    def __mul__(self, other: Any) -> Any:
        if _power_of_two(other):
            return self << other.bit_length() - 1
        return _combined(self, other, lambda a, b: a * b, *_corners(self, other, lambda a, b: a * b))

    def __floordiv__(self, other: Any) -> Any:
        if _power_of_two(other):
            return self >> other.bit_length() - 1
        if not isinstance(other, int) or other <= 0 or self.lo < 0:
            raise LiftError("only what is not negative is divided, by numbers that the text names")
        return exactly(z3.UDiv(self.term, value(other, self.term.size())), self.lo // other, self.hi // other)

    def __mod__(self, other: Any) -> Any:
        if _power_of_two(other):
            return self & other - 1
        return self - self // other * other

    def __rshift__(self, other: Any) -> Any:
        lo, hi = bounds(other)
        size = max(self.term.size(), bits_for(lo, hi))
        least, most = (self.lo >> hi, self.hi >> lo) if self.lo >= 0 else (self.lo >> lo, max(self.hi >> lo, -1))
        return exactly(_shifted(fitted(self, size), fitted(other, size), signed=self.lo < 0), least, most)

    def __rrshift__(self, other: int) -> Any:
        return constant(other) >> self

    def __lshift__(self, other: Any) -> Any:
        lo, hi = bounds(other)
        least, most = min(self.lo << lo, self.lo << hi), max(self.hi << hi, self.hi << lo)
        size = max(bits_for(least, most), bits_for(lo, hi))
        return exactly(fitted(self, size) << fitted(other, size), least, most)

    def __rlshift__(self, other: int) -> Any:
        return constant(other) << self

    def __and__(self, other: Any) -> Any:
        lo, hi = bounds(other)
        if self.lo < 0 and lo < 0:
            raise LiftError("two numbers that may be negative are and-ed")
        most = min([top for low, top in ((self.lo, self.hi), (lo, hi)) if low >= 0])
        size = bits_for(0, most)
        return exactly(fitted(self, size) & fitted(other, size), 0, most)

    def __or__(self, other: Any) -> Any:
        return self._joined(other, lambda a, b: a | b)

    def __xor__(self, other: Any) -> Any:
        return self._joined(other, lambda a, b: a ^ b)

    def _joined(self, other: Any, operation: Any) -> Any:
        lo, hi = bounds(other)
        size = bits_for(min(self.lo, lo, 0), max(self.hi, hi))
        least, most = (0, (1 << size) - 1) if self.lo >= 0 and lo >= 0 else (-(1 << size - 1), (1 << size - 1) - 1)
        return exactly(operation(fitted(self, size), fitted(other, size)), least, most)

    def __lt__(self, other: Any) -> Any:
        lo, hi = bounds(other)
        if self.hi < lo or self.lo >= hi:
            return self.hi < lo
        return _compared(self, other)

    def __gt__(self, other: Any) -> Any:
        lo, hi = bounds(other)
        if self.lo > hi or self.hi <= lo:
            return self.lo > hi
        return _compared(other, self)

    def __eq__(self, other: object) -> Any:
        if not _is_number(other):
            return False
        lo, hi = bounds(other)
        if self.hi < lo or self.lo > hi:
            return False
        size = bits_for(min(lo, self.lo), max(hi, self.hi))
        return truth(building.equal(fitted(self, size), fitted(other, size)))

    # What words are asked for (model/words.py).

    def trailing_zeros(self, width: int) -> Any:
        """How many zeros stand below the lowest one, or the width."""
        return self._zeros(width, low=True)

    def leading_zeros(self, width: int) -> Any:
        """How many zeros stand above the highest one, or the width."""
        return self._zeros(width, low=False)

    def _zeros(self, width: int, *, low: bool) -> Any:
        """Halve the word, as often as it can be: if the half that comes first is 0, go on in the other."""
        assert _power_of_two(width), "words have powers of two of bits"
        word, size, count = fitted(self, width), width, value(0, bits_for(0, width))
        while size > 1:
            size //= 2
            lower, upper = z3.Extract(size - 1, 0, word), z3.Extract(2 * size - 1, size, word)
            first, then = (lower, upper) if low else (upper, lower)
            none = building.equal(first, value(0, size))
            word = building.choice(none, then, first)
            count = building.choice(none, count + value(size, count.size()), count)
        zero = building.equal(fitted(self, width), value(0, width))
        return exactly(building.choice(zero, value(width, count.size()), count), 0, width)

    def ones_count(self) -> Any:
        """How many ones it has."""
        counts: list[Any] = [exactly(z3.Extract(i, i, self.term), 0, 1) for i in range(self.term.size())]
        while len(counts) > 1:
            counts = [sum(counts[i : i + 2]) for i in range(0, len(counts), 2)]
        return counts[0]


class Integer(Symbol):
    """A whole number without bounds."""

    __slots__ = ("term",)
    __hash__ = None  # type: ignore[assignment]  # as above

    def __init__(self, term: Any) -> None:
        """Wrap a term."""
        self.term = term

    def __repr__(self) -> str:
        """The term, for messages only."""
        return f"<integer {str(self.term)[:80]}>"

    def __add__(self, other: Any) -> Any:
        return Integer(building.plus(self.term, unbounded(other)))

    def __sub__(self, other: Any) -> Any:
        return Integer(building.minus(self.term, unbounded(other)))

    def __rsub__(self, other: Any) -> Any:
        return Integer(building.minus(unbounded(other), self.term))

    def __mul__(self, other: int) -> Any:
        return Integer(building.product(self.term, z3.IntVal(other)))

    def __floordiv__(self, other: int) -> Any:
        assert other > 0
        return Integer(building.quotient(self.term, z3.IntVal(other)))

    def __mod__(self, other: int) -> Any:
        assert other > 0
        return Integer(building.remainder(self.term, z3.IntVal(other)))

    def __rshift__(self, other: int) -> Any:
        return self // (1 << other)

    def __lshift__(self, other: int) -> Any:
        return self * (1 << other)

    def __and__(self, other: int) -> Any:
        if not _power_of_two(other + 1):
            raise LiftError("an integer is masked with its lowest bits only")
        return self % (other + 1)

    def __or__(self, other: Any) -> Any:
        raise LiftError("integers without bounds are not or-ed: the lemma needs numbers with bounds")

    __xor__ = __or__

    def __lt__(self, other: Any) -> Any:
        return truth(building.less(self.term, unbounded(other)))

    def __gt__(self, other: Any) -> Any:
        return truth(building.less(unbounded(other), self.term))

    def __eq__(self, other: object) -> Any:
        return truth(building.equal(self.term, unbounded(other))) if _is_number(other) else False


# Terms.


def value(number: int, size: int) -> Any:
    """A term of so many bits."""
    return z3.BitVecVal(number, size)


def exactly(term: Any, lo: int, hi: int) -> Any:
    """The number of a term that is known to lie in these bounds; a plain int where only one is left."""
    if lo == hi:
        return lo
    return Number(_resized(term, bits_for(lo, hi), signed=lo < 0), lo, hi)


def constant(number: int) -> Number:
    """A symbol that is known: for operations with symbols on the right."""
    return Number(value(number, bits_for(number, number)), number, number)


def bounds(x: Any) -> tuple[int, int]:
    """The least and the greatest value."""
    if isinstance(x, Number):
        return x.lo, x.hi
    if isinstance(x, int):
        return int(x), int(x)
    raise LiftError(f"a number meets {x!r}")


def fitted(x: Any, size: int) -> Any:
    """The term in so many bits: what does not fit is cut off, as in two's complement."""
    if isinstance(x, Number):
        return _resized(x.term, size, signed=x.lo < 0)
    return value(int(x), size)


def _resized(term: Any, size: int, *, signed: bool) -> Any:
    more = size - term.size()
    if more == 0:
        return term
    if more < 0:
        return z3.Extract(size - 1, 0, term)
    return z3.SignExt(more, term) if signed else z3.ZeroExt(more, term)


def unbounded(x: Any) -> Any:
    """The term as an integer without bounds."""
    if isinstance(x, Integer):
        return x.term
    if isinstance(x, int):
        return z3.IntVal(int(x))
    raise LiftError(f"an integer meets {x!r}")


def choice(condition: Any, yes: Any, no: Any) -> Any:
    """One number or another; the condition is a Truth."""
    if isinstance(yes, Symbol) and isinstance(no, Symbol) and _is_same(yes, no):
        return yes
    if isinstance(yes, Integer) or isinstance(no, Integer):
        return Integer(building.choice(condition.term, unbounded(yes), unbounded(no)))
    (a, b), (c, d) = bounds(yes), bounds(no)
    lo, hi = min(a, c), max(b, d)
    size = bits_for(lo, hi)
    return exactly(building.choice(condition.term, fitted(yes, size), fitted(no, size)), lo, hi)


def _shifted(a: Any, b: Any, *, signed: bool) -> Any:
    return a >> b if signed else z3.LShR(a, b)


def _combined(a: Any, b: Any, operation: Any, lo: int, hi: int) -> Any:
    size = bits_for(lo, hi)
    return exactly(operation(fitted(a, size), fitted(b, size)), lo, hi)


def _corners(a: Any, b: Any, operation: Any) -> tuple[int, int]:
    found = [operation(x, y) for x in bounds(a) for y in bounds(b)]
    return min(found), max(found)


def _compared(a: Any, b: Any) -> Any:
    (p, q), (r, s) = bounds(a), bounds(b)
    lo, size = min(p, r), bits_for(min(p, r), max(q, s))
    x, y = fitted(a, size), fitted(b, size)
    return truth(x < y if lo < 0 else building.less_unsigned(x, y))


def _power_of_two(x: Any) -> bool:
    return isinstance(x, int) and x > 0 and x & x - 1 == 0


def _is_number(x: object) -> TypeGuard[int | Symbol]:
    return isinstance(x, int | Symbol)


def _is_same(a: Any, b: Any) -> bool:
    """Whether two symbols are one, as far as can be seen."""
    return bool(a.term.eq(b.term)) and (isinstance(a, Integer) or bounds(a) == bounds(b))
