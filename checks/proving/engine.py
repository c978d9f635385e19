"""Answers what the text awaits: accesses, loop heads, calls, and its return.

Before an access the world moves under the rely, once, as relies can be chained. Each write is shown to keep the
guarantee. At a cut the invariant is shown, what the loop changes is made fresh, and the invariant is assumed; where
the loop goes round the path ends. A callee with a contract is answered by it. What is observed, and what an access
means, is the protocol's business. Read next: protocol.py.
"""

from dataclasses import fields, is_dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from spanproof.checks.proving.asking import PathEndsError
from spanproof.checks.proving.cuts import Call, Cut, LiftError, Returned
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.observing import Observing
from spanproof.checks.proving.operations import locks_keep_their_word
from spanproof.checks.proving.paths import Head
from spanproof.checks.proving.terms import Bit, Bits, Truth, Word
from spanproof.checks.proving.tides import Tides, falls
from spanproof.impl.access import Access, Lock, World
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.model.contracts import contract
from spanproof.model.contracts.contract import Unbounded, Waits
from spanproof.model.logic import Claims, all_of, any_of, implies, negate, same

WORLD = "world"
"""What a thread holds that has stopped the world."""
UNPREEMPTED = "m"
"""What a thread holds that cannot be preempted; with a count behind it where it is held more than once."""


