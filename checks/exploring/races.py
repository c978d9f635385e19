"""Looks for unordered accesses in every state that a search reached. See checks/ordering.py for what they are."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK, Node, Tables
from spanproof.checks.exploring.walking.walked import Walked
from spanproof.checks.ordering import Declared, conflict, declared, writes
from spanproof.impl.access import PLAIN


@dataclass(frozen=True, slots=True)
class Race:
    """Two accesses that nothing orders: to what, by whom, the threads, the first state in which both are pending."""

    word: str
    accesses: tuple[str, str]
    threads: tuple[int, int]
    state: int
    declared: Declared | None

    @property
    def says(self) -> str:
        """The race in one line."""
        return f"{self.word}: {self.accesses[0]} and {self.accesses[1]} are not ordered"


def together(states: Collection[int], i: int, j: int) -> Collection[int]:
    """The nodes at which two threads ever are together, as states have them."""
    if isinstance(states, Walked):
        return states.pairs(i, j)
    mask = NODE_MASK << NODE_BITS * i | NODE_MASK << NODE_BITS * j
    return {state & mask for state in states}


def _suspects(tables: Tables, states: Collection[int]) -> Iterator[tuple[int, int, dict[int, Race | None]]]:
    """Pairs of threads with the pairs of their nodes (as one integer) that are ever pending together and conflict."""
    for i, first in enumerate(tables.automata):
        for j, second in enumerate(tables.automata[:i]):
            suspects: dict[int, Race | None] = {}
            for pair in together(states, i, j):
                a = first.nodes[pair >> NODE_BITS * i & NODE_MASK]
                b = second.nodes[pair >> NODE_BITS * j & NODE_MASK]
                if a is not None and b is not None and a.number == b.number and conflict(a.access, b.access):
                    suspects[pair] = None
            if suspects:
                yield i, j, suspects


def races(tables: Tables, states: Collection[int]) -> list[Race]:
    """Every pair of unordered conflicting accesses, by word and functions, in the order in which they were reached."""
    found: dict[tuple[str, tuple[str, str]], Race] = {}
    for i, j, suspects in _suspects(tables, states):
        mask = NODE_MASK << NODE_BITS * i | NODE_MASK << NODE_BITS * j
        for state in _at(states, i, j, suspects):
            if state & mask in suspects:
                race = _race(tables, state, (i, j))
                if race is not None:
                    found.setdefault((race.word, race.accesses), race)
    return list(found.values())


def _at(states: Collection[int], i: int, j: int, suspects: Collection[int]) -> Iterable[int]:
    """The states that may be suspect: all of them, unless a fast walk can tell."""
    if not isinstance(states, Walked):
        return states
    return states.at(i, j, {(p >> NODE_BITS * i & NODE_MASK, p >> NODE_BITS * j & NODE_MASK) for p in suspects})


def meeting(tables: Tables, race: Race) -> Callable[[int], int | None]:
    """Tells for each state whether the race's two accesses are pending in it, by naming one of their threads."""
    i, j = race.threads
    mask = NODE_MASK << NODE_BITS * i | NODE_MASK << NODE_BITS * j
    pair = race.state & mask

    def meets(state: int) -> int | None:
        return i if state & mask == pair and _race(tables, state, (i, j)) is not None else None

    return meets


def pending_race(tables: Tables) -> Callable[[int, int], Race | None]:
    """Tells for a state and a thread whether its step is a race that is not declared, as a run judges it."""
    conflicting: dict[tuple[int, int], tuple[tuple[int, int], ...]] = {}
    """Per thread and the nodes of all: the pairs of threads whose pending accesses conflict."""

    def pairs(nodes: int, t: int) -> tuple[tuple[int, int], ...]:
        pending = tables.nodes_of(nodes)
        mine = pending[t]
        return tuple(
            (t, u)
            for u, other in enumerate(pending)
            if u != t and mine is not None and other is not None and mine.number == other.number
            if conflict(mine.access, other.access)
        )

    def race(state: int, t: int) -> Race | None:
        key = state & tables.node_mask, t
        found = conflicting.get(key)
        if found is None:
            found = conflicting[key] = pairs(*key)
        met = (_race(tables, state, pair) for pair in found)
        return next((race for race in met if race is not None and race.declared is None), None)

    return race


def _race(tables: Tables, state: int, threads: tuple[int, int]) -> Race | None:
    nodes = tables.nodes_of(state)
    a, b = nodes[threads[0]], nodes[threads[1]]
    assert a is not None
    assert b is not None
    value = tables.values[a.number][tables.row_of(state)[a.number]]
    if not (writes(a.access, value) or writes(b.access, value)):
        return None
    pair: list[Node] = [a, b]
    first, second = sorted(f"{node.access.kind} in {node.function}" for node in pair)
    word = a.access.cell.name
    plain = (node.function for node in pair if node.access.kind in PLAIN)
    return Race(word, (first, second), threads, state, declared(word, plain, tables.program.release))
