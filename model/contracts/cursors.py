"""The scavenge index: what its words say of a chunk, and how its two cursors move.

Observed are one chunk, with its word, and both cursors. A cursor is a hint: what lies above it is not looked at, so it
must not be lowered over a chunk that has something. What of that is not so, findings of the catalogue show. Read next:
sweeping.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from spanproof.model.contracts.contract import Call, Loop, Word, nothing
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, negate, same

GENERATIONS = 1 << 32
"""After so many the count begins anew."""
MOST_OFFSET = 1 << 48
"""No address is further from the lowest."""


@dataclass(frozen=True, slots=True)
class Data:
    """What the word of the observed chunk says."""

    in_use: Word
    last_in_use: Word
    gen: Word
    has_free: Truth


@dataclass(frozen=True, slots=True)
class World:
    """What threads share; and what this thread has looked at."""

    bg: Any
    """The cursor of the background scavenger, as it stands in its cell: below 0 where it is marked."""
    force: Any
    """That of forced scavenging."""
    hwm: Word
    """The highest address freed in this generation, counted from the lowest address."""
    low: Word
    """The lowest chunk of the heap, 0 before it has one."""
    gen: Word
    word: Data
    seen: Truth
    """Since this thread loaded its cursor it has seen the observed chunk with nothing worth scavenging."""


@dataclass(frozen=True, slots=True)
class View:
    """One moment."""

    geometry: Geometry
    chunk: Word
    forced: Truth
    """This thread looks for what to scavenge by force."""
    world: World
    loaded: Any = None
    """The cursor as this thread loaded it, or None."""
    lowest: Any = None
    """The lowest chunk, as this thread loaded it."""
    gen: Any = None
    """The generation, as this thread read it."""
    freed: Any = 0
    """The highest address freed in the generation, as this thread read it."""
    noted: Any = None
    """The same as this thread last read it or wrote it."""
    began: Any = None
    """The generation that this thread has begun."""
    raised_to: Any = 0
    """Where this thread has raised a cursor to, counted from the lowest address."""
    locked: bool = False
    stopped: bool = False
    """This thread has stopped the world."""

    def but(self, **changed: Any) -> "View":
        """This view with a changed world."""
        return replace(self, world=replace(self.world, **changed))

    def chunk_at(self, distance: Word) -> Word:
        """The chunk with the address that lies so far from the lowest."""
        return distance // self.geometry.chunk_size

    def worth(self, data: Data) -> Truth:
        """Whether a chunk with this word is looked into by this thread."""
        high = self.geometry.scav_chunk_hi_occ_pages
        dense = any_of(data.in_use >= high, all_of(data.gen == self.gen, data.last_in_use >= high))
        return all_of(data.has_free, any_of(self.forced, negate(dense)))


def marked(cursor: Any) -> Truth:
    """Whether a cursor is marked."""
    return cursor < 0


def distance(cursor: Any) -> Word:
    """The address of a cursor, counted from the lowest address."""
    return cursor.magnitude() if hasattr(cursor, "magnitude") else abs(cursor)


def sound(v: View) -> Claims:
    """What is true in every state."""
    w = v.world
    for cursor in (w.bg, w.force):
        yield "a_cursor_is_an_address", distance(cursor) < MOST_OFFSET
        yield "the_heap_has_a_chunk_where_a_cursor_stands", implies(distance(cursor) != 0, w.low >= 1)
    yield "what_was_freed_is_an_address", w.hwm < MOST_OFFSET
    yield "the_heap_has_a_chunk_where_pages_were_freed", implies(w.hwm != 0, w.low >= 1)
    yield "pages_fit_into_their_chunk", w.word.in_use <= v.geometry.pages_per_chunk


def rely(old: View, new: View) -> Claims:
    """What other threads may do."""
    yield from _others(old, new)
    yield "what_was_seen_was_seen", same(old.world.seen, new.world.seen)


def looks(old: View, new: View) -> Claims:
    """What find does while it looks: it may have seen the chunk."""
    yield from _others(old, new)
    yield "what_was_seen_was_seen", implies(old.world.seen, new.world.seen)


def _others(old: View, new: View) -> Claims:
    a, b = old.world, new.world
    yield "the_heap_keeps_its_chunks", implies(a.low >= 1, b.low >= 1)
    if old.stopped:
        yield "background_cursor_rises_in_a_cycle", not_raised(a.bg, b.bg)
    if old.locked:
        yield "words_change_under_the_lock", _same_data(a.word, b.word)
        yield "forced_cursor_rises_under_the_lock", not_raised(a.force, b.force)
    yield from sound(new)


def _same_data(a: Data, b: Data) -> Truth:
    words = a.in_use == b.in_use, a.last_in_use == b.last_in_use, a.gen == b.gen
    return all_of(*words, same(a.has_free, b.has_free))


def not_raised(old: Any, new: Any) -> Truth:
    """Whether a cursor has not moved up."""
    return distance(new) <= distance(old)


def moves_cursor(v: View, old: Any, new: Any, *, forced: bool) -> Claims:
    """The guarantee of a write to a cursor."""
    raised = negate(not_raised(old, new))
    if forced:
        yield "forced_cursor_rises_under_the_lock", implies(raised, v.locked)
    else:
        yield "background_cursor_rises_in_a_cycle", implies(raised, v.stopped)
    yield "a_raised_cursor_is_marked", implies(raised, marked(new))
    yield "a_mark_never_lowers", implies(marked(new), negate(distance(new) < distance(old)))
    lowered = distance(new) < distance(old)
    knows = False if v.loaded is None else old == v.loaded
    yield "a_mark_is_taken_away_by_who_saw_it", implies(all_of(lowered, marked(old)), knows)
    yield "find_saw_what_it_passes", implies(all_of(lowered, passes(v, new)), v.world.seen)
    yield "find_lowers_to_the_end_of_a_chunk", implies(lowered, any_of(distance(new) == 0, is_last_page(v, new)))


def is_last_page(v: View, cursor: Any) -> Truth:
    """Whether a cursor stands at the last page of a chunk, so that all of the chunk is still before it."""
    g = v.geometry
    return distance(cursor) % g.chunk_size == g.chunk_size - g.page_size


def where_to_look(v: View, ci: Word, page: Word) -> Claims:
    """What find promises: the highest chunk worth a look at or below its cursor, and the page where that begins."""
    g, start = v.geometry, v.chunk_at(distance(v.loaded))
    found = ci != 0
    yield "it_looks_at_or_below_its_cursor", implies(found, ci <= start)
    first = all_of(ci == start, page == g.chunk_page_index(distance(v.loaded) + g.min_off_addr))
    below = all_of(ci < start, page == g.pages_per_chunk - 1)
    yield "it_begins_at_its_cursor_or_at_the_end_of_a_chunk", implies(found, any_of(first, below))
    if v.lowest is None:
        yield "nothing_is_left_where_nothing_is_found", any_of(found, distance(v.loaded) == 0)
        return
    above = all_of(v.chunk <= start, v.chunk >= v.lowest, any_of(negate(found), v.chunk > ci))
    yield "find_saw_what_it_leaves_out", implies(above, v.world.seen)


def passes(v: View, new: Any) -> Truth:
    """Whether the observed chunk is one of those that find passes: at or below where it began, above where it ends.

    A chunk above where it began is another matter: the cursor has been raised, and unmarked, since it was loaded.
    """
    if v.loaded is None or v.lowest is None:
        return True
    began = v.chunk <= v.chunk_at(distance(v.loaded))
    return all_of(began, v.chunk > v.chunk_at(distance(new)), v.chunk >= v.lowest)


def tells(v: View) -> Claims:
    """What whoever tells the index of pages asks for."""
    yield "the_heap_lock_is_held", v.locked
    yield "the_heap_has_a_chunk", v.world.low >= 1


def word_stored(v: View, ci: Word, data: Data) -> View:
    """After the word of a chunk was stored."""
    here = v.chunk == ci
    old = v.world.word
    merged = Data(*(_chosen(here, getattr(data, n), getattr(old, n)) for n in Data.__slots__))
    return v.but(word=merged)


def _chosen(condition: Truth, yes: Any, no: Any) -> Any:
    return condition.choice(yes, no) if hasattr(condition, "choice") else (yes if condition else no)


def word_moves(old: View, new: View, ci: Word, in_use: Word, has_free: Truth) -> Claims:
    """The word of the chunk says what is new of it; other chunks' words stay."""
    here, a, b = old.chunk == ci, old.world.word, new.world.word
    yield "so_many_pages_are_in_use", implies(here, b.in_use == in_use)
    yield "it_is_said_whether_there_may_be_free_pages", implies(here, same(b.has_free, has_free))
    yield "words_of_other_chunks_stay", implies(negate(here), _same_data(a, b))


