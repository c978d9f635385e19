"""The end of sweeping: the words that say it, from 1.17 on, and who is registered with them.

Observed is one span. Who acquires a span is registered: on 1.17 in the count of sweepers, just before it tries, and
from 1.18 on in the count that sweep.active has, before it looks. So where nobody is registered nobody has a span that
it acquired and has not swept. A stale cached span is not acquired, and who takes it back is not registered.
Read next: sweeping.py.
"""

from dataclasses import dataclass, replace
from typing import Any

from spanproof.model.contracts.contract import Call, Loop, Word, nothing
from spanproof.model.contracts.sweeping_calls import NOTHING_SWEPT
from spanproof.model.contracts.zeroing import FRAME
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, negate, same


@dataclass(frozen=True, slots=True)
class World:
    """What threads share, and what this one has."""

    count: Word
    """How many are registered."""
    drained: Truth
    """The set to sweep is said to be empty."""
    others: Truth
    """Another thread has acquired the observed span, and has not swept it yet. A ghost."""
    mine: Word
    """How often this thread is registered. A ghost."""
    acquired: Truth
    """This thread has acquired the observed span, and has not swept it yet. A ghost."""


@dataclass(frozen=True, slots=True)
class View:
    """One moment."""

    geometry: Geometry
    span: Word
    place: tuple[Word, Word, Word]
    """Of some page: its arena, its byte in bitmaps, its bit there. Nothing is said of it."""
    world: World
    late: bool
    """Go 1.17: who sweeps registers when it has found a span."""
    had: Truth = True
    """When this thread looked at the count last, somebody had the span."""
    was_drained: Truth = False
    """When it did, the set to sweep was said to be empty."""
    stopped: bool = False
    """This thread has stopped the world."""
    unpreempted: Truth = True
    """No other thread can stop the world."""

    def but(self, **changed: Any) -> "View":
        """This view with a changed world."""
        return replace(self, world=replace(self.world, **changed))

    @property
    def somebody_has_it(self) -> Truth:
        """Whether some thread has acquired the observed span, and has not swept it yet."""
        return any_of(self.world.others, self.world.acquired)


def sound(v: View) -> Claims:
    """What is true in every state."""
    w = v.world
    yield "the_count_has_my_registrations", w.mine <= w.count
    yield "who_has_a_span_is_registered", implies(w.acquired, w.mine > 0)
    yield "so_is_every_other_thread", implies(w.others, w.mine < w.count)


def idle(v: View, *_: Any) -> Claims:
    """This thread is not registered, and has acquired nothing."""
    yield "it_is_not_registered", v.world.mine == 0
    yield "it_has_acquired_nothing", negate(v.world.acquired)


def may_be_stopped(v: View) -> Claims:
    """What a thread has when another may stop the world: nothing."""
    for name, claim in idle(v):
        yield name, any_of(v.unpreempted, claim)


def alone(v: View) -> Claims:
    """What is true when this thread has stopped the world: each other one could be preempted, and had nothing."""
    yield "nobody_else_is_registered", v.world.count == v.world.mine
    yield "nobody_else_has_the_span", negate(v.world.others)


def runs_on(old: View, new: View) -> Claims:
    """What stays so until a cycle begins."""
    a, b = old.world, new.world
    yield "drained_until_the_next_cycle", implies(all_of(old.unpreempted, a.drained), b.drained)
    if not old.late:
        no_more = b.count - b.mine <= a.count - a.mine
        yield "nobody_registers_when_all_is_drained", implies(all_of(old.unpreempted, a.drained), no_more)
    if old.stopped:
        yield "nobody_else_runs", all_of(b.count - b.mine == a.count - a.mine, same(a.others, b.others))


def rely(old: View, new: View) -> Claims:
    """What other threads may do."""
    yield from runs_on(old, new)
    yield "nobody_else_registers_me", old.world.mine == new.world.mine
    yield "nobody_else_sweeps_what_i_acquired", same(old.world.acquired, new.world.acquired)
    yield from sound(new)


def sweeps(old: View, new: View) -> Claims:
    """What a sweeper does to the world, all in all."""
    yield from runs_on(old, new)
    yield from sound(new)


# Steps.


def counted(v: View, count: Word) -> View:
    """After a change of the count."""
    return v.but(count=count, mine=v.world.mine + count - v.world.count)


def counts(v: View, count: Word, drained: Truth) -> Claims:
    """The guarantee of a write to the words: somebody begins, ends, says that all is drained, or begins a cycle."""
    w = v.world
    stays = same(drained, w.drained)
    begins = all_of(count == w.count + 1, stays, any_of(v.late, negate(w.drained)))
    ends = all_of(count + 1 == w.count, stays, w.mine > 0, any_of(w.mine > 1, negate(w.acquired)))
    drains = all_of(count == w.count, drained)
    anew = all_of(v.stopped, count == w.count, w.count == w.mine, w.mine == 0, negate(drained))
    nothing_new = all_of(count == w.count, stays)
    yield "who_sweeps_is_counted", any_of(begins, ends, drains, anew, nothing_new)
    yield "who_is_counted_cannot_be_preempted", any_of(count == w.count, v.unpreempted)


def acquires(v: View, number: Word) -> Claims:
    """The guarantee of a compare-and-swap of a span's sweepgen."""
    yield "who_acquires_is_registered", implies(v.span == number, v.world.mine > 0)


