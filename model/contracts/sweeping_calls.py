"""Sweeping, function by function: what each asks for and promises, and what its loops keep.

Read next: scavenging.py.
"""

from dataclasses import replace
from typing import Any

from spanproof.model.contracts.contract import Call, Loop, Waits, Word, by_retries_alone, nothing
from spanproof.model.contracts.owning import FIRST_SPAN
from spanproof.model.contracts.sweeping import (
    ACTIVE,
    ALLOC_HEAP,
    View,
    in_this_cycle,
    is_pushed,
    rely,
    sound,
    while_stopped,
)
from spanproof.model.contracts.zeroing import FRAME, MOST_PAGES, refilled, to_refill
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, ite, negate, same
from spanproof.model.state import DEAD, IN_USE
from spanproof.model.words import uint32


def sweep_requires(v: View, s: Any) -> Claims:
    """What sweep asks for: the span was won by this thread."""
    won = all_of(v.world.claimed, v.being_swept)
    yield "only_the_winner_sweeps", implies(v.observed(s.number), won)


def sweep_ensures(old: View, new: View, _: Truth, s: Any) -> Claims:
    """What sweep promises: the span is no longer this thread's, and of others nothing changes hands."""
    yield "nothing_is_claimed", implies(new.span == s.number, negate(new.world.claimed))
    yield "the_span_is_swept", implies(new.span == s.number, new.swept)
    yield "the_span_is_handed_on", implies(new.span == s.number, any_of(is_pushed(new), new.world.others))
    yield "nothing_else_is_claimed", implies(old.span != s.number, same(old.world.claimed, new.world.claimed))


def sweeps(old: View, new: View) -> Claims:
    """What a sweeper does to the world, all in all."""
    yield from in_this_cycle(old, new)
    a, b = old.world, new.world
    yield "nothing_is_given", implies(b.given, a.given)
    yield from while_stopped(old, new)
    held = all_of(old.held, negate(a.claimed), negate(b.claimed))
    yield "nobody_touches_a_held_span", implies(held, all_of(a.sweepgen == b.sweepgen, a.state == b.state))
    yield "nobody_frees_a_span_kept_alive", implies(all_of(old.kept, a.state == IN_USE), b.state == IN_USE)
    yield from sound(new)


def published(v: View) -> Claims:
    """What is known of in-use bits when one was set, or a span died (shown by the owning protocol)."""
    for name, claim in sound(v):
        if name.startswith("in_use_bit"):
            yield name, claim


def span_taken(v: View, number: Word) -> View:
    """After allocMSpanLocked."""
    return replace(v, hand=replace(v.hand, held=number))


def given_back(v: View, number: Word) -> View:
    """After freeMSpanLocked, or a sweep that may have freed the span: it is held no more (no span has the number)."""
    held = v.hand.held
    if held is number:
        return replace(v, hand=replace(v.hand, held=None))
    return v if held is None else replace(v, hand=replace(v.hand, held=ite(held == number, MOST_PAGES, held)))


def comes_from_the_pool(v: View) -> Claims:
    """Premise: a span from the pool is dead, and of nobody else (proved: no_overlapping_spans)."""
    w = v.world
    yield "a_pooled_span_is_dead", implies(v.held, all_of(w.state == DEAD, negate(w.claimed)))
    mapped = all_of(w.in_use, w.entry == v.hand.held + FIRST_SPAN)
    yield "a_pooled_span_is_not_published", negate(mapped)


def init_span_requires(v: View, s: Any, *_: Any) -> Claims:
    """What init_span asks for: a span that was just taken from the pool."""
    yield "the_span_is_held", False if v.hand.held is None else v.hand.held == s.number
    yield "the_span_is_dead", implies(v.held, all_of(v.world.state == DEAD, negate(v.world.claimed)))


def builds(old: View, new: View) -> Claims:
    """What init_span does to the world: the span in hand comes alive."""
    for name, claim in rely(old, new):
        if name != "nobody_touches_a_claimed_span":
            yield name, claim
    a, b = old.world, new.world
    claimed = all_of(a.claimed, negate(old.held))
    yield "nobody_touches_a_claimed_span", implies(claimed, all_of(a.sweepgen == b.sweepgen, a.state == b.state))


def _init_span_ensures(_old: View, new: View, _: None, s: Any, typ: Word, *_rest: Any) -> Claims:
    yield from alloc_span_ensures(new, s, typ)


