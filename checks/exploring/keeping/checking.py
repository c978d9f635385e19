"""From a search that stopped to a position that can be kept, and what is read back held to the tables.

Whatever is read may be made by hand: a walk may only have what lies within its arrays. That each state of it can be
reached is not asked, which would be the search once more. Read next: checkpoint.py.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from spanproof.checks.exploring.keeping.learned import UnlikeError, memories_of, rows_of
from spanproof.checks.exploring.search import Explored
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.exploring.walking.position import Position
from spanproof.checks.exploring.walking.walked import NOBODY, WORD, Layout, TooWideError, Walked

NUMBERS = ("gone_on_from", "levels", "transitions", "level_states", "level_transitions")
"""The numbers of a position, as a checkpoint names them."""
ARRAYS = ("states", "parents", "rows", "alone")
"""Its arrays."""


def position_of(tables: Tables, found: Explored) -> Position:
    """Where a search stopped, for want of time or memory.

    Raises:
        TooWideError: states do not fit into words.

    """
    reached = found.parents or {}
    if isinstance(reached, Walked):
        layout, states, parents, alone = reached.layout, reached.states, reached.parents, found.alone
    else:
        layout = _tightest(tables)
        states = np.fromiter(map(layout.narrow, reached), np.uint64, len(reached))
        parents = np.fromiter(_numbers_of_parents(reached), np.uint32, len(reached))
        ends = {*found.alone, *found.alone.values()}  # most states are none: numbers of all would be as large as they
        numbers = {state: number for number, state in enumerate(reached) if state in ends}
        alone = [[numbers[here], numbers[there]] for here, there in found.alone.items()]
    return Position(
        layout, states, parents, rows_of(tables.memories), np.asarray(alone, np.uint32).reshape(-1, 2),
        found.states - found.frontier, found.levels, found.transitions, *found.level_began,
    )  # fmt: skip


def _numbers_of_parents(reached: Mapping[int, int]) -> Iterator[int]:
    """The number of the state from which each was first reached: states are gone on from in their order."""
    order, number, here = enumerate(reached), NOBODY, -1
    for before in reached.values():
        while here != before:
            number, here = next(order)
        yield number


def _tightest(tables: Tables) -> Layout:
    """The fewest bits for the nodes of each thread."""
    layout = Layout(tuple(max(1, (len(automaton.nodes) - 1).bit_length()) for automaton in tables.automata))
    if layout.shift >= WORD or len(tables.memories) >> WORD - layout.shift:
        raise TooWideError(f"a state of this program does not fit into {WORD} bits")
    return layout


def checked(position: Position, tables: Tables) -> Position:
    """The same, held to the tables, which have learned what they knew.

    Raises:
        UnlikeError: it is of no search of theirs.

    """
    _check_shapes(position, tables)
    _check_states(position, tables)
    _check_levels(position)
    _check_alone(position)
    return position


def _hold(holds: object, otherwise: str) -> None:
    if not holds:
        raise UnlikeError(otherwise)


def _check_shapes(position: Position, tables: Tables) -> None:
    widths, states, rows = position.layout.widths, position.states, position.rows
    fits = len(widths) == len(tables.automata) and all(type(width) is int and 1 <= width < WORD for width in widths)
    _hold(fits and position.layout.shift < WORD, "its states have other fields")
    kinds = {"states": (np.uint64, 1), "parents": (np.uint32, 1), "alone": (np.uint32, 2)}
    for name, (kind, dimensions) in kinds.items():
        array = getattr(position, name)
        _hold(array.ndim == dimensions and array.dtype == kind, f"its {name} are of another kind")
    _hold(0 < len(states) < NOBODY, "it has no states, or too many")
    _hold(len(position.parents) == len(states), "not every state was reached from one")
    _hold(rows.ndim == 2 and rows.dtype in (np.uint8, np.uint32), "its memories are of another kind")
    _hold(0 < len(rows) < NOBODY and rows.shape[1] == len(tables.values), "its memories have other cells")
    _hold(position.alone.shape[1] == 2, "its pairs are none")


def _check_states(position: Position, tables: Tables) -> None:
    layout, states, rows = position.layout, position.states, position.rows
    _hold(int(states[0]) == layout.narrow(tables.start), "it begins elsewhere")
    most = np.array([len(values) for values in tables.values])
    _hold((rows.max(axis=0) < most).all(), "a cell has a value that it never had")
    _hold(memories_of(rows[:1]) == tables.memories[:1], "it begins in another memory")
    _hold(int(states.max()) >> layout.shift < len(rows), "a state has no memory")
    for (begin, mask), automaton in zip(layout.fields(), tables.automata, strict=True):
        nodes = states >> np.uint64(begin) & np.uint64(mask)
        _hold(int(nodes.max()) < len(automaton.nodes), "a thread is nowhere")


def _check_levels(position: Position) -> None:
    n, parents, done = len(position.states), position.parents, position.gone_on_from
    numbers = [getattr(position, name) for name in NUMBERS]
    _hold(all(type(number) is int and 0 <= number < 1 << 63 for number in numbers), "it does not say how far it is")
    before = parents[1:]
    in_order = (before < np.arange(1, n)).all() and (before[1:] >= before[:-1]).all()
    _hold(parents[0] == NOBODY and in_order, "its states have no order")
    _hold(position.levels <= n, "its levels are not as many")
    begins = position.level_begins()
    _hold(all(a < b for a, b in pairwise(begins)) and begins[-1] == position.level_states, "its levels end elsewhere")
    first = begins[-2] if position.levels else 0
    _hold(first <= done <= position.level_states <= n, "it is somewhere else")
    _hold(n == 1 or int(parents[-1]) < done, "a state was reached from one that was not gone on from")
    fewest, most = n - 1, done * len(position.layout.widths)
    _hold(fewest <= position.transitions <= most, "its transitions are not as many")
    _hold(position.level_transitions <= position.transitions, "its transitions went down")


def _check_alone(position: Position) -> None:
    alone = position.alone
    if len(alone):
        in_order = (alone[1:, 0] > alone[:-1, 0]).all() and int(alone[-1, 0]) < position.gone_on_from
        _hold(in_order and int(alone.max()) < len(position.states), "its pairs are none")
