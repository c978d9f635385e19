"""Judges first fit: no lower run of free pages would have served.

A search for n pages that answered page d is right if [d, d + n) is free (owning.py) and no run of n free pages lies
below d + n - 1. As in Go's summaries (mpagealloc.go, pallocSum), each node of a binary tree over the blocks knows its
free pages at its start, at its end, and its longest run: here as a function of time, a piece for each change that a
search can see. The pages below a limit are at most one node a level, so a search is answered by few look-ups.
Read next: zeroing.py.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from spanproof.checks.tracing import claims
from spanproof.checks.tracing.kinds import PAGES_PER_BLOCK, Kind
from spanproof.checks.tracing.layout import Layout
from spanproof.checks.tracing.planes import ADDS, FREE, TAKES, Touches
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.tally import Tally
from spanproof.checks.tracing.words import BELOW, Numbers, Words, longest_run, run_at_end, run_at_start, stable_order


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """Questions to the page allocator, in order: was there a run of `npages` free pages in dense pages [0, limit)?"""

    row: Numbers
    npages: Numbers
    limit: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Words64:
    """The free pages of each block over time. Sorted by key = block * times + time; the first time of each is 0."""

    key: Numbers
    word: Words


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The nodes of one level over time: each piece holds from its time on. Sorted by key = node * times + time."""

    key: Numbers
    start: Numbers
    """Free pages at the node's start."""
    end: Numbers
    longest: Numbers

    @classmethod
    def of(cls, words: Words64) -> Self:
        """The lowest level."""
        return cls(words.key, run_at_start(words.word), run_at_end(words.word), longest_run(words.word))

    def merged(self, times: int, size: int) -> Self:
        """The next level, of nodes twice the `size` (pages)."""
        node, time = self.key // times, self.key % times
        key = (node >> 1) * times + time
        order = np.argsort(key, kind="stable")
        key, left = key[order], (node[order] & 1) == 0
        at = np.arange(len(key))
        newest_left = order[np.maximum.accumulate(np.where(left, at, 0))]
        newest_right = order[np.maximum.accumulate(np.where(left, 0, at))]
        last = np.append(key[1:] != key[:-1], True)  # of those at one time, both children are known at the last
        lower, upper = newest_left[last], newest_right[last]
        start, end = self.start[lower], self.end[upper]
        return type(self)(
            key[last],
            np.where(start == size, size + self.start[upper], start),
            np.where(end == size, size + self.end[lower], end),
            np.maximum(np.maximum(self.longest[lower], self.longest[upper]), self.end[lower] + self.start[upper]),
        )


def searches_of(trace: Trace, layout: Layout, rows: Numbers) -> Searches:
    """The searches among rows of one part, whose pages stand in the layout."""
    kind, page = trace.kind[rows], trace.page[rows]
    at = np.flatnonzero((kind == Kind.PAGES_ALLOC) | (kind == Kind.CACHE_REFILL))
    rows, page, refill = rows[at], page[at], kind[at] == Kind.CACHE_REFILL
    npages = np.where(refill, 1, trace.npages[rows])
    limit = np.full(len(at), layout.blocks * PAGES_PER_BLOCK)  # page 0: there was no room anywhere
    found = page > 0
    limit[found] = layout.dense_page(page[found]) + np.where(refill, 0, npages - 1)[found]
    return Searches(rows, npages, limit)


def free_words(was_free: Words, touches: Touches, searches: Searches) -> Words64:
    """The free pages of all blocks as the searches see them; `was_free` has a word for each block, before this part."""
    times, blocks = len(searches.row), len(was_free)
    changes = touches.of(*ADDS[FREE], *TAKES[FREE])
    time = np.searchsorted(searches.row, touches.row[changes], side="right")
    seen = time < times
    changes, time = changes[seen], time[seen]
    key = np.concatenate([np.arange(blocks) * times, touches.block[changes] * times + time])
    order = stable_order(np.concatenate([np.arange(blocks), touches.block[changes]]))
    key, word = key[order], np.concatenate([was_free, touches.after[FREE, changes]])[order]
    last = np.append(key[1:] != key[:-1], True)
    return Words64(key[last], word[last])


def lower_runs(words: Words64, searches: Searches, blocks: int) -> NDArray[np.bool_]:
    """Whether each search could have been answered with a lower run; `blocks` is a power of two."""
    times = len(searches.row)
    levels = [Level.of(words)]
    size = PAGES_PER_BLOCK
    while size < blocks * PAGES_PER_BLOCK:
        levels.append(levels[-1].merged(times, size))
        size *= 2
    longest, end = np.zeros(times, np.int64), np.zeros(times, np.int64)
    block = searches.limit // PAGES_PER_BLOCK
    for height in range(len(levels) - 1, -1, -1):
        level, size = levels[height], PAGES_PER_BLOCK << height
        at = np.flatnonzero((block >> height) & 1)
        piece = np.searchsorted(level.key, ((block[at] >> height) - 1) * times + at, side="right") - 1
        longest[at] = np.maximum(np.maximum(longest[at], level.longest[piece]), end[at] + level.start[piece])
        end[at] = np.where(level.end[piece] == size, end[at] + size, level.end[piece])
    at = np.flatnonzero(searches.limit % PAGES_PER_BLOCK)
    piece = np.searchsorted(words.key, block[at] * times + at, side="right") - 1
    part = words.word[piece] & BELOW[searches.limit[at] % PAGES_PER_BLOCK]
    longest[at] = np.maximum(np.maximum(longest[at], longest_run(part)), end[at] + run_at_start(part))
    return longest >= searches.npages


def judge_fits(trace: Trace, layout: Layout, was_free: Words, touches: Touches, rows: Numbers, tally: Tally) -> None:
    """Judge each search among the rows; `was_free` is the set FREE before them."""
    searches = searches_of(trace, layout, rows)
    if not len(searches.row):
        return
    blocks = 1 << max(0, (layout.blocks - 1).bit_length())
    padded = np.zeros(blocks, np.uint64)
    padded[: layout.blocks] = was_free
    words = free_words(padded, touches, searches)
    tally.bad(claims.THE_LOWEST_FREE_RUN_IS_TAKEN, searches.row, lower_runs(words, searches, blocks))
