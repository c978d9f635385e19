"""The tutorial's commands come to what it shows, on the texts that it shows, from its first to its last."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENDS = {"violated": 1, "unknown": 3}
"""What the last line of a verdict begins with, and the exit code that goes with it."""


def test_the_tutorial_comes_to_what_it_shows(tmp_path: Path) -> None:
    """A file is written where the text gives one; a command shows, in order, each line that the text shows of it."""
    commands = 0
    for kind, block in BLOCK.findall(TUTORIAL.read_text()):
        first, _, rest = block.partition("\n")
        if kind == "python":
            (tmp_path / first.removeprefix("# ")).write_text(block)
            continue
        commands += 1
        assert first.startswith("$ spanproof "), first
        shown = [line for line in rest.splitlines() if line != "..."]
        code = ENDS.get(shown[-1].partition(":")[0], 0)
        command = [sys.executable, "-m", "spanproof.checks", *shlex.split(first)[2:]]
        done = subprocess.run(  # noqa: S603  # ourselves
            command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == code, done.stderr
        missing = left_out(shown, done.stdout.splitlines())
        assert not missing, f"{first} does not print {missing[0]!r}:\n{done.stdout[-3000:]}"
    assert commands == 6


def left_out(shown: list[str], printed: list[str]) -> list[str]:
    """The lines that are shown and not printed in this order. What stands at the end of a line may go on."""
    lines = iter(printed)
    return [line for line in shown if not any(there.startswith(line) for there in lines)]


def test_a_line_that_is_not_printed_is_found() -> None:
    """Also one that is printed, but earlier."""
    assert left_out(["a", "c"], ["a", "b", "c"]) == []
    assert left_out(["c", "a"], ["a", "b", "c"]) == ["a"]
    assert left_out(["b!"], ["a", "b", "c"]) == ["b!"]
