"""The protocol of zeroing: one observed byte, zeroedBase of its arena, a region in hand.

The claims stand in model/contracts/zeroing.py; here an access finds its meaning. Read next: theorem.py.
"""

from dataclasses import replace
from typing import Any

from spanproof.checks.proving.cuts import Call
from spanproof.checks.proving.heaps import READS
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.protocol import Protocol
from spanproof.checks.proving.values import performed
from spanproof.impl.access import Access
from spanproof.impl.span import Span
from spanproof.model.contracts import contract, zeroing
from spanproof.model.contracts.zeroing import Hand, View, World
from spanproof.model.logic import Claims, all_of, any_of, implies, ite, negate

FIELDS = frozenset({"base", "npages", "needzero"})


class ZeroingProtocol(Protocol):
    """See model/contracts/zeroing.py."""

    title = "the zeroing protocol"
    entrusted = zeroing.ENTRUSTED
    loops = zeroing.LOOPS
    calls = zeroing.CALLS
    shared = frozenset({"zeroedBase", "memory"})
    families = shared | {f"mspan.{field}" for field in FIELDS}

    def begin(self) -> None:
        """Any world that is sound."""
        e = self.engine
        e.view = self.fresh_world(View(e.geometry, e.fresh("byte"), World(0, False)))
        e.assume(e.view.byte < 2 * zeroing.MOST_ADDRESS)
        e.fact("the observed byte", iter(()), zeroing.lies_in_an_arena(e.geometry, e.view.byte))
        e.assume_all(self.rely(e.view, e.view))

    def fresh_world(self, view: View) -> View:
        """The view with any world."""
        return replace(view, world=World(self.engine.fresh("zeroed_base"), self.engine.fresh_truth("dirty")))

    def rely(self, old: View, new: View) -> Claims:
        """What other threads may do."""
        return zeroing.rely(old, new)

    def guarantee(self, old: View, new: View) -> Claims:
        """What a write to zeroedBase may do, as who writes sees it."""
        return zeroing.raises_zeroed_base(old, new)

    def watched(self) -> frozenset[str]:
        """The fields of spans matter while a span is built."""
        return self.shared if self.engine.view.hand is None else self.families

    def take_region(self, npages: Any) -> Any:
        """Be given a region: its address."""
        e = self.engine
        base = e.fresh("base")
        e.assume_all(zeroing.region_well_formed(e.geometry, base, npages))
        e.view = replace(e.view, hand=Hand(base, base + npages * e.geometry.page_size))
        return base

    # Calls.

    def call(self, call: Call, contract_: contract.Call) -> Any:
        """Answer a call; some give something into this thread's hand."""
        if contract_.result in {"region", "grown region"}:
            super().call(call, replace(contract_, result="none"))
            region = self._pages_alloc(*call.args)
            return region if contract_.result == "region" else (*region, self.engine.fresh("growth"))
        match call.function:
            case "alloc":
                return self._alloc(call, contract_)
            case "alloc_span":
                return self._alloc_span(call, contract_)
            case "init_span":
                return self._init_span(call)
            case _:
                return super().call(call, contract_)

    def _pages_alloc(self, npages: Any) -> Any:
        """A region that nobody holds, and how many of its bytes are scavenged; or (0, 0)."""
        e = self.engine
        if e.choose("no memory"):
            return 0, 0
        base, scav = self.take_region(npages), e.fresh("scav")
        size = npages * e.geometry.page_size
        e.assume(scav <= size)
        e.assume(implies(all_of(e.unused_zeroes, scav == size), zeroing.region_is_zero(e.view)))
        return base, scav

    def _built(self, base: Any, npages: Any, s: Span) -> None:
        """A span is in hand, with the region that it was built on."""
        e = self.engine
        fields = (("base", base), ("npages", npages), ("needzero", e.fresh("needzero")))
        e.view = replace(e.view, hand=replace(e.view.hand, span=s.number, fields=fields))

    def _span_or_none(self, call: Call, contract_: contract.Call) -> Span | None:
        super().call(call, replace(contract_, result="none"))
        e, npages = self.engine, call.args[0]
        if e.choose("out of memory"):
            return None
        s = Span(e.fresh("mspan"))  # type: ignore[arg-type]  # a word
        self._built(self.take_region(npages), npages, s)
        return s

    def _alloc(self, call: Call, contract_: contract.Call) -> Any:
        """A span with its region, or None; and is_zeroed."""
        e = self.engine
        result = self._span_or_none(call, contract_), e.fresh_truth("is_zeroed")
        e.assume_all(zeroing.alloc_ensures(self.release, e.view, result, call.args[0], call.args[2]))
        return result

    def _alloc_span(self, call: Call, contract_: contract.Call) -> Span | None:
        """A span with its region, or None."""
        s = self._span_or_none(call, contract_)
        self.engine.assume_all(zeroing.alloc_span_ensures(self.engine.view, s, call.args[0]))
        return s

    def _init_span(self, call: Call) -> None:
        """The span is built on the region in hand."""
        e = self.engine
        s, _, _, base, npages, scav = call.args
        asks = zeroing.init_span_requires(self.release, e.view, base, npages, scav, e.unused_zeroes)
        e.prove_all(Kind.REQUIRES, "call init_span", asks)
        before, e.view = e.view, self.fresh_world(e.view)
        e.assume_all(zeroing.claims_only(before, e.view))
        self._built(base, npages, s)
        e.assume_all(zeroing.init_span_ensures(e.view))

    # Accesses.

    def access(self, access: Access[Any]) -> Any:
        """Do an access."""
        name = access.cell.name
        if name == "zeroedBase":
            return self._zeroed_base(access)
        if name == "memory":
            return self._memory(access)
        return self._field(access, name.removeprefix("mspan."))

    def _zeroed_base(self, access: Access[Any]) -> Any:
        """One word per arena; of another arena than the observed one, only that it is in range."""
        e, v = self.engine, self.engine.view
        here = access.cell.index == e.geometry.arena_index(v.byte)
        e.about = here
        other = e.fresh("zeroed_base_of_another")
        e.assume(other <= e.geometry.arena_size)
        now = ite(here, v.world.zeroed_base, other)
        new, result = performed(access, now)
        if new is not now:
            e.view = replace(v, world=replace(v.world, zeroed_base=ite(here, new, v.world.zeroed_base)))
            e.prove_all(Kind.GUARANTEE, "write of zeroedBase", self.guarantee(v, e.view))
        return result

    def _memory(self, access: Access[Any]) -> Any:
        """One page."""
        e, v = self.engine, self.engine.view
        if access.kind in READS:
            return self.looked(access)
        here, value = v.byte // e.geometry.page_size == access.cell.index, self.stored(access)
        e.prove_all(Kind.GUARANTEE, "write of memory", zeroing.writes_memory(v, here))
        if isinstance(value, int):
            dirty = any_of(all_of(negate(here), v.world.dirty), all_of(here, value != 0))
        else:
            dirty = zeroing.dirtied(v, here, value)
        e.view = replace(v, world=replace(v.world, dirty=dirty))
        return None

    def _field(self, access: Access[Any], field: str) -> Any:
        """A field of a span: known if this thread wrote it, and has not given the span away."""
        e, hand, number = self.engine, self.engine.view.hand, access.cell.index
        if hand is not None and hand.span is None and access.kind not in READS:
            hand = replace(hand, span=number, fields=())  # it begins to build
        mine = hand is not None and hand.span is not None and _identical(hand.span, number)
        if access.kind in READS:
            known = hand.field(field) if mine and hand is not None else None
            return self.looked(access) if known is None else performed(access, known)[1]
        new = self.stored(access)
        e.prove(Kind.GUARANTEE, f"write of mspan.{field}", "only_the_holder_writes_to_a_span", mine)
        if hand is not None:
            e.view = replace(e.view, hand=replace(hand, fields=tuple({**dict(hand.fields), field: new}.items())))
        return None


def _identical(a: Any, b: Any) -> bool:
    """Whether two span numbers are the same term."""
    return bool(a.term.eq(b.term)) if hasattr(a, "term") and hasattr(b, "term") else a is b
