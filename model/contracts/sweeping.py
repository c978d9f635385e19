"""Sweeping: who may sweep a span, and which spans the reclaimer looks at.

Observed are one span and one page. Within one sweep generation of the heap (sg) a span is swept by the thread that
moved its sweepgen from sg-2 to sg-1. sg moves while the world is stopped: it stays while this thread cannot be
preempted, and where it can be, it may hold no span. Read next: sweeping_calls.py.
"""

from dataclasses import dataclass, replace
from typing import Any

from spanproof.model.contracts.contract import Word
from spanproof.model.contracts.owning import FIRST_SPAN
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, ite, negate, same
from spanproof.model.state import DEAD, IN_USE
from spanproof.model.words import uint32

ALLOC_HEAP = 0
"""spanAllocHeap."""
ACTIVE = "sweep.active"
"""The word that counts who sweeps, from 1.18 on."""
DRAINED = 1 << 31
"""Its bit that says that the set to sweep is empty."""
RECLAIM_DONE = 1 << 63
"""What reclaim_index says when no chunk is left."""


@dataclass(frozen=True, slots=True)
class World:
    """What threads share of the observed span and page."""

    sweepgen: Word
    state: Word
    """Of the span."""
    claimed: Truth
    """This thread acquired the span, and has neither freed it nor handed it on. A ghost."""
    in_use: Truth
    """The page's bit in page_in_use."""
    entry: Word
    """The page's entry in spans: FIRST_SPAN and the number of a span."""
    to_sweep: Word
    """How many spans stand in the set to sweep."""
    reclaim_index: Word
    """How many pages of the arenas were claimed for reclaiming, or RECLAIM_DONE, or more."""
    settled: Truth
    """Marking has begun, so the span is swept if it is in use, and nobody claims it before the next cycle. A ghost."""
    listed: Truth
    """The span stands in the set to sweep. A ghost, as are the next ones but drained."""
    pushed: Truth
    """It stands in the set of swept spans."""
    drained: Truth
    """A word says that the set to sweep is empty."""
    given: Truth
    """The set to sweep gave it to this thread, and it has waited since."""
    others: Truth
    """Another thread was given it and it still waits, or has acquired it or built it, and not handed it on."""


@dataclass(frozen=True, slots=True)
class Hand:
    """The spans that this thread has besides the one that it claimed."""

    held: Any = None
    """Nobody else touches it: just allocated, or cached."""
    kept: Any = None
    """It stays in use, as this thread keeps it alive; others may sweep it."""
    cycles: int = 0
    """How many cycles this thread has begun."""


@dataclass(frozen=True, slots=True)
class View:
    """One moment."""

    geometry: Geometry
    sg: Word
    """The heap's sweep generation, a uint32: after 2^31 cycles it begins anew."""
    cycle: Word
    """How many cycles have begun. A ghost: it does not wrap around."""
    span: Word
    place: tuple[Word, Word, Word]
    """Of the observed page: its arena, its byte in page_in_use, its bit there."""
    page: Word
    world: World
    hand: Hand
    locked: bool = False
    stopped: bool = False
    """This thread has stopped the world."""
    unpreempted: Truth = True
    """No other thread can stop the world."""
    pushed_at_once: Truth = False
    """Go 1.14: a span stands among the swept ones from its allocation on, cached or not."""
    marking: bool = False
    """This thread follows words for the collector."""
    looked_up: tuple[Any, Any] | None = None
    """The page that was looked up last, and the span found."""

    def but(self, **changed: Any) -> "View":
        """This view with a changed world."""
        return replace(self, world=replace(self.world, **changed))

    @property
    def held(self) -> Truth:
        """Whether the observed span is held."""
        return False if self.hand.held is None else self.hand.held == self.span

    @property
    def kept(self) -> Truth:
        """Whether the observed span is kept alive."""
        return False if self.hand.kept is None else self.hand.kept == self.span

    @property
    def swept(self) -> Truth:
        """Whether the observed span is swept in this cycle, and may be cached since."""
        return any_of(self.world.sweepgen == self.sg, self.world.sweepgen == uint32(self.sg + 3))

    @property
    def unswept(self) -> Truth:
        """Whether the observed span waits to be swept in this cycle, if it is in use."""
        return self.world.sweepgen == uint32(self.sg - 2)

    @property
    def waits(self) -> Truth:
        """Whether the observed span waits to be swept."""
        return all_of(self.world.state == IN_USE, self.unswept)

    @property
    def mine(self) -> Truth:
        """Whether this thread has the observed span in its hands."""
        return any_of(self.world.claimed, self.held, self.world.given)

    @property
    def being_swept(self) -> Truth:
        """Whether the observed span was acquired in this cycle, and is not swept yet."""
        return self.world.sweepgen == uint32(self.sg - 1)

    def observed(self, number: Word) -> Truth:
        """Whether a span is the observed one; if it was just looked up, by way of the observed page."""
        here = self.span == number
        if self.looked_up is None or self.looked_up[1] is not number:
            return here
        return all_of(here, self.page == self.looked_up[0])


