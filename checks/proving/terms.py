"""Symbolic words that behave like ints in the text: unbounded integers, or 64-bit words; and bitmaps.

A comparison gives a `Truth`; asking a Truth for its truth value forks the proof. What would need a number (a range, an
index, a dict key, int()) fails loudly. Integers have no wrap-around: `0 - 1` is negative where Go's uintptr is not.
Read next: cuts.py.
"""

from collections.abc import Callable
from typing import Any

import z3

from spanproof.checks.proving import building

Decide = Callable[[Any], bool]
"""What says which way a path goes: it takes a formula."""


def bitmaps() -> Any:
    """The sort of what names a bitmap."""
    return z3.DeclareSort("Bitmap")


def unknown_function(name: str, sort: Any, *terms: Any) -> Any:
    """A value of which only is known that it depends on these terms: the same each time the text asks for it."""
    sorts = [term.sort() for term in terms]
    # A name of its own for each kind of arguments, and none that other solvers know as an operation.
    return z3.Function("_".join((name, "of", *(sort.name().lower() for sort in sorts))), *sorts, sort)(*terms)


class Domain:
    """Words of one kind. `bits` is None for unbounded integers, which stand for words as long as nothing wraps."""

    def __init__(self, bits: int | None, decide: Decide) -> None:
        """Words of so many bits, on paths that `decide` chooses."""
        self.bits, self.decide = bits, decide
        self.sort: Any = z3.IntSort() if bits is None else z3.BitVecSort(bits)
        self._constants: dict[int, Any] = {}

    def constant(self, value: int) -> Any:
        """The term of a number; made once."""
        term = self._constants.get(value)
        if term is None:
            term = z3.IntVal(value) if self.bits is None else z3.BitVecVal(value, self.bits)
            self._constants[value] = term
        return term

    def word(self, term: Any) -> "Word":
        """The word of a term."""
        return Word(self, term)

    def less(self, a: Any, b: Any) -> Any:
        """a < b, unsigned."""
        return building.less(a, b) if self.bits is None else building.less_unsigned(a, b)

    def times(self, a: Any, factor: int) -> Any:
        """a * factor; a power of two is a shift in bits."""
        if self.bits is None or factor <= 0 or factor & (factor - 1):
            return self._product(a, factor)
        return a << self.constant(factor.bit_length() - 1)

    def _product(self, a: Any, factor: int) -> Any:
        return building.product(a, self.constant(factor)) if self.bits is None else a * self.constant(factor)

    def quotient(self, a: Any, divisor: int) -> Any:
        """A // divisor."""
        if self.bits is None:
            return building.quotient(a, self.constant(_positive(divisor)))
        return z3.LShR(a, self.constant(_exponent(divisor)))

    def remainder(self, a: Any, divisor: int) -> Any:
        """A % divisor."""
        if self.bits is None:
            return building.remainder(a, self.constant(_positive(divisor)))
        return a & self.constant((1 << _exponent(divisor)) - 1)


def _positive(divisor: int) -> int:
    if divisor <= 0:
        raise TypeError(f"words are divided by positive numbers only, not by {divisor}")
    return divisor


def _exponent(divisor: int) -> int:
    if divisor <= 0 or divisor & (divisor - 1):
        raise TypeError(f"words are divided by powers of two only, not by {divisor}")
    return divisor.bit_length() - 1


def _number(x: object) -> int:
    if isinstance(x, int) and not isinstance(x, bool):
        return x
    raise TypeError("a symbolic word is multiplied, divided or shifted by a number that the text names, nothing else")


