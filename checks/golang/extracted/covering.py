"""Which statements of the extracted text were run: Go's own coverage, from a program that is built for it.

What was not run was not compared, however well the rest agrees. Read next: ../comparing/state.py.
"""

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spanproof.checks.cache import cache_folder
from spanproof.checks.golang.extracted.building import BUILD_SECONDS, environment
from spanproof.checks.golang.reading.toolchains import GoError, Toolchain

OPTION = "-cover"
"""Of `go build`."""
VARIABLE = "GOCOVERDIR"
"""Where such a program writes when it ends."""
_BLOCK = re.compile(r"\S+/([\w.]+):(\d+)\.\d+,(\d+)\.\d+ (\d+) (\d+)")


@dataclass(frozen=True, slots=True)
class Block:
    """Statements that are run one after the other: the lines that they lie on, and whether they were run."""

    first: int
    last: int
    was_run: bool


Covered = Mapping[str, tuple[Block, ...]]
"""The blocks of each file."""


def covered(compiler: Toolchain, folder: Path) -> Covered:
    """What programs have written into a folder when they ended.

    Raises:
        GoError: it cannot be read.

    """
    out = folder / "profile.txt"
    command = [str(compiler.go), "tool", "covdata", "textfmt", f"-i={folder}", f"-o={out}"]
    try:
        done = subprocess.run(  # noqa: S603  # Go's own command, found in toolchains.py
            command, env=environment(compiler, cache_folder()), capture_output=True, text=True, timeout=BUILD_SECONDS,
            check=False,
        )  # fmt: skip
        text = out.read_text(encoding="utf-8") if done.returncode == 0 else ""
    except (OSError, subprocess.TimeoutExpired) as e:
        raise GoError(f"what was run cannot be told: {e}") from e
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no word of why"]
        raise GoError(f"what was run cannot be told: {said[-1]}")
    return read(text.splitlines())


def read(lines: Iterable[str]) -> Covered:
    """A profile as Go writes it; a block that is told of twice was run if it was once."""
    found: dict[tuple[str, int, int, str], bool] = {}
    for line in lines:
        match = _BLOCK.fullmatch(line)
        if match is not None and int(match[4]):
            key = match[1], int(match[2]), int(match[3]), line.rpartition(" ")[0]
            found[key] = found.get(key, False) or int(match[5]) > 0
    blocks: dict[str, list[Block]] = {}
    for (file, first, last, _), was_run in found.items():
        blocks.setdefault(file, []).append(Block(first, last, was_run))
    return {file: tuple(of) for file, of in blocks.items()}


def not_run(blocks: Iterable[Block], line: int) -> bool:
    """Whether something that lies on a line was not run, or the body that begins there."""
    return any(not block.was_run for block in blocks if block.first <= line <= block.last)
