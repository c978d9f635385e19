"""What stands in a heap along a trace: by hand, page by page, and in processes of their own."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from spanproof.checks.jobs import Setting, Task
from spanproof.checks.tracing import checking, counting
from spanproof.checks.tracing.counting import STRETCHES, series_of
from spanproof.checks.tracing.kinds import Kind
from spanproof.checks.tracing.reading import Trace, read_trace
from spanproof.checks.tracing.series import Series
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.tracing.verdicts import judge_and_count, judge_trace
from spanproof.checks.working import run
from tests.checks.tracing.recorder import CHUNK, PAGE, Recorder, made, save, tampered


def by_hand() -> Trace:
    """A heap of one chunk, in which a span of 16 pages lives and 8 of them then go back to the OS."""
    heap = Recorder()
    base = heap.start
    heap.write(Kind.GROW, base, CHUNK)
    heap.write(Kind.PADDING, base + 508, 4)
    heap.write(Kind.PAGES_ALLOC, base, 16, a=16 * PAGE)
    heap.write(Kind.ALLOC_NEEDS_ZERO, base, 16)
    heap.write(Kind.ALLOC_SPAN, base, 16, a=1, b=16 * PAGE)
    heap.write(Kind.FREE_SPAN, base, 16, a=1)
    heap.write(Kind.PAGES_FREE, base, 16)
    heap.write(Kind.SCAVENGE_BEGIN, base + 8, 8)
    heap.write(Kind.SCAVENGE_END, base + 8, 8)
    return heap.trace()


def page_by_page(trace: Trace, ends: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Pages grown, in spans and scavenged once so many rows are done, with a set of pages for each."""
    grown, spans, scavenged = set[int](), set[int](), set[int]()
    found: list[tuple[int, int, int]] = []
    for row in range(ends[-1]):
        pages = set(range(int(trace.page[row]), int(trace.page[row] + trace.npages[row])))
        match Kind(int(trace.kind[row])):
            case Kind.GROW:
                grown |= pages
                scavenged |= pages
            case Kind.PADDING:
                grown -= pages
                scavenged -= pages
            case Kind.ALLOC_SPAN:
                spans |= pages
                scavenged -= pages
            case Kind.FREE_SPAN:
                spans -= pages
            case Kind.SCAVENGE_END:
                scavenged |= pages
            case _:
                pass
        if row + 1 in ends:
            found.append((len(grown), len(spans), len(scavenged)))
    return found


def amounts(series: Series) -> list[tuple[int, int, int]]:
    """The same, of a series."""
    return list(zip(series.grown, series.spans, series.scavenged, strict=True))


