"""What every protocol has: how calls are answered, and cells of which it says nothing.

A protocol names what is observed and gives a meaning to the accesses of some families of cells; all other cells may
hold anything. Read next: zeroing.py, owning.py, sweeping.py.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from spanproof.checks.proving import values
from spanproof.checks.proving.cuts import Call, LiftError
from spanproof.checks.proving.engine import WORLD, Engine
from spanproof.checks.proving.footprint import text_of, writes
from spanproof.checks.proving.heaps import READS, locks, name_of, of_cursor, undeclared
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.observing import Observing
from spanproof.impl.access import Access
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.model.contracts import contract
from spanproof.model.contracts.zeroing import FRAME
from spanproof.model.logic import Claims, Truth, negate
from spanproof.model.releases import Release


class Protocol(Observing):
    """The parts that all protocols share."""

    title: ClassVar[str]
    entrusted: ClassVar[Mapping[tuple[str, str], str]] = {}
    """What functions do that no proof covers, with the reason: (function, family that it writes or callee)."""

    def __init__(self, engine: Engine, heap_class: Any, release: Release) -> None:
        """Observe through this engine."""
        self.engine, self.heap_class, self.release = engine, heap_class, release
        engine.protocol = self

    def admit(self, access: Access[Any], file: str, function: str, line: int) -> None:
        """Hold an access against the heap's cells, and against what was read off the text of the function.

        Raises:
            LiftError: it is to no cell that the heap declares, or it writes where its text shows no write.

        """
        said, name = undeclared(self.heap_class, access), name_of(self.heap_class, file, function, line)
        if said is None and name is None:
            said = f"{function} is no function of the heap"
        elif said is None and access.kind not in READS and not of_cursor(self.heap_class, file, function, line):
            shown = text_of(self.heap_class, str(name)).written
            said = None if access.cell.name in shown else f"no reader of {name} sees that it writes {access.cell.name}"
        if said is not None:
            raise LiftError(f"{self.engine.where()}: {said}")

    def unknown(self, access: Access[Any]) -> Any:
        """Anything that the cell may hold."""
        return values.unknown(self.engine, access)

    def some_value(self, name: str) -> Any:
        """Any number."""
        return self.engine.fresh_like(0, name)

    def looked(self, access: Access[Any]) -> Any:
        """Anything that the cell may hold. Of a cell that the protocol watches only a look is without effect.

        Raises:
            LiftError: the access may change the cell, in a way to which the protocol gives no meaning.

        """
        if access.kind not in READS:
            raise LiftError(
                f"{self.engine.where()}: {access.kind} of {access.cell.name} has no meaning in {self.title}"
            )
        return values.unknown(self.engine, access)

    def stored(self, access: Access[Any]) -> Any:
        """The value that a store or a write gives the cell.

        Raises:
            LiftError: it is another kind of access.

        """
        if access.kind not in {"store", "write"}:
            raise LiftError(f"{self.engine.where()}: {access.kind} of {access.cell.name} is no store")
        return values.performed(access, None)[0]

    def bit_touched(self, access: Access[Any], place: Any) -> tuple[Any, Any]:
        """Whether the access to a byte sets the bit in a place, and whether it clears it."""

        def after(before: bool) -> Any:  # a bit
            bits = self.engine.fresh_bits(place, access.cell.name, before)
            return values.performed(access, bits)[0].bit(place)

        return after(False), negate(after(True))

    def holding(self, view: Any, held: frozenset[str], unpreempted: Truth) -> Any:  # noqa: ARG002  # for some
        """The view: what this thread holds is of no matter here."""
        return view

    def may_be_stopped(self, view: Any) -> Claims:  # noqa: ARG002  # for protocols that care
        """Nothing."""
        yield from ()

    def stepped(self, access: Access[Any], now: Any, after: Any) -> None:
        """Of most of these words a protocol says nothing."""

    def lock_invariant(self, view: Any) -> Claims:  # noqa: ARG002  # for protocols that have one
        """Nothing."""
        yield from ()

    def call(self, call: Call, contract_: contract.Call) -> Any:
        """Show what the callee asks for, let it act, and take its word."""
        e, where = self.engine, f"call {call.function}"
        if contract_.locked is None:
            takes = HEAP_LOCK in writes(self.heap_class, call.function)
            e.prove(Kind.LOCK, where, f"it leaves {HEAP_LOCK} alone", not takes)
        others = writes(self.heap_class, call.function) & (locks(self.heap_class) - {HEAP_LOCK} | {WORLD})
        if others:  # of these its contract says nothing
            e.prove(Kind.LOCK, where, f"it leaves {min(others)} alone", False)
        if contract_.discharged == FRAME:
            mine = self.watched() | frozenset({HEAP_LOCK} if contract_.locked else ())
            touched = sorted(writes(self.heap_class, call.function) & mine)
            said = f"it writes none of {', '.join(sorted(mine))}"
            e.prove(Kind.KEEPS, where, said if not touched else f"{said}; it writes {touched[0]}", not touched)
        e.prove_all(Kind.REQUIRES, where, contract_.requires(e.view, *call.args))
        before, e.view = e.view, self.fresh_world(e.view)
        e.assume_all(contract_.keeps(before, e.view))
        result = self.result(call, contract_)
        e.assume_all(contract_.ensures(before, e.view, result, *call.args))
        return result

    def result(self, call: Call, contract_: contract.Call) -> Any:
        """Anything that the callee may return."""
        match contract_.result:
            case "truth":
                return self.engine.fresh_truth(call.function)
            case "word":
                return self.engine.fresh(call.function)
            case "signed":
                return self.engine.fresh_like(0, call.function)
            case "none":
                return None
            case "region":
                return (
                    (0, 0) if self.engine.choose("no room") else (self.engine.fresh("base"), self.engine.fresh("scav"))
                )
            case "grown region":
                none = self.engine.choose("no room")
                return (0, 0, 0) if none else tuple(self.engine.fresh(name) for name in ("base", "scav", "growth"))
            case "growth":
                return self.engine.fresh("growth"), self.engine.fresh_truth(call.function)
            case _:
                raise LiftError(f"{call.function}: this protocol makes no {contract_.result}")

    def watched(self) -> frozenset[str]:
        """The families that a callee which is framed must leave alone."""
        return self.families
