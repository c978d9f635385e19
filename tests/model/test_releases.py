"""The table of releases."""

from dataclasses import fields
from itertools import pairwise

import pytest

from spanproof.model.releases import (
    CHANGES,
    COLUMNS,
    NEWEST,
    RELEASES,
    ManualAccounting,
    Release,
    SweepDone,
    UnknownReleaseError,
    Zeroing,
    row,
)  # fmt: skip


def test_there_is_a_row_for_each_release() -> None:
    """Go 1.14 to 1.27 have a row each, in order."""
    assert [release.name for release in RELEASES] == [f"go1.{minor}" for minor in range(14, 28)]
    assert NEWEST is RELEASES[-1]


def test_columns_are_the_fields() -> None:
    """What CHANGES speaks of are the columns of the table, and all of them."""
    assert {change.column for change in CHANGES} == set(COLUMNS) == {f.name for f in fields(Release)} - {"name"}


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.name)
def test_every_cell_has_a_source(release: Release) -> None:
    """For each cell of the table it is known where in Go it can be read, and the cell has the column's type."""
    for column in COLUMNS:
        assert release.source(column)
        assert isinstance(getattr(release, column), Zeroing | SweepDone | ManualAccounting | bool)


def test_changes_come_in_order_and_change_something() -> None:
    """Within a column each change is later than the one before and differs from it."""
    for column in COLUMNS:
        changes = [change for change in CHANGES if change.column == column]
        assert changes[0].since == "go1.14"
        for earlier, later in pairwise(changes):
            assert row(earlier.since).number < row(later.since).number
            assert earlier.value != later.value


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("go1.27", "go1.27"), ("1.27", "go1.27"), ("go1.27.3", "go1.27"), ("go1.21.13", "go1.21"), ("1.14.0", "go1.14"),
        ("go1.16rc1", "go1.16"), ("go1.18beta2", "go1.18"), (" go1.20 ", "go1.20"),
    ],
)  # fmt: skip
def test_a_patch_release_means_its_row(name: str, meant: str) -> None:
    """Patch releases, candidates and names without `go` mean their row."""
    assert row(name).name == meant


@pytest.mark.parametrize(
    "name", ["", "go", "go1", "go1.13", "go1.28", "go2.14", "1.14.x", "go1.14.", "gopher", "go1.999"]
)
def test_unknown_names_raise(name: str) -> None:
    """A name without a row raises, and the message names it and the rows that there are."""
    with pytest.raises(UnknownReleaseError, match=r"go1\.14 to go1\.27") as raised:
        row(name)
    assert repr(name) in str(raised.value)


def test_the_cells_that_the_heap_turns_on() -> None:
    """The zeroing column is as Go's history says, release by release."""
    zeroing = {release.name: release.zeroing for release in RELEASES}
    assert {zeroing[f"go1.{minor}"] for minor in (14, 15, 16)} == {Zeroing.ALLOC}
    assert zeroing["go1.17"] is Zeroing.ALLOC_OR_CALLER
    assert {zeroing[f"go1.{minor}"] for minor in range(18, 28)} == {Zeroing.CALLER}
    assert [r.name for r in RELEASES if r.scavenged_is_zero] == ["go1.26", "go1.27"]
