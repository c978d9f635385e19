"""What is told of memory that was read and is not zero: the story of its page, and a record that replays."""

import json
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from spanproof.checks.record import Record, RecordError, loads
from spanproof.checks.tracing import findings
from spanproof.checks.tracing.kinds import PAGE_SIZE, Kind
from spanproof.checks.tracing.raw import Read, Reads
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.reads import finding_of_read, judge_reads
from spanproof.checks.tracing.replaying import record_of, replay_trace
from spanproof.checks.verdict import Verdict
from tests.checks.tracing.recorder import Recorder
from tests.checks.tracing.twice import BEFORE, PAGE, assert_refused, assert_replays, changed, given_twice

BASE = PAGE * PAGE_SIZE
SPAN_STORY = f"""\
{BEFORE}
row 13       alloc_span        [0xbc06000, 0xbc36000) 24 pages, heap, spanclass 2, needzero=1, scav=32768  (M0 P0)
after 13     span_read         [0xbc06000, 0xbc36000) 24 pages: 0xa5 at 0xbc06008"""
SPAN = Read("span_read", 14, BASE, 24 * PAGE_SIZE, BASE + 8, 0xA5)
OBJECT = Read("object_read", 14, BASE + 96, 48, BASE + 104, 0)
"""Both are read after row 13."""
SPAN_DETAIL = (
    "the span [0xbc06000, 0xbc36000) 24 pages has 0xa5 at 0xbc06008; "
    "page 24067 was given to the span of row 13, and to that of row 8 before"
)
OBJECT_DETAIL = (
    "an object of 48 bytes at 0xbc06060 is not zero at 0xbc06068; "
    "page 24067 was given to the span of row 13, and to that of row 8 before"
)


def _heap() -> Recorder:
    """The pages are given away twice; later they have a third span."""
    heap = given_twice()
    heap.release_span(max(heap.spans), 0)
    heap.alloc(30, 1)
    return heap


def _numbers(values: Iterable[int]) -> NDArray[np.uint64]:
    return np.array(list(values), np.uint64)


