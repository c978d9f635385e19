"""The await vocabulary: shared memory is cells, and one awaited `Access` is one step of one thread.

A cell is a name and an index, never an object with state: its value lives in whatever engine runs the text. Values are
frozen: numbers, handles, tuples, frozen dataclasses. `load`, `store`, `compare_and_swap`, `add`, `or8` and `and8` are
Go's atomics, `read` and `write` its plain accesses; all are steps. `perform` says what each does to a value.
Read next: span.py.
"""
# pyright: reportUnknownLambdaType=false
# The types of a lambda in a table of Callable[..., R] cannot be written down.

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, TypeVarTuple

T = TypeVar("T")
R = TypeVar("R")
Args = TypeVarTuple("Args")


NIL_DEREFERENCE = "invalid memory address or nil pointer dereference"
"""What Go says, and throws, where nil is followed."""

FAULT = "unexpected signal during runtime execution"
"""What Go says, and throws, where memory is touched that is not mapped."""


OUT_OF_RANGE = "index out of range"
"""What Go says, and throws, where an array has no such element."""


class Throw(Exception):
    """Go would have thrown: a finding about the heap, never a bug of ours."""


class Undefined(Exception):
    """A call of which Go does not say what it does: pages freed that are free, none at all, or outside of the heap."""


class Misuse(Exception):
    """An access that Go's rules forbid: a lock unlocked by a stranger, protected data touched without its lock."""


BLOCKED: Any = object()
"""What `perform` gives as the result of an access that must wait."""


@dataclass(frozen=True, slots=True, eq=False)
class Access(Generic[T]):
    """One step. Awaiting it hands it to the engine and gives back its result.

    A dataclass and not a tuple: mypy reports a forgotten await of this, and two accesses are never equal by accident.
    """

    kind: str
    cell: "Cell[Any]"
    args: tuple[Any, ...] = ()

    def __await__(self) -> Generator["Access[Any]", Any, T]:
        """Hand this access to the engine."""
        result: T = yield self
        return result

    if not TYPE_CHECKING:  # seen by mypy, these would switch its own reports of a forgotten await off

        def __bool__(self) -> NoReturn:
            """Refuse: an access has no truth value before it is awaited."""
            raise TypeError(f"{self.kind} of {self.cell}: an await is missing")

        def __eq__(self, other: object) -> NoReturn:
            """Refuse: an access is no value before it is awaited."""
            raise TypeError(f"{self.kind} of {self.cell}: an await is missing")

        __hash__ = object.__hash__


ATOMIC = frozenset({"load", "store", "compare_and_swap", "add", "or8", "and8", "update"})
PLAIN = frozenset({"read", "write"})
WRITES = frozenset({"store", "compare_and_swap", "add", "or8", "and8", "update", "write"})


@dataclass(frozen=True, slots=True)
class Cell(Generic[T]):
    """One shared location. With a guard, only the holder of that lock may touch it."""

    name: str
    index: Any = None
    guard: str | None = None

    def __str__(self) -> str:
        """The name as Go would write it: zeroedBase[1], mspan[0].state."""
        if self.index is None:
            return self.name
        if isinstance(self.index, tuple):
            return self.name + "".join(f"[{i}]" for i in self.index)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        kind, dot, field = self.name.partition(".")
        return f"{kind}[{self.index}]{dot}{field}"

    def load(self) -> Access[T]:
        """Atomic load."""
        return Access("load", self)

    def store(self, value: T) -> Access[None]:
        """Atomic store."""
        return Access("store", self, (value,))

    def compare_and_swap(self, old: T, new: T) -> Access[bool]:
        """Atomic compare-and-swap; strong: it fails only if the value differs."""
        return Access("compare_and_swap", self, (old, new))

    def add(self, delta: int) -> Access[T]:
        """Atomic add; gives the new value, as Go's Xadd does."""
        return Access("add", self, (delta,))

    def or8(self, mask: int) -> Access[None]:
        """Atomic or of a byte."""
        return Access("or8", self, (mask,))

    def and8(self, mask: int) -> Access[None]:
        """Atomic and of a byte."""
        return Access("and8", self, (mask,))

    def read(self) -> Access[T]:
        """Plain read."""
        return Access("read", self)

    def write(self, value: T) -> Access[None]:
        """Plain write."""
        return Access("write", self, (value,))

    def update(self, operation: Callable[[T, *Args], tuple[T, R]], *args: *Args) -> Access[R]:
        """One step on a frozen structure: `operation(value, *args)` gives (new value, result) and is pure.

        For what a lock protects alone, and for lock-free structures that behave as if each call were atomic.
        """
        return Access("update", self, (operation, *args))


