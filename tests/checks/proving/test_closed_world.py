"""No function of the heap acts beside the proofs: other writers, other callers, other ways to await."""

from dataclasses import replace
from types import FunctionType
from typing import Any

import pytest

from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.proofs.catalogue import BY_NAME
from spanproof.checks.proofs.script import judged, proved
from spanproof.checks.proving.closed_world import beside
from spanproof.checks.proving.footprint import text_of
from spanproof.checks.proving.operations import keeps_its_word
from spanproof.checks.proving.theorem import JOBS, PROTOCOLS, RESTS_ON, prove, units
from spanproof.checks.proving.zeroing_jobs import JOBS as ZEROING
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.access import Cell, Lock
from spanproof.impl.heap_cells import SpanSet
from spanproof.impl.malloc import Runtime
from spanproof.impl.mspans import give_mspan, take_mspan
from spanproof.impl.span import Span
from spanproof.impl.sweep import pop, push


class OtherLock(Runtime):
    """Another lock, taken by a callee too."""

    def __init__(self, *arguments: Any, **switches: Any) -> None:
        """With that lock."""
        self.other = Lock("other.lock")
        super().__init__(*arguments, **switches)

    def fresh(self) -> dict[Cell[Any], Any]:
        """With that lock free."""
        return Runtime.fresh(self) | {self.other: 0}

    async def alloc_needs_zero(self, base: int, npage: int) -> bool:
        """Says something, under that lock."""
        await self.other.lock()
        await self.other.unlock()
        return base < npage


class Misplaced(Runtime):
    """Reclaiming begins in the middle of a byte."""

    def fresh(self) -> dict[Cell[Any], Any]:
        """With another reclaimIndex."""
        return Runtime.fresh(self) | {self.reclaim_index: 3}


@pytest.mark.parametrize(("heap", "job"), [(OtherLock, "init_span"), (Misplaced, "sweeping: start")])
def test_what_contracts_take_for_granted_is_judged(heap: Any, job: str) -> None:
    """Locks that a callee takes, of which its contract says nothing; and what every state begins with."""
    proofs = [prove(unit, heap, "int") for unit in units(JOBS[job], heap)]

    assert any(proof.failed for proof in proofs)


async def outside(heap: Any) -> None:
    """A coroutine of no class."""
    await heap.zeroed_base.at(0).store(0)


NAME = "zeroed_base"


class Hidden(Runtime):
    """Ways to change a cell that a reader of the text could miss."""

    async def sets(self, cell: Any) -> None:
        """Sets what it is given."""
        await cell.store(0)

    async def the_cell(self) -> Any:
        """Gives a cell away."""
        return self.zeroed_base.at(1)

    async def returned(self) -> None:
        """Sets what another gave away."""
        await (await self.the_cell()).store(0)

    async def another_self(self) -> None:
        """By another name for the heap."""
        heap = self
        await heap.zeroed_base.at(1).store(0)

    async def another_self_with_a_field_of_spans(self) -> None:
        """The heap's sweepgen, and no span's."""
        s = self
        await s.sweepgen.write(0)

    async def module_function(self) -> None:
        """By a coroutine of no class."""
        await outside(self)

    async def bound_method(self) -> None:
        """By a method that is kept for later."""
        store = self.zeroed_base.at(1).store
        await store(0)

    async def by_getattr(self) -> None:
        """By a name that is made up when it runs."""
        await getattr(self, NAME).at(1).store(0)

    async def by_the_cell_s_name(self) -> None:
        """By a cell that no attribute holds."""
        await Cell[int]("zeroedBase", 1).store(0)

    def lower(self) -> Any:
        """Gives an access, to be awaited."""
        return self.zeroed_base.at(1).store(0)

    async def by_an_access_of_a_plain_method(self) -> None:
        """By an access that a plain method made."""
        await self.lower()

    async def by_a_part(self) -> None:
        """By another name for a part."""
        pages = self.pages
        await pages.tree.update(lambda bits: (bits, None))

    async def without_await(self) -> None:
        """A coroutine that is not awaited."""
        self.lock_and_unlock()  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]

    async def lock_and_unlock(self) -> None:
        """Nothing."""

    async def within(self) -> None:
        """By a function within this one."""

        async def inner() -> None:
            await self.zeroed_base.at(1).store(0)

        await inner()

    async def rebound(self) -> None:
        """By a name that has two meanings."""
        cell: Any = self.pages_in_use
        for cell in (self.zeroed_base.at(0),):
            await cell.store(0)


