"""A lemma: what is given, calls of the text, and what must be true of their results.

A lemma is written once and read twice: with symbols, for all inputs, and with numbers, which is how a counterexample is
run and how tests try it. Read next: ../terms.py.
"""

import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from types import SimpleNamespace
from typing import Any

import immutables
import z3

from spanproof.checks.proving import building, heard
from spanproof.checks.proving.lifted.cutting import CuttingReader, Everywhere, LoopKey
from spanproof.checks.proving.lifted.numbers import Integer, bits_for, exactly, fitted
from spanproof.checks.proving.lifted.storage import Row
from spanproof.checks.proving.obligations import Kind, Obligation, Outcome
from spanproof.checks.proving.stopping import Hurry, OutOfTimeError
from spanproof.checks.proving.terms import formula
from spanproof.checks.running.alone import Alone
from spanproof.impl.access import Cell, Throw, Undefined
from spanproof.model.contracts.plain import PlainCall, PlainLoop
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, any_of, implies, negate, same

MOST_WORK = 2_000_000_000
"""In z3's own count: far more than any question of the long tier takes."""
LITTLE_WORK = 10_000_000
"""For a question that may have been put with too little known."""
ANY = 1 << 64
"""Numbers in place of unbounded integers go no further."""
Words = Callable[..., Sequence[tuple[Any, int]]]
Instead = Callable[..., Any] | PlainCall
"""What stands for a function: another one, or its contract."""
NO_INPUTS: Mapping[str, int] = immutables.Map()
"""Of an obligation that did not fail."""
OUTCOMES = {"unsat": Outcome.PROVED, "sat": Outcome.FAILED}


class OverError(Exception):
    """A call has thrown, as it may: there is no result to say anything of."""


class NotMetError(Exception):
    """A premise does not hold of these numbers."""


class Given(ABC):
    """What a lemma is read with. Sizes are bits; `text` has the functions and values of the page allocator, by name."""

    text: SimpleNamespace

    @abstractmethod
    def number(self, name: str, lo: int, hi: int) -> Any:
        """Any number from lo to hi."""

    @abstractmethod
    def integer(self, name: str, lo: int | None = None, hi: int | None = None) -> Any:
        """Any whole number, or any in these bounds: for what only adds, subtracts and compares."""

    @abstractmethod
    def opaque(self, function: Callable[..., Any], words: Words, most: int) -> Callable[..., Any]:
        """A function, to numbers from 0 to `most`, of which no more is used than that it is one.

        words: what it depends on, of its arguments: each with how many bits it has.
        """

    @abstractmethod
    def kept(self, values: Mapping[int, Any]) -> Any:
        """A Map of these values, by places that follow each other."""

    @abstractmethod
    def assume(self, *claims: Any) -> None:
        """Go on where all of these hold."""

    @abstractmethod
    def assume_everywhere(self, lo: int, hi: int, claim: Callable[[Any], Any]) -> None:
        """Go on where this holds of every place from lo to hi; contracts of loops say of which ones it is used."""

    @abstractmethod
    def call(
        self,
        function: Callable[..., Any],
        *args: Any,
        throws: Mapping[str, Any] | None = None,
        instead: Mapping[Any, Instead] | None = None,
        cells: dict[Cell[Any], Any] | None = None,
        loops: Mapping[LoopKey, PlainLoop] | None = None,
        ensures: Callable[[Any], Claims] | None = None,
    ) -> Any:
        """What a function gives; go on where it does not throw.

        throws: per text when it must be thrown, and only then; any other must not be reached. instead: what stands
        for functions of which a contract was shown elsewhere, where symbols are read; numbers run the text. cells: what
        a coroutine finds in its cells, and then what it leaves there. loops: the invariants at which loops are cut.
        ensures: what must hold of the result, on each way to it.
        """

    @abstractmethod
    def show(self, goal: str, claim: Any) -> None:
        """This must hold."""

    def show_all(self, claims: Claims) -> None:
        """These must hold."""
        for goal, claim in claims:
            self.show(goal, claim)

    def word(self, name: str, width: int = 64) -> Any:
        """Any word."""
        return self.number(name, 0, (1 << width) - 1)

    def words(self, name: str, many: int, width: int = 64) -> tuple[Any, ...]:
        """Any words."""
        return tuple(self.word(f"{name}[{i}]", width) for i in range(many))


@dataclass(frozen=True, slots=True)
class Lemma:
    """One lemma."""

    name: str
    read: Callable[[Given], None]