def sound(v: View) -> Claims:
    """What is true in every state."""
    w = v.world
    one_of = any_of(v.unswept, v.being_swept, v.swept, w.sweepgen == uint32(v.sg + 1))
    yield "sweepgen_is_one_of_five", implies(w.state == IN_USE, one_of)
    yield "a_claimed_span_is_being_swept", implies(w.claimed, any_of(v.being_swept, w.sweepgen == v.sg))
    yield "a_claimed_span_is_in_use", implies(w.claimed, w.state == IN_USE)
    settled = all_of(v.swept, negate(w.claimed))
    yield "a_settled_span_is_swept", implies(all_of(w.settled, w.state == IN_USE), settled)
    yield "a_held_span_is_not_unswept", implies(all_of(v.held, w.state == IN_USE), negate(v.unswept))
    yield "in_use_bit_marks_a_mapped_page", implies(w.in_use, w.entry >= FIRST_SPAN)
    built = implies(w.entry == v.span + FIRST_SPAN, w.state == IN_USE)
    yield "in_use_bit_marks_a_built_span", implies(w.in_use, built)
    yield "a_span_to_sweep_is_listed_or_in_hand", implies(v.waits, any_of(w.listed, w.given, w.others))
    swept_now = all_of(w.state == IN_USE, v.being_swept)
    yield "a_span_being_swept_is_in_hand", implies(swept_now, any_of(w.claimed, w.others))
    yield "a_swept_span_is_pushed_or_in_hand", any_of(is_pushed(v), w.claimed, v.held, w.others)
    yield "a_listed_span_is_in_the_set", implies(w.listed, w.to_sweep > 0)
    yield "a_span_that_was_given_waits", implies(w.given, v.waits)
    if not v.stopped:
        yield "a_drained_set_is_empty", drained_is_empty(v)


def is_pushed(v: View) -> Truth:
    """Whether the observed span, if it is swept and not cached, stands among the swept ones."""
    w = v.world
    cached = w.sweepgen == uint32(v.sg + 3)
    awaits = any_of(w.sweepgen == v.sg, all_of(v.pushed_at_once, cached))
    return implies(all_of(w.state == IN_USE, awaits), w.pushed)


def drained_is_empty(v: View) -> Truth:
    """Whether the set to sweep is empty if a word says so."""
    return implies(v.world.drained, v.world.to_sweep == 0)


def alone(v: View) -> Claims:
    """What is true when this thread has stopped the world: each other one could be preempted, and had nothing."""
    yield "nobody_else_has_the_span", negate(v.world.others)
    yield "a_drained_set_is_empty", drained_is_empty(v)


def while_stopped(old: View, new: View) -> Claims:
    """What stays so while this thread has stopped the world."""
    if old.stopped:
        yield "nobody_else_runs", implies(negate(old.world.others), negate(new.world.others))
        yield "a_drained_set_is_empty", implies(drained_is_empty(old), drained_is_empty(new))


def may_be_stopped(v: View) -> Claims:
    """What a thread has when another may stop the world, and begin a cycle: no span that it won or built."""
    yield "nothing_is_claimed_where_a_cycle_may_begin", any_of(v.unpreempted, negate(v.mine))


