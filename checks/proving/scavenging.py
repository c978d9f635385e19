"""The protocol of scavenging: one observed page with its bits, its contents and its owner, and counters of bytes.

Operations on bitmaps run as they stand, on bitmaps of which one page is observed. The claims stand in
model/contracts/scavenging.py. Read next: observed.py.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

from spanproof.checks.proving import observed
from spanproof.checks.proving.cuts import Call, LiftError
from spanproof.checks.proving.heaps import READS
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.page_operations import JUDGES, finds_what_is_free
from spanproof.checks.proving.protocol import Protocol
from spanproof.checks.proving.terms import Bits
from spanproof.checks.proving.values import performed
from spanproof.impl.access import Access
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.impl.ranges import AddrRange
from spanproof.model.contracts import contract, scavenging, scavenging_calls, zeroing
from spanproof.model.contracts.scavenging import ME, Cache, Owed, View, World
from spanproof.model.logic import Claims, Truth, all_of, implies, ite, negate

COUNTERS = frozenset({"gcController.heapReleased", "gcController.heapFree", "gcController.mappedReady"})
"""Cells that count bytes."""
MOST_CHUNKS = 1 << 26
"""As many as an address space has."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """Some ranges of addresses (Needed)."""

    count: Any
    some: AddrRange

    def at(self, n: Any) -> AddrRange:  # noqa: ARG002  # any is like another
        """One of them."""
        return self.some


class ScavengingProtocol(Protocol):
    """See model/contracts/scavenging.py."""

    title = "the scavenging protocol"
    entrusted = scavenging_calls.ENTRUSTED
    loops = scavenging_calls.LOOPS
    calls = scavenging_calls.CALLS
    families = frozenset({"pages", "pcache", "memory", "memstats.inUse", *COUNTERS})

    counts = True
    """Whether it is noted what the function owes. A flush changes no count: each page stays what it was."""
    span: Any = None
    """The span in hand, which stands on the region, and its kind."""

    def begin(self) -> None:
        """Any world that is sound; nothing is in hand, and nothing owed."""
        e, g = self.engine, self.engine.geometry
        place = (e.fresh("chunk"), e.fresh("block"), e.fresh("bit"))
        e.assume(place[0] < MOST_CHUNKS)
        e.assume(place[1] < g.pages_per_chunk // g.pages_per_block)
        e.assume(place[2] < g.pages_per_block)
        e.view = View(g, place, e.fresh("kind"), e.unused_zeroes, self._world(), Cache(0, False, False))
        e.view = replace(e.view, world=replace(e.view.world, owed=Owed()), cache=self._cache())
        e.assume(e.view.address >= g.page_size)
        e.assume(e.view.address < zeroing.MOST_ADDRESS)
        e.assume_all(scavenging.sound(e.view))
        e.assume_all(scavenging.cache_is_whole(e.view))
        e.assume_all(scavenging.is_at_rest(e.view))

    def _world(self) -> World:
        e = self.engine
        bits = {name: e.fresh_truth(name) for name in ("allocated", "scavenged", "dirty", "noted")}
        owed = Owed(*(e.fresh_like(0, f.name) for f in fields(Owed)))
        return World(**bits, owner=e.fresh("owner"), owed=owed)

    def _cache(self) -> Cache:
        e, g = self.engine, self.engine.geometry
        chunk: Any = e.fresh("cached chunk")
        block = e.fresh("cached block")
        e.assume(chunk < MOST_CHUNKS)
        e.assume(block < g.pages_per_chunk // g.pages_per_block)
        base = g.chunk_base(chunk) + block * (g.pages_per_block * g.page_size)
        return Cache(base, e.fresh_truth("cache"), e.fresh_truth("cache.scav"))

    def another_cache(self) -> Cache:
        """The cache of another P."""
        return self._cache()

    def fresh_world(self, view: View) -> View:
        """The view with any world."""
        return replace(view, world=self._world())

    def rely(self, old: View, new: View) -> Claims:
        """What other threads may do."""
        return scavenging.rely(old, new)

    def holding(self, view: View, held: frozenset[str], unpreempted: Truth) -> View:  # noqa: ARG002  # as Protocol has it
        """The view with the heap lock held or not."""
        locked = HEAP_LOCK in held
        return replace(view, locked=locked, searched=view.searched if locked else None)

    def lock_invariant(self, view: View) -> Claims:
        """What is true whenever nobody holds the heap lock."""
        return scavenging.lock_invariant(view)

    def a_page(self) -> Any:
        """The address of any page, built from its chunk and its place there."""
        e, g = self.engine, self.engine.geometry
        chunk: Any = e.fresh("chunk")
        page = e.fresh("page")
        e.assume(chunk < MOST_CHUNKS)
        e.assume(page < g.pages_per_chunk)
        return g.chunk_base(chunk) + page * g.page_size

    def a_region(self, npages: Any) -> Any:
        """The address of any region of so many pages."""
        e, base = self.engine, self.a_page()
        e.assume_all(zeroing.region_well_formed(e.geometry, base, npages))
        end = base + npages * e.geometry.page_size
        e.assume(end - e.geometry.min_off_addr <= 1 << e.geometry.heap_addr_bits)
        return base

    # Calls.

    def call(self, call: Call, contract_: contract.Call) -> Any:
        """Answer a call; the page allocator's change who has a page, and what is owed."""
        match call.function:
            case "pages.alloc" | "alloc_from_cache" | "alloc_phys_page_aligned" | "pages.alloc_range":
                return self._region(call, contract_)
            case "pages.free":
                return self._free(call, contract_)
            case "pages.grow":
                return self._grow(*call.args)
            case "init_span":
                super().call(call, contract_)
                return self._built(call.args[1], call.args[4])
            case "index.alloc" | "index.free":
                if call.function == "index.free":
                    claims = scavenging.tells_what_it_gave(self.engine.view, *call.args)
                    self.engine.prove_all(Kind.REQUIRES, "call index.free", claims)
                super().call(call, contract_)
                ci, npages = call.args[0], self.engine.as_word(call.args[-1])
                told = npages if call.function == "index.free" else 0 - npages
                return self._indexed(self.engine.view.place[0] == ci, told, told=True)
            case "index.set_empty":
                super().call(call, contract_)
                self.engine.view = replace(self.engine.view, emptied=call.args[0])
                return None
            case "index.find":
                super().call(call, replace(contract_, result="none"))
                return self._chunk()
            case _:
                return super().call(call, contract_)

    def _chunk(self) -> Any:
        e = self.engine
        if e.choose("nothing to scavenge"):
            return 0, 0
        chunk, page = e.fresh("chunk"), e.fresh("page")
        e.assume(chunk > 0)
        e.assume(chunk < MOST_CHUNKS)
        e.assume_all(scavenging_calls.is_chunk(e.geometry, chunk))
        e.assume(page < e.geometry.pages_per_chunk)
        return chunk, page

    def _region(self, call: Call, contract_: contract.Call) -> Any:
        """A region of pages, or none, and how many of its bytes were scavenged."""
        e, npages = self.engine, call.args[-1]
        super().call(call, replace(contract_, result="none"))
        if contract_.locked:
            e.assume_all(scavenging.lock_invariant(e.view))
        e.assume_all(scavenging.cache_is_whole(e.view))
        if call.function == "pages.alloc_range":
            base, scav = call.args[0], e.fresh("scav")
            e.assume_all(scavenging.gives_region(e.view, (base, scav), npages))
            return scav
        growth = (e.fresh("growth"),) if call.function == "alloc_phys_page_aligned" else ()
        if e.choose("no room"):
            e.assume_all(scavenging.gives_region(e.view, (0, 0), npages))
            return (0, 0, *growth)
        base, scav = self.a_region(npages), e.fresh("scav")
        e.assume_all(scavenging.gives_region(e.view, (base, scav), npages))
        e.view = replace(e.view, region=(base, npages))
        return (base, scav, *growth)

    def _free(self, call: Call, contract_: contract.Call) -> None:
        """The region is not this thread's any more."""
        e, (base, npages) = self.engine, call.args
        e.prove_all(Kind.REQUIRES, "call pages.free", contract_.requires(e.view, base, npages))
        e.view = scavenging.region_is_freed(e.view, base, npages)
        self._spans(None if self.span is None else self.span[1], 0 - e.view.bytes_of(npages))

    def _built(self, typ: Any, npages: Any) -> None:
        """A span stands on the region."""
        size = self.engine.view.bytes_of(npages)
        self._spans(typ, size)

    def _spans(self, typ: Any, nbytes: Any) -> None:
        """Bytes of spans of a kind become more."""
        e = self.engine
        if typ is not None:
            e.view = e.view.owes(spans=ite(e.view.kind == typ, nbytes, 0), used=nbytes)

    def unknown(self, access: Access[Any]) -> Any:
        """The span in hand stands on the region; of all else, anything that the cell may hold."""
        if access.cell.name == "heapRandSeed" and access.kind == "update":
            bits = super().unknown(access)
            self.engine.assume(bits < 1 << access.args[1])
            return bits
        field = {"mspan.base": 0, "mspan.npages": 1}.get(access.cell.name)
        if field is not None and access.kind in READS and self.span is not None and self.span[0] is access.cell.index:
            return self.engine.view.region[field]
        return super().unknown(access)

    def _grow(self, base: Any, size: Any) -> None:
        """What is handed over was not the heap's (proved: grow_hands_pages_over_once)."""
        e = self.engine
        e.assume_all(scavenging.grows(e.view, base, base + size))
        e.assume(base >= e.geometry.page_size)
        e.assume(base < zeroing.MOST_ADDRESS)
        e.view = scavenging.given(e.view, base, base + size)

    # Accesses.

    def access(self, access: Access[Any]) -> Any:
        """Do an access."""
        match access.cell.name:
            case "pages":
                return self._tree(access)
            case "pcache":
                return self._pcache(access)
            case "memory":
                return self._memory(access)
            case name:
                return self._counter(access, name)

    def _counter(self, access: Access[Any], name: str) -> Any:
        """What this thread tells a counter it owes no more."""
        e = self.engine
        if access.kind in READS:
            return self.looked(access)
        if access.kind != "add":
            raise LiftError(f"{e.where()}: {access.kind} of {name} has no meaning in {self.title}")
        (delta,) = access.args
        if name in COUNTERS:
            e.view = e.view.owes(**scavenging.tells_of(name, delta))
        else:
            e.view = e.view.owes(spans=ite(e.view.kind == access.cell.index, 0 - delta, 0))
        return e.fresh(name)

    def _memory(self, access: Access[Any]) -> Any:
        e, v = self.engine, self.engine.view
        if access.kind in READS:
            return self.looked(access)
        here, value = access.cell.index * e.geometry.page_size == v.address, self.stored(access)
        e.prove_all(Kind.GUARANTEE, "write of memory", scavenging.writes_memory(v, here))
        e.view = v.but(dirty=ite(here, value != 0, v.world.dirty))
        return None

    # The cache of this thread's P.

    def _bits(self, seen: Truth, name: str) -> Bits:
        return self.engine.fresh_bits(self.engine.view.place[2], name, seen)

    def _class(self, name: str, function: str = "fresh") -> Any:
        """A class that the text of the page allocator names."""
        owner = self.heap_class.PageAlloc
        return getattr(owner, function).__globals__[name]

    def _pcache(self, access: Access[Any]) -> Any:
        e, v = self.engine, self.engine.view
        if access.kind in READS:
            c = v.cache
            page_cache = self._class("PageCache", "flush")
            return page_cache(c.base, self._bits(c.free, "cache"), self._bits(c.scav, "cache.scav"))
        if access.kind == "update":
            return self._cache_alloc(*access.args)
        c = self.stored(access)
        free, scav = ((x.seen if isinstance(x, Bits) else x != 0) for x in (c.cache, c.scav))
        after = scavenging.cache_stored(v, c.base, free, scav)
        e.prove_all(Kind.GUARANTEE, "the cache is stored", scavenging.stores_cache(v, after))
        e.view = after
        return None

    def _judged(self, operation: Any) -> None:
        self.engine.prove(
            Kind.REQUIRES, operation.__name__, "it_finds_what_is_free", finds_what_is_free(operation, self.heap_class)
        )

    def _cache_alloc(self, operation: Any, npages: Any, geometry: Any) -> Any:  # noqa: ARG002  # as the text calls it
        e = self.engine
        self._judged(operation)
        if operation.__name__ != "cache_alloc":
            raise LiftError(f"{e.where()}: {operation.__name__} of a cache has no meaning in {self.title}")
        if e.choose("no such run"):
            return 0, 0
        base, scav, v = self.a_region(npages), e.fresh("scav"), e.view
        covered, size = v.covers(base, npages), v.bytes_of(npages)
        e.assume(implies(covered, v.in_my_cache))
        e.assume(scav <= size)
        e.assume(implies(all_of(covered, scav == size), v.cache.scav))
        e.view = scavenging.left_cache(v, base, npages).owes(released=0 - scav, unused=0 - size)
        return base, scav

    # The bitmaps.

    def _tree(self, access: Access[Any]) -> Any:
        e = self.engine
        if access.kind != "update":
            raise LiftError(f"{e.where()}: {access.kind} of the bitmaps has no meaning in {self.title}")
        operation, *args = access.args
        name = operation.__name__
        if name in JUDGES:
            self._judged(operation)
            return self._found(name, *args)
        v = e.view
        if name in {"take", "pad"}:
            e.prove_all(Kind.REQUIRES, name, scavenging.takes(v, *args))
        if name == "give":
            e.prove_all(Kind.REQUIRES, name, scavenging.gives(v, *args))
            v = replace(v, gave=tuple(map(e.as_word, args)))
        place = observed.Place(*v.place)
        before = observed.tree(e, place, operation.__globals__.get("PallocData"), v.world.allocated, v.world.scavenged)
        after, result = performed(access, before)
        pads = name == "pad"
        bits = self._merged(before.allocated, after.allocated), self._merged(before.scavenged, after.scavenged)
        now = scavenging.moved(v, *bits, pads=pads)
        pages = after.allocated.added - after.allocated.in_blocks, after.scavenged.added
        size = e.geometry.page_size
        if self.counts:
            now = now.owes(released=pages[1] * size, unused=(0 if pads else 0 - pages[0]) * size)
        e.prove_all(Kind.GUARANTEE, name, scavenging.bitmaps_change(v, now))
        e.view = now
        if not isinstance(after.allocated.added, int) or after.allocated.added != 0:
            self._indexed(after.allocated.here, after.allocated.added, told=name in {"give_back", "pad"})
        return result

    def _indexed(self, here: Truth, pages: Any, *, told: bool) -> None:
        """The index must be told of pages of the observed chunk; told: in each release, or not at all."""
        e = self.engine
        if told or self.release.scavenge_index:
            e.view = e.view.owes(index=ite(here, e.as_word(pages), 0))

    def _merged(self, before: Any, after: Any) -> Truth:
        """The observed page's bit: as it was if another chunk was changed."""
        return ite(after.here, after.seen, before.seen)

    def _found(self, name: str, *args: Any) -> Any:
        """What an operation finds that was judged."""
        e = self.engine
        match name:
            case "search" | "find":
                return self._search(args[0])
            case "take_candidate":
                return self._candidate(*args)
            case "find_block":
                return self._block()
            case "add_chunks":
                return self._chunks(*args)
            case "sys_grow":
                return Ranges(e.fresh("ranges needed"), AddrRange(e.fresh("first needed"), e.fresh("last needed")))  # type: ignore[arg-type]  # words
            case _:
                return None

    def _is_free(self) -> Truth:
        """Whether the bitmaps say that the heap's page is free."""
        v = self.engine.view
        return all_of(negate(v.world.allocated), v.world.owner != scavenging.NOWHERE)

    def _search(self, npages: Any) -> Any:
        """A run of free pages, and where to look next."""
        e = self.engine
        if e.choose("no room"):
            return 0, 0
        addr, v = self.a_region(npages), e.view
        e.assume(implies(v.covers(addr, npages), self._is_free()))
        return addr, e.fresh("search address")

    def _candidate(self, ci: Any, _search_idx: Any, _low: Any, _high: Any) -> Any:
        """Pages that are free and not scavenged; they are allocated from here on."""
        e = self.engine
        if e.choose("nothing to scavenge"):
            e.view = replace(e.view, searched=ci)
            return 0, 0
        first, n, v = e.fresh("first"), e.fresh("npages"), e.view
        e.assume(n > 0)
        e.assume(n <= e.geometry.pages_per_chunk)
        e.assume(first <= e.geometry.pages_per_chunk - n)
        mine = v.of_chunk(ci, first, n)
        e.assume(implies(mine, all_of(self._is_free(), negate(v.world.scavenged))))
        size = v.bytes_of(n)
        now = v.but(allocated=ite(mine, True, v.world.allocated), owner=ite(mine, ME, v.world.owner))
        now = now.owes(unused=0 - size, index=ite(v.place[0] == ci, n, 0))
        e.prove_all(Kind.GUARANTEE, "take_candidate", scavenging.bitmaps_change(v, now))
        e.view = replace(now, region=(e.geometry.chunk_base(ci) + first * e.geometry.page_size, n))
        return first, n

    def _block(self) -> Any:
        """A block with a free page, as a cache; nothing is taken yet."""
        e, v, page_cache = self.engine, self.engine.view, self._class("PageCache", "flush")
        if e.choose("no page is free"):
            return page_cache()
        base = self._cache().base
        here = base == v.block
        free, scav = (ite(here, bit, e.fresh_truth("bit")) for bit in (self._is_free(), v.world.scavenged))
        return page_cache(base, self._bits(free, "cache"), self._bits(scav, "cache.scav"))

    def _chunks(self, base: Any, limit: Any) -> Any:
        """New pages are free, and scavenged; for how many groups of bitmaps there must be memory."""
        e, v = self.engine, self.engine.view
        now = scavenging.given(v, base, limit)
        e.prove_all(Kind.GUARANTEE, "add_chunks", scavenging.grows(v, base, limit))
        e.prove_all(Kind.GUARANTEE, "add_chunks", scavenging.sound(now))
        e.view = now
        return e.fresh("groups")