class Word:
    """A word. `single` is set when it is 1 << n or its complement: (n, whether it is the complement)."""

    __slots__ = ("domain", "single", "term")
    __hash__ = None  # type: ignore[assignment]  # a symbolic word is no key

    def __init__(self, domain: Domain, term: Any, single: "tuple[Word, bool] | None" = None) -> None:
        """Wrap a term."""
        self.domain, self.term, self.single = domain, term, single

    def __repr__(self) -> str:
        """The term, for messages only."""
        return f"<word {self.term}>"

    def _of(self, other: Any) -> Any:
        """The other operand's term, in my domain."""
        if isinstance(other, Word):
            return other.term
        if isinstance(other, int) and not isinstance(other, bool):
            return self.domain.constant(other)
        raise TypeError(f"a symbolic word meets {other!r}")

    def chosen(self, condition: "Truth", yes: Any, no: Any) -> "Word":
        """One word or another: what a claim chooses with."""
        return Word(self.domain, building.choice(condition.term, self._of(yes), self._of(no)))

    def _word(self, term: Any) -> "Word":
        return Word(self.domain, term)

    def _truth(self, term: Any) -> "Truth":
        return Truth(self.domain.decide, term)

    def __add__(self, other: Any) -> "Word":
        return self._word(building.plus(self.term, self._of(other)))

    def __sub__(self, other: Any) -> "Word":
        return self._word(building.minus(self.term, self._of(other)))

    def __rsub__(self, other: Any) -> "Word":
        return self._word(building.minus(self._of(other), self.term))

    def __neg__(self) -> "Word":
        return self._word(-self.term)

    def __mul__(self, other: Any) -> "Word":
        return self._word(self.domain.times(self.term, _number(other)))

    def __floordiv__(self, other: Any) -> "Word":
        return self._word(self.domain.quotient(self.term, _number(other)))

    def __mod__(self, other: Any) -> "Word":
        return self._word(self.domain.remainder(self.term, _number(other)))

    __radd__, __rmul__ = __add__, __mul__

    def __lt__(self, other: Any) -> "Truth":
        return self._truth(self.domain.less(self.term, self._of(other)))

    def __gt__(self, other: Any) -> "Truth":
        return self._truth(self.domain.less(self._of(other), self.term))

    def __le__(self, other: Any) -> "Truth":
        return self._truth(building.negation(self.domain.less(self._of(other), self.term)))

    def __ge__(self, other: Any) -> "Truth":
        return self._truth(building.negation(self.domain.less(self.term, self._of(other))))

    def __eq__(self, other: object) -> "Truth":  # type: ignore[override]  # a claim, not a truth value
        return self._truth(building.equal(self.term, self._of(other)))

    def __ne__(self, other: object) -> "Truth":  # type: ignore[override]  # as above
        return self._truth(building.negation(building.equal(self.term, self._of(other))))

    def __bool__(self) -> bool:
        return bool(self != 0)

    def _bitwise(self, name: str, exact: Callable[[Any, Any], Any], other: Any) -> "Word":
        """Exact in bits. Of an integer nothing is known afterwards, which is sound."""
        if self.domain.bits is None:
            return self._word(unknown_function(name, self.domain.sort, self.term, self._of(other)))
        return self._word(exact(self.term, self._of(other)))

    def __and__(self, other: Any) -> "Word":
        if self.domain.bits is None and isinstance(other, int) and other > 0 and other & (other + 1) == 0:
            return self % (other + 1)
        if self.domain.bits is None and isinstance(other, int) and other > 0 and other & (other - 1) == 0:
            return self // other % 2 * other
        return self._bitwise("and", lambda a, b: a & b, other)

    def __or__(self, other: Any) -> "Word":
        if self.domain.bits is None and isinstance(other, int) and other > 0 and other & (other - 1) == 0:
            return self + other - (self & other)
        return self._bitwise("or", lambda a, b: a | b, other)

    __rand__, __ror__ = __and__, __or__

    def __invert__(self) -> "Word":
        single = None if self.single is None else (self.single[0], not self.single[1])
        term = -self.term - 1 if self.domain.bits is None else ~self.term
        return Word(self.domain, term, single)

    def __rlshift__(self, other: Any) -> "Word":
        """number << word."""
        number = _number(other)
        if self.domain.bits is not None:
            term = self.domain.constant(number) << self.term
        else:
            term = unknown_function("shift", self.domain.sort, self.domain.constant(number), self.term)
        return Word(self.domain, term, (self, False) if number == 1 else None)

    def bit(self, place: Any) -> "Truth":
        """Whether the bit in this place is set, of 1 << n or its complement."""
        if self.single is None:
            raise TypeError("only of 1 << n and its complement is it known which bits are set")
        here: Truth = self.single[0] == place
        return here.negation() if self.single[1] else here