class Symbols(Given):
    """Reads a lemma for all inputs."""

    def __init__(self, text: SimpleNamespace, hurry: Hurry) -> None:
        """text: the functions of the heap under test. hurry: see stopping.py."""
        self.text, self._hurry = text, hurry
        self.obligations: list[Obligation] = []
        self.hypotheses: list[Any] = []
        self.inputs: dict[str, Any] = {}
        self.counterexamples: list[dict[str, int]] = []
        """One of each obligation that failed; where functions are unknown, not all of them are the text's."""
        self._integers = False
        """Whether there are numbers without bounds."""
        self._functions = False
        """Whether there are functions of which nothing is known."""
        self._everywhere: list[Everywhere] = []
        self._fresh = count()
        self._function: Any = None
        self._reached: Any = True

    def number(self, name: str, lo: int, hi: int) -> Any:
        """Any number from lo to hi."""
        assert lo < hi, "a number that is known is no input"
        size = bits_for(lo, hi)
        x = exactly(z3.Const(name, z3.BitVecSort(size)), lo, hi)
        if hi - lo + 1 < 1 << size:
            # The claim that says so must not be decided by the bounds that it is to give.
            whole = exactly(x.term, *((0, (1 << size) - 1) if lo >= 0 else (-(1 << size - 1), (1 << size - 1) - 1)))
            self.assume(lo <= whole, whole <= hi)
        self.inputs[name] = x
        return x

    def integer(self, name: str, lo: int | None = None, hi: int | None = None) -> Any:
        """Any whole number, or any in these bounds."""
        self._integers = True
        x = self.inputs[name] = Integer(z3.Const(name, z3.IntSort()))
        self.assume(lo is None or lo <= x, hi is None or x <= hi)
        return x

    def opaque(self, function: Callable[..., Any], words: Words, most: int) -> Callable[..., Any]:
        """What is known of it is left out: what holds of every function holds of this one."""
        self._functions = True

        def symbol(*args: Any) -> Any:
            given = words(*args)
            sorts = [z3.BitVecSort(size) for size in (*(width for _, width in given), bits_for(0, most))]
            terms = (fitted(word, width) for word, width in given)
            return exactly(z3.Function(function.__name__, *sorts)(*terms), 0, most)

        return symbol

    def kept(self, values: Mapping[int, Any]) -> Any:
        """What can be asked with symbols in its place."""
        first = min(values)
        return Row(first, tuple(values[first + k] for k in range(len(values))))

    def assume(self, *claims: Any) -> None:
        """Go on where all of these hold."""
        self.hypotheses += [formula(claim) for claim in claims if claim is not True]

    def assume_everywhere(self, lo: int, hi: int, claim: Callable[[Any], Any]) -> None:
        """Go on where this holds of every place from lo to hi."""
        self._everywhere.append(Everywhere(claim, lo, hi))

    def call(
        self,
        function: Callable[..., Any],
        *args: Any,
        throws: Mapping[str, Any] | None = None,
        instead: Mapping[Any, Instead] | None = None,
        cells: dict[Cell[Any], Any] | None = None,
        loops: Mapping[LoopKey, PlainLoop] | None = None,
        ensures: Callable[[Any], Claims] | None = None,
    ) -> Any:
        """What a function gives."""
        reader = CuttingReader(instead, loops, ensures, self._everywhere, self._fresh, self._possible)
        reader.guard = self._reached
        reader.cells = {} if cells is None else cells
        self._function = getattr(function, "__func__", function)
        result = reader.called(function, args, {})
        reader.end()
        for each in reader.claims:
            self._show(each.kind, each.where, each.goal, each.claim, each.known)
        self.assume(*reader.assumed, *reader.aside)
        for text, when in (throws or {}).items():
            said = any_of(*(t.guard for t in reader.throws if t.text == text))
            self._show(Kind.THROW, text, "thrown when it must be", implies(self._reached, same(said, when)))
        others = [t for t in reader.throws if t.text not in (throws or {})]
        for place, text in dict.fromkeys((t.place, t.text) for t in others):
            never = negate(any_of(*(t.guard for t in others if (t.place, t.text) == (place, text))))
            self._show(Kind.THROW, place, f"not thrown: {text}", never)
        self._reached = reader.guard
        return result

    def show(self, goal: str, claim: Any) -> None:
        """This must hold."""
        self._show(Kind.ENSURES, "", goal, implies(self._reached, claim))

    def end(self) -> None:
        """The premises must not contradict each other, and the calls must come back."""
        solver = self._solver()
        result, seconds = self._checked(solver, [formula(self._reached)], "not vacuous")
        outcome = Outcome.PROVED if result == z3.sat else Outcome.UNKNOWN
        self._keep(Kind.REACHED, "end", "not vacuous", outcome, seconds)

    def _show(self, kind: Kind, where: str, goal: str, claim: Any, known: Sequence[Sequence[Any]] = ()) -> None:
        """known: what leads to it, the nearest first, which is tried without what else is known."""
        if claim is True:
            self._keep(kind, where, goal, Outcome.PROVED, 0.0)
            return
        seconds, all_known, about = 0.0, list[Any](), f"{kind.value}, {where}: {goal}"
        for each in known[:-1]:
            all_known += each
            if each:
                result, more, _ = self._asked(all_known, claim, LITTLE_WORK, about)
                seconds += more
                if result == z3.unsat:
                    self._keep(kind, where, goal, Outcome.PROVED, seconds)
                    return
        result, more, solver = self._asked([*all_known, *(known[-1] if known else ())], claim, MOST_WORK, about)
        outcome = OUTCOMES.get(str(result), Outcome.UNKNOWN)
        values: dict[str, int] = {}
        if outcome is Outcome.FAILED:
            model = solver.model()
            values = {n: _plain(model.eval(x.term, model_completion=True), x) for n, x in self.inputs.items()}
            self.counterexamples.append(values)
        self._keep(kind, where, goal, outcome, seconds + more, values)

    def _asked(self, known: Iterable[Any], claim: Any, work: int, about: str) -> tuple[Any, float, Any]:
        """What the solver says of the claim's opposite, in what time; and the solver."""
        opposite = building.negation(formula(claim))
        # Without preparing the whole question first, a few steps that follow from each other are seen at once.
        solver = z3.SimpleSolver() if work == LITTLE_WORK else self._solver(opposite)
        solver.set("ctrl_c", False)
        solver.set("rlimit", work)
        terms = [formula(each) for each in known if each is not True]
        return *self._checked(solver, [*terms, opposite], about), solver

    def _keep(
        self, kind: Kind, where: str, goal: str, outcome: Outcome, seconds: float, values: Mapping[str, int] = NO_INPUTS
    ) -> None:
        code = getattr(self._function, "__code__", None)
        name, file, line = (
            ("lemma", "", 0) if code is None else (code.co_qualname, code.co_filename, code.co_firstlineno)
        )
        place = "impl/" + file.rpartition("/")[2] if file else ""
        inputs = {n: str(value) for n, value in values.items()}
        self.obligations.append(Obligation(goal, kind, where, name, place, line, outcome, seconds, inputs))

    def _possible(self, guard: Any) -> bool:
        """Whether a place can be reached at all: if the solver does not know, it can."""
        if isinstance(guard, bool):
            return guard
        return bool(self._checked(self._solver(), [formula(guard)], "place not reached")[0] != z3.unsat)

    def _solver(self, asked: Any = None) -> Any:
        """A solver for a question; asked: the claim that it is about, if it is about one."""
        if self._integers:
            solver = z3.Solver()
        elif not self._functions:
            solver = z3.SolverFor("QF_BV")
        elif asked is None or building.is_of_words(asked):
            solver = z3.Solver()
        else:
            # Results are equal where arguments are: that is lost once all is taken apart into bits.
            solver = z3.SimpleSolver()
        solver.set("rlimit", MOST_WORK)
        solver.set("ctrl_c", False)
        return solver

    def _checked(self, solver: Any, terms: Sequence[Any], about: str) -> tuple[Any, float]:
        """What the solver says of the hypotheses with these terms, and in what time."""
        building.add_to(solver, [*self.hypotheses, *terms])
        started, before = time.perf_counter(), heard.work_so_far()
        result = solver.check()
        if heard.anybody():
            seconds, work = time.perf_counter() - started, heard.work_so_far() - before
            heard.tell(
                heard.Question(
                    tuple(self.hypotheses), ("",) * len(self.hypotheses), terms, about, str(result), seconds, work
                )
            )
        said = self._hurry(0)
        if said is not None:
            raise OutOfTimeError(said)
        return result, time.perf_counter() - started


