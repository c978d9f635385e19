"""The tutorial's and how-tos' commands come to what is shown of them, on the texts that stand there."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from spanproof.checks import scenarios
from spanproof.checks.cli import cli
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults import corpus
from spanproof.checks.faults.edit import planted
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.model import invariants
from spanproof.model.state import DEAD
from tests.model.reaching import reached_in
from tests.model.terms_in_python import formula

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = {"tutorial.md": 7, "how-to/explore-a-larger-program.md": 2}
"""Pages with commands whose output is shown, and how many."""
ENDS = {"violated": 1, "unknown": 3}
"""What the last line of a verdict begins with, and the exit code that goes with it."""


@pytest.mark.parametrize("page", COMMANDS)
def test_a_page_comes_to_what_it_shows(page: str, tmp_path: Path) -> None:
    """A file is written where the text gives one; a command shows, in order, each line that the text shows of it."""
    commands = 0
    for kind, block in BLOCK.findall((DOCS / page).read_text()):
        first, _, rest = block.partition("\n")
        if kind == "python" and first.endswith(".py"):
            (tmp_path / first.removeprefix("# ")).write_text(block)
        elif first.startswith("$ "):
            commands += 1
            run(first, [line for line in rest.splitlines() if line != "..."], tmp_path)
    assert commands == COMMANDS[page]


def test_no_page_has_commands_that_are_not_run() -> None:
    """Whoever shows what a command prints is in the list."""
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    shown = {page for page in pages if re.search(r"^\$ ", (DOCS / page).read_text(), re.MULTILINE)}
    assert shown == set(COMMANDS)


def run(line: str, shown: list[str], folder: Path) -> None:
    """Run a command of a page, and look for what it shows."""
    program, *words = shlex.split(line)[1:]
    command = [sys.executable, *({"python": [], "spanproof": ["-m", "spanproof.checks"]}[program]), *words]
    done = subprocess.run(  # noqa: S603  # ourselves
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == ENDS.get(shown[-1].partition(":")[0], 0), done.stderr
    missing = left_out(shown, done.stdout.splitlines())
    assert not missing, f"{line} does not print {missing[0]!r}:\n{done.stdout[-3000:]}"


SAID = re.compile(r"(?:`|^\s*(?:\.venv/bin/)?)spanproof ([a-z][^`\n]*)", re.MULTILINE)
"""A command that a page names, in its text or in a block."""
NO_COMMANDS = {"record", "holds"}
"""What `spanproof` begins otherwise: the JSON format, a sentence."""


def test_every_command_that_a_page_names_is_there() -> None:
    """With each of its options; whoever follows a page meets nothing that is gone."""
    lines = [
        (page.name, words)
        for page in (DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md")))
        for words in (said.split() for said in SAID.findall(page.read_text()))
        if words[0] not in NO_COMMANDS
    ]
    assert len(lines) > 80
    assert [f"{page}: {' '.join(words)}" for page, words in lines if not is_there(cli, words)] == []
    assert not is_there(cli, ["explore", "--budgets"])
    assert not is_there(cli, ["explorer"])


def is_there(command: click.Command, words: list[str]) -> bool:
    """Whether there is such a command, and all options that are given are its own."""
    if isinstance(command, click.Group) and words:
        return words[0] in command.commands and is_there(command.commands[words[0]], words[1:])
    options = {"--help", *(option for parameter in command.params for option in parameter.opts)}
    given = (word.partition("=")[0].rstrip(".,;:") for word in words if re.match(r"--[a-z]", word))
    return set(given) <= options


def left_out(shown: list[str], printed: list[str]) -> list[str]:
    """The lines that are shown and not printed in this order. What stands at the end of a line may go on."""
    lines = iter(printed)
    return [line for line in shown if not any(there.startswith(line) for there in lines)]


def test_a_line_that_is_not_printed_is_found() -> None:
    """Also one that is printed, but earlier."""
    assert left_out(["a", "c"], ["a", "b", "c"]) == []
    assert left_out(["c", "a"], ["a", "b", "c"]) == ["a"]
    assert left_out(["b!"], ["a", "b", "c"]) == ["b!"]


def example(page: str, what: str, known: Mapping[str, Any]) -> Any:
    """What the example of a how-to makes, of the names that are known where it goes."""
    (block,) = (b for _, b in BLOCK.findall((DOCS / page).read_text()) if b.startswith(f"# {what}\n"))
    *before, last = ast.parse(block).body
    assert isinstance(last, ast.Expr)
    names = dict(known)
    exec(compile(ast.Module(before, []), page, "exec"), names)  # noqa: S102  # our own page
    return eval(compile(ast.Expression(last.value), page, "eval"), names)  # noqa: S307  # as above


def test_the_example_of_a_scenario_is_one() -> None:
    """It is searched to the end, and says how many states there are where none were expected."""
    made = example("how-to/add-a-scenario.md", "a scenario", vars(scenarios))
    judged = judge(made, Subject()).result
    assert judged.verdict is Verdict.UNKNOWN
    assert re.fullmatch(r"[\d,]+ states where 0 are expected: text or catalogue has changed", judged.reason)


def test_the_examples_of_an_invariant_and_its_fault_are_ones() -> None:
    """It holds of the reference, in both forms; the fault that it names breaks it, and the claim that it says."""
    invariant = example("how-to/add-an-invariant.md", "an invariant", vars(invariants))
    fault = example("how-to/add-a-fault.md", "a fault", vars(corpus))
    assert fault.name == invariant.fault
    for state in sorted(reached_in("free_against_alloc"), key=str)[::40]:
        moved = replace(state, base=tuple(base + 1 for base in state.base))
        assert invariant.holds(state)
        assert invariant.holds(moved) == all(s == DEAD for s in state.state)
        for each in (state, moved):
            assert formula(invariant, state.geometry)(each) == invariant.holds(each)
    broken = judge(scenarios.BY_NAME[fault.scenario], Subject(planted(fault.edits), fault=fault.name), only=fault.claim)
    assert broken.record is not None
    assert broken.record.violated.claim == fault.claim
