"""The protocol of sweeping: one observed span, one observed page, and who may sweep.

The claims stand in model/contracts/sweeping.py. Read next: theorem.py.
"""

from dataclasses import replace
from typing import Any

from spanproof.checks.proving import values
from spanproof.checks.proving.cuts import Call, LiftError
from spanproof.checks.proving.engine import UNPREEMPTED, WORLD
from spanproof.checks.proving.heaps import READS
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.operations import keeps_its_word
from spanproof.checks.proving.protocol import Protocol
from spanproof.impl.access import Access
from spanproof.impl.heap_cells import GC_MARK, HEAP_LOCK
from spanproof.impl.span import DEAD, Span
from spanproof.model.contracts import contract, owning, sweeping, sweeping_calls, zeroing
from spanproof.model.contracts.sweeping import Hand, View, World
from spanproof.model.logic import Claims, Truth, all_of, implies, ite, negate, same

PLAIN = frozenset({"base", "npages", "needzero", "spanclass", "allocCount", "gcmarkBits"})
GENERATIONS = 1 << 32
MOST_CYCLES = 1 << 60
"""Premise of 64-bit words: fewer cycles begin, each of which moves sweepgen by two."""
MOST_RECLAIMED = sweeping.RECLAIM_DONE + (1 << 62)
"""Premise: the reclaim index is no higher, however often somebody looks for a chunk when all are claimed."""
TRUTHS = ("claimed", "in_use", "settled", "listed", "pushed", "drained", "given", "others")
CALLER = frozenset({UNPREEMPTED})
"""Who calls the heap cannot be preempted."""


