"""The walk over arrays, for where there is no compiler: a level of states at once, with numpy.

States are reached in the order of the plain search. What a step does is learned by the tables, path by path
(cases.py), and laid out in arrays; memories that steps lead to are made, told apart and judged by the thousand.
Read next: index.py.
"""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.cases import Leaf, changed
from spanproof.checks.exploring.search import Explored, Hurry, deadlock, going_on, show
from spanproof.checks.exploring.tables import DONE, Adopted, LimitError, Tables
from spanproof.checks.exploring.walking.index import Index, grown, mixed
from spanproof.checks.exploring.walking.laid_out import BREAKS, ENDS, MOVES, Judges, LaidOut, same_everywhere
from spanproof.checks.exploring.walking.position import Position, TwiceError
from spanproof.checks.exploring.walking.walked import (
    NOBODY,
    WORD,
    Layout,
    NarrowError,
    Walked,
    as_bytes,
    layout_of,
    rounds_in,
)

AT_ONCE = 1 << 14
"""Rows whose hashes are worked out together."""
STUCK = Leaf(-1, (), (), blocked=True)
"""Of a thread that is done, and of a step that breaks a claim: nothing follows."""


class Memories:
    """The rows that were reached, each once, a byte for each cell."""

    def __init__(self, row: bytes) -> None:
        """Begin with one."""
        cells = np.arange(len(row), dtype=np.uint64)[:, None] << np.uint64(8)
        self._of = mixed(cells | np.arange(256, dtype=np.uint64)[None, :])
        """A number for each character of each cell: a row's hash is their sum."""
        self.rows, self._hashes, self.n = np.zeros((1024, len(row)), np.uint8), np.zeros(1024, np.uint64), 0
        self._index = Index()
        first = np.frombuffer(row, np.uint8)[None, :]
        self.put(first, self._of[np.arange(len(row)), first].sum(axis=1, dtype=np.uint64))

    def after(self, memories: Any, leaves: Any, laid: LaidOut) -> tuple[Any, Any]:
        """(rows, hashes) after the steps of these leaves from these memories."""
        rows, hashes = self.rows[memories], self._hashes[memories]
        for cells, chars in laid.updates(leaves):
            there = np.flatnonzero(cells >= 0)
            cell, char = cells[there], chars[there]
            hashes[there] += self._of[cell, char] - self._of[cell, rows[there, cell]]
            rows[there, cell] = char
        return rows, hashes

    def numbers(self, rows: Any, hashes: Any) -> Any:
        """The numbers of rows; -1 of those that are new."""
        found = self._index.find(hashes)
        there = np.flatnonzero(found >= 0)
        same_everywhere(self.rows[found[there]], rows[there])
        return found

    def put(self, rows: Any, hashes: Any) -> Any:
        """Number new rows, in the order in which they first come: the numbers of all."""
        _, first, which = np.unique(hashes, return_index=True, return_inverse=True)
        same_everywhere(rows[first[which]], rows)
        order = np.argsort(first)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        first, end = first[order], self.n + len(order)
        self.rows, self._hashes = grown(self.rows, end), grown(self._hashes, end)
        self.rows[self.n : end], self._hashes[self.n : end] = rows[first], hashes[first]
        self._index.add(hashes[first], np.arange(self.n, end))
        numbers, self.n = self.n + rank[which], end
        return numbers

    def put_all(self, rows: Any) -> None:
        """Number rows of which each is new, in their order; so many as are."""
        cells = np.arange(len(self._of))
        for begin in range(0, len(rows), AT_ONCE):
            some = rows[begin : begin + AT_ONCE]
            hashes = self._of[cells, some].sum(axis=1, dtype=np.uint64)
            new = np.flatnonzero(self._index.find(hashes) < 0)
            self.put(some[new], hashes[new])

    def text(self, memory: int) -> str:
        """A memory, as the tables write it."""
        return _text(self.rows[memory])


