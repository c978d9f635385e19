"""Programs: what each thread does to a heap, as data that can be drawn, shrunk, written down and run again.

An operation is a frozen value with a coroutine: what a user of the heap does with it. Spans that a thread obtained are
`held` in order, and later operations name them by their place. `before` is run first, thread after thread, so that a
program can begin on a heap with a past. Read next: running/machine.py.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

from spanproof.checks.geometries import geometry_of
from spanproof.checks.observe import Event
from spanproof.checks.record import LONGEST_SHOWN, cut_short, shortened
from spanproof.impl.malloc import Runtime
from spanproof.impl.os_memory import ALWAYS
from spanproof.impl.scavenge import NO_LIMIT
from spanproof.impl.span import ALLOC_STACK, LARGE, Span
from spanproof.model.geometry import Geometry
from spanproof.model.releases import Release, row

LARGE_OBJECT, CACHED, MANUAL = "large object", "cached span", "manual span"


@dataclass(frozen=True, slots=True)
class Holding:
    """A span that a thread may use, and as what."""

    span: Span
    kind: str


Held = tuple[Holding | None, ...]


def _find(held: Held, nth: int, *kinds: str) -> Span | None:
    """The span in place nth, if there is one of such a kind: an operation without its span does nothing."""
    holding = held[nth] if nth < len(held) else None
    return holding.span if holding is not None and holding.kind in kinds else None


@dataclass(frozen=True, slots=True)
class User:
    """One thread of a program."""

    heap: Runtime
    thread: int

    async def take(self, s: Span | None, kind: str, held: Held) -> Held:
        """Hold a span just allocated: the program can reach it, and writes its mark to every page."""
        if s is None:
            await self.heap.releasem()
            return (*held, None)
        await s.reachable.write(1)
        await self.heap.releasem()
        page = await s.base.read() // self.heap.geometry.page_size
        npages = await s.npages.read()
        limit = page + npages
        while page < limit:
            await self.heap.memory.at(page).write(self.thread + 1)
            await Event("user.wrote", True, (page, self.thread + 1))
            page += 1
        return (*held, Holding(s, kind))

    async def give_up(self, s: Span) -> None:
        """Stop using the memory of a span."""
        await Event("user.gives_up", True, (s,))
        await s.reachable.write(0)


def _with(held: Held, nth: int, holding: Holding | None) -> Held:
    return (*held[:nth], holding, *held[nth + 1 :])


@dataclass(frozen=True, slots=True)
class Op:
    """One operation."""

    async def run(self, user: User, held: Held) -> Held:
        """Do it: what the thread holds afterwards."""
        raise NotImplementedError

    def as_json(self) -> list[Any]:
        """Its name and arguments."""
        return [type(self).__name__, *(getattr(self, f.name) for f in fields(self))]


@dataclass(frozen=True, slots=True)
class MallocLarge(Op):
    """Allocate a large object and write to it."""

    npages: int
    needzero: bool = True
    noscan: bool = True

    async def run(self, user: User, held: Held) -> Held:
        """See malloc.py, malloc_large."""
        await user.heap.acquirem()
        s = await user.heap.malloc_large(self.npages, self.needzero, self.noscan)
        return await user.take(s, LARGE_OBJECT, held)


@dataclass(frozen=True, slots=True)
class MallocSmall(Op):
    """Allocate a small object from a fresh span, and keep the span cached."""

    npages: int = 1
    needzero: bool = True

    async def run(self, user: User, held: Held) -> Held:
        """See malloc.py, malloc_small."""
        await user.heap.acquirem()
        s = await user.heap.malloc_small(self.npages, self.needzero)
        return await user.take(s, CACHED, held)


@dataclass(frozen=True, slots=True)
class Alloc(Op):
    """Call alloc itself, as a caller that may not need zeroed memory."""

    npages: int
    needzero: bool

    async def run(self, user: User, held: Held) -> Held:
        """See heap.py, alloc."""
        await user.heap.acquirem()
        s, _ = await user.heap.alloc(self.npages, LARGE, self.needzero)
        if s is not None:
            if not user.heap.release.alloc_span_pushes:
                await user.heap.push_swept(s)
            await s.alloc_count.write(1)
        return await user.take(s, LARGE_OBJECT, held)


@dataclass(frozen=True, slots=True)
class AllocManual(Op):
    """Allocate a manually managed span, for a stack."""

    npages: int
    typ: int = ALLOC_STACK

    async def run(self, user: User, held: Held) -> Held:
        """See heap.py, alloc_manual."""
        await user.heap.acquirem()
        s = await user.heap.alloc_manual(self.npages, self.typ)
        return await user.take(s, MANUAL, held)


@dataclass(frozen=True, slots=True)
class FreeManual(Op):
    """Free the manual span in place nth."""

    nth: int = 0
    typ: int = ALLOC_STACK

    async def run(self, user: User, held: Held) -> Held:
        """See heap.py, free_manual."""
        s = _find(held, self.nth, MANUAL)
        if s is None:
            return held
        await user.heap.acquirem()
        await user.give_up(s)
        await user.heap.free_manual(s, self.typ)
        await user.heap.releasem()
        return _with(held, self.nth, None)


@dataclass(frozen=True, slots=True)
class Drop(Op):
    """Lose the last pointer into the heap span in place nth: the next collection may take it, unless it is cached."""

    nth: int = 0

    async def run(self, user: User, held: Held) -> Held:
        """Give it up."""
        s = _find(held, self.nth, LARGE_OBJECT, CACHED)
        if s is None:
            return held
        await user.heap.acquirem()
        await user.give_up(s)
        await user.heap.releasem()
        return held if _find(held, self.nth, CACHED) else _with(held, self.nth, None)


@dataclass(frozen=True, slots=True)
class Uncache(Op):
    """Stop caching the span in place nth. The object in it lives on, or is swept if nothing reaches it."""

    nth: int = 0

    async def run(self, user: User, held: Held) -> Held:
        """See sweep.py, uncache_span."""
        s = _find(held, self.nth, CACHED)
        if s is None:
            return held
        await user.heap.acquirem()
        await user.heap.uncache_span(s)
        await user.heap.releasem()
        return _with(held, self.nth, None)


@dataclass(frozen=True, slots=True)
class EnsureSwept(Op):
    """Wait until the heap span in place nth is swept."""

    nth: int = 0

    async def run(self, user: User, held: Held) -> Held:
        """See sweep.py, ensure_swept."""
        s = _find(held, self.nth, LARGE_OBJECT)
        if s is None:
            return held
        await user.heap.acquirem()
        await user.heap.ensure_swept(s)
        await user.heap.releasem()
        return held


@dataclass(frozen=True, slots=True)
class Sweep(Op):
    """The background sweeper: sweep span after span until nothing is left."""

    async def run(self, user: User, held: Held) -> Held:
        """See sweep.py, bgsweep."""
        await user.heap.bgsweep()
        return held


@dataclass(frozen=True, slots=True)
class Reclaim(Op):
    """Reclaim pages, as an allocation does before it takes some."""

    npages: int = 1

    async def run(self, user: User, held: Held) -> Held:
        """See heap.py, reclaim."""
        await user.heap.acquirem()
        await user.heap.reclaim(self.npages)
        await user.heap.releasem()
        return held


@dataclass(frozen=True, slots=True)
class Collect(Op):
    """One garbage collection."""

    async def run(self, user: User, held: Held) -> Held:
        """See marking.py, gc_cycle."""
        await user.heap.gc_cycle()
        return held


@dataclass(frozen=True, slots=True)
class Scan(Op):
    """A garbage collection that marks while the others run, and meets a word that may be a pointer to a page.

    page: counted from the heap's first.
    """

    page: int = 0

    async def run(self, user: User, held: Held) -> Held:
        """See marking.py; nothing where a heap does not mark while others run."""
        heap = user.heap
        if hasattr(heap, "scan_conservative"):
            await heap.gc_start()
            await heap.acquirem()
            await heap.scan_conservative(heap.geometry.heap_base + self.page * heap.geometry.page_size)
            await heap.releasem()
            await heap.gc_mark_termination()
        return held


@dataclass(frozen=True, slots=True)
class Idle(Op):
    """The thread's P goes idle for a moment: its page cache is flushed. Without a P nothing happens."""

    async def run(self, user: User, held: Held) -> Held:
        """See heap_pages.py, flush_pcache."""
        if user.heap.has_p:
            await user.heap.acquirem()
            await user.heap.flush_pcache()
            await user.heap.releasem()
        return held


