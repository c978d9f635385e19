"""Scavenging, function by function: what each asks for and promises, and what its loops keep.

Read next: cursors.py.
"""

from collections.abc import Mapping
from typing import Any

from spanproof.model.contracts.contract import Call, Loop, Unbounded, Word, nothing
from spanproof.model.contracts.scavenging import (
    ME,
    MY_CACHE,
    NOBODY,
    PADDING,
    View,
    cache_is_whole,
    frees_region,
    is_at_rest,
    lock_invariant,
    moves,
    owes,
    pads_range,
    rely,
    same_owed,
    sound,
    takes_range,
)
from spanproof.model.contracts.zeroing import FRAME, MOST_ADDRESS, to_refill
from spanproof.model.contracts.zeroing import refilled as _refilled
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, Truth, all_of, implies, negate, same


def _whole(v: View, *_: Any) -> Claims:
    yield from lock_invariant(v)
    yield from cache_is_whole(v)


def _walks(local: Any) -> Claims:
    """A loop over the chunks of a region between the first and the last."""
    yield "cursor_is_in_the_region", all_of(local.sc < local.c, local.c <= local.ec)


def _passed(v: View, local: Any) -> tuple[Truth, Truth, Word]:
    """(Whether the page was passed, whether it lies ahead, how many pages were passed)."""
    g = v.geometry
    passed = v.lies_in(local.base, g.chunk_base(local.c))
    ahead = all_of(v.address >= g.chunk_base(local.c), v.address <= local.limit)
    count = (local.c - local.sc) * g.pages_per_chunk - local.si
    return passed, ahead, count


def _taken_so_far(v: View, local: Any) -> Claims:
    yield from _walks(local)
    passed, ahead, count = _passed(v, local)
    yield "what_was_passed_is_in_hand", same(v.world.owner == ME, passed)
    yield "what_is_ahead_is_free", implies(ahead, all_of(negate(v.world.allocated), v.owned_by(NOBODY)))
    yield "no_more_is_scavenged_than_there_is", all_of(local.scav >= 0, local.scav <= count)
    scavenged = all_of(v.zeroes, passed, local.scav == count)
    yield "scavenged_is_zero", implies(scavenged, negate(v.world.dirty))
    yield from owes(v, released=0 - v.bytes_of(local.scav), unused=0 - v.bytes_of(count))
    yield from _whole(v)


def _freed_so_far(v: View, local: Any) -> Claims:
    yield from _walks(local)
    passed, ahead, count = _passed(v, local)
    yield "what_was_passed_is_free", implies(passed, v.owned_by(NOBODY))
    yield "what_is_ahead_is_in_hand", implies(ahead, all_of(v.world.allocated, v.owned_by(ME)))
    yield "nothing_else_is_in_hand", implies(v.owned_by(ME), ahead)
    yield from owes(v, unused=v.bytes_of(count))
    yield from _whole(v)


def _padded_so_far(v: View, local: Any) -> Claims:
    yield from _walks(local)
    passed, ahead, _ = _passed(v, local)
    yield "what_was_passed_is_padding", implies(passed, v.owned_by(PADDING))
    yield (
        "what_is_ahead_is_new",
        implies(ahead, all_of(v.owned_by(NOBODY), v.world.scavenged, negate(v.world.allocated))),
    )
    yield "nothing_is_in_hand", v.world.owner != ME
    yield from owes(v)
    yield from _whole(v)


