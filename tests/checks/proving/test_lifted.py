"""Numbers that are not known, and behave like Python's."""

import random
from types import SimpleNamespace
from typing import Any

from spanproof.checks.proving.lifted.lemma import Symbols
from spanproof.checks.proving.obligations import Outcome
from spanproof.checks.proving.stopping import patient


def test_numbers_do_not_wrap() -> None:
    """A symbol with one value left is that number, and the operations on bounds agree with Python's."""
    rng = random.Random(2)
    for _ in range(300):
        a, b = rng.randint(0, 300), rng.randint(0, 70)
        text = SimpleNamespace()
        symbols = Symbols(text, patient)
        x, y = symbols.number("x", 0, 300), symbols.number("y", 0, 70)
        symbols.assume(x == a, y == b)
        symbols.show("+", x + y == a + b)
        symbols.show("-", x - y == a - b)
        symbols.show("-", y - x == b - a)
        symbols.show(">>", x >> y == a >> b)
        symbols.show("<<", x << y == a << b)
        symbols.show("&~", x & ~y == a & ~b)
        symbols.show("|^", (x | y) - (x ^ y) == a & b)
        symbols.show("%", (x - y) % 16 == (a - b) % 16)
        symbols.show("//", (x - y) // 16 == (a - b) // 16)
        assert all(o.outcome is Outcome.PROVED for o in symbols.obligations), (a, b)


def _eight_bits(word: Any) -> list[tuple[Any, int]]:
    return [(word, 8)]


def test_an_opaque_function_is_any_function() -> None:
    """Equal arguments give equal results, and nothing else is known of them."""
    symbols = Symbols(SimpleNamespace(), patient)
    x, y = symbols.word("x", 8), symbols.word("y", 8)
    f = symbols.opaque(abs, _eight_bits, 255)
    symbols.assume(x <= y, y <= x)
    symbols.show("equal arguments", f(x) == f(y))
    symbols.show("it is not spoken of", x ^ y == 0)
    symbols.show("its result", f(x) == x)
    symbols.show("other arguments", f(x) == f(x ^ 1))
    symbols.end()

    outcomes = [o.outcome for o in symbols.obligations]
    assert outcomes == [Outcome.PROVED, Outcome.PROVED, Outcome.FAILED, Outcome.FAILED, Outcome.PROVED]
