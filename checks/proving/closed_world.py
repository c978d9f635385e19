"""That no function of the heap acts beside the proofs.

A proof assumes something of where a function begins: a region is in hand, the lock is not held. Who calls it must show
that; and who writes cells of a protocol must show its guarantee. So every function that does either is covered by a
proof of that protocol, or it is entrusted with it for a stated reason. Read next: theorem.py.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from spanproof.checks.proving.footprint import accesses, reaches, text_of
from spanproof.checks.proving.heaps import coroutines
from spanproof.checks.proving.hidden import hidden
from spanproof.checks.proving.jobs import Job
from spanproof.checks.proving.protocol import Protocol
from spanproof.model.contracts.zeroing import FRAME


def covered(jobs: Iterable[Job], heap_class: Any) -> frozenset[str]:
    """The functions whose text these proofs run."""
    known = set(coroutines(heap_class))
    run = (reaches(heap_class, job.function, frozenset(job.by_contract)) for job in jobs if job.function in known)
    reached = frozenset[str]().union(*run)
    return reached.union(*(text_of(heap_class, name).cursors for name in reached))


def assuming(jobs: tuple[Job, ...], heap_class: Any) -> frozenset[str]:
    """The functions whose callers owe something: they begin a proof, stand by a contract, or write."""
    protocol = jobs[0].protocol
    begun = {job.function for job in jobs}
    return frozenset(
        begun | promising(protocol) | {n for n in coroutines(heap_class) if written(n, protocol, heap_class)}
    )


def promising(protocol: type[Protocol]) -> frozenset[str]:
    """The functions that stand by a contract of this protocol which asks for something, or promises it."""
    return frozenset(name for name, call in protocol.calls.items() if call.discharged != FRAME)


def written(name: str, protocol: type[Protocol], heap_class: Any) -> frozenset[str]:
    """The families of the protocol that a function writes by its own text, but for those it is entrusted with."""
    families = text_of(heap_class, name).written & protocol.families
    return frozenset(family for family in families if (name, family) not in protocol.entrusted)


@cache
def beside(jobs: tuple[Job, ...], heap_class: Any) -> tuple[str, ...]:
    """What functions of the heap do that these proofs, all those of one protocol, say nothing about."""
    return tuple(_beside(jobs, heap_class))


def _beside(jobs: tuple[Job, ...], heap_class: Any) -> Iterator[str]:
    protocol, inside, owed = jobs[0].protocol, covered(jobs, heap_class), assuming(jobs, heap_class)
    for job in jobs:
        unasked = covered([job], heap_class) & promising(protocol) - {job.function}
        yield from (
            f"{name} is called on the way of {job.function}, and its contract is not asked" for name in sorted(unasked)
        )
    yield from hidden(heap_class)
    yield from accesses(heap_class)
    for name in coroutines(heap_class):
        text = text_of(heap_class, name)
        yield from (f"{place}: it cannot be told which cell or function is meant" for place in text.strange)
        if name in inside:
            continue
        for family in sorted(written(name, protocol, heap_class)):
            yield f"{name} may write {family}, and no proof of {protocol.title} speaks of it"
        for callee in sorted(text.calls & owed):
            if (name, callee) not in protocol.entrusted:
                yield f"{name} calls {callee}, and no proof of {protocol.title} speaks of it"