def _flushed_so_far(v: View, local: Any) -> Claims:
    g, b = v.geometry, v.place[2]
    yield "count_is_in_the_block", local.i <= g.pages_per_block
    passed = all_of(v.in_my_cache, b < local.i)
    yield "what_was_passed_is_free", implies(passed, v.owned_by(NOBODY))
    yield "what_was_noted_is_marked", implies(passed, same(v.world.scavenged, v.cache.scav))
    ahead = all_of(v.in_my_cache, b >= local.i)
    yield "what_is_ahead_is_the_cache's", same(v.world.owner == MY_CACHE, ahead)
    yield "a_cache_notes_what_is_scavenged", implies(ahead, same(v.cache.scav, v.world.noted))
    here = v.cache.base == v.block
    noted = all_of(here, v.cache.scav, negate(v.cache.free))
    yield "other_pages_that_it_notes_are_padding", implies(noted, v.world.owner == PADDING)
    yield "nothing_is_in_hand", v.world.owner != ME
    zero = implies(all_of(v.zeroes, v.in_my_cache, v.cache.scav), negate(v.world.dirty))
    yield "scavenged_page_is_zero", zero
    yield from lock_invariant(v)


def _zeroed_so_far(v: View, local: Any) -> Claims:
    at, limit = v.bytes_of(local.page), v.bytes_of(local.limit)
    yield "cursor_is_in_the_region", all_of(local.page <= local.limit, local.limit < 1 << 36)
    yield "pages_are_in_hand", implies(v.lies_in(at, limit), v.world.owner == ME)
    region = (0, 0) if v.region is None else v.region
    passed = all_of(v.covers(*region), v.address < at)
    yield "zero_so_far", implies(passed, negate(v.world.dirty))
    yield "region_ends_where_it_is_held", limit == region[0] + v.bytes_of(region[1])


def flushes(old: View, new: View) -> Claims:
    """What a flush does: each page stays what it was, so that no count changes."""
    yield "only_this_thread_tells_what_it_owes", same_owed(old, new)
    yield from sound(new)


def clears_only(old: View, new: View) -> Claims:
    """What sys_unused does to the world: pages in hand may become zero."""
    for name, claim in rely(old, new):
        if name != "only_the_holder_writes":
            yield name, claim


def refilled(v: Any, local: Any) -> Claims:
    """The cache of mspans is filled so far; pages are no matter of it."""
    yield from _refilled(v, local)
    yield from lock_invariant(v)


ENDLESS = Unbounded("others may free as fast as it returns; searched: no_deadlock")


def _at_rest(v: View, local: Any) -> Claims:  # noqa: ARG001  # as loops are asked
    yield from is_at_rest(v)
    yield from cache_is_whole(v)


def _chunks_left(v: View, local: Any) -> Word:  # noqa: ARG001  # as above
    return local.ec - local.c


LOOPS: Mapping[tuple[str, int], Loop] = {
    ("alloc_mspan_locked", 0): Loop(refilled, rely, to_refill),
    ("alloc_range", 0): Loop(_taken_so_far, moves, _chunks_left),
    ("free", 0): Loop(_freed_so_far, moves, _chunks_left),
    ("mark_random_padding_pages", 0): Loop(_padded_so_far, moves, _chunks_left),
    ("flush", 0): Loop(_flushed_so_far, flushes, lambda v, local: v.geometry.pages_per_block - local.i),
    ("grow", 0): Loop(_whole, rely, lambda _, local: local.needed.count - local.n),
    ("grow", 1): Loop(_whole, rely, lambda _, local: local.groups),
    ("sys_unused", 0): Loop(_zeroed_so_far, clears_only, lambda _, local: local.limit - local.page),
    ("scavenge", 0): Loop(_at_rest, rely, ENDLESS),
    ("bgscavenge", 0): Loop(_at_rest, rely, ENDLESS),
}

# Calls.


def _asks_that_nothing_is_left(v: View, ci: Word) -> Claims:
    """A chunk is called empty by who has just found nothing in it, at or below the page where it looked."""
    yield "a_chunk_is_called_empty_where_nothing_was_found", False if v.searched is None else v.searched == ci


def _asks_for_rest(v: View, *_: Any) -> Claims:
    """Who asks for pages has none, and owes nothing."""
    yield from is_at_rest(v)
    yield from cache_is_whole(v)


