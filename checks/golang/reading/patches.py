"""Patches of Go's runtime: laid over a toolchain, which is not touched, and told in records, so that they replay.

Read next: ../extracted/extracting.py.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from spanproof.checks.golang.reading.sources import GoSourceError, read
from spanproof.checks.golang.reading.toolchains import GoError, NoGoError, Toolchain, at, installed
from spanproof.checks.record import Record

RUNTIME = PurePosixPath("src/runtime")
BEGINNING = re.compile(r"(?m)^(?=diff |--- .*\n\+\+\+ .*\n@@ )")
"""Where the diff of a file begins."""
HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
NOWHERE = "/dev/null"
"""How a diff calls a file that is not there."""


class PatchError(GoError):
    """The patch cannot be read, or does not fit: the message names file and place."""


def laid_over(toolchain: Toolchain, patch: str) -> Toolchain:
    """A toolchain with a unified diff of files of its runtime. Its tests do not change the heap: they are left out.

    Raises:
        PatchError: it cannot be read, changes nothing of the runtime, or does not fit.
        GoSourceError: it changes a file that is not there.

    """
    found = dict[str, bytes]()
    for place, diff in _diffs(patch):
        if not _of_runtime(place) or _is_test(place):
            continue
        text = found[place.name].decode() if place.name in found else _text(toolchain, place.name, diff)
        try:
            lines = whatthepatch().apply_diff(diff, _lines(text))
        except Exception as e:
            said = " ".join(str(e).split())
            raise PatchError(f"the patch does not fit {place} of {toolchain.version}: {said}") from e
        found[place.name] = "".join(f"{line}\n" for line in lines).encode()
    if not found:
        others = elsewhere(patch)
        said = f"it changes {', '.join(others)}" if others else "it is no unified diff of what is run"
        raise PatchError(f"the patch changes no file of {RUNTIME}: {said}")
    return replace(toolchain, laid=tuple(sorted(found.items())))


def elsewhere(patch: str) -> list[str]:
    """The files that a unified diff changes outside the runtime, of which nothing is run here."""
    return [str(place) for place, _ in _diffs(patch) if not _of_runtime(place) and not _is_test(place)]


def _diffs(patch: str) -> Iterator[tuple[PurePosixPath, Any]]:
    """(the file, its diff) of each file that is changed."""
    _whole(patch)
    for part in BEGINNING.split(patch):  # the library takes the next file's head for lines of the one before it
        for diff in whatthepatch().parse_patch(part):
            if diff.header is not None and diff.changes:
                path = str(diff.header.new_path if diff.header.new_path != NOWHERE else diff.header.old_path)
                yield PurePosixPath(re.sub(r"^[ab]/", "", path)), diff


def _whole(patch: str) -> None:
    """Refuse what is cut short, or what cannot be read as text: what is left of it would be judged as if it were all.

    Raises:
        PatchError: that is so.

    """
    if re.search(r"^(?:GIT binary patch|Binary files .* differ)$", patch, re.MULTILINE):
        raise PatchError("the patch has a part that is no text: GIT binary patch")
    left, ended = [0, 0], False  # lines of the hunk, as its head promises them: of the text before, and after
    for number, line in enumerate(patch.splitlines(), 1):
        head = HUNK.match(line)
        if left == [0, 0] and head is not None:
            left = [int(head[1] or 1), int(head[2] or 1)]
        elif left != [0, 0]:
            for side in {"-": (0,), "+": (1,), "\\": ()}.get(line[:1], (0, 1)):
                left[side] -= 1
            ended = left == [0, 0]
        elif ended and line.startswith(("+", "-", " ")) and not line.startswith(("--- ", "-- ")):
            left = [-1, -1]
        else:
            ended = ended and line.startswith("\\")
        if min(left) < 0:
            raise PatchError(f"the patch is damaged at its line {number}: the hunk has more lines than its head says")
    if left != [0, 0]:
        raise PatchError("the patch is cut short: its last hunk has fewer lines than its head says")


def whatthepatch() -> Any:
    """The library that reads patches: an extra."""
    try:
        return import_module("whatthepatch")
    except ImportError as e:
        raise GoError("whatthepatch is not installed: pip install 'spanproof[go]'") from e


def _of_runtime(place: PurePosixPath) -> bool:
    return place.parent.parts[-2:] == RUNTIME.parts and place.suffix == ".go"


def _is_test(place: PurePosixPath) -> bool:
    return place.name.endswith("_test.go") or "testdata" in place.parts


def _text(toolchain: Toolchain, name: str, diff: Any) -> str:
    """A file as it is; nothing, if the patch makes it."""
    return "" if diff.header.old_path == NOWHERE else read(toolchain, name).text.decode()


def patch_of(toolchain: Toolchain) -> str:
    """What is laid over a toolchain, as a unified diff."""
    return "".join(line for name, text in toolchain.laid for line in _diff(toolchain, name, text))


def _diff(toolchain: Toolchain, name: str, text: bytes) -> Iterable[str]:
    try:
        own = read(replace(toolchain, laid=()), name).text.decode()
    except GoSourceError:  # the patch makes it
        own = ""
    names = f"a/{RUNTIME}/{name}" if own else NOWHERE, f"b/{RUNTIME}/{name}"
    yield from (f"{line}\n" for line in difflib.unified_diff(_lines(own), _lines(text.decode()), *names, lineterm=""))


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def told(toolchain: Toolchain) -> dict[str, str]:
    """What a record says of a toolchain."""
    said = {"go": toolchain.version, "goroot": str(toolchain.root)}
    return said | ({"patch": patch_of(toolchain)} if toolchain.laid else {})


def named(record: Record) -> Toolchain:
    """The toolchain of a record: in its folder, or of the same version wherever it is, with its patch.

    Raises:
        GoError: it is not here, or its patch does not fit.
        KeyError: the record names none.

    """
    version, root = str(record.program["go"]), Path(str(record.program["goroot"]))
    found = _at(root, version, record.release) or next((t for t in installed() if t.version == version), None)
    if found is None:
        raise NoGoError(f"no {version} here: `spanproof go fetch {version.removeprefix('go')}` gets it")
    patch = str(record.program.get("patch", ""))
    return laid_over(found, patch) if patch else found


def _at(root: Path, version: str, release: str) -> Toolchain | None:
    """The toolchain in a folder, if it is still the one of that version."""
    try:
        found = at(root, release)
    except NoGoError:
        return None
    return found if found.version == version else None
