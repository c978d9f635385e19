"""One thread alone: its own cells give what others give, and what does not end is noticed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from spanproof.checks.broken import EndlessError
from spanproof.checks.running.alone import ALONE, Alone, CellAlone, CellsAlone
from spanproof.checks.running.pages_alone import PagesAlone
from spanproof.impl.access import ATOMIC, KINDS, PLAIN, Cell, Cells, Lock, perform
from spanproof.impl.ranges import AtomicOffAddr
from spanproof.model.geometry import GO_AMD64


def multiplied(value: int, times: int) -> tuple[int, int]:
    """An operation for `update`."""
    return value * times, value + times


def as_it_is(_: Alone, part: Any) -> Any:
    """In place of Alone.own: cells stay what they are."""
    return part


X: Cell[int] = Cell("x", 3)
LOCK = Lock("lock")
ARGS: dict[str, tuple[Any, ...]] = {
    "load": (), "read": (), "store": (7,), "write": (7,), "compare_and_swap": (5, 7), "add": (7,), "or8": (2,),
    "and8": (4,), "update": (multiplied, 7),
}  # fmt: skip


async def awaited(cell: Cell[int], kind: str) -> Any:
    """One access."""
    return await getattr(cell, kind)(*ARGS[kind])


@pytest.mark.parametrize("kind", sorted(ATOMIC | PLAIN))
@pytest.mark.parametrize("value", [5, 6])
def test_each_access_of_an_own_cell_does_what_it_does_elsewhere(kind: str, value: int) -> None:
    """Its value and its result are those of `perform`, and those of a cell that is not the thread's own."""
    found: list[tuple[int, Any]] = []
    alone, other = Alone(lambda _: value), Alone(lambda _: value)
    for store, cell in ((alone, alone.own(X)), (other, X)):
        result = store.run(awaited(cell, kind))
        found.append((store.value(cell), result))

    assert isinstance(alone.own(X), CellAlone)
    assert found[0] == found[1] == perform(getattr(X, kind)(*ARGS[kind]), value, ALONE)


def test_every_kind_is_done_at_once_or_by_a_lock() -> None:
    """An own cell has a method of its own for each kind but those of locks and of the world."""
    assert set(vars(CellAlone)) & KINDS == ATOMIC | PLAIN == set(ARGS)


def test_all_cells_of_a_part_become_own_but_for_locks() -> None:
    """Families, and cells of frozen parts; what has none stays the same object."""
    alone = Alone(lambda _: 0)
    cursor = alone.own(AtomicOffAddr(X, 5))

    assert isinstance(cursor.a, CellAlone)
    assert replace(cursor, a=X) == AtomicOffAddr(X, 5)
    family: Cells[int] = alone.own(Cells("x"))
    assert isinstance(family, CellsAlone)
    assert family.at(3) is family.at(3)
    assert family.at(3) == alone.own(X)
    assert alone.own(LOCK) is LOCK
    assert alone.own(GO_AMD64) is GO_AMD64


async def spins(cell: Cell[int]) -> None:
    """It waits for what nobody does."""
    while await cell.load() == 0:
        pass


async def takes_twice() -> None:
    """It holds what it waits for."""
    await LOCK.lock()
    await LOCK.lock()


OWNED: tuple[Callable[[Alone], Cell[int]], ...] = (lambda alone: alone.own(X), lambda _: X)


@pytest.mark.parametrize("cell_of", OWNED, ids=["own", "other"])
def test_what_does_not_end_is_endless(cell_of: Callable[[Alone], Cell[int]]) -> None:
    """On cells of either kind, after as many accesses as its user allows, in each call anew."""
    alone = Alone(lambda _: 0)
    alone.longest = 50
    for _ in range(2):
        with pytest.raises(EndlessError, match="50 accesses"):
            alone.run(spins(cell_of(alone)))
    alone.put(X, 1)
    for _ in range(100):
        alone.run(spins(cell_of(alone)))


def test_nobody_else_gives_a_lock_back() -> None:
    """A lock that the thread holds already is waited for for ever."""
    with pytest.raises(EndlessError, match="waits for ever"):
        Alone(lambda _: 0).run(takes_twice())


async def works(own: Cell[int]) -> int:
    """Something under a lock, then something else."""
    await LOCK.lock()
    await own.add(1)
    await LOCK.unlock()
    return await own.add(1)


def test_a_call_can_be_left_after_an_access_of_a_lock() -> None:
    """And goes on from there."""
    alone = Alone(lambda _: 0)
    own: Cell[int] = alone.own(X)
    call = works(own)

    assert alone.run_past(call, "unlock")
    assert (alone.value(own), alone.value(LOCK)) == (1, 0)
    assert alone.run(call) == 2
    assert not alone.run_past(works(own), "stop")
    assert alone.value(own) == 4


def test_a_page_allocator_alone_is_the_same_on_other_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allocated, freed, cached, flushed and scavenged, the store holds the same."""

    def stored() -> dict[tuple[str, Any], Any]:
        heap, g = PagesAlone(GO_AMD64), GO_AMD64
        heap.grow(g.heap_base, 3 * g.chunk_size)
        bases = [heap.alloc(npages)[0] for npages in (1, 70, 600, 3, 64)]
        for base, npages in ((bases[1], 70), (bases[3], 3)):
            heap.free(base, npages)
        cache = heap.alloc_to_cache()
        heap.scavenge(20 * g.page_size)
        heap.flush(cache)
        heap.alone.run(heap.pages.index.next_gen())
        return heap.alone.values

    own = stored()
    monkeypatch.setattr(Alone, "own", as_it_is)
    assert own == stored()
