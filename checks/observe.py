"""From cells to what the model speaks of: snapshots, moments at which functions are called and return, ghosts.

The heap's text carries no mark of any of this. `watched` wraps its functions so that each call and return is told to
the engine as an `Event`, which belongs to the step before it. Ghosts are cells that only the monitor writes: what the
abstract heap owns, which spans were returned, what users wrote. Read next: monitor.py.
"""

import inspect
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

from spanproof.impl.access import Access, Cell
from spanproof.impl.heap_cells import HeapCells
from spanproof.model.state import HeapState

WATCHED = (
    "alloc",
    "alloc_manual",
    "alloc_needs_zero",
    "alloc_span",
    "free_manual",
    "free_span_locked",
    "grow",
    "init_span",
    "malloc_large",
    "malloc_small",
    "reclaim_chunk",
    "sweep",
    "sys_alloc",
)
WATCHED_PAGES = ("alloc", "free", "grow")
COUNTED = ("alloc_span", "init_span", "free_span_locked")
"""The functions whose number of threads inside is a ghost."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A function is called or returns. Not an access: the engine takes it in the same step as the access before it."""

    function: str
    returns: bool
    args: tuple[Any, ...]
    result: Any = None

    def __await__(self) -> Generator["Event", None, None]:
        """Tell the engine."""
        yield self


if TYPE_CHECKING:  # _wrapper gives these to the function below
    FUNCTION: str
    ORIGINAL: Callable[..., Coroutine[Any, Any, Any]]


async def _watch(self: Any, *args: Any) -> Any:
    await Event(FUNCTION, False, args)  # noqa: F821  # ruff does not see a name that is only annotated
    result = await ORIGINAL(self, *args)  # noqa: F821
    await Event(FUNCTION, True, args, result)  # noqa: F821
    return result


def _wrapper(original: Any, name: str) -> Any:
    """The function, telling of its call and return. No closure: local states are keyed by code and locals."""
    scope = {"Event": Event, "ORIGINAL": original, "FUNCTION": name}
    code = _watch.__code__.replace(co_name=original.__name__)
    return FunctionType(code, scope, original.__name__)


def _watched(cls: type, names: Iterable[str], prefix: str = "") -> type:
    methods = {name: _wrapper(getattr(cls, name), prefix + name) for name in names}
    return type(cls.__name__, (cls,), {"__slots__": (), **methods} if prefix else methods)


def watched(heap_class: type[HeapCells]) -> type[HeapCells]:
    """The heap with its calls and returns told to the engine."""
    pages = _watched(heap_class.PageAlloc, WATCHED_PAGES, "pages.")
    present = (name for name in WATCHED if inspect.iscoroutinefunction(getattr(heap_class, name, None)))
    cls = _watched(heap_class, present)
    cls.PageAlloc = pages  # type: ignore[attr-defined]
    return cls


Reading = Callable[[int], Any]
"""The present value of the cell with this number."""


class UnknownCellError(LookupError):
    """The heap uses a cell that it does not list in `fresh`."""


class Numbering:
    """A number for every cell of a heap, ghosts included."""

    def __init__(self, heap: HeapCells, cells: Mapping[Cell[Any], Any]) -> None:
        """Number the cells in the order of the mapping, then the ghosts."""
        g = heap.geometry
        ghosts: dict[Cell[Any], Any] = {Cell("ghost.inside", name): 0 for name in COUNTED}
        ghosts |= {Cell("ghost.returned", s): 0 for s in range(g.spans)}
        ghosts |= {Cell("ghost.acquired", s): -1 for s in range(g.spans)}
        ghosts |= {Cell("ghost.expected", page): 0 for page in g.pages}
        ghosts[Cell("ghost.abstract")] = None
        self.heap = heap
        self.initial = [*cells.values(), *ghosts.values()]
        self.names = [str(cell) for cell in (*cells, *ghosts)]
        self.cells: list[Cell[Any]] = [*cells, *ghosts]
        self.ghosts_from = len(cells)
        self._number = {cell: n for n, cell in enumerate((*cells, *ghosts))}

    def of(self, cell: Cell[Any]) -> int:
        """The number of a cell.

        Raises:
            UnknownCellError: the heap uses a cell that it does not list in `fresh`.

        """
        try:
            return self._number[cell]
        except KeyError:
            raise UnknownCellError(f"the heap touches {cell}, which is not among its cells") from None

    def all(self, name: str, indices: Iterable[Any]) -> tuple[int, ...]:
        """The numbers of a family of cells."""
        return tuple(self._number[Cell(name, index)] for index in indices)


