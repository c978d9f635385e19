"""What the README says is what happens."""

import re
import tomllib
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.verdict import EXIT_CODES, EXIT_INTERRUPTED, EXIT_USAGE
from spanproof.model.releases import RELEASES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```\n(.*?)\n```", README, re.DOTALL)


def test_the_readme_opens_with_a_caught_bug_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first block is what its own first line prints, before anything about installation."""
    monkeypatch.chdir(tmp_path)
    line, _, shown = BLOCKS[0].partition("\n")

    assert cli.main(line.removeprefix("$ spanproof ").split()) == 1
    assert capsys.readouterr().out.startswith(shown)
    assert README.index("VIOLATED") < README.index("pip install")


def test_the_replay_line_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The replay command that the README's counterexample prints ends with the same claim."""
    monkeypatch.chdir(tmp_path)
    cli.main(BLOCKS[0].splitlines()[0].removeprefix("$ spanproof ").split())
    (command,) = re.findall(r"^  replay: spanproof (.*)$", BLOCKS[0], re.MULTILINE)
    capsys.readouterr()

    assert cli.main(command.split()) == 1
    assert "the same as recorded" in capsys.readouterr().out


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    """`.ci/run` holds both as written, the first with more time."""
    first, second = (block for block in BLOCKS if block.startswith("python3 -m venv"))

    assert f"\n{first} --budget 600\n" in (ROOT / ".ci" / "run").read_text()
    assert f"\n{second}\n" in (ROOT / ".ci" / "run").read_text()


def test_every_command_of_the_readme_is_there() -> None:
    """The table of commands names those that the tool has, each once."""
    named = re.findall(r"^\| `spanproof (\w+)", README, re.MULTILINE)

    assert sorted(named) == sorted(set(cli.cli.commands) - {"check"})


def test_what_it_says_of_itself_is_so() -> None:
    """The releases, the minute of `check`, and who is faster than whom, by what was measured last."""
    assert f"({RELEASES[0].name.removeprefix('go')} to {RELEASES[-1].name.removeprefix('go')})" in README
    assert "It takes about a minute" in README
    assert cli.CHECK_BUDGET < 60
    codes = {verdict.value: code for verdict, code in EXIT_CODES.items()}
    assert " ".join(
        f"Exit codes: 0 all hold, {codes['violated']} violated, {EXIT_USAGE} bad usage or input, {codes['unknown']} "
        f"something unknown, {EXIT_INTERRUPTED} interrupted.".split()
    ) in " ".join(README.split())
    assert codes["holds"] == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"Python {project['requires-python'].removeprefix('>=')} or later" in README
    (budget,) = (p for p in cli.cli.commands["check"].params if p.name == "budget")
    assert f"[check: {cli.CHECK_BUDGET:g}]" in str(getattr(budget, "help", ""))
    speed = (ROOT / "docs" / "reference" / "speed.md").read_text()
    ratios = re.findall(r"## total_against_spin_\w+\n\n\*\*([\d.]+) times\*\*", speed)
    assert len(ratios) == 2
    assert all(float(ratio) < 1 for ratio in ratios) == ("Spin's whole run from nothing is faster" in README)
