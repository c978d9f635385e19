"""Which theorems speak of a function: those whose lemmas call it, those whose proofs run it.

Read next: layers.py.
"""

import random
import sys
from collections.abc import Iterator
from functools import cache, partial
from types import FrameType
from typing import Any

from spanproof.checks.faults.fault import Fault, in_page_allocator
from spanproof.checks.proofs.catalogue import PLAIN, THEOREMS
from spanproof.checks.proving.closed_world import covered
from spanproof.checks.proving.cursors_jobs import JOBS as CURSORS
from spanproof.checks.proving.jobs import Job
from spanproof.checks.proving.lifted.judging import PlainTheorem, drawn
from spanproof.checks.proving.lifted.lemma import Lemma, Numbers
from spanproof.checks.proving.scavenging_jobs import JOBS as SCAVENGING
from spanproof.checks.proving.theorem import Theorem
from spanproof.checks.running.pages_alone import page_text
from spanproof.impl.malloc import Runtime

DRAWS = 6
"""Numbers with which a lemma is read, to see what it calls."""
MOST = 2
"""Theorems about coroutines that are asked about one fault where several layers are asked."""
OF_PAGES = (SCAVENGING[0].protocol, CURSORS[0].protocol)
"""The protocols of which steps of the page allocator are."""


def names_of(fault: Fault) -> frozenset[str]:
    """The functions that it edits."""
    return frozenset(edit.function.rpartition(".")[2] for edit in fault.edits)


def speaking_of(fault: Fault) -> Iterator[PlainTheorem]:
    """Theorems about plain functions that call an edited one, of the quick tier."""
    names = names_of(fault)
    return (theorem for theorem in PLAIN if theorem.tier == "quick" and names & called_by(theorem))


def theorems_of(fault: Fault) -> list[Theorem]:
    """Theorems one of whose proofs runs an edited function: those that say what the fault breaks first."""
    names = names_of(fault)
    found = [theorem for theorem in THEOREMS if names & covered(theorem.protocol, Runtime)]
    return sorted(found, key=lambda theorem: fault.claim not in theorem.claims)[:MOST]


def protocols_of(fault: Fault) -> Iterator[tuple[Theorem, ...]]:
    """The theorems of each protocol whose proofs run an edited function, that of what the fault breaks first.

    What is only computed for a step has no name among the coroutines: of the page allocator's modules all are asked
    whose steps it may be.
    """
    names, groups = names_of(fault), dict[tuple[Job, ...], list[Theorem]]()
    computes = in_page_allocator(fault)
    for theorem in THEOREMS:
        run = {name.rpartition(".")[2] for name in covered(theorem.protocol, Runtime)}
        steps = computes and theorem.protocol[0].protocol in OF_PAGES
        if names & run or steps:
            groups.setdefault(theorem.protocol, []).append(theorem)
    mine = sorted(groups.values(), key=lambda each: not any(fault.claim in theorem.claims for theorem in each))
    yield from (tuple(sorted(each, key=lambda theorem: fault.claim not in theorem.claims)) for each in mine)


@cache
def called_by(theorem: PlainTheorem) -> frozenset[str]:
    """The functions of the text that a theorem's lemmas call, whatever the numbers: by their names."""
    return frozenset(name for lemma in theorem.lemmas for name in _called(lemma))


def _called(lemma: Lemma) -> set[str]:
    text, rng, names = page_text(Runtime), random.Random(0), set[str]()  # noqa: S311  # no secret

    def seen(frame: FrameType, event: str, arg: Any) -> None:  # noqa: ARG001  # what sys.setprofile calls
        if event == "call" and str(frame.f_globals.get("__name__", "")).startswith("spanproof.impl."):
            names.add(frame.f_code.co_name)

    sys.setprofile(seen)
    try:
        for _ in range(DRAWS):
            try:
                Numbers(text, partial(drawn, rng)).read(lemma)
            except Exception:  # noqa: BLE001, S112  # a premise that is not met ends a lemma
                continue
    finally:
        sys.setprofile(None)
    return names
