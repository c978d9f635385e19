"""One thread alone: its coroutines are run to their end, one after the other, on cells that come to be when touched.

For long histories and for Go's tables, where no other thread takes a step. Read next: pages_alone.py.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from spanproof.checks.running.endless import EndlessError
from spanproof.impl.access import BLOCKED, Access, Cell, perform

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

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end: what it returns.

        Raises:
            EndlessError: it waits for what nobody else can give, or does not come to an end.

        """
        answer: Any = None
        values, value, send = self.values, self.value, coroutine.send
        try:
            for _ in range(self.longest):
                access: Access[Any] = send(answer)
                cell = access.cell
                key = cell.name, cell.index
                before = values[key] if key in values else value(cell)
                values[key], answer = perform(access, before, ALONE)
                if answer is BLOCKED:
                    raise EndlessError(f"{access.kind} of {cell} waits for ever: there is no other thread")
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # as its annotation says
        raise EndlessError(f"there is no end after {self.longest:,} accesses")

    def run_past(self, coroutine: Coroutine[Any, Any, Any], kind: str) -> bool:
        """Run it until its next access of a kind is done, one that gives nothing; `run` goes on from there.

        False if it comes to its end before.

        Raises:
            EndlessError: it waits for what nobody else can give.

        """
        answer: Any = None
        try:
            while True:
                access: Access[Any] = coroutine.send(answer)
                self.values[access.cell.name, access.cell.index], answer = perform(
                    access, self.value(access.cell), ALONE
                )
                if answer is BLOCKED:
                    raise EndlessError(f"{access.kind} of {access.cell} waits for ever: there is no other thread")
                if access.kind == kind:
                    return True
        except StopIteration:
            return False
