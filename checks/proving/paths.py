"""Runs a coroutine on symbols, along every path.

A path is resumed where it forked: the answers given so far are sent again, and no term is built twice. Read next:
engine.py.
"""

import inspect
import sys
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import z3

from spanproof.checks.failing import is_nil_dereference
from spanproof.checks.proving import building
from spanproof.checks.proving.asking import Asking, PathEndsError
from spanproof.checks.proving.cuts import STUB, LiftError
from spanproof.checks.proving.obligations import Kind, Obligation, Outcome
from spanproof.checks.proving.stopping import Hurry, patient
from spanproof.impl.access import NIL_DEREFERENCE, Throw
from spanproof.model.contracts import contract
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, negate

MOST_PATHS = 2_000
"""No function of the heap comes near; a text that does is refused."""


@dataclass(frozen=True, slots=True)
class Head:
    """A loop head that this path has passed."""

    view: Any
    rank: Any
    held: frozenset[str]
    natural: tuple[str, ...]
    """The names that the loop changes and keeps from falling below 0."""
    theirs: Any = 0
    """How many steps other threads had made on the word on which the loop tries again."""


@dataclass(frozen=True, slots=True)
class Tide:
    """A word on which loops try again, as this thread met it last."""

    value: Any
    theirs: Any
    """How many steps other threads have made on it. A ghost."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a path can be taken up again."""

    segments: int
    known: int
    """How many hypotheses there were."""
    view: Any
    held: frozenset[str]
    heads: Mapping[tuple[int, str, int], Head]
    tides: Mapping[str, Tide]


@dataclass(frozen=True, slots=True)
class Segment:
    """What happened between two answers: the decisions that the text asked for, and the next answer."""

    decisions: tuple[bool, ...]
    answer: Any


