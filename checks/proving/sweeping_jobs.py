"""The proofs of the sweeping protocol. Read next: theorem.py."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from spanproof.checks.proving.jobs import Job, Start
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.operations import SPANS
from spanproof.checks.proving.owning_jobs import POOL
from spanproof.checks.proving.start import sweeping_starts
from spanproof.checks.proving.sweeping import SweepingProtocol
from spanproof.checks.proving.values import Arenas
from spanproof.checks.proving.zeroing_jobs import PAGES, SEQUENTIAL, STRONG
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.model.contracts import owning, sweeping, sweeping_calls
from spanproof.model.contracts.contract import nothing
from spanproof.model.contracts.sweeping import Hand, View
from spanproof.model.logic import Claims, all_of, any_of, each_of, implies, negate, same
from spanproof.model.state import DEAD, IN_USE, MANUAL
from spanproof.model.words import uint32

HELD = frozenset({HEAP_LOCK})
INVALID = "use of invalid sweepLocker"
BAD_STATE = ("mspan.sweep: bad span state", "mspan.sweep: bad span state after sweep")


def _sweep(p: SweepingProtocol) -> Start:
    p.begin_claiming()
    s = p.span("mspan")
    e = p.engine
    won = all_of(e.view.world.claimed, e.view.being_swept)
    e.assume(implies(e.view.span == s.number, won))
    entry = e.view

    def ensures(_: Any) -> Claims:
        yield from sweeping_calls.sweep_ensures(entry, e.view, None, s)
        yield from sweeping_calls.sweeps(entry, e.view)

    return Start((s,), ensures)


def _free_span(p: SweepingProtocol) -> Start:
    p.begin_claiming()
    s = p.span("mspan")
    e = p.engine
    e.assume_all(sweeping_calls.free_span_requires(e.view, s))
    given = sweeping.hands_on(e.view, s.number)

    def ensures(_: None) -> Claims:
        yield from sweeping_calls.sweeps(given, e.view)
        yield from sweeping_calls.free_span_ensures(given, e.view)

    return Start((s,), ensures)


def _locked(p: SweepingProtocol) -> None:
    p.begin()
    p.engine.hold(p.engine.held | HELD)


def _reclaim_chunk(p: SweepingProtocol) -> Start:
    _locked(p)
    e = p.engine
    page_idx, n = e.fresh("page_idx"), e.fresh("n")
    arenas = Arenas.any(e)
    e.assume_all(sweeping_calls.reclaims(e.view, arenas, page_idx, n))
    entry = e.view
    return Start(
        (arenas, page_idx, n),
        lambda _: each_of(sweeping_calls.nothing_claimed(e.view), sweeping_calls.sweeps(entry, e.view)),
        HELD,
    )


def _sweepone(p: SweepingProtocol) -> Start:
    p.begin()
    e, entry = p.engine, p.engine.view
    return Start(
        (), lambda npages: each_of(sweeping_calls.took_one(entry, e.view, npages), sweeping_calls.sweeps(entry, e.view))
    )


def _ensure_swept(p: SweepingProtocol) -> Start:
    p.begin()
    e, s = p.engine, p.span("mspan")
    e.view = replace(e.view, hand=replace(e.view.hand, kept=s.number))
    e.assume(implies(e.view.kept, e.view.world.state == IN_USE))

    def ensures(_: None) -> Claims:
        yield from sweeping_calls.nothing_claimed(e.view)
        yield "the_span_is_swept", implies(e.view.kept, e.view.swept)

    return Start((s,), ensures)


def _uncache_span(p: SweepingProtocol) -> Start:
    p.begin()
    p.of_this_release()
    e, s = p.engine, p.span("mspan")
    e.view = replace(e.view, hand=Hand(held=s.number))
    w, sg = e.view.world, e.view.sg
    cached = any_of(w.sweepgen == uint32(sg + 1), w.sweepgen == uint32(sg + 3))
    e.assume(implies(e.view.held, all_of(w.state == IN_USE, cached, negate(w.claimed), sweeping.is_pushed(e.view))))

    def ensures(_: None) -> Claims:
        yield from sweeping_calls.nothing_claimed(e.view)
        yield "the_span_is_handed_on", implies(e.view.span == s.number, _handed_on(e.view))

    return Start((s,), ensures)


def _handed_on(v: View) -> Any:  # a truth
    """Whether the observed span, if it is swept and not cached, is where the sweeper of the next cycle finds it."""
    return any_of(sweeping.is_pushed(v), v.world.others)


def _reclaim(p: SweepingProtocol) -> Start:
    p.begin()
    e, entry = p.engine, p.engine.view
    return Start(
        (e.fresh("npage"),),
        lambda _: each_of(sweeping_calls.nothing_claimed(e.view), sweeping_calls.sweeps(entry, e.view)),
    )


def _bgsweep(p: SweepingProtocol) -> Start:
    p.begin_preemptible()
    return Start((), lambda _: sweeping_calls.nothing_claimed(p.engine.view))


def _stops_the_world(p: SweepingProtocol, cycles: int) -> Start:
    """So many cycles are begun, none or one, and the world runs again."""
    p.begin_preemptible()
    e, said = p.engine, "one_cycle_is_begun" if cycles else "no_cycle_is_begun"

    def ensures(_: None) -> Claims:
        yield from sweeping_calls.nothing_claimed(e.view)
        yield said, e.view.hand.cycles == cycles
        yield "the_world_runs_again", not e.view.stopped

    return Start((), ensures)


def _gc_cycle(p: SweepingProtocol) -> Start:
    return _stops_the_world(p, 1)


def _gc_mark_termination(p: SweepingProtocol) -> Start:
    p.ends_marking = True
    return _stops_the_world(p, 1)


def _gc_start(p: SweepingProtocol) -> Start:
    return _stops_the_world(p, 0)


def _scan_conservative(p: SweepingProtocol) -> Start:
    """The collector marks, so what is in use is settled."""
    p.begin()
    e = p.engine
    e.assume(e.view.world.settled)
    e.view = replace(e.view, marking=True)
    return Start((e.fresh("p"),), lambda _: sweeping_calls.nothing_claimed(e.view))


def _init_span(p: SweepingProtocol) -> Start:
    p.begin()
    p.of_this_release()
    e, s = p.engine, p.span("mspan")
    e.view = replace(e.view, hand=Hand(held=s.number))
    args = (s, *(e.fresh(name) for name in ("typ", "spanclass", "base", "npages", "scav")))
    e.assume_all(sweeping_calls.init_span_requires(e.view, *args))
    e.assume_all(sweeping_calls.comes_from_the_pool(e.view))
    entry = e.view
    return Start(
        args,
        lambda _: each_of(sweeping_calls.alloc_span_ensures(e.view, s, args[1]), sweeping_calls.builds(entry, e.view)),
    )


def _alloc_span(p: SweepingProtocol) -> Start:
    p.begin()
    e = p.engine
    args = tuple(e.fresh(name) for name in ("npages", "typ", "spanclass"))
    return Start(args, lambda s: sweeping_calls.alloc_span_ensures(e.view, s, args[1]))


def _alloc(p: SweepingProtocol) -> Start:
    p.begin()
    e, entry = p.engine, p.engine.view

    def ensures(result: Any) -> Claims:
        yield from sweeping_calls.alloc_span_ensures(e.view, result[0], sweeping.ALLOC_HEAP)
        yield from sweeping_calls.nothing_claimed(e.view)
        yield from sweeping.in_this_cycle(entry, e.view)

    return Start((e.fresh("npages"), e.fresh("spanclass"), e.fresh_truth("needzero")), ensures)


def _alloc_manual(p: SweepingProtocol) -> Start:
    p.begin()
    return Start((p.engine.fresh("npages"), p.engine.fresh("typ")), nothing)


def _malloc_large(p: SweepingProtocol) -> Start:
    p.begin()
    p.of_this_release()
    e = p.engine

    def ensures(_: Any) -> Claims:
        yield "the_span_is_handed_on", implies(e.view.held, _handed_on(e.view))

    return Start((e.fresh("npages"), e.fresh_truth("needzero"), e.fresh_truth("noscan")), ensures)


def _free_manual(p: SweepingProtocol) -> Start:
    p.begin()
    e, s = p.engine, p.span("mspan")
    e.view = replace(e.view, hand=Hand(held=s.number))
    w = e.view.world
    e.assume(implies(e.view.held, all_of(w.state != IN_USE, negate(w.claimed))))
    return Start((s, e.fresh("typ")), nothing)


def _malloc_small(p: SweepingProtocol) -> Start:
    p.begin()
    e = p.engine

    def ensures(s: Any) -> Claims:
        if s is not None:
            yield "the_span_is_handed_on", implies(e.view.held, _handed_on(e.view))
            yield "a_cached_span_is_marked_cached", implies(e.view.held, e.view.world.sweepgen == uint32(e.view.sg + 3))

    return Start((e.fresh("npages"), e.fresh_truth("needzero")), ensures)


Step = tuple[str, Claims, Callable[[], View]]


def _steps(p: SweepingProtocol, v: View) -> Iterator[Step]:
    """Every step of another thread, as it sees the world."""
    e, w = p.engine, v.world
    number, new = e.fresh("number"), e.fresh("new")
    yield (
        "writes a sweepgen",
        sweeping.writes_sweepgen(v, number, new),
        lambda: sweeping.sweepgen_written(v, number, new),
    )
    asked = sweeping_calls.free_span_requires(v, _Named(number))  # which takes the lock itself
    freed = [*asked, ("under the lock", v.locked)]
    unmapped = (
        "the in-use bit is cleared first",
        implies(v.span == number, negate(all_of(w.in_use, w.entry == number + owning.FIRST_SPAN))),
    )
    dead = v.but(state=DEAD)
    yield (
        "frees a span",
        iter([("it is this one", v.span == number), *freed, unmapped]),
        lambda: sweeping.hands_on(dead, number),
    )
    for state in (DEAD, IN_USE, MANUAL):
        held = iter(
            [
                ("it holds it, and did not win it", all_of(v.held, negate(w.claimed))),
                *sweeping.writes_state(v, v.span, state),
            ]
        )
        yield f"holds a span and makes its state {state}", held, partial(v.but, state=state)
    marked, entry = v.but(in_use=True), e.fresh("entry")
    yield "sets an in-use bit", sweeping_calls.published(marked), lambda: marked
    yield "clears an in-use bit", sweeping.unpublishes(v), lambda: v.but(in_use=False)
    begins = replace(v, stopped=True, locked=True)
    begun = sweeping.cycle_begun(v, new, e.fresh("to_sweep")).but(drained=e.fresh_truth("drained"))
    whole = [
        *sweeping.begins_a_cycle(begins, new),
        *sweeping.alone(begins),
        *sweeping.nothing_is_stale(v),
        *sweeping.sound(begun),  # when the world is started again: nobody has looked before
    ]
    yield "begins a cycle", iter(whole), lambda: begun
    stopped = replace(v, stopped=True)
    marks = [*sweeping.begins_to_mark(stopped), *sweeping.all_is_swept(v), *sweeping.nothing_is_stale(v)]
    yield "begins to mark", iter(marks), lambda: sweeping.marking_begun(v)
    taken = sweeping.popped(v, number, e.fresh_truth("still listed"))
    there = [("the set is not empty", w.to_sweep > 0), *sweeping.gives_what_it_has(v, taken, number)]
    asks = [*there, ("nothing_is_given", negate(w.given))]
    yield "takes a span to sweep", iter(asks), lambda: taken
    yield (
        "puts a span among the swept",
        sweeping.pushes(v, v.sg // 2 % 2, v.span),
        lambda: sweeping.span_pushed(v, v.span),
    )
    drained = e.fresh_truth("said to be drained")
    yield "says whether all is drained", sweeping.says_drained(v, drained), lambda: v.but(drained=drained)
    let_go = ("it was handed on", sweeping.is_pushed(v))
    yield "lets a span go", iter([let_go]), lambda: replace(v, hand=Hand())
    claims = sweeping.writes_reclaim_index(v, new, e.geometry.pages_per_reclaimer_chunk)
    yield "claims a chunk", claims, lambda: v.but(reclaim_index=new)
    anew = sweeping.writes_reclaim_index(begins, new, e.geometry.pages_per_reclaimer_chunk)
    yield "begins a cycle, and reclaims anew", anew, lambda: v.but(reclaim_index=new)
    before = [("a page is mapped before it is in use", negate(w.in_use))]
    yield "maps a page", iter(before), lambda: v.but(entry=entry)


class _Named:
    """A span by its number."""

    def __init__(self, number: Any) -> None:
        self.number = number


def _rely(p: SweepingProtocol) -> Start:
    """What another thread does is what I rely on."""
    p.begin_claiming()
    e = p.engine
    for locked, unpreempted in ((False, True), (True, True), (False, False)):
        hand = Hand(held=e.fresh("held"), kept=e.fresh("kept")) if unpreempted else Hand(kept=e.fresh("kept"))
        me = replace(p.fresh_world(e.view), hand=hand, locked=locked, unpreempted=unpreempted)
        e.assume_all(each_of(sweeping.sound(me), sweeping.may_be_stopped(me)))
        name = "I hold the lock" if locked else "I do not hold the lock"
        name = name if unpreempted else f"{name}, and can be preempted"
        e.lemma(f"{name}: reflexive", iter([]), sweeping.rely(me, me), Kind.RELY)
        later, last = p.fresh_world(me), p.fresh_world(me)
        chained = each_of(sweeping.rely(me, later), sweeping.rely(later, last))
        e.lemma(f"{name}: transitive", chained, sweeping.rely(me, last), Kind.RELY)
        _others(p, me, name)
    return Start((), lambda _: iter([]))


def _others(p: SweepingProtocol, me: View, name: str) -> None:
    """Each step of another thread."""
    e = p.engine
    claimed, given = e.fresh_truth("claimed by the other"), e.fresh_truth("given to the other")
    has, was_given = e.fresh_truth("a third thread has it"), e.fresh_truth("a third was given it")
    third = any_of(has, all_of(was_given, me.waits))
    theirs = {"claimed": claimed, "given": given, "others": any_of(third, me.mine)}
    they = replace(me.but(**theirs), hand=Hand(held=e.fresh("their held")), locked=not me.locked)
    apart = [
        ("another one has it: they, or a third", same(me.world.others, any_of(third, they.mine))),
        ("one winner", negate(all_of(claimed, me.world.claimed))),
        ("a span is held by one thread", negate(all_of(me.held, any_of(they.held, claimed)))),
        ("a held span is claimed by nobody else", negate(all_of(they.held, me.world.claimed))),
        ("a span kept alive is not freed", True),
        *sweeping.sound(they),
    ]
    for step, asks, after in _steps(p, they):
        premises = [*apart, *asks]
        if me.locked and step in {"frees a span", "clears an in-use bit"}:
            continue
        if me.unpreempted and step.startswith(("begins a cycle", "begins to mark")):
            continue  # the world waits for me
        if step == "frees a span":
            premises.append(("a span that somebody keeps alive is marked", negate(me.kept)))
        seen = sweeping.still_given(after())
        others = any_of(has, all_of(was_given, seen.waits), seen.mine)
        mine = {"claimed": me.world.claimed, "given": all_of(me.world.given, seen.waits), "others": others}
        now = replace(me, sg=seen.sg, cycle=seen.cycle, world=replace(seen.world, **mine))
        goals = sweeping.rely(me, now)
        e.lemma(f"{name}; another thread {step}", iter(premises), goals, Kind.RELY)


CYCLE = (
    "who calls the heap cannot be preempted, but for bgsweep and gc_cycle (searched: sweeper_meets_what_it_may_sweep)"
)
KEPT = "a span that a thread keeps alive is marked, so the sweeper does not free it (searched: live_memory_keeps_its_contents)"
BITS = "a set in-use bit marks a mapped span that is in use (proved: in_use_bit_marks_a_built_span)"
BEGINS = "what was cached when a cycle began is taken back before the next (searched: sweepgen_is_one_of_five)"
ONE = "one collection at a time: gc_mark_termination ends the marking that gc_start began"
SIZES = "a span has at most 2^35 pages"
FEW = "fewer than 2^31 - 1 threads sweep at one time"
COUNTED = "in 64-bit words: fewer than 2^60 cycles begin (sweepgen itself wraps around after 2^31)"
CLAIMED = "in a cycle fewer than 2^62 pages are claimed for reclaiming after all are"
SETS = f"pushing to a set of spans and popping from it was judged on every set of up to {len(SPANS)} spans"
BY_HAND = "free_manual is called for spans of alloc_manual, once each"
PREMISES = (STRONG, CYCLE, BEGINS, BITS, KEPT, POOL, SETS, SIZES, FEW, COUNTED, CLAIMED, SEQUENTIAL)

JOBS = (
    Job("sweeping: start", "the heap begins as it must", SweepingProtocol, "", sweeping_starts),
    Job("sweeping: rely", "what each thread does is what each other relies on", SweepingProtocol, "", _rely, premises=PREMISES),
    Job("sweep", "it is called by the winner, finishes, and hands the span on", SweepingProtocol, "sweep", _sweep, ("free_span",), BAD_STATE, premises=PREMISES),
    Job("free_span: sweepgen", "a span that was won and swept is given up", SweepingProtocol, "free_span", _free_span, ("pages.free",), premises=PREMISES),
    Job("reclaim_chunk", "it looks up pages in use only, and touches spans that it won", SweepingProtocol, "reclaim_chunk", _reclaim_chunk, ("sweep",), (INVALID,), premises=PREMISES),
    Job("sweepone", "it sweeps a span that it won", SweepingProtocol, "sweepone", _sweepone, ("sweep",), (INVALID,), premises=PREMISES),
    Job("ensure_swept", "it sweeps the span itself, or waits until it is swept", SweepingProtocol, "ensure_swept", _ensure_swept, ("sweep",), (INVALID,), premises=PREMISES),
    Job("uncache_span", "a stale cached span is swept by who cached it", SweepingProtocol, "uncache_span", _uncache_span, ("sweep",), premises=PREMISES),
    Job("reclaim", "it claims whole chunks, under the lock", SweepingProtocol, "reclaim", _reclaim, ("reclaim_chunk",), premises=PREMISES),
    Job("bgsweep", "it sweeps with nothing claimed", SweepingProtocol, "bgsweep", _bgsweep, ("sweepone",), premises=PREMISES),
    Job("gc_cycle", "a cycle begins with the world stopped, two generations on", SweepingProtocol, "gc_cycle", _gc_cycle, ("sweepone", "index.next_gen"), premises=PREMISES),
    Job("gc_start", "marking begins with the world stopped and every span swept", SweepingProtocol, "gc_start", _gc_start, ("sweepone",), premises=PREMISES),
    Job("gc_mark_termination", "after marking a cycle begins, as with the world stopped throughout", SweepingProtocol, "gc_mark_termination", _gc_mark_termination, ("index.next_gen",), premises=(*PREMISES, ONE)),
    Job("scan_conservative: sweepgen", "the collector touches spans in use, which nobody sweeps or frees while it marks", SweepingProtocol, "scan_conservative", _scan_conservative, premises=PREMISES),
    Job("init_span: sweepgen", "a span that is built is swept", SweepingProtocol, "init_span", _init_span, ("alloc_needs_zero", "set_spans"), premises=PREMISES),
    Job("alloc_span: sweepgen", "a new span is swept", SweepingProtocol, "alloc_span", _alloc_span, ("pages.alloc", "grow", "init_span", "os.sys_used", *PAGES), premises=PREMISES),
    Job("alloc_manual: sweepgen", "so is one that is managed by hand", SweepingProtocol, "alloc_manual", _alloc_manual, ("alloc_span",), premises=PREMISES),
    Job("alloc: sweepgen", "it reclaims with nothing claimed, and gives a span that is swept", SweepingProtocol, "alloc", _alloc, ("reclaim", "alloc_span", "os.memclr"), premises=PREMISES),
    Job("malloc_large: sweepgen", "a span that the sweeper will meet is swept", SweepingProtocol, "malloc_large", _malloc_large, ("alloc", "os.memclr"), premises=PREMISES),
    Job("free_manual: sweepgen", "a span that its thread frees is not claimed", SweepingProtocol, "free_manual", _free_manual, ("pages.free",), premises=(*PREMISES, BY_HAND)),
    Job("malloc_small: sweepgen", "a span that a thread keeps is marked cached", SweepingProtocol, "malloc_small", _malloc_small, ("alloc", "os.memclr"), premises=PREMISES),
)  # fmt: skip
