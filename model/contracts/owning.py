"""Owning: to whom a page belongs, from pages.alloc through publication to free.

Observed are one page and one span. The page has one owner at any time: nobody, a thread that is about to build a span
on it, or a span. Two spans that are alive and have the page would both have to be that owner, so no page lies in two
spans. Read next: owning_calls.py.
"""

from dataclasses import dataclass, replace
from typing import Any

from spanproof.model.contracts.contract import Word
from spanproof.model.contracts.zeroing import MOST_ADDRESS, MOST_PAGES, region_well_formed
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, ite, negate, same
from spanproof.model.state import DEAD, IN_USE

NOBODY, ME, ANOTHER, FIRST_SPAN = 0, 1, 2, 3
"""Owners: nobody, this thread, another one or a page cache or a scavenger; from FIRST_SPAN on the spans by number."""


@dataclass(frozen=True, slots=True)
class World:
    """What threads share of the observed page and span."""

    allocated: Truth
    """The page allocator says that the page is allocated; under the heap lock."""
    owner: Word
    """Of the page. A ghost: no word of Go's holds it."""
    entry: Word
    """The page's entry in spans: 0, or FIRST_SPAN and the number of a span."""
    in_use: Truth
    """The page's bit in page_in_use."""
    pooled: Truth
    """The span is in the pool of free mspans; under the heap lock."""
    kept: Truth
    """The span is one of those that this thread's P keeps."""
    keeps: Word
    """How many spans this thread's P keeps."""
    state: Word
    base: Word
    """Of the span, as the number of its first page."""
    npages: Word


@dataclass(frozen=True, slots=True)
class Hand:
    """What this thread holds: the region that it builds on, and a span that nobody else touches."""

    region: tuple[Word, Word] | None = None
    """(base in bytes, npages)"""
    span: Any = None
    fields: tuple[tuple[str, Any], ...] = ()
    """The fields of that span, as this thread wrote or read them; base in bytes."""
    wants: Any = None
    """The class that the span is to have when it is in use."""
    took: tuple[tuple[Word, Word], ...] = ()
    """The regions that this operation took from the abstract heap, one for each step there: (base in bytes, npages)."""
    gave: tuple[tuple[Word, Word], ...] = ()
    """Those that it gave back."""

    def field(self, name: str) -> Any:
        """The value of a field, or None if it is not known."""
        return dict(self.fields).get(name)


@dataclass(frozen=True, slots=True)
class View:
    """One moment."""

    geometry: Geometry
    place: tuple[Word, Word, Word]
    """Where the observed page stands in page_in_use: its arena, the byte there, the bit in that."""
    page: Word
    """Its number, counted from address 0."""
    span: Word
    """The number of the observed span."""
    world: World
    hand: Hand
    locked: bool = False
    """This thread holds the heap lock."""
    marking: bool = False
    """The collector marks, and this thread follows words for it."""

    def first(self, base: Word) -> Word:
        """The page that begins at an address."""
        return base // self.geometry.page_size

    def covers(self, base: Word, npages: Word) -> Truth:
        """Whether [base, base+npages*page_size) has the observed page."""
        return self.between(self.first(base), npages)

    def between(self, first: Word, npages: Word) -> Truth:
        """Whether the observed page is one of npages from the first on."""
        return all_of(first <= self.page, self.page < first + npages)

    @property
    def covered(self) -> Truth:
        """Whether the observed span has the observed page."""
        return self.between(self.world.base, self.world.npages)

    @property
    def in_hand(self) -> Truth:
        """Whether the observed span is the one in hand."""
        return False if self.hand.span is None else self.hand.span == self.span

    @property
    def mine(self) -> Truth:
        """Whether the page belongs to this thread, or to the span in its hand."""
        return any_of(self.world.owner == ME, self.belongs_to_span_in_hand)

    @property
    def belongs_to_span_in_hand(self) -> Truth:
        """Whether the page belongs to the span in hand."""
        return False if self.hand.span is None else self.world.owner == self.hand.span + FIRST_SPAN

    def but(self, **changed: Any) -> "View":
        """This view with a changed world."""
        return replace(self, world=replace(self.world, **changed))


