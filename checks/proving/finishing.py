"""The protocol of the end of sweeping: one observed span, the words that say that sweeping is done, and who is counted.

The claims stand in model/contracts/finishing.py. Read next: theorem.py.
"""

from dataclasses import replace
from typing import Any

from spanproof.checks.proving.engine import UNPREEMPTED, WORLD
from spanproof.checks.proving.heaps import READS
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.protocol import Protocol
from spanproof.checks.proving.values import performed
from spanproof.impl.access import Access
from spanproof.impl.span import Span
from spanproof.model.contracts import finishing, zeroing
from spanproof.model.contracts.finishing import View, World
from spanproof.model.contracts.sweeping import DRAINED
from spanproof.model.logic import Claims, Truth, ite
from spanproof.model.releases import SweepDone

CALLER = frozenset({UNPREEMPTED})


class FinishingProtocol(Protocol):
    """See model/contracts/finishing.py."""

    title = "the protocol of the end of sweeping"
    entrusted = finishing.ENTRUSTED
    loops = finishing.LOOPS
    calls = finishing.CALLS
    families = frozenset({"sweep.active", "sweepers", "sweepDrained", "mspan.sweepgen", "spans"})

    def begin(self, held: frozenset[str] = CALLER) -> None:
        """Any world that is sound. The thread cannot be preempted, by its caller's doing."""
        self.begin_where(held, late=self.release.sweep_done == SweepDone.DRAINED_AND_SWEEPERS)

    def begin_where(self, held: frozenset[str], *, late: bool) -> None:
        """The same; late: who sweeps registers when it has found a span."""
        e = self.engine
        place = (e.fresh("arena"), e.fresh("byte"), e.fresh("bit"))
        e.view = View(e.geometry, e.fresh("span"), place, self._world(), late)
        e.assume(e.view.span < zeroing.MOST_PAGES)
        e.hold(held)
        e.assume_all(finishing.sound(e.view))

    def begin_idle(self, held: frozenset[str] = CALLER) -> None:
        """The same, of a thread that is not registered."""
        self.begin(held)
        self.engine.assume_all(finishing.idle(self.engine.view))

    def _world(self) -> World:
        e = self.engine
        count, mine = e.fresh("count"), e.fresh("mine")
        e.assume(count < DRAINED - 1)
        return World(count, e.fresh_truth("drained"), e.fresh_truth("others"), mine, e.fresh_truth("acquired"))

    def fresh_world(self, view: View) -> View:
        """The view with any world."""
        return replace(view, world=self._world())

    def rely(self, old: View, new: View) -> Claims:
        """What other threads may do."""
        return finishing.rely(old, new)

    def holding(self, view: View, held: frozenset[str], unpreempted: Truth) -> View:
        """The view of a thread that holds these; when it has stopped the world, no other has anything."""
        now = replace(view, stopped=WORLD in held, unpreempted=unpreempted)
        if now.stopped and not view.stopped:
            self.engine.assume_all(finishing.alone(now))
        return now

    def may_be_stopped(self, view: View) -> Claims:
        """It has nothing."""
        return finishing.may_be_stopped(view)

    def access(self, access: Access[Any]) -> Any:
        """Do an access."""
        match access.cell.name:
            case "sweep.active":
                return self._active(access)
            case "sweepers":
                return self._sweepers(access)
            case "sweepDrained":
                return self._drained(access)
            case "spans" if access.kind in READS:
                return Span(self.engine.fresh("found"))  # type: ignore[arg-type]  # a word
            case "mspan.sweepgen":
                return self._sweepgen(access)
            case _:
                return self.looked(access)

    def unknown(self, access: Access[Any]) -> Any:
        """Anything that the cell may hold; a span is no longer than any region."""
        value = super().unknown(access)
        if access.cell.name == "mspan.npages" and access.kind in READS:
            self.engine.assume(value <= zeroing.MOST_PAGES)
        return value

    def _changed(self, access: Access[Any], count: Any, drained: Truth) -> None:
        e, where = self.engine, f"write of {access.cell.name}"
        e.prove_all(Kind.GUARANTEE, where, finishing.counts(e.view, count, drained))
        e.view = finishing.counted(e.view, count).but(drained=drained)
        e.prove_all(Kind.GUARANTEE, where, finishing.sound(e.view))

    def _looked(self) -> None:
        """This thread looks at the count."""
        e = self.engine
        e.view = replace(e.view, had=e.view.somebody_has_it, was_drained=e.view.world.drained)

    def _active(self, access: Access[Any]) -> Any:
        """One word: the count, and above it the bit that says that all is drained."""
        w = self.engine.view.world
        now = w.count + ite(w.drained, self.engine.word(self.engine.domain.constant(DRAINED)), 0)
        self._looked()
        new, result = performed(access, now)
        if new is not now:
            self._changed(access, new % DRAINED, new // DRAINED % 2 == 1)
        return result

    def _sweepers(self, access: Access[Any]) -> Any:
        w = self.engine.view.world
        self._looked()
        new, result = performed(access, w.count)
        if new is not w.count:
            self._changed(access, new, w.drained)
        return result

    def _drained(self, access: Access[Any]) -> Any:
        w = self.engine.view.world
        now = ite(w.drained, self.engine.word(self.engine.domain.constant(1)), 0)
        new, result = performed(access, now)
        if new is not now:
            self._changed(access, w.count, new != 0)
        return result

    def _sweepgen(self, access: Access[Any]) -> Any:
        """A span is acquired by compare-and-swap; a store says that it is swept, or has nothing to do with that."""
        e, number = self.engine, access.cell.index
        if access.kind in READS:
            return self.looked(access)
        if access.kind == "compare_and_swap":
            if not e.choose("acquired"):
                return False
            e.prove_all(Kind.GUARANTEE, "compare-and-swap of mspan.sweepgen", finishing.acquires(e.view, number))
            e.view = finishing.has_acquired(e.view, number)
            e.prove_all(Kind.GUARANTEE, "compare-and-swap of mspan.sweepgen", finishing.sound(e.view))
            return True
        self.stored(access)
        e.view = finishing.has_swept(e.view, number)
        return None
