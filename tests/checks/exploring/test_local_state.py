"""Local states are told apart, or the text is refused."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanproof.checks.local_state import HiddenStateError, local_state, refuse_hidden_state
from spanproof.checks.observe import advance
from spanproof.impl.access import Cell, Lock
from spanproof.impl.malloc import Runtime

X: Cell[int] = Cell("x")
Y: Cell[int] = Cell("y")


class Context:
    """A context manager that does nothing."""

    async def __aenter__(self) -> None:
        """Begin."""

    async def __aexit__(self, *error: object) -> None:
        """End."""


async def adds() -> int:
    """Holds the left side of a sum across the await of its right side."""
    return await X.load() + await Y.load()


async def builds_a_tuple() -> tuple[int, int]:
    """Holds the first entry across the await of the second."""
    return await X.load(), await Y.load()


async def passes_arguments() -> int:
    """Holds a function and its first argument across the await of the second."""
    return max(1, await X.load())


async def compares_in_a_chain() -> bool:
    """Holds the middle of a chained comparison."""
    return 0 <= await X.load() <= await Y.load()


async def iterates() -> None:
    """Holds an iterator."""
    for _ in (1, 2):
        await X.load()


async def iterates_over_awaits() -> list[int]:
    """Holds an iterator and a list."""
    return [await X.load() for _ in (1, 2)]


async def manages() -> None:
    """Holds what ends the with block."""
    async with Context():
        await X.load()


async def handles() -> None:
    """Holds the exception that is being handled."""
    try:
        await Y.load()
    except ValueError:
        await X.load()


async def closes_over() -> None:
    """Has a local that another function sees."""
    n = await X.load()

    def later() -> int:
        return n

    await X.load()
    later()


async def keeps_a_list() -> list[int]:
    """Has a local that can change."""
    seen: list[int] = []
    seen.append(await X.load())
    await X.load()
    return seen


async def keeps_a_dict(seen: dict[int, int]) -> int:
    """Has an argument that can change."""
    seen[0] = await X.load()
    return seen[await X.load()]


HIDING: tuple[tuple[Callable[..., Any], str | None], ...] = (
    (adds, "await X.load() + await Y.load()"),
    (builds_a_tuple, "await X.load(), await Y.load()"),
    (passes_arguments, "max(1, await X.load())"),
    (compares_in_a_chain, "0 <= await X.load()"),
    (iterates, "        await X.load()"),
    (iterates_over_awaits, None),
    (manages, "async with Context():"),
    (handles, "        await X.load()"),
    (closes_over, None),
    (keeps_a_list, None),
    (keeps_a_dict, None),
)


def suspended(text: Callable[..., Any], results: tuple[Any, ...] = (), *args: Any) -> Any:
    """The coroutine at its first await, or after these results."""
    coroutine: Any = text(*args)
    for result in (None, *results):
        reached, _, _ = advance(coroutine, result)
        assert reached is not None
    return coroutine


def key_of(text: Callable[..., Any], results: tuple[Any, ...] = (), *args: Any, liveness: bool = True) -> Any:
    """The local state there. The coroutine is held until it is known: without its caller a callee is gone."""
    coroutine = suspended(text, results, *args)
    return local_state(coroutine, liveness=liveness)


@pytest.mark.parametrize(("text", "line"), HIDING, ids=lambda p: getattr(p, "__name__", ""))
def test_texts_that_hide_state_are_refused(text: Callable[..., Any], line: str | None) -> None:
    """A text that keeps state outside of its locals, or in what can change, is refused with its file and line."""
    lines, first = inspect.getsourcelines(text)
    with pytest.raises(HiddenStateError) as raised:
        key_of(text, (), *[{}] * (text is keeps_a_dict))
    file, _, rest = str(raised.value).partition(":")
    assert file == __file__
    number = int(rest.partition(":")[0])
    assert text.__name__ in rest or "listcomp" in rest
    if line is None:
        assert first <= number < first + len(lines)
    else:
        assert line in lines[number - first]


async def refuses_neither(flag: bool) -> int:
    """Conditions with awaits in every place that the reference uses."""
    if flag and await X.load() != 0:
        await Y.load()
    if not flag or await X.load() == 1:
        await Y.load()
    ok = await X.load() == 0 and await Y.load() == 0
    while flag and await X.load() != 0:
        await Y.load()
    return 1 if ok else await X.load()


@given(st.booleans(), st.lists(st.integers(0, 1), max_size=8))
def test_conditions_with_awaits_are_handled(flag: bool, results: list[int]) -> None:
    """`x and await y` and its kin hide nothing: every place in such a text has a key."""
    coroutine: Any = refuses_neither(flag)
    reached, _, _ = advance(coroutine, None)
    for result in results:
        local_state(coroutine)
        reached, _, _ = advance(coroutine, result)
        if reached is None:
            return
    local_state(coroutine)


async def reads_after_a_conjunction(a: int, b: int) -> int:
    """`b` is read only if the conjunction falls through, and `a` in both cases."""
    ok = a == 0 and await X.load() == 0
    await Y.load()
    if ok:
        return b
    return a


def test_a_conjunction_may_fall_through_and_jump() -> None:
    """What is read after `x and await y` is live in it, whichever way it went."""
    at_x = [key_of(reads_after_a_conjunction, (), 0, b) for b in (1, 2)]
    at_y = [key_of(reads_after_a_conjunction, (0,), 0, b) for b in (1, 2)]
    jumped = [key_of(reads_after_a_conjunction, (), a, 1) for a in (1, 2)]
    assert len({*at_x, *at_y, *jumped}) == 6


async def waits(value: Any) -> Any:
    """Holds a value across an await."""
    await X.load()
    return value


@dataclass(frozen=True)
class Handle:
    """A frozen value."""

    number: int


@dataclass(frozen=True)
class OtherHandle:
    """A frozen value of another kind, with the same fields."""

    number: int


class Subclass(Handle):
    """A frozen value whose class is no dataclass itself, as the watched page allocator is."""


VALUES = (
    True,
    1,
    False,
    0,
    None,
    "1",
    (1,),
    Handle(1),
    OtherHandle(1),
    Handle(2),
    Subclass(1),
    Lock("x"),
    X,
    frozenset({1}),
)


def test_values_of_different_kinds_do_not_meet() -> None:
    """True and 1, False and 0, handles of different kinds with equal fields give different keys."""
    keys = [key_of(waits, (), value) for value in VALUES]
    assert len(set(keys)) == len(VALUES)


async def overwrites(n: int) -> int:
    """`n` is dead until the second await."""
    await X.load()
    n = await Y.load()
    await X.load()
    return n


def test_dead_locals_do_not_count() -> None:
    """A local that is overwritten before it is read makes no difference, unless all locals count."""
    assert key_of(overwrites, (), 1) == key_of(overwrites, (), 2)
    assert key_of(overwrites, (), 1, liveness=False) != key_of(overwrites, (), 2, liveness=False)
    assert key_of(overwrites, (0, 1), 0) != key_of(overwrites, (0, 2), 0)


async def binds_in_two_orders(first: bool) -> int:
    """Comes to its last await with `a` and `b` bound in either order."""
    if first:
        a = await X.load()
        b = await X.load()
    else:
        b = await X.load()
        a = await X.load()
    first = True
    await Y.load()
    return a - b


@pytest.mark.parametrize("liveness", [True, False])
def test_the_order_of_binding_does_not_count(liveness: bool) -> None:
    """Two ways to the same place with the same locals are one local state, whenever else the key was asked for."""
    keys: set[Any] = set()
    for first in (True, False):
        coroutine: Any = suspended(binds_in_two_orders, (), first)
        for _ in range(2):
            local_state(coroutine, liveness=liveness)
            advance(coroutine, 0)
        keys.add(local_state(coroutine, liveness=liveness))
    assert len(keys) == 1


async def calls(n: int) -> int:
    """Calls a function that awaits."""
    await waits(n)
    return n


def test_the_whole_chain_of_awaits_counts() -> None:
    """Frames above the innermost are part of the key."""
    keys = {key_of(calls, (), n) for n in (1, 2)}
    assert len(keys) == 2
    assert {len(key) for key in keys} == {2}


def forgotten() -> Any:
    """An access that nobody awaited."""
    return X.load()


FORGETFUL: dict[str, Callable[[Any], Any]] = {
    "bool": bool,
    "==": lambda a: a == 1,
    "!=": lambda a: a != 1,
    "== another": lambda a: a == forgotten(),
    "if": lambda a: 1 if a else 0,
    "not": lambda a: not a,
    "in": lambda a: a in (1, 2),
}


@pytest.mark.parametrize("use", FORGETFUL.values(), ids=FORGETFUL.keys())
def test_a_forgotten_await_raises(use: Callable[[Any], Any]) -> None:
    """Testing or comparing an access that was not awaited raises, and says which."""
    with pytest.raises(TypeError, match="load of x: an await is missing"):
        use(forgotten())


def coroutines_of_the_reference() -> list[Any]:
    """Every coroutine function that the reference heap has."""
    classes = (Runtime, Runtime.PageAlloc, Runtime.OsMemory)
    found = [getattr(cls, name) for cls in classes for name in dir(cls)]
    return [f for f in found if inspect.iscoroutinefunction(f)]


@pytest.mark.parametrize("function", coroutines_of_the_reference(), ids=lambda f: f.__qualname__)
def test_nothing_in_the_reference_hides_state(function: Any) -> None:
    """Every coroutine of the reference is accepted, also at those awaits that no scenario comes by."""
    refuse_hidden_state(function.__code__)
