"""The watermark model that TLC, Rumur and minicheck counted: N threads each run the claim loop for one page.

Their state is the word, and of each thread its pc and its copy of the word. The copy stays when it is of no more use:
while the word is loaded again, and when the thread is done. `AsTheyCount` keeps it too, and searched without liveness
it has exactly as many states. `Claim` is the same loop as one would write it, `TheReference` the loop of the reference
heap itself; they have fewer states, and a naive count of theirs, by hand, says how many.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from spanproof.checks.exploring.search import explore
from spanproof.checks.exploring.spin.counting import counted_by_spin, missing
from spanproof.checks.exploring.spin.promela import expected, promela
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.programs import Held, Op, Program, Thread, User
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import SMALL
from spanproof.model.releases import NEWEST

PUBLISHED = {6: 14_650, 7: 126_091, 8: 1_184_479, 9: 12_013_144}
"""TLC, Rumur and minicheck (9: Rumur); distinct states by number of threads."""
JUDGED = "zeroed_base_never_decreases"
"""The claim of the model: the word never goes down. (AsTheyCount never ends, so no_deadlock is not judged.)"""


@dataclass(frozen=True, slots=True)
class AsTheyCount(Op):
    """Claim the page before `limit`. A thread that is done still has its copy z: it waits with it for ever."""

    limit: int

    async def run(self, user: User, held: Held) -> Held:
        """The loop with one place that loads."""
        word = user.heap.zeroed_base.at(1)
        z = 0
        while True:
            z = await word.load()
            if z >= self.limit:
                break
            if await word.compare_and_swap(z, self.limit):
                break
        await user.heap.world.acquirem()  # Stop has stopped it, and nobody starts it: here every thread ends
        return held


@dataclass(frozen=True, slots=True)
class Stop(Op):
    """Stop the world, in the past of the program."""

    async def run(self, user: User, held: Held) -> Held:
        """Nobody starts it again."""
        await user.heap.world.stop()
        return held


@dataclass(frozen=True, slots=True)
class Claim(Op):
    """Claim the page before `limit`, with one place that loads."""

    limit: int

    async def run(self, user: User, held: Held) -> Held:
        """The same loop; the copy is dead while the word is loaded, and at the end."""
        word = user.heap.zeroed_base.at(1)
        while True:
            z = await word.load()
            if z >= self.limit:
                return held
            if await word.compare_and_swap(z, self.limit):
                return held


@dataclass(frozen=True, slots=True)
class TheReference(Op):
    """Claim the page before `limit` by the reference heap's own alloc_needs_zero."""

    limit: int

    async def run(self, user: User, held: Held) -> Held:
        """See heap.py."""
        base = user.heap.geometry.heap_base + self.limit - 1
        await user.heap.alloc_needs_zero(base, 1)
        return held


def tables_of(op: Callable[[int], Op], threads: int, *, liveness: bool = True) -> Tables:
    """N threads in one arena of N pages of a byte each."""
    geometry = replace(
        SMALL, page_size=1, pages_per_chunk=1, pages_per_block=1, pages_per_arena=threads, arenas=1, phys_page_size=8
    )
    past = [(Stop(),), *[()] * (threads - 1)]
    program = Program(
        tuple(Thread((op(n + 1),), before) for n, before in zip(range(threads), past, strict=True)), geometry, NEWEST
    )
    return Tables(program, Runtime, only=JUDGED, liveness=liveness)


def states(op: Callable[[int], Op], threads: int, *, liveness: bool = True) -> int:
    """How many states the search finds for N threads."""
    found = explore(tables_of(op, threads, liveness=liveness))
    assert found.broken is None
    return found.states


Local = tuple[int, int]
Model = Callable[[int, int, Local], Iterator[tuple[int, Local]]]
"""(the word, the thread's limit, its pc and copy) -> (the word, pc and copy) after its step, if it can take one."""
LOAD, CAS, DONE, RELOAD = 0, 1, 2, 3


def theirs(word: int, limit: int, local: Local) -> Iterator[tuple[int, Local]]:
    """The model that was measured: the copy stays."""
    pc, z = local
    if pc == LOAD:
        yield word, (CAS if word < limit else DONE, word)
    elif pc == CAS:
        yield (limit, (DONE, z)) if word == z else (word, (LOAD, z))