def _text(row: Any) -> str:
    return str(row.tobytes().decode("latin-1"))


class Steps:
    """What each thread does, from each memory and node that it was met at."""

    def __init__(self, tables: Tables, layout: Layout) -> None:
        """Nothing was met yet but the first memory."""
        self.tables, self.layout = tables, layout
        self.memories = Memories(as_bytes(tables.memories[0]))
        self.laid = LaidOut(len(layout.widths))
        self._done = self.laid.leaf(STUCK)
        self.judges = Judges([cells for _, cells in tables.monitor.invariants])
        self.fields = list(layout.fields())
        self._index = [Index() for _ in self.fields]
        self._found = [(np.zeros(1024, np.uint64), np.zeros(1024, np.int64)) for _ in self.fields]

    def of(self, t: int, states: Any) -> tuple[Any, Any]:
        """(what the step of thread t adds to each state, the number of its leaf)."""
        begin, mask = self.fields[t]
        keys = states & np.uint64(mask << begin | (1 << WORD) - (1 << self.layout.shift))
        found = self._index[t].find(keys)
        if (found < 0).any():
            self._fill(t, np.unique(keys[found < 0]))
            found = self._index[t].find(keys)
        differences, leaves = self._found[t]
        return differences[found], leaves[found]

    def _fill(self, t: int, keys: Any) -> None:
        """Work out steps that were not met before. keys: states with nothing but this thread's node."""
        (begin, mask), shift = self.fields[t], np.uint64(self.layout.shift)
        memories = (keys >> shift).astype(np.int64)
        nodes = (keys >> np.uint64(begin) & np.uint64(mask)).astype(np.int64)
        leaves = self._leaves(t, nodes, memories)
        after = self._after(memories, leaves)
        if self.memories.n >> WORD - self.layout.shift:
            raise LimitError(f"more than {self.memories.n:,} memories do not fit into a word of {WORD} bits")
        by_memory = after.astype(np.uint64) - memories.astype(np.uint64) << shift
        by_node = self.laid.targets[leaves].astype(np.uint64) - nodes.astype(np.uint64) << np.uint64(begin)
        moves = self.laid.kinds[leaves] == MOVES
        n, index = self._index[t].n, self._index[t]
        differences, numbers = (grown(array, n + len(keys)) for array in self._found[t])
        differences[n : n + len(keys)] = np.where(moves, by_memory + by_node, np.uint64(0))
        numbers[n : n + len(keys)] = leaves
        self._found[t] = differences, numbers
        index.add(keys, np.arange(n, n + len(keys)))

    def _leaves(self, t: int, nodes: Any, memories: Any) -> Any:
        """The number of the leaf of each step; what is not known is learned, one after the other."""
        leaves = self.laid.find(t, nodes, memories, self.memories.rows)
        leaves[nodes == DONE] = self._done
        for place in np.flatnonzero(leaves < 0).tolist():
            one = slice(place, place + 1)
            leaves[one] = self.laid.find(t, nodes[one], memories[one], self.memories.rows)
            if leaves[place] < 0:
                leaves[place] = self._learned(t, int(nodes[place]), self.memories.text(memories[place]))
        return leaves

    def _learned(self, t: int, node: int, row: str) -> int:
        """The number of a leaf that is new."""
        try:
            leaf = self.tables.case(t, node, row)
        except BrokenError as broken:
            return self.laid.leaf(STUCK, broken)
        if leaf.target >> self.layout.widths[t] > 0:
            raise NarrowError(t, leaf.target.bit_length())
        return self.laid.learn(t, node, self.tables.path(t, node, row), leaf)

    def _after(self, memories: Any, leaves: Any) -> Any:
        """The memory after each step; of what breaks an invariant the leaf becomes one that breaks."""
        after = memories.copy()
        writing = np.flatnonzero((self.laid.kinds[leaves] == MOVES) & self.laid.writes(leaves))
        rows, hashes = self.memories.after(memories[writing], leaves[writing], self.laid)
        found = self.memories.numbers(rows, hashes)
        new = np.flatnonzero(found < 0)
        good = self.judges.good(rows[new], leaves[writing[new]], self.laid, self._holds)
        bad: list[int] = np.flatnonzero(~good).tolist()
        for place in bad:
            at = int(writing[new[place]])
            broken = self._broken(self.memories.text(memories[at]), self.laid.leaves[int(leaves[at])])
            leaves[at] = self.laid.leaf(STUCK, broken)
        new = new[good]
        if len(new):
            found[new] = self.memories.put(rows[new], hashes[new])
        after[writing] = np.maximum(found, 0)
        return after

    def _holds(self, watch: int, row: Any) -> bool:
        return self.tables.holds(watch, _text(row))

    def _broken(self, before: str, leaf: Leaf) -> BrokenError:
        """What a step breaks by the memory that it leads to."""
        try:
            self.tables.judged(before, changed(before, leaf), leaf)
        except BrokenError as broken:
            return broken
        raise AssertionError("an invariant that did not hold holds")


