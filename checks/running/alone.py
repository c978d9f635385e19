"""One thread alone: its coroutines are run to their end, one after the other, on cells that come to be when touched.

For long histories and for Go's tables, where no other thread takes a step. Nobody needs to see an access before it is
done, so cells that are made the thread's own do theirs where they are awaited. Read next: pages_alone.py.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar

from spanproof.checks.broken import EndlessError
from spanproof.checks.failing import exits
from spanproof.impl.access import ATOMIC, BLOCKED, MEANING, PLAIN, Access, Cell, Cells, perform

T = TypeVar("T")
ALONE = 0
"""The number of the thread."""
LONGEST = 2_000_000
"""Accesses of one call, after which it is taken for endless, unless its user knows better."""


class Alone:
    """A store of cells, and what runs on it."""

    def __init__(self, fresh: Callable[[Cell[Any]], Any]) -> None:
        """fresh: the value of a cell that was not touched yet."""
        self.fresh = fresh
        self.longest = LONGEST
        self.left = LONGEST
        """Accesses that the call in progress may still take."""
        self.values: dict[tuple[str, Any], Any] = {}
        """By name and index: these are hashed faster than cells."""

    def value(self, cell: Cell[Any]) -> Any:
        """What a cell holds."""
        key = cell.name, cell.index
        if key not in self.values:
            self.values[key] = self.fresh(cell)
        return self.values[key]

    def put(self, cell: Cell[Any], value: Any) -> None:
        """Have a cell hold something else."""
        self.values[cell.name, cell.index] = value

    def own(self, part: Any) -> Any:
        """A part of a heap with the thread's own cells in the place of others. Locks stay: `run_past` looks there."""
        if type(part) is Cell:
            cell: CellAlone[Any] = CellAlone(part.name, part.index, part.guard, alone=self, key=(part.name, part.index))
            return cell
        if type(part) is Cells:
            cells: CellsAlone[Any] = CellsAlone(part.name, alone=self)
            return cells
        if not is_dataclass(part) or isinstance(part, type):
            return part
        parts = {f.name: getattr(part, f.name) for f in fields(part) if f.init}
        owned = {name: self.own(value) for name, value in parts.items()}
        return part if all(owned[name] is parts[name] for name in parts) else replace(part, **owned)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end: what it returns.

        Raises:
            EndlessError: it waits for what nobody else can give, or does not come to an end.
        ExitsError: it asks to end the process.

        """
        answer: Any = None
        self.left = self.longest
        try:
            while True:
                answer = self._done(coroutine.send(answer))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # as its annotation says
        except SystemExit as e:
            raise exits(e) from None

    def run_past(self, coroutine: Coroutine[Any, Any, Any], kind: str) -> bool:
        """Run it until its next access of a kind is done, one that gives nothing; `run` goes on from there.

        The access is of no cell of the thread's own. False if it comes to its end before.

        Raises:
            EndlessError: as `run`.

        """
        answer: Any = None
        self.left = self.longest
        try:
            while True:
                access: Access[Any] = coroutine.send(answer)
                answer = self._done(access)
                if access.kind == kind:
                    return True
        except StopIteration:
            return False

    def _done(self, access: Access[Any]) -> Any:
        """Do an access: its result."""
        cell = access.cell
        self.left -= 1
        if self.left < 0:
            raise self.endless()
        self.values[cell.name, cell.index], answer = perform(access, self.value(cell), ALONE)
        if answer is BLOCKED:
            raise EndlessError(f"{access.kind} of {cell} waits for ever: there is no other thread")
        return answer

    def endless(self) -> EndlessError:
        """That there is no end."""
        return EndlessError(f"there is no end after {self.longest:,} accesses")


@dataclass(frozen=True, slots=True)
class CellAlone(Cell[T]):
    """A cell of one thread's own: an access is done where it is awaited, and nothing is handed out."""

    alone: Alone = field(kw_only=True, repr=False, compare=False)
    key: tuple[str, Any] = field(kw_only=True, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class CellsAlone(Cells[T]):
    """A family of such cells."""

    alone: Alone = field(kw_only=True, repr=False, compare=False)
    made: dict[Any, CellAlone[T]] = field(
        default_factory=dict[Any, CellAlone[T]], init=False, repr=False, compare=False
    )

    def at(self, index: Any) -> CellAlone[T]:
        """The cell with this index."""
        made = self.made.get(index)
        if made is None:
            made = self.made[index] = CellAlone(self.name, index, alone=self.alone, key=(self.name, index))
        return made


def _at_once(kind: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The method of cells that makes accesses of a kind, as one that does them. None of these ever waits."""
    meaning = MEANING[kind]

    async def access(cell: CellAlone[Any], *args: Any) -> Any:
        alone, key = cell.alone, cell.key
        alone.left = left = alone.left - 1
        if left < 0:
            raise alone.endless()
        values = alone.values
        before = values[key] if key in values else alone.value(cell)
        values[key], answer = meaning(before, ALONE, *args)
        return answer

    return access


for _kind in ATOMIC | PLAIN:
    setattr(CellAlone, _kind, _at_once(_kind))
