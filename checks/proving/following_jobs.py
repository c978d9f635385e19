"""The proofs about who follows a word that may be a pointer: a part of the owning protocol. Read next: theorem.py."""

from dataclasses import replace
from typing import Any

from spanproof.checks.proving.jobs import Job, Start
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.owning import OwningProtocol
from spanproof.checks.proving.owning_jobs import PREMISES, others
from spanproof.model.contracts import following, owning
from spanproof.model.contracts.contract import nothing
from spanproof.model.contracts.owning import Hand
from spanproof.model.logic import implies, negate


def _marking(p: OwningProtocol) -> None:
    """The collector marks; this thread has nothing in hand."""
    p.begin()
    p.engine.view = replace(p.engine.view, marking=True)


def _rely(p: OwningProtocol) -> Start:
    """What another thread does while the collector marks is what who follows a word relies on."""
    _marking(p)
    e, name = p.engine, "I follow a word"
    me = replace(e.view, hand=Hand(span=e.fresh("my span")))
    e.assume_all(owning.sound(me))
    e.assume(implies(me.in_hand, negate(me.world.pooled)))
    e.lemma(f"{name}: reflexive", iter([]), p.rely(me, me), Kind.RELY)
    later, last = p.fresh_world(me), p.fresh_world(me)
    e.lemma(f"{name}: transitive", iter([*p.rely(me, later), *p.rely(later, last)]), p.rely(me, last), Kind.RELY)
    for locked in (False, True):
        others(p, me, name, locked=locked)
    return Start((), lambda _: iter([]))


def _word(p: OwningProtocol) -> Any:
    """A word that leads to the observed page."""
    _marking(p)
    e = p.engine
    offset = e.fresh("offset")
    e.assume(offset < e.geometry.page_size)
    return e.view.page * e.geometry.page_size + offset


def _span_of_heap(p: OwningProtocol) -> Start:
    word, entry = _word(p), p.engine.view
    return Start((word,), lambda s: following.ensures(entry, p.engine.view, s))


def _scan_conservative(p: OwningProtocol) -> Start:
    return Start((_word(p),), nothing)


FREES_NONE = "no span in use is freed while the collector marks (proved: nothing_is_freed_while_marking)"

JOBS = (
    Job("owning: rely while marking", "what others do while the collector marks is what it relies on", OwningProtocol, "", _rely, premises=(*PREMISES, FREES_NONE)),
    Job("span_of_heap", "a word leads to the span that has the page, whole", OwningProtocol, "span_of_heap", _span_of_heap, premises=(*PREMISES, FREES_NONE)),
    Job("scan_conservative", "the collector looks at a span that it does not own only while it is in use", OwningProtocol, "scan_conservative", _scan_conservative, premises=(*PREMISES, FREES_NONE)),
)  # fmt: skip
