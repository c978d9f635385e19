"""Edits of the reference's text fit it exactly once, and change what they say and nothing else."""

import inspect
from typing import Any

import pytest

from spanproof.checks.faults.corpus import FAULTS, Fault
from spanproof.checks.faults.edit import Edit, EditError, planted
from spanproof.impl.heap_cells import HeapCells
from spanproof.impl.malloc import Runtime


@pytest.mark.parametrize(
    ("function", "old"),
    [
        ("Heap.alloc_needs_zero", "nothing_of_the_kind = True"),
        ("Heap.alloc_needs_zero", "npage < 0"),
        ("Heap.alloc_needs_zero", "npage"),
        ("Heap.free_span_locked", "npages = await s.npages.read()"),
        ("Heap.mspan_init", "0"),
    ],
    ids=["no such statement", "no such expression", "a name used often", "a statement twice", "a number used often"],
)
def test_an_edit_must_match_exactly_once(function: str, old: str) -> None:
    """A piece that is not there, or that is there more than once, is an error that names function, piece and count."""
    with pytest.raises(EditError, match=r"occurs \d+ times, not once") as raised:
        planted((Edit(function, old, "pass" if " = " in old else "1"),))
    assert str(raised.value).startswith(function)
    assert "occurs 1 times" not in str(raised.value)


@pytest.mark.parametrize("function", ["Heap.no_such_function", "NoSuchClass.alloc", "no_such_module.f", "alloc"])
def test_an_edit_names_a_function_that_exists(function: str) -> None:
    """A function that the reference does not have is an error."""
    with pytest.raises(EditError, match="no such function"):
        planted((Edit(function, "x", "y"),))


def differing(heap: type[Runtime]) -> set[str]:
    """The methods whose code or globals differ from the reference's."""
    pairs = ((heap, Runtime), (heap.PageAlloc, Runtime.PageAlloc))
    return {
        f"{theirs.__name__}.{name}"
        for edited, theirs in pairs
        for name in dir(theirs)
        if inspect.iscoroutinefunction(getattr(theirs, name)) and getattr(edited, name) is not getattr(theirs, name)
    }


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_every_fault_applies(fault: Fault) -> None:
    """Each fault of the corpus fits the text as it stands, and edits only the functions that it names."""
    users = {"page_alloc.find_and_allocate": "alloc"}  # an edited function of a module changes the methods that call it
    named = {users.get(edit.function, edit.function.partition(".")[2]) for edit in fault.edits}
    changed = {name.partition(".")[2] for name in differing(planted(fault.edits))}
    assert changed == named


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_edited_text_keeps_its_file_and_lines(fault: Fault) -> None:
    """Edited functions point into the original file, at the lines of the function they come from."""
    heap = planted(fault.edits)
    for name in differing(heap):
        owner, _, method = name.partition(".")
        edited, original = (getattr(c.PageAlloc if owner == "PageAlloc" else c, method) for c in (heap, Runtime))
        last = original.__code__.co_firstlineno + len(inspect.getsourcelines(original)[0])
        lines = [line for _, _, line in edited.__code__.co_lines() if line is not None]
        assert edited.__code__.co_filename == original.__code__.co_filename
        assert all(original.__code__.co_firstlineno <= line < last for line in lines)


def test_the_reference_is_left_as_it_is() -> None:
    """Planting a fault changes a new class; the reference, and another fault's heap, stay as they are."""
    before: dict[str, Any] = {name: getattr(Runtime, name) for name in dir(Runtime)}
    first, second = planted(FAULTS[0].edits), planted(FAULTS[-1].edits)
    assert {name: getattr(Runtime, name) for name in dir(Runtime)} == before
    assert first.alloc_needs_zero is not Runtime.alloc_needs_zero
    assert second.alloc_needs_zero is Runtime.alloc_needs_zero
    assert issubclass(first, HeapCells)


def test_faults_can_be_planted_one_upon_another() -> None:
    """Two edits of one function are applied together."""
    edits = (
        Edit("Heap.alloc_needs_zero", "need_zero = True", ""),
        Edit("Heap.alloc_needs_zero", "zeroed_base > arena_base", "zeroed_base >= arena_base"),
    )
    assert differing(planted(edits)) == {"Runtime.alloc_needs_zero"}
