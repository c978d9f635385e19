"""State and actions that no coroutine's text shows are named, and then nothing is claimed."""

import functools
import itertools
import random
import types
from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar

import pytest

from spanproof.checks.proving.closed_world import beside
from spanproof.checks.proving.theorem import JOBS, PROTOCOLS, prove, units
from spanproof.impl.access import Cell, Lock, World
from spanproof.impl.malloc import Runtime

SEEN: list[int] = []
COUNT = itertools.count()


class Box:
    """A cell that looks like a field of a span, and a list."""

    reachable: Cell[int] = Cell("zeroedBase", 1)
    past: list[int] = []  # noqa: RUF012  # what must be noticed


def remembers() -> bool:
    """Is true from the fourth call on."""
    SEEN.append(1)
    return len(SEEN) > 3


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """As it is, by way of a closure."""

    @functools.wraps(function)
    def outer(*arguments: Any) -> Any:
        return function(*arguments)

    return outer


class List(Runtime):
    """A list of the module."""

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        return len(SEEN) > 3


class Counter(Runtime):
    """A counter of the module."""

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        return next(COUNT) > 3


class Helper(Runtime):
    """A function of the module that uses the list."""

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        return remembers()


class Dice(Runtime):
    """A module of the library that keeps state."""

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        return random.random() < 0.5  # what must be noticed


class OfAClass(Runtime):
    """A list of a class."""

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        return len(Box.past) > 3


class Default(Runtime):
    """A default that is a list."""

    async def is_sweep_done(self, past: list[int] = SEEN) -> bool:
        """Changes its mind."""
        return len(past) > 3


class Short(Runtime):
    """A parameter that proofs leave at its default."""

    async def alloc_span(self, npages: int, typ: int, spanclass: int, short: int = 0) -> Any:
        """Takes fewer pages than it builds on."""
        return await super().alloc_span(npages - short, typ, spanclass)


class Number(Runtime):
    """A number for proofs that is another in a run."""

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        return [True, False][isinstance(await self.sweepdone.load(), bool)]


class Looks(Runtime):
    """The kind of a value by way of a special attribute."""

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        return (await self.sweepdone.load()).__class__ is int


class Sets(Runtime):
    """An attribute of a class, set by a plain function."""

    times = 0

    def more(self) -> int:
        """Counts."""
        Sets.times += 1
        return self.times

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        return self.more() > 3


class Unseen(Runtime):
    """What an attribute is is decided elsewhere."""

    def __getattribute__(self, name: str) -> Any:
        """Gives it."""
        return super().__getattribute__(name)


class Text(Runtime):
    """A release by its text."""

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        release: Any = self.release
        return bool(release == "go1.20")


class Tries(Runtime):
    """A plain function that finds out by an error."""

    def shifted(self, sg: int) -> int:
        """Another number for symbols."""
        try:
            return sg ^ 2
        except TypeError:
            return sg

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        return self.shifted(await self.sweepgen.read()) == 2


class Matches(Tries):
    """By a pattern."""

    def shifted(self, sg: int) -> int:
        """Another number for symbols."""
        match sg:
            case int(n):
                return n + 2
        return sg


class Same(Tries):
    """By an identity."""

    def shifted(self, sg: int) -> int:
        """Another number for symbols."""
        again = sg + 0
        return sg + 2 * (sg is not again)


class Teller:
    """A class of its own."""

    @staticmethod
    def tells(value: Any) -> bool:
        """By what kind it is."""
        return isinstance(value, int)


class Asks(Tries):
    """By way of another class."""

    def shifted(self, sg: int) -> int:
        """Another number for symbols."""
        return sg + 2 * Teller.tells(sg)


class Decides(Tries):
    """By a decision of which no proof takes the other way."""

    def shifted(self, sg: int) -> int:
        """Another number late."""
        return 0 if sg > 1 << 61 else sg


class Unsafe(list[int]):
    """A list."""


class Colour(Enum):
    """A member that holds state."""

    RED = Unsafe()


class Member(Tries):
    """By a list in a member."""

    def shifted(self, sg: int) -> int:
        """Another number late."""
        return sg + len(Colour.RED.value)


class Counted(int):
    """A number that holds state."""

    seen: ClassVar[list[int]] = []


ZERO = Counted(0)


class Odder(Tries):
    """By a number that is more than one."""

    def shifted(self, sg: int) -> int:
        """Another number late."""
        return sg + len(ZERO.seen)


class Peeking(Cell[int]):
    """A cell that holds state."""

    def peek(self) -> int:
        """Counts."""
        return len(SEEN)


class Peeks(Runtime):
    """By what a cell of its own kind does."""

    def __init__(self, *arguments: Any, **switches: Any) -> None:
        """With one cell more."""
        self.box = Peeking("box")
        super().__init__(*arguments, **switches)

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        return self.box.peek() > 3


class Imports(Runtime):
    """A module that the text names only where it is run."""

    async def is_sweep_done(self) -> bool:
        """Changes its mind."""
        import random as dice  # noqa: PLC0415  # what must be noticed

        return dice.random() < 0.5


