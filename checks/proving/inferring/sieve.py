"""Houdini: whatever a candidate is refuted at is no reason to stop, but to drop the candidate, and to go on.

The text is run along all its paths as in a proof, with the candidates that are left as hypotheses; each place at which
one must be shown drops those that a model makes false. Dropping takes hypotheses away, so all is done again until
nothing is dropped. What is left is the most that these templates can say; the proof itself then says whether it is
enough. Read next: infer.py.
"""

import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import z3

from spanproof.checks.proving import building
from spanproof.checks.proving.engine import Engine
from spanproof.checks.proving.inferring.pools import InferringProtocol, Pools
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.terms import formula
from spanproof.model.logic import Claims

_z3: Any = z3
BEAT = 5.0
"""Seconds between two lines that say what the solver is at."""
Named = tuple[str, Any]


class Heart:
    """Says on stderr, now and then, which query the solver is at."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self.query, self.queries = "", 0

    def at(self, query: str) -> None:
        """A query begins."""
        self.query, self.queries = query, self.queries + 1

    @contextmanager
    def beating(self) -> Generator[None]:
        """While this lasts, it is heard."""
        done, began = Event(), time.monotonic()

        def beat() -> None:
            while not done.wait(BEAT):
                seconds = time.monotonic() - began
                sys.stderr.write(f"{seconds:.0f} s, query {self.queries}: {self.query}\n")

        thread = Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


class Sieve(Engine):
    """An engine that drops candidates and asks about nothing else."""

    heart: Heart

    @property
    def _pools(self) -> Pools:
        assert isinstance(self.protocol, InferringProtocol)
        return self.protocol.pools

    def prove_all(self, kind: Kind, where: str, claims: Claims) -> None:
        """Drop those of the claims that are candidates and can be false here."""
        named = self._read(claims)
        if self.shown_before():
            return
        asked = [(name, formula(claim)) for name, claim, _ in named if name in self._pools]
        if asked:
            self._sift(f"{self.where()} {kind.value}, {where}", asked)

    def expect_satisfiable(self, where: str) -> None:
        """Of no interest yet."""

    def _sift(self, query: str, asked: Sequence[Named]) -> None:
        """Ask about all at once; where the solver does not know, about one half and the other."""
        while asked:
            self.heart.at(f"{query}: {len(asked)} of {len(self._pools)} candidates")
            terms = [term for _, term in asked]
            result, _ = self.questions.ask(building.negation(building.conjunction(terms)), hurry=True, model=True)
            if result == z3.unsat:
                return
            if result != z3.sat:
                self._halved(query, asked)
                return
            asked = self._left_by(self.questions.model, asked)

    def _halved(self, query: str, asked: Sequence[Named]) -> None:
        if len(asked) == 1:
            self._pools.drop(asked[0][0])
            return
        middle = len(asked) // 2
        self._sift(query, asked[:middle])
        self._sift(query, asked[middle:])

    def _left_by(self, model: Any, asked: Sequence[Named]) -> list[Named]:
        left = list[Named]()
        for name, term in asked:
            if _z3.is_true(model.eval(term, model_completion=True)):
                left.append((name, term))
            else:
                self._pools.drop(name)
        assert len(left) < len(asked), "a model of the opposite makes one of them false"
        return left


def sieve_with(heart: Heart) -> Callable[..., Sieve]:
    """Sieves that are heard."""
    made: Callable[..., Sieve] = type("HeardSieve", (Sieve,), {"heart": heart})
    return made
