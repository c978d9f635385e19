"""Scavenging: which pages were returned to the system, what they hold, who has them, and which bytes are counted.

Observed is one page: its bits in the bitmaps, its bits in the page cache that has it, its contents and its owner. And
what this thread owes to the counters of bytes: what it has done to pages, less what it has told them. A count of pages
is right if each page that changes is told of, so counters are right when nobody owes anything. Read next:
scavenging_calls.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from spanproof.model.contracts.contract import Word
from spanproof.model.contracts.zeroing import region_well_formed
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, ite, negate, same

NOWHERE, NOBODY, ME, MY_CACHE, ANOTHER, A_CACHE, PADDING = range(7)
"""Who has a page: it is not the heap's yet, it is free, this thread has it, the cache of this thread's P, another
thread or a span, the cache of another P; or it is padding, which is never used."""
CACHES = (MY_CACHE, A_CACHE)
UNUSED = (NOWHERE, NOBODY, *CACHES, PADDING)
"""Nobody writes to a page that one of these has."""


@dataclass(frozen=True, slots=True)
class Owed:
    """Bytes that this thread has moved and not told the counters of; negative where it has told of too much.

    heapFree counts the free pages that are not scavenged, and mappedReady these and the pages of spans. Kept are the
    sum of one and the difference of the other, which move by whole regions: that all is told says the same of either.
    """

    released: Word = 0
    """Of heapReleased: the pages that are marked as scavenged, in the bitmaps or in a cache."""
    unused: Word = 0
    """Of heapReleased and heapFree: these and all free pages, those of caches included."""
    spans: Word = 0
    """Of the observed kind of inUse: the pages of spans of that kind."""
    used: Word = 0
    """Of mappedReady less heapFree: the pages of spans."""
    index: Word = 0
    """Of the word of the observed page's chunk in the scavenge index: the pages that are allocated. No bytes."""

    def plus(self, **more: Word) -> "Owed":
        """With more."""
        return replace(self, **{name: getattr(self, name) + owed for name, owed in more.items()})


@dataclass(frozen=True, slots=True)
class World:
    """What threads share of the observed page, and what this thread owes."""

    allocated: Truth
    scavenged: Truth
    """Its bits in the bitmaps; under the heap lock."""
    dirty: Truth
    """It may be non-zero."""
    owner: Word
    """A ghost: no word of Go's holds it."""
    noted: Truth
    """It was scavenged when it was taken from the bitmaps; of a page in a cache, what the cache says."""
    owed: Owed


@dataclass(frozen=True, slots=True)
class Cache:
    """The page cache of this thread's P, which nobody else touches."""

    base: Word
    free: Truth
    """The bit of the observed page's place in a block, in either word."""
    scav: Truth


@dataclass(frozen=True, slots=True)
class View:
    """One moment."""

    geometry: Geometry
    place: tuple[Word, Word, Word]
    """The observed page: its chunk, the word of the chunk's bitmap, the bit in it."""
    kind: Word
    """A kind of spans."""
    zeroes: Truth
    """What is returned to the system reads as zero."""
    world: World
    cache: Cache
    locked: bool = False
    """This thread holds the heap lock."""
    region: tuple[Any, Any] | None = None
    """What this thread was given: (base in bytes, npages)."""
    searched: Any = None
    """The chunk in which this thread has found nothing to scavenge, under the present hold of the lock."""
    emptied: Any = None
    """The chunk that this thread has called empty last."""
    gave: Any = None
    """What this thread has freed last in a chunk: (the chunk, the first page, how many)."""

    @property
    def page(self) -> Word:
        """The page in its chunk."""
        return self.place[1] * self.geometry.pages_per_block + self.place[2]

    @property
    def address(self) -> Word:
        """Of the page."""
        return self.geometry.chunk_base(self.place[0]) + self.page * self.geometry.page_size

    @property
    def block(self) -> Word:
        """The address of the block of pages that it lies in."""
        return self.address - self.place[2] * self.geometry.page_size

    def covers(self, base: Word, npages: Word) -> Truth:
        """Whether [base, base+npages*page_size) has the observed page."""
        return all_of(base <= self.address, self.address < base + npages * self.geometry.page_size)

    def lies_in(self, base: Word, limit: Word) -> Truth:
        """Whether [base, limit) has the observed page."""
        return all_of(base <= self.address, self.address < limit)

    def of_chunk(self, ci: Word, first: Word, npages: Word) -> Truth:
        """Whether the observed page is one of npages of a chunk."""
        return all_of(self.place[0] == ci, first <= self.page, self.page < first + npages)

    def owned_by(self, *owners: int) -> Truth:
        """Whether one of these has the page."""
        return any_of(*(self.world.owner == owner for owner in owners))

    @property
    def in_my_cache(self) -> Truth:
        """Whether the page's bit is set in the cache of my P."""
        return all_of(self.cache.base == self.block, self.cache.free)

    @property
    def is_released(self) -> Truth:
        """Whether the page counts as returned to the system."""
        return any_of(self.world.scavenged, all_of(self.owned_by(*CACHES), self.world.noted))

    @property
    def is_free(self) -> Truth:
        """Whether it counts as free, and not returned."""
        return all_of(self.owned_by(NOBODY, *CACHES), negate(self.is_released))

    def but(self, **changed: Any) -> "View":
        """This view with a changed world."""
        return replace(self, world=replace(self.world, **changed))

    def owes(self, **more: Any) -> "View":
        """This thread owes more."""
        return self.but(owed=self.world.owed.plus(**more))

    def bytes_of(self, npages: Word) -> Word:
        """The bytes of so many pages."""
        return npages * self.geometry.page_size


