"""What each access does to a value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanproof.impl.access import (
    ATOMIC,
    BLOCKED,
    KINDS,
    PLAIN,
    STOPPED,
    WRITES,
    Access,
    Cell,
    Lock,
    Misuse,
    World,
    perform,
)

X: Cell[int] = Cell("x", 3)
LOCK, WORLD = Lock("lock"), World("world")
INT = st.integers(-8, 300)


@given(INT, INT, INT)
def test_loads_and_stores(value: int, new: int, mask: int) -> None:
    """Loads give the value and leave it; stores replace it; both alike for atomic and plain accesses."""
    for access in (X.load(), X.read()):
        assert perform(access, value, 0) == (value, value)
    for store in (X.store(new), X.write(new)):
        assert perform(store, value, 0) == (new, None)
    assert perform(X.or8(mask), value, 0) == (value | mask, None)
    assert perform(X.and8(mask), value, 0) == (value & mask, None)


@given(INT, INT, INT)
def test_compare_and_swap_is_strong(value: int, old: int, new: int) -> None:
    """It succeeds exactly if the value is the old one, and otherwise changes nothing."""
    assert perform(X.compare_and_swap(old, new), value, 0) == ((new, True) if value == old else (value, False))
    assert perform(X.compare_and_swap(value, new), value, 0) == (new, True)


@given(INT, INT)
def test_add_gives_the_new_value(value: int, delta: int) -> None:
    """As Go's Xadd does."""
    assert perform(X.add(delta), value, 0) == (value + delta, value + delta)


def test_update_is_one_pure_step() -> None:
    """The operation gets the value and the arguments, and gives the new value and the result."""

    def push(values: tuple[int, ...], n: int) -> tuple[tuple[int, ...], int]:
        return (*values, n), len(values)

    stack: Cell[tuple[int, ...]] = Cell("stack")
    assert perform(stack.update(push, 7), (1, 2), 0) == ((1, 2, 7), 2)


@given(st.integers(0, 5), st.integers(0, 5))
def test_a_lock_has_one_holder(holder: int, other: int) -> None:
    """A free lock is taken; a held one blocks everybody; only its holder releases it."""
    assert perform(LOCK.lock(), 0, holder) == (holder + 1, None)
    assert perform(LOCK.lock(), holder + 1, other) == (holder + 1, BLOCKED)
    assert perform(LOCK.unlock(), holder + 1, holder) == (0, None)
    if other != holder:
        with pytest.raises(Misuse):
            perform(LOCK.unlock(), holder + 1, other)
    with pytest.raises(Misuse):
        perform(LOCK.unlock(), 0, holder)


@given(st.integers(0, 5))
def test_the_world_stops_when_all_can_be_preempted(busy: int) -> None:
    """It stops when nobody is in a section, nobody enters one while it is stopped, and it starts again."""
    assert perform(WORLD.stop(), busy, 0) == ((STOPPED, None) if busy == 0 else (busy, BLOCKED))
    assert perform(WORLD.acquirem(), busy, 0) == (busy + 1, None)
    assert perform(WORLD.acquirem(), STOPPED, 0) == (STOPPED, BLOCKED)
    assert perform(WORLD.releasem(), busy + 1, 0) == (busy, None)
    assert perform(WORLD.start(), STOPPED, 0) == (0, None)
    assert perform(WORLD.stop(), STOPPED, 1) == (STOPPED, BLOCKED)


def test_every_kind_has_one_face() -> None:
    """The methods of cells make accesses of every kind that there is, and no kind is both atomic and plain."""
    made: set[Access[Any]] = {
        X.load(), X.store(1), X.compare_and_swap(1, 2), X.add(1), X.or8(1), X.and8(1), X.read(), X.write(1),
        X.update(lambda v: (v, None)), LOCK.lock(), LOCK.unlock(), WORLD.acquirem(), WORLD.releasem(), WORLD.stop(),
        WORLD.start(),
    }  # fmt: skip
    assert {access.kind for access in made} == KINDS
    assert not ATOMIC & PLAIN
    assert WRITES <= ATOMIC | PLAIN <= KINDS


@given(INT)
def test_only_writes_write(value: int) -> None:
    """An access whose kind is not among WRITES leaves its cell as it is."""
    for access in (X.load(), X.read()):
        assert access.kind not in WRITES
        assert perform(access, value, 0)[0] == value


TEXTS: tuple[tuple[Cell[Any], str], ...] = (
    (Cell("sweepgen"), "sweepgen"),
    (Cell("zeroedBase", 1), "zeroedBase[1]"),
    (Cell("mspan.state", 0), "mspan[0].state"),
    (Cell("pageInUse", (1, 2)), "pageInUse[1][2]"),
    (LOCK, "lock"),
)


@pytest.mark.parametrize(("cell", "text"), TEXTS)
def test_cells_are_written_as_go_writes_them(cell: Cell[Any], text: str) -> None:
    """The text of a cell reads like Go."""
    assert str(cell) == text


def test_awaiting_an_access_gives_its_result() -> None:
    """An awaited access is handed out, and what is sent back is its result."""

    async def reads() -> int:
        return await X.load()

    coroutine: Any = reads()
    access = coroutine.send(None)
    assert isinstance(access, Access)
    assert (access.kind, access.cell) == ("load", X)
    with pytest.raises(StopIteration) as stop:
        coroutine.send(42)
    assert stop.value.value == 42


@pytest.mark.parametrize("name", ["name", "index", "guard"])
@pytest.mark.parametrize("frozen", [X, LOCK, WORLD], ids=str)
def test_cells_are_frozen(frozen: object, name: str) -> None:
    """No field of a cell can be set."""
    with pytest.raises(AttributeError):
        setattr(frozen, name, 1)


@pytest.mark.parametrize("name", ["kind", "cell", "args"])
def test_accesses_are_frozen(name: str) -> None:
    """No field of an access can be set."""
    with pytest.raises(AttributeError):
        setattr(X.load(), name, 1)
