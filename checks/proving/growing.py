"""The protocol of growing: one observed page, and what the heap lock protects of growth.

The claims stand in model/contracts/growing.py. Read next: theorem.py.
"""

from dataclasses import replace
from typing import Any

from spanproof.checks.proving import values
from spanproof.checks.proving.cuts import Call, LiftError
from spanproof.checks.proving.heaps import READS
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.protocol import Protocol
from spanproof.impl.access import Access
from spanproof.impl.heap_cells import HEAP_LOCK, CurArena
from spanproof.model.contracts import contract, growing
from spanproof.model.contracts.growing import View, World
from spanproof.model.logic import Claims, Truth


class GrowingProtocol(Protocol):
    """See model/contracts/growing.py."""

    title = "the growing protocol"
    entrusted = growing.ENTRUSTED
    loops = growing.LOOPS
    calls = growing.CALLS
    families = frozenset({"curArena", "arenaHints", "heapRandSeed"})

    first: Any = None
    """The address of the arena that was reserved last."""
    asked: Any = 0
    """The bytes of whole chunks that grow is asked for."""

    def begin(self) -> None:
        """Any world that is sound."""
        e = self.engine
        address = e.fresh("page") * e.geometry.page_size
        e.view = View(e.geometry, address, self._world())
        e.assume(address < e.geometry.heap_limit)
        e.assume_all(growing.lock_invariant(e.view))

    def _world(self) -> World:
        e = self.engine
        return World(e.fresh_truth("given"), e.fresh("curArena.base"), e.fresh("curArena.end"), e.fresh("hint"))

    def fresh_world(self, view: View) -> View:
        """The view with any world."""
        return replace(view, world=self._world())

    def rely(self, old: View, new: View) -> Claims:
        """What other threads may do."""
        return growing.rely(old, new)

    def holding(self, view: View, held: frozenset[str], unpreempted: Truth) -> View:  # noqa: ARG002  # as Protocol has it
        """The view with the heap lock held or not."""
        return replace(view, locked=HEAP_LOCK in held)

    def lock_invariant(self, view: View) -> Claims:
        """What is true whenever nobody holds the heap lock."""
        return growing.lock_invariant(view)

    def call(self, call: Call, contract_: contract.Call) -> Any:
        """Answer a call."""
        e = self.engine
        if call.function == "pages.grow":
            e.prove_all(Kind.REQUIRES, "call pages.grow", contract_.requires(e.view, *call.args))
            e.view = growing.given(e.view, *call.args)
            return None
        return super().call(call, contract_)

    def access(self, access: Access[Any]) -> Any:
        """Do an access."""
        if access.cell.name == "heapRandSeed":
            return self._random(access)
        return self._arena(access) if access.cell.name == "curArena" else self._hint(access)

    def _random(self, access: Access[Any]) -> Any:
        """Some bits; those that choose the first chunk leave room behind it."""
        e, g = self.engine, self.engine.geometry
        bits = values.unknown(e, access)
        count = access.args[1]
        e.assume(bits < 1 << count)
        if self.first is not None and count < g.log_chunk_size:
            e.assume(self.first + bits * g.chunk_size + self.asked <= e.view.reserved)
            e.fact("the first chunk", iter(()), growing.chunk_of_an_arena(g, self.first, bits, self.asked))
        return bits

    def _arena(self, access: Access[Any]) -> Any:
        e, w = self.engine, self.engine.view.world
        if access.kind in READS:
            return values.performed(access, CurArena(w.base, w.end))[1]
        new = self.stored(access)
        e.view = e.view.but(base=new.base, end=new.end)
        e.prove_all(Kind.GUARANTEE, "write of curArena", growing.sound(e.view))
        return None

    def _hint(self, access: Access[Any]) -> Any:
        """The operation is run as it stands."""
        e, v = self.engine, self.engine.view
        if access.kind not in {*READS, "update"}:
            raise LiftError(f"{e.where()}: {access.kind} of arenaHints has no meaning in {self.title}")
        new, result = values.performed(access, v.world.hint)
        self.first = e.geometry.arena_base(v.world.hint)
        if new is not v.world.hint:
            e.view = v.but(hint=new)
            e.prove(Kind.GUARANTEE, "write of arenaHints", "no_arena_is_reserved_twice", v.world.hint <= new)
            e.prove_all(Kind.GUARANTEE, "write of arenaHints", growing.sound(e.view))
        return result
