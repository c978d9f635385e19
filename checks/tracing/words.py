"""Sets of pages as words: one uint64 for a block of 64 pages, bit i for page i. All functions take whole arrays.

Mirrors what mpallocbits.go does with single words: runs, counts, and masks of a range. Read next: planes.py.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Numbers = NDArray[np.int64]

_ONE = np.uint64(1)
BELOW: Words = np.array([(1 << n) - 1 for n in range(65)], np.uint64)
"""BELOW[n]: the lowest n pages of a block, n in 0..64."""
ALL = BELOW[64]
_ODD, _PAIRS, _NIBBLES, _BYTES = (np.uint64(int(byte * 8, 16)) for byte in ("55", "33", "0f", "01"))


def between(low: Numbers, limit: Numbers) -> Words:
    """The pages [low, limit) of a block; bounds beyond it are cut to it, and an empty range gives 0."""
    low, limit = low.clip(0, 64), limit.clip(0, 64)
    mask: Words = BELOW[limit] & ~BELOW[low]
    return mask


def count(words: Words) -> Numbers:
    """How many pages each word holds (mpallocbits.go, popcntRange)."""
    x = words - ((words >> _ONE) & _ODD)
    x = (x & _PAIRS) + ((x >> np.uint64(2)) & _PAIRS)
    x = (x + (x >> np.uint64(4))) & _NIBBLES
    total: Numbers = ((x * _BYTES) >> np.uint64(56)).astype(np.int64)
    return total


def lowest(words: Words) -> Words:
    """The lowest page of each word, as a word; 0 where there is none."""
    return words & (~words + _ONE)


def run_at_start(words: Words) -> Numbers:
    """How many pages from the lowest one on are all in the word."""
    return count(words & ~(words + _ONE))


def run_at_end(words: Words) -> Numbers:
    """How many pages up to the highest one are all in the word."""
    missing = ~words
    for shift in (1, 2, 4, 8, 16, 32):
        missing |= missing >> np.uint64(shift)
    return 64 - count(missing)


def longest_run(words: Words) -> Numbers:
    """The length of the longest run of pages in each word (mpallocbits.go, summarize)."""
    runs = {1: words}
    for length in (1, 2, 4, 8, 16):
        runs[2 * length] = runs[length] & (runs[length] >> np.uint64(length))
    found, starts = np.zeros(len(words), np.int64), np.full(len(words), ALL)
    for length in (32, 16, 8, 4, 2, 1):
        longer = starts & (runs[length] >> found.astype(np.uint64))
        fits = longer != 0
        starts = np.where(fits, longer, starts)
        found += length * fits
    return np.where(words == ALL, 64, found)


def starts_of_runs(words: Words, lengths: Numbers) -> Words:
    """The pages at which a run of the given length begins; shape of both: (n,). Lengths beyond 64 have none."""
    starts = words.copy()
    for shift in range(1, min(int(lengths.max(initial=0)), 64)):
        starts &= np.where(lengths > shift, words >> np.uint64(shift), ALL)
    starts[lengths > 64] = 0
    return starts


def stable_order(keys: NDArray[np.integer]) -> Numbers:
    """The stable order of keys in [0, 2**32), shape (n,): numpy sorts 16 bits by radix, so two passes at most."""
    order: Numbers = np.argsort((keys & 0xFFFF).astype(np.uint16), kind="stable")
    if len(keys) and int(keys.max()) > 0xFFFF:
        order = order[np.argsort((keys[order] >> 16).astype(np.uint16), kind="stable")]
    return order


def distinct(numbers: Numbers) -> Numbers:
    """The numbers that occur, ascending."""
    ascending = np.sort(numbers)
    first: Numbers = ascending[np.append(np.ones(1, np.bool_), ascending[1:] != ascending[:-1])[: len(numbers)]]
    return first


def scan(keep: Words, put: Words) -> Words:
    """Each word after each event in turn: `word = word & keep | put`, one event after the other.

    Shape of both: (planes, n). An event that keeps nothing cuts off what came before. The events are laid out as a
    table, so that n steps become about two times the root of n steps on whole rows.
    """
    planes, n = put.shape
    rows = max(1, int(n**0.5))
    steps = -(-n // rows)
    table = np.zeros((2, steps, planes, rows), np.uint64)
    table[0] = ALL
    for half, words in zip(table, (keep, put), strict=True):
        filled = np.full((planes, rows * steps), ALL if half is table[0] else np.uint64(0))
        filled[:, :n] = words
        half[:] = filled.reshape(planes, rows, steps).transpose(2, 0, 1)
    keeps, puts = table
    for step in range(1, steps):
        puts[step] |= puts[step - 1] & keeps[step]
        keeps[step] &= keeps[step - 1]
    carried = np.zeros((planes, rows), np.uint64)
    for row in range(1, rows):
        carried[:, row] = (carried[:, row - 1] & keeps[-1, :, row - 1]) | puts[-1, :, row - 1]
    puts |= keeps & carried
    after: Words = puts.transpose(1, 2, 0).reshape(planes, rows * steps)[:, :n]
    return after