def alloc_span_ensures(v: View, s: Any, typ: Word) -> Claims:
    """What alloc_span promises: a span that nobody else has, and that counts as swept if it is of the heap."""
    if s is None:
        return
    yield "the_span_is_held", False if v.hand.held is None else v.hand.held == s.number
    w = v.world
    yield "a_new_span_is_in_nobody's_hands", implies(v.held, negate(w.claimed))
    yield "a_heap_span_is_in_use", implies(all_of(v.held, typ == ALLOC_HEAP), w.state == IN_USE)
    yield "a_new_span_is_swept", implies(all_of(v.held, w.state == IN_USE), w.sweepgen == v.sg)
    at_once = all_of(v.held, w.state == IN_USE, v.pushed_at_once)
    yield "on_1_14_a_new_span_is_pushed", implies(at_once, w.pushed)


def free_span_requires(v: View, s: Any) -> Claims:
    """What free_span asks for: a span that this thread won, and has swept."""
    swept = all_of(v.world.claimed, v.world.sweepgen == v.sg, v.world.state == IN_USE)
    yield "only_a_swept_span_is_freed", implies(v.observed(s.number), swept)


def free_span_ensures(given: View, new: View, *_: Any) -> Claims:
    """What free_span promises, from where the span was given up."""
    yield "nothing_else_changes_hands", same(given.world.claimed, new.world.claimed)


