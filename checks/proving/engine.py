"""Runs a coroutine on symbols, along every path.

Before an access the world moves under the rely, once, as relies can be chained. Each write is shown to keep the
guarantee. At a cut the invariant is shown, what the loop changes is made fresh, and the invariant is assumed; where
the loop goes round the path ends. A callee with a contract is answered by it. What is observed, and what an access
means, is the protocol's business.

A path is resumed where it forked: the answers given so far are sent again, and no term is built twice. Read next:
protocol.py.
"""

import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import PurePath
from types import SimpleNamespace
from typing import Any

import z3

from spanproof.checks.proving import building
from spanproof.checks.proving.cuts import STUB, Call, Cut, LiftError, Returned
from spanproof.checks.proving.obligations import Kind, Obligation, Outcome
from spanproof.checks.proving.observing import Observing
from spanproof.checks.proving.operations import locks_keep_their_word
from spanproof.checks.proving.questions import Questions
from spanproof.checks.proving.stopping import Hurry, patient
from spanproof.checks.proving.terms import BITMAP, Bit, Bits, Domain, Truth, Word, formula
from spanproof.impl.access import Access, Lock, Throw, World
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.impl.span import Span
from spanproof.model.contracts import contract
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, any_of, implies, negate, same

OUTCOMES = {"unsat": Outcome.PROVED, "sat": Outcome.FAILED}
PURE = frozenset({Kind.THROW, Kind.RANK, Kind.ENSURES, Kind.KEEPS, Kind.RELY, Kind.LEMMA, Kind.LOCK})
"""Kinds of obligations that are not assumed after they failed."""
WORLD = "world"
"""What a thread holds that has stopped the world."""
UNPREEMPTED = "m"
"""What a thread holds that cannot be preempted."""
MOST_PATHS = 2_000
"""No function of the heap comes near; a text that does is refused."""


class PathEndsError(Exception):
    """The rest of this path is another obligation's business."""


@dataclass(frozen=True, slots=True)
class Head:
    """A loop head that this path has passed."""

    view: Any
    rank: Any
    held: frozenset[str]
    natural: tuple[str, ...]
    """The names that the loop changes and keeps from falling below 0."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a path can be taken up again."""

    segments: int
    known: int
    """How many hypotheses there were."""
    view: Any
    held: frozenset[str]
    heads: Mapping[tuple[int, str, int], Head]


@dataclass(frozen=True, slots=True)
class Segment:
    """What happened between two answers: the decisions that the text asked for, and the next answer."""

    decisions: tuple[bool, ...]
    answer: Any