class Reached:
    """The states, in order, each with the number of the one that it was first reached from."""

    def __init__(self, start: int) -> None:
        """Begin with one."""
        self.states, self.parents, self.n = np.zeros(1024, np.uint64), np.zeros(1024, np.uint32), 0
        self._index = Index()
        self.put(np.array([start], np.uint64), np.array([NOBODY], np.uint32))

    def put(self, states: Any, parents: Any) -> None:
        """Those of these that are new, in the order in which they first come."""
        new = np.flatnonzero(self._index.find(states) < 0)
        _, first = np.unique(states[new], return_index=True)
        first = new[np.sort(first)]
        end = self.n + len(first)
        self.states, self.parents = grown(self.states, end), grown(self.parents, end)
        self.states[self.n : end], self.parents[self.n : end] = states[first], parents[first]
        self._index.add(states[first], np.arange(self.n, end))
        self.n = end

    def numbers(self, states: Any) -> Any:
        """The numbers of states."""
        return self._index.find(states)

    def number(self, state: int) -> int | None:
        """The number of a state that was reached."""
        (found,) = self._index.find(np.array([state], np.uint64)).tolist()
        return None if found < 0 else found

    def walked(self, layout: Layout) -> Walked:
        """As the plain search would tell it."""
        return Walked(layout, self.states[: self.n], self.parents[: self.n], self.number)


def explore_arrays(tables: Tables, *, hurry: Hurry = going_on, position: Position | None = None) -> Explored:
    """As search.explore, several times faster where there are many states.

    The tables must be new, or have learned again what leads to a position.

    Raises:
        LimitError: the program is too large for the walk.
        EndlessError: as search.explore.

    """
    began, least = time.perf_counter(), dict[int, int]()
    while True:
        try:
            walk = ArrayWalk(tables, layout_of(tables, least), began)
            if position is not None:
                walk.go_to(position.at_level().laid_out(walk.layout))
            return walk.explored(hurry)
        except NarrowError as e:
            least[e.t] = e.bits  # begin again: what was learned stays with the tables


