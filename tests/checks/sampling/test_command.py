"""`spanproof explore` with --sample, --reach and --grain: exit codes, what is printed, one line for bad input."""

import json
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.sampling.sample import SAMPLERS

SMALL = "two_allocs_one_arena"
FAULT = ["--fault", "failed_cas_treated_as_done"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_sampling_says_how_far_it_went(sampler: str, capsys: pytest.CaptureFixture[str]) -> None:
    """0 where nothing broke, with the rate, the coverage and what is left; --json has the bound too."""
    line = ["explore", SMALL, "--sample", "600", "--sampler", sampler, "--seed", "1"]
    assert cli.main(line) == 0
    printed = capsys.readouterr().out
    assert f"{SMALL}: 600 schedules drawn by {sampler.upper()}, " in printed
    assert "it promises: " in printed
    assert "states seen" in printed
    assert "holds: 1 of 1 results hold" in printed
    assert cli.main([*line, "--json", "-"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["bound"].startswith(f"600 schedules drawn by {sampler.upper()} (seed 1), ")
    assert result["counts"]["schedules"] == 600


def test_sampling_finds_a_fault_and_its_record_replays(capsys: pytest.CaptureFixture[str]) -> None:
    """1, with the counterexample."""
    assert cli.main(["explore", SMALL, *FAULT, "--sample", "500", "--json", "r.json"]) == 1
    assert "VIOLATED  non_zero_page_is_below_zeroed_base" in capsys.readouterr().out
    (result,) = json.loads(Path("r.json").read_text())["results"]
    assert result["bound"].startswith("schedule ")
    assert cli.main(["replay", result["record"]]) == 1


def test_the_depth_is_that_of_pct(capsys: pytest.CaptureFixture[str]) -> None:
    """It stands in what the sampler promises."""
    assert cli.main(["explore", SMALL, "--sample", "600", "--sampler", "pct", "--depth", "5"]) == 0
    assert "a bug of depth 5 is hit by a schedule with probability at least 1/(n k^4)" in capsys.readouterr().out


@pytest.mark.parametrize(("expression", "code"), [("spans[1] == 1", 0), ("state[0] == 3", 1)])
def test_reach_exits_by_what_it_found(expression: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """0 where there is such a state, with the run; 1 where there is none."""
    assert cli.main(["explore", SMALL, "--reach", expression]) == code
    assert ("<-- holds here" in capsys.readouterr().out) is (code == 0)


def test_reach_that_is_not_done_is_unknown() -> None:
    """3, where time runs out."""
    assert cli.main(["explore", SMALL, "--reach", "state[0] == 3", "--budget", "0.0001"]) == 3


def test_a_grain_is_said_with_what_it_passed_by(capsys: pytest.CaptureFixture[str]) -> None:
    """And what needs a fine grain is missed by a coarse one."""
    assert cli.main(["explore", SMALL, "--grain", "lock"]) == 0
    assert "31 accesses were not scheduling points" in capsys.readouterr().out
    assert cli.main(["explore", SMALL, *FAULT, "--grain", "access"]) == 1
    assert cli.main(["explore", SMALL, *FAULT, "--grain", "call"]) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sampler", "pos"], "say with --sample N"),
        (["--depth", "3"], "say with --sample N"),
        (["--sample", "10", "--depth", "3"], "only --sampler pct has a depth"),
        (["--sample", "0"], "0 is not in the range"),
        (["--reach", "span[1] == 1"], "did you mean spans?"),
        (["--reach", "spans[1"], "cannot be read"),
        (["--reach", "locked", "--sample", "10"], "leave --sample and --claim out"),
        (["--reach", "locked", "two_cycles"], "name one scenario"),
        (["--grain", "word"], "is not one of"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And exit code 2."""
    assert cli.main(["explore", SMALL, *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
