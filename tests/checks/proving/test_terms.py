"""Symbolic words are what Python's integers are, in both domains, and refuse what they cannot be."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
import z3
from hypothesis import given
from hypothesis import strategies as st

from spanproof.checks.proving.terms import Bit, Bits, Domain, Truth, Word, bitmaps, formula
from spanproof.model import logic, words

MASK = (1 << 64) - 1
SMALL = st.integers(0, 1 << 20)
WIDE = st.integers(0, MASK)
POWERS = st.integers(0, 20).map(lambda n: 1 << n)


def refuse(term: Any) -> bool:
    """No truth value may be asked for."""
    raise AssertionError(f"forked on {term}")


INTEGERS, BITS = Domain(None, refuse), Domain(64, refuse)


def word(domain: Domain, value: int) -> Word:
    """A constant."""
    return domain.word(domain.constant(value))


def value(x: Any) -> Any:
    """What a term without variables comes to."""
    if isinstance(x, int) and not isinstance(x, bool):
        return x
    term = z3.simplify(x.term if isinstance(x, Word | Truth) else formula(x))
    if z3.is_true(term) or z3.is_false(term):
        return bool(z3.is_true(term))
    return term.as_long()


ARITHMETIC: list[Callable[[Any, Any], Any]] = [
    operator.add,
    operator.sub,
    lambda a, b: 7 + a - b,
    lambda a, b: 9 - a + b,
]
COMPARISONS: list[Callable[[Any, Any], Any]] = [
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
]  # fmt: skip
BY_CONSTANT: list[Callable[[Any, int], Any]] = [operator.mul, lambda a, c: a // c, operator.mod, lambda a, c: c * a]


@given(st.sampled_from([*ARITHMETIC, *COMPARISONS]), WIDE, WIDE)
def test_integers_are_pythons(f: Callable[[Any, Any], Any], a: int, b: int) -> None:
    """Of two words, and of a word and a number, in either order."""
    expected = f(a, b)

    assert value(f(word(INTEGERS, a), word(INTEGERS, b))) == expected
    assert value(f(word(INTEGERS, a), b)) == expected
    assert value(f(a, word(INTEGERS, b))) == expected


@given(st.sampled_from(ARITHMETIC), WIDE, WIDE)
def test_64_bits_wrap_around(f: Callable[[Any, Any], Any], a: int, b: int) -> None:
    """Plus and minus modulo 2**64."""
    assert value(f(word(BITS, a), word(BITS, b))) == f(a, b) & MASK


@given(st.sampled_from(COMPARISONS), WIDE, WIDE)
def test_64_bits_compare_unsigned(f: Callable[[Any, Any], Any], a: int, b: int) -> None:
    """The order is that of uintptr, not of signed numbers."""
    assert value(f(word(BITS, a), word(BITS, b))) == f(a, b)


@given(st.sampled_from(BY_CONSTANT), WIDE, POWERS)
def test_by_powers_of_two_in_both_domains(f: Callable[[Any, int], Any], a: int, c: int) -> None:
    """Times, divided by and modulo a constant."""
    assert value(f(word(INTEGERS, a), c)) == f(a, c)
    assert value(f(word(BITS, a), c)) == f(a, c) & MASK


@given(WIDE, WIDE)
def test_bits_of_64_bit_words(a: int, b: int) -> None:
    """And, or, not, minus and shifts of a constant."""
    x, y = word(BITS, a), word(BITS, b)

    assert (value(x & y), value(x | y), value(~x), value(-x)) == (a & b, a | b, ~a & MASK, -a & MASK)
    assert value(1 << word(BITS, a % 64)) == 1 << a % 64


@dataclass(frozen=True)
class Constant:
    """A number that the text names."""

    value: int


def expressions(by_constant: st.SearchStrategy[Any], *operators: Callable[..., Any]) -> st.SearchStrategy[Any]:
    """Trees of (operator, operands) over words."""
    two = st.sampled_from([f for f in operators if f not in ONE_OPERAND])
    one = st.sampled_from(ONE_OPERAND)

    def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        times = st.tuples(by_constant, inner).map(lambda drawn: (drawn[0][0], drawn[1], drawn[0][1]))
        return st.one_of(st.tuples(two, inner, inner), st.tuples(one, inner), times)

    return st.recursive(WIDE, deeper, max_leaves=8)


ONE_OPERAND: list[Callable[..., Any]] = [operator.neg, operator.invert]
Binary = Callable[[Any, Any], Any]
FLOORDIV: Binary = lambda a, b: a // b  # noqa: E731  # typed, which operator's is not
MOD: Binary = lambda a, b: a % b  # noqa: E731  # as above
AND: Binary = lambda a, b: a & b  # noqa: E731  # as above
OR: Binary = lambda a, b: a | b  # noqa: E731  # as above
Constants = st.SearchStrategy[tuple[Binary, Any]]
BY_ANY: Constants = st.tuples(st.sampled_from([operator.mul]), st.integers(-9, 1 << 20).map(Constant))
BY_POSITIVE: Constants = st.tuples(st.sampled_from([FLOORDIV, MOD]), st.integers(1, 1 << 20).map(Constant))
BY_POWER: Constants = st.tuples(st.sampled_from([FLOORDIV, MOD]), POWERS.map(Constant))
BY_MASK: Constants = st.tuples(st.just(AND), POWERS.filter(lambda c: c > 1).map(lambda c: Constant(c - 1)))
OF_INTEGERS = expressions(st.one_of(BY_ANY, BY_POSITIVE, BY_MASK), operator.add, operator.sub)
OF_BITS = expressions(st.one_of(BY_ANY, BY_POWER, BY_MASK), operator.add, operator.sub, AND, OR)


def evaluated(tree: Any, leaf: Callable[[int], Any], kept: Callable[[Any], Any]) -> Any:
    """What a tree comes to; each result is `kept` within the domain."""
    match tree:
        case int():
            return leaf(tree)
        case Constant():
            return tree.value
        case (f, *operands):
            return kept(f(*(evaluated(x, leaf, kept) for x in operands)))
        case _:
            raise AssertionError(tree)


def same_number(x: int) -> int:
    """Integers of any size are kept as they are."""
    return x


def same_word(x: Word) -> Word:
    """A word is within its domain already."""
    return x


@given(st.sampled_from(COMPARISONS), OF_INTEGERS, OF_INTEGERS)
def test_expressions_of_integers_are_pythons(f: Callable[[Any, Any], Any], left: Any, right: Any) -> None:
    """Nested as deep as they come, below zero too, and compared with each other."""
    numbers = [evaluated(tree, same_number, same_number) for tree in (left, right)]
    symbols = [evaluated(tree, lambda n: word(INTEGERS, n), same_word) for tree in (left, right)]

    assert [value(x) for x in symbols] == numbers
    assert value(f(*symbols)) == f(*numbers)


@given(st.sampled_from(COMPARISONS), OF_BITS, OF_BITS)
def test_expressions_of_64_bits_wrap_around(f: Callable[[Any, Any], Any], left: Any, right: Any) -> None:
    """Each step modulo 2**64, and the order that of uintptr."""
    numbers = [evaluated(tree, same_number, words.wrap) for tree in (left, right)]
    symbols = [evaluated(tree, lambda n: word(BITS, n), same_word) for tree in (left, right)]

    assert [value(x) for x in symbols] == numbers
    assert value(f(*symbols)) == f(*numbers)


@given(SMALL, st.integers(1, 20))
def test_low_bits_of_an_integer_are_exact(a: int, n: int) -> None:
    """A mask of ones from the lowest on is a remainder; of other masks nothing is known, the same each time."""
    assert value(word(INTEGERS, a) & ((1 << n) - 1)) == a & ((1 << n) - 1)
    x = INTEGERS.word(z3.Int("x"))
    assert (x & 6).term.eq((x & 6).term)
    assert (x | 6).term.eq((x | 6).term)


REFUSED: list[Callable[[Any], Any]] = [
    range,
    (1, 2).__getitem__,
    int,
    lambda x: {x: 1},
    lambda x: x * x,
    lambda x: x // x,
    lambda x: x + True,
    lambda x: x + "1",
    lambda x: x == "1",
    lambda x: x + 0.5,
    abs,
    lambda x: x // 0,
]


@pytest.mark.parametrize("use", REFUSED)
@pytest.mark.parametrize("domain", [INTEGERS, BITS], ids=["int", "bv64"])
def test_what_a_word_cannot_be_is_refused(use: Callable[[Any], Any], domain: Domain) -> None:
    """Loudly, with a TypeError, and never with a truth value asked for."""
    with pytest.raises(TypeError):
        use(word(domain, 3))


def test_bits_are_divided_by_powers_of_two_only() -> None:
    """Other divisions of 64-bit words are refused by name."""
    with pytest.raises(TypeError, match="powers of two"):
        _ = word(BITS, 12) // 3


def test_a_truth_forks_when_it_is_asked() -> None:
    """`if`, `and`, `or` and `not` ask, each once; what was asked is the formula."""
    asked: list[str] = []

    def decide(term: Any) -> bool:
        asked.append(str(term))
        return True

    p, q = (Truth(decide, z3.Const(name, z3.BoolSort())) for name in "pq")

    assert (p and not q) is False
    assert asked == ["p", "q"]
    x = Domain(None, decide).word(z3.Int("x"))
    assert 1 < x < 5
    assert bool(x)
    assert len(asked) == 5


BOOLS = (False, True)


def symbolic(p: bool) -> Truth:
    """The same truth as a claim."""
    return Truth(refuse, z3.BoolVal(p))


@pytest.mark.parametrize(("a", "b"), list(product(BOOLS, BOOLS)))
def test_claims_are_put_together_the_same_plain_and_symbolic(a: bool, b: bool) -> None:
    """all_of, any_of, negate, implies, same and ite: plain, symbolic or mixed, and never forking."""
    pairs = [(x, y) for x in (a, symbolic(a)) for y in (b, symbolic(b))]

    for x, y in pairs:
        assert value(logic.all_of(x, y)) == (a and b)
        assert value(logic.any_of(x, y)) == (a or b)
        assert value(logic.implies(x, y)) == (not a or b)
        assert value(logic.same(x, y)) == (a == b)
        assert value(logic.negate(x)) == (not a)
        assert value(logic.ite(x, y, logic.negate(y))) == (b if a else not b)
        assert value(logic.ite(x, word(INTEGERS, 3), 4)) == (3 if a else 4)
    assert logic.all_of() is True
    assert logic.any_of() is False
    assert logic.all_of(a, b) is (a and b)


def test_a_claim_is_a_claim() -> None:
    """A word, a number or a text is none."""
    for no_claim in (3, "true", None, word(INTEGERS, 1)):
        with pytest.raises(TypeError, match="is no claim"):
            formula(no_claim)


@pytest.mark.parametrize("domain", [INTEGERS, BITS], ids=["int", "bv64"])
def test_one_bit_and_its_complement(domain: Domain) -> None:
    """`1 << n` has bit n and no other; `~(1 << n)` the others."""
    for n, place in product(range(8), range(8)):
        single = 1 << word(domain, n)
        assert value(single.bit(word(domain, place))) == (n == place)
        assert value((~single).bit(word(domain, place))) == (n != place)


def test_an_observed_bit_is_that_of_the_byte() -> None:
    """Whatever the byte and the observed place: and, and-not, and a look at the bit agree with integers."""
    for a, b, place in product((0, 1, 0b1010_0110, 0xFF), (0, 0b0110_0010, 0xFF), range(8)):
        x, y = (
            Bits(
                refuse,
                word(INTEGERS, place),
                symbolic(byte >> place & 1 == 1),
                z3.Const(f"{byte}", z3.DeclareSort("B")),
            )
            for byte in (a, b)
        )
        both, without = x & y, words.and_not(x, y)  # type: ignore[arg-type]  # a bitmap behaves like a word
        assert isinstance(both, Bits)
        assert isinstance(without, Bits)
        assert value(both.seen) == (a & b) >> place & 1
        assert value(without.seen) == (a & ~b) >> place & 1
        one = x & (1 << word(INTEGERS, place))
        assert isinstance(one, Bit)
        assert value(one != 0) == (a >> place & 1)
        assert value(one == 0) == (not a >> place & 1)
        if a >> place & 1:
            assert value(x != 0) is True


def test_every_byte_in_every_place() -> None:
    """The bit, its complement and a look through `1 << n`, of each of 256 bytes, observed in each of eight places."""
    name = z3.Const("byte", bitmaps())
    for byte, place in product(range(256), range(8)):
        at, set_ = word(INTEGERS, place), byte >> place & 1 == 1
        x = Bits(refuse, at, symbolic(set_), name)
        looked: Any = x & (1 << word(INTEGERS, place))
        assert value(x.bit(at)) == value(x.bit(word(INTEGERS, place))) == value(looked != 0) == set_
        assert value((~x).bit(at)) == value(looked == 0) == (not set_)


def test_a_question_asked_twice_is_one_question() -> None:
    """Shifts, ands and complements of unknown words and bitmaps give the same terms again."""
    n = INTEGERS.word(z3.Int("n"))
    x, y = (Bits(refuse, word(INTEGERS, 3), symbolic(True), z3.Const(name, bitmaps())) for name in "xy")

    def asked() -> list[Any]:
        both = x & y
        assert isinstance(both, Bits)
        return [(1 << n).term, (~(1 << n)).term, (n & 6).term, both.name, (~x).name, x.bit(n).term, (x != 0).term]

    assert all(first.eq(second) for first, second in zip(asked(), asked(), strict=True))
    assert not asked()[0].eq((1 << (n + 1)).term)


def test_bits_that_are_not_observed_are_unknown_but_the_same() -> None:
    """Asked twice, the question is the same; two bitmaps are two questions."""
    at, sort = INTEGERS.word(z3.Int("at")), z3.DeclareSort("B")
    x, y = (Bits(refuse, word(INTEGERS, 3), symbolic(True), z3.Const(name, sort)) for name in "xy")

    assert x.bit(at).term.eq(x.bit(at).term)
    assert not x.bit(at).term.eq(y.bit(at).term)
    with pytest.raises(TypeError, match="compared with 0 only"):
        operator.ne(x, 5)


@given(st.integers(0, 1 << 40), POWERS)
def test_concrete_words_and_symbolic_ones_are_twins(a: int, multiple: int) -> None:
    """model/words.py reads symbols as it reads integers."""
    for domain in (INTEGERS, BITS):
        assert value(words.align_up(word(domain, a), multiple)) == words.align_up(a, multiple)  # type: ignore[arg-type]
        below = word(domain, a) - 5
        assert value(words.uint32(below)) == words.uint32(a - 5)  # type: ignore[arg-type]
    assert value(words.wrap(word(BITS, a))) == words.wrap(a)  # type: ignore[arg-type]  # a word behaves like an int


@given(st.integers(0, 1 << 40), st.integers(1, 1 << 20))
def test_integers_are_aligned_to_any_multiple(a: int, multiple: int) -> None:
    """As Python's are."""
    assert value(words.align_up(word(INTEGERS, a), multiple)) == words.align_up(a, multiple)  # type: ignore[arg-type]