def _identity(values: tuple[Any, ...]) -> Any:
    return values


def _only(values: tuple[Any, ...]) -> Any:
    return values[0]


def _sum(values: tuple[Any, ...]) -> int:
    return sum(values)


class Observer:
    """Builds snapshots of the fields that are asked for."""

    def __init__(self, numbering: Numbering) -> None:
        """Find the cells behind each field of HeapState."""
        g, n = numbering.heap.geometry, numbering
        self.geometry = g
        spans = range(g.spans)
        words = [(arena, byte) for arena in g.arena_indices for byte in range(-(-g.pages_per_arena // 8))]
        counts = len(g.pages)

        per_arena = len(words) // g.arenas

        def bits(values: tuple[int, ...]) -> tuple[int, ...]:
            places = (divmod(page, g.pages_per_arena) for page in range(counts))
            return tuple(values[arena * per_arena + page // 8] >> page % 8 & 1 for arena, page in places)

        def numbers(values: tuple[Any, ...]) -> tuple[int, ...]:
            return tuple(-1 if s is None else s.number for s in values)

        def allocated(values: tuple[Any, ...]) -> tuple[int, ...]:
            return tuple(values[0].allocated(page) for page in g.pages)

        self.fields: dict[str, tuple[tuple[int, ...], Callable[[tuple[Any, ...]], Any]]] = {
            "sweepgen": (n.all("sweepgen", [None]), _only),
            "inside_init_or_free": (n.all("ghost.inside", ("init_span", "free_span_locked")), _sum),
            "inside_alloc_or_free": (n.all("ghost.inside", ("alloc_span", "free_span_locked")), _sum),
            "zeroed_base": (n.all("zeroedBase", g.arena_indices), _identity),
            "page_in_use": (n.all("pageInUse", words), bits),
            "spans": (n.all("spans", g.pages), numbers),
            "contents": (n.all("memory", g.pages), _identity),
            "expected": (n.all("ghost.expected", g.pages), _identity),
            "allocated": ((n.of(numbering.heap.pages.tree),), allocated),
            "state": (n.all("mspan.state", spans), _identity),
            "base": (n.all("mspan.base", spans), _identity),
            "npages": (n.all("mspan.npages", spans), _identity),
            "needzero": (n.all("mspan.needzero", spans), _identity),
            "span_sweepgen": (n.all("mspan.sweepgen", spans), _identity),
            "returned": (n.all("ghost.returned", spans), _identity),
            "in_use_bytes": (n.all("memstats.inUse", range(3)), _identity),
        }

    def cells(self, fields: Iterable[str]) -> tuple[int, ...]:
        """The numbers of the cells behind these fields, each once."""
        return tuple(dict.fromkeys(n for name in fields for n in self.fields[name][0]))

    def state(self, read: Reading, fields: Iterable[str]) -> HeapState:
        """A snapshot of these fields. A reading that knows fields of its own accord (`field`) is asked for them."""
        by_field: Callable[[str], Any] | None = getattr(read, "field", None)
        if by_field is not None:
            return HeapState(self.geometry, **{name: by_field(name) for name in fields})
        seen: dict[str, Any] = {}
        for name in fields:
            numbers, convert = self.fields[name]
            seen[name] = convert(tuple(read(n) for n in numbers))
        return HeapState(self.geometry, **seen)


def advance(coroutine: Any, answer: Any) -> tuple[Access[Any] | None, tuple[Event, ...], Any]:
    """Send the result of an access and run on to the next: (it or None at the end, the events between, the result)."""
    events: list[Event] = []
    try:
        reached = coroutine.send(answer)
        while isinstance(reached, Event):
            events.append(reached)
            reached = coroutine.send(None)
    except StopIteration as end:
        return None, tuple(events), end.value
    return reached, tuple(events), None