def _plain(term: Any, symbol: Any) -> int:
    """The number that a model gives."""
    if isinstance(symbol, Integer) or symbol.lo >= 0:
        return int(term.as_long())
    return int(term.as_signed_long())


class Numbers(Given):
    """Reads a lemma with numbers: the text runs as it is."""

    def __init__(self, text: SimpleNamespace, inputs: Mapping[str, int] | Callable[[str, int, int], int]) -> None:
        """inputs: the numbers by their names, or what draws one: (name, least, most)."""
        self.text, self._inputs = text, inputs
        self.given: dict[str, int] = {}
        self.broken: list[str] = []
        self.story: list[str] = []

    def read(self, lemma: Lemma) -> None:
        """Read a lemma, as far as its calls come back.

        Raises:
            NotMetError: its premises do not hold of these numbers.

        """
        with suppress(OverError):
            lemma.read(self)

    def number(self, name: str, lo: int, hi: int) -> Any:
        """The number of this name."""
        x = self._inputs(name, lo, hi) if callable(self._inputs) else self._inputs[name]
        if not lo <= x <= hi:
            raise NotMetError
        self.given[name] = x
        return x

    def integer(self, name: str, lo: int | None = None, hi: int | None = None) -> Any:
        """The number of this name."""
        return self.number(name, -ANY if lo is None else lo, ANY if hi is None else hi)

    def opaque(self, function: Callable[..., Any], words: Words, most: int) -> Callable[..., Any]:  # noqa: ARG002  # for symbols
        """It itself."""
        return function

    def kept(self, values: Mapping[int, Any]) -> Any:
        """It itself."""
        return immutables.Map(values)

    def assume(self, *claims: Any) -> None:
        """Go on where all of these hold."""
        if not all(claims):
            raise NotMetError

    def assume_everywhere(self, lo: int, hi: int, claim: Callable[[Any], Any]) -> None:
        """Go on where this holds of every place from lo to hi."""
        self.assume(all(claim(place) for place in range(lo, hi + 1)))

    def call(
        self,
        function: Callable[..., Any],
        *args: Any,
        throws: Mapping[str, Any] | None = None,
        instead: Mapping[Any, Instead] | None = None,  # noqa: ARG002  # for symbols
        cells: dict[Cell[Any], Any] | None = None,
        loops: Mapping[LoopKey, PlainLoop] | None = None,  # noqa: ARG002  # for symbols
        ensures: Callable[[Any], Claims] | None = None,
    ) -> Any:
        """What a function gives."""
        expected = {text for text, when in (throws or {}).items() if when}
        called = f"{getattr(function, '__qualname__', function)}({', '.join(map(_shown, args))})"
        try:
            result = function(*args)
            if inspect.iscoroutine(result):
                result = _run(result, {} if cells is None else cells)
        except OverError:
            raise
        except Exception as e:
            # Go throws; what else a text does in Python is no better.
            said = str(e) if isinstance(e, Throw | Undefined | IndexError) else f"{type(e).__name__}: {e}"
            self.story.append(f"{called} throws {said!r}")
            if said not in expected:
                self.broken.append(f"not thrown: {said}")
            raise OverError from e
        self.story.append(f"{called} gives {_shown(result)}")
        self.show_all(ensures(result) if ensures else iter(()))
        self.broken += [f"thrown when it must be: {text}" for text in sorted(expected)]
        return result

    def show(self, goal: str, claim: Any) -> None:
        """This must hold."""
        if not claim:
            self.broken.append(goal)
            self.story.append(f"broken: {goal}")


def broken(
    lemma: Lemma, text: SimpleNamespace, inputs: Mapping[str, int] | Callable[[str, int, int], int]
) -> list[str]:
    """The goals of a lemma that numbers break.

    Raises:
        NotMetError: its premises do not hold of them.

    """
    given = Numbers(text, inputs)
    given.read(lemma)
    return given.broken


def _run(coroutine: Coroutine[Any, Any, Any], cells: dict[Cell[Any], Any]) -> Any:
    """Run a coroutine to its end, alone."""
    alone = Alone(cells.__getitem__)
    result = alone.run(coroutine)
    cells |= {cell: alone.value(cell) for cell in cells}
    return result


def _shown(value: Any) -> str:
    """A value in a story: numbers in hex, a geometry by its name."""
    if isinstance(value, Geometry):
        return value.name
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:#x}" if value > 9 else str(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"  # pyright: ignore[reportUnknownArgumentType]
    return str(value)
