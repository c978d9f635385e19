"""A row holds where its figure is reached, is violated where it is not, and is not run where its peer is absent."""

import json
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.benching import explore
from spanproof.checks.benching.rows import AbsentError, Measured, Row, figure, judged
from spanproof.checks.exploring.walking.kernel.building import NoKernelError
from spanproof.checks.verdict import Verdict


def row(value: float, reach: float, *, at_most: bool = False) -> Row:
    """A row that measures this."""
    return Row("a_row", "things", reach, lambda: Measured(value, "of one size"), "nothing was tried", at_most)


@pytest.mark.parametrize(
    ("value", "reach", "at_most", "verdict"),
    [
        (5, 5, False, Verdict.HOLDS),
        (4.9, 5, False, Verdict.VIOLATED),
        (5, 5, True, Verdict.HOLDS),
        (5.1, 5, True, Verdict.VIOLATED),
    ],
)
def test_what_is_reached_holds(value: float, reach: float, at_most: bool, verdict: Verdict) -> None:
    """And what is not says what limits it."""
    ((result,), absent) = judged([row(value, reach, at_most=at_most)])
    assert (result.verdict, absent) == (verdict, [])
    assert ("nothing was tried" in result.reason) == (verdict is Verdict.VIOLATED)
    assert "of one size" in result.bound
    assert result.check == "bench"


def test_what_is_absent_is_not_run() -> None:
    """With its reason, and without a result."""

    def measure() -> Measured:
        raise AbsentError("no spin here")

    results, (absent,) = judged([Row("a_row", "times", 1, measure, "")])
    assert results == []
    assert (absent.check, absent.name, absent.reason) == ("bench", "a_row", "no spin here")


def test_figures_have_the_digits_that_they_are_worth() -> None:
    """Large ones none after the point."""
    assert [figure(value) for value in (1_234_567.8, 99.44, 2.736, 0.01361)] == ["1,234,568", "99.4", "2.74", "0.0136"]


def test_without_a_kernel_its_rows_are_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no compiler is told which figure is missing."""

    def none(*_: object, **__: object) -> None:
        raise NoKernelError("no C compiler")

    monkeypatch.setattr(explore, "WALKS", {"compiled": none})
    with pytest.raises(AbsentError, match="no C compiler"):
        explore.states_per_second("compiled")


def test_one_row_of_the_command(tmp_path: Path) -> None:
    """Whatever it comes to, it stands in the report; a name that is none is refused."""
    place = tmp_path / "found.json"
    assert cli.main(["bench", "explore", "sampled_schedules", "--json", str(place)]) in {0, 1}
    (result,) = json.loads(place.read_text())["results"]
    assert result["name"] == "sampled_schedules"
    assert "POS, two_allocs_one_arena, 20,000 schedules of " in result["bound"]
    assert cli.main(["bench", "explore", "sampled"]) == 2
