"""The library's functions, as Python calls them. Read next: ../compiled.py."""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from spanproof.checks.exploring.walking.kernel.building import library

ENDED_WELL, NEEDS, DEADLOCK, PAUSE, NO_MEMORY, TOO_MANY = range(6)
"""Why the walk stopped (walk.c)."""
MOVES, BLOCKED, ENDS = range(3)
"""What a step does."""
NOWHERE = 2**64 - 1
VIEWS = ("states", "parents", "rows", "cells", "alone")
"""What can be looked at."""
ASKED_STATE, WIDTH = 6, 10
"""The places of `state` and `width` among the counts."""
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
        self._views = {name: getattr(self._lib, f"walk_{name}") for name in VIEWS}
        begins = np.cumsum([0, *(len(cells) for cells in judges)]).astype(np.uint32)
        cells = np.array([cell for judge in judges for cell in judge], np.uint16)
        self.cells, self._counts = len(row), (ctypes.c_uint64 * len(COUNTS))()
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
        self._lib.walk_counts(self._walk, self._counts)
        width, stride = self._counts[WIDTH], self._counts[WIDTH + 1]
        kept = ctypes.string_at(self._views["rows"](self._walk) + memory * stride, width)
        cells = (ctypes.c_uint32 * width).from_address(self._views["cells"](self._walk)) if width else ()
        whole = bytearray(self.cells)
        for cell, char in zip(cells, kept, strict=True):
            whole[cell] = char
        return bytes(whole)

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
