"""Every cell has a number; one that is not there is nil, beyond an array, or a mistake of the heap's."""

import pytest

from spanproof.checks.numbering import Numbering, UnknownCellError
from spanproof.impl.access import Cell
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import SMALL
from spanproof.model.releases import NEWEST


@pytest.fixture(scope="module")
def numbering() -> Numbering:
    """Of the reference, on a small heap without Ps."""
    heap = Runtime(SMALL, NEWEST)
    return Numbering(heap, heap.fresh())


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
