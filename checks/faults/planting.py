"""From the names a user gives to the heap under test: `--heap FILE.py:CLASS` and `--fault NAME`."""

from spanproof.checks.faults.corpus import BY_NAME
from spanproof.checks.faults.edit import planted
from spanproof.checks.faults.history_faults import PAGE_BY_NAME
from spanproof.checks.faults.studied import EQUIVALENT
from spanproof.checks.subject import REFERENCE, Subject, SubjectError, load_heap
from spanproof.impl.malloc import Runtime

PLANTABLE = {**BY_NAME, **PAGE_BY_NAME, **{fault.name: fault for fault in EQUIVALENT}}
"""Every fault by its name: the heap's, the page allocator's, then those that break nothing."""


def subject(heap: str = REFERENCE, fault: str | None = None) -> Subject:
    """The heap of that name with that fault planted in it.

    Raises:
        SubjectError: there is no such heap or fault.
        EditError: the fault's edit does not fit the text.

    """
    base = Runtime if heap == REFERENCE else load_heap(heap)
    if fault is None:
        return Subject(base, heap)
    if fault not in PLANTABLE:
        raise SubjectError(f"--fault {fault}: no such fault; `spanproof list` shows them")
    return Subject(planted(PLANTABLE[fault].edits, base), heap, fault)