def forgetful(word: int, limit: int, local: Local) -> Iterator[tuple[int, Local]]:
    """The same, and the copy is forgotten when it is of no more use."""
    for after, (pc, z) in theirs(word, limit, local):
        yield after, (pc, z if pc == CAS else 0)


def reloading(word: int, limit: int, local: Local) -> Iterator[tuple[int, Local]]:
    """alloc_needs_zero: the first load and the reload stand at two places, and need_zero is known from the first."""
    pc, z = local[0] % 4, local[1]
    need = local[0] - pc or (4 if pc == LOAD and word >= limit else 0)
    if pc in (LOAD, RELOAD):
        yield word, ((CAS + need, word) if word < limit else (DONE, 0))
    elif pc == CAS:
        yield (limit, (DONE, 0)) if word == z else (word, (RELOAD + need, 0))


def naive_count(model: Model, threads: int) -> int:
    """How many states a hand-written model has."""
    start: tuple[int, tuple[Local, ...]] = (0, ((LOAD, 0),) * threads)
    reached: set[tuple[int, tuple[Local, ...]]] = {start}
    todo = list(reached)
    while todo:
        word, locals_ = todo.pop()
        for t, local in enumerate(locals_):
            for after, there in model(word, t + 1, local):
                state = after, (*locals_[:t], there, *locals_[t + 1 :])
                if state not in reached:
                    reached.add(state)
                    todo.append(state)
    return len(reached)


@pytest.mark.parametrize("threads", [6, 7, 8, pytest.param(9, marks=pytest.mark.long)])
def test_counts_are_those_of_other_tools(threads: int) -> None:
    """With the same variables in a state, the search finds as many states as TLC, Rumur and minicheck."""
    assert states(AsTheyCount, threads, liveness=False) == PUBLISHED[threads]


@pytest.mark.skipif(bool(missing()), reason=missing())
@pytest.mark.parametrize("threads", [6, 7, pytest.param(8, marks=pytest.mark.long)])
def test_spin_counts_the_same_of_our_tables(threads: int) -> None:
    """Spin, which is given the automata, stores the published number too. Its errors are ends: all threads wait."""
    tables = tables_of(AsTheyCount, threads, liveness=False)
    found = explore(tables)
    count = counted_by_spin(promela("watermark", tables), ("-O0", "-DSAFETY", "-DNOREDUCE"))
    ours = expected(tables, found)
    assert (count.states, count.transitions, count.errors) == (PUBLISHED[threads], ours.transitions, ours.errors)
    assert count.said == ("invalid end state",)


@pytest.mark.parametrize("threads", [6, 7])
def test_the_published_counts_are_of_this_model(threads: int) -> None:
    """The measured model is the one written by hand here, copies that are of no more use included."""
    assert naive_count(theirs, threads) == PUBLISHED[threads]


@pytest.mark.parametrize("threads", range(1, 7))
def test_dead_copies_are_the_whole_difference(threads: int) -> None:
    """The loop as one would write it has the states of the model that forgets its copies, and no others."""
    assert states(Claim, threads) == naive_count(forgetful, threads)


@pytest.mark.parametrize("threads", range(1, 7))
def test_the_reference_reloads_at_a_second_place(threads: int) -> None:
    """alloc_needs_zero has the states of the model that forgets its copies and reloads at a second place."""
    assert states(TheReference, threads) == naive_count(reloading, threads)


def test_the_last_word_is_the_last_limit() -> None:
    """In every state in which all threads are done, the word is N."""
    geometry = replace(SMALL, page_size=1, pages_per_chunk=4, pages_per_arena=4, arenas=1)
    tables = Tables(Program(tuple(Thread((Claim(n + 1),)) for n in range(4)), geometry, NEWEST), Runtime)
    found = explore(tables)
    number = tables.numbering.of(tables.machine.heap.zeroed_base.at(1))
    ends = [state for state in found.parents or () if not state & tables.node_mask]
    assert ends
    assert {tables.values[number][tables.row_of(state)[number]] for state in ends} == {4}
