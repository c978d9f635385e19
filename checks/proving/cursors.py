"""The protocol of the scavenge index: one observed chunk with its word, and the two cursors.

The claims stand in model/contracts/cursors.py. Read next: theorem.py.
"""

from dataclasses import dataclass, replace
from typing import Any

from spanproof.checks.proving import building
from spanproof.checks.proving.cuts import Call
from spanproof.checks.proving.engine import WORLD
from spanproof.checks.proving.heaps import READS
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.protocol import Protocol
from spanproof.checks.proving.scavenging import MOST_CHUNKS
from spanproof.checks.proving.terms import Domain, Word
from spanproof.checks.proving.values import performed
from spanproof.impl.access import Access
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.impl.scavenge_index import HAS_FREE
from spanproof.model.contracts import contract, cursors
from spanproof.model.contracts.cursors import Data, View, World
from spanproof.model.logic import Claims, Truth, all_of, any_of, ite, negate

CURSORS = {"scav.searchAddrBg": "bg", "scav.searchAddrForce": "force"}


class Signed(Word):
    """A word that is compared as a signed one: Go's int64."""

    __slots__ = ()

    def _below(self, a: Any, b: Any) -> Any:
        return self._truth(building.less(a, b) if self.domain.bits is None else a < b)

    def __lt__(self, other: Any) -> Any:
        """Below it."""
        return self._below(self.term, self._of(other))

    def __gt__(self, other: Any) -> Any:
        """Above it."""
        return self._below(self._of(other), self.term)

    def __le__(self, other: Any) -> Any:
        """Not above it."""
        return negate(self > other)

    def __ge__(self, other: Any) -> Any:
        """Not below it."""
        return negate(self < other)

    def magnitude(self) -> Word:
        """Its distance from 0."""
        return ite(self < 0, -self, Word(self.domain, self.term))  # type: ignore[no-any-return]  # a word

    def chosen(self, condition: Any, yes: Any, no: Any) -> "Signed":
        """One or another."""
        return Signed(self.domain, super().chosen(condition, yes, no).term)