class Paths(Asking):
    """One coroutine, and the paths through it."""

    def __init__(
        self,
        geometry: Geometry,
        bits: int | None,
        throws: Collection[str] = (),
        hurry: Hurry = patient,
        *,
        no_throw: bool = False,
    ) -> None:
        """throws: the texts of throws that must not be reached, besides that of a nil dereference.

        no_throw: nor any other. bits, hurry: see asking.py.
        """
        super().__init__(geometry, bits, hurry)
        self.throws, self.no_throw = frozenset(throws), no_throw
        self.unclaimed: dict[str, None] = {}
        self.paths = 0
        self.held: frozenset[str] = frozenset()
        self.heads: Mapping[tuple[int, str, int], Head] = {}
        self.tides: Mapping[str, Tide] = {}
        self.about: Any = True
        """The condition under which what is observed is what a throw that follows would be about."""
        self.at_return: frozenset[str] = frozenset()
        self.returns = False
        self._coroutine: Any = None
        self._log: list[Segment] = []
        self._replaying: Iterator[bool] | None = None
        self._decided: list[bool] = []
        self._forced: tuple[bool, ...] = ()
        self._todo: list[tuple[Moment, tuple[bool, ...]]] = []
        self._place = ("", "", 0)
        self._make: Callable[[], Any] = lambda: None
        self.ensures: Callable[[Any], Claims] = contract.nothing
        self._moment = self._now()
        self._thrown_at: tuple[str, str, int] | None = None
        self._watched: dict[tuple[str, str, int], tuple[tuple[str, int], ...]] = {}
        """Lines of the first path that failed at a place."""

    @abstractmethod
    def answer(self, operation: Any) -> Any:
        """Answer what the text awaits."""

    # Paths.

    def fork(self, term: Any) -> bool:
        """Decide a branch; the other way is taken later, if it can be."""
        if self._contract:
            raise LiftError(f"{self.where()}: a contract asks for the truth value of a symbolic claim")
        if self._replaying is not None:
            return next(self._replaying)
        term = z3.simplify(term)
        if z3.is_true(term) or z3.is_false(term):
            choice = bool(z3.is_true(term))
            self._decided.append(choice)
            return choice
        place = len(self._decided)
        if place < len(self._forced):
            choice = self._forced[place]
        else:
            choice = self._can(term)
            if choice and self._can(building.negation(term)):
                self._todo.append((self._moment, (*self._decided, False)))
        self._decided.append(choice)
        side = term if choice else building.negation(term)
        self.questions.assume([side])
        return choice

    def _can(self, term: Any, *, hurry: bool = True) -> bool:
        """Whether a side of a branch can be taken; that it cannot is an obligation that was met."""
        result, seconds = self.questions.ask(term, about="branch not taken", hurry=hurry)
        if result != z3.unsat:
            return True
        file, function, line = self.position()
        self.obligations.append(
            Obligation("branch not taken", Kind.PRUNED, "branch", function, file, line, Outcome.PROVED, seconds)
        )
        return False

    def follows(self, claim: Any) -> bool:
        """Whether a claim follows from what is known; the other way is not taken then."""
        return claim if isinstance(claim, bool) else not self._can(building.negation(claim.term), hurry=False)

    def run(self, make: Callable[[], Any], ensures: Callable[[Any], Claims], at_return: frozenset[str]) -> None:
        """Run the coroutine that `make` gives along all its paths.

        ensures: what must be true of its result, on the view at that time.
        at_return: the locks that it returns with.
        """
        self._make, self.ensures, self.at_return = make, ensures, at_return
        self.expect_satisfiable("start")
        self._todo = [(self._now(), ())]
        while self._todo:
            moment, forced = self._todo.pop()
            self.paths += 1
            if self.paths > MOST_PATHS:
                raise LiftError(f"{self.where()}: given up after {self.paths:,} paths")
            self._path(make(), moment, forced)
        self._coroutine = None
        if not self.returns:
            file, function, line = self._place
            self.vacuous.append(f"{file}:{line} {function}: no path returns")

    def _now(self) -> Moment:
        self.questions.mark()
        return Moment(len(self._log), self.questions.known, self.view, self.held, self.heads, self.tides)

    def _resume(self, coroutine: Any, moment: Moment) -> Any:
        """Bring a new coroutine to where an earlier path was."""
        del self._log[moment.segments :]
        self.view, self.held, self.heads, self.tides = moment.view, moment.held, moment.heads, moment.tides
        self.questions.back_to(moment.known)
        answer: Any = None
        for segment in self._log:
            self._replaying = iter(segment.decisions)
            coroutine.send(answer)
            answer = segment.answer
        self._replaying = None
        return answer

    def _path(self, coroutine: Any, moment: Moment, forced: tuple[bool, ...]) -> None:
        self._coroutine = coroutine
        answer = self._resume(coroutine, moment)
        self._forced = forced
        try:
            while True:
                self._moment, self._decided = self._now(), []
                operation = self._next(coroutine, answer)
                asked = tuple(self._decided)
                answer = self.answer(operation)
                self._log.append(Segment(asked, answer))
                self._forced = ()
        except PathEndsError:
            pass
        except Throw as e:
            raise LiftError(f"{self.where()}: an operation throws: {e}") from e
        coroutine.close()

    def _next(self, coroutine: Any, answer: Any) -> Any:
        """Run the text to its next access; what it throws ends the path."""
        try:
            return coroutine.send(answer)
        except Throw as e:
            self._thrown(str(e), e)
        except AttributeError as e:
            if not is_nil_dereference(e):
                raise
            self._thrown(NIL_DEREFERENCE, e)
        raise PathEndsError

    def _thrown(self, text: str, error: Exception) -> None:
        """A path that ends with a throw."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        assert trace is not None
        code = trace.tb_frame.f_code
        self._thrown_at = (PurePath(code.co_filename).name, code.co_name, trace.tb_lineno)
        self.expect_satisfiable("throw")
        if text in self.throws or self.no_throw or text == NIL_DEREFERENCE:
            self.prove(Kind.THROW, "throw", text, negate(self.about))
        else:
            self.unclaimed[text] = None
        self._thrown_at = None

    def lines(self) -> tuple[tuple[str, int], ...]:
        """The lines of the text on this path, in order: the path is run once more, with no solver, and watched."""
        if self._coroutine is None:
            return ()
        if self.position() not in self._watched:
            self._watched[self.position()] = self._followed()
        return self._watched[self.position()]

    def _followed(self) -> tuple[tuple[str, int], ...]:
        seen: dict[tuple[str, int], None] = {}

        def watch(frame: Any, event: str, arg: Any) -> Any:  # noqa: ARG001  # what sys.settrace calls
            code = frame.f_code
            if not code.co_flags & inspect.CO_COROUTINE or code is STUB:
                return None
            if event == "line":
                seen[PurePath(code.co_filename).name, frame.f_lineno] = None
            return watch

        again, answer, tracing = self._make(), None, sys.gettrace()
        replaying = self._replaying
        sys.settrace(watch)
        try:
            for segment in (*self._log, Segment(tuple(self._decided), None)):
                self._replaying = iter(segment.decisions)
                again.send(answer)
                answer = segment.answer
        except Exception:  # noqa: BLE001, S110  # the path may well end with a throw
            pass
        finally:
            sys.settrace(tracing)
            self._replaying = replaying
            again.close()
        return tuple(seen)

    # Places.

    def innermost(self) -> Any:
        """The coroutine that runs at this moment, or None."""
        inner, chain = None, self._coroutine
        while getattr(chain, "cr_code", None) is not None:
            if chain.cr_code is not STUB:
                inner = chain
            chain = chain.cr_await
        return inner

    def depth(self) -> int:
        """How deep in calls it is."""
        depth, chain = 0, self._coroutine
        while getattr(chain, "cr_code", None) is not None:
            depth, chain = depth + 1, chain.cr_await
        return depth

    def position(self) -> tuple[str, str, int]:
        """(file, function, line) of the text at this moment."""
        inner = self.innermost()
        if self._thrown_at is not None:
            return self._thrown_at
        if inner is None or inner.cr_frame is None:
            return self._place
        return PurePath(inner.cr_code.co_filename).name, inner.cr_code.co_name, inner.cr_frame.f_lineno

    def at(self, file: str, function: str, line: int) -> None:
        """Where obligations belong that no coroutine has."""
        self._place = (file, function, line)

    def locals(self) -> Mapping[str, Any]:
        """The locals of the text at this moment, by name."""
        inner = self.innermost()
        return {} if inner is None or inner.cr_frame is None else inner.cr_frame.f_locals

    def shown_before(self) -> bool:
        """Whether the path that forked here has shown what is claimed here."""
        return len(self._decided) < len(self._forced)