def sound(v: View) -> Claims:
    """What is true in every state."""
    w = v.world
    yield "there_is_an_owner", w.owner <= PADDING
    yield "scavenged_page_is_zero", implies(all_of(v.zeroes, v.is_released), negate(w.dirty))
    yield "scavenged_page_is_in_no_use", implies(w.scavenged, v.owned_by(NOBODY, PADDING))
    new = all_of(negate(w.dirty), negate(w.allocated), negate(w.scavenged))
    yield "what_is_not_the_heap's_is_zero", implies(w.owner == NOWHERE, new)
    yield "padding_is_allocated_for_good", implies(w.owner == PADDING, all_of(w.allocated, w.scavenged))


def lock_invariant(v: View) -> Claims:
    """What is true whenever nobody holds the heap lock, and when it has just been taken."""
    yield "allocated_page_has_an_owner", same(v.world.allocated, negate(v.owned_by(NOWHERE, NOBODY)))


def cache_is_whole(v: View) -> Claims:
    """What is true of the cache of my P, while I do not change it."""
    here = v.cache.base == v.block
    yield "a_cache_has_the_pages_that_it_says", same(v.in_my_cache, v.world.owner == MY_CACHE)
    yield "a_cache_notes_what_is_scavenged", implies(v.in_my_cache, same(v.cache.scav, v.world.noted))
    noted = all_of(here, v.cache.scav, negate(v.cache.free))
    yield "other_pages_that_it_notes_are_padding", implies(noted, v.world.owner == PADDING)


def rely(old: View, new: View) -> Claims:
    """What other threads may do."""
    yield from _others_pages(old, new)
    yield "only_this_thread_tells_what_it_owes", same_owed(old, new)


def _others_pages(old: View, new: View) -> Claims:
    a, b = old.world, new.world
    for owner, name in ((ME, "only_the_holder_gives_a_page_away"), (MY_CACHE, "only_its_p_touches_a_cache")):
        yield name, same(a.owner == owner, b.owner == owner)
    yield "padding_is_for_good", implies(a.owner == PADDING, b.owner == PADDING)
    yield "what_was_noted_stays", implies(old.owned_by(ME, MY_CACHE), same(a.noted, b.noted))
    yield "only_the_holder_writes", implies(a.owner == ME, same(a.dirty, b.dirty))
    if old.locked:
        yield "bitmaps_change_under_the_lock", all_of(same(a.allocated, b.allocated), same(a.scavenged, b.scavenged))
        for owner in (NOWHERE, NOBODY, PADDING):
            yield "pages_are_taken_and_given_back_under_the_lock", same(a.owner == owner, b.owner == owner)
        yield "nobody_writes_to_a_free_page", implies(a.owner == NOBODY, same(a.dirty, b.dirty))
    yield from sound(new)


def same_owed(old: View, new: View) -> Truth:
    """Whether this thread owes the counters and the index what it owed."""
    a, b = old.world.owed, new.world.owed
    return all_of(*(getattr(a, name) == getattr(b, name) for name in Owed.__slots__))


def moves(_old: View, new: View) -> Claims:
    """What this thread does while it holds the lock: pages are taken, marked and given back."""
    yield from sound(new)