@dataclass(frozen=True, slots=True)
class Scavenge(Op):
    """The background scavenger: return npages pages to the system. Nothing before 1.21."""

    npages: int = 1

    async def run(self, user: User, held: Held) -> Held:
        """See heap_pages.py, bgscavenge."""
        if user.heap.release.scavenge_index:
            await user.heap.bgscavenge(self.npages * user.heap.geometry.page_size)
        return held


@dataclass(frozen=True, slots=True)
class ScavengeAll(Op):
    """Return to the system all that can be returned, as debug.FreeOSMemory asks. Nothing before 1.21."""

    async def run(self, user: User, held: Held) -> Held:
        """See heap_pages.py, scavenge_all."""
        if user.heap.release.scavenge_index:
            await user.heap.acquirem()
            await user.heap.scavenge_all()
            await user.heap.releasem()
        return held


@dataclass(frozen=True, slots=True)
class EnableHugePages(Op):
    """Let the heap's bitmaps lie on huge pages of the system's. Nothing before 1.21."""

    async def run(self, user: User, held: Held) -> Held:
        """See page_alloc.py, enable_chunk_huge_pages."""
        if user.heap.release.metadata_huge_pages:
            await user.heap.acquirem()
            await user.heap.pages.enable_chunk_huge_pages()
            await user.heap.releasem()
        return held


