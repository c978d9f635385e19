"""The proofs of the zeroing protocol, function by function, from the bottom up.

Read next: theorem.py.
"""

from dataclasses import replace
from typing import Any

from spanproof.checks.proving.jobs import Job, Premise, Start
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.start import zeroing_starts
from spanproof.checks.proving.zeroing import ZeroingProtocol
from spanproof.impl.span import Span
from spanproof.model.contracts import zeroing
from spanproof.model.contracts.zeroing import Hand
from spanproof.model.logic import Claims, any_of, each_of, implies
from spanproof.model.releases import Release

PAGES = ("alloc_from_cache", "alloc_phys_page_aligned", "scavenge_for")
"""Where pages come from besides pages.alloc, and what an allocation scavenges."""
OVERLAP = "potentially overlapping in-use allocations detected"


def _alloc_needs_zero(p: ZeroingProtocol) -> Start:
    p.begin()
    npage = p.engine.fresh("npage")
    base = p.take_region(npage)
    entry = p.engine.view

    def ensures(need_zero: Any) -> Claims:
        yield from zeroing.alloc_needs_zero_ensures(entry, p.engine.view, need_zero)
        yield from zeroing.claims_only(entry, p.engine.view)

    return Start((base, npage), ensures)


def _memclr(p: ZeroingProtocol) -> Start:
    p.begin()
    e, npages = p.engine, p.engine.fresh("npages")
    base = p.take_region(npages)
    e.assume(implies(e.view.mine(e.view.byte), e.view.claimed))
    entry = e.view

    def ensures(_: None) -> Claims:
        yield from zeroing.memclr_ensures(entry, e.view)
        yield from zeroing.clears_only(entry, e.view)

    return Start((base, npages * e.geometry.page_size), ensures)


def _sys_unused(p: ZeroingProtocol) -> Start:
    start = _memclr(p)

    def ensures(result: None) -> Claims:
        for name, claim in start.ensures(result):
            yield name, implies(p.engine.unused_zeroes, claim) if name == "region_is_zero" else claim

    return replace(start, ensures=ensures)


def _init_span(p: ZeroingProtocol) -> Start:
    p.begin()
    e, npages, scav = p.engine, p.engine.fresh("npages"), p.engine.fresh("scav")
    base = p.take_region(npages)
    e.assume_all(zeroing.init_span_requires(p.release, e.view, base, npages, scav, e.unused_zeroes))
    s: Any = Span(e.fresh("mspan"))  # type: ignore[arg-type]  # a word
    entry = e.view

    def ensures(_: None) -> Claims:
        yield from zeroing.init_span_ensures(e.view)
        yield from zeroing.claims_only(entry, e.view)

    return Start((s, e.fresh("typ"), e.fresh("spanclass"), base, npages, scav), ensures)


def _alloc_span(p: ZeroingProtocol) -> Start:
    p.begin()
    e = p.engine
    args = (e.fresh("npages"), e.fresh("typ"), e.fresh("spanclass"))
    entry = e.view

    def ensures(s: Any) -> Claims:
        yield from zeroing.alloc_span_ensures(e.view, s, args[0])
        yield from zeroing.rely(entry, e.view)

    return Start(args, ensures)


def _alloc(p: ZeroingProtocol) -> Start:
    p.begin()
    e, npages, needzero = p.engine, p.engine.fresh("npages"), p.engine.fresh_truth("needzero")
    entry = e.view

    def ensures(result: Any) -> Claims:
        yield from zeroing.alloc_ensures(p.release, e.view, result, npages, needzero)
        yield from zeroing.rely(entry, e.view)

    return Start((npages, e.fresh("spanclass"), needzero), ensures)


def _alloc_manual(p: ZeroingProtocol) -> Start:
    p.begin()
    e, npages = p.engine, p.engine.fresh("npages")
    return Start((npages, e.fresh("typ")), lambda s: zeroing.alloc_span_ensures(e.view, s, npages))


def _malloc_large(p: ZeroingProtocol) -> Start:
    p.begin()
    e, npages, needzero = p.engine, p.engine.fresh("npages"), p.engine.fresh_truth("needzero")
    noscan = e.fresh_truth("noscan")
    return Start((npages, needzero, noscan), lambda s: zeroing.malloc_ensures(e.view, s, npages, needzero))


def _malloc_small(p: ZeroingProtocol) -> Start:
    p.begin()
    e, npages, needzero = p.engine, p.engine.fresh("npages"), p.engine.fresh_truth("needzero")
    return Start((npages, needzero), lambda s: zeroing.malloc_ensures(e.view, s, npages, needzero))