def reclaims(v: View, arenas: Any, page_idx: Word, n: Word) -> Claims:
    """What reclaim_chunk asks for: whole bytes of page_in_use, from an arena that is there, and nothing claimed."""
    there = all_of(page_idx >= 0, page_idx // v.geometry.pages_per_arena < arenas.count)
    yield "the_chunk_begins_in_an_arena", there
    yield from nothing_claimed(v)
    yield "whole_bytes", all_of(page_idx % 8 == 0, n % 8 == 0)


def nothing_claimed(v: View, *_: Any) -> Claims:
    """This thread has claimed nothing, and what it was given does not wait any more."""
    yield "nothing_is_claimed", negate(v.world.claimed)
    yield "nothing_is_given", negate(v.world.given)


NOTHING_SWEPT = -1
"""What sweepone returns when there was nothing to sweep."""


def took_one(old: View, new: View, npages: Word) -> Claims:
    """What sweepone promises: all that it claimed it has handed on, and if it swept it took a span to sweep."""
    yield from nothing_claimed(new)
    nothing = npages == NOTHING_SWEPT
    yield "a_span_was_taken", any_of(nothing, new.world.to_sweep < old.world.to_sweep)
    yield "nothing_swept_means_that_nothing_is_left", implies(nothing, new.world.to_sweep == 0)


def nothing_is_left(_old: View, new: View, *_: Any) -> Claims:
    """What a sweeper promises: all that it claimed it has handed on."""
    yield from nothing_claimed(new)


def _locker(v: View, local: Any) -> Claims:
    yield from nothing_claimed(v)
    yield "the_locker_is_of_this_cycle", all_of(local.sl.sweep_gen == v.sg, local.sl.valid)


def _looking(v: View, local: Any) -> Claims:
    yield from _locker(v, local)
    yield "nothing_is_swept_so_far", local.npages == NOTHING_SWEPT


def _chunks(v: View, local: Any) -> Claims:
    yield from _locker(v, local)
    yield "whole_bytes", all_of(local.n % 8 == 0, local.page_idx % 8 == 0)


def _bytes(v: View, local: Any) -> Claims:
    yield from _locker(v, local)
    yield "count_is_in_the_chunk", local.i <= local.nbytes


def _bits(v: View, local: Any) -> Claims:
    yield from _locker(v, local)
    arena, byte, bit = v.place
    here = all_of(local.ai == arena, local.arena_page // 8 + local.i == byte, local.in_use_unmarked.bit(bit))
    yield "no_stale_copy_of_the_bits", implies(here, v.world.in_use)
    yield "bit_is_in_the_byte", local.j <= 8


def _arenas_to_clear(v: View, local: Any) -> Claims:
    yield from nothing_claimed(v)
    yield "arenas_so_far", local.i <= local.arenas.count


def _bytes_to_clear(v: View, local: Any) -> Claims:
    yield from nothing_claimed(v)
    yield "arenas_so_far", local.i < local.arenas.count
    yield "bytes_so_far", local.word * 8 <= v.geometry.pages_per_arena


def _spans_to_mark(v: View, local: Any) -> Claims:
    yield from nothing_claimed(v)
    yield "spans_so_far", local.n <= v.geometry.spans


def _not_swept_yet(v: View, local: Any) -> Claims:
    """What ensure_swept waits for: another thread has the span, and is about to sweep it, or sweeps it.

    It was given out by the set to sweep, it was acquired, or it was cached when the cycle began, and who cached it has
    to sweep it.
    """
    gen, sg = local.spangen, v.sg
    given_out = all_of(gen == uint32(sg - 2), negate(local.sl.valid))
    cached = gen == uint32(sg + 1)
    yield "it_waits_for_who_has_the_span", implies(v.kept, any_of(given_out, gen == uint32(sg - 1), cached))


def _spans_to_sweep(v: View, _: Any) -> Word:
    return v.world.to_sweep


def _another_cycle(old: View, new: View) -> Truth:
    """Whether another thread has begun a cycle."""
    return new.cycle != old.cycle


def _pages_to_reclaim(v: View, local: Any) -> tuple[Word, Word]:
    """The pages that are wanted, and those that nobody has claimed."""
    pages, claimed = local.arenas.count * v.geometry.pages_per_arena, v.world.reclaim_index
    return local.npage, ite(claimed < pages, pages - claimed, 0)


LOOPS = {
    ("begin_sweep", 0): Loop(nothing, rely, by_retries_alone, retries=ACTIVE),
    ("alloc_mspan_locked", 0): Loop(refilled, rely, to_refill),
    ("end_sweep", 0): Loop(nothing, rely, by_retries_alone, retries=ACTIVE),
    ("mark_drained", 0): Loop(nothing, rely, by_retries_alone, retries=ACTIVE),
    ("reclaim_chunk", 0): Loop(_chunks, sweeps, lambda _, local: local.n),
    ("reclaim_chunk", 1): Loop(_bytes, sweeps, lambda _, local: local.nbytes - local.i),
    ("reclaim_chunk", 2): Loop(_bits, sweeps, lambda _, local: 8 - local.j),
    ("sweepone", 0): Loop(_looking, sweeps, _spans_to_sweep),
    ("ensure_swept", 0): Loop(nothing_claimed, rely, Waits(_not_swept_yet)),
    ("reclaim", 0): Loop(
        nothing_claimed, sweeps, _pages_to_reclaim, locked=lambda local: local.locked, retries="reclaimCredit"
    ),
    ("bgsweep", 0): Loop(nothing_claimed, sweeps, _spans_to_sweep, unless=_another_cycle),
    ("finishsweep_m", 0): Loop(nothing_claimed, sweeps, _spans_to_sweep),
    ("gc_reset_mark_state", 0): Loop(_arenas_to_clear, sweeps, lambda _, local: local.arenas.count - local.i),
    ("gc_reset_mark_state", 1): Loop(
        _bytes_to_clear, sweeps, lambda v, local: v.geometry.pages_per_arena - local.word * 8
    ),
    ("gc_mark", 0): Loop(_spans_to_mark, sweeps, lambda v, local: v.geometry.spans - local.n),
}

CALLS = {
    "sweep": Call(sweep_requires, sweeps, sweep_ensures, "truth", "proved: sweep", locked=False, unpreempted=True),
    "free_span": Call(
        free_span_requires,
        sweeps,
        free_span_ensures,
        "none",
        "proved: free_span: sweepgen",
        locked=False,
        unpreempted=True,
    ),
    "alloc": Call(
        nothing_claimed, sweeps, nothing_is_left, "span", "proved: alloc: sweepgen", locked=False, unpreempted=True
    ),
    "alloc_span": Call(nothing, rely, nothing, "span", "proved: alloc_span: sweepgen", locked=False, unpreempted=True),
    "init_span": Call(
        init_span_requires, builds, _init_span_ensures, "none", "proved: init_span: sweepgen", unpreempted=True
    ),
    "alloc_needs_zero": Call(nothing, rely, nothing, "truth", FRAME),
    "os.memclr": Call(nothing, rely, nothing, "none", FRAME),
    "os.sys_used": Call(nothing, rely, nothing, "none", FRAME),
    "grow": Call(nothing, rely, nothing, "growth", FRAME, locked=True),
    "pages.alloc": Call(nothing, rely, nothing, "region", FRAME, locked=True),
    "pages.free": Call(nothing, rely, nothing, "none", FRAME, locked=True),
    "alloc_from_cache": Call(nothing, rely, nothing, "region", FRAME, locked=False),
    "alloc_phys_page_aligned": Call(nothing, rely, nothing, "grown region", FRAME, locked=True),
    "scavenge_for": Call(nothing, rely, nothing, "none", FRAME, locked=False),
    "index.next_gen": Call(nothing, rely, nothing, "none", FRAME),
    "set_spans": Call(nothing, rely, nothing, "none", "proved: set_spans"),
    "reclaim": Call(
        nothing_claimed, sweeps, nothing_is_left, "none", "proved: reclaim", locked=False, unpreempted=True
    ),
    "reclaim_chunk": Call(
        reclaims, sweeps, nothing_is_left, "word", "proved: reclaim_chunk", locked=True, unpreempted=True
    ),
    "sweepone": Call(nothing_claimed, sweeps, took_one, "signed", "proved: sweepone", locked=False, unpreempted=True),
}

ENTRUSTED = {
    ("set_spans", "spans"): "set_spans maps pages that are not in use (proved: set_spans_maps_exactly_the_region)",
}
"""What functions do that no proof of this protocol covers, and why they may."""
