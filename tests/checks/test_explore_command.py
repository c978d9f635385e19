"""What `explore` lets a user name is what there is."""

from typing import Any

import click
import pytest

from spanproof.checks import cli
from spanproof.checks.benching.explore import ROWS
from spanproof.checks.explore_command import bench, explore
from spanproof.checks.exploring.grains import Grain
from spanproof.checks.exploring.reducing.reductions import Reduction
from spanproof.checks.exploring.walking.walks import BEST, WALKS
from spanproof.checks.sampling.sample import SAMPLERS


@pytest.mark.parametrize(
    ("option", "there"),
    [("walk", [BEST, *WALKS]), ("grain", [*Grain]), ("sampler", [*SAMPLERS]), ("reductions", [*Reduction])],
)
def test_choices_are_what_there_is(option: str, there: list[str]) -> None:
    """In the same order, so that the first is the one that is taken by itself."""
    kinds: dict[str | None, Any] = {each.name: each.type for each in explore.params}
    assert isinstance(kinds[option], click.Choice)
    assert [*kinds[option].choices] == [str(name) for name in there]


def test_rows_of_the_bench_have_names_of_their_own() -> None:
    """Each is named once."""
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_the_rows_of_the_bench_can_be_found(capsys: pytest.CaptureFixture[str]) -> None:
    """--help names them all, in order; a wrong one is told of the nearest, or of --help."""
    assert bench.help is not None
    _, _, named = bench.help.partition("are of ")
    assert " ".join(named.split()).strip(".").split(", ") == [row.name for row in ROWS]
    assert cli.main(["bench", "explore", "first_violations"]) == 2
    assert "did you mean first_violation?" in capsys.readouterr().err
    assert cli.main(["bench", "explore", "nope"]) == 2
    assert "no row of bench explore 'nope': `spanproof bench --help` shows what there is" in capsys.readouterr().err
