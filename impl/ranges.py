"""Ranges of addresses, and sorted lists of them.

Mirrors mranges.go. Addresses are compared as distances from the lowest one, `offset` (Go's arenaBaseOffset), since on
amd64 the address space begins in the upper half. Lists are values: what changes one gives a new one. Only the cursor
that threads share, AtomicOffAddr, is a cell. Read next: palloc_bits.py.
"""

from dataclasses import dataclass, replace

from spanproof.impl.access import Cell, Throw
from spanproof.model.words import align_down, align_up, wrap


@dataclass(frozen=True, slots=True)
class AddrRange:
    """type addrRange: [base, limit), in bytes; empty if base is not below limit."""

    base: int = 0
    limit: int = 0
    offset: int = 0

    def __str__(self) -> str:
        """In hex, half-open."""
        return f"[{self.base:#x}, {self.limit:#x})"

    def _less_than(self, a: int, b: int) -> bool:
        return a - self.offset < b - self.offset

    def size(self) -> int:
        """Bytes."""
        if not self._less_than(self.base, self.limit):
            return 0
        return self.limit - self.base

    def contains(self, addr: int) -> bool:
        """Whether it holds the address."""
        return not self._less_than(addr, self.base) and self._less_than(addr, self.limit)

    def subtract(self, b: "AddrRange") -> "AddrRange":
        """What is left of it without b (addrRange.subtract).

        Raises:
            Throw: b lies inside of it, so that two ranges would be left.

        """
        if not self._less_than(self.base, b.base) and not self._less_than(b.limit, self.limit):
            return AddrRange(0, 0, self.offset)
        if self._less_than(self.base, b.base) and self._less_than(b.limit, self.limit):
            raise Throw("bad prune")
        if self._less_than(b.limit, self.limit) and self._less_than(self.base, b.limit):
            return replace(self, base=b.limit)
        if self._less_than(self.base, b.base) and self._less_than(b.base, self.limit):
            return replace(self, limit=b.base)
        return self

    def take_from_front(self, length: int, align: int) -> tuple["AddrRange", int]:
        """Take length bytes from its lower end, aligned: (what is left, their address, or 0 if it is too short)."""
        base = align_up(self.base, align) + length
        if base > self.limit:
            return self, 0
        return replace(self, base=base), base - length

    def take_from_back(self, length: int, align: int) -> tuple["AddrRange", int]:
        """Take length bytes from its upper end, aligned: (what is left, their address, or 0 if it is too short)."""
        limit = align_down(self.limit - length, align)
        if self.base > limit:
            return self, 0
        return replace(self, limit=limit), limit

    def remove_greater_equal(self, addr: int) -> "AddrRange":
        """Its part below the address."""
        if not self._less_than(self.base, addr):
            return AddrRange(0, 0, self.offset)
        if not self._less_than(addr, self.limit):
            return self
        return make_addr_range(self.base, addr, self.offset)


def make_addr_range(base: int, limit: int, offset: int) -> AddrRange:
    """[base, limit) (makeAddrRange).

    Raises:
        Throw: the two lie on different sides of where addresses wrap around.

    """
    if (wrap(base - offset) >= wrap(base)) != (wrap(limit - offset) >= wrap(limit)):
        raise Throw("addr range base and limit are not in the same memory segment")
    return AddrRange(base, limit, offset)


