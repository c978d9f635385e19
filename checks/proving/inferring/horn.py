"""The text of alloc_needs_zero as Horn clauses: what a proof must show, in unknown relations, of one arena and a byte.

The engine runs the text along all its paths, as in a proof, but what others do, what this thread guarantees, and what
is true at the heads of loops are relations of which nothing is known. What had to be shown is a clause: where its
hypotheses have these relations in them, it says what they must be. An invariant is relations that meet all clauses.

One arena: the heap has one, of pages of a byte, so an address is its place in it. Read next: spacer.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import z3

from spanproof.checks.proving import jobs
from spanproof.checks.proving.engine import Engine
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.stopping import Hurry
from spanproof.checks.proving.terms import Truth, formula
from spanproof.checks.proving.theorem import JOBS
from spanproof.checks.proving.zeroing import ZeroingProtocol
from spanproof.model.contracts import zeroing
from spanproof.model.contracts.zeroing import View
from spanproof.model.logic import Claims
from spanproof.model.releases import Release

NAMES = ("zeroing: start", "zeroing: rely", "alloc_needs_zero")
ARENA = 1 << 26
"""Bytes of the arena."""
ONE_ARENA = replace(
    jobs.GO, name="one arena", page_size=1, pages_per_arena=ARENA, arenas=1, first_arena=1, arena_base_offset=0
)
LOCALS = {
    ("alloc_needs_zero", 0): ("base", "npage", "need_zero"),
    ("alloc_needs_zero", 1): ("base", "npage", "need_zero", "zeroed_base", "arena_base", "arena_limit"),
}
"""What there is at the head of each loop."""
ASIDE = frozenset({Kind.RANK})
"""That loops end is shown elsewhere."""
RELY = "rely"
_z3: Any = z3


@dataclass(frozen=True, slots=True)
class Clause:
    """Where all of `known` is true, `shown` is; any constants stand for any values."""

    about: str
    known: tuple[Any, ...]
    shown: Any

    def closed(self, relations: frozenset[str]) -> Any:
        """As a rule: a relation is concluded, or what is concluded must not be false."""
        goal = self.shown if self._is_atom(relations) else _z3.BoolVal(False)
        body = self.known if self._is_atom(relations) else (*self.known, _z3.Not(self.shown))
        rule = _z3.Implies(_z3.And(*body), goal)
        anything = constants(rule)
        return _z3.ForAll(anything, rule) if anything else rule

    def _is_atom(self, relations: frozenset[str]) -> bool:
        return bool(_z3.is_app(self.shown) and self.shown.decl().name() in relations)


@dataclass(slots=True)
class System:
    """Clauses, and the relations in them."""

    clauses: list[Clause] = field(default_factory=list[Clause])
    relations: dict[str, Any] = field(default_factory=dict[str, Any])

    def atom(self, name: str, args: Sequence[Any]) -> Any:
        """That these are related."""
        terms = [_term(arg) for arg in args]
        if name not in self.relations:
            self.relations[name] = _z3.Function(name, *(term.sort() for term in terms), _z3.BoolSort())
        return self.relations[name](*terms)

    def add(self, about: str, known: Sequence[Any], shown: Any) -> None:
        """Another clause, unless it says nothing."""
        shown = one_arena(shown)
        if not _z3.is_true(shown):
            self.clauses.append(Clause(about, tuple(one_arena(term) for term in known), shown))


class HornEngine(Engine):
    """An engine that shows nothing, and writes down what it would have to show."""

    def prove_all(self, kind: Kind, where: str, claims: Claims) -> None:
        """A clause for each of the claims."""
        named = self._read(claims)
        if kind in ASIDE or self.shown_before():
            return
        assert isinstance(self.protocol, HornProtocol)
        for goal, claim, _ in named:
            about = f"{self.where()} {kind.value}, {where}: {goal}"
            self.protocol.system.add(about, self.questions.hypotheses, formula(claim))

    def expect_satisfiable(self, where: str) -> None:
        """Of no interest: relations may be anything yet."""


class HornProtocol(ZeroingProtocol):
    """The zeroing protocol with relations in place of its rely, its guarantee, and all that is known of its loops."""

    system: ClassVar[System]

    def __init__(self, engine: Engine, heap_class: Any, release: Release) -> None:
        """Observe through this engine."""
        super().__init__(engine, heap_class, release)
        unknown = {
            key: replace(zeroing.LOOPS[key], invariant=self._at_head(key), keeps=self._relation(_named(key, "keeps")))
            for key in LOCALS
        }
        self.loops = {**zeroing.LOOPS, **unknown}

    def begin(self) -> None:
        """Any byte of the arena."""
        super().begin()
        self.engine.assume(self.engine.view.byte < ARENA)

    def take_region(self, npages: Any) -> Any:
        """A region in the arena."""
        base = super().take_region(npages)
        hand = self.engine.view.hand
        assert hand is not None
        self.engine.assume(hand.limit <= ARENA)
        return base

    def rely(self, old: View, new: View) -> Claims:
        """What other threads may do."""
        return self._relation(RELY)(old, new)

    def guarantee(self, old: View, new: View) -> Claims:
        """What a write to zeroedBase may do."""
        return self._relation("guarantee")(old, new)

    def _relation(self, name: str) -> Callable[[View, View], Claims]:
        def related(old: View, new: View) -> Claims:
            args = [*_seen(old), new.world.zeroed_base, new.world.dirty]
            yield name, self.engine.truth(self.system.atom(name, args))

        return related

    def _at_head(self, key: tuple[str, int]) -> Callable[[View, Any], Claims]:
        name = _named(key, "invariant")

        def at_head(v: View, local: Any) -> Claims:
            args = [*_seen(v), *(getattr(local, each) for each in LOCALS[key])]
            yield name, self.engine.truth(self.system.atom(name, args))

        return at_head


def clauses_of(heap_class: Any, release: Release, hurry: Hurry) -> tuple[System, str]:
    """All clauses, and why not, if the text cannot be read."""
    system = System()
    protocol: Any = type("Horn", (HornProtocol,), {"system": system})
    for name in NAMES:
        job = replace(JOBS[name], protocol=protocol, geometry=ONE_ARENA)
        proof = jobs.run(job, heap_class, release, hurry=hurry, engine_class=HornEngine)
        if proof.error:
            return system, proof.error
    _shape_of_a_rely(system)
    return system, ""


def _shape_of_a_rely(system: System) -> None:
    """What one reads out of a rely: a world that it leads to is one to begin at, whoever holds whatever.

    Without it a relation that is never true would be one: nobody would begin anywhere.
    """
    byte, base, limit, later_base, later_limit, before, after = (
        _z3.Int(name) for name in ("byte", "base", "limit", "later_base", "later_limit", "before", "after")
    )
    was, now, zero, clean = _z3.Bool("was"), _z3.Bool("now"), _z3.IntVal(0), _z3.BoolVal(False)

    def related(hand: tuple[Any, Any], old: tuple[Any, Any], new: tuple[Any, Any]) -> Any:
        return system.relations[RELY](byte, *old, *hand, *new)

    mine, later = (base, limit), (later_base, later_limit)
    begin, old, new = (zero, clean), (before, was), (after, now)
    system.add("an arena begins at 0, and clean", [byte >= 0, byte < ARENA], related(mine, begin, begin))
    system.add("what is reached is a world", [related(mine, old, new)], related(mine, new, new))
    system.add("a world is one for all", [related(mine, old, old)], related(later, old, old))


def one_arena(term: Any) -> Any:
    """The term where every address is in the one arena: its place in it is itself."""
    done: dict[int, Any] = {}

    def read(t: Any) -> Any:
        if t.get_id() not in done:
            done[t.get_id()] = _in_one_arena(t, [read(child) for child in t.children()])
        return done[t.get_id()]

    return _z3.simplify(read(term))


def _in_one_arena(term: Any, parts: Sequence[Any]) -> Any:
    kind = term.decl().kind()
    if kind not in (_z3.Z3_OP_MOD, _z3.Z3_OP_IDIV) or not _z3.is_int_value(parts[1]):
        return term.decl()(*parts) if parts else term
    by_one = parts[1].as_long() == 1
    return parts[0] if by_one == (kind == _z3.Z3_OP_IDIV) else _z3.IntVal(0)


def constants(term: Any) -> list[Any]:
    """The constants in a term."""
    found: dict[int, Any] = {}
    seen, left = set[int](), [term]
    while left:
        t = left.pop()
        if t.get_id() in seen:
            continue
        seen.add(t.get_id())
        left += t.children()
        if _z3.is_const(t) and t.decl().kind() == _z3.Z3_OP_UNINTERPRETED:
            found[t.get_id()] = t
    return list(found.values())


def _named(key: tuple[str, int], part: str) -> str:
    return f"{key[0]} loop {key[1]} {part}"


def _seen(v: View) -> list[Any]:
    """What a relation may speak of at one moment."""
    hand = (0, 0) if v.hand is None else (v.hand.base, v.hand.limit)
    return [v.byte, v.world.zeroed_base, v.world.dirty, *hand]


def _term(value: Any) -> Any:
    if isinstance(value, bool):
        return _z3.BoolVal(value)
    if isinstance(value, int):
        return _z3.IntVal(value)
    return formula(value) if isinstance(value, Truth) else value.term