def tells_of(counter: str, delta: Word) -> Mapping[str, Word]:
    """What is owed no more when one of the collector's counters was told of more bytes."""
    match counter:
        case "gcController.heapReleased":
            return {"released": 0 - delta, "unused": 0 - delta}
        case "gcController.heapFree":
            return {"unused": 0 - delta, "used": delta}
        case _:
            return {"used": 0 - delta}


def owes(v: View, released: Word = 0, unused: Word = 0) -> Claims:
    """This thread owes so much, and nothing of spans."""
    for name, owed in (("released", released), ("unused", unused), ("spans", 0), ("used", 0)):
        yield f"{name}_bytes_are_told", getattr(v.world.owed, name) == owed
    yield "pages_are_told_to_the_index", v.world.owed.index == 0


# Steps.


def takes(v: View, ci: Word, first: Word, npages: Word) -> Claims:
    """Pages of a chunk are allocated."""
    yield "the_heap_lock_is_held", v.locked
    yield (
        "taken_pages_are_free",
        implies(v.of_chunk(ci, first, npages), all_of(negate(v.world.allocated), v.owned_by(NOBODY))),
    )


def gives(v: View, ci: Word, first: Word, npages: Word) -> Claims:
    """Pages of a chunk are freed."""
    yield "the_heap_lock_is_held", v.locked
    mine = all_of(v.world.allocated, v.owned_by(ME, MY_CACHE))
    yield "freed_pages_were_owned", implies(v.of_chunk(ci, first, npages), mine)


def gives_up(v: View, ci: Word, released: Word) -> Claims:
    """What scavengeOne promises where it found nothing: the chunk is called empty, and nobody looks again."""
    called = False if v.emptied is None else v.emptied == ci
    yield "a_chunk_that_gives_nothing_is_called_empty", implies(released == 0, called)


def tells_what_it_gave(v: View, ci: Word, first: Word, npages: Word) -> Claims:
    """Who tells the index of freed pages tells of those that it has just freed, and of no others."""
    gave = (None, None, None) if v.gave is None else v.gave
    same_pages = [False if was is None else was == now for was, now in zip(gave, (ci, first, npages), strict=True)]
    yield "the_freed_pages_are_told_to_the_index", all_of(*same_pages)


def moved(v: View, allocated: Truth, scavenged: Truth, *, pads: bool) -> View:
    """After an operation on the bitmaps: the page has an owner where it is allocated."""
    taken = all_of(allocated, negate(v.world.allocated))
    given = all_of(negate(allocated), v.world.allocated)
    owner = ite(taken, PADDING if pads else ME, ite(given, NOBODY, v.world.owner))
    noted = ite(taken, v.world.scavenged, v.world.noted)
    return v.but(allocated=allocated, scavenged=scavenged, owner=owner, noted=noted)


def bitmaps_change(old: View, new: View) -> Claims:
    """The guarantee of an operation on the bitmaps."""
    a, b = old.world, new.world
    yield "the_heap_lock_is_held", old.locked
    yield "taken_pages_are_free", implies(all_of(b.allocated, negate(a.allocated)), old.owned_by(NOBODY))
    given = all_of(a.allocated, negate(b.allocated))
    yield "freed_pages_were_owned", implies(given, old.owned_by(ME, MY_CACHE))
    marked = all_of(b.scavenged, negate(a.scavenged))
    yield "marked_pages_are_zero", implies(all_of(marked, old.zeroes), negate(a.dirty))
    yield from sound(new)


def given(v: View, base: Word, limit: Word) -> View:
    """The page allocator has new pages: free, and scavenged."""
    new = v.lies_in(base, limit)
    owner = ite(new, NOBODY, v.world.owner)
    return v.but(owner=owner, scavenged=any_of(v.world.scavenged, new)).owes(released=limit - base, unused=limit - base)


def grows(v: View, base: Word, limit: Word) -> Claims:
    """New pages were not the heap's."""
    yield "the_heap_lock_is_held", v.locked
    yield "new_pages_were_never_given", implies(v.lies_in(base, limit), v.owned_by(NOWHERE))


def writes_memory(v: View, here: Truth) -> Claims:
    """The guarantee of a write to memory; `here` says whether it is to the observed page."""
    yield "only_the_holder_writes", implies(here, v.world.owner == ME)


