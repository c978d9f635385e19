"""From the names a user gives to the heap under test: `--heap FILE.py:CLASS` and `--fault NAME`."""

import random
import re
from collections.abc import Mapping
from functools import cache

from spanproof.checks.faults.corpus import BY_NAME
from spanproof.checks.faults.edit import effect, planted
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.generating import generated
from spanproof.checks.faults.history_faults import PAGE_BY_NAME
from spanproof.checks.faults.studied import EQUIVALENT
from spanproof.checks.subject import REFERENCE, Subject, SubjectError, load_heap
from spanproof.impl.malloc import Runtime

PLANTABLE = {**BY_NAME, **PAGE_BY_NAME, **{fault.name: fault for fault in EQUIVALENT}}
"""Every fault that is written down, by its name: the heap's, the page allocator's, then those that break nothing."""


@cache
def every_fault() -> Mapping[str, Fault]:
    """Those too that are made from the syntax tree, which takes seconds."""
    written = {effect(fault.edits) for fault in PLANTABLE.values()}
    return PLANTABLE | {fault.name: fault for fault in generated() if effect(fault.edits) not in written}


def corpus(number: int, seed: int) -> list[str]:
    """The names of all faults that are written down, and of so many others, drawn by a seed."""
    others = [name for name in every_fault() if name not in PLANTABLE]
    drawn = random.Random(seed).sample(others, min(number, len(others)))  # noqa: S311  # no secret
    return [*PLANTABLE, *sorted(drawn, key=others.index)]


def looked_among(name: str) -> Mapping[str, Fault]:
    """The faults among which this name can be: those that are made have numbers at their ends."""
    return every_fault() if re.search(r"_\d+$", name) else PLANTABLE


def named(name: str) -> Fault | None:
    """The fault of this name, if there is one."""
    return PLANTABLE.get(name) or looked_among(name).get(name)


def subject(heap: str = REFERENCE, fault: str | None = None) -> Subject:
    """The heap of that name with that fault planted in it.

    Raises:
        SubjectError: there is no such heap or fault.
        EditError: the fault's edit does not fit the text.

    """
    base = Runtime if heap == REFERENCE else load_heap(heap)
    if fault is None:
        return Subject(base, heap)
    found = named(fault)
    if found is None:
        raise SubjectError(f"--fault {fault}: no such fault; `spanproof list` shows them")
    return Subject(planted(found.edits, base), heap, fault)
