"""The proofs of the protocol of the end of sweeping. Read next: theorem.py."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from spanproof.checks.proving.finishing import CALLER, FinishingProtocol
from spanproof.checks.proving.jobs import Job, Start
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.start import finishing_starts
from spanproof.checks.proving.sweeping_jobs import FEW, SIZES
from spanproof.checks.proving.values import Arenas
from spanproof.checks.proving.zeroing_jobs import SEQUENTIAL, STRONG
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.impl.span import Span
from spanproof.model.contracts import finishing
from spanproof.model.contracts.finishing import View
from spanproof.model.logic import Claims, all_of, any_of, implies, negate
from spanproof.model.releases import Release, SweepDone

HELD = frozenset({HEAP_LOCK})
MISMATCHED = "mismatched begin/end of activeSweep"
LEFT = "active sweepers found at start of mark phase"


def _is_sweep_done(p: FinishingProtocol) -> Start:
    p.begin()
    return Start((), lambda done: finishing.is_done_ensures(p.engine.view, done))


def _sweep(p: FinishingProtocol) -> Start:
    p.begin()
    e = p.engine
    s: Any = Span(e.fresh("mspan"))  # type: ignore[arg-type]  # a word
    entry = e.view

    def ensures(_: Any) -> Claims:
        yield from finishing.sweep_ensures(entry, e.view, None, s)
        yield from finishing.sweeps(entry, e.view)

    return Start((s,), ensures)


def _idle(p: FinishingProtocol, *args: Any, at_return: frozenset[str] = frozenset()) -> Start:
    e, entry = p.engine, p.engine.view
    return Start(args, lambda _: iter([*finishing.idle(e.view), *finishing.sweeps(entry, e.view)]), at_return)


def _sweepone(p: FinishingProtocol) -> Start:
    p.begin_idle()
    e, entry = p.engine, p.engine.view
    return Start((), lambda n: iter([*finishing.sweepone_ensures(e.view, n), *finishing.sweeps(entry, e.view)]))


def _reclaim_chunk(p: FinishingProtocol) -> Start:
    p.begin_idle(CALLER | HELD)
    return _idle(p, Arenas.any(p.engine), p.engine.fresh("page_idx"), p.engine.fresh("n"), at_return=HELD)


def _ensure_swept(p: FinishingProtocol) -> Start:
    p.begin_idle()
    return _idle(p, Span(p.engine.fresh("mspan")))  # type: ignore[arg-type]  # a word


def _reclaim(p: FinishingProtocol) -> Start:
    p.begin_idle()
    return _idle(p, p.engine.fresh("npage"))


def _preemptible(p: FinishingProtocol) -> Start:
    p.begin_idle(frozenset())
    return Start((), lambda _: finishing.idle(p.engine.view))


Step = tuple[str, Claims, Callable[[], View]]


def _steps(p: FinishingProtocol, v: View) -> Iterator[Step]:
    """Every step of another thread, as it sees the world."""
    e = p.engine
    count, drained = e.fresh("new count"), e.fresh_truth("said to be drained")
    yield "counts", finishing.counts(v, count, drained), lambda: finishing.counted(v, count).but(drained=drained)
    yield "acquires the span", finishing.acquires(v, v.span), lambda: finishing.has_acquired(v, v.span)
    yield "has swept the span", iter(()), lambda: finishing.has_swept(v, v.span)


def _rely(p: FinishingProtocol) -> Start:
    """What another thread does is what I rely on. It has its own registrations; there may be a third."""
    p.begin_where(frozenset(), late=False)
    e = p.engine
    for late, unpreempted in product((False, True), (True, False)):
        me = replace(p.fresh_world(e.view), unpreempted=unpreempted, late=late)
        e.assume_all(iter([*finishing.sound(me), *finishing.may_be_stopped(me)]))
        name = "I cannot be preempted" if unpreempted else "I can be preempted"
        name = f"Go 1.17: {name}" if late else name
        e.lemma(f"{name}: reflexive", iter([]), finishing.rely(me, me), Kind.RELY)
        later, last = p.fresh_world(me), p.fresh_world(me)
        chained = iter([*finishing.rely(me, later), *finishing.rely(later, last)])
        e.lemma(f"{name}: transitive", chained, finishing.rely(me, last), Kind.RELY)
        for stopped in (False,) if unpreempted else (False, True):
            _others(p, me, f"{name}; another thread{', which has stopped the world,' if stopped else ''}", stopped)
    return Start((), lambda _: iter([]))


def _others(p: FinishingProtocol, me: View, name: str, stopped: bool) -> None:
    """Each step of another thread."""
    e = p.engine
    mine, count = me.world.mine, me.world.count
    theirs, third = e.fresh("their registrations"), e.fresh_truth("a third thread has the span")
    they_have, they_can = e.fresh_truth("they have the span"), e.fresh_truth("they cannot be preempted")
    they = me.but(mine=theirs, acquired=they_have, others=any_of(third, me.world.acquired))
    they = replace(they, stopped=stopped, unpreempted=any_of(stopped, they_can))
    apart = [
        ("another one has it: they, or a third", me.world.others == any_of(third, they_have)),
        ("the count is no less than what threads add up to", all_of(mine <= count, mine + theirs <= count)),
        ("a third that has the span is counted too", implies(third, mine + theirs < count)),
        *finishing.sound(they),
        *(finishing.alone(they) if stopped else ()),
        ("who can be preempted has nothing", any_of(they.unpreempted, all_of(theirs == 0, negate(they_have)))),
    ]
    for step, asks, after in _steps(p, they):
        seen = after()
        others = any_of(third, seen.world.acquired)
        now = me.but(count=seen.world.count, drained=seen.world.drained, others=others)
        e.lemma(f"{name} {step}", iter([*apart, *asks]), finishing.rely(me, now), Kind.RELY)


def _counted(release: Release) -> bool:
    return release.sweep_done != SweepDone.SWEEPDONE


SUM = "the count of sweepers is no less than the registrations of any threads together"
STOPS = "who calls the heap cannot be preempted, but for bgsweep and gc_cycle; a stopped world waits for who cannot be"
MAPPED = "a page in use has its span (proved: reclaim_chunk_touches_only_swept_or_claimed_spans)"
PREMISES = (STRONG, SUM, FEW, STOPS, MAPPED, SIZES, SEQUENTIAL)


def _job(name: str, says: str, begin: Any, by: tuple[str, ...] = (), throws: tuple[str, ...] = ()) -> Job:
    function = "" if name.startswith("finishing") else name.partition(":")[0]
    return Job(name, says, FinishingProtocol, function, begin, by, throws, applies=_counted, premises=PREMISES)


JOBS = (
    _job("finishing: start", "the heap begins as it must", finishing_starts),
    _job("finishing: rely", "what each thread does is what each other relies on", _rely),
    _job("is_sweep_done", "it says yes when nobody has a span that it acquired", _is_sweep_done),
    _job("sweep: done", "it has swept the span when it returns", _sweep, ("free_span",)),
    _job("sweepone: done", "it is registered while it sweeps, and no longer", _sweepone, ("sweep",), (MISMATCHED,)),
    _job("reclaim_chunk: done", "so is who reclaims", _reclaim_chunk, ("sweep",), (MISMATCHED,)),
    _job("ensure_swept: done", "so is who needs a span swept", _ensure_swept, ("sweep",), (MISMATCHED,)),
    _job("uncache_span: done", "who takes a stale span back has registered nowhere", _ensure_swept, ("sweep",)),
    _job("reclaim: done", "it reclaims with nothing registered", _reclaim, ("reclaim_chunk",)),
    _job("bgsweep: done", "it sweeps with nothing registered", _preemptible, ("sweepone",)),
    _job(
        "gc_cycle: done", "a cycle begins where nobody sweeps", _preemptible,
        ("sweepone", "gc_reset_mark_state", "gc_mark", "index.next_gen"), (LEFT,),
    ),
    _job(
        "gc_start: done", "marking begins where nobody sweeps", _preemptible,
        ("sweepone", "gc_reset_mark_state"), (LEFT,),
    ),
    _job(
        "gc_mark_termination: done", "and after it a cycle does", _preemptible, ("gc_mark", "index.next_gen"),
    ),
)  # fmt: skip
