"""Symbols, claims about them, and obligations: what is asked of the solver, and how its answers are kept.

Read next: paths.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import PurePath
from typing import Any

import z3

from spanproof.checks.proving import building
from spanproof.checks.proving.cuts import LiftError
from spanproof.checks.proving.obligations import Kind, Obligation, Outcome
from spanproof.checks.proving.questions import Questions
from spanproof.checks.proving.stopping import Hurry, patient
from spanproof.checks.proving.terms import Bits, Domain, Truth, Word, bitmaps, formula
from spanproof.impl.span import Span
from spanproof.model.contracts.zeroing import PLAIN_ARITHMETIC
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, each_of

OUTCOMES = {"unsat": Outcome.PROVED, "sat": Outcome.FAILED}
PURE = frozenset({Kind.THROW, Kind.RANK, Kind.ENSURES, Kind.KEEPS, Kind.RELY, Kind.LEMMA, Kind.LOCK})
"""Kinds of obligations that are not assumed after they failed."""


class PathEndsError(Exception):
    """The rest of this path is another obligation's business."""


class Asking(ABC):
    """One job's symbols, hypotheses and obligations."""

    def __init__(self, geometry: Geometry, bits: int | None, hurry: Hurry = patient) -> None:
        """bits: None for integers. hurry: asked at each question whether there is a reason to stop."""
        self.geometry, self.bits = geometry, bits
        self.domain = Domain(bits, self.fork)
        self.obligations: list[Obligation] = []
        self.vacuous: list[str] = []
        self.view: Any = None
        self.questions = Questions(bits, hurry)
        self._constants = 0
        self._contract = False

    @abstractmethod
    def fork(self, term: Any) -> bool:
        """Decide a branch."""

    @abstractmethod
    def position(self) -> tuple[str, str, int]:
        """(file, function, line) of the text at this moment."""

    @abstractmethod
    def locals(self) -> Mapping[str, Any]:
        """The locals of the text at this moment, by name."""

    @abstractmethod
    def lines(self) -> tuple[tuple[str, int], ...]:
        """The lines of the text on this path, in order."""

    @abstractmethod
    def shown_before(self) -> bool:
        """Whether what is claimed here was shown on an earlier path that went the same way."""

    def where(self) -> str:
        """File and line of the text at this moment."""
        file, _, line = self.position()
        return f"{file}:{line}"

    # Words.

    def word(self, term: Any) -> Word:
        """A word of the main domain."""
        return self.domain.word(term)

    def as_word(self, value: Any) -> Word:
        """A number as a word of the main domain."""
        return value if isinstance(value, Word) else self.word(self.domain.constant(value))

    def truth(self, term: Any) -> Truth:
        """A claim."""
        return Truth(self.fork, term)

    def fresh(self, name: str) -> Word:
        """A word of which nothing is known."""
        x = self.word(self._constant(name, self.domain.sort))
        if self.bits is None:
            self.assume(x >= 0)
        return x

    def fresh_bits(self, place: Word, name: str, seen: Any = None) -> Bits:
        """A bitmap of which this place is observed; `seen`: whether the bit is set there."""
        bit = self.fresh_truth(name) if seen is None else self.truth(formula(seen))
        return Bits(self.fork, place, bit, self._constant(name, bitmaps()))

    def fresh_truth(self, name: str) -> Truth:
        """A claim of which nothing is known."""
        return self.truth(self._constant(name, z3.BoolSort()))

    def _constant(self, name: str, sort: Any) -> Any:
        """A new constant; the same names come again when the same proof is done again."""
        self._constants += 1
        return z3.Const(f"{name}!{self._constants}", sort)

    def fresh_like(self, value: Any, name: str) -> Any:
        """A value of the same shape of which nothing is known.

        Raises:
            LiftError: values of this shape cannot be made up.

        """
        match value:
            case bool() | Truth():
                return self.fresh_truth(name)
            case Bits(place=place):
                return self.fresh_bits(place, name)
            case int() | Word():
                return self.word(self._constant(name, self.domain.sort))  # whatever: a loop may go below 0
            case tuple():
                return tuple(self.fresh_like(v, name) for v in value)  # pyright: ignore[reportUnknownVariableType]
            case _ if is_dataclass(value) and not isinstance(value, type):
                made = {f.name: self.fresh_like(getattr(value, f.name), f"{name}.{f.name}") for f in fields(value)}
                return replace(value, **made)  # pyright: ignore[reportUnknownVariableType]
            case _:
                raise LiftError(f"{self.where()}: a loop changes {name}, and {value!r} cannot be made up")

    # Claims.

    def assume(self, claim: Any, name: str = "") -> None:
        """Add a hypothesis; name: of the conjunct of a contract that it is."""
        if claim is True:
            return
        self.questions.assume([formula(claim)], name)

    def assume_all(self, claims: Claims) -> None:
        """Add hypotheses."""
        for _, claim, conjunct in self._read(claims):
            self.assume(claim, conjunct)

    def _read(self, claims: Claims) -> list[tuple[str, Any, str]]:
        """The claims of a contract, which must not fork: (goal, claim, which conjunct of which part it is, or "")."""
        self._contract, before = True, self._contract
        try:
            found = [(goal, claim, _conjunct(claims, goal)) for goal, claim in claims]
        finally:
            self._contract = before
        return [each for each in found if each[0] != PLAIN_ARITHMETIC or self.bits is None]

    def prove(self, kind: Kind, where: str, goal: str, claim: Any) -> None:
        """Show one claim."""
        self.prove_all(kind, where, iter([(goal, claim)]))

    def prove_all(self, kind: Kind, where: str, claims: Claims) -> None:
        """Show claims: all at once, and if that fails one by one."""
        named = self._read(claims)
        if not named or self.shown_before():
            return
        file, function, line = self.position()
        terms = [formula(claim) for _, claim, _ in named]
        about = f"{kind.value}, {where}: {'; '.join(goal for goal, *_ in named)}"
        conjuncts = [conjunct for *_, conjunct in named if conjunct]
        opposite = building.negation(building.conjunction(terms))
        result, seconds = self.questions.ask(opposite, about=about, goals=conjuncts)
        failed: list[Any] = []
        for (goal, *_), term in zip(named, terms, strict=True):
            one, took, values = z3.unsat, seconds / len(named), dict[str, str]()
            lines: tuple[tuple[str, int], ...] = ()
            if result != z3.unsat:
                said = f"{kind.value}, {where}: {goal}"
                one, took = self.questions.ask(building.negation(term), about=said, model=True)
            if one != z3.unsat:
                values, lines = self._values(), self.lines()
                failed.append(term)
            outcome = OUTCOMES.get(str(one), Outcome.UNKNOWN)
            self.obligations.append(Obligation(goal, kind, where, function, file, line, outcome, took, values, lines))
        if failed and kind not in PURE:
            self._go_on(failed)

    def _go_on(self, failed: list[Any]) -> None:
        """Assume what failed, so that one defect is one report; if that cannot be, the path ends here."""
        self.questions.assume(failed)
        if self.questions.ask()[0] != z3.sat:
            raise PathEndsError

    def _values(self) -> dict[str, str]:
        """The counterexample: what is observed, and the locals of the text."""
        if self.questions.model is None:
            return {}
        seen: dict[str, Any] = dict(_flat("", self.view))
        seen |= {n: v for n, v in self.locals().items() if n != "self"}
        values: dict[str, str] = {}
        for name, value in seen.items():
            for part, word in _flat(name, value):
                term = word.term if isinstance(word, Word | Truth) else None
                values[part] = (
                    str(word) if term is None else str(self.questions.model.eval(term, model_completion=True))
                )
        return values

    def expect_satisfiable(self, where: str) -> None:
        """The hypotheses on a path must not contradict each other; they only grow, so its end is enough."""
        result, seconds = self.questions.ask()
        file, function, line = self.position()
        outcome = Outcome.PROVED if result == z3.sat else Outcome.UNKNOWN
        self.obligations.append(Obligation("not vacuous", Kind.REACHED, where, function, file, line, outcome, seconds))
        if result != z3.sat:
            said = "contradict each other" if result == z3.unsat else "could not be shown satisfiable"
            self.vacuous.append(f"{file}:{line} {function}, {where}: the hypotheses {said}")

    # Lemmas.

    def lemma(self, where: str, premises: Claims, goals: Claims, kind: Kind = Kind.LEMMA) -> None:
        """Show goals from premises alone, and that these can be met."""
        with self.questions.for_now():
            self.assume_all(premises)
            self.prove_all(kind, where, goals)
            self.expect_satisfiable(where)

    def fact(self, where: str, premises: Claims, goals: Claims) -> None:
        """Show goals from premises, and each from those before it, and add them to the hypotheses.

        With nothing else in the way, and in steps that are small enough, the solver's luck does not matter.
        """
        goals_ = [(goal, claim) for goal, claim, _ in self._read(goals)]
        with self.questions.apart():
            self.assume_all(premises)
            for goal in goals_:
                self.prove_all(Kind.LEMMA, where, iter([goal]))
                self.assume(goal[1])
            self.expect_satisfiable(where)
        self.assume_all(iter(goals_))

    def choose(self, name: str) -> bool:
        """Go both ways."""
        return bool(self.fresh_truth(name))

    def span_or_none(self, name: str) -> Span | None:
        """A span of which nothing is known, or none."""
        return None if self.choose(f"{name} is nil") else Span(self.fresh(name))  # type: ignore[arg-type]  # a word


def _conjunct(claims: Claims, goal: str) -> str:
    """The name of a conjunct that was just read: it is of the part of a contract that says it, whoever passes it on."""
    part = ""
    inner: Any = claims
    while inner is not None:
        code = getattr(inner, "gi_code", None)
        if code is not None and code is not each_of.__code__ and not code.co_name.startswith("<"):
            part = f"{_stem(code.co_filename)}.{code.co_name}"
        inner = getattr(inner, "gi_yieldfrom", None)
    return f"{part}: {goal}" if part else ""


@cache
def _stem(path: str) -> str:
    """The name of a module, from where it stands."""
    return PurePath(path).stem


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The words inside a value, by name."""
    if isinstance(value, Word | Truth | bool | int):
        yield name, value
    elif isinstance(value, tuple):
        for place, part in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield from _flat(f"{name}[{place}]", part)
    elif is_dataclass(value) and not isinstance(value, type | Geometry):
        for f in fields(value):
            yield from _flat(f"{name}.{f.name}" if name else f.name, getattr(value, f.name))
