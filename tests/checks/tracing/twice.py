"""A heap whose pages are given away twice, what is told of them, and how a record of that is looked at.

For what is told of rows (test_story.py) and of memory that was read (test_reads.py).
"""

import json

import pytest

from spanproof.checks.record import Record, RecordError, loads
from spanproof.checks.tracing.replaying import replay, replay_trace
from tests.checks.tracing.recorder import Recorder

PAGE = 24067
"""The first page of the span of row 8, and later of that of row 13."""
BEFORE = """\
row 2        grow              [0xbc00000, 0xc000000) 512 pages  (M0 P0)
row 6        pages_alloc       [0xbc06000, 0xbc2e000) 20 pages, scav=163840  (M1 P1)
row 7        alloc_needs_zero  [0xbc06000, 0xbc2e000) 20 pages, zeroedBase 0x3c06000, needZero=0  (M1 P1)
row 8        alloc_span        [0xbc06000, 0xbc2e000) 20 pages, heap, spanclass 2, needzero=0, scav=163840  (M1 P1)
row 9        free_span         [0xbc06000, 0xbc2e000) 20 pages, heap, spanclass 2, needzero=0  (M0 P0)
row 10       pages_free        [0xbc06000, 0xbc2e000) 20 pages  (M0 P0)
row 11       pages_alloc       [0xbc06000, 0xbc36000) 24 pages, scav=32768  (M0 P0)
row 12       alloc_needs_zero  [0xbc06000, 0xbc36000) 24 pages, zeroedBase 0x3c2e000, needZero=1  (M0 P0)"""
"""The rows that concern the page, up to the one that builds its second span."""


def given_twice() -> Recorder:
    """A span of 20 pages is freed, one of 24 pages built there: its last row is the row 13."""
    heap = Recorder()
    heap.alloc(3, 0)
    heap.alloc(20, 1)
    heap.release_span(max(heap.spans), 0)
    heap.alloc(24, 0)
    return heap


def changed(record: Record, **changes: object) -> Record:
    """The record with something else in its trace."""
    data = json.loads(record.dumps())
    data["trace"].update(changes)
    return loads(json.dumps(data), "here")


def assert_replays(record: Record) -> None:
    """Written, read and judged again: the same claim, row and story, and the same bytes."""
    again = loads(record.dumps(), "here")
    assert again == record
    told = replay(again)
    trace = record.trace
    assert (told.claim, told.row, list(told.story)) == (record.violated.claim, trace["row"], trace["story"])
    assert told.record is not None
    assert told.record.dumps() == record.dumps()
    assert replay_trace(again) == ""


def assert_refused(record: Record) -> None:
    """Its rows are damaged: RecordError in one line, never anything else."""
    with pytest.raises(RecordError) as raised:
        replay_trace(record)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("record made: damaged rows (")
