"""The fast checker says what the slow one says, whatever is done to a trace."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanproof.checks.tracing import checking
from spanproof.checks.tracing.checking import check_trace
from spanproof.checks.tracing.findings import findings
from spanproof.checks.tracing.reading import COLUMNS, Trace, read_trace
from spanproof.checks.tracing.replaying import record_of, replay_trace
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.tracing.validating import TraceError, validate
from tests.checks.tracing.recorder import made, tampered
from tests.checks.tracing.slow import check_slowly

NEAR = st.integers(-3, 3) | st.sampled_from([-64, 64, 512, 8192, -8192])
FLIP = st.integers(0, 62).map(lambda bit: 1 << bit)


@cache
def _recorded(number: int) -> Trace:
    return read_trace(RECORDED[number]).excerpt(np.arange(2500))


@cache
def _made(seed: int) -> Trace:
    return made(seed, release="go1.27" if seed % 2 else "go1.21")


@st.composite
def tampered_traces(draw: st.DrawFn) -> Trace:
    """A trace with one to three values changed: by a little, in one bit, or to the value of another row."""
    numbers = st.integers(0, 2).map(_recorded)
    trace = draw(numbers | st.integers(0, 9).map(_made))
    changes: dict[tuple[str, int], int] = {}
    for _ in range(draw(st.integers(1, 3))):
        column, row = draw(st.sampled_from([*COLUMNS])), draw(st.integers(0, len(trace) - 1))
        old = int(getattr(trace, column)[row])
        other = int(getattr(trace, column)[draw(st.integers(0, len(trace) - 1))])
        new = draw(st.sampled_from([old + draw(NEAR), old ^ draw(FLIP), other]))
        if column == "kind":
            new = 1 + new % 13
        changes[column, row] = max(0, new) % (int(np.iinfo(COLUMNS[column]).max) + 1)
    return tampered(trace, changes)


@pytest.mark.parametrize("number", range(3))
def test_both_checkers_agree_on_recorded_traces(number: int) -> None:
    """The slow checker finds no violation in a whole recorded trace either."""
    assert check_slowly(read_trace(RECORDED[number])) == ({}, None)


@settings(deadline=None, max_examples=100)
@given(tampered_traces(), st.sampled_from([11, 100, 2**18]))
def test_both_checkers_agree_on_tampered_traces(trace: Trace, rows: int) -> None:
    """The same claims, charged with the same rows, and judged up to the same row, whatever the parts."""
    try:
        validate(trace.kind, trace.page, trace.npages, "trace")
    except TraceError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "PART_ROWS", rows)
        checked = check_trace(trace)
    assert (checked.violated, checked.stopped) == check_slowly(trace)


@settings(deadline=None, max_examples=15)
@given(tampered_traces())
def test_whatever_is_found_replays(trace: Trace) -> None:
    """Every finding of a tampered trace becomes a record whose rows show it again, to the byte."""
    try:
        validate(trace.kind, trace.page, trace.npages, "trace")
    except TraceError:
        return
    for finding in findings(check_trace(trace)):
        assert replay_trace(record_of(finding, "tampered.npz")) == ""
