"""Programs of Go text, built once: kept by what went into them, under a lock, with a time limit.

Read next: driving.py.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from spanproof.checks.cache import cache_folder
from spanproof.checks.golang.reading.toolchains import GoError, Toolchain

BUILD_SECONDS = 300
LAST_LINES = 12
"""What is shown of a compiler that fails."""
EDITION = 1
"""Changed when the way of building changes, so that nothing built before is taken."""


class BuildError(GoError):
    """Go's compiler refuses: the message has its last lines."""


def environment(toolchain: Toolchain, folder: Path) -> dict[str, str]:
    """Variables under which Go uses this toolchain and nothing else, and never the network."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return kept | {
        "GOROOT": str(toolchain.root), "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOSUMDB": "off", "GOENV": "off",
        "GOFLAGS": "-mod=mod", "GOTELEMETRY": "off", "GOWORK": "off", "CGO_ENABLED": "0", "GO111MODULE": "on",
        "GOCACHE": str(folder / "compiled" / toolchain.version), "GOPATH": str(folder / "path"),
    }  # fmt: skip


def built(compiler: Toolchain, version: str, files: Mapping[str, str], options: Sequence[str] = ()) -> Path:
    """The program of these files, built with this compiler unless it was before. version: whose text it is.

    options: more of `go build`.

    Raises:
        BuildError: it does not compile, or not in time.
        GoError: the folder for it cannot be written.

    """
    from filelock import FileLock  # noqa: PLC0415  # an extra

    told = hashlib.sha256(f"{EDITION}\0{compiler.version}\0{' '.join(options)}\0".encode())
    for name in sorted(files):
        told.update(f"{name}\0{files[name]}\0".encode())
    folder = cache_folder() / "built"
    program = folder / f"{version}-{told.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{program.name}.lock", timeout=BUILD_SECONDS * 2):
            if not program.exists():
                _build(compiler, version, files, program, options)
    except OSError as e:
        raise GoError(f"{folder} cannot be written: {e}") from e
    return program


def _build(compiler: Toolchain, version: str, files: Mapping[str, str], program: Path, options: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(dir=program.parent) as place:
        root = Path(place)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        made = root / "program"
        what = f"the text of {version} does not compile with {compiler.version}"
        go_build(compiler, (*options, "-trimpath", "-o", str(made)), root, environment(compiler, cache_folder()), what)
        made.replace(program)


def go_build(
    toolchain: Toolchain, options: Sequence[str], package: Path, variables: Mapping[str, str], what: str
) -> None:
    """Build the package in a folder. what: what to say if Go refuses.

    Raises:
        BuildError: it does, or takes too long.

    """
    command = [str(toolchain.go), "build", *options, "."]
    try:
        done = subprocess.run(  # noqa: S603  # Go's own command, found in toolchains.py
            command, cwd=package, env=variables, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as e:
        raise BuildError(f"{what}: not in {BUILD_SECONDS} s") from e
    if done.returncode != 0:
        said = "; ".join((done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:])
        raise BuildError(f"{what}: {said}")
