"""The shell completes commands, options and names; each name that is offered is one that the command takes."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from spanproof.checks import cli
from spanproof.checks.completion_command import ASKED, NAMES
from spanproof.checks.faults.planting import PLANTABLE
from spanproof.checks.proofs.catalogue import BY_NAME as THEOREMS
from spanproof.checks.proofs.catalogue import PLAIN_BY_NAME
from spanproof.checks.scenarios import BY_NAME as SCENARIOS
from spanproof.model.claims import BY_NAME as CLAIMS
from spanproof.model.releases import RELEASES

SOURCE = Path(__file__).parents[2] / "src"


def offered(*words: str) -> list[str]:
    """What click offers after words, of which the last is not complete."""
    items = ShellComplete(cli.cli, {}, "spanproof", ASKED).get_completions([*words[:-1]], words[-1])
    return [item.value if item.type == "plain" else f"<{item.type}>" for item in items]


NAMED = {
    "explore": ["explore", ""],
    "a claim": ["explore", "two_allocs_one_arena", "--claim", ""],
    "prove": ["prove", ""],
    "faults": ["faults", ""],
    "a fault": ["compare", "--fault", ""],
    "a release": ["check", "--release", ""],
    "a release of Go": ["go", "compare", "--release", ""],
}
THERE = {
    "explore": set(SCENARIOS),
    "a claim": set(CLAIMS),
    "prove": {*THEOREMS, *PLAIN_BY_NAME},
    "faults": set(PLANTABLE),
    "a fault": set(PLANTABLE),
    "a release": {release.name for release in RELEASES},
    "a release of Go": {release.name for release in RELEASES},
}


@pytest.mark.parametrize("what", NAMED)
def test_every_name_is_offered(what: str) -> None:
    """All of its kind, and nothing else."""
    assert set(offered(*NAMED[what])) == THERE[what]


@pytest.mark.parametrize(
    ("words", "offers"),
    [
        (["expl"], ["explain", "explore"]),
        (["explore", "two_allocs_one"], ["two_allocs_one_arena"]),
        (["explain", "no_page_in"], ["no_page_in_two_spans"]),
        (["explain", "second_f"], ["second_fit"]),
        (["prove", "--without", "sys_un"], ["sys_unused_zeroes"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["replay", ""], ["<file>"]),
        (["replay", "r.json", "--itf", ""], ["<file>"]),
        (["explore", "--out", ""], ["<dir>"]),
        (["explore", "--jun"], ["--junit"]),
    ],
)
def test_what_begins_so_is_offered(words: list[str], offers: list[str]) -> None:
    """Commands, options, names, and places, which the shell completes itself."""
    assert offered(*words) == offers


def test_every_entry_of_the_table_is_a_parameter() -> None:
    """None is left of a command that has changed."""

    def commands(group: click.Group) -> list[click.Command]:
        return [
            c for each in group.commands.values() for c in (commands(each) if isinstance(each, click.Group) else [each])
        ]

    there = {name for c in commands(cli.cli) for p in c.params for name in (str(p.name), f"{c.name} {p.name}")}
    assert set(NAMES) <= there


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_written(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It asks the command by the variable that click answers to."""
    assert cli.main(["completion", shell]) == 0
    assert f"{ASKED}={shell}_complete" in capsys.readouterr().out


def test_bash_completes_a_name(tmp_path: Path) -> None:
    """The script, as it is written, in a real shell."""
    command = tmp_path / "spanproof"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m spanproof.checks "$@"\n')
    command.chmod(0o755)
    script = """
        eval "$(spanproof completion bash)"
        COMP_WORDS=(spanproof explore two_allocs_one); COMP_CWORD=2
        _spanproof_completion spanproof
        echo "${COMPREPLY[@]}"
        complete -p spanproof
    """
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)  # noqa: S603, S607  # our own
    name, registered = done.stdout.splitlines()
    assert name == "two_allocs_one_arena", done.stderr
    assert registered == "complete -o nosort -F _spanproof_completion spanproof"