def _rely(p: ZeroingProtocol) -> Start:
    """What another thread guarantees, holding a region apart from mine, is what I rely on."""
    p.begin()
    e = p.engine
    mine, theirs = (Hand(e.fresh("base"), e.fresh("limit")) for _ in range(2))
    e.assume(any_of(mine.limit <= theirs.base, theirs.limit <= mine.base))
    me = e.view = replace(e.view, hand=mine)
    e.assume_all(p.rely(me, me))
    other = replace(me, hand=theirs)
    e.lemma("reflexive", iter([]), p.rely(me, me), Kind.RELY)

    later, last = p.fresh_world(me), p.fresh_world(me)
    chained = each_of(p.rely(me, later), p.rely(later, last))
    e.lemma("transitive", chained, p.rely(me, last), Kind.RELY)

    raised = replace(me, world=replace(me.world, zeroed_base=e.fresh("raised")))
    theirs_now = replace(raised, hand=theirs)
    e.lemma("another thread raises zeroedBase", p.guarantee(other, theirs_now), p.rely(me, raised), Kind.RELY)

    here = e.fresh_truth("the page is the observed byte's")
    written = replace(me, world=replace(me.world, dirty=zeroing.dirtied(me, here, e.fresh("value"))))
    e.lemma("another thread writes to memory", zeroing.writes_memory(other, here), p.rely(me, written), Kind.RELY)
    return Start((), lambda _: iter([]))


REGIONS = "regions that are held at one time are disjoint (proved: no_overlapping_spans)"
ADDRESSES = "no address overflow: a region begins below 2^48 and has at most 2^35 pages"
STRONG = "the compare-and-swap is strong: it fails only if the word differs"
USERS = "a thread writes only to memory that it holds"
ZEROES = Premise(
    "sys_unused_zeroes",
    "sys_unused zeroes: memory returned to the system reads as zero (needZeroAfterSysUnused is false)",
    lambda engine: engine.unused_zeroes,
    (("unused_zeroes", False),),
)
SCAVENGED = "if all that is given was scavenged, it is zero (proved: scavenged_pages_are_zero)"
SEQUENTIAL = "sequentially consistent atomics; plain accesses are ordered (searched: plain_accesses_are_ordered)"
PREMISES = (STRONG, REGIONS, ADDRESSES, USERS, SEQUENTIAL)


def _scavenged_is_zero(release: Release) -> bool:
    return release.scavenged_is_zero


def _scavenged_may_be_anything(release: Release) -> bool:
    return not release.scavenged_is_zero


JOBS = (
    Job("zeroing: start", "the heap begins as it must", ZeroingProtocol, "", zeroing_starts),
    Job(
        "zeroing: rely", "what each thread guarantees is what each other relies on", ZeroingProtocol, "", _rely,
        premises=PREMISES,
    ),
    Job(
        "alloc_needs_zero", "it claims its region, and false means zero", ZeroingProtocol, "alloc_needs_zero",
        _alloc_needs_zero, throws=(OVERLAP,), no_throw=True, premises=PREMISES,
    ),
    Job("memclr", "it clears its region", ZeroingProtocol, "os.memclr", _memclr, premises=PREMISES),
    Job(
        "init_span: needzero", "needzero 0 in a new span means that its memory is zero", ZeroingProtocol, "init_span",
        _init_span, ("alloc_needs_zero", "set_spans", "push_swept"), applies=_scavenged_may_be_anything, premises=PREMISES,
    ),
    Job(
        "init_span: needzero, scavenged", "so it does where a wholly scavenged span keeps it 0", ZeroingProtocol, "init_span",
        _init_span, ("alloc_needs_zero", "set_spans", "push_swept"), applies=_scavenged_is_zero, premises=(*PREMISES, SCAVENGED), removable=(ZEROES,),
    ),
    Job(
        "alloc_span: needzero", "a span is built on the region that pages.alloc gave", ZeroingProtocol, "alloc_span", _alloc_span,
        ("pages.alloc", "init_span", "grow", *PAGES), applies=_scavenged_may_be_anything, premises=PREMISES,
    ),
    Job(
        "alloc_span: needzero, scavenged", "the same where a wholly scavenged span keeps needzero 0", ZeroingProtocol, "alloc_span",
        _alloc_span, ("pages.alloc", "init_span", "grow", *PAGES), applies=_scavenged_is_zero, premises=(*PREMISES, SCAVENGED), removable=(ZEROES,),
    ),
    Job(
        "alloc", "it keeps its word on zero", ZeroingProtocol, "alloc", _alloc,
        ("alloc_span", "os.memclr", "reclaim", "is_sweep_done"), premises=PREMISES,
    ),
    Job(
        "alloc_manual", "a span that is managed by hand tells the truth too", ZeroingProtocol, "alloc_manual", _alloc_manual,
        ("alloc_span",), premises=PREMISES,
    ),
    Job(
        "sys_unused", "it zeroes pages in hand only, unless the system fails", ZeroingProtocol, "os.sys_unused", _sys_unused,
        premises=PREMISES,
    ),
    Job(
        "malloc_large", "who asks for zero gets zero", ZeroingProtocol, "malloc_large", _malloc_large,
        ("alloc", "os.memclr", "push_swept"), premises=PREMISES,
    ),
    Job(
        "malloc_small", "who asks for zero gets zero", ZeroingProtocol, "malloc_small", _malloc_small,
        ("alloc", "os.memclr"), premises=PREMISES,
    ),
)  # fmt: skip