@dataclass(frozen=True, slots=True)
class Cells(Generic[T]):
    """A family of cells, one for each index."""

    name: str

    def at(self, index: Any) -> Cell[T]:
        """The cell with this index."""
        return Cell(self.name, index)


@dataclass(frozen=True, slots=True)
class Lock(Cell[int]):
    """A runtime mutex: 0 when free, else the number of the thread that holds it, plus one."""

    def lock(self) -> Access[None]:
        """Wait until the lock is free, then take it (runtime, lock)."""
        return Access("lock", self)

    def unlock(self) -> Access[None]:
        """Release the lock (runtime, unlock)."""
        return Access("unlock", self)


@dataclass(frozen=True, slots=True)
class World(Cell[int]):
    """Whether the world runs: the number of threads that cannot be preempted, or -1 while it is stopped."""

    def acquirem(self) -> Access[None]:
        """Go on without being preempted; waits while the world is stopped (runtime, acquirem)."""
        return Access("acquirem", self)

    def releasem(self) -> Access[None]:
        """Allow preemption again (runtime, releasem)."""
        return Access("releasem", self)

    def stop(self) -> Access[None]:
        """Wait until every thread can be preempted, then stop them (runtime, stopTheWorld)."""
        return Access("stop", self)

    def start(self) -> Access[None]:
        """Let the threads go on (runtime, startTheWorld)."""
        return Access("start", self)


STOPPED = -1


def _compare_and_swap(value: Any, thread: int, old: Any, new: Any) -> tuple[Any, Any]:
    return (new, True) if value == old else (value, False)


def _lock(value: int, thread: int) -> tuple[int, Any]:
    return (thread + 1, None) if value == 0 else (value, BLOCKED)


def _unlock(value: int, thread: int) -> tuple[int, None]:
    if value != thread + 1:
        raise Misuse("unlock of a lock that this thread does not hold")
    return 0, None


def _acquirem(value: int, thread: int) -> tuple[int, Any]:
    return (value, BLOCKED) if value == STOPPED else (value + 1, None)


def _stop(value: int, thread: int) -> tuple[int, Any]:
    return (STOPPED, None) if value == 0 else (value, BLOCKED)


MEANING: dict[str, Callable[..., tuple[Any, Any]]] = {
    "load": lambda value, thread: (value, value),
    "read": lambda value, thread: (value, value),
    "store": lambda value, thread, new: (new, None),
    "write": lambda value, thread, new: (new, None),
    "compare_and_swap": _compare_and_swap,
    "add": lambda value, thread, delta: (value + delta, value + delta),
    "or8": lambda value, thread, mask: (value | mask, None),
    "and8": lambda value, thread, mask: (value & mask, None),
    "update": lambda value, thread, operation, *args: operation(value, *args),
    "lock": _lock,
    "unlock": _unlock,
    "acquirem": _acquirem,
    "releasem": lambda value, thread: (value - 1, None),
    "stop": _stop,
    "start": lambda value, thread: (0, None),
}
"""What each kind of access does: from the value of its cell, the thread and its arguments to (new value, result)."""

KINDS = frozenset(MEANING)


def perform(access: Access[Any], value: Any, thread: int) -> tuple[Any, Any]:
    """(new value, result) of one access on the present value of its cell; the result is BLOCKED when it must wait.

    Raises:
        Misuse: an unlock by a thread that does not hold the lock.

    """
    return MEANING[access.kind](value, thread, *access.args)