def _read(spans: list[Read], objects: list[Read], level: int = 2) -> Trace:
    """The trace of such a heap, whose process read these spans and objects."""
    reads = Reads(
        level=level,
        span=_numbers(read.at // PAGE_SIZE for read in spans),
        npages=_numbers(read.size // PAGE_SIZE for read in spans),
        span_dirty=_numbers(read.dirty for read in spans),
        span_word=_numbers(read.word for read in spans),
        objects=1000,
        object_=_numbers(read.at for read in objects),
        object_dirty=_numbers(read.dirty for read in objects),
        object_size=_numbers(read.size for read in objects),
        span_after=_numbers(read.after for read in spans).astype(np.int64),
        object_after=_numbers(read.after for read in objects).astype(np.int64),
    )
    return replace(_heap().trace(), reads=reads)


def _record(read: Read) -> Record:
    finding = finding_of_read(_heap().trace(), read)
    assert finding is not None
    return record_of(finding, "dirty.trace")


def test_each_violated_claim_has_its_finding() -> None:
    """The first span and the first object that are not zero, each told by the rows before it; others are counted."""
    clean = SPAN._replace(after=9, size=20 * PAGE_SIZE, dirty=0, word=0)
    later = SPAN._replace(after=20, dirty=BASE + 16)
    results, found = judge_reads(_read([clean, SPAN, later], [OBJECT]))
    assert [(result.verdict, result.reason) for result in results] == [
        (Verdict.VIOLATED, SPAN_DETAIL + "; 2 of them in all"),
        (Verdict.VIOLATED, OBJECT_DETAIL),
    ]
    assert [(finding.claim.name, finding.row, finding.page, finding.read) for finding in found] == [
        ("spans_called_zero_read_zero", 13, PAGE, SPAN),
        ("objects_asked_for_as_zero_are_zero", 13, PAGE, OBJECT),
    ]
    assert "\n".join(found[0].story) == SPAN_STORY
    assert found[1].story[:-1] == found[0].story[:-1]
    assert found[1].story[-1] == "after 13     object_read       48 bytes at 0xbc06060: not zero at 0xbc06068"


def test_what_is_zero_has_no_finding() -> None:
    """Nothing is told of spans that were zero, nor where objects were not read."""
    results, found = judge_reads(_read([SPAN._replace(dirty=0, word=0)], [OBJECT], level=1))
    assert [result.verdict for result in results] == [Verdict.HOLDS]
    assert found == []
    assert judge_reads(_heap().trace()) == ([], [])


def test_it_is_told_which_page_is_dirty_and_who_had_it() -> None:
    """The story is that of the page that is not zero, which need not be the first; one that nobody had says so."""
    trace = _heap().trace()
    beyond = finding_of_read(trace, SPAN._replace(dirty=BASE + 20 * PAGE_SIZE))
    assert beyond is not None
    assert beyond.page == PAGE + 20
    assert beyond.detail.endswith("page 24087 was given to the span of row 13, and to none before")
    assert [line.split()[1] for line in beyond.story] == ["2", "11", "12", "13", "13"]
    nowhere = finding_of_read(trace, OBJECT._replace(at=8, dirty=16, after=0))
    assert nowhere is not None
    assert nowhere.detail == "an object of 48 bytes at 0x8 is not zero at 0x10"
    assert nowhere.story == ("at first     object_read       48 bytes at 0x8: not zero at 0x10",)


def test_a_long_story_keeps_the_beginning_and_both_spans() -> None:
    """Of a page that caches took and gave back often, the growth, the newest rows and its last two spans are told."""
    heap = Recorder()
    heap.alloc(1, 0)
    heap.flush(0, 0)
    heap.release_span(heap.start, 0)
    for _ in range(findings.NEAR):
        heap.refill(0)
        heap.flush(0, 0)
    heap.alloc(1, 0)
    trace = heap.trace()
    first, last = np.flatnonzero(trace.kind == Kind.ALLOC_SPAN).tolist()
    base = heap.start * PAGE_SIZE
    found = finding_of_read(trace, Read("span_read", last + 1, base, PAGE_SIZE, base, 1))
    assert found is not None
    told = [found.excerpt.number(row) for row in range(len(found.excerpt))]
    assert len(told) == len(found.story) - 1 == findings.NEAR + 1
    assert found.excerpt.kind[0] == Kind.GROW
    assert told[1] == first
    assert told[-1] == last
    assert replay_trace(loads(record_of(found, "x.trace").dumps(), "here")) == ""


@pytest.mark.parametrize("read", [SPAN, OBJECT], ids=lambda read: read.kind)
def test_the_record_replays_from_its_own_text(read: Read) -> None:
    """Written, read and told again: the same claim, row and story, and the same bytes."""
    record = _record(read)
    assert record.kind == "trace"
    assert record.trace["read"] == read._asdict()
    assert [row[0] for row in record.trace["rows"]] == [2, *range(6, 14)]
    assert record.trace["row"] == 13
    assert_replays(record)


def test_a_record_without_rows_replays() -> None:
    """Memory that no row concerns."""
    record = _record(OBJECT._replace(at=8, dirty=16))
    assert record.trace["rows"] == []
    assert replay_trace(loads(record.dumps(), "here")) == ""


def _shown(**changes: object) -> str:
    """What a changed record shows that it does not say."""
    return replay_trace(changed(_record(SPAN), **changes))


def test_a_record_that_shows_something_else_says_what() -> None:
    """Memory that was zero; an object for a span; another word; rows that tell another story."""
    rows = [list(row) for row in _record(SPAN).trace["rows"]]
    assert _shown(read=SPAN._replace(dirty=0)._asdict()) == "row 13 violates nothing"
    assert _shown(read=OBJECT._asdict()) == "row 13 violates objects_asked_for_as_zero_are_zero"
    assert _shown(read=SPAN._replace(word=1)._asdict()) == "row 13 tells another story"
    assert _shown(read=SPAN._replace(after=2**64 - 1)._asdict()) == f"row {2**64 - 2} tells another story"
    assert _shown(rows=rows[:3] + rows[4:]) == "row 13 tells another story"
    assert _shown(rows=[], read=SPAN._replace(dirty=0)._asdict()) == "row 0 violates nothing"


@pytest.mark.parametrize(
    "read",
    [
        {}, {"kind": "span_read"}, SPAN._asdict() | {"more": 1}, SPAN._asdict() | {"kind": "sings"},
        SPAN._asdict() | {"word": -1}, SPAN._asdict() | {"dirty": 2**64}, SPAN._asdict() | {"at": "x"},
        SPAN._asdict() | {"size": True}, SPAN._asdict() | {"after": 13},
    ],
)  # fmt: skip
def test_a_damaged_read_is_one_line(read: dict[str, object]) -> None:
    """Numbers missing, too many, out of range, of no kind; rows that come after what was read."""
    assert_refused(changed(_record(SPAN), read=read))


def test_rows_are_needed_where_nothing_was_read() -> None:
    """A record with neither is damaged."""
    data = json.loads(_record(SPAN).dumps())
    data["trace"]["rows"] = []
    del data["trace"]["read"]
    with pytest.raises(RecordError, match="fields or number of rows"):
        replay_trace(loads(json.dumps(data), "here"))
