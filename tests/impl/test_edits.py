"""Edits of the reference's text fit it exactly once, and change what they say and nothing else."""

import inspect
from types import CodeType
from typing import Any

import pytest

from spanproof.checks.comparing.standing_alone import StandingAlone
from spanproof.checks.faults.copies import LAYERS
from spanproof.checks.faults.corpus import FAULTS
from spanproof.checks.faults.edit import Edit, EditError, planted
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.planting import PLANTABLE
from spanproof.checks.running.pages_alone import page_text
from spanproof.impl.heap_cells import HeapCells
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import SMALL


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


def text_of(heap: type[Runtime]) -> dict[str, CodeType]:
    """The code of each function of a heap's text, by class or module and name."""
    named = {n: f for n in dir(heap) if inspect.iscoroutinefunction(f := getattr(heap, n))}
    named |= {
        f"OsMemory.{n}": f for n in dir(heap.OsMemory) if inspect.iscoroutinefunction(f := getattr(heap.OsMemory, n))
    }
    index: Any = heap.ScavengeIndex.load
    for name, value in {**index.__globals__, **vars(page_text(heap))}.items():
        if inspect.isclass(value) and value.__module__.rpartition(".")[2] in LAYERS:
            named |= {
                f"{name}.{n}": f for n, f in vars(value).items() if inspect.isfunction(f) and not n.startswith("__")
            }
        elif inspect.isfunction(value) and value.__module__.rpartition(".")[2] in LAYERS:
            named[f"{value.__module__.rpartition('.')[2]}.{name}"] = value
    return {name: function.__code__ for name, function in named.items()}


def differing(heap: type[Runtime]) -> dict[str, tuple[CodeType, CodeType]]:
    """The functions whose code differs from the reference's: (edited, reference's)."""
    edited, reference = text_of(heap), text_of(Runtime)
    assert set(edited) == set(reference)
    return {name: (edited[name], reference[name]) for name in edited if edited[name] != reference[name]}


@pytest.mark.parametrize("fault", PLANTABLE.values(), ids=lambda f: f.name)
def test_every_fault_applies(fault: Fault) -> None:
    """Each fault of the corpus fits the text as it stands, and edits only the functions that it names."""
    named = {edit.function.rpartition(".")[2] for edit in fault.edits}
    assert {name.rpartition(".")[2] for name in differing(planted(fault.edits))} == named


@pytest.mark.parametrize("fault", PLANTABLE.values(), ids=lambda f: f.name)
def test_edited_text_keeps_its_file_and_lines(fault: Fault) -> None:
    """Edited functions point into the original file, at the lines of the function they come from."""
    for edited, original in differing(planted(fault.edits)).values():
        last = original.co_firstlineno + len(inspect.getsourcelines(original)[0])
        lines = [line for _, _, line in edited.co_lines() if line is not None]
        assert edited.co_filename == original.co_filename
        assert all(original.co_firstlineno <= line < last for line in lines)


def test_an_edit_reaches_whoever_calls_the_function() -> None:
    """By whatever way: a method of a value that only other plain functions use."""
    heap = planted(
        (
            Edit("PallocBits.find1", "return NOT_FOUND", "raise Throw('edited')"),
            Edit(
                "ranges.make_addr_range",
                "return AddrRange(base, limit, offset)",
                "return AddrRange(base, limit, offset + 0)",
            ),
        )
    )
    full = StandingAlone(SMALL, heap_class=heap)
    full.grow(SMALL.heap_base, SMALL.chunk_size)
    with pytest.raises(NameError, match="Throw"):
        full.tree.chunk_of(full.tree.start).alloc.set_all().find1(0)


def test_an_edit_of_another_page_allocator_is_refused() -> None:
    """A heap that has one of its own would not run the edited text."""
    allocator = type("PageAlloc", (Runtime.PageAlloc,), {"__slots__": ()})
    own: Any = type("Own", (Runtime,), {"PageAlloc": allocator})

    with pytest.raises(EditError, match="Own has a PageAlloc of its own"):
        planted((Edit("PallocBits.find1", "return NOT_FOUND", "return 0"),), own)


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
    assert set(differing(planted(edits))) == {"alloc_needs_zero"}