class Bits:
    """A bitmap of which one bit is observed: `seen` says whether the one in `place` is set. Nothing is known of others.

    With one arbitrary bit observed, what is shown of it holds of all. `name` is a term that tells bitmaps apart.
    """

    __slots__ = ("decide", "name", "place", "seen")
    __hash__ = None  # type: ignore[assignment]  # a symbolic bitmap is no key

    def __init__(self, decide: Decide, place: Word, seen: "Truth", name: Any) -> None:
        """Observe this place."""
        self.decide, self.place, self.seen, self.name = decide, place, seen, name

    def bit(self, place: Any) -> "Truth":
        """Whether the bit in a place is set: known in the observed place."""
        if place is self.place:
            return self.seen
        other = Truth(self.decide, unknown_function("bit", z3.BoolSort(), self.name, place.term))
        here: Truth = self.place == place
        chosen: Truth = here.choice(self.seen, other)
        return chosen

    def ones_count(self) -> Word:
        """How many bits are set; nothing is known of it."""
        domain = self.place.domain
        return domain.word(unknown_function("ones", domain.sort, self.name))

    def __and__(self, other: Any) -> "Bits | Bit":
        if not isinstance(other, Bits | Word):
            raise TypeError(f"a bitmap meets {other!r}")
        if isinstance(other, Bits):
            name = unknown_function("and", bitmaps(), self.name, other.name)
            return Bits(self.decide, self.place, self.seen.conjunction([other.seen]), name)
        if other.single is not None and not other.single[1]:
            return Bit(self.bit(other.single[0]))
        return self._masked("and", other, other.bit(self.place).conjunction([self.seen]))

    def __or__(self, other: Any) -> "Bits":
        if not isinstance(other, Word):
            raise TypeError(f"a bitmap meets {other!r}")
        return self._masked("or", other, other.bit(self.place).disjunction([self.seen]))

    def _masked(self, operation: str, mask: Any, seen: "Truth") -> "Bits":
        name = unknown_function(operation, bitmaps(), self.name, mask.term)
        return Bits(self.decide, self.place, seen, name)

    def __invert__(self) -> "Bits":
        return Bits(self.decide, self.place, self.seen.negation(), unknown_function("not", bitmaps(), self.name))

    def __ne__(self, other: object) -> "Truth":  # type: ignore[override]  # a claim, not a truth value
        if other != 0:
            raise TypeError("a bitmap is compared with 0 only")
        some = Truth(self.decide, unknown_function("some", z3.BoolSort(), self.name))
        return self.seen.disjunction([some])

    def __eq__(self, other: object) -> "Truth":  # type: ignore[override]  # as above
        return (self != other).negation()


class Bit:
    """A bitmap and-ed with 1 << n: it is 0 or it is not."""

    __slots__ = ("truth",)
    __hash__ = None  # type: ignore[assignment]  # as above

    def __init__(self, truth: "Truth") -> None:
        """Whether the bit is set."""
        self.truth = truth

    def __ne__(self, other: object) -> "Truth":  # type: ignore[override]  # as above
        if other != 0:
            raise TypeError("a bit of a bitmap is compared with 0 only")
        return self.truth

    def __eq__(self, other: object) -> "Truth":  # type: ignore[override]  # as above
        return (self != other).negation()


class Truth:
    """A claim. Python's `if`, `and`, `or` and `not` ask for its truth value, and fork the path."""

    __slots__ = ("decide", "term")
    __hash__ = None  # type: ignore[assignment]  # a claim is no key

    def __init__(self, decide: Decide, term: Any) -> None:
        """Wrap a formula."""
        self.decide, self.term = decide, term

    def __repr__(self) -> str:
        """The formula, for messages only."""
        return f"<claim {self.term}>"

    def __bool__(self) -> bool:
        return self.decide(self.term)

    @property
    def known(self) -> bool | None:
        """Its value if no hypothesis is needed to tell it."""
        term = z3.simplify(self.term)
        return z3.is_true(term) if z3.is_true(term) or z3.is_false(term) else None

    def __eq__(self, other: object) -> "Truth":  # type: ignore[override]  # a claim, not a truth value
        return self.equivalence(other)

    def __ne__(self, other: object) -> "Truth":  # type: ignore[override]  # as above
        return self.equivalence(other).negation()

    def conjunction(self, others: list[Any]) -> "Truth":
        """This and all others."""
        return Truth(self.decide, building.conjunction([self.term, *map(formula, others)]))

    def disjunction(self, others: list[Any]) -> "Truth":
        """This or one of the others."""
        return Truth(self.decide, building.disjunction([self.term, *map(formula, others)]))

    def negation(self) -> "Truth":
        """Not this."""
        return Truth(self.decide, building.negation(self.term))

    def equivalence(self, other: Any) -> "Truth":
        """Whether both are true or both false."""
        return Truth(self.decide, building.equal(self.term, formula(other)))

    def choice(self, yes: Any, no: Any) -> Any:
        """One word or truth if this is true, another if not."""
        if isinstance(yes, Truth | bool):
            return Truth(self.decide, building.choice(self.term, formula(yes), formula(no)))
        owner = next((x for x in (yes, no) if hasattr(x, "chosen")), None)
        if owner is None:
            raise TypeError(f"a claim chooses between {yes!r} and {no!r}, and neither is a word")
        return owner.chosen(self, yes, no)


def formula(claim: Any) -> Any:
    """The Z3 formula of a truth, symbolic or plain."""
    if isinstance(claim, bool):
        return z3.BoolVal(claim)
    if not isinstance(claim, Truth):
        raise TypeError(f"{claim!r} is no claim")
    return claim.term
