"""Growing: which pages the page allocator was given, what is left of the newest arena, and which arena comes next.

Observed is one page. All of it lies under the heap lock. Read next: owning.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from spanproof.model.contracts.contract import Call, Loop, Word, nothing
from spanproof.model.contracts.zeroing import FRAME, refilled, to_refill
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, negate, same
from spanproof.model.words import align_down, align_up


@dataclass(frozen=True, slots=True)
class World:
    """What threads share."""

    given: Truth
    """The page allocator was given the observed page."""
    base: Word
    """curArena: what is left of the newest arena is [base, end), in bytes; it was reserved, and is not given yet."""
    end: Word
    hint: Word
    """The index of the arena that the system would give next."""


@dataclass(frozen=True, slots=True)
class View:
    """One moment."""

    geometry: Geometry
    address: Word
    """Of the observed page."""
    world: World
    locked: bool = False
    """This thread holds the heap lock."""
    last: tuple[Any, Any] | None = None
    """The pages that this thread gave last: (address, size in bytes)."""

    def lies_in(self, base: Word, limit: Word) -> Truth:
        """Whether the observed page does."""
        return all_of(base <= self.address, self.address < limit)

    def but(self, **changes: Any) -> "View":
        """The view with these parts of the world changed."""
        return replace(self, world=replace(self.world, **changes))

    @property
    def reserved(self) -> Word:
        """The address up to which arenas were reserved."""
        return self.geometry.arena_base(self.world.hint)


def sound(v: View) -> Claims:
    """What is true while somebody holds the lock, at each write, and while nobody does."""
    w, g = v.world, v.geometry
    yield "a_given_page_was_reserved", implies(w.given, v.address < v.reserved)
    yield "what_is_left_was_reserved", all_of(w.base <= w.end, any_of(w.end == 0, w.end <= v.reserved))
    yield "what_is_left_is_whole_chunks", all_of(w.base % g.chunk_size == 0, w.end % g.chunk_size == 0)
    yield "the_next_arena_is_of_this_heap", all_of(g.first_arena <= w.hint, w.hint <= g.first_arena + g.arenas)


def lock_invariant(v: View) -> Claims:
    """What is true whenever nobody holds the heap lock."""
    yield from sound(v)
    yield "what_is_left_is_not_given", implies(v.lies_in(v.world.base, v.world.end), negate(v.world.given))


def rely(old: View, new: View) -> Claims:
    """What other threads may do: nothing while this one holds the lock."""
    before, after = old.world, new.world
    if old.locked:
        yield (
            "the_lock_protects_growth",
            all_of(
                same(before.given, after.given),
                before.base == after.base,
                before.end == after.end,
                before.hint == after.hint,
            ),
        )
    yield "a_given_page_stays_given", implies(before.given, after.given)
    yield "no_arena_is_reserved_twice", before.hint <= after.hint


def gives(v: View, base: Word, size: Word) -> Claims:
    """What pages.grow asks for: pages that it was not given before, of memory that was reserved."""
    g = v.geometry
    yield "the_heap_lock_is_held", v.locked
    yield "new_pages_were_never_given", negate(all_of(v.lies_in(base, base + size), v.world.given))
    yield "new_pages_were_reserved", implies(v.lies_in(base, base + size), v.address < v.reserved)
    yield "whole_chunks_are_given", all_of(base % g.chunk_size == 0, size % g.chunk_size == 0)


def given(v: View, base: Word, size: Word) -> View:
    """The page allocator has these pages."""
    return replace(v.but(given=any_of(v.world.given, v.lies_in(base, base + size))), last=(base, size))


def grow_ensures(v: View, result: Any, npage: Word) -> Claims:
    """What grow promises: if it says so, at least so many pages were given in one piece."""
    growth, grown = result
    yield from lock_invariant(v)
    enough = False if v.last is None else v.last[1] >= npage * v.geometry.page_size
    yield "grow_gives_what_was_asked_for", implies(grown, enough)
    yield "growth_is_no_less", implies(grown, growth >= npage * v.geometry.page_size)


def in_chunks(geometry: Geometry, npage: Word) -> Word:
    """The bytes of the whole chunks that so many pages need."""
    return align_up(npage, geometry.pages_per_chunk) * geometry.page_size


def whole_chunks(geometry: Geometry, left: Word, arena: Word, asked: Word) -> Claims:
    """Sizes are multiples of each other: true of what is left, of an arena and of whole chunks that are asked for.

    A solver that takes arenas, chunks and pages of the system's apart sees it seldom.
    """
    chunk, page, begin = geometry.chunk_size, geometry.phys_page_size, geometry.arena_base(arena)
    yield "whole_chunks_are_asked_for", asked % chunk == 0
    yield "an_arena_begins_at_a_chunk", begin % chunk == 0
    yield "a_new_arena_ends_at_a_page", align_up(begin + asked, page) == begin + asked
    whole = left % chunk == 0
    yield "what_is_left_is_whole_chunks", implies(whole, (left + asked) % chunk == 0)
    yield "what_is_left_ends_at_a_page", implies(whole, align_up(left + asked, page) == left + asked)


def chunk_of_an_arena(geometry: Geometry, begin: Word, chunk: Word, asked: Word) -> Claims:
    """The same of any chunk of an arena that begins at `begin`, and of whole chunks that are asked for."""
    at, size = begin + chunk * geometry.chunk_size, geometry.chunk_size
    whole = all_of(begin % size == 0, asked % size == 0)
    yield "a_chunk_begins_at_a_chunk", implies(whole, all_of(at % size == 0, (at + asked) % size == 0))
    yield "a_chunk_is_where_it_begins", implies(whole, align_down(at, size) == at)
    end = align_up(at + asked, geometry.phys_page_size)
    yield "what_begins_at_a_chunk_ends_at_a_page", implies(whole, end == at + asked)


def grows(old: View, new: View) -> Claims:
    """What grow does to the world."""
    yield from rely(replace(old, locked=False), new)


def _is_whole(v: View, *_: Any) -> Claims:
    yield from lock_invariant(v)


def _grow_leaves_whole(_old: View, new: View, *_: Any) -> Claims:
    yield from lock_invariant(new)


LOOPS: Mapping[tuple[str, int], Loop] = {("alloc_mspan_locked", 0): Loop(refilled, rely, to_refill)}

GROWN = "proved: pages.grow, in the account of scavenging"
CALLS = {
    "pages.grow": Call(gives, rely, nothing, "none", GROWN, locked=True),
    "pages.mark_random_padding_pages": Call(nothing, rely, nothing, "none", FRAME, locked=True),
    "grow": Call(_is_whole, grows, _grow_leaves_whole, "growth", "proved: grow", locked=True),
    "alloc_from_cache": Call(nothing, rely, nothing, "region", FRAME, locked=False),
    "scavenge_for": Call(nothing, rely, nothing, "none", FRAME, locked=False),
    "pages.find": Call(nothing, rely, nothing, "region", FRAME, locked=True),
    "pages.alloc_range": Call(nothing, rely, nothing, "word", FRAME, locked=True),
    "pages.alloc": Call(nothing, rely, nothing, "region", FRAME, locked=True),
    "init_span": Call(nothing, rely, nothing, "none", FRAME),
    "os.sys_map": Call(nothing, rely, nothing, "none", FRAME),
    "os.sys_used": Call(nothing, rely, nothing, "none", FRAME),
}
"""What stands in place of a function's body."""

_UNLOCKED = "it does not hold the lock (proved: only_the_winner_sweeps)"
ENTRUSTED = {
    ("alloc", "alloc_span"): f"alloc calls alloc_span: {_UNLOCKED}",
    ("alloc_manual", "alloc_span"): f"alloc_manual calls alloc_span: {_UNLOCKED}",
}
"""What functions do that no proof of this protocol covers, and why they may."""
