"""The tutorial's and how-tos' commands come to what is shown of them, on the texts that stand there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = {"tutorial.md": 6, "how-to/explore-a-larger-program.md": 2}
"""Pages with commands whose output is shown, and how many."""
ENDS = {"violated": 1, "unknown": 3}
"""What the last line of a verdict begins with, and the exit code that goes with it."""


@pytest.mark.parametrize("page", COMMANDS)
def test_a_page_comes_to_what_it_shows(page: str, tmp_path: Path) -> None:
    """A file is written where the text gives one; a command shows, in order, each line that the text shows of it."""
    commands = 0
    for kind, block in BLOCK.findall((DOCS / page).read_text()):
        first, _, rest = block.partition("\n")
        if kind == "python":
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


def left_out(shown: list[str], printed: list[str]) -> list[str]:
    """The lines that are shown and not printed in this order. What stands at the end of a line may go on."""
    lines = iter(printed)
    return [line for line in shown if not any(there.startswith(line) for there in lines)]


def test_a_line_that_is_not_printed_is_found() -> None:
    """Also one that is printed, but earlier."""
    assert left_out(["a", "c"], ["a", "b", "c"]) == []
    assert left_out(["c", "a"], ["a", "b", "c"]) == ["a"]
    assert left_out(["b!"], ["a", "b", "c"]) == ["b!"]