OPS: tuple[type[Op], ...] = (
    MallocLarge, MallocSmall, Alloc, AllocManual, FreeManual, Drop, Uncache, EnsureSwept, Sweep, Reclaim, Collect, Scan,
    Idle, Scavenge, ScavengeAll, EnableHugePages,
)  # fmt: skip
ALLOCATING = (MallocLarge, MallocSmall, Alloc, AllocManual)
COLLECTING = (Collect, Scan)
_BY_NAME = {op.__name__: op for op in OPS}


async def act(user: User, ops: tuple[Op, ...], held: Held) -> Held:
    """One thread's life: what it holds at the end."""
    i = 0
    while i < len(ops):
        held = await ops[i].run(user, held)
        i += 1
    return held


@dataclass(frozen=True, slots=True)
class Thread:
    """What one thread does, and what it did before the program begins."""

    ops: tuple[Op, ...]
    before: tuple[Op, ...] = ()


class ProgramError(ValueError):
    """This is no program that a heap can run."""


@dataclass(frozen=True, slots=True)
class Program:
    """Threads on a heap of one release and geometry."""

    threads: tuple[Thread, ...]
    geometry: Geometry
    release: Release
    tracing: bool = False
    """An execution tracer is on."""
    ps: bool = False
    """Each thread runs on a P of its own, which has caches of pages and of mspans."""
    memory_limit: int = NO_LIMIT
    """Bytes above which an allocation scavenges (GOMEMLIMIT)."""
    gc_percent_goal: int = NO_LIMIT
    """Bytes above which the growth of the heap scavenges."""

    aligned_stacks: bool = False
    """Stacks begin at a page of the system's, which is larger than the heap's."""
    reservations: int = ALWAYS
    """How many ranges of addresses the system reserves before it refuses."""
    mappings: int = ALWAYS
    """How often the system gives memory before it refuses."""
    unused_zeroes: bool = True
    """What is returned to the system reads as zero."""

    def __post_init__(self) -> None:
        """Give every allocation an mspan of its own: Go's pool of them is as large as memory.

        Raises:
            ProgramError: stacks are aligned to pages of the system's that are not larger than the heap's; or another
                thread may collect while one marks beside the program, which Go's own callers see to (gcStart).

        """
        if self.aligned_stacks and self.geometry.phys_page_size <= self.geometry.page_size:
            raise ProgramError("stacks are aligned only where the system's pages are larger than the heap's")
        collecting = [{type(op) for op in thread.ops} & set(COLLECTING) for thread in self.threads]
        if any(Scan in kinds for kinds in collecting) and sum(map(bool, collecting)) > 1:
            raise ProgramError("one collection at a time: where a thread scans no other one collects or scans")
        ops = [op for thread in self.threads for op in (*thread.before, *thread.ops)]
        ps = len(self.threads) if self.ps else 0
        spans = max(1, sum(isinstance(op, ALLOCATING) for op in ops)) + ps * self.geometry.mspan_cache
        object.__setattr__(self, "geometry", replace(self.geometry, spans=spans, ps=ps))

    @property
    def preemptible(self) -> bool:
        """Whether a thread collects, so that the others must say when they can be stopped."""
        return any(isinstance(op, COLLECTING) for thread in self.threads for op in thread.ops)

    def as_json(self) -> dict[str, Any]:
        """Everything needed to run it again."""
        g = self.geometry
        return {
            "release": self.release.name,
            **{name: getattr(self, name) for name in SWITCHES},
            "geometry": {f.name: getattr(g, f.name) for f in fields(g)},
            "threads": [[op.as_json() for op in thread.ops] for thread in self.threads],
            "before": [[op.as_json() for op in thread.before] for thread in self.threads],
        }


