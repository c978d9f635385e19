"""The line in which Go declares what a claim names."""

from pathlib import Path

import pytest

from spanproof.checks.golang.reading.places import lines_of, place_of
from spanproof.checks.reporting.words import placed

MHEAP = """package runtime

type mheap struct {
\tlock mutex
\ta, zeroedBase uintptr
}

const mSpanDead = 0

// freeSpan is named in a comment first.
func (h *mheap) freeSpan(s *mspan) {
}

func spanOf(p uintptr) *mspan {
}

var (
\tmheap_ mheap
)
"""


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("mheap.go, freeSpan", "mheap.go:11"),
        ("mheap.go, mheap.freeSpan", "mheap.go:11"),
        ("mheap.go, spanOf and freeSpan", "mheap.go:14"),
        ("mheap.go, mheap.zeroedBase", "mheap.go:5"),
        ("mheap.go, mheap.lock", "mheap.go:4"),
        ("mheap.go, mSpanDead; spanOf's throw", "mheap.go:8"),
        ("mheap.go, gone, spanOf: npages < 4", "mheap.go:14"),
        ("mheap.go, spanOf (its throw is left out)", "mheap.go:14"),
        ("mcache.go, refill; mheap.go, mheap", "mheap.go:3"),
        ("mheap.go, mheap_", "mheap.go:18"),
        ("mheap.go", ""),
        ("mheap.go, gone", ""),
        ("The Go Memory Model; checks/exploring/races.py", ""),
    ],
)
def test_the_first_that_is_declared_is_found(source: str, place: str, tmp_path: Path) -> None:
    """Functions, methods, fields, types, constants and variables, each by its declaration."""
    (tmp_path / "mheap.go").write_text(MHEAP)
    assert place_of(source, tmp_path) == place
    assert lines_of([source, source], tmp_path) == ({source: place} if place else {})


def test_a_claim_is_told_with_its_line() -> None:
    """Where it is known; what a record made up has none."""
    said = placed("mheap.go, heapArena.zeroedBase")
    assert said.startswith("mheap.go, heapArena.zeroedBase (mheap.go:")
    assert " in go1." in said
    assert placed("<script>") == "<script>"
