"""A hash table over arrays: many words at once to the numbers that they have.

Open addressing with linear probing; what meets what is settled round by round, for all words together.
Read next: laid_out.py.
"""

from typing import Any

import numpy as np

NOTHING = np.uint64(2**64 - 1)
"""In an empty slot; no word that is kept has this value."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mixed(words: Any) -> Any:
    """Numbers that look drawn, one for each word."""
    z = words + _GOLDEN
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return z ^ z >> np.uint64(31)


def grown(array: Any, n: int) -> Any:
    """An array with room for n rows, twice as long as before if it has to grow."""
    if n <= len(array):
        return array
    more = np.zeros((max(2 * len(array), n), *array.shape[1:]), array.dtype)
    more[: len(array)] = array
    return more


class Index:
    """Words, each with its number."""

    def __init__(self, bits: int = 12) -> None:
        """Empty. bits: of the number of slots."""
        self._bits, self.n = bits, 0
        self._words = np.full(1 << bits, NOTHING)
        self._numbers = np.zeros(1 << bits, np.int64)

    def find(self, words: Any) -> Any:
        """The number of each word; -1 of those that are not there."""
        found = np.full(len(words), -1, np.int64)
        left, slots = np.arange(len(words)), self._slots(words)
        while len(left):
            there = self._words[slots]
            hit = there == words[left]
            found[left[hit]] = self._numbers[slots[hit]]
            on = np.flatnonzero(~hit & (there != NOTHING))
            left, slots = left[on], slots[on] + 1 & len(self._words) - 1
        return found

    def add(self, words: Any, numbers: Any) -> None:
        """Words that are not there yet, each once."""
        self.n += len(words)
        if self.n * 2 > len(self._words):
            self._grow()
        self._put(words, numbers)

    def _put(self, words: Any, numbers: Any) -> None:
        slots = self._slots(words)
        while len(words):
            free = self._words[slots] == NOTHING
            self._words[slots[free]] = words[free]  # of several that want a slot the last one has it
            won = self._words[slots] == words
            self._numbers[slots[won]] = numbers[won]
            on = np.flatnonzero(~won)
            words, numbers, slots = words[on], numbers[on], slots[on] + 1 & len(self._words) - 1

    def _grow(self) -> None:
        there = np.flatnonzero(self._words != NOTHING)
        words, numbers = self._words[there], self._numbers[there]
        self._bits = max(int(2 * self.n).bit_length() + 1, self._bits + 1)
        self._words, self._numbers = np.full(1 << self._bits, NOTHING), np.zeros(1 << self._bits, np.int64)
        self._put(words, numbers)

    def _slots(self, words: Any) -> Any:
        return (words * _GOLDEN >> np.uint64(64 - self._bits)).astype(np.int64)