def sound(v: View) -> Claims:
    """What is true in every state."""
    w = v.world
    owns = w.owner == v.span + FIRST_SPAN
    alive = w.state != DEAD
    yield "living_span_owns_its_pages", implies(all_of(alive, v.covered), owns)
    yield "span_owns_nothing_else", implies(owns, all_of(alive, v.covered))
    yield "in_use_bit_marks_a_mapped_page", implies(w.in_use, all_of(w.owner == w.entry, w.entry >= FIRST_SPAN))
    within = all_of(w.base < MOST_ADDRESS // v.geometry.page_size, w.npages <= MOST_PAGES)
    yield "a_living_span_lies_in_the_address_space", implies(alive, within)
    idle = all_of(w.state == DEAD, negate(w.pooled), negate(v.in_hand))
    yield "a_span_kept_for_later_is_dead", implies(w.kept, idle)
    first = v.page == w.base
    yield "in_use_bit_marks_a_built_span", implies(all_of(w.in_use, owns), all_of(w.state == IN_USE, first))


def lock_invariant(v: View) -> Claims:
    """What is true whenever nobody holds the heap lock, and when it has just been taken."""
    yield "allocated_page_has_an_owner", implies(v.world.allocated, v.world.owner != NOBODY)
    yield "free_page_has_no_owner", implies(negate(v.world.allocated), v.world.owner == NOBODY)
    yield "pooled_span_is_dead", implies(v.world.pooled, v.world.state == DEAD)


def rely(old: View, new: View) -> Claims:
    """What other threads may do."""
    a, b = old.world, new.world
    yield (
        "only_the_holder_gives_a_page_away",
        all_of(same(a.owner == ME, b.owner == ME), same(old.belongs_to_span_in_hand, new.belongs_to_span_in_hand)),
    )
    yield (
        "nobody_touches_a_span_in_hand",
        implies(
            old.in_hand, all_of(a.state == b.state, a.base == b.base, a.npages == b.npages, same(a.pooled, b.pooled))
        ),
    )
    yield "only_its_p_keeps_a_span_or_pulls_it", all_of(same(a.kept, b.kept), a.keeps == b.keeps)
    yield "only_the_holder_maps_a_page", implies(old.mine, a.entry == b.entry)
    yield "only_the_holder_marks_a_page_in_use", implies(old.mine, same(a.in_use, b.in_use))
    if old.locked:
        yield "pages_are_allocated_and_freed_under_the_lock", same(a.allocated, b.allocated)
        yield "pages_are_taken_and_given_back_under_the_lock", same(a.owner == NOBODY, b.owner == NOBODY)
        yield "spans_are_taken_and_given_back_under_the_lock", same(a.pooled, b.pooled)
        yield "pooled_span_is_dead", implies(all_of(a.pooled, a.state == DEAD), b.state == DEAD)
    yield from sound(new)


def mapped(v: View, span: Word, base: Word, npages: Word) -> Truth:
    """Whether the page maps to a span if it lies in its region."""
    return implies(v.covers(base, npages), v.world.entry == span + FIRST_SPAN)


def page_at(geometry: Geometry, place: tuple[Word, Word, Word]) -> Word:
    """The number of the page with this place in page_in_use."""
    arena, byte, bit = place
    return geometry.first_page(arena) + byte * 8 + bit


def is_place(geometry: Geometry, place: tuple[Word, Word, Word]) -> Claims:
    """A page of an arena has one place, and each place one page."""
    arena, byte, bit = place
    yield "arena_begins_above_address_0", arena * geometry.arena_size >= -geometry.arena_base_offset
    yield "arena_is_in_the_address_space", arena < 1 << 24
    yield "byte_is_in_the_arena", byte < geometry.pages_per_arena // 8
    yield "bit_is_in_the_byte", bit < 8


def place_is_found(geometry: Geometry, place: tuple[Word, Word, Word]) -> Claims:
    """From the address of a page the text finds its place again."""
    arena, byte, bit = place
    base = page_at(geometry, place) * geometry.page_size
    page = base // geometry.page_size % geometry.pages_per_arena
    yield "arena_of_an_address", geometry.arena_index(base) == arena
    yield "page_of_an_address", base // geometry.page_size == page_at(geometry, place)
    yield "place_of_a_page", page == byte * 8 + bit
    yield "byte_of_a_page", page // 8 == byte
    yield "bit_of_a_page", page % 8 == bit


# The steps, each with what it asks for (its guarantee) and what it does.


def takes_region(v: View, base: Word, npages: Word) -> Claims:
    """pages.alloc gives a region that was free."""
    yield from region_well_formed(v.geometry, base, npages)
    yield "region_was_free", implies(v.covers(base, npages), negate(v.world.allocated))


def asks_for_region(v: View) -> Claims:
    """pages.alloc is called with the heap lock held, and what the lock protects is whole."""
    yield "the_heap_lock_is_held", v.locked
    yield from lock_invariant(v)


def region_taken(v: View, base: Word, npages: Word) -> View:
    """After pages.alloc."""
    covers, w = v.covers(base, npages), v.world
    taken = v.but(allocated=any_of(w.allocated, covers), owner=ite(covers, ME, w.owner))
    return replace(taken, hand=replace(v.hand, region=(base, npages), took=(*v.hand.took, (base, npages))))


def frees_region(v: View, base: Word, npages: Word) -> Claims:
    """pages.free takes back pages of the span in hand."""
    yield "the_heap_lock_is_held", v.locked
    yield (
        "freed_pages_were_owned",
        implies(v.covers(base, npages), all_of(v.world.allocated, v.belongs_to_span_in_hand)),
    )


def region_freed(v: View, base: Word, npages: Word) -> View:
    """After pages.free: the pages belong to the span until it dies."""
    freed = v.but(allocated=all_of(v.world.allocated, negate(v.covers(base, npages))))
    return replace(freed, hand=replace(v.hand, gave=(*v.hand.gave, (base, npages))))


def takes_span(v: View, number: Word) -> Claims:
    """The pool gives a span that is in it."""
    yield "the_heap_lock_is_held", v.locked
    yield "span_was_pooled", implies(v.span == number, v.world.pooled)


def span_taken(v: View, number: Word) -> View:
    """After allocMSpanLocked."""
    taken = v.but(pooled=all_of(v.world.pooled, v.span != number))
    return replace(taken, hand=replace(v.hand, span=number, fields=()))


def gives_span_back(v: View, number: Word) -> Claims:
    """An mspan goes back to the pool."""
    here = v.span == number
    yield "the_heap_lock_is_held", v.locked
    yield "only_the_holder_gives_a_span_back", implies(here, v.in_hand)
    yield "a_span_given_back_is_dead", implies(here, v.world.state == DEAD)


def span_given_back(v: View, number: Word) -> View:
    """After freeMSpanLocked."""
    given = v.but(pooled=any_of(v.world.pooled, v.span == number))
    return replace(given, hand=Hand(took=v.hand.took, gave=v.hand.gave))


def keeps_span(v: View, number: Word) -> Claims:
    """The P keeps a span that is in hand."""
    here = v.span == number
    yield "only_the_holder_gives_a_span_back", implies(here, v.in_hand)
    yield "a_span_given_back_is_dead", implies(here, v.world.state == DEAD)


def span_kept(v: View, number: Word) -> View:
    """After the P has kept it."""
    kept = v.but(kept=any_of(v.world.kept, v.span == number), keeps=v.world.keeps + 1)
    return replace(kept, hand=replace(v.hand, span=None, fields=()))


def pulls_span(v: View, number: Word) -> Claims:
    """What is pulled off was kept."""
    yield "span_was_kept", implies(v.span == number, v.world.kept)


def span_pulled(v: View, number: Word) -> View:
    """After a span was pulled off."""
    pulled = v.but(kept=all_of(v.world.kept, v.span != number), keeps=v.world.keeps - 1)
    return replace(pulled, hand=replace(v.hand, span=number, fields=()))


def from_cache(v: View, base: Word, npages: Word) -> Claims:
    """A page cache gives pages that it had."""
    yield from region_well_formed(v.geometry, base, npages)
    yield "pages_were_the_cache's", implies(v.covers(base, npages), v.world.owner == ANOTHER)
    yield "pages_of_a_cache_are_allocated", implies(v.covers(base, npages), v.world.allocated)


def refills(old: View, new: View) -> Claims:
    """What filling the P's cache of mspans does: spans are kept."""
    for name, claim in rely(old, new):
        if name not in _MOVED:
            yield name, claim
    a, b = old.world, new.world
    yield "what_is_kept_stays", implies(a.kept, b.kept)
    idle = all_of(any_of(a.pooled, a.kept), a.state == DEAD)
    yield "an_idle_span_stays_idle", implies(idle, all_of(any_of(b.pooled, b.kept), b.state == DEAD))


_MOVED = frozenset(
    {
        "only_its_p_keeps_a_span_or_pulls_it",
        "spans_are_taken_and_given_back_under_the_lock",
        "pooled_span_is_dead",
    }
)
"""What is not so of a loop that moves spans from the pool to those that the P keeps."""


def is_classed(v: View) -> Claims:
    """Who brings a span into use has set its class, which a reader looks at once the state says that it is in use."""
    written = v.hand.field("spanclass")
    known = written is not None and v.hand.wants is not None
    yield "the_class_is_set_before_the_state", written == v.hand.wants if known else False


def writes_field(v: View, number: Word) -> Claims:
    """Base and npages change only while the span is dead and in hand."""
    here = v.span == number
    yield "only_the_holder_writes_to_a_span", implies(here, v.in_hand)
    yield "only_a_dead_span_is_moved", implies(here, v.world.state == DEAD)


def begins_at_a_page(v: View, base: Word) -> Claims:
    """The base that is written to a span."""
    yield "a_span_begins_at_a_page", base % v.geometry.page_size == 0


def field_written(v: View, number: Word, field: str, value: Word) -> View:
    """After a write to base or npages."""
    if field == "base":
        value = v.first(value)
    return v.but(**{field: ite(v.span == number, value, getattr(v.world, field))})


def comes_alive(v: View, number: Word, base: Any, npages: Any) -> Claims:
    """The state of the span in hand becomes in use or manual."""
    here = v.span == number
    yield "only_the_holder_writes_to_a_span", implies(here, v.in_hand)
    if base is None or npages is None:
        yield "a_span_is_built_before_it_lives", False
        return
    built = all_of(v.world.base == v.first(base), v.world.npages == npages, v.world.state == DEAD)
    yield "a_span_is_built_before_it_lives", implies(here, built)
    within = all_of(base < MOST_ADDRESS, npages <= MOST_PAGES)
    yield "a_living_span_lies_in_the_address_space", implies(here, within)
    yield "a_span_is_built_on_pages_in_hand", implies(v.covers(base, npages), v.world.owner == ME)


def alive(v: View, number: Word, state: Word, base: Word, npages: Word) -> View:
    """After the state has become in use or manual: the region belongs to the span."""
    owner = ite(v.covers(base, npages), number + FIRST_SPAN, v.world.owner)
    return v.but(state=ite(v.span == number, state, v.world.state), owner=owner)


def dies(v: View, number: Word) -> Claims:
    """The state of the span in hand becomes dead."""
    yield "only_the_holder_writes_to_a_span", implies(v.span == number, v.in_hand)
    owned = v.world.owner == number + FIRST_SPAN
    yield "pages_are_taken_and_given_back_under_the_lock", implies(owned, v.locked)
    yield "a_span_dies_when_its_pages_are_freed", implies(owned, negate(v.world.allocated))
    yield "the_in_use_bit_is_cleared_first", implies(owned, negate(v.world.in_use))


def dead(v: View, number: Word) -> View:
    """After the state has become dead: its pages belong to nobody."""
    owner = ite(v.world.owner == number + FIRST_SPAN, NOBODY, v.world.owner)
    return v.but(state=ite(v.span == number, DEAD, v.world.state), owner=owner)


def maps_page(v: View, here: Truth, span: Word) -> Claims:
    """An entry of spans is written."""
    yield "only_the_holder_maps_a_page", implies(here, v.mine)
    yield "a_page_is_mapped_before_it_is_in_use", implies(here, negate(v.world.in_use))
    yield "a_page_maps_to_the_span_in_hand", implies(here, False if v.hand.span is None else v.hand.span == span)


def page_mapped(v: View, here: Truth, span: Word) -> View:
    """After an entry of spans was written."""
    return v.but(entry=ite(here, span + FIRST_SPAN, v.world.entry))


def marks_in_use(v: View, here: Truth) -> Claims:
    """The in-use bit of a page is set: the last step of publication."""
    s, base, npages, state = v.hand.span, *(v.hand.field(name) for name in ("base", "npages", "state"))
    if s is None or base is None or npages is None or state is None:
        yield "only_the_holder_marks_a_page_in_use", negate(here)
        return
    yield "only_the_holder_marks_a_page_in_use", implies(here, v.belongs_to_span_in_hand)
    yield "the_span_is_in_use", implies(here, state == IN_USE)
    yield "published_at_its_first_page", implies(here, v.page == v.first(base))
    yield "spans_are_set_before_page_in_use", mapped(v, s, base, npages)


def marked_in_use(v: View, here: Truth) -> View:
    """After the bit was set."""
    return v.but(in_use=any_of(v.world.in_use, here))


def clears_in_use(v: View, here: Truth) -> Claims:
    """The in-use bit of a page is cleared: the first step of freeing."""
    yield "the_heap_lock_is_held", implies(here, v.locked)
    yield "only_the_holder_marks_a_page_in_use", implies(here, v.mine)


def cleared_in_use(v: View, here: Truth) -> View:
    """After the bit was cleared."""
    return v.but(in_use=all_of(v.world.in_use, negate(here)))