class Gives(Runtime):
    """A plain function that gives an access away."""

    def lower(self) -> Any:
        """For others to await."""
        return self.zeroed_base.at(1).store(0)


class Generator(Runtime):
    """A coroutine of the old kind."""

    @types.coroutine
    def lower(self) -> Any:
        """Writes."""
        yield self.zeroed_base.at(1).store(0)


class Static(Runtime):
    """A coroutine that belongs to no object."""

    @staticmethod
    async def lower(heap: Any) -> None:
        """Writes."""
        await heap.zeroed_base.at(1).store(0)


class Decorated(Runtime):
    """A coroutine in a plain function."""

    @wrapped
    async def lower(self) -> None:
        """Writes."""
        await self.zeroed_base.at(1).store(0)


@pytest.mark.parametrize(
    ("heap", "said"),
    [
        (List, "is_sweep_done uses SEEN"),
        (Counter, "is_sweep_done uses COUNT"),
        (Helper, "is_sweep_done uses SEEN"),
        (Dice, "is_sweep_done uses random"),
        (OfAClass, "is_sweep_done uses Box, whose past"),
        (Default, "is_sweep_done has a default"),
        (Short, "alloc_span has a parameter with a default"),
        (Number, "is_sweep_done uses isinstance"),
        (Looks, "is_sweep_done uses __class__"),
        (Sets, "more changes times"),
        (Unseen, "Unseen.__getattribute__ acts unseen"),
        (Text, "is_sweep_done uses a text ('go1.20')"),
        (Tries, "shifted uses try"),
        (Matches, "shifted uses match"),
        (Same, "shifted uses an identity (sg is not again)"),
        (Asks, "shifted, by way of Teller.tells, uses isinstance"),
        (Decides, "shifted decides in a function that is no coroutine"),
        (Member, "shifted uses Colour, whose RED could hold state"),
        (Odder, "shifted uses ZERO, which could hold state"),
        (Peeks, "box, by way of Peeking.peek, uses SEEN"),
        (Imports, "is_sweep_done changes random"),
        (Gives, "lower gives away an access: self.zeroed_base.at(1).store"),
        (Generator, "lower is a generator"),
        (Static, "lower is no plain function"),
        (Decorated, "lower has a closure"),
    ],
)
def test_it_is_named(heap: Any, said: str) -> None:
    """In every protocol, so that no theorem holds."""
    for jobs in PROTOCOLS:
        assert any(said in line for line in beside(jobs, heap))


class AsASpan(Runtime):
    """A cell of another family by way of a name that looks like a span."""

    async def clear(self, s: Any) -> None:
        """Writes zeroedBase."""
        s = Box
        await s.reachable.write(0)


class Unguarded(Runtime):
    """The pool of mspans by a cell that no lock guards."""

    async def alloc_mspan_locked(self) -> Any:
        """Looks."""
        pool: Cell[int] = Cell("spanalloc")
        return await pool.load()


class Odd(Cell[int]):
    """A cell of another kind."""


class Second(Runtime):
    """A second pool, by an index."""

    async def alloc_mspan_locked(self) -> Any:
        """Looks."""
        pool: Cell[int] = Cell("spanalloc", 1, guard="heap.lock")
        return await pool.load()


class SecondLock(Runtime):
    """A second lock of the heap."""

    async def free_span(self, s: Any) -> None:
        """Frees under it."""
        lock = Lock("heap.lock", 1)
        await lock.lock()
        await self.free_span_locked(s, 0)
        await lock.unlock()


class SecondWorld(Runtime):
    """A second world to stop."""

    async def gc_cycle(self) -> None:
        """Stops it."""
        world = World("world", 1)
        await world.stop()
        await world.start()


class AnotherKind(Runtime):
    """A cell whose methods may do anything."""

    async def alloc_mspan_locked(self) -> Any:
        """Looks."""
        pool = Odd("spanalloc", guard="heap.lock")
        return await pool.load()


@pytest.mark.parametrize(
    ("heap", "job", "said"),
    [
        (AsASpan, "malloc_large", "no reader of clear sees that it writes zeroedBase"),
        (Unguarded, "alloc_span", "the heap has no Cell spanalloc"),
        (Second, "alloc_span", "the heap has no Cell spanalloc with an index guarded by heap.lock"),
        (SecondLock, "free_span: sweepgen", "the heap has no Lock heap.lock with an index"),
        (SecondWorld, "gc_cycle", "the heap has no World world with an index"),
        (AnotherKind, "alloc_span", "the heap has no Odd spanalloc guarded by heap.lock"),
    ],
)
def test_an_access_is_as_the_heap_declares_it(heap: Any, job: str, said: str) -> None:
    """Each access that a path makes is held against what was read off the texts, and against the cells."""
    proofs = [prove(unit, heap, "int") for unit in units(JOBS[job], heap)]

    assert any(said in proof.error for proof in proofs)
