"""The commands whose output a page shows come to what is shown of them, on the texts that stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checks.golang.conftest import edited, newest
from tests.clone import BLOCK, ROOT, cloned, put_in

DOCS = ROOT / "docs"
PATCH = ("mheap.go", "if arenaBase < zeroedBase {", "if arenaBase+pageSize < zeroedBase {")
"""What is changed where a page has a patch judged."""
COMMANDS = {
    "tutorial.md": 7,
    "explanation/dirty-memory-as-zero.md": 4,
    "explanation/the-overlap-throw.md": 1,
    "explanation/why-zeroing-is-subtle.md": 4,
    "how-to/add-a-fault.md": 2,
    "how-to/add-a-scenario.md": 2,
    "how-to/add-an-invariant.md": 3,
    "how-to/check-a-patched-go.md": 2,
    "how-to/explore-a-larger-program.md": 2,
    "how-to/put-your-own-heap-in.md": 1,
    "how-to/read-a-report.md": 1,
    "how-to/use-a-counterexample-elsewhere.md": 3,
}
"""Pages with commands whose output is shown, and how many."""
EXAMPLES = {
    "how-to/add-a-fault.md": ("fault",),
    "how-to/add-a-scenario.md": ("scenario",),
    "how-to/add-an-invariant.md": ("fault", "invariant"),
}
"""Pages that are followed in a clone, with these examples put in."""
ENDS = {"violated": 1, "unknown": 3}
"""What the last line of a verdict begins with, and the exit code that goes with it."""
OTHER_ENDS = {"--pytest": 1, "--itf": 1, "diff": 1}
"""Words of commands that end with something else than a verdict, and their exit codes: what they show is violated."""
EXPECTED = re.compile(r"([\d,]+) states where 0 are expected")


@pytest.mark.parametrize("page", COMMANDS)
def test_a_page_comes_to_what_it_shows(page: str, tmp_path: Path) -> None:
    """A file is written where the text gives one; a command shows, in order, each line that the text shows of it."""
    prepare(page, tmp_path)
    commands = 0
    for kind, block in BLOCK.findall((DOCS / page).read_text()):
        first, _, rest = block.partition("\n")
        if kind == "python" and first.endswith(".py"):
            (tmp_path / first.removeprefix("# ")).write_text(block)
        elif first.startswith("$ "):
            commands += 1
            run(first, [line for line in rest.splitlines() if line != "..."], tmp_path)
    assert commands == COMMANDS[page]


def prepare(page: str, folder: Path) -> None:
    """Make the folder one in which a page can be followed."""
    if page in EXAMPLES:
        cloned(folder)
        for what in EXAMPLES[page]:
            put_in(folder, what)
        return
    (folder / "docs").symlink_to(DOCS)
    if "diff -ru" in (DOCS / page).read_text():
        toolchain = newest()
        for side, changed in (("a", toolchain), ("b", edited(toolchain, *PATCH))):
            shutil.copytree(toolchain.runtime, folder / side / "src" / "runtime")
            for file, text in changed.laid:
                (folder / side / "src" / "runtime" / file).write_bytes(text)


def test_no_page_has_commands_that_are_not_run() -> None:
    """Whoever shows what a command prints is in the list."""
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    shown = {page for page in pages if re.search(r"^\$ ", (DOCS / page).read_text(), re.MULTILINE)}
    assert shown == set(COMMANDS)
    hidden = re.compile(r"^ {4}(?:spanproof|pytest) ", re.MULTILINE)
    indented = {page for page in pages if hidden.search((DOCS / page).read_text())}
    assert indented <= {"reference/command-line.md"}  # of which each command is run


def run(line: str, shown: list[str], folder: Path) -> None:
    """Run a command of a page, and look for what it shows; write down the number of states that a search came to."""
    words = line.removeprefix("$ ")
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    own = {"PYTHONPATH": str(folder / "src")} if (folder / "src").is_dir() else {}
    done = subprocess.run(  # noqa: S602  # ourselves: our own page's line, which may write to a file
        words, cwd=folder, capture_output=True, text=True, timeout=300, check=False, shell=True,
        env={**os.environ, "PATH": path, **own},
    )  # fmt: skip
    ends = next((code for word, code in OTHER_ENDS.items() if word in words.split()), 0)
    last = shown[-1].partition(":")[0] if shown else ""
    assert done.returncode == ENDS.get(last, ends), done.stdout + done.stderr
    missing = left_out(shown, done.stdout.splitlines())
    assert not missing, f"{line} does not print {missing[0]!r}:\n{done.stdout[-3000:]}"
    if found := EXPECTED.search(done.stdout):
        place, number = folder / "checks" / "scenarios.py", found[1].replace(",", "_")
        place.write_text(place.read_text().replace("    0,\n    (REUSE,)", f"    {number},\n    (REUSE,)"))


def left_out(shown: list[str], printed: list[str]) -> list[str]:
    """The lines that are shown and not printed in this order. What stands at the end of a line may go on."""
    lines = iter(printed)
    return [line for line in shown if not any(there.startswith(line) for there in lines)]


def test_a_line_that_is_not_printed_is_found() -> None:
    """Also one that is printed, but earlier."""
    assert left_out(["a", "c"], ["a", "b", "c"]) == []
    assert left_out(["c", "a"], ["a", "b", "c"]) == ["a"]
    assert left_out(["b!"], ["a", "b", "c"]) == ["b!"]