def is_before_cursor(v: View, ci: Word, page: Word) -> Claims:
    """What free promises of its highest page: forced scavenging has it before it, if nobody lowers the cursor then.

    It is said of the moment of its return, when a find may already have gone over it: so of the cursor as it was read.
    """
    g = v.geometry
    freed = ci * g.chunk_size + page * g.page_size
    yield "a_free_raises_the_forced_cursor", any_of(v.raised_to == freed, distance(v.loaded) >= freed)
    yield "the_highest_freed_address_is_noted", False if v.noted is None else v.noted >= freed


def generation_begins(_old: View, new: View) -> Claims:
    """What next_gen promises."""
    yield "what_was_freed_is_looked_at_anew", any_of(new.raised_to == new.freed, distance(new.loaded) >= new.freed)
    yield "a_generation_begins_with_nothing_freed", False if new.noted is None else new.noted == 0
    yield "the_generation_is_the_next", False if new.began is None else new.began == (new.gen + 1) % GENERATIONS


def _looked_so_far(v: View, local: Any) -> Claims:
    yield "it_looks_downwards", local.i <= local.start
    yield "it_begins_where_the_cursor_was", local.start == v.chunk_at(distance(v.loaded))
    yield "the_heap_has_a_chunk", local.low >= 1
    passed = all_of(local.i < v.chunk, v.chunk <= local.start, v.chunk >= local.low)
    yield "find_saw_what_it_passes", implies(passed, v.world.seen)