class Engine:
    """One job: a coroutine, or a lemma, with its obligations."""

    def __init__(
        self,
        geometry: Geometry,
        bits: int | None,
        throws: Collection[str] = (),
        hurry: Hurry = patient,
        *,
        no_throw: bool = False,
    ) -> None:
        """bits: None for integers. throws: the texts of throws that must not be reached.

        no_throw: nor any other. hurry: asked at each question whether there is a reason to stop.
        """
        self.no_throw = no_throw
        self.geometry, self.bits, self.throws = geometry, bits, frozenset(throws)
        self.domain = Domain(bits, self.fork)
        self.obligations: list[Obligation] = []
        self.vacuous: list[str] = []
        self.unclaimed: dict[str, None] = {}
        self.paths = 0
        self.protocol: Observing
        self.preemptible: Any = True
        """Whether the world may be stopped while this heap is used."""
        self.view: Any = None
        self.held: frozenset[str] = frozenset()
        self.heads: Mapping[tuple[int, str, int], Head] = {}
        self.about: Any = True
        """The condition under which what is observed is what a throw that follows would be about."""
        self.questions = Questions(bits, hurry)
        self._constants = 0
        self._ordered: dict[tuple[str, int, bool], Any] = {}
        """Loops whose `keeps` is known to be an order, with the hand of which it was shown."""
        self._coroutine: Any = None
        self._log: list[Segment] = []
        self._replaying: Iterator[bool] | None = None
        self._decided: list[bool] = []
        self._forced: tuple[bool, ...] = ()
        self._todo: list[tuple[Moment, tuple[bool, ...]]] = []
        self._contract = False
        self._place = ("", "", 0)
        self._make: Callable[[], Any] = lambda: None
        self._ensures: Callable[[Any], Claims] = contract.nothing
        self._at_return: frozenset[str] = frozenset()
        self._moment = self._now()
        self._returns = False
        self._thrown_at: tuple[str, str, int] | None = None
        self._watched: dict[tuple[str, str, int], tuple[tuple[str, int], ...]] = {}
        """Lines of the first path that failed at a place."""

    # Words.

    def word(self, term: Any) -> Word:
        """A word of the main domain."""
        return self.domain.word(term)

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
        return Bits(self.fork, place, bit, self._constant(name, BITMAP))

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

    def assume(self, claim: Any) -> None:
        """Add a hypothesis."""
        if claim is True:
            return
        self.questions.assume([formula(claim)])

    def assume_all(self, claims: Claims) -> None:
        """Add hypotheses."""
        for _, claim in self._read(claims):
            self.assume(claim)

    def _read(self, claims: Claims) -> list[tuple[str, Any]]:
        """The claims of a contract, which must not fork."""
        self._contract, before = True, self._contract
        try:
            return list(claims)
        finally:
            self._contract = before

    def prove(self, kind: Kind, where: str, goal: str, claim: Any) -> None:
        """Show one claim."""
        self.prove_all(kind, where, iter([(goal, claim)]))

    def prove_all(self, kind: Kind, where: str, claims: Claims) -> None:
        """Show claims: all at once, and if that fails one by one."""
        named = self._read(claims)
        if len(self._decided) < len(self._forced) or not named:
            return  # the path that forked here has shown them
        file, function, line = self._position()
        terms = [formula(claim) for _, claim in named]
        result, seconds = self.questions.ask(building.negation(building.conjunction(terms)))
        failed: list[Any] = []
        for (goal, _), term in zip(named, terms, strict=True):
            one, took, values = z3.unsat, seconds / len(named), dict[str, str]()
            lines: tuple[tuple[str, int], ...] = ()
            if result != z3.unsat:
                one, took = self.questions.ask(building.negation(term), model=True)
            if one != z3.unsat:
                values, lines = self._values(), self._lines()
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
        inner = self._innermost()
        if inner is not None and inner.cr_frame is not None:
            seen |= {n: v for n, v in inner.cr_frame.f_locals.items() if n != "self"}
        values: dict[str, str] = {}
        for name, value in seen.items():
            for part, word in _flat(name, value):
                term = word.term if isinstance(word, Word | Truth) else None
                values[part] = (
                    str(word) if term is None else str(self.questions.model.eval(term, model_completion=True))
                )
        return values

    def _lines(self) -> tuple[tuple[str, int], ...]:
        """The lines of the text on this path, in order: the path is run once more, with no solver, and watched."""
        if self._coroutine is None:
            return ()
        if self._position() not in self._watched:
            self._watched[self._position()] = self._followed()
        return self._watched[self._position()]

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

    def _can(self, term: Any) -> bool:
        """Whether a side of a branch can be taken; that it cannot is an obligation that was met."""
        result, seconds = self.questions.ask(term, hurry=True)
        if result != z3.unsat:
            return True
        file, function, line = self._position()
        self.obligations.append(
            Obligation("branch not taken", Kind.PRUNED, "branch", function, file, line, Outcome.PROVED, seconds)
        )
        return False

    def run(self, make: Callable[[], Any], ensures: Callable[[Any], Claims], at_return: frozenset[str]) -> None:
        """Run the coroutine that `make` gives along all its paths.

        ensures: what must be true of its result, on the view at that time.
        at_return: the locks that it returns with.
        """
        self._make, self._ensures, self._at_return = make, ensures, at_return
        self._expect_satisfiable("start")
        self._todo = [(self._now(), ())]
        while self._todo:
            moment, forced = self._todo.pop()
            self.paths += 1
            if self.paths > MOST_PATHS:
                raise LiftError(f"{self.where()}: given up after {self.paths:,} paths")
            self._path(make(), moment, forced)
        self._coroutine = None
        if not self._returns:
            file, function, line = self._place
            self.vacuous.append(f"{file}:{line} {function}: no path returns")

    def _now(self) -> Moment:
        self.questions.mark()
        return Moment(len(self._log), self.questions.known, self.view, self.held, self.heads)

    def _resume(self, coroutine: Any, moment: Moment) -> Any:
        """Bring a new coroutine to where an earlier path was."""
        del self._log[moment.segments :]
        self.view, self.held, self.heads = moment.view, moment.held, moment.heads
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
                answer = self._answer(operation)
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
            if e.obj is not None:
                raise
            self._thrown("invalid memory address or nil pointer dereference", e)
        raise PathEndsError

    def _thrown(self, text: str, error: Exception) -> None:
        """A path that ends with a throw."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        assert trace is not None
        code = trace.tb_frame.f_code
        self._thrown_at = (PurePath(code.co_filename).name, code.co_name, trace.tb_lineno)
        self._expect_satisfiable("throw")
        if text in self.throws or self.no_throw:
            self.prove(Kind.THROW, "throw", text, negate(self.about))
        else:
            self.unclaimed[text] = None
        self._thrown_at = None

    def _expect_satisfiable(self, where: str) -> None:
        """The hypotheses on a path must not contradict each other; they only grow, so its end is enough."""
        result, seconds = self.questions.ask()
        file, function, line = self._position()
        outcome = Outcome.PROVED if result == z3.sat else Outcome.UNKNOWN
        self.obligations.append(Obligation("not vacuous", Kind.REACHED, where, function, file, line, outcome, seconds))
        if result != z3.sat:
            said = "contradict each other" if result == z3.unsat else "could not be shown satisfiable"
            self.vacuous.append(f"{file}:{line} {function}, {where}: the hypotheses {said}")

    # Places.

    def _innermost(self) -> Any:
        inner, chain = None, self._coroutine
        while getattr(chain, "cr_code", None) is not None:
            if chain.cr_code is not STUB:
                inner = chain
            chain = chain.cr_await
        return inner

    def _depth(self) -> int:
        depth, chain = 0, self._coroutine
        while getattr(chain, "cr_code", None) is not None:
            depth, chain = depth + 1, chain.cr_await
        return depth

    def _position(self) -> tuple[str, str, int]:
        """(file, function, line) of the text at this moment."""
        inner = self._innermost()
        if self._thrown_at is not None:
            return self._thrown_at
        if inner is None or inner.cr_frame is None:
            return self._place
        return PurePath(inner.cr_code.co_filename).name, inner.cr_code.co_name, inner.cr_frame.f_lineno

    def at(self, file: str, function: str, line: int) -> None:
        """Where obligations belong that no coroutine has."""
        self._place = (file, function, line)

    def where(self) -> str:
        """File and line of the text at this moment."""
        file, _, line = self._position()
        return f"{file}:{line}"

    # Answers.

    def interfere(self) -> None:
        """Let other threads act."""
        old, self.view = self.view, self.protocol.fresh_world(self.view)
        self.assume_all(self.protocol.rely(old, self.view))

    def _answer(self, operation: Any) -> Any:
        match operation:
            case Access():
                return self._access(operation)  # pyright: ignore[reportUnknownArgumentType]
            case Cut():
                return self._cut(operation)
            case Call():
                return self._call(operation)
            case Returned():
                return self._returned(operation)
            case _:
                raise LiftError(f"{self.where()}: {operation!r} is nothing that the text may await")

    def _access(self, access: Access[Any]) -> Any:
        cell, code = access.cell, self._innermost().cr_code
        self.protocol.admit(access, code.co_filename, code.co_name, code.co_firstlineno)
        if cell.guard is not None:
            self.prove(Kind.LOCK, f"{access.kind} of {cell.name}", f"{cell.guard} is held", cell.guard in self.held)
        if isinstance(cell, Lock):
            return self._lock(access)
        if isinstance(cell, World):
            return self._world(access)
        self.about = True
        if cell.name not in self.protocol.families:
            return self.protocol.unknown(access)
        self.interfere()
        return self.protocol.access(access)

    def _lock(self, access: Access[Any]) -> None:
        name = access.cell.name
        self.interfere()
        self.prove(Kind.LOCK, access.kind, "a lock has one holder at most", locks_keep_their_word())
        if access.kind == "lock":
            self.prove(Kind.LOCK, "lock", f"{name} is not held by this thread", name not in self.held)
            self._holds(name, held=True)
            self.assume_all(self._protected(name))
        else:
            self.prove(Kind.LOCK, "unlock", f"{name} is held by this thread", name in self.held)
            self.prove_all(Kind.LOCK, "unlock", self._protected(name))
            self._holds(name, held=False)

    def _protected(self, lock: str) -> Claims:
        """What is whole whenever nobody holds this lock; of other locks than the heap's, protocols know nothing."""
        return self.protocol.lock_invariant(self.view) if lock == HEAP_LOCK else iter(())

    def _holds(self, lock: str, *, held: bool) -> None:
        """From here on this thread holds this lock, or does not."""
        self.held = self.held | {lock} if held else self.held - {lock}
        if lock == HEAP_LOCK:
            self.view = self.protocol.locked(self.view, held=held)

    def _world(self, access: Access[Any]) -> None:
        """Stop the world or start it, or be safe from that."""
        self.interfere()
        self.prove(Kind.LOCK, access.kind, "a stopped world waits for every thread", locks_keep_their_word())
        if access.kind in {"acquirem", "releasem"}:
            held, takes = UNPREEMPTED in self.held, access.kind == "acquirem"
            self.prove(Kind.LOCK, access.kind, "acquirem and releasem take turns", held != takes)
            self.held = self.held | {UNPREEMPTED} if takes else self.held - {UNPREEMPTED}
        if access.kind in {"stop", "start"}:
            stops, now = access.kind == "stop", WORLD in self.held
            self.prove(Kind.LOCK, access.kind, "the world runs" if stops else "the world is stopped", now != stops)
            self.held = self.held | {WORLD} if stops else self.held - {WORLD}
            self.view = self.protocol.stopped(self.view, stopped=stops)

    def _call(self, call: Call) -> Any:
        contract_ = self.protocol.calls.get(call.function)
        if contract_ is None:
            raise LiftError(f"{self.where()}: {call.function} has no contract in this protocol")
        self.interfere()
        if contract_.locked is not None:
            goal = f"{HEAP_LOCK} is {'held' if contract_.locked else 'not held'}"
            self.prove(Kind.LOCK, f"call {call.function}", goal, (HEAP_LOCK in self.held) == contract_.locked)
        if contract_.unpreempted:
            safe = any_of(negate(self.preemptible), bool(self.held & {UNPREEMPTED, WORLD}))
            self.prove(Kind.LOCK, f"call {call.function}", "the caller cannot be preempted", safe)
        return self.protocol.call(call, contract_)

    def _returned(self, returned: Returned) -> None:
        depth = self._depth()
        if depth > 1:
            self.heads = {key: head for key, head in self.heads.items() if key[0] < depth}
            return
        self._returns = True
        self.interfere()
        self.prove_all(Kind.ENSURES, f"{returned.function} returns", self._ensures(returned.value))
        held = ", ".join(sorted(self._at_return)) or "no lock"
        self.prove(Kind.LOCK, f"{returned.function} returns", f"{held} is held", self.held == self._at_return)
        self._expect_satisfiable("return")
        raise PathEndsError

    def _cut(self, cut: Cut) -> Any:
        loop = self.protocol.loops.get((cut.function, cut.loop))
        where = f"{cut.function} loop {cut.loop}"
        if loop is None:
            raise LiftError(f"{self.where()}: {where} has no invariant in this protocol (model/contracts)")
        for name, value in cut.bound.items():
            if name not in {"self", "_changed"} and not _is_frozen(value):
                raise LiftError(f"{self.where()}: {where} meets {name}, which can change: locals are words and handles")
        self.interfere()
        bound = SimpleNamespace(**cut.bound)
        self.prove_all(Kind.INVARIANT, where, loop.invariant(self.view, bound))
        key = (self._depth(), cut.function, cut.loop)
        natural = self.heads[key].natural if key in self.heads else self._naturals(cut)
        self.prove_all(Kind.INVARIANT, where, iter([(f"{n} is not below 0", cut.bound[n] >= 0) for n in natural]))
        rank = None if isinstance(loop.rank, str) else loop.rank
        if rank is not None:
            self.prove(Kind.RANK, where, "the rank is a natural number", self._natural(rank(self.view, bound)))
        if loop.locked is not None:
            as_said = same(loop.locked(bound), HEAP_LOCK in self.held)
            self.prove(Kind.LOCK, where, f"whether {HEAP_LOCK} is held is as the loop says", as_said)
        if key in self.heads:
            self._round(where, loop, self.heads[key], bound)
        names = {name: self.fresh_like(cut.bound[name], name) for name in cut.names if name in cut.bound}
        for name in natural:
            self.assume(names[name] >= 0)
        old, self.view = self.view, self.protocol.fresh_world(self.view)
        self._order(where, loop, old)
        self.assume_all(loop.keeps(old, self.view))
        bound = SimpleNamespace(**{**cut.bound, **names})
        self.assume_all(loop.invariant(self.view, bound))
        if loop.locked is not None:
            self._holds(HEAP_LOCK, held=bool(loop.locked(bound)))
        at_head = None if rank is None else rank(self.view, bound)
        self.heads = {**self.heads, key: Head(self.view, at_head, self.held, natural)}
        return names

    def _naturals(self, cut: Cut) -> tuple[str, ...]:
        """The counts among the names that a loop changes: in integers they must not fall below 0, as words cannot."""
        if self.bits is not None:
            return ()
        words = {n: v for n, v in cut.bound.items() if n in cut.names and not isinstance(v, bool)}
        return tuple(n for n, v in words.items() if isinstance(v, Word) or (isinstance(v, int) and v >= 0))

    def _natural(self, rank: Any) -> Any:
        return True if self.bits is not None or isinstance(rank, int) else rank >= 0

    def _round(self, where: str, loop: contract.Loop, head: Head, bound: Any) -> None:
        """The loop goes round: the path ends here."""
        self.prove_all(Kind.KEEPS, where, loop.keeps(head.view, self.view))
        if loop.locked is None:
            self.prove(Kind.KEEPS, where, "the same locks are held", self.held == head.held)
        self.prove(Kind.KEEPS, where, "what this thread holds is the same", self.view.hand is head.view.hand)
        if not isinstance(loop.rank, str):
            about = loop.about(self.view, bound)
            self.prove(Kind.RANK, where, "the rank falls", implies(about, loop.rank(self.view, bound) < head.rank))
        self._expect_satisfiable(where)
        raise PathEndsError

    def _order(self, where: str, loop: contract.Loop, old: Any) -> None:
        """`keeps` relates the entry to every later visit of the head only if it is reflexive and transitive.

        Shown of any views that the protocol allows, with the hand and the lock as they are; so once is enough.
        """
        key = (where, id(old.hand), bool(self.held))
        if key in self._ordered:
            return
        self._ordered[key] = old.hand
        first, later, last = (self.protocol.fresh_world(old) for _ in range(3))
        with self.questions.apart():
            self.assume_all(self.protocol.rely(first, first))
            self.prove_all(Kind.KEEPS, f"{where}: reflexive", loop.keeps(first, first))
            self.assume_all(loop.keeps(first, later))
            self.assume_all(loop.keeps(later, last))
            self.prove_all(Kind.KEEPS, f"{where}: transitive", loop.keeps(first, last))
            self._expect_satisfiable(f"{where}: transitive")

    # Lemmas.

    def lemma(self, where: str, premises: Claims, goals: Claims, kind: Kind = Kind.LEMMA) -> None:
        """Show goals from premises alone, and that these can be met."""
        with self.questions.for_now():
            self.assume_all(premises)
            self.prove_all(kind, where, goals)
            self._expect_satisfiable(where)

    def fact(self, where: str, premises: Claims, goals: Claims) -> None:
        """Show goals from premises alone, with nothing else in the way, and add them to the hypotheses."""
        goals_ = self._read(goals)
        with self.questions.apart():
            self.assume_all(premises)
            for goal in goals_:
                self.prove_all(Kind.LEMMA, where, iter([goal]))
            self._expect_satisfiable(where)
        self.assume_all(iter(goals_))

    def choose(self, name: str) -> bool:
        """Go both ways."""
        return bool(self.fresh_truth(name))

    def span_or_none(self, name: str) -> Span | None:
        """A span of which nothing is known, or none."""
        return None if self.choose(f"{name} is nil") else Span(self.fresh(name))  # type: ignore[arg-type]  # a word


def _is_frozen(value: Any) -> bool:
    """Whether a local cannot change but by an assignment."""
    if isinstance(value, tuple):
        return all(_is_frozen(part) for part in value)  # pyright: ignore[reportUnknownVariableType]
    plain = isinstance(value, Word | Truth | Bits | Bit | bool | int | str | None)
    return plain or (is_dataclass(value) and bool(vars(type(value))["__dataclass_params__"].frozen))


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
