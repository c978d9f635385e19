"""What was learned of steps and invariants, laid out in arrays. Read next: arrays.py."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.cases import Leaf
from spanproof.checks.exploring.tables import ENDED, LimitError
from spanproof.checks.exploring.walking.index import Index, grown, mixed

MOVES, BLOCKED, ENDS, BREAKS = range(4)
"""What a step does."""


class LaidOut:
    """The decision trees of all threads: a branch looks at a cell, and its characters lead on."""

    def __init__(self, threads: int) -> None:
        """Nothing is known."""
        self._roots = [np.zeros(64, np.int64) for _ in range(threads)]
        self._cells, self._follow, self._n = np.zeros(1024, np.int64), np.zeros((1024, 16), np.int32), 1
        self.leaves: list[Leaf] = []
        self.errors: dict[int, BrokenError] = {}
        """What breaks, by the number of the leaf."""
        self.kinds, self.targets = np.zeros(1024, np.uint8), np.zeros(1024, np.int64)
        self._updates = np.full((1024, 2, 4), -1, np.int64)

    def leaf(self, leaf: Leaf, broken: BrokenError | None = None) -> int:
        """The number of a leaf, which is new. broken: the claim that the step breaks."""
        n = len(self.leaves)
        self.leaves.append(leaf)
        self.kinds, self.targets = grown(self.kinds, n + 1), grown(self.targets, n + 1)
        self.kinds[n] = ENDS if leaf is ENDED else BLOCKED if leaf.blocked else MOVES
        self.targets[n] = max(leaf.target, 0)
        if broken is not None:
            self.kinds[n], self.errors[n] = BREAKS, broken
        self._room_for_updates(n, len(leaf.updates))
        self._updates[n] = -1
        for place, (cell, char) in enumerate(leaf.updates):
            self._updates[n, :, place] = cell, ord(char)
        return n

    def _room_for(self, char: int) -> None:
        """Each branch has a place for every character that any memory has."""
        if char >= self._follow.shape[1]:
            wider = np.zeros((len(self._follow), 2 * char), np.int32)
            wider[:, : self._follow.shape[1]] = self._follow
            self._follow = wider

    def _room_for_updates(self, n: int, many: int) -> None:
        self._updates = grown(self._updates, n + 1)
        if many > self._updates.shape[2]:
            wider = np.full((len(self._updates), 2, many), -1, np.int64)
            wider[:, :, : self._updates.shape[2]] = self._updates
            self._updates = wider

    def learn(self, t: int, node: int, path: Sequence[tuple[int, str]], leaf: Leaf) -> int:
        """A path of a tree, and the leaf at its end: its number."""
        number = self.leaf(leaf)
        self._roots[t] = grown(self._roots[t], node + 1)
        self._room_for(max(ord(char) for _, char in (*path, *leaf.updates)))
        branch = int(self._roots[t][node]) or self._branch(path[0][0])
        self._roots[t][node] = branch
        for (_, char), (cell, _) in pairwise(path):
            there = int(self._follow[branch, ord(char)]) or self._branch(cell)
            self._follow[branch, ord(char)] = there
            branch = there
        self._follow[branch, ord(path[-1][1])] = -1 - number
        return number

    def _branch(self, cell: int) -> int:
        self._cells, self._follow = grown(self._cells, self._n + 1), grown(self._follow, self._n + 1)
        self._cells[self._n] = cell
        self._n += 1
        return self._n - 1

    def find(self, t: int, nodes: Any, memories: Any, rows: Any) -> Any:
        """The number of the leaf of each step; -1 where it is not known."""
        self._roots[t] = grown(self._roots[t], int(nodes.max()) + 1)
        found = self._roots[t][nodes]
        on = np.flatnonzero(found > 0)
        while len(on):
            branches = found[on]
            found[on] = self._follow[branches, rows[memories[on], self._cells[branches]]]
            on = on[found[on] > 0]
        return -1 - found  # a leaf lies below 0; what is unknown is 0, and comes out as -1

    def updates(self, leaves: Any) -> Iterator[tuple[Any, Any]]:
        """(cells, characters) that are written first by each leaf, then second, and so on; -1 where nothing is."""
        written = self._updates[leaves]
        for place in range(written.shape[2]):
            if (written[:, 0, place] >= 0).any():
                yield written[:, 0, place], written[:, 1, place]

    def writes(self, leaves: Any) -> Any:
        """Whether each leaf writes anything."""
        return self._updates[leaves, 0, 0] >= 0


class Judges:
    """The invariants, and what each was found to hold of."""

    def __init__(self, cells: Sequence[Sequence[int]]) -> None:
        """cells: of each invariant, those that it looks at."""
        self._cells = [np.array(of, np.int64) for of in cells]
        self._index = [Index(8) for _ in cells]
        self._good = [np.zeros((64, len(of)), np.uint8) for of in cells]

    def good(self, rows: Any, leaves: Any, laid: LaidOut, holds: Callable[[int, Any], bool]) -> Any:
        """Whether each row is good, by all invariants that look at what its leaf has written.

        holds: judges an invariant in a row, once for what it looks at.
        """
        good = np.ones(len(rows), bool)
        by_watch: dict[int, list[int]] = {}
        present: list[int] = np.unique(leaves).tolist()
        for leaf in present:
            for watch in laid.leaves[leaf].watches:
                by_watch.setdefault(watch, []).append(leaf)
        for watch, of in by_watch.items():
            mine = np.flatnonzero(np.isin(leaves, of))
            good[mine] &= self._judged(watch, rows[mine], holds)
        return good

    def _judged(self, watch: int, rows: Any, holds: Callable[[int, Any], bool]) -> Any:
        seen = rows[:, self._cells[watch]]
        hashes = _hashes(seen)
        found = self._index[watch].find(hashes)
        good = (found >= 0) & (self._good[watch][found] == seen).all(axis=1)
        left = np.flatnonzero(~good)
        if len(left):
            _, first, which = np.unique(hashes[left], return_index=True, return_inverse=True)
            first = left[first]
            same_everywhere(seen[first[which]], seen[left])
            verdicts = np.array([holds(watch, rows[place]) for place in first.tolist()])
            self._keep(watch, seen[first[verdicts]], hashes[first[verdicts]])
            good[left] = verdicts[which]
        return good

    def _keep(self, watch: int, seen: Any, hashes: Any) -> None:
        n = self._index[watch].n
        self._good[watch] = grown(self._good[watch], n + len(seen))
        self._good[watch][n : n + len(seen)] = seen
        self._index[watch].add(hashes, np.arange(n, n + len(seen)))


def same_everywhere(rows: Any, others: Any) -> None:
    """What has the same hash is the same. Raises LimitError: it is not, once in 2^64 or so."""
    if not np.array_equal(rows, others):
        raise LimitError("two memories have the same hash of 64 bits: the plain walk can tell them apart")


def _hashes(seen: Any) -> Any:
    """A number for each row of characters."""
    cells = np.arange(seen.shape[1], dtype=np.uint64) << np.uint64(8)
    return mixed(mixed(cells[None, :] | seen).sum(axis=1, dtype=np.uint64)) & np.uint64(2**63 - 1)
