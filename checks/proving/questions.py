"""Hypotheses, and questions to the solver about them.

A question is bounded by the work that it takes, in z3's own count, so that a proof comes out the same on a busy
machine. Read next: engine.py.
"""

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import z3

from spanproof.checks.proving import building, heard
from spanproof.checks.proving.stopping import Hurry, OutOfTimeError, patient


@dataclass(frozen=True, slots=True)
class Try:
    """One way to ask the solver: how much work it may do, and its settings."""

    resources: int
    settings: Mapping[str, int] = field(default_factory=dict[str, int])


SIMPLEX = {"arith.solver": 2}
INTEGERS = (Try(1_000_000, SIMPLEX), Try(4_000_000), Try(4_000_000, {"random_seed": 11}), Try(100_000_000))
"""Most questions take under 100,000, and half the time with the older of z3's two arithmetics.

Where one does not come out, the other is quicker than patience.
"""
BITS = (Try(1_000_000_000),)


class Questions:
    """What is known on a path, and what follows from it."""

    def __init__(self, bits: int | None, hurry: Hurry = patient) -> None:
        """bits: None for integers."""
        self._hurry = hurry
        self._tries = INTEGERS if bits is None else BITS
        self._hypotheses: list[Any] = []
        self._names: list[str] = []
        self._solver = _solver(self._tries[0])
        self._marks: list[int] = []
        self.model: Any = None
        """What satisfied the hypotheses, if the last question wanted to know."""

    @property
    def known(self) -> int:
        """How many hypotheses there are."""
        return len(self._hypotheses)

    @property
    def hypotheses(self) -> Sequence[Any]:
        """All of them, the earliest first."""
        return tuple(self._hypotheses)

    def assume(self, terms: Iterable[Any], name: str = "") -> None:
        """Add hypotheses; name: of the conjunct of a contract that they are."""
        new = list(terms)
        self._hypotheses += new
        self._names += [name] * len(new)
        building.add_to(self._solver, new)

    def mark(self) -> None:
        """Make what is known now a place to come back to."""
        if not self._marks or self._marks[-1] != self.known:
            self._solver.push()
            self._marks.append(self.known)

    def back_to(self, known: int) -> None:
        """Forget all hypotheses but the first so many, which were marked."""
        del self._hypotheses[known:], self._names[known:]
        later = sum(mark >= known for mark in self._marks)
        self._solver.pop(later)
        del self._marks[len(self._marks) - later :]
        self.mark()

    @contextmanager
    def for_now(self) -> Generator[None]:
        """Hypotheses that are added here are forgotten at the end."""
        known = self.known
        self._solver.push()
        try:
            yield
        finally:
            self._solver.pop()
            del self._hypotheses[known:], self._names[known:]

    @contextmanager
    def apart(self) -> Generator[None]:
        """As if nothing were known; what is added here is forgotten at the end."""
        kept = self._solver, self._hypotheses, self._names
        self._solver, self._hypotheses, self._names = _solver(self._tries[0]), [], []
        try:
            yield
        finally:
            self._solver, self._hypotheses, self._names = kept

    def ask(
        self, *terms: Any, about: str = "", goals: Sequence[str] = (), hurry: bool = False, model: bool = False
    ) -> tuple[Any, float]:
        """(sat, unsat or unknown, seconds) of the hypotheses with these terms.

        about: what depends on the answer. goals: the conjuncts that are to be shown. hurry: unknown will do. model:
        keep what satisfies them.

        Raises:
            OutOfTimeError: there is a reason to stop.

        """
        started, before = time.perf_counter(), heard.work_so_far()
        self._solver.push()
        building.add_to(self._solver, terms)
        solver = self._solver
        result = self._checked(solver)
        self.model = solver.model() if model and result == z3.sat else None
        self._solver.pop()
        for another in () if hurry else self._tries[1:]:
            if result != z3.unknown:
                break
            solver = _solver(another)
            building.add_to(solver, (*self._hypotheses, *terms))
            result = self._checked(solver)
            self.model = solver.model() if model and result == z3.sat else None
        seconds = time.perf_counter() - started
        if heard.anybody():
            work = heard.work_so_far() - before
            known = tuple(self._hypotheses), tuple(self._names)
            heard.tell(heard.Question(*known, terms, about, str(result), seconds, work, goals))
        return result, seconds

    def _checked(self, solver: Any) -> Any:
        result = solver.check()
        said = self._hurry(0)
        if said is not None:
            raise OutOfTimeError(said)
        return result


def _solver(attempt: Try) -> Any:
    solver = z3.Solver()
    solver.set("rlimit", attempt.resources)
    solver.set("ctrl_c", False)  # z3's signature; see stopping.py
    for name, value in attempt.settings.items():
        solver.set(name, value)
    return solver