def in_this_cycle(old: View, new: View) -> Claims:
    """No span becomes unswept again before the next cycle."""
    same_cycle: Truth = True
    if old.cycle is not new.cycle:
        same_cycle = old.cycle == new.cycle
        yield "cycles_only_begin", old.cycle <= new.cycle
        yield "the_generation_is_that_of_the_cycle", implies(same_cycle, old.sg == new.sg)
        yield "a_cycle_begins_with_the_world_stopped", implies(old.unpreempted, same_cycle)
    yield "sweepgen_follows_the_protocol", implies(all_of(same_cycle, new.unswept), old.unswept)
    yield "a_swept_span_stays_swept", implies(all_of(same_cycle, old.swept), new.swept)
    stays = all_of(same_cycle, new.unswept, old.world.state == IN_USE)
    yield "an_unswept_span_is_not_freed", implies(stays, new.world.state == IN_USE)
    settled = all_of(same_cycle, old.world.settled)
    yield "what_is_settled_stays_settled", implies(settled, new.world.settled)
    lives = all_of(settled, old.world.state == IN_USE)
    yield "no_span_in_use_is_freed_while_marking", implies(lives, new.world.state == IN_USE)
    yield "nobody_adds_to_the_set_to_sweep", implies(same_cycle, new.world.to_sweep <= old.world.to_sweep)
    yield "nobody_takes_from_the_swept_spans", implies(all_of(same_cycle, old.world.pushed), new.world.pushed)
    runs_on = all_of(same_cycle, old.unpreempted)
    yield "chunks_are_claimed_once", implies(runs_on, claims_on(old.world.reclaim_index, new.world.reclaim_index))


def claims_on(old: Word, new: Word) -> Truth:
    """Whether the reclaim index says that no chunk is to be claimed again: it grows, or is done."""
    return any_of(old <= new, new >= RECLAIM_DONE)


def rely(old: View, new: View) -> Claims:
    """What other threads may do."""
    a, b = old.world, new.world
    yield from in_this_cycle(old, new)
    yield "only_the_winner_sweeps", same(a.claimed, b.claimed)
    yield "nobody_else_is_given_what_i_was", same(b.given, all_of(a.given, new.waits))
    yield from while_stopped(old, new)
    untouched = all_of(a.sweepgen == b.sweepgen, a.state == b.state)
    yield "nobody_touches_a_claimed_span", implies(any_of(a.claimed, old.held), untouched)
    yield "nobody_frees_a_span_kept_alive", implies(all_of(old.kept, a.state == IN_USE), b.state == IN_USE)
    if old.locked:
        stays = all_of(b.in_use, a.entry == b.entry)
        yield "pages_in_use_are_freed_under_the_lock", implies(a.in_use, stays)
    yield from sound(new)


def writes_sweepgen(v: View, number: Word, new: Word) -> Claims:
    """The guarantee of a write to a span's sweepgen: acquire, finish, cache, uncache, or build."""
    yield "who_writes_sweepgen_cannot_be_preempted", implies(v.observed(number), v.unpreempted)
    w, sg = v.world, v.sg
    acquires = all_of(v.unswept, new == uint32(sg - 1), negate(w.claimed), w.state == IN_USE)
    finishes = all_of(w.claimed, v.being_swept, new == sg)
    caches = all_of(w.sweepgen == sg, new == uint32(sg + 3))
    stale = all_of(w.sweepgen == uint32(sg + 1), new == uint32(sg - 1))
    uncaches = any_of(all_of(w.sweepgen == uint32(sg + 3), new == sg), stale)
    builds = all_of(w.state == DEAD, new == sg)
    mine = all_of(v.held, any_of(caches, uncaches, builds))
    yield "sweepgen_follows_the_protocol", implies(v.observed(number), any_of(acquires, finishes, mine))


def sweepgen_written(v: View, number: Word, new: Word) -> View:
    """After a write to a span's sweepgen."""
    here = v.span == number
    becomes_mine = all_of(here, new == uint32(v.sg - 1))
    return still_given(v.but(sweepgen=ite(here, new, v.world.sweepgen), claimed=any_of(v.world.claimed, becomes_mine)))


def still_given(v: View) -> View:
    """What was given counts while it waits."""
    return v.but(given=all_of(v.world.given, v.waits))


def writes_state(v: View, number: Word, new: Word) -> Claims:
    """The guarantee of a write to a span's state: who built it publishes it; the winner frees it, or who holds it."""
    w = v.world
    built = all_of(v.held, w.state == DEAD, any_of(new != IN_USE, w.sweepgen == v.sg))
    freed = all_of(w.claimed, w.sweepgen == v.sg, v.locked)
    given_back = all_of(v.held, w.state != IN_USE)
    dies = all_of(new == DEAD, any_of(freed, given_back))
    yield "a_span_is_published_by_who_built_it", implies(v.span == number, any_of(dies, built))


def span_pushed(v: View, number: Word) -> View:
    """After a span was put among the swept ones."""
    return hands_on(v, number).but(pushed=any_of(v.world.pushed, v.span == number))


def hands_on(v: View, number: Word) -> View:
    """After a span that was swept is freed, or put where others find it."""
    return v.but(claimed=all_of(v.world.claimed, v.span != number))