@dataclass(frozen=True, slots=True)
class AddrRanges:
    """type addrRanges: ranges that neither overlap nor touch, lowest first."""

    ranges: tuple[AddrRange, ...] = ()
    total_bytes: int = 0

    def __str__(self) -> str:
        """The ranges."""
        return "{" + " ".join(map(str, self.ranges)) + "}"

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.ranges)

    def at(self, n: int) -> AddrRange:
        """The range in place n."""
        return self.ranges[n]

    def find_succ(self, addr: int) -> int:
        """The place of the first range whose base is above the address, or how many there are (findSucc)."""
        iter_max = 8
        bot, top = 0, len(self.ranges)
        while top - bot > iter_max:
            i = (bot + top) // 2
            r = self.ranges[i]
            if r.contains(addr):
                # It is the next one, as they do not overlap.
                return i + 1
            if addr - r.offset < r.base - r.offset:
                top = i
            else:
                bot = i + 1
        # Few are left: one by one.
        for i in range(bot, top):
            r = self.ranges[i]
            if addr - r.offset < r.base - r.offset:
                return i
        return top

    def find_addr_greater_equal(self, addr: int) -> tuple[int, bool]:
        """The lowest address in a range that is not below this one, and whether there is one (findAddrGreaterEqual)."""
        i = self.find_succ(addr)
        if i == 0:
            return self.ranges[0].base, True
        if self.ranges[i - 1].contains(addr):
            return addr, True
        if i < len(self.ranges):
            return self.ranges[i].base, True
        return 0, False

    def contains(self, addr: int) -> bool:
        """Whether one of them holds the address."""
        i = self.find_succ(addr)
        if i == 0:
            return False
        return self.ranges[i - 1].contains(addr)

    def add(self, r: AddrRange) -> "AddrRanges":
        """With a range that overlaps none of them; ranges that touch become one.

        Raises:
            Throw: it is empty.

        """
        if r.size() == 0:
            raise Throw("attempted to add zero-sized address range")
        ranges = list(self.ranges)
        i = self.find_succ(r.base)
        coalesces_down = i > 0 and ranges[i - 1].limit == r.base
        coalesces_up = i < len(ranges) and r.limit == ranges[i].base
        if coalesces_up and coalesces_down:
            ranges[i - 1] = replace(ranges[i - 1], limit=ranges[i].limit)
            del ranges[i]
        elif coalesces_down:
            ranges[i - 1] = replace(ranges[i - 1], limit=r.limit)
        elif coalesces_up:
            ranges[i] = replace(ranges[i], base=r.base)
        else:
            ranges.insert(i, r)
        return AddrRanges(tuple(ranges), self.total_bytes + r.size())

    def remove_last(self, nbytes: int) -> tuple["AddrRanges", AddrRange]:
        """Take up to nbytes from the end of the highest: (what is left, what was taken) (removeLast)."""
        if len(self.ranges) == 0:
            return self, AddrRange()
        r = self.ranges[-1]
        size = r.size()
        if size > nbytes:
            new_end = r.limit - nbytes
            left = (*self.ranges[:-1], replace(r, limit=new_end))
            return AddrRanges(left, self.total_bytes - nbytes), replace(r, base=new_end)
        return AddrRanges(self.ranges[:-1], self.total_bytes - size), r

    def remove_greater_equal(self, addr: int) -> "AddrRanges":
        """Their parts below the address (removeGreaterEqual)."""
        pivot = self.find_succ(addr)
        if pivot == 0:
            # All of it is above.
            return AddrRanges()
        removed = sum(r.size() for r in self.ranges[pivot:])
        ranges = self.ranges[:pivot]
        r = self.ranges[pivot - 1]
        if r.contains(addr):
            removed += r.size()
            r = r.remove_greater_equal(addr)
            if r.size() == 0:
                ranges = ranges[:-1]
            else:
                removed -= r.size()
                ranges = (*ranges[:-1], r)
        return AddrRanges(ranges, self.total_bytes - removed)

    def clone_into(self, b: "AddrRanges") -> "AddrRanges":
        """b, with what they hold (cloneInto)."""
        return replace(b, ranges=self.ranges, total_bytes=self.total_bytes)


@dataclass(frozen=True, slots=True)
class AtomicOffAddr:
    """type atomicOffAddr: an address that threads share, as its distance from the lowest; negative when marked."""

    a: Cell[int]
    offset: int

    async def clear(self) -> None:
        """Lower it as far as it goes, unless it is marked (mranges.go, Clear)."""
        while True:
            old = await self.a.load()
            if old < 0:
                return
            if await self.a.compare_and_swap(old, 0):
                return

    async def store_min(self, addr: int) -> None:
        """Lower it to the address if it is above; a marked one counts as below all (mranges.go, StoreMin)."""
        new = addr - self.offset
        while True:
            old = await self.a.load()
            if old < new:
                return
            if await self.a.compare_and_swap(old, new):
                return

    async def store_unmark(self, marked_addr: int, new_addr: int) -> None:
        """Make it new_addr if it is still marked_addr, marked (mranges.go, StoreUnmark)."""
        await self.a.compare_and_swap(-(marked_addr - self.offset), new_addr - self.offset)

    async def store_marked(self, addr: int) -> None:
        """Make it the address, marked (mranges.go, StoreMarked)."""
        await self.a.store(-(addr - self.offset))

    async def load(self) -> tuple[int, bool]:
        """The address, and whether it is marked (mranges.go, Load)."""
        v = await self.a.load()
        was_marked = False
        if v < 0:
            was_marked = True
            v = -v
        return v + self.offset, was_marked