LOOPS: Mapping[tuple[str, int], Loop] = {
    ("find", 0): Loop(_looked_so_far, looks, lambda _, local: local.i),
    ("clear", 0): Loop(nothing, rely, "cursor: clear"),
    ("store_min", 0): Loop(nothing, rely, "cursor: store_min"),
}

PACKED = "searched: index_counts_the_pages; what is packed is unpacked again (index_words_say_what_was_stored)"
CALLS = {
    "index.load": Call(nothing, rely, nothing, "data", PACKED),
    "index.store": Call(nothing, rely, nothing, "none", PACKED, locked=True),
}

_LOCKED = "the heap lock is held where pages are taken and freed (proved: scavenged_pages_are_zero)"
_INLINE = "the index alone calls it, and its proofs run the text of it"
ENTRUSTED = {
    **{
        (f"index.search_addr_bg.{name}", "scav.searchAddrBg"): _INLINE
        for name in ("clear", "store_marked", "store_min", "store_unmark")
    },
    ("index.store", "scav.chunks"): "index.store stands here by its contract",
    ("index.sys_grow", "scav.chunks"): "memory behind new words is new (searched: index_begins_at_the_lowest_chunk)",
    ("index.grow", "scav.minHeapIdx"): "the first chunk of the address space is never the heap's",
    ("pages.take", "index.alloc"): f"{_LOCKED}: take",
    ("pages.pad", "index.alloc"): f"{_LOCKED}: pad",
    ("pages.alloc_to_cache", "index.alloc"): f"{_LOCKED}: alloc_to_cache",
    ("pages.give", "index.free"): f"{_LOCKED}: give",
    ("pages.scavenge_one", "index.set_empty"): f"{_LOCKED}: scavenge_one",
    ("pages.scavenge_next", "index.find"): "find asks for nothing",
    ("gc_cycle", "index.next_gen"): "gc_cycle has stopped the world (proved: sweep_sets_turn_with_the_cycle)",
    ("gc_mark_termination", "index.next_gen"): "it has stopped the world (proved: sweep_sets_turn_with_the_cycle)",
}
"""What functions do that no proof of this protocol covers, and why they may."""