class Engine(Tides):
    """One job: a coroutine, or a lemma, with its obligations."""

    protocol: Observing
    preemptible: Any = True
    """Whether the world may be stopped while this heap is used."""
    unused_zeroes: Any = True
    """Whether the system clears what is returned to it."""

    @cached_property
    def _ordered(self) -> dict[tuple[str, int, bool], Any]:
        """Loops whose `keeps` is known to be an order, with the hand of which it was shown."""
        return {}

    def interfere(self) -> None:
        """Let other threads act."""
        old, self.view = self.view, self.protocol.fresh_world(self.view)
        self.assume_all(self.protocol.rely(old, self.view))

    def answer(self, operation: Any) -> Any:
        """Answer what the text awaits."""
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
        cell, code = access.cell, self.innermost().cr_code
        self.protocol.admit(access, code.co_filename, code.co_name, code.co_firstlineno)
        if cell.guard is not None:
            self.prove(Kind.LOCK, f"{access.kind} of {cell.name}", f"{cell.guard} is held", cell.guard in self.held)
        if isinstance(cell, Lock):
            return self._lock(access)
        if isinstance(cell, World):
            return self._world(access)
        self.about = True
        if cell.name in self.protocol.retried:
            self.interfere()
            now, after, result = self.step_on(access)
            self.protocol.stepped(access, now, after)
            return result
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

    def hold(self, held: frozenset[str]) -> None:
        """From here on this thread holds this, and no more."""
        self.held = held
        self.view = self.protocol.holding(self.view, held, self.unpreempted)

    @property
    def unpreempted(self) -> Any:  # a truth
        """Whether the world cannot be stopped by another thread: this one cannot be preempted, or has stopped it."""
        return any_of(negate(self.preemptible), WORLD in self.held or UNPREEMPTED in self.held)

    def _holds(self, name: str, *, held: bool) -> None:
        self.hold(self.held | {name} if held else self.held - {name})

    def _world(self, access: Access[Any]) -> None:
        """Stop the world or start it, or be safe from that."""
        self.interfere()
        self.prove(Kind.LOCK, access.kind, "a stopped world waits for every thread", locks_keep_their_word())
        mine = sorted(name for name in self.held if name.startswith(UNPREEMPTED))
        match access.kind:
            case "acquirem":
                self.prove(Kind.LOCK, "acquirem", "this thread has not stopped the world", WORLD not in self.held)
                self._holds(UNPREEMPTED + "+" * len(mine), held=True)
            case "releasem":
                goal = "it undoes an acquirem of its own, not one of the caller's"
                self.prove(Kind.LOCK, "releasem", goal, bool(mine) and mine[-1] not in self.at_return)
                self._holds(mine[-1] if mine else UNPREEMPTED, held=False)
            case "stop":
                free = not mine and WORLD not in self.held and HEAP_LOCK not in self.held
                self.prove(Kind.LOCK, "stop", "the world does not wait for this thread", free)
                self._holds(WORLD, held=True)
            case _:
                self.prove(Kind.LOCK, "start", "this thread has stopped the world", WORLD in self.held)
                self._holds(WORLD, held=False)
        self.prove_all(Kind.GUARANTEE, access.kind, self.protocol.may_be_stopped(self.view))

    def _call(self, call: Call) -> Any:
        contract_ = self.protocol.calls.get(call.function)
        if contract_ is None:
            raise LiftError(f"{self.where()}: {call.function} has no contract in this protocol")
        self.interfere()
        self.about = True
        if contract_.locked is not None:
            goal = f"{HEAP_LOCK} is {'held' if contract_.locked else 'not held'}"
            self.prove(Kind.LOCK, f"call {call.function}", goal, (HEAP_LOCK in self.held) == contract_.locked)
        if contract_.unpreempted:
            self.prove(Kind.LOCK, f"call {call.function}", "the caller cannot be preempted", self.unpreempted)
        result = self.protocol.call(call, contract_)
        self.adrift()
        return result

    def _returned(self, returned: Returned) -> None:
        depth = self.depth()
        if depth > 1:
            self.heads = {key: head for key, head in self.heads.items() if key[0] < depth}
            return
        self.returns = True
        self.interfere()
        self.prove_all(Kind.ENSURES, f"{returned.function} returns", self.ensures(returned.value))
        held = ", ".join(sorted(self.at_return)) or "no lock"
        self.prove(Kind.LOCK, f"{returned.function} returns", f"{held} is held", self.held == self.at_return)
        self.expect_satisfiable("return")
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
        key = (self.depth(), cut.function, cut.loop)
        natural = self.heads[key].natural if key in self.heads else self._naturals(cut)
        self.prove_all(Kind.INVARIANT, where, iter([(f"{n} is not below 0", cut.bound[n] >= 0) for n in natural]))
        rank = None if isinstance(loop.rank, Waits | Unbounded | str) else loop.rank
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
        self.adrift()
        theirs = self.tide(loop.retries).theirs if loop.retries else 0
        self.heads = {**self.heads, key: Head(self.view, at_head, self.held, natural, theirs)}
        return names

    def _naturals(self, cut: Cut) -> tuple[str, ...]:
        """The counts among the names that a loop changes: in integers they must not fall below 0, as words cannot."""
        if self.bits is not None:
            return ()
        words = {n: v for n, v in cut.bound.items() if n in cut.names and not isinstance(v, bool)}
        return tuple(n for n, v in words.items() if isinstance(v, Word) or (isinstance(v, int) and v >= 0))

    def _natural(self, rank: Any) -> Any:
        numbers: tuple[Any, ...] = rank if isinstance(rank, tuple) else (rank,)  # pyright: ignore[reportUnknownVariableType]
        return all_of(*(True if self.bits is not None else n >= 0 for n in numbers))

    def _round(self, where: str, loop: contract.Loop, head: Head, bound: Any) -> None:
        """The loop goes round: the path ends here."""
        self.prove_all(Kind.KEEPS, where, loop.keeps(head.view, self.view))
        if loop.locked is None:
            self.prove(Kind.KEEPS, where, "the same locks are held", self.held == head.held)
        self.prove(
            Kind.KEEPS,
            where,
            "what this thread holds is the same",
            _identical(*(getattr(v, "hand", None) for v in (self.view, head.view))),
        )
        self._comes_to_an_end(where, loop, head, bound)
        self.expect_satisfiable(where)
        raise PathEndsError

    def _comes_to_an_end(self, where: str, loop: contract.Loop, head: Head, bound: Any) -> None:
        """A round may be repeated if the rank falls, or if another thread's step was the reason."""
        if isinstance(loop.rank, Unbounded | str):
            return
        if isinstance(loop.rank, Waits):
            self.prove_all(Kind.RANK, where, loop.rank.what(self.view, bound))
            return
        fell = falls(loop.rank(self.view, bound), head.rank)
        outrun, other = self.was_outrun(loop.retries, head.theirs), loop.unless(head.view, self.view)
        goal = "the rank falls"
        if loop.retries:
            goal += f", or another thread has changed {loop.retries}"
        if loop.unless is not contract.never:
            goal += ", or another thread has begun a cycle"
        self.prove(Kind.RANK, where, goal, implies(loop.about(self.view, bound), any_of(fell, outrun, other)))

    def _order(self, where: str, loop: contract.Loop, old: Any) -> None:
        """`keeps` relates the entry to every later visit of the head only if it is reflexive and transitive.

        Shown of any views that the protocol allows, with the hand and the lock as they are; so once is enough.
        """
        hand = getattr(old, "hand", None)
        key = (where, id(hand), bool(self.held))
        if key in self._ordered:
            return
        self._ordered[key] = hand
        first, later, last = (self.protocol.fresh_world(old) for _ in range(3))
        with self.questions.apart():
            self.assume_all(self.protocol.rely(first, first))
            self.prove_all(Kind.KEEPS, f"{where}: reflexive", loop.keeps(first, first))
            self.assume_all(loop.keeps(first, later))
            self.assume_all(loop.keeps(later, last))
            self.prove_all(Kind.KEEPS, f"{where}: transitive", loop.keeps(first, last))
            self.expect_satisfiable(f"{where}: transitive")


def _identical(a: Any, b: Any) -> bool:
    """Whether two hands hold the very same."""
    return a is b or (type(a) is type(b) and all(getattr(a, f.name) is getattr(b, f.name) for f in fields(a)))


def _is_frozen(value: Any) -> bool:
    """Whether a local cannot change but by an assignment."""
    if isinstance(value, tuple):
        return all(_is_frozen(part) for part in value)  # pyright: ignore[reportUnknownVariableType]
    plain = isinstance(value, Word | Truth | Bits | Bit | bool | int | str | None)
    return plain or (is_dataclass(value) and _declares_frozen(type(value)))


def _declares_frozen(cls: type) -> bool:
    """Whether a class is a frozen dataclass, or one with other functions and nothing else, as lifted ones are."""
    if "__dataclass_params__" in vars(cls):
        return bool(vars(cls)["__dataclass_params__"].frozen)
    return vars(cls).get("__slots__") == () and _declares_frozen(cls.__bases__[0])