class SweepingProtocol(Protocol):
    """See model/contracts/sweeping.py."""

    title = "the sweeping protocol"
    ends_marking = False
    """When this thread stops the world, marking is under way, and it is this thread that ends it."""
    entrusted = sweeping_calls.ENTRUSTED
    loops = sweeping_calls.LOOPS
    calls = sweeping_calls.CALLS
    families = frozenset(
        {"sweepdone", "sweepDrained", "gcphase"}
        | {"sweepgen", "mspan.sweepgen", "mspan.state", "pageInUse", "spans", "sweepSpans", "reclaimIndex", "spanalloc"}
        | {"mspancache"}
        | {f"mspan.{field}" for field in PLAIN}
    )

    def begin(self) -> None:
        """Any world that is sound, with nothing claimed; the thread cannot be preempted, by its caller's doing."""
        self.begin_preemptible()
        self.engine.hold(CALLER)

    def unknown(self, access: Access[Any]) -> Any:
        """Anything that the cell may hold; a span is no longer than any region."""
        value = super().unknown(access)
        if access.cell.name == "mspan.npages" and access.kind in READS:
            self.engine.assume(value <= zeroing.MOST_PAGES)
        return value

    def of_this_release(self) -> None:
        """Where the text asks for it, spans are pushed as this release does."""
        e = self.engine
        e.view = replace(e.view, pushed_at_once=self.release.alloc_span_pushes)

    def begin_preemptible(self) -> None:
        """Any world that is sound, with nothing claimed."""
        self.begin_claiming(frozenset())
        self.engine.assume_all(sweeping_calls.nothing_claimed(self.engine.view))

    def begin_claiming(self, held: frozenset[str] = CALLER) -> None:
        """Any world that is sound; the observed span may be one that this thread has won."""
        e = self.engine
        place = (e.fresh("arena"), e.fresh("byte"), e.fresh("bit"))
        e.assume_all(owning.is_place(e.geometry, place))
        page = owning.page_at(e.geometry, place)
        e.view = View(e.geometry, *self._some_cycle(), e.fresh("span"), place, page, self._world(), Hand())
        e.view = replace(e.view, pushed_at_once=e.fresh_truth("pushed_at_once"))
        e.hold(held)
        e.assume(e.view.span < zeroing.MOST_PAGES)
        e.assume_all(sweeping.sound(e.view))

    def _world(self) -> World:
        e = self.engine
        generation, entry = e.fresh("sweepgen"), e.fresh("entry")
        e.assume(generation < GENERATIONS)
        truths = {name: e.fresh_truth(name) for name in TRUTHS}
        to_sweep, reclaim_index = e.fresh("to_sweep"), e.fresh("reclaim_index")
        e.assume(reclaim_index <= MOST_RECLAIMED)
        words = {"entry": entry, "to_sweep": to_sweep, "reclaim_index": reclaim_index}
        return World(generation, e.fresh("state"), **words, **truths)

    def _some_cycle(self) -> tuple[Any, Any]:
        """(the heap's sweep generation, how many cycles have begun)."""
        sg, cycle = self.engine.fresh("sg"), self.engine.fresh("cycle")
        self.engine.assume(sg < GENERATIONS)
        if self.engine.bits is not None:
            self.engine.assume(cycle <= MOST_CYCLES)
        return sg, cycle

    def fresh_world(self, view: View) -> View:
        """The view with any world, and in any cycle where another thread may begin one."""
        stays = view.unpreempted is True or view.locked
        sg, cycle = (view.sg, view.cycle) if stays else self._some_cycle()
        return replace(view, world=self._world(), sg=sg, cycle=cycle)

    def rely(self, old: View, new: View) -> Claims:
        """What other threads may do."""
        return sweeping.rely(old, new)

    def holding(self, view: View, held: frozenset[str], unpreempted: Truth) -> View:
        """The view of a thread that holds these."""
        now = replace(view, locked=HEAP_LOCK in held, stopped=WORLD in held, unpreempted=unpreempted)
        if now.stopped and not view.stopped:
            self.engine.assume_all(sweeping.alone(now))
            if self.ends_marking:
                self.engine.assume(now.world.settled)
        elif view.stopped and not now.stopped:
            self.engine.prove_all(Kind.GUARANTEE, "start", sweeping.sound(now))
        return now

    def may_be_stopped(self, view: View) -> Claims:
        """It has no span that it won or built."""
        return sweeping.may_be_stopped(view)

    def span(self, name: str) -> Span:
        """Some span."""
        number = self.engine.fresh(name)
        self.engine.assume(number < zeroing.MOST_PAGES)
        return Span(number)  # type: ignore[arg-type]  # a word

    # Calls.

    def call(self, call: Call, contract_: contract.Call) -> Any:
        """Answer a call."""
        e = self.engine
        if call.function == "alloc":
            return self._allocated(call, contract_, sweeping.ALLOC_HEAP), e.fresh_truth("is_zeroed")
        if call.function == "alloc_span":
            return self._allocated(call, contract_, call.args[1])
        if call.function == "free_span":
            e.prove_all(Kind.REQUIRES, "call free_span", contract_.requires(e.view, *call.args))
            given = sweeping.hands_on(e.view, call.args[0].number)
            e.view = self.fresh_world(given)
            e.assume_all(contract_.keeps(given, e.view))
            e.assume_all(contract_.ensures(given, e.view))
            return None
        if call.function == "sweep":
            swept = super().call(call, contract_)
            e.view = sweeping_calls.given_back(e.view, call.args[0].number)  # it may have been freed
            return swept
        return super().call(call, contract_)

    def _allocated(self, call: Call, contract_: contract.Call, typ: Any) -> Span | None:
        """A span that is this thread's, or None."""
        super().call(call, replace(contract_, result="none"))
        if self.engine.choose("out of memory"):
            return None
        s, e = self.span("allocated"), self.engine
        e.view = sweeping_calls.span_taken(e.view, s.number)
        e.assume_all(sweeping_calls.alloc_span_ensures(e.view, s, typ))
        return s

    # Accesses.

    def access(self, access: Access[Any]) -> Any:
        """Do an access."""
        name = access.cell.name
        match name:
            case "sweepgen":
                return self._generation(access)
            case "sweepdone" | "sweepDrained":
                return self._drained(access)
            case "reclaimIndex":
                return self._reclaim_index(access)
            case "gcphase":
                return self._phase(access)
            case "mspan.sweepgen":
                return self._sweepgen(access)
            case "mspan.state":
                return self._state(access)
            case "pageInUse":
                return self._page_in_use(access)
            case "spans":
                return self._spans(access)
            case "sweepSpans":
                return self._sets(access)
            case "spanalloc" | "mspancache":
                return self._pool(access)
            case _:
                e = self.engine
                e.prove_all(Kind.GUARANTEE, f"{access.kind} of {name}", sweeping.touches(e.view, access.cell.index))
                return self.unknown(access)

    def _known(self, number: Any, field: str) -> Any:
        """A field: the observed span's if it is this one."""
        e, v = self.engine, self.engine.view
        other = e.fresh(field)
        e.assume(other < GENERATIONS)
        return ite(v.span == number, getattr(v.world, field), other)

    def _sweepgen(self, access: Access[Any]) -> Any:
        e, v, number = self.engine, self.engine.view, access.cell.index
        e.about = v.observed(number)
        now = self._known(number, "sweepgen")
        new, result = values.performed(access, now)
        if new is not now:
            e.prove_all(Kind.GUARANTEE, "write of mspan.sweepgen", sweeping.writes_sweepgen(v, number, new))
            e.view = sweeping.sweepgen_written(v, number, new)
            e.prove_all(Kind.GUARANTEE, "write of mspan.sweepgen", self._sound_if_observed(number))
        return result

    def _sound_if_observed(self, number: Any) -> Claims:
        """What is true in every state, if it is the observed span that was changed by way of what is observed."""
        v = self.engine.view
        by_another_way = all_of(v.span == number, negate(v.observed(number)))
        for name, claim in sweeping.sound(v):
            yield name, implies(negate(by_another_way), claim)

    def _state(self, access: Access[Any]) -> Any:
        e, v, number = self.engine, self.engine.view, access.cell.index
        e.about = v.observed(number)
        if access.kind in READS:
            return values.performed(access, self._known(number, "state"))[1]
        value = self.stored(access)
        here = v.span == number
        e.prove_all(Kind.GUARANTEE, "write of mspan.state", sweeping.writes_state(v, number, value))
        after = sweeping.hands_on(v, number) if value == DEAD else v
        e.view = sweeping.still_given(after.but(state=ite(here, value, v.world.state)))
        e.assume_all(sweeping_calls.published(e.view))
        e.prove_all(Kind.GUARANTEE, "write of mspan.state", sweeping.sound(e.view))
        return None

    def _page_in_use(self, access: Access[Any]) -> Any:
        """A byte of bits: the observed page's is one of them."""
        e, v = self.engine, self.engine.view
        arena, byte = access.cell.index
        here = all_of(arena == v.place[0], byte == v.place[1])
        if access.kind not in {*READS, "or8", "and8"}:
            return self.looked(access)
        bits = e.fresh_bits(v.place[2], "in_use_bits")
        e.assume(implies(here, same(bits.bit(v.place[2]), v.world.in_use)))
        after, result = values.performed(access, bits)
        if access.kind == "and8":
            e.prove_all(Kind.GUARANTEE, "clear bit of page_in_use", sweeping.unpublishes(v))
        if access.kind not in READS:
            e.view = v.but(in_use=ite(here, after.bit(v.place[2]), v.world.in_use))
        if access.kind == "or8":
            e.assume_all(sweeping_calls.published(e.view))
        return result

    def _spans(self, access: Access[Any]) -> Any:
        e, v, page = self.engine, self.engine.view, access.cell.index
        if access.kind not in READS:
            return self.looked(access)
        e.prove_all(Kind.GUARANTEE, "read of spans", sweeping.looks_up(v, page))
        here = v.page == page
        e.about = here
        if e.choose("spans entry is nil"):
            e.assume(implies(here, v.world.entry < owning.FIRST_SPAN))
            return None
        s: Any = self.span("found")
        e.assume(implies(here, v.world.entry == s.number + owning.FIRST_SPAN))
        e.view = replace(v, looked_up=(page, s.number))
        return s

    def _sets(self, access: Access[Any]) -> Any:
        """A span that is pushed is no longer this thread's; of one that is popped nothing is known."""
        e, index = self.engine, access.cell.index
        if access.kind != "update":
            return self.looked(access)
        operation, *args = access.args
        name = operation.__name__
        e.prove(Kind.REQUIRES, name, "the_set_gives_what_it_has", keeps_its_word(operation))
        if name == "push":
            e.about = e.view.observed(args[0].number)
            e.prove_all(Kind.GUARANTEE, "push to sweepSpans", sweeping.pushes(e.view, index, args[0].number))
            e.view = sweeping.span_pushed(e.view, args[0].number)
            return None
        if name != "pop":
            raise LiftError(f"{e.where()}: {name} of a span set has no meaning in {self.title}")
        e.prove_all(Kind.GUARANTEE, "pop from sweepSpans", sweeping.pops(e.view, index))
        if e.choose("the set is empty"):
            e.assume(e.view.world.to_sweep == 0)  # so nothing is listed
            return None
        e.assume(e.view.world.to_sweep > 0)
        e.prove(Kind.GUARANTEE, "pop from sweepSpans", "nothing_is_given", negate(e.view.world.given))
        s, before = self.span("popped"), e.view
        e.view = sweeping.popped(before, s.number, e.fresh_truth("listed"))
        e.assume_all(sweeping.gives_what_it_has(before, e.view, s.number))
        return s

    def _pool(self, access: Access[Any]) -> Any:
        """A span that is taken is this thread's."""
        e = self.engine
        if access.kind != "update":
            return self.looked(access)
        operation = access.args[0]
        e.prove(Kind.REQUIRES, operation.__name__, "the_pool_gives_what_it_has", keeps_its_word(operation))
        if operation.__name__ == "cached_mspans":
            return values.result_of(e, operation.__name__)
        if operation.__name__ in {"take_mspan", "pull_mspan"}:
            s = self.span("taken")
            e.view = sweeping_calls.span_taken(e.view, s.number)
            e.assume_all(sweeping_calls.comes_from_the_pool(e.view))
            return s
        e.view = sweeping_calls.given_back(e.view, access.args[1].number)
        return values.result_of(e, operation.__name__)

    def _generation(self, access: Access[Any]) -> Any:
        """The heap's sweepgen: it moves only while the world is stopped, and not before all is swept."""
        e, v = self.engine, self.engine.view
        if access.kind in READS:
            return values.performed(access, v.sg)[1]
        new = self.stored(access)
        e.prove_all(Kind.GUARANTEE, "write of sweepgen", sweeping.begins_a_cycle(v, new))
        e.assume_all(sweeping.nothing_is_stale(v))
        e.view = sweeping.cycle_begun(v, new, e.fresh("to_sweep"))
        e.assume(implies(e.view.world.listed, e.view.world.to_sweep > 0))
        e.prove_all(Kind.GUARANTEE, "write of sweepgen", sweeping.sound(e.view))
        return None

    def _says(self, name: str, drained: Truth) -> None:
        """A word is written that says whether the set to sweep is empty."""
        e = self.engine
        e.prove_all(Kind.GUARANTEE, f"write of {name}", sweeping.says_drained(e.view, drained))
        e.view = e.view.but(drained=drained)

    def _drained(self, access: Access[Any]) -> Any:
        """Up to 1.17 the word has one bit."""
        e = self.engine
        now = ite(e.view.world.drained, e.word(e.domain.constant(1)), 0)
        new, result = values.performed(access, now)
        if new is not now:
            self._says(access.cell.name, new != 0)
        return result

    def stepped(self, access: Access[Any], now: Any, after: Any) -> None:
        """From 1.18 on it stands above the count of sweepers."""
        if access.cell.name != sweeping.ACTIVE:
            return
        e = self.engine
        count, bit = e.fresh("sweepers"), ite(e.view.world.drained, e.word(e.domain.constant(sweeping.DRAINED)), 0)
        e.assume(count < sweeping.DRAINED - 1)
        e.assume(now == count + bit)
        if after is not now:
            self._says(sweeping.ACTIVE, after // sweeping.DRAINED % 2 == 1)

    def _phase(self, access: Access[Any]) -> None:
        """The phase of collection: it changes only while the world is stopped."""
        e, phase = self.engine, self.stored(access)
        e.prove_all(Kind.GUARANTEE, "write of gcphase", sweeping.begins_to_mark(e.view))
        if phase == GC_MARK:
            e.prove_all(Kind.GUARANTEE, "write of gcphase", sweeping.all_is_swept(e.view))
            e.assume_all(sweeping.nothing_is_stale(e.view))
            e.view = sweeping.marking_begun(e.view)
            e.prove_all(Kind.GUARANTEE, "write of gcphase", sweeping.sound(e.view))

    def _reclaim_index(self, access: Access[Any]) -> Any:
        """The next chunk to reclaim: a multiple of the chunk."""
        e, v, chunk = self.engine, self.engine.view, self.engine.geometry.pages_per_reclaimer_chunk
        now = v.world.reclaim_index
        e.assume(now % chunk == 0)
        new, result = values.performed(access, now)
        if new is not now:
            e.prove_all(Kind.GUARANTEE, "write of reclaimIndex", sweeping.writes_reclaim_index(v, new, chunk))
            e.view = v.but(reclaim_index=new)
        return result