class ArrayWalk:
    """A walk, level by level."""

    def __init__(self, tables: Tables, layout: Layout, began: float) -> None:
        """Begin at the tables' first state. began: when the search did."""
        self.tables, self.layout, self.began = tables, layout, began
        self.steps, self.reached = Steps(tables, layout), Reached(layout.narrow(tables.start))
        self.transitions, self.levels, self.alone, self.done = 0, 0, list[Any](), 0
        tables.so_far = lambda: self.reached.walked(layout)

    def go_to(self, here: Position) -> None:
        """Go on from where a search was stopped, between two levels. Raises TwiceError: nobody can have come there."""
        self.steps.memories.put_all(here.rows[1:])
        self.reached.put(here.states[1:], here.parents[1:])
        if (self.steps.memories.n, self.reached.n) != (len(here.rows), len(here.states)):
            raise TwiceError("a state or a memory is there twice")
        self.transitions, self.levels, self.done = here.transitions, here.levels, here.gone_on_from
        self.alone.append(here.alone.astype(np.int64))

    def explored(self, hurry: Hurry) -> Explored:
        """Go on to the end."""
        show(hurry, lambda: self._stopped("so far"))
        while self.done < self.reached.n:
            reason = hurry(self.reached.n)
            if reason is not None:
                return self._stopped(reason)
            self.done, level = self.reached.n, slice(self.done, self.reached.n)
            self.levels += 1
            found = self._level(self.reached.states[level], level.start)
            if found is not None:
                return found
        found, judged = self._found(), self.tables.monitor.judges("no_deadlock")
        return rounds_in(self.tables, self._pairs(), self._walked(), found) if judged else found

    def _pairs(self) -> Any:
        return np.concatenate(self.alone) if self.alone else np.zeros((0, 2), np.int64)

    def _stopped(self, reason: str) -> Explored:
        found, left = self._found(reason=reason), self.reached.n - self.done
        return replace(found, frontier=left, alone=self._pairs(), level_began=(self.done, self.transitions))

    def _level(self, states: Any, first: int) -> Explored | None:
        """Expand a level. first: the number of its first state."""
        steps = [self.steps.of(t, states) for t in range(len(self.layout.widths))]
        differences, leaves = (np.stack(arrays, axis=1) for arrays in zip(*steps, strict=True))
        kinds, able = self.steps.laid.kinds[leaves], differences != 0
        ways = able.sum(axis=1)
        bad = (kinds == BREAKS).any(axis=1)
        if self.tables.monitor.judges("no_deadlock"):
            at_work = states & np.uint64((1 << self.layout.shift) - 1) != 0
            bad |= (ways == 0) & at_work & (kinds != ENDS).all(axis=1)
        if bad.any():
            place = int(np.argmax(bad))
            return self._bad(first + place, leaves[place], kinds[place])
        self.transitions += int(ways.sum())
        parents, threads = np.nonzero(able)
        targets = states[parents] + differences[parents, threads]
        self.reached.put(targets, (first + parents).astype(np.uint32))
        one = ways[parents] == 1
        if one.any():
            self.alone.append(np.stack([first + parents[one], self.reached.numbers(targets[one])], axis=1))
        return None

    def _bad(self, number: int, leaves: Any, kinds: Any) -> Explored:
        """A state of this level breaks a claim, or has no way on."""
        walked = self._walked()
        schedule = _schedule(self.steps, self.reached, number)
        if (kinds == BREAKS).any():
            t = int(np.argmax(kinds == BREAKS))
            return self._found(self.steps.laid.errors[int(leaves[t])], (*schedule, t))
        return self._found(BrokenError("no_deadlock", deadlock(self.tables, walked.nth(number))), schedule)

    def _walked(self) -> Walked:
        memories = self.steps.memories
        self.tables.adopt(Adopted(memories.n, lambda: memories.rows))
        return self.reached.walked(self.layout)

    def _found(
        self, broken: BrokenError | None = None, schedule: tuple[int, ...] = (), reason: str = ""
    ) -> Explored:  # fmt: skip
        seconds = time.perf_counter() - self.began
        return Explored(
            self.reached.n, self.transitions, seconds, broken, schedule, reason, self._walked(), self.levels
        )


def _schedule(steps: Steps, reached: Reached, number: int) -> tuple[int, ...]:
    """The schedule by which a state was first reached."""
    taken, threads = list[int](), range(len(steps.fields))
    while number:
        before = int(reached.parents[number])
        here, there = reached.states[before : before + 1], reached.states[number]
        taken.append(next(t for t in threads if (here + steps.of(t, here)[0])[0] == there))
        number = before
    return tuple(reversed(taken))
