"""Numbers that are not known, and behave like Python's."""

import random
from types import SimpleNamespace

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
