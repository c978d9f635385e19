"""Words of 64 pages: whole arrays say what bits counted one by one say."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spanproof.checks.tracing.words import (
    between,
    count,
    distinct,
    longest_run,
    lowest,
    run_at_end,
    run_at_start,
    scan,
    stable_order,
    starts_of_runs,
)

WORD = (
    st.integers(0, 2**64 - 1)
    | st.integers(0, 64).map(lambda n: 2**64 - 2**n)
    | st.integers(0, 64).map(lambda n: 2**n - 1)
)
WORDS = st.lists(WORD, max_size=40)


def _runs(word: int) -> list[tuple[int, int]]:
    """The runs of a word as (first page, length), lowest first."""
    groups = itertools.groupby(enumerate(f"{word:064b}"[::-1]), key=lambda pair: pair[1])
    return [(pages[0][0], len(pages)) for bit, group in groups if bit == "1" and (pages := list(group))]


@given(WORDS)
def test_runs_of_words(numbers: list[int]) -> None:
    """Count, lowest page, run at either end, longest run."""
    words = np.array(numbers, np.uint64)
    runs = [_runs(word) for word in numbers]
    assert count(words).tolist() == [word.bit_count() for word in numbers]
    assert lowest(words).tolist() == [word & -word for word in numbers]
    assert longest_run(words).tolist() == [max((n for _, n in r), default=0) for r in runs]
    assert run_at_start(words).tolist() == [r[0][1] if r and r[0][0] == 0 else 0 for r in runs]
    assert run_at_end(words).tolist() == [r[-1][1] if r and sum(r[-1]) == 64 else 0 for r in runs]


@given(st.lists(st.tuples(WORD, st.integers(1, 70)), max_size=40))
def test_starts_of_runs_are_where_a_run_fits(asked: list[tuple[int, int]]) -> None:
    """Every page from which on so many pages are all in the word."""
    words, lengths = np.array([w for w, _ in asked], np.uint64), np.array([n for _, n in asked], np.int64)
    fits = [sum(1 << page for page in range(65 - n) if w >> page & (m := (1 << n) - 1) == m) for w, n in asked]
    assert starts_of_runs(words, lengths).tolist() == fits


@given(st.lists(st.tuples(st.integers(-9, 80), st.integers(-9, 80)), max_size=40))
def test_between_is_a_range_cut_to_the_block(bounds: list[tuple[int, int]]) -> None:
    """The pages [low, limit) that are in [0, 64)."""
    low, limit = (np.array([pair[at] for pair in bounds], np.int64) for at in (0, 1))
    expected = [sum(1 << page for page in range(max(a, 0), min(b, 64))) for a, b in bounds]
    assert between(low, limit).tolist() == expected


@given(st.lists(st.tuples(WORD, WORD, WORD, WORD), max_size=70))
def test_scan_does_one_event_after_the_other(events: list[tuple[int, int, int, int]]) -> None:
    """Keep and put, in order, for each plane of its own."""
    keep = np.array([[e[0] for e in events], [e[1] for e in events]], np.uint64)
    put = np.array([[e[2] for e in events], [e[3] for e in events]], np.uint64)
    after: list[list[int]] = []
    for plane in (0, 1):
        words = [0]
        for event in events:
            words.append(words[-1] & event[plane] | event[plane + 2])
        after.append(words[1:])
    assert scan(keep, put).tolist() == after


@given(st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 5), max_size=50))
def test_orders(numbers: list[int]) -> None:
    """stable_order sorts and keeps the order of equal keys; distinct leaves out what occurs twice."""
    keys = np.array(numbers, np.int64)
    assert stable_order(keys).tolist() == sorted(range(len(numbers)), key=numbers.__getitem__)
    assert distinct(keys).tolist() == sorted(set(numbers))