def is_chunk(g: Geometry, ci: Word) -> Claims:
    """A chunk of the heap."""
    yield "is_above_address_0", g.chunk_base(ci) >= g.page_size
    yield "is_below_2^48", g.chunk_base(ci) < MOST_ADDRESS


def _asks_for_chunk(v: View, ci: Word, *_: Any) -> Claims:
    yield from is_chunk(v.geometry, ci)
    yield from _asks_for_rest(v)


def _asks_under_the_lock(v: View, *_: Any) -> Claims:
    yield from lock_invariant(v)
    yield from _asks_for_rest(v)


def _asks_for_range(v: View, base: Word, npages: Word) -> Claims:
    yield from takes_range(v, base, npages)
    yield from _asks_under_the_lock(v)


def _asks_for_padding(v: View, base: Word, npages: Word) -> Claims:
    """It is asked for while growth is not yet counted, so of what is owed nothing is said."""
    yield from pads_range(v, base, npages)
    yield from _whole(v)
    yield "nothing_is_in_hand", v.world.owner != ME


def pads(old: View, new: View) -> Claims:
    """What marking padding does: pages that were free are for good."""
    yield "nothing_is_in_hand", new.world.owner != ME
    yield "only_this_thread_tells_what_it_owes", same_owed(old, new)
    yield from _whole(new)
    yield from sound(new)


def _leaves_whole(_old: View, new: View, *_: Any) -> Claims:
    yield from _asks_under_the_lock(new)


CALLS = {
    "index.alloc": Call(nothing, rely, nothing, "none", FRAME, locked=True),
    "index.free": Call(nothing, rely, nothing, "none", FRAME, locked=True),
    "index.grow": Call(nothing, rely, nothing, "none", FRAME, locked=True),
    "index.set_empty": Call(_asks_that_nothing_is_left, rely, nothing, "none", FRAME, locked=True),
    "index.find": Call(nothing, rely, nothing, "chunk", FRAME),
    "pages.alloc_range": Call(_asks_for_range, moves, nothing, "none", "proved: alloc_range", locked=True),
    "pages.alloc": Call(_asks_under_the_lock, moves, nothing, "none", "proved: pages.alloc", locked=True),
    "alloc_from_cache": Call(_asks_for_rest, moves, nothing, "none", "proved: alloc_from_cache", locked=False),
    "alloc_phys_page_aligned": Call(
        _asks_under_the_lock, moves, nothing, "none", "proved: alloc_phys_page_aligned", locked=True
    ),
    "pages.free": Call(frees_region, rely, nothing, "none", "proved: pages.free", locked=True),
    "pages.grow": Call(nothing, rely, nothing, "none", "proved: pages.grow", locked=True),
    "pages.mark_random_padding_pages": Call(
        _asks_for_padding, pads, nothing, "none", "proved: mark_random_padding_pages", locked=True
    ),
    "grow": Call(_asks_under_the_lock, moves, _leaves_whole, "growth", "proved: grow: scavenging", locked=True),
    "pages.scavenge_one": Call(_asks_for_chunk, rely, nothing, "word", "proved: scavenge_one", locked=False),
    "scavenge_for": Call(nothing, rely, nothing, "none", "proved: scavenge_for", locked=False),
    "init_span": Call(nothing, rely, nothing, "none", FRAME),
}

_LOOKS = "it has no pages in hand and owes nothing"
ENTRUSTED = {
    ("os.memclr", "memory"): "memclr clears pages in hand (proved: asked_for_zero_gets_zero)",
    ("pages.enable_chunk_huge_pages", "pages"): "enable_chunk_huge_pages changes a switch and no bitmap",
    ("alloc", "alloc_span"): f"alloc calls alloc_span: {_LOOKS}",
    ("alloc_manual", "alloc_span"): f"alloc_manual calls alloc_span: {_LOOKS}",
    ("sweep", "free_span"): "sweep frees a span that its thread won (proved: only_the_winner_sweeps)",
}
"""What functions do that no proof of this protocol covers, and why they may."""