def touches(v: View, number: Word) -> Claims:
    """A plain field of a span is read or written: by who has the span, or while marking by who found it in use."""
    w = v.world
    followed = all_of(v.marking, w.settled, w.state == IN_USE)
    yield "touches_only_claimed_spans", implies(v.observed(number), any_of(w.claimed, v.held, v.stopped, followed))


def looks_up(v: View, page: Word) -> Claims:
    """An entry of spans is read: by the reclaimer, under the lock, of a page whose in-use bit is set; or to mark."""
    known = any_of(all_of(v.locked, v.world.in_use), v.marking)
    yield "looks_up_only_pages_in_use", implies(v.page == page, known)


def unpublishes(v: View) -> Claims:
    """An in-use bit is cleared."""
    yield "pages_in_use_are_freed_under_the_lock", v.locked


def pushes(v: View, index: Word, number: Word) -> Claims:
    """A span is put among the swept ones, where others find it in the next cycle."""
    mine = all_of(any_of(v.world.claimed, v.held), v.world.sweepgen == v.sg)
    yield "only_a_swept_span_is_pushed", implies(v.observed(number), mine)
    yield "swept_spans_are_in_the_set_of_this_cycle", index == v.sg // 2 % 2


def pops(v: View, index: Word) -> Claims:
    """A span is taken from the ones to sweep."""
    yield "spans_to_sweep_are_in_the_other_set", index == 1 - v.sg // 2 % 2


def popped(v: View, number: Word, listed: Truth) -> View:
    """After a span was taken from the ones to sweep; listed: whether the observed one still stands there."""
    return v.but(to_sweep=v.world.to_sweep - 1, given=all_of(v.span == number, v.waits), listed=listed)


def gives_what_it_has(before: View, after: View, number: Word) -> Claims:
    """What a set does: the span that is taken was there, others stay, and what stays is counted."""
    there, stays = before.world.listed, after.world.listed
    yield "it_was_there", implies(before.span == number, there)
    yield "others_stay", implies(before.span != number, same(there, stays))
    yield "what_stays_was_there", implies(stays, there)
    yield "what_stays_is_counted", implies(stays, after.world.to_sweep > 0)


def says_drained(v: View, drained: Truth) -> Claims:
    """A word is written that says whether the set to sweep is empty."""
    yield "a_drained_set_is_empty", implies(drained, v.world.to_sweep == 0)
    yield "drained_until_the_next_cycle", any_of(v.stopped, implies(v.world.drained, drained))


def begins_to_mark(v: View) -> Claims:
    """The phase is set to marking."""
    yield "marking_begins_with_the_world_stopped", v.stopped
    yield "nothing_is_claimed", negate(v.world.claimed)


def marking_begun(v: View) -> View:
    """After the phase was set to marking."""
    return v.but(settled=True)


def writes_reclaim_index(v: View, new: Word, chunk: int) -> Claims:
    """Chunks are claimed, or all are; in a new cycle they are claimed anew."""
    yield "whole_chunks_are_claimed", new % chunk == 0
    yield "chunks_are_claimed_once", any_of(v.stopped, claims_on(v.world.reclaim_index, new))


def cycle_begun(v: View, new: Word, to_sweep: Word) -> View:
    """After a write of the heap's sweepgen: the sets turn."""
    w = v.world
    turned = v.but(to_sweep=to_sweep, settled=False, listed=w.pushed, pushed=w.listed, given=False)
    return replace(turned, sg=new, cycle=v.cycle + 1, hand=replace(v.hand, cycles=v.hand.cycles + 1))


def begins_a_cycle(v: View, new: Word) -> Claims:
    """The heap's sweepgen is written."""
    yield "a_cycle_begins_with_the_world_stopped", all_of(v.stopped, v.locked)
    yield "a_cycle_is_two_generations", new == uint32(v.sg + 2)
    yield "nothing_is_claimed", negate(v.world.claimed)
    yield from all_is_swept(v)


def all_is_swept(v: View) -> Claims:
    """Marking and a cycle begin when every span is swept or cached."""
    stale = v.world.sweepgen == uint32(v.sg + 1)
    yield "every_span_is_swept_or_cached", implies(v.world.state == IN_USE, any_of(v.swept, stale))


def nothing_is_stale(v: View) -> Claims:
    """Premise: what was cached when a cycle began was taken back before the next."""
    yield "a_cached_span_is_taken_back", implies(v.world.state == IN_USE, v.world.sweepgen != uint32(v.sg + 1))
