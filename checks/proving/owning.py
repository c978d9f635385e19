"""The protocol of owning: one observed page and one observed span, their owner, and the heap lock.

The claims and the effect of each step stand in model/contracts/owning.py. Read next: sweeping.py.
"""

from dataclasses import fields, replace
from typing import Any

from spanproof.checks.proving.cuts import Call, LiftError
from spanproof.checks.proving.heaps import READS
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.operations import keeps_its_word
from spanproof.checks.proving.protocol import Protocol
from spanproof.checks.proving.values import performed
from spanproof.impl.access import Access
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.impl.span import DEAD, IN_USE, Span
from spanproof.model.contracts import contract, following, owning, owning_calls, zeroing
from spanproof.model.contracts.owning import Hand, View, World
from spanproof.model.logic import Claims, Truth, all_of, implies, negate, same

FIELDS = frozenset({"base", "npages", "state", "spanclass"})


class OwningProtocol(Protocol):
    """See model/contracts/owning.py."""

    title = "the owning protocol"
    entrusted = owning_calls.ENTRUSTED
    loops = owning_calls.LOOPS
    calls = owning_calls.CALLS
    families = frozenset({"spans", "pageInUse", "spanalloc", "mspancache"} | {f"mspan.{field}" for field in FIELDS})

    def begin(self) -> None:
        """Any world that is sound."""
        e = self.engine
        place, page = self.page()
        e.view = View(e.geometry, place, page, e.fresh("span"), self._world(), Hand())
        e.assume(e.view.span < zeroing.MOST_PAGES)
        e.assume_all(owning.sound(e.view))

    def hold_no_page(self) -> None:
        """No page is in this thread's hand."""
        self.engine.assume(self.engine.view.world.owner != owning.ME)

    def page(self) -> tuple[Any, Any]:
        """Any page: its place in page_in_use, and its number. Built from its place, so that no division is needed."""
        e = self.engine
        place = (e.fresh("arena"), e.fresh("byte"), e.fresh("bit"))
        e.assume_all(owning.is_place(e.geometry, place))
        return place, owning.page_at(e.geometry, place)

    def page_address(self) -> Any:
        """The address of any page; that its place can be found from it is shown once, here."""
        e = self.engine
        place, page = self.page()
        place_is_place = [*owning.is_place(e.geometry, place), *(("natural", x >= 0) for x in place)]
        e.fact("page address", iter(place_is_place), owning.place_is_found(e.geometry, place))
        return page * e.geometry.page_size

    def _world(self) -> World:
        e, truths = self.engine, {"allocated", "in_use", "pooled", "kept"}
        return World(**{f.name: e.fresh_truth(f.name) if f.name in truths else e.fresh(f.name) for f in fields(World)})

    def fresh_world(self, view: View) -> View:
        """The view with any world."""
        return replace(view, world=self._world())

    def rely(self, old: View, new: View) -> Claims:
        """What other threads may do."""
        yield from owning.rely(old, new)
        yield from following.rely(old, new)

    def holding(self, view: View, held: frozenset[str], unpreempted: Truth) -> View:  # noqa: ARG002  # as Protocol has it
        """The view with the heap lock held or not."""
        return replace(view, locked=HEAP_LOCK in held)

    def lock_invariant(self, view: View) -> Claims:
        """What is true whenever nobody holds the heap lock."""
        return owning.lock_invariant(view)

    def hold_region(self) -> tuple[Any, Any]:
        """A region that this thread was given: (base, npages)."""
        e, base, npages = self.engine, self.page_address(), self.engine.fresh("npages")
        e.assume_all(zeroing.region_well_formed(e.geometry, base, npages))
        e.view = replace(e.view, hand=replace(e.view.hand, region=(base, npages)))
        return base, npages

    def hold_living_span(self) -> Span:
        """A span that this thread may free: alive, and nobody else touches it."""
        e = self.engine
        number, npages, state = (e.fresh(name) for name in ("mspan", "npages", "state"))
        base = self.page_address()
        e.assume(number < zeroing.MOST_PAGES)
        e.assume_all(zeroing.region_well_formed(e.geometry, base, npages))
        e.assume(state != DEAD)
        v = e.view = replace(
            e.view, hand=Hand(span=number, fields=(("base", base), ("npages", npages), ("state", state)))
        )
        w = v.world
        e.assume(same(v.belongs_to_span_in_hand, v.covers(base, npages)))
        e.assume(
            implies(v.in_hand, all_of(w.base == v.first(base), w.npages == npages, w.state == state, negate(w.pooled)))
        )
        published = all_of(state == IN_USE, v.page == v.first(base))
        e.assume(implies(all_of(w.in_use, v.belongs_to_span_in_hand), published))
        return Span(number)  # type: ignore[arg-type]  # a word

    # Calls.

    def call(self, call: Call, contract_: contract.Call) -> Any:
        """Answer a call; the page allocator's change who owns a page."""
        e = self.engine
        match call.function:
            case "pages.alloc" | "alloc_phys_page_aligned":
                region = self._pages_alloc(call.function, *call.args)
                return region if call.function == "pages.alloc" else (*region, e.fresh("growth"))
            case "alloc_from_cache":
                return self._from_cache(call, contract_)
            case "pages.free":
                e.prove_all(Kind.REQUIRES, "call pages.free", owning.frees_region(e.view, *call.args))
                e.view = owning.region_freed(e.view, *call.args)
                return None
            case "init_span":
                return self._init_span(call, contract_)
            case _:
                return super().call(call, contract_)

    def _init_span(self, call: Call, contract_: contract.Call) -> None:
        """A span is built on the region in hand."""
        e = self.engine
        e.prove_all(Kind.REQUIRES, "call init_span", contract_.requires(e.view, *call.args))
        s, _, _, base, npages, _ = call.args
        before, state = e.view, e.fresh("state")
        fields = (("base", base), ("npages", npages), ("state", state))
        e.view = replace(self.fresh_world(before), hand=replace(before.hand, span=s.number, fields=fields))
        e.assume_all(contract_.keeps(before, e.view))
        e.assume_all(contract_.ensures(before, e.view, None, *call.args))

    def _from_cache(self, call: Call, contract_: contract.Call) -> Any:
        """Pages that belonged to the cache of this thread's P."""
        e, (npages,) = self.engine, call.args
        super().call(call, replace(contract_, result="none"))
        if e.choose("no such run"):
            return 0, 0
        base = self.page_address()
        e.assume_all(owning.from_cache(e.view, base, npages))
        e.view = owning.region_taken(e.view, base, npages)
        return base, e.fresh("scav")

    def _pages_alloc(self, function: str, npages: Any) -> Any:
        e = self.engine
        e.prove_all(Kind.REQUIRES, f"call {function}", owning.asks_for_region(e.view))
        if e.choose("no memory"):
            return 0, 0
        base = self.page_address()
        e.assume_all(owning.takes_region(e.view, base, npages))
        e.view = owning.region_taken(e.view, base, npages)
        return base, e.fresh("scav")

    # Accesses.

    def access(self, access: Access[Any]) -> Any:
        """Do an access."""
        match access.cell.name:
            case "spanalloc":
                return self._pool(access)
            case "mspancache":
                return self._kept(access)
            case "spans":
                return self._spans(access)
            case "pageInUse":
                return self._page_in_use(access)
            case name:
                return self._field(access, name.removeprefix("mspan."))

    def _step(self, what: str, asks: Claims, after: View) -> None:
        """Show a step's guarantee, and that what is true in every state is true after it."""
        e = self.engine
        e.prove_all(Kind.GUARANTEE, what, asks)
        e.view = after
        e.prove_all(Kind.GUARANTEE, what, owning.sound(after))

    def _pool(self, access: Access[Any]) -> Any:
        e = self.engine
        if access.kind != "update":
            return self.looked(access)
        operation, *args = access.args
        e.prove(Kind.REQUIRES, operation.__name__, "the_pool_gives_what_it_has", keeps_its_word(operation))
        if operation.__name__ == "take_mspan":
            number = e.fresh("mspan")
            e.assume(number < zeroing.MOST_PAGES)
            e.assume_all(owning.takes_span(e.view, number))
            e.assume(e.view.world.owner != number + owning.FIRST_SPAN)
            self._step("allocMSpanLocked", contract.nothing(), owning.span_taken(e.view, number))
            return Span(number)  # type: ignore[arg-type]  # a word
        if operation.__name__ == "give_mspan":
            number = args[0].number
            asks = owning.gives_span_back(e.view, number)
            self._step("freeMSpanLocked", asks, owning.span_given_back(e.view, number))
            return None
        raise LiftError(f"{e.where()}: {operation.__name__} of the pool has no meaning in {self.title}")

    def _kept(self, access: Access[Any]) -> Any:
        """The mspans that this thread's P keeps: nobody else touches them."""
        e = self.engine
        if access.kind != "update":
            return self.looked(access)
        operation, *args = access.args
        e.prove(Kind.REQUIRES, operation.__name__, "the_cache_gives_what_it_has", keeps_its_word(operation))
        match operation.__name__:
            case "cached_mspans":
                return e.view.world.keeps
            case "push_mspan":
                number = args[0].number
                self._step("an mspan is kept", owning.keeps_span(e.view, number), owning.span_kept(e.view, number))
                return None
            case "pull_mspan":
                e.prove(Kind.REQUIRES, "pull_mspan", "there_is_one", e.view.world.keeps > 0)
                number = e.fresh("mspan")
                e.assume(number < zeroing.MOST_PAGES)
                e.assume_all(owning.pulls_span(e.view, number))
                e.assume(e.view.world.owner != number + owning.FIRST_SPAN)
                self._step("an mspan is pulled", contract.nothing(), owning.span_pulled(e.view, number))
                return Span(number)  # type: ignore[arg-type]  # a word
            case name:
                raise LiftError(f"{e.where()}: {name} of the cache of mspans has no meaning in {self.title}")

    def _spans(self, access: Access[Any]) -> Any:
        v = self.engine.view
        if access.kind in READS:
            return self._entry(access) if v.marking else self.looked(access)
        here, s = v.page == access.cell.index, self.stored(access)
        if s is None:
            raise LiftError(f"{self.engine.where()}: an entry of spans is cleared, which no contract speaks of")
        self._step("write of spans", owning.maps_page(v, here, s.number), owning.page_mapped(v, here, s.number))
        return None

    def _entry(self, access: Access[Any]) -> Any:
        """An entry as who follows a word finds it."""
        e, s = self.engine, self.looked(access)
        number = 0 if s is None else s.number + owning.FIRST_SPAN
        e.assume_all(following.entry_read(e.view, access.cell.index, number))
        return s

    def _page_in_use(self, access: Access[Any]) -> Any:
        """A byte of bits: the observed page's is one of them."""
        e, v = self.engine, self.engine.view
        if access.kind not in {"or8", "and8"}:
            return self.looked(access)
        arena, byte = access.cell.index
        word = all_of(arena == v.place[0], byte == v.place[1])
        sets, clears = (all_of(word, touched) for touched in self.bit_touched(access, v.place[2]))
        if access.kind == "or8":
            e.prove(Kind.GUARANTEE, "set bit of page_in_use", "an_or_clears_no_bit", negate(clears))
            self._step("set bit of page_in_use", owning.marks_in_use(v, sets), owning.marked_in_use(v, sets))
        else:
            e.prove(Kind.GUARANTEE, "clear bit of page_in_use", "an_and_sets_no_bit", negate(sets))
            self._step("clear bit of page_in_use", owning.clears_in_use(v, clears), owning.cleared_in_use(v, clears))
        return None

    def _field(self, access: Access[Any], field: str) -> Any:
        """A field of a span: known if the span is in hand."""
        e, v, number = self.engine, self.engine.view, access.cell.index
        mine = v.hand.span is not None and v.hand.span.term.eq(number.term)
        if access.kind in READS:
            if v.marking:
                return self._field_followed(access, field)
            known = v.hand.field(field) if mine else None
            return self.looked(access) if known is None else performed(access, known)[1]
        value = self.stored(access)
        if field == "spanclass":
            e.prove_all(Kind.GUARANTEE, "write of mspan.spanclass", owning.writes_field(v, number))
        elif field == "state":
            self._state(number, value)
        else:
            after = owning.field_written(v, number, field, value)
            if field == "base":
                e.prove_all(Kind.GUARANTEE, "write of mspan.base", owning.begins_at_a_page(v, value))
            self._step(f"write of mspan.{field}", owning.writes_field(v, number), after)
        hand = e.view.hand
        if mine:
            e.view = replace(e.view, hand=replace(hand, fields=tuple({**dict(hand.fields), field: value}.items())))
        return None

    def _field_followed(self, access: Access[Any], field: str) -> Any:
        """A field as who follows a word finds it."""
        e, number = self.engine, access.cell.index
        e.prove_all(Kind.GUARANTEE, f"{access.kind} of mspan.{field}", following.looks_at(e.view, number, field))
        value = self.looked(access)
        if field != "spanclass":  # of which only is known that it is there
            e.assume_all(following.field_read(e.view, number, field, value))
        return value

    def _state(self, number: Any, value: Any) -> None:
        v = self.engine.view
        if not isinstance(value, int):
            raise LiftError(f"{self.engine.where()}: the state that is stored must be a constant")
        if value == DEAD:
            self._step("write of mspan.state", owning.dies(v, number), owning.dead(v, number))
            return
        if value == IN_USE:
            self.engine.prove_all(Kind.GUARANTEE, "write of mspan.state", owning.is_classed(v))
        base, npages = v.hand.field("base"), v.hand.field("npages")
        known = base is not None and npages is not None
        after = owning.alive(v, number, value, base, npages) if known else v
        self._step("write of mspan.state", owning.comes_alive(v, number, base, npages), after)