STRANGE = (
    "sets", "returned", "another_self", "another_self_with_a_field_of_spans", "module_function", "bound_method",
    "by_getattr", "by_the_cell_s_name", "by_an_access_of_a_plain_method", "by_a_part", "without_await", "within",
    "rebound",
)  # fmt: skip


@pytest.mark.parametrize("function", STRANGE)
def test_what_cannot_be_told_is_said(function: str) -> None:
    """Each is a place where nothing is claimed of the heap."""
    said = beside(ZEROING, Hidden)

    assert [line for line in said if f" {function}: " in line and "it cannot be told" in line]


class Writes(Runtime):
    """Ways to change a cell that the text shows."""

    @property
    def word(self) -> Any:
        """A cell."""
        return self.zeroed_base.at(1)

    async def by_property(self) -> None:
        """By a property."""
        await self.word.store(0)

    async def by_part(self) -> None:
        """A cell of a part."""
        await self.os.memory.at(0).write(1)

    async def by_name(self, s: Span) -> None:
        """By a local name."""
        word = s.needzero
        await word.write(0)


@pytest.mark.parametrize(
    ("function", "family"), [("by_property", "zeroedBase"), ("by_part", "memory"), ("by_name", "mspan.needzero")]
)
def test_another_writer_is_named(function: str, family: str) -> None:
    """A function that writes a cell of the protocol beside its proofs."""
    assert f"{function} may write {family}, and no proof of the zeroing protocol speaks of it" in beside(
        ZEROING, Writes
    )


def test_a_theorem_does_not_hold_beside_another_writer() -> None:
    """The proofs of alloc_needs_zero say nothing of it."""
    found, _ = proved(BY_NAME["zeroed_base_never_decreases"], Subject(Writes, "mine.py:Writes"))

    assert found.result.verdict is Verdict.UNKNOWN
    assert "by_property may write zeroedBase" in found.result.reason


