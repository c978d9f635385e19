"""What is said of single generated faults is said of faults that can be made, once."""

from spanproof.checks.faults.planting import PLANTABLE, every_fault
from spanproof.checks.faults.survivors import NEVER_MET, WOULD_FIND
from spanproof.checks.proofs.catalogue import PLAIN

LISTS = (NEVER_MET, WOULD_FIND)


def test_each_is_a_fault_that_can_be_made() -> None:
    """And stands in one list, with its reason."""
    names = [name for said in LISTS for name in said]
    assert len(names) == len(set(names))
    assert set(names) <= set(every_fault()) - set(PLANTABLE)
    assert all(reason for said in LISTS for reason in said.values())


def test_only_what_a_probe_sees_is_never_met() -> None:
    """Of bounds and of words that are read again; of other changes a probe that does not throw says nothing."""
    assert {every_fault()[name].kind for name in NEVER_MET} == {"bound", "not reloaded"}


def test_theorems_decide_functions_that_are_there() -> None:
    """By the names that edits know them by."""
    edited = {edit.function for fault in every_fault().values() for edit in fault.edits}
    decided = {name for theorem in PLAIN for name in theorem.decides}
    assert decided
    assert decided <= edited, decided - edited