def test_occupancy_by_hand() -> None:
    """Each event is a stretch of its own; padding is no part of the heap."""
    series = series_of(by_hand(), 9)

    assert (series.name, series.rows) == ("made", 9)
    assert series.ends == (1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert series.grown == (512, 508, 508, 508, 508, 508, 508, 508, 508)
    assert series.spans == (0, 0, 0, 0, 16, 0, 0, 0, 0)
    assert series.scavenged == (512, 508, 508, 508, 492, 492, 492, 492, 500)
    assert series.events["alloc_span"] == (0, 0, 0, 0, 1, 0, 0, 0, 0)
    assert [kind for kind, numbers in series.events.items() if numbers[0]] == ["grow"]
    assert len(series.events) == 9


def test_stretches_hold_several_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer stretches than events, each tells what stands there after its last event, and all events in it."""
    monkeypatch.setattr(counting, "STRETCHES", 4)
    series = series_of(by_hand(), 9)

    assert series.ends == (2, 4, 6, 9)
    assert series.spans == (0, 0, 0, 0)
    assert series.scavenged == (508, 508, 492, 500)
    assert series.events["alloc_span"] == (0, 0, 1, 0)
    assert series.events["scavenge_end"] == (0, 0, 0, 1)


@pytest.mark.parametrize("seed", range(8))
def test_as_page_by_page(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random heaps, in one part or in many: the same as sets of pages have it."""
    trace = made(seed)
    series = series_of(trace, len(trace))
    assert amounts(series) == page_by_page(trace, series.ends)
    assert max(series.spans) > 0

    monkeypatch.setattr(checking, "PART_ROWS", 7)
    assert series_of(trace, len(trace)) == series


def test_a_shipped_trace() -> None:
    """A real heap: its pages, every one of its events in a stretch, and no page in two places."""
    trace = read_trace(RECORDED[2])
    series = series_of(trace, len(trace))

    assert amounts(series) == page_by_page(trace, series.ends)
    assert len(series.ends) == STRETCHES
    assert {word: sum(numbers) for word, numbers in series.events.items()} == {
        kind.word: number for kind in Kind if (number := int(np.count_nonzero(trace.kind == kind)))
    }
    begins = (0, *series.ends)
    added = [sum(numbers) for numbers in zip(*series.events.values(), strict=True)]
    assert added == [end - begin for begin, end in zip(begins, series.ends, strict=False)]
    assert all(a + b <= whole for whole, a, b in amounts(series))


def test_wrong_scavenged_bytes_move_nothing() -> None:
    """Pages are counted, not what rows say of them."""
    trace = by_hand()

    assert series_of(tampered(trace, {("b", 4): 3 * PAGE}), 9) == series_of(trace, 9)


def test_a_trace_without_rows_has_no_stretch(tmp_path: Path) -> None:
    """Nothing was counted, and nothing fails."""
    file = tmp_path / "empty.npz"
    save(file, Recorder().trace())
    series = judge_and_count(file).series

    assert series == Series("empty", 0, (), (), (), (), {})
    assert series.coarser(10) == series


def test_a_trace_that_breaks_is_counted_up_to_there(tmp_path: Path) -> None:
    """A span where nobody took pages: what came before is counted, and how long the trace is."""
    file = tmp_path / "broken.npz"
    trace = by_hand()
    save(file, tampered(trace, {("page", 4): int(trace.page[4]) + 32}))
    series = judge_and_count(file).series

    assert (series.ends, series.rows) == ((1, 2, 3, 4), 9)
    assert series.spans == (0, 0, 0, 0)
    assert series.scavenged == (512, 508, 508, 508)


def test_pages_that_nobody_grew_are_not_counted() -> None:
    """Rows outside of the heap are left out, whatever limit is asked for."""
    trace = by_hand()
    astray = tampered(trace, {("page", 4): 7, ("page", 5): 7, ("npages", 8): 0})

    assert series_of(astray, 9).spans == (0,) * 9
    assert series_of(astray, 9).scavenged == (512, *(508,) * 8)


def test_coarser_keeps_the_last_and_adds_events_up() -> None:
    """Of three stretches put together, the last tells what stands there; the rest at the end is a stretch too."""
    ends, pages = (2, 4, 6, 8), (1, 2, 3, 4)
    series = Series("t", 9, ends, pages, pages, (0, 0, 5, 0), {"grow": (1, 0, 2, 1)})

    assert series.coarser(2) == Series("t", 9, (4, 8), (2, 4), (2, 4), (0, 0), {"grow": (1, 3)})
    assert series.coarser(3) == series.coarser(2)
    assert series.coarser(1) == Series("t", 9, (8,), (4,), (4,), (0,), {"grow": (4,)})
    assert series.coarser(4) == series


def test_processes_hand_it_back_in_order(tmp_path: Path) -> None:
    """Two tasks in two processes: a series of each, in the order of the tasks; it pickles, and stays small."""
    files = [tmp_path / f"{name}.npz" for name in ("b", "a")]
    for n, file in enumerate(files):
        save(file, made(n))
    work = run([Task("trace", str(file)) for file in files], Setting(), 2)

    assert work.series == [judge_and_count(file).series for file in files]
    assert [series.name for series in work.series] == ["b", "a"]
    assert len(pickle.dumps(judge_and_count(RECORDED[2]).series)) < 20_000
    assert judge_trace(files[0])[1] == judge_and_count(files[0]).records