CALLERS = {
    "background sweeping frees": (Edit("Sweep.bgsweep", "npages = await self.sweepone()", """
        npages = await self.sweepone()
        await self.free_span(Span(0))"""), "bgsweep calls free_span, and no proof of the owning protocol"),
    "marking claims memory": (Edit("Marking.gc_mark", "n += 1", """
        n += 1
        await self.alloc_needs_zero(0, 1)"""), "gc_mark calls alloc_needs_zero, and no proof of the zeroing protocol"),
    "a large object is freed where it is made": (Edit("Runtime.malloc_large", "await s.alloc_count.write(1)", """
        await s.alloc_count.write(1)
        await self.free_manual(s, 1)"""), "malloc_large calls free_manual, and no proof of the owning protocol"),
    "marking sweeps": (Edit("Marking.grey_object", "await s.gcmark_bits.write(1)", """
await s.gcmark_bits.write(1)
await self.sweep(s)"""), "sweep is called on the way of gc_cycle, and its contract is not asked"),
    "growth takes pages": (Edit("Growth.grow", "await self.cur_arena.write(CurArena(n_base, end))", """
        await self.cur_arena.write(CurArena(n_base, end))
        await self.pages.free(base, npage)"""), "grow calls pages.free, and no proof of the owning protocol"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLERS)
def test_another_caller_is_named(name: str) -> None:
    """Who calls a function owes what its proof begins with; whoever is covered by no proof cannot have shown it."""
    edit, said = CALLERS[name]
    heap: Any = planted((edit,))

    assert [line for protocol in PROTOCOLS for line in beside(protocol, heap) if said in line]


def test_nothing_of_the_reference_is_beside_the_proofs() -> None:
    """In all protocols; and whoever is entrusted with something does it."""
    for jobs in PROTOCOLS:
        assert not beside(jobs, Runtime)
    for protocol in RESTS_ON:
        for (function, what), why in protocol.entrusted.items():
            text = text_of(Runtime, function)
            assert what in text.written | text.calls, why


KINDS = {
    "and of zeroedBase": ("alloc_needs_zero", Edit(
        "Heap.alloc_needs_zero", "arena_base = base % self.geometry.arena_size",
        "await zeroed_base_of_arena.and8(0)\narena_base = base % self.geometry.arena_size")),
    "store to memory": ("memclr", Edit(
        "OsMemory.memclr", "page += 1", "await self.memory.at(page).store(1)\npage += 1")),
    "add to base": ("init_span", Edit("Heap.mspan_init", "await s.base.write(base)", "await s.base.add(base)")),
    "add to npages": (
        "init_span: needzero", Edit("Heap.mspan_init", "await s.npages.write(npages)", "await s.npages.add(npages)")),
    "or of a state": ("free_span", Edit(
        "Heap.free_span_locked", "await s.state.store(DEAD)", "await s.state.or8(DEAD)")),
    "store to spans": ("set_spans", Edit(
        "Heap.set_spans", "n += 1", "await self.arena_spans(ai, i + 1).store(s)\nn += 1")),
    "a byte of in-use bits": ("init_span", Edit(
        "Heap.init_span", "await self.pages_in_use.add(npages)",
        "await self.page_in_use.at((self.arena_index(base), 0)).store(0)\nawait self.pages_in_use.add(npages)")),
    "add to a sweepgen": ("reclaim_chunk", Edit(
        "Sweep.try_acquire", "return sl, True", "await s.sweepgen.add(-1)\nreturn sl, True")),
    "the heap's sweepgen": ("sweepone", Edit(
        "Sweep.sweepone", "await self.mark_drained()", "await self.sweepgen.add(2)\nawait self.mark_drained()")),
    "the mspan is given back and kept": ("alloc_span", Edit(
        "Heap.alloc_span", "s = await self.alloc_mspan_locked()",
        "s = await self.alloc_mspan_locked()\nawait self.free_mspans.store(0)")),
    "three generations on": ("gc_cycle", Edit(
        "Marking.gc_sweep", "await self.sweepgen.write(uint32(sg + 2))", "await self.sweepgen.write(uint32(sg + 3))")),
    "a survivor stays unswept": ("sweep", Edit("Sweep.sweep", "await s.sweepgen.store(sweepgen)", "pass")),
    "pushed among those to sweep": ("uncache_span", Edit(
        "Sweep.uncache_span", "self.span_sets.at(sg // 2 % 2)", "self.span_sets.at(1 - sg // 2 % 2)")),
    "a span is pushed that is not held": ("sweepone", Edit(
        "Sweep.sweepone", "npages = 0", "await self.span_sets.at(sl.sweep_gen // 2 % 2).update(push, s)\nnpages = 0")),
    "the cycle does not turn": ("gc_cycle", Edit(
        "Marking.gc_sweep", "await self.sweepgen.write(uint32(sg + 2))", "pass")),
    "the first cycle is another": ("sweepone", Edit(
        "Sweep.try_acquire", "if await s.sweepgen.load() != uint32(sl.sweep_gen - 2):\n    return sl, False",
        "if sl.sweep_gen == 2:\n    return sl, True")),
    "while it is traced": ("reclaim_chunk", Edit(
        "Heap.reclaim_chunk", "await self.trace_gc_sweep_span((n0 - n_freed) * self.geometry.page_size)",
        "await self.sweep(Span(0))")),
    "growing gives the lock up": ("alloc_span", Edit(
        "Growth.grow", "await self.cur_arena.write(CurArena(n_base, end))",
        "await self.cur_arena.write(CurArena(n_base, end))\nawait self.lock.unlock()")),
    "unaligned chunks": ("reclaim", Edit(
        "Heap.reclaim", "idx = await self.reclaim_index.add(chunk) - chunk",
        "idx = await self.reclaim_index.add(chunk) - chunk + 1")),
    "what is left is given again": ("grow", Edit(
        "Growth.grow", "await self.cur_arena.write(CurArena(n_base, end))",
        "await self.cur_arena.write(CurArena(base, end))")),
    "an arena is reserved twice": ("grow", Edit(
        "Growth.sys_alloc", "return v, narenas * self.geometry.arena_size",
        "return v - self.geometry.arena_size, narenas * self.geometry.arena_size")),
    "more is given than was left": ("grow", Edit(
        "Growth.grow", "await self.pages.grow(base, end - base)",
        "await self.pages.grow(base, end - base + self.geometry.chunk_size)")),
    "the lock is let go while the heap grows": ("grow", Edit(
        "Growth.sys_alloc", "await self.all_arenas.update(append_arenas, first, narenas)",
        "await self.lock.unlock()\nawait self.lock.lock()\n"
        "await self.all_arenas.update(append_arenas, first, narenas)")),
    "the sweeper can be stopped in a span": ("bgsweep", Edit("Sweep.bgsweep", "await self.acquirem()", "pass")),
    "a span is published with no sweepgen": ("init_span: sweepgen", Edit(
        "Heap.init_span", "await s.sweepgen.store(sweepgen)", "pass")),
    "a large object lowers zeroedBase": ("malloc_large", Edit(
        "Runtime.malloc_large", "await s.alloc_count.write(1)",
        "base = await s.base.read()\nawait self.zeroed_base.at(self.arena_index(base)).store(0)\n"
        "await s.alloc_count.write(1)")),
    "a list at a loop head": ("memclr", Edit(
        "OsMemory.memclr", "page = base // self.geometry.page_size",
        "rounds = list()\npage = base // self.geometry.page_size")),
    "an iterator at a loop head": ("memclr", Edit(
        "OsMemory.memclr", "page = base // self.geometry.page_size",
        "steps = iter((1, 1, 2))\npage = base // self.geometry.page_size")),
    "another throw": ("alloc_needs_zero", Edit(
        "Heap.alloc_needs_zero", "need_zero = True", "raise Throw('overlap')")),
    "a freed span is swept": ("free_manual: sweepgen", Edit(
        "Heap.free_manual", "await self.lock.unlock()",
        "await self.lock.unlock()\nsg = await self.sweepgen.read()\nawait s.sweepgen.store(sg)")),
    "a swept span is swept again by who cached it": ("uncache_span", Edit(
        "Sweep.uncache_span", "await self.sweep(s)",
        "await self.sweep(s)\nif await s.state.load() == 0:\n    await s.sweepgen.store(sg)")),
    "a callee takes the lock that its caller holds": ("init_span", Edit(
        "Heap.alloc_needs_zero", "need_zero = False",
        "need_zero = False\nawait self.lock.lock()\nawait self.lock.unlock()")),
    "one argument more": ("alloc_manual", Edit(
        "Heap.alloc_manual", "return await self.alloc_span(npages, typ, 0)",
        "return await self.alloc_span(npages, typ, 0, 1)")),
    "the generation of before the world was stopped": ("gc_cycle", Edit(
        "Marking.gc_cycle", "await self.world.stop()",
        "sg = await self.sweepgen.read()\nawait self.world.stop()\nawait self.lock.lock()\n"
        "await self.sweepgen.write(uint32(sg + 2))\nawait self.lock.unlock()")),
    "the locker of before it is safe": ("bgsweep", Edit(
        "Sweep.bgsweep", "await self.acquirem()",
        "sl = await self.begin_sweep()\nawait self.acquirem()\ns = await self.next_span_for_sweep(sl)\n"
        "if s is not None and sl.valid and await s.sweepgen.load() == uint32(sl.sweep_gen - 2):\n"
        "    await s.sweepgen.compare_and_swap(uint32(sl.sweep_gen - 2), uint32(sl.sweep_gen - 1))\n"
        "    await self.sweep(s)")),
    "it can be stopped with a span that it won": ("sweepone", Edit(
        "Sweep.sweepone", "npages = await s.npages.read()",
        "await self.releasem()\nnpages = await s.npages.read()\nawait self.acquirem()")),
    "it waits for the world that it has stopped": ("gc_cycle", Edit(
        "Sweep.sweepone", "sl = await self.begin_sweep()",
        "await self.acquirem()\nsl = await self.begin_sweep()\nawait self.releasem()")),
    "it stops the world that waits for it": ("uncache_span", Edit(
        "Sweep.uncache_span", "sg = await self.sweepgen.read()",
        "await self.world.stop()\nsg = await self.sweepgen.read()\nawait self.world.start()")),
    "a callee stops the world": ("init_span", Edit(
        "Heap.alloc_needs_zero", "need_zero = False",
        "need_zero = False\nawait self.world.stop()\nawait self.world.start()")),
    "no span, and it goes on": ("alloc: sweepgen", Edit("Heap.alloc", "return None, False", "pass")),
    "a chunk is called empty that was not looked at": ("scavenge_one", Edit(
        "ScavengingPageAlloc.scavenge_one", "npages != 0", "npages != 0 and base != 0")),
    "pages are marked before they are returned": ("scavenge_one", Edit(
        "ScavengingPageAlloc.scavenge_one", "await self.tree.update(update_summaries, addr, npages, True, True)",
        "await self.tree.update(update_summaries, addr, npages, True, True)\n"
        "await self.tree.update(mark_scavenged, ci, base, npages)")),
    "half of what was returned is counted": ("scavenge_one", Edit(
        "ScavengingPageAlloc.scavenge_one", "await self.heap_released.add(npages * g.page_size)",
        "await self.heap_released.add(npages)")),
    "a store to the bitmaps": ("pages.free", Edit(
        "PageAlloc.free", "await self.tree.update(lower_search_addr, base)", "await self.tree.write(None)")),
    "the index is told of one page": ("alloc_range", Edit(
        "PageAlloc.take", "await self.index.alloc(ci, npages)", "await self.index.alloc(ci, 1)")),
    "find stores where it is": ("index.find", Edit(
        "ScavengeIndex.find", "await cursor.store_min(new_search_addr)", "await cursor.store_marked(new_search_addr)")),
    "find looks at every other chunk": ("index.find", Edit("ScavengeIndex.find", "i -= 1", "i -= 2")),
    "a free stores its cursor unmarked": ("index.free", Edit(
        "AtomicOffAddr.store_marked", "-(addr - self.offset)", "addr - self.offset")),
    "clear looks at no mark": ("index.find", Edit("AtomicOffAddr.clear", "if old < 0:\n    return", "pass")),
    "a generation begins twice": ("index.next_gen", Edit(
        "ScavengeIndex.next_gen", "await self.gen.write((gen + 1) % GENERATIONS)",
        "await self.search_addr_force.store_marked(self.geometry.max_off_addr)")),
    "the lock is not taken": ("reclaim", Edit(
        "Heap.reclaim", "await self.lock.lock()\nlocked = True", "locked = True")),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_no_change_of_a_watched_cell_is_without_effect(name: str) -> None:
    """An access that a protocol does not expect is refused, or its guarantee fails; for one row that has the line."""
    job, edit = KINDS[name]
    heap = planted((edit,))
    proofs = [prove(unit, heap, "int") for unit in units(JOBS[job], heap)]

    assert any(proof.error or proof.failed for proof in proofs)


def test_a_function_that_calls_itself_is_refused() -> None:
    """Its paths would have no end."""
    heap = planted(
        (Edit("Heap.alloc_needs_zero", "return need_zero", "return await self.alloc_needs_zero(base, npage)"),)
    )
    (unit,) = units(JOBS["alloc_needs_zero"], heap)

    assert "alloc_needs_zero calls alloc_needs_zero: a function that calls itself" in prove(unit, heap, "int").error


def test_a_proof_stops_when_there_is_a_reason() -> None:
    """It says why, and is none."""
    (unit,) = units(JOBS["alloc_needs_zero"], Runtime)

    assert prove(unit, Runtime, "int", lambda _: "the budget is used up").error == "the budget is used up"


def test_operations_are_judged_by_running_them() -> None:
    """One that gives what was not there, keeps what it gave, or loses another, does not keep its word."""
    for good in (take_mspan, give_mspan, push, pop):
        assert keeps_its_word(good)

    for bad, name in ((_takes_and_leaves, "take_mspan"), (_pops_all, "pop"), (_pushes_nothing, "push")):
        renamed = FunctionType(bad.__code__, bad.__globals__, name)
        assert not keeps_its_word(renamed)
    assert not keeps_its_word(_pops_all), "an operation that nobody judges"


def _takes_and_leaves(free: int) -> Any:
    return free, take_mspan(free)[1]


def _pops_all(spans: SpanSet) -> Any:
    return (SpanSet(), spans.spans[-1]) if spans.spans else (spans, None)


def _pushes_nothing(spans: SpanSet, _: Span) -> Any:
    return spans, None


class Remembers(Runtime):
    """A heap with state outside of cells, and a function that is put before one of the class."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Remember what was allocated."""
        object.__setattr__(self, "past", [])
        object.__setattr__(self, "alloc_needs_zero", outside)
        super().__init__(*args, **options)


def test_state_outside_of_cells_is_named() -> None:
    """Neither a list nor a function of the object's own can be accounted for."""
    said = beside(ZEROING, Remembers)

    assert "past could hold state, and is no cell" in said
    assert "alloc_needs_zero could hold state, and is no cell" in said


async def _never_zeroes(self: Any, base: int, npage: int) -> bool:  # noqa: ARG001  # as in the heap
    return False


_never_zeroes.__wrapped__ = Runtime.alloc_needs_zero  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
_never_zeroes.__name__ = "alloc_needs_zero"


class Wrapped(Runtime):
    """A function that says it wraps the reference's."""

    alloc_needs_zero = _never_zeroes


def test_what_runs_is_read_and_not_what_it_wraps() -> None:
    """A decorator may leave the original's text within reach."""
    (unit,) = units(JOBS["alloc_needs_zero"], Wrapped)

    assert {o.goal for o in prove(unit, Wrapped, "int").failed} >= {"needzero_false_is_already_zero"}


def test_a_branch_on_the_name_of_a_release_is_seen() -> None:
    """Where the text has the whole row in hand, each row has its own proof."""
    edit = Edit(
        "Heap.alloc_needs_zero",
        "return need_zero",
        """
r = self.release
if r.name == "go1.20":
    return False
return need_zero""",
    )
    heap = planted((edit,))
    proofs = [prove(unit, heap, "int") for unit in units(JOBS["alloc_needs_zero"], heap)]

    assert {proof.release for proof in proofs if proof.failed} == {"go1.20"}


def test_the_loop_over_all_spans_is_looked_at() -> None:
    """With no mspans at all its body would be a branch that is not taken."""
    heap = planted((Edit("Marking.grey_object", "await s.gcmark_bits.write(1)", "await s.sweepgen.store(1)"),))

    assert any(o.line for unit in units(JOBS["gc_cycle"], heap) for o in prove(unit, heap, "int").failed)


class CannotBeMade(Runtime):
    """A heap that fails when it is made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Fail."""
        raise ValueError("no such heap")


def test_a_heap_that_cannot_be_made_is_unknown() -> None:
    """It is no violation, and no traceback."""
    found, _ = proved(BY_NAME["zeroed_base_never_decreases"], Subject(CannotBeMade, "mine.py:CannotBeMade"))

    assert found.result.verdict is Verdict.UNKNOWN
    assert "CannotBeMade cannot be made: ValueError: no such heap" in found.result.reason


def test_one_theorem_alone_says_what_was_not_done() -> None:
    """It holds on the word of proofs that others do, and says so; with all of them done there is nothing to say."""
    theorem = BY_NAME["zeroed_base_never_decreases"]
    alone, done = proved(theorem, Subject())
    others = [replace(done[0][1], job=name) for name in JOBS]

    assert "NOT DONE in this run" in alone.result.assumptions[-1]
    together = judged(theorem, done, Subject(), "int", None, others=others)
    assert not [said for said in together.result.assumptions if "NOT DONE" in said]
