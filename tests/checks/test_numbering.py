"""Every cell has a number; one that is not there is nil, beyond an array, or a mistake of the heap's."""

from dataclasses import replace

import pytest

from spanproof.checks.ghosts import MSPAN_FUNCTIONS
from spanproof.checks.numbering import ARRAYS, OF_A_P, Numbering, UnknownCellError
from spanproof.impl.access import Cell
from spanproof.impl.malloc import Runtime
from spanproof.model.claims import PROMISES
from spanproof.model.geometry import SMALL
from spanproof.model.releases import NEWEST


@pytest.fixture(scope="module")
def numbering() -> Numbering:
    """Of the reference, on a small heap without Ps."""
    heap = Runtime(SMALL, NEWEST)
    return Numbering(heap, heap.fresh(), 1)


NOT_THERE: list[tuple[Cell[int], type[Exception]]] = [
    (Cell("mspancache", 0), AttributeError),
    (Cell("pageInUse", (1, 99)), IndexError),
    (Cell("zeroedBase", 99), IndexError),
    (Cell("memory", 99), UnknownCellError),
    (Cell("nothing.like.it"), UnknownCellError),
]


@pytest.mark.parametrize(("cell", "error"), NOT_THERE)
def test_a_cell_that_is_not_there(numbering: Numbering, cell: Cell[int], error: type[Exception]) -> None:
    """Each in its way."""
    with pytest.raises(error):
        numbering.of(cell)
    assert numbering.of(numbering.cells[3]) == 3


def test_the_families_are_the_heaps(numbering: Numbering) -> None:
    """Arrays stand in every heap; what is of a P stands in one with Ps alone."""
    heap = Runtime(replace(SMALL, ps=1), NEWEST)
    families = {cell.name for cell in numbering.cells}
    assert set(ARRAYS) <= families
    assert not set(OF_A_P) & families
    assert set(OF_A_P) <= {cell.name for cell in heap.fresh()}


def test_the_monitor_watches_the_mspans_that_a_claim_speaks_of() -> None:
    """The same functions."""
    claim = next(promise for promise in PROMISES if promise.name == "mspans_are_kept_by_halves")
    assert set(claim.functions) == set(MSPAN_FUNCTIONS)
