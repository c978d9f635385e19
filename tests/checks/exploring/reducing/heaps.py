"""Heaps of a user's, each wrong in a way that one reduction alone, or two together, might miss."""

from typing import Any

from spanproof.impl.access import Cell
from spanproof.impl.malloc import Runtime
from spanproof.impl.span import Span


class Counting(Runtime):
    """Counts its allocations without a lock; who sees that one was lost writes to a page that is free."""

    n: Cell[int] = Cell("n")
    done: Cell[int] = Cell("done")

    def fresh(self) -> dict[Cell[Any], Any]:
        """What all cells begin with."""
        return {**Runtime.fresh(self), self.n: 0, self.done: 0}

    async def scavenge_for(self, scav: int, growth: int) -> None:
        """Called after the lock is given back: the update is lost there."""
        n = await self.n.load()
        await self.n.store(n + 1)
        await Runtime.scavenge_for(self, scav, growth)

    async def alloc_manual(self, npages: int, typ: int) -> Span | None:
        """The last of two looks."""
        s = await Runtime.alloc_manual(self, npages, typ)
        done = await self.done.add(1)
        n = await self.n.load()
        if done == 2 and n != 2:
            await self.memory.at(self.geometry.pages[3]).write(9)
        return s


class Nosy(Runtime):
    """Looks who holds the lock."""

    async def alloc_manual(self, npages: int, typ: int) -> Span | None:
        """Before it allocates."""
        await self.lock.load()
        return await Runtime.alloc_manual(self, npages, typ)


class Spinning(Runtime):
    """Waits for ever, in a loop of two accesses."""

    async def alloc_manual(self, npages: int, typ: int) -> Span | None:
        """For a collection that does not come."""
        while True:
            gen = await self.sweepgen.read()
            again = await self.sweepgen.read()
            if gen != again:
                return await Runtime.alloc_manual(self, npages, typ)