def signed(domain: Domain, value: Any) -> Signed:
    """A word or a number as a signed word."""
    return Signed(domain, value.term if isinstance(value, Word) else domain.constant(value))


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of a word, of which only HAS_FREE is looked at."""

    has_free: Truth

    def __and__(self, mask: int) -> Any:
        """The flag, or the flags without it."""
        if mask == HAS_FREE:
            return Flag(self.has_free)
        if mask == ~HAS_FREE:
            return Flags(False)
        raise TypeError(f"of flags only that there are free pages is known, and not {mask:#x}")

    def __or__(self, mask: int) -> "Flags":
        """With the flag."""
        if mask != HAS_FREE:
            raise TypeError(f"of flags only that there are free pages is known, and not {mask:#x}")
        return Flags(True)


@dataclass(frozen=True, slots=True, eq=False)
class Flag:
    """A flag: 0 or not."""

    truth: Truth

    def __eq__(self, other: object) -> Any:
        """Whether it is not set."""
        return negate(self.truth)

    __hash__ = None  # type: ignore[assignment]  # a symbolic flag is no key


class CursorsProtocol(Protocol):
    """See model/contracts/cursors.py."""

    title = "the cursors protocol"
    entrusted = cursors.ENTRUSTED
    loops = cursors.LOOPS
    calls = cursors.CALLS
    families = frozenset({*CURSORS, "scav.freeHWM", "scav.minHeapIdx", "scav.gen", "scav.chunks"})

    def begin(self, forced: Any = True) -> None:
        """Any world that is sound; nothing was looked at."""
        e = self.engine
        chunk = e.fresh("chunk")
        e.assume(chunk < MOST_CHUNKS)
        e.view = View(e.geometry, chunk, forced, self._world()).but(seen=False)
        e.assume_all(cursors.sound(e.view))

    def _world(self) -> World:
        e = self.engine
        bg, force = (Signed(e.domain, e.fresh_like(0, name).term) for name in CURSORS)
        hwm, low, gen = (e.fresh(name) for name in ("hwm", "low", "gen"))
        e.assume(low < MOST_CHUNKS)
        return World(bg, force, hwm, low, gen, self.any_data(), e.fresh_truth("seen"))

    def any_data(self) -> Data:
        """What any word says."""
        e = self.engine
        return Data(e.fresh("in_use"), e.fresh("last_in_use"), e.fresh("word.gen"), e.fresh_truth("has_free"))

    def fresh_world(self, view: View) -> View:
        """The view with any world."""
        return replace(view, world=self._world())

    def rely(self, old: View, new: View) -> Claims:
        """What other threads may do."""
        return cursors.rely(old, new)

    def holding(self, view: View, held: frozenset[str], unpreempted: Truth) -> View:  # noqa: ARG002  # as Protocol has it
        """The view with the heap lock held or not, and the world stopped or not."""
        return replace(view, locked=HEAP_LOCK in held, stopped=WORLD in held)

    # Calls.

    def call(self, call: Call, contract_: contract.Call) -> Any:
        """Answer a call: a word is unpacked as it was packed."""
        match call.function:
            case "index.load":
                super().call(call, replace(contract_, result="none"))
                return self._load(*call.args)
            case "index.store":
                super().call(call, replace(contract_, result="none"))
                return self._store(*call.args)
            case _:
                return super().call(call, contract_)

    def _load(self, ci: Any) -> Any:
        e, v = self.engine, self.engine.view
        here, known = v.chunk == ci, v.world.word
        other = self.any_data()
        e.assume(other.in_use <= e.geometry.pages_per_chunk)
        data = Data(*(ite(here, getattr(known, n), getattr(other, n)) for n in Data.__slots__))
        if v.gen is not None:
            e.view = v.but(seen=any_of(v.world.seen, all_of(here, negate(v.worth(known)))))
        of_text = self.heap_class.ScavengeIndex.load.__globals__["ScavChunkData"]
        return of_text(data.in_use, data.last_in_use, data.gen, Flags(data.has_free))

    def _store(self, ci: Any, sc: Any) -> None:
        e, v = self.engine, self.engine.view
        data = Data(sc.in_use, sc.last_in_use, sc.gen, sc.flags.has_free)
        e.view = cursors.word_stored(v, ci, data)
        e.prove(Kind.GUARANTEE, "store of a word", "words_change_under_the_lock", v.locked)
        e.prove_all(Kind.GUARANTEE, "store of a word", cursors.sound(e.view))

    # Accesses.

    def access(self, access: Access[Any]) -> Any:
        """Do an access."""
        name = access.cell.name
        if name in CURSORS:
            return self._cursor(access, CURSORS[name])
        match name:
            case "scav.freeHWM":
                return self._freed(access)
            case "scav.minHeapIdx":
                return self._lowest(access)
            case "scav.gen":
                return self._generation(access)
            case _:
                return self.looked(access)

    def _cursor(self, access: Access[Any], field: str) -> Any:
        """A cursor: its cell holds a signed word."""
        e, v = self.engine, self.engine.view
        old = getattr(v.world, field)
        if access.kind in READS:
            if v.loaded is None:
                e.view = replace(v, loaded=old)
            return old
        new, result = performed(access, old)
        if new is not old:
            new = signed(e.domain, new)
            e.prove_all(Kind.GUARANTEE, "write of a cursor", cursors.moves_cursor(v, old, new, forced=field == "force"))
            e.view = replace(v.but(**{field: new}), raised_to=cursors.distance(new))
            e.prove_all(Kind.GUARANTEE, "write of a cursor", cursors.sound(e.view))
        return result

    def _freed(self, access: Access[Any]) -> Any:
        """The highest address that was freed, as an address."""
        e, v, offset = self.engine, self.engine.view, self.engine.geometry.arena_base_offset
        if access.kind in READS:
            e.view = replace(v, freed=v.world.hwm, noted=v.world.hwm)
            return v.world.hwm + offset
        noted = self.stored(access) - offset
        e.view = replace(v.but(hwm=noted), noted=noted)
        held = v.locked or v.stopped
        e.prove(Kind.GUARANTEE, "write of freeHWM", "what_was_freed_is_noted_under_the_lock", held)
        e.prove_all(Kind.GUARANTEE, "write of freeHWM", cursors.sound(e.view))
        return None

    def _lowest(self, access: Access[Any]) -> Any:
        e, v = self.engine, self.engine.view
        if access.kind not in READS:
            return self.looked(access)
        e.view = replace(v, lowest=v.world.low)
        return v.world.low

    def _generation(self, access: Access[Any]) -> Any:
        e, v = self.engine, self.engine.view
        if access.kind in READS:
            e.view = replace(v, gen=v.world.gen)
            return v.world.gen
        began = self.stored(access)
        e.view = replace(v.but(gen=began), began=began)
        e.prove(Kind.GUARANTEE, "write of gen", "generations_begin_with_the_world_stopped", v.stopped)
        return None
