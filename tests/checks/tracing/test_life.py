"""The story of one page over a trace: which page, and which of its rows."""

import pickle
from pathlib import Path

import pytest

from spanproof.checks.tracing.kinds import Kind
from spanproof.checks.tracing.life import BUSIEST, FIRST, LAST, WHOLE, life_of
from spanproof.checks.tracing.reading import Trace, read_trace
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.tracing.verdicts import judge_and_count
from tests.checks.tracing.recorder import CHUNK, PAGE, Recorder, made, save


def round_trip(*, again: int) -> Trace:
    """Two spans; the second goes back to the OS in part, and of that from page `again` on there is a span again."""
    heap = Recorder()
    base = heap.start
    heap.write(Kind.GROW, base, CHUNK)
    for page in (base, base + 16):
        heap.write(Kind.PAGES_ALLOC, page, 16, a=16 * PAGE)
        heap.write(Kind.ALLOC_SPAN, page, 16, a=1, b=16 * PAGE)
    heap.write(Kind.FREE_SPAN, base + 16, 16, a=1)
    heap.write(Kind.PAGES_FREE, base + 16, 16)
    heap.write(Kind.SCAVENGE_BEGIN, base + 20, 8)
    heap.write(Kind.SCAVENGE_END, base + 20, 8)
    heap.write(Kind.PAGES_ALLOC, base + again, 4, a=0)
    heap.write(Kind.ALLOC_SPAN, base + again, 4, a=1, b=0)
    heap.write(Kind.FREE_SPAN, base + again, 4, a=1)
    return heap.trace()


def kinds(rows: tuple[str, ...]) -> list[str]:
    """The kind that each line tells."""
    return [line.split()[2] for line in rows]


def test_the_page_that_goes_round_is_told_from_its_growth_to_its_second_span() -> None:
    """The first page that was in a span, freed, given back and in a span again; no row of another page."""
    trace = round_trip(again=22)
    life = life_of(trace, len(trace))

    assert life
    assert life.page == f"page {Recorder().start + 22} at {(Recorder().start + 22) * PAGE:#x}"
    assert life.about == WHOLE
    assert kinds(life.rows) == [
        "grow", "pages_alloc", "alloc_span", "free_span", "pages_free", "scavenge_begin", "scavenge_end",
        "pages_alloc", "alloc_span",
    ]  # fmt: skip


def test_without_such_a_page_the_busiest_is_told() -> None:
    """Where what was given back stays away, and where only the rows before that are known."""
    trace = round_trip(again=40)
    away, early = life_of(trace, len(trace)), life_of(round_trip(again=22), 9)

    assert away
    assert early
    assert away.about == early.about == BUSIEST
    assert away.page.startswith(f"page {Recorder().start + 16} ")
    assert away.rows[: len(early.rows)] == early.rows


def test_of_a_long_story_both_ends_are_told() -> None:
    """What is left out is counted."""
    heap = Recorder()
    heap.write(Kind.GROW, heap.start, CHUNK)
    for _ in range(50):
        heap.write(Kind.ALLOC_SPAN, heap.start, 1, a=1)
        heap.write(Kind.FREE_SPAN, heap.start, 1, a=1)
    life = life_of(heap.trace(), 101)

    assert life
    assert len(life.rows) == FIRST + 1 + LAST
    assert life.rows[FIRST] == "(89 more rows of this page)"
    assert life.rows[0].startswith("row 0 ")
    assert life.rows[-1].startswith("row 100 ")


@pytest.mark.parametrize("path", RECORDED)
def test_each_shipped_trace_has_a_story(path: Path) -> None:
    """It comes with the series, and both stay small."""
    series = judge_and_count(path).series

    assert series.life
    assert series.life == series.coarser(3).life
    assert len(series.life.rows) >= len(["grow", "alloc_span", "free_span"])
    assert len(pickle.dumps(series)) < 20_000


def test_no_rows_no_story(tmp_path: Path) -> None:
    """Of an empty trace nothing is told; of any random heap something is."""
    file = tmp_path / "empty.npz"
    save(file, Recorder().trace())

    assert judge_and_count(file).series.life is None
    assert life_of(read_trace(RECORDED[0]), 0) is None
    assert all(life_of(trace, len(trace)) for trace in map(made, range(8)))