def cache_stored(v: View, base: Word, free: Truth, scav: Truth) -> View:
    """The P has another cache: what is in it is the cache's."""
    after = replace(v, cache=Cache(base, free, scav))
    mine = all_of(after.in_my_cache, v.owned_by(ME, MY_CACHE))
    return after.but(owner=ite(mine, MY_CACHE, v.world.owner))


def stores_cache(old: View, new: View) -> Claims:
    """A cache has pages that its thread took; what it had is given back, or still in it."""
    yield "a_cache_has_pages_in_hand", implies(new.in_my_cache, old.owned_by(ME, MY_CACHE))
    yield "what_was_scavenged_is_noted", implies(new.in_my_cache, same(new.cache.scav, old.world.noted))
    out = all_of(old.in_my_cache, negate(new.in_my_cache))
    as_it_was = all_of(old.owned_by(NOBODY), same(old.world.scavenged, old.cache.scav))
    yield "a_flushed_page_is_as_it_was", implies(out, as_it_was)
    yield from sound(new)


def left_cache(v: View, base: Word, npages: Word) -> View:
    """Pages have left the cache of my P."""
    out = v.covers(base, npages)
    stays = negate(all_of(v.cache.base == v.block, out))
    cache = Cache(v.cache.base, all_of(v.cache.free, stays), all_of(v.cache.scav, stays))
    return replace(v, cache=cache).but(owner=ite(out, ME, v.world.owner))


# Regions.


def region_is_given(v: View, base: Word, npages: Word, scav: Word) -> Claims:
    """What those promise who give pages: they are this thread's; if all of them were scavenged, they are zero."""
    size = v.bytes_of(npages)
    covered = v.covers(base, npages)
    yield "given_pages_are_in_hand", same(v.world.owner == ME, covered)
    yield "no_more_is_scavenged_than_there_is", all_of(scav >= 0, scav <= size)
    yield "scavenged_is_zero", implies(all_of(v.zeroes, scav == size, covered), negate(v.world.dirty))


def told_of_region(v: View, npages: Word, scav: Word) -> Claims:
    """What it has done to pages, and not yet told."""
    yield from owes(v, released=0 - scav, unused=0 - v.bytes_of(npages))


def gives_region(v: View, result: Any, npages: Word) -> Claims:
    """What pages.alloc and alloc_from_cache promise."""
    base, scav = result
    yield from gives_region_or_growth(v, (base, scav, 0), npages)


def gives_region_or_growth(v: View, result: Any, npages: Word) -> Claims:
    """What alloc_phys_page_aligned promises."""
    base, scav, _ = result
    there = base != 0
    for name, claim in (*region_is_given(v, base, npages, scav), *told_of_region(v, npages, scav)):
        yield name, implies(there, claim)
    for name, claim in (("nothing_is_in_hand", v.world.owner != ME), *owes(v)):
        yield name, implies(negate(there), claim)


def frees_region(v: View, base: Word, npages: Word) -> Claims:
    """What pages.free asks for."""
    yield "the_heap_lock_is_held", v.locked
    yield from region_well_formed(v.geometry, base, npages)
    mine = all_of(v.world.allocated, v.owned_by(ME))
    yield "freed_pages_were_owned", implies(v.covers(base, npages), mine)


def region_is_freed(v: View, base: Word, npages: Word) -> View:
    """After pages.free."""
    freed = v.covers(base, npages)
    owner = ite(freed, NOBODY, v.world.owner)
    after = v.but(allocated=all_of(v.world.allocated, negate(freed)), owner=owner)
    return after.owes(unused=v.bytes_of(npages))


def is_at_rest(v: View) -> Claims:
    """A thread that has nothing in hand, and has told all that it did."""
    yield "nothing_is_in_hand", v.world.owner != ME
    yield from owes(v)


def takes_range(v: View, base: Word, npages: Word) -> Claims:
    """What alloc_range asks for: free pages."""
    yield "the_heap_lock_is_held", v.locked
    yield from region_well_formed(v.geometry, base, npages)
    free = all_of(negate(v.world.allocated), v.owned_by(NOBODY))
    yield "taken_pages_are_free", implies(v.covers(base, npages), free)


def pads_range(v: View, base: Word, npages: Word) -> Claims:
    """What mark_random_padding_pages asks for: pages that nobody ever had."""
    yield from takes_range(v, base, npages)
    yield "padding_was_never_used", implies(v.covers(base, npages), v.world.scavenged)
