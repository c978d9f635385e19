"""The library's functions, as Python calls them. Read next: ../compiled.py."""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from spanproof.checks.exploring.walking.kernel.building import library

ENDED_WELL, NEEDS, DEADLOCK, PAUSE, NO_MEMORY, TOO_MANY, NAMES = range(7)
"""Why the walk stopped (walk.c)."""
RESTORED, NO_ROOM, TWICE = range(3)
"""What came of going on from where another one was."""
MOVES, BLOCKED, ENDS = range(3)
"""What a step does."""
NOWHERE = 2**64 - 1
WHO_BITS = 24
"""Three for each thread."""
VIEWS = ("states", "parents", "rows", "cells", "alone")
"""What can be looked at."""
ASKED_STATE = 6
"""The place of `state` among the counts."""
COUNTS = (
    "states", "transitions", "memories", "levels", "level_states", "level_transitions", "state", "thread", "alone",
    "bytes", "width", "stride", "expanded",
)  # fmt: skip


class Calls:
    """A walk of the library's."""

    def __init__(
        self, row: bytes, widths: list[int], nodes: list[int], judges: list[tuple[int, ...]], *, deadlock: bool
    ) -> None:
        """Begin in a row, at these nodes. widths: the bits of each thread's node. judges: each invariant's cells.

        Raises:
            NoKernelError: there is no library.
            MemoryError: there is no room.

        """
        self._walk = ctypes.c_void_p()
        self._lib = library()
        for name in ("new", *VIEWS):
            getattr(self._lib, f"walk_{name}").restype = ctypes.c_void_p
        self._lib.walk_step.restype = ctypes.c_uint64
        self._lib.walk_number.restype = ctypes.c_uint32
        self._lib.walk_asked.restype = ctypes.c_uint64
        self._views = {name: getattr(self._lib, f"walk_{name}") for name in VIEWS}
        begins = np.cumsum([0, *(len(cells) for cells in judges)]).astype(np.uint32)
        cells = np.array([cell for judge in judges for cell in judge], np.uint16)
        self.cells, self._counts = len(row), (ctypes.c_uint64 * len(COUNTS))()
        self._row = ctypes.create_string_buffer(len(row))
        pointer = self._lib.walk_new(
            len(widths), len(row), (ctypes.c_int * len(widths))(*widths), row, _words(nodes, ctypes.c_uint32),
            len(judges), begins.ctypes, cells.ctypes, int(deadlock),
        )  # fmt: skip
        if not pointer:
            raise MemoryError
        self._walk = ctypes.c_void_p(pointer)

    def free(self) -> None:
        """Give its memory back; what was looked at through it must not be used any more."""
        if self._walk.value:
            self._lib.walk_free(self._walk)
            self._walk = ctypes.c_void_p()

    __del__ = free

    def on(self, most: int) -> int:
        """Go on, over so many states: why it stopped."""
        return int(self._lib.walk_on(self._walk, ctypes.c_uint32(most)))

    def learn(
        self, t: int, node: int, path: list[tuple[int, str]], kind: int, target: int,
        updates: tuple[tuple[int, str], ...], watches: tuple[int, ...],
    ) -> None:  # fmt: skip
        """A path of a tree, and what the step does at its end. Raises MemoryError."""
        there = self._lib.walk_learn(
            self._walk, t, node, _words([cell for cell, _ in path]), _bytes(char for _, char in path), len(path), kind,
            target, _words([cell for cell, _ in updates]), _bytes(char for _, char in updates), len(updates),
            _words(watches), len(watches),
        )  # fmt: skip
        if not there:
            raise MemoryError

    def good(self, judge: int, row: bytes) -> None:
        """An invariant holds of what it looks at in a row. Raises MemoryError."""
        if not self._lib.walk_good(self._walk, judge, row):
            raise MemoryError

    def restore(self, rows: Any, states: Any, parents: Any, alone: Any, far: tuple[int, ...]) -> bool:
        """A walk that is new goes on from where another one was: whether that can be. Raises MemoryError.

        rows: of bytes. far: states that were gone on from, levels, transitions, states and transitions when the level
        began. All numbers in them lie within what is given.
        """
        kinds = (np.uint8, np.uint64, np.uint32, np.uint32)
        given = [np.ascontiguousarray(of, kind) for of, kind in zip((rows, states, parents, alone), kinds, strict=True)]
        whole, words, before, pairs = given
        came: int = self._lib.walk_restore(
            self._walk, len(whole), whole.ctypes, len(words), words.ctypes, before.ctypes, len(pairs), pairs.ctypes,
            _words(far, ctypes.c_uint64),
        )  # fmt: skip
        if came == NO_ROOM:
            raise MemoryError
        return came == RESTORED

    def alike(self, kinds: list[int], naming: list[int], own: list[list[int]], ties: int) -> None:
        """A walk that is new: which threads are not told apart. Raises MemoryError.

        kinds: per thread, from 1, or 0 where there is one of it. naming: the cells that name threads. own: per thread
        the cells that are its own. ties: a bit for each thread that may change places with the one before, at first.
        """
        cells = [n for of in own for n in of]
        if not self._lib.walk_alike(
            self._walk, bytes(kinds), len(naming), _words(naming), len(own[0]), _words(cells), ties
        ):
            raise MemoryError

    def asked_name(self) -> tuple[int, int, tuple[int, ...] | None]:
        """What is asked of a character: (cell, character, per thread what it becomes; None: which threads it names)."""
        key = int(self._lib.walk_asked(self._walk))
        cell, char, who = key >> 32 & 0xFFFF, key >> WHO_BITS & 0xFF, key & (1 << WHO_BITS) - 1
        return cell, char, None if key >> 62 else tuple(who >> 3 * t & 7 for t in range(WHO_BITS // 3))

    def tell_names(self, threads: tuple[int, ...]) -> None:
        """The threads that the character names that was asked of. Raises MemoryError."""
        packed = sum(t << 4 * place for place, t in enumerate((*threads, 15)))
        self._tell(packed)

    def tell_renamed(self, char: int) -> None:
        """What becomes of the character that was asked of. Raises MemoryError."""
        self._tell(char)

    def _tell(self, value: int) -> None:
        key = self._lib.walk_asked(self._walk)
        if not self._lib.walk_tell(self._walk, ctypes.c_uint64(key), ctypes.c_uint64(value)):
            raise MemoryError

    def counts(self) -> dict[str, int]:
        """How far it is, by name."""
        self._lib.walk_counts(self._walk, self._counts)
        return dict(zip(COUNTS, self._counts, strict=True))

    def asked(self) -> tuple[int, int]:
        """(the state, the thread) that it stopped at."""
        self._lib.walk_counts(self._walk, self._counts)
        return self.state(self._counts[ASKED_STATE]), self._counts[ASKED_STATE + 1]

    def state(self, number: int) -> int:
        """A state, by number."""
        return int(ctypes.c_uint64.from_address(self._views["states"](self._walk) + 8 * number).value)

    def step(self, state: int, t: int) -> int:
        """Where a thread's step leads from a state; NOWHERE if it cannot move."""
        return int(self._lib.walk_step(self._walk, ctypes.c_uint64(state), t))

    def number(self, state: int) -> int | None:
        """The number of a state that was reached."""
        found = int(self._lib.walk_number(self._walk, ctypes.c_uint64(state)))
        return None if found == 2**32 - 1 else found

    def states(self) -> Any:
        """All states, in the order in which they were reached: a view, good until it goes on."""
        return self._view("states", np.uint64, self.counts()["states"])

    def parents(self) -> Any:
        """The number of the state from which each was first reached. A view, as above."""
        return self._view("parents", np.uint32, self.counts()["states"])

    def rows(self) -> Any:
        """All memories, a row of bytes each, one for every cell."""
        counts = self.counts()
        many, width, stride = counts["memories"], counts["width"], counts["stride"]
        whole = np.zeros((many, self.cells), np.uint8)
        kept = self._view("rows", np.uint8, many * stride).reshape(many, stride)
        whole[:, self._view("cells", np.uint32, width)] = kept[:, :width]
        return whole

    def row(self, memory: int) -> bytes:
        """A memory, a byte for every cell."""
        self._lib.walk_row(self._walk, ctypes.c_uint32(memory), self._row)
        return self._row.raw

    def alone(self) -> Any:
        """Pairs: a state in which one thread alone can go on, and where to. A view, as above."""
        many = self.counts()["alone"]
        return self._view("alone", np.uint32, many * 2).reshape(many, 2)

    def _view(self, name: str, kind: Any, many: int) -> Any:
        pointer = self._views[name](self._walk)
        if not many:
            return np.zeros(0, kind)
        size = np.dtype(kind).itemsize * many
        memory: Any = (ctypes.c_uint8 * size).from_address(pointer)
        return np.frombuffer(memory, kind)


def _words(numbers: Sequence[int], kind: Any = ctypes.c_uint16) -> Any:
    return (kind * len(numbers))(*numbers)


def _bytes(chars: Any) -> bytes:
    return "".join(chars).encode("latin-1")