SWITCHES: Mapping[str, type[bool] | type[int]] = {
    "tracing": bool, "ps": bool, "memory_limit": int, "gc_percent_goal": int, "aligned_stacks": bool,
    "reservations": int, "mappings": int, "unused_zeroes": bool,
}  # fmt: skip
"""What a program says besides threads, geometry and release, and as what. A record of older code may lack some."""


ENVIRONMENT: Mapping[str, int] = {"reservations": ALWAYS, "mappings": ALWAYS, "unused_zeroes": True}
"""The switches that say how the system behaves, and what they are where it behaves well."""


def _op(data: Any) -> Op:
    match data:
        case [str(name), *args] if name in _BY_NAME and all(isinstance(a, int) and 0 <= a < 1 << 20 for a in args):
            op = _BY_NAME[name]
            if _takes(op, len(args)):
                return op(*args)
        case _:
            pass
    raise ProgramError(f"{cut_short(data)} is no operation")


def _takes(op: type[Op], count: int) -> bool:
    """Whether an operation can be given so many arguments."""
    needed = sum(f.default is MISSING for f in fields(op))
    return needed <= count <= len(fields(op))


def _ops_of(data: Any, part: str) -> list[tuple[Op, ...]]:
    """The operations of each thread."""
    if not isinstance(data, list | tuple) or not all(isinstance(ops, list | tuple) for ops in data):  # pyright: ignore[reportUnknownVariableType]
        said: Any = data  # pyright: ignore[reportUnknownVariableType]
        raise ProgramError(f"{part}: {cut_short(said)} are no lists of operations")
    return [tuple(map(_op, ops)) for ops in data]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _threads_of(data: Mapping[str, Any]) -> tuple[Thread, ...]:
    """The threads, with what each did before."""
    ops, before = (_ops_of(data[part], part) for part in ("threads", "before"))
    if len(ops) != len(before):
        raise ProgramError(f"{len(ops)} threads, but before is of {len(before)}")
    return tuple(map(Thread, ops, before))


def _geometry_of(data: Any) -> Geometry:
    """The geometry, with what is wrong with it in words of ours."""
    if not isinstance(data, Mapping):
        raise ProgramError(f"geometry: {cut_short(data)} is none")
    sizes: Mapping[str, Any] = data  # pyright: ignore[reportUnknownVariableType]
    needed = [f.name for f in fields(Geometry) if f.default is MISSING and f.default_factory is MISSING]
    lacking = next((name for name in needed if name not in sizes), None)
    if lacking is not None:
        raise ProgramError(f"geometry: no {lacking}")
    try:
        return geometry_of(sizes)
    except (ValueError, OverflowError) as e:
        raise ProgramError(f"geometry: {shortened(str(e), 2 * LONGEST_SHOWN)}") from e


def _switch(name: str, value: Any) -> bool | int:
    if type(value) is not SWITCHES[name]:
        what = "neither true nor false" if SWITCHES[name] is bool else "no number"
        raise ProgramError(f"{name}: {cut_short(value)} is {what}")
    return value


def program_of(data: Mapping[str, Any]) -> Program:
    """The program that `as_json` wrote.

    Raises:
        ProgramError: something is missing or impossible.

    """
    lacking = next((part for part in ("geometry", "threads", "before", "release") if part not in data), None)
    if lacking is not None:
        raise ProgramError(f"no {lacking}")
    geometry, threads = _geometry_of(data["geometry"]), _threads_of(data)
    given: dict[str, Any] = {name: _switch(name, data[name]) for name in SWITCHES if name in data}
    try:
        return Program(threads, geometry, row(str(data["release"])), **given)
    except ProgramError:
        raise
    except (ValueError, OverflowError) as e:  # a release, or sizes that do not fit together
        raise ProgramError(str(e)) from e
