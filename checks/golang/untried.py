"""What a patch changes and nothing here runs: the lines, told apart by whether threads meet on them.

A line that a patch writes must be run on the patched text, one that it takes away on the text as it was, else nothing
was compared of it. A line about locks or atomics must be run by interleaved threads. Read next: patched.py.
"""

import difflib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from spanproof.checks.cache import cache_folder
from spanproof.checks.golang.comparing.compare import judge_go, programmed
from spanproof.checks.golang.extracted.covering import Block, Covered, covered, not_run
from spanproof.checks.golang.extracted.extracting import extracted
from spanproof.checks.golang.interleaving.interleave import judge_interleavings
from spanproof.checks.golang.reading.sources import GoFile
from spanproof.checks.golang.reading.toolchains import Toolchain, compiler, installed
from spanproof.checks.subject import Subject

MEETING = re.compile(r"\b(?:un)?lock\(|\batomic\.|\.(?:Load|Store|Add|Or|And|CompareAndSwap|Swap)\w*\(")
"""What other threads take part in."""
COMMANDS, SCHEDULES = 6_000, 600
"""Of the runs that tell what is run of a text as it was."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What of a text was run: by histories, and by interleaved threads."""

    alone: Covered
    meeting: Covered

    def blocks(self, file: str) -> Iterator[Block]:
        """All of a file; what either has run was run."""
        told = {(b.first, b.last): b.was_run for b in self.alone.get(file, ())}
        for block in self.meeting.get(file, ()):
            told[block.first, block.last] = told.get((block.first, block.last), False) or block.was_run
        return (Block(first, last, was_run) for (first, last), was_run in told.items())


def folders() -> "tempfile.TemporaryDirectory[str]":
    """A place for what two runs tell."""
    return tempfile.TemporaryDirectory(prefix="spanproof-")


def ran(toolchain: Toolchain, histories: Path, trials: Path) -> Ran:
    """What programs have told of a text, in these folders. Raises GoError."""
    by = compiler([*installed(), toolchain])
    return Ran(covered(by, histories), covered(by, trials))


def ran_as_it_was(toolchain: Toolchain) -> Ran:
    """What is run of a toolchain's own text: found out once, and kept.

    Raises:
        GoError: it cannot be built or run.

    """
    own = replace(toolchain, laid=())
    with folders() as place:
        histories, trials = Path(place) / "histories", Path(place) / "trials"
        kept = cache_folder() / "covered" / f"{programmed(own, histories).name}.json"
        if kept.exists():
            return _of_json(json.loads(kept.read_text(encoding="utf-8")))
        for folder in (histories, trials):
            folder.mkdir()
        judge_go(own, Subject(), 0, COMMANDS, lambda _: None, histories)
        judge_interleavings(own, Subject(), lambda _: None, schedules=SCHEDULES, covering=trials)
        found = ran(own, histories, trials)
    kept.parent.mkdir(parents=True, exist_ok=True)
    new = kept.with_suffix(f".{id(found)}")
    new.write_text(json.dumps(_as_json(found)), encoding="utf-8")
    new.replace(kept)
    return found


def _as_json(found: Ran) -> list[dict[str, list[list[int]]]]:
    return [
        {file: [[b.first, b.last, int(b.was_run)] for b in blocks] for file, blocks in each.items()}
        for each in (found.alone, found.meeting)
    ]


def _of_json(told: list[dict[str, list[list[int]]]]) -> Ran:
    alone, meeting = (
        {
            file: tuple(Block(first, last, bool(was_run)) for first, last, was_run in blocks)
            for file, blocks in each.items()
        }
        for each in told
    )
    return Ran(alone, meeting)


@dataclass(frozen=True, slots=True)
class _Said:
    """A declaration in a file of the extracted program: its first line, and its lines."""

    file: str
    first: int
    lines: tuple[str, ...]


def _declared(toolchain: Toolchain) -> Mapping[str, _Said]:
    found = dict[str, _Said]()
    for file, text in extracted(toolchain).files.items():
        for name, declaration in GoFile(toolchain.version, file, text.encode()).declarations.items():
            lines = tuple(declaration.text.split("\n"))
            found[name] = _Said(file, declaration.node.start_point[0] + 1, lines)
    return found


def untried(toolchain: Toolchain, changed: Iterable[str], of_patched: Ran) -> list[str]:
    """The functions of which a changed line is not run, or not by threads that meet where it is about that.

    toolchain: with what is laid over it. of_patched: what was run of that.

    Raises:
        GoError: the text as it was cannot be built or run.

    """
    new, old = _declared(toolchain), _declared(replace(toolchain, laid=()))
    of_own, found = ran_as_it_was(toolchain), list[str]()
    for name in changed:
        if name not in new and name not in old:
            continue
        was, is_now = old.get(name), new.get(name)
        gone, come = _lines(was, is_now)
        sides = ((was, gone, of_own), (is_now, come, of_patched))
        reasons = {r for side, lines, of in sides if side is not None for r in _why(side, lines, of)}
        found += [f"{name} ({reason})" for reason in sorted(reasons)]
    return found


def _lines(was: _Said | None, is_now: _Said | None) -> tuple[list[int], list[int]]:
    """The lines that are gone and those that have come, counted in each declaration from 0."""
    before, after = was.lines if was is not None else (), is_now.lines if is_now is not None else ()
    gone, come = list[int](), list[int]()
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            gone += range(a, b)
            come += range(c, d)
    return gone, come


def _why(side: _Said, lines: Iterable[int], of: Ran) -> Iterator[str]:
    """Why nothing was shown of these lines."""
    blocks, meeting = [*of.blocks(side.file)], of.meeting.get(side.file, ())
    for line in lines:
        if not side.lines[line].split("//")[0].strip():
            continue
        place = side.first + line
        if not_run(blocks, place):
            yield "changed where nothing runs it"
        elif MEETING.search(side.lines[line]) and not _was_run(meeting, place):
            yield "what is changed is about other threads, and no threads meet there"


def _was_run(blocks: Iterable[Block], line: int) -> bool:
    return any(block.was_run for block in blocks if block.first <= line <= block.last)