def has_acquired(v: View, number: Word) -> View:
    """After it succeeded."""
    return v.but(acquired=any_of(v.world.acquired, v.span == number))


def has_swept(v: View, number: Word) -> View:
    """After a span's sweepgen was stored."""
    return v.but(acquired=all_of(v.world.acquired, v.span != number))


# Functions.


def is_done_ensures(v: View, done: Truth) -> Claims:
    """What isSweepDone promises: when it looked nobody had the span, and none was left to acquire.

    From 1.18 on nobody has the span until the next cycle.
    """
    yield "done_means_that_nobody_sweeps", implies(done, negate(v.had))
    yield "done_means_that_all_is_drained", implies(done, v.was_drained)
    if not v.late:
        yield "and_nobody_will_in_this_cycle", implies(done, negate(v.somebody_has_it))


def sweep_ensures(old: View, new: View, _: Truth, s: Any) -> Claims:
    """What sweep promises: of the span that it was called for the thread has nothing left."""
    a, b = old.world, new.world
    yield "the_span_is_swept", implies(old.span == s.number, negate(b.acquired))
    yield "nothing_else_changes_hands", implies(old.span != s.number, same(a.acquired, b.acquired))
    yield "it_registers_nobody", a.mine == b.mine


def is_idle(_old: View, new: View, *_: Any) -> Claims:
    """What a sweeper promises: it has ended what it began."""
    yield from idle(new)


def sweepone_ensures(v: View, npages: Word) -> Claims:
    """What sweepone promises besides: if it swept nothing, the set to sweep is said to be empty."""
    yield from idle(v)
    yield "nothing_swept_means_drained", implies(npages == NOTHING_SWEPT, v.world.drained)


def _sweepone(_old: View, new: View, npages: Word) -> Claims:
    yield from sweepone_ensures(new, npages)


def _registered(v: View, local: Any) -> Claims:
    """Once, but on 1.17 not before the locker says so; and nothing is acquired."""
    once, blocking = v.world.mine == 1, local.sl.blocking
    if v.late:
        once = any_of(all_of(blocking, once), all_of(negate(blocking), v.world.mine == 0))
    yield "it_is_registered_as_its_locker_says", once
    yield "the_locker_is_valid", local.sl.valid
    yield "it_has_acquired_nothing", negate(v.world.acquired)


def _to_sweep(v: View, local: Any) -> Claims:
    yield from _registered(v, local)
    yield "nothing_is_swept_so_far", local.npages == NOTHING_SWEPT


LOOPS = {
    ("begin_sweep", 0): Loop(nothing, rely, "sweepone"),
    ("end_sweep", 0): Loop(nothing, rely, "sweepone"),
    ("mark_drained", 0): Loop(nothing, rely, "sweepone"),
    ("sweepone", 0): Loop(_to_sweep, sweeps, "sweepone"),
    ("reclaim_chunk", 0): Loop(_registered, sweeps, "reclaim_chunk"),
    ("reclaim_chunk", 1): Loop(_registered, sweeps, "reclaim_chunk"),
    ("reclaim_chunk", 2): Loop(_registered, sweeps, "reclaim_chunk"),
    ("ensure_swept", 0): Loop(idle, rely, "ensure_swept"),
    ("reclaim", 0): Loop(idle, sweeps, "reclaim", locked=lambda local: local.locked),
    ("bgsweep", 0): Loop(idle, sweeps, "bgsweep"),
    ("finishsweep_m", 0): Loop(idle, sweeps, "gc_cycle"),
}

BY_RELEASE = ("sweep_done",)
CALLS = {
    "sweep": Call(
        nothing, sweeps, sweep_ensures, "truth", "proved: sweep: done", BY_RELEASE, locked=False, unpreempted=True
    ),
    "free_span": Call(nothing, rely, nothing, "none", FRAME, BY_RELEASE, locked=False),
    "sweepone": Call(
        idle, sweeps, _sweepone, "signed", "proved: sweepone: done", BY_RELEASE, locked=False, unpreempted=True
    ),
    "reclaim_chunk": Call(
        idle, sweeps, is_idle, "word", "proved: reclaim_chunk: done", BY_RELEASE, locked=True, unpreempted=True
    ),
    "gc_mark": Call(nothing, rely, nothing, "none", FRAME, locked=False),
    "gc_reset_mark_state": Call(nothing, rely, nothing, "none", FRAME, locked=False),
    "index.next_gen": Call(nothing, rely, nothing, "none", FRAME),
}

_NOBODY = "which nobody has acquired (proved: only_the_winner_sweeps)"
ENTRUSTED = {
    ("set_spans", "spans"): "set_spans maps pages that are not in use (proved: set_spans_maps_exactly_the_region)",
    ("init_span", "mspan.sweepgen"): f"init_span gives a generation to a span {_NOBODY}",
    ("malloc_small", "mspan.sweepgen"): f"malloc_small caches a span {_NOBODY}",
    ("alloc", "is_sweep_done"): "alloc has registered nowhere",
    ("alloc", "reclaim"): "alloc has registered nowhere, and cannot be preempted (proved: only_the_winner_sweeps)",
}
"""What functions do that no proof of this protocol covers, and why they may."""
