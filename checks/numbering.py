"""A number for every cell of a heap, and for the ghosts: cells that only the monitor writes. Read next: observe.py."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spanproof.impl.access import Cell
from spanproof.impl.heap_cells import HeapCells

COUNTED = ("alloc_span", "init_span", "free_span_locked", "pages.scavenge_one", "gc_cycle", "gc_mark_termination")
"""The functions whose number of threads inside is a ghost."""


OF_A_THREAD = (
    "owes", "wanted", "freed", "chunk", "refilled", "released", "moved", "unasked", "kept", "sought",
)  # fmt: skip
"""The ghosts that each thread has one of: None while there is nothing to say of it (see ghosts.py)."""
OF_A_P = ("pcache", "mspancache")
"""The families of cells that each P has one of."""
ARRAYS = ("pageInUse", "pageMarks", "spans", "zeroedBase")
"""The families of cells that are arrays of fixed length."""
Reading = Callable[[int], Any]
"""The present value of the cell with this number."""
Update = tuple[int, Any]
"""A ghost's number and its new value."""


def page_of(heap: HeapCells, address: int) -> int:
    """The page of the heap, counted from its first, that an address lies in."""
    return (address - heap.geometry.heap_base) // heap.geometry.page_size


class UnknownCellError(LookupError):
    """The heap uses a cell that it does not list in `fresh`."""


class Numbering:
    """A number for every cell of a heap, ghosts included."""

    def __init__(self, heap: HeapCells, cells: Mapping[Cell[Any], Any], threads: int) -> None:
        """Number the cells in the order of the mapping, then the ghosts, some of which each thread has one of."""
        g = heap.geometry
        ghosts: dict[Cell[Any], Any] = {Cell("ghost.inside", name): 0 for name in COUNTED}
        ghosts |= {Cell("ghost.returned", s): 0 for s in range(g.spans)}
        ghosts |= {Cell("ghost.acquired", s): -1 for s in range(g.spans)}
        ghosts |= {Cell("ghost.expected", page): 0 for page in g.pages}
        ghosts[Cell("ghost.abstract")] = None
        ghosts[Cell("ghost.calm")] = frozenset()
        ghosts |= {Cell(f"ghost.{name}", t): None for name in OF_A_THREAD for t in range(threads)}
        ghosts[Cell("ghost.cycles")] = 0
        self.heap, self.threads = heap, threads
        self.initial = [*cells.values(), *ghosts.values()]
        self.names = [str(cell) for cell in (*cells, *ghosts)]
        self.cells: list[Cell[Any]] = [*cells, *ghosts]
        self.ghosts_from = len(cells)
        self._arrays = frozenset(cell.name for cell in cells)
        self._number = {cell: n for n, cell in enumerate((*cells, *ghosts))}

    def of(self, cell: Cell[Any]) -> int:
        """The number of a cell.

        Raises:
            UnknownCellError: the heap uses a cell that it does not list in `fresh`.
            AttributeError: it is of a P, and the thread has none: in Go that is nil.
            IndexError: it is beyond the end of an array of the heap's.

        """
        try:
            return self._number[cell]
        except KeyError:
            if cell.name in OF_A_P and not self.heap.geometry.ps:
                raise AttributeError(f"{cell} of a thread without a P", name=cell.name, obj=None) from None
            if cell.name in ARRAYS and cell.name in self._arrays:
                raise IndexError(f"{cell} is beyond the end") from None
            raise UnknownCellError(f"the heap touches {cell}, which is not among its cells") from None

    @property
    def index_words(self) -> tuple[int, ...]:
        """The numbers of the cells that hold the words of the scavenge index, lowest chunks first."""
        return tuple(n for n, cell in enumerate(self.cells) if cell.name == "scav.chunks")

    def all(self, name: str, indices: Iterable[Any]) -> tuple[int, ...]:
        """The numbers of a family of cells."""
        return tuple(self._number[Cell(name, index)] for index in indices)


Field = tuple[tuple[int, ...], Callable[[tuple[Any, ...]], Any]]
"""The cells behind a field of HeapState, and what it is, given their values."""
