"""The file of a checkpoint: a line, a header of JSON, arrays as plain bytes, and a digest over all of it.

Nothing in it can be run: what is read is JSON, and numbers of a few kinds whose sizes the header gives and the size of
the file confirms before anything is made room for. It is written beside its place and moved there when it is whole, so
what was there before is lost only to what is there after. Read next: checkpoint.py.
"""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

T = TypeVar("T")
MAGIC, VERSION = b"spanproof checkpoint ", 1
KINDS = {"u1": np.uint8, "u2": np.uint16, "u4": np.uint32, "u8": np.uint64}
"""What numbers an array may hold, all with the lowest byte first."""
MOST_HEADER = 1 << 24
"""Bytes: a program and the digests of a hundred files take a few thousand."""
DIGEST = hashlib.sha256().digest_size
AT_ONCE = 1 << 24
"""Bytes that are read and digested together."""


class CheckpointError(ValueError):
    """The file cannot be written, is none, is damaged, or is of another search: one line, with what to do."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds."""

    header: Mapping[str, Any]
    arrays: Mapping[str, Any]


def write(path: Path, content: Content) -> None:
    """Write a file whole or not at all.

    Raises:
        CheckpointError: it cannot be written; what was there before is still there.

    """
    try:
        place = plain(path)
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=place.name, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                _put(file, content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(place)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as e:
        raise CheckpointError(f"--checkpoint {path}: cannot be written: {e.strerror}") from e


def plain(path: Path) -> Path:
    """Where a file is put: links are followed.

    Raises:
        CheckpointError: there is no folder for it that can be written to; or what is there is no plain file, such as
            a folder, a device or a pipe, or is no checkpoint, and would be lost.

    """
    place = Path(os.path.realpath(path))
    if not place.parent.is_dir():
        raise CheckpointError(f"--checkpoint {path}: there is no folder {place.parent}; make it, or give another place")
    if not os.access(place.parent, os.W_OK):
        raise CheckpointError(f"--checkpoint {path}: {place.parent} cannot be written to; give another place")
    if place.exists() and not place.is_file():
        raise CheckpointError(f"--checkpoint {path}: is no plain file; give another place")
    if place.exists() and not _is_checkpoint(place):
        raise CheckpointError(f"--checkpoint {path}: is there already, and is no checkpoint; give another place")
    return place


def _is_checkpoint(place: Path) -> bool:
    """Whether a file begins as a checkpoint of any version does."""
    try:
        with place.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _put(file: BinaryIO, content: Content) -> None:
    digest = hashlib.sha256()

    def put(some: Any) -> None:
        digest.update(some)
        file.write(some)

    kinds = {np.dtype(kind): name for name, kind in KINDS.items()}
    told = [(name, kinds[array.dtype], list(array.shape)) for name, array in content.arrays.items()]
    put(MAGIC + b"%d\n" % VERSION)
    put(json.dumps({**content.header, "arrays": told}, ensure_ascii=True).encode("ascii") + b"\n")
    for name, kind, _ in told:
        whole = np.ascontiguousarray(content.arrays[name]).astype(f"<{kind}", copy=False)
        put(whole.reshape(-1).view(np.uint8).data)
    file.write(digest.digest())


def read(path: Path) -> Content:
    """What a file holds; its digest is right.

    Raises:
        CheckpointError: it cannot be read, is no checkpoint, is damaged, or is of another version.

    """
    return _read(path, _Reading.content)


def read_first(path: Path) -> None:
    """Refuse what is no checkpoint of this version, by its first line. Raises as read."""
    _read(path, _Reading.first)


def _read(path: Path, what: Callable[["_Reading"], T]) -> T:
    try:
        if not path.is_file():
            raise CheckpointError(f"--resume {path}: {'is no plain file' if path.exists() else 'no such file'}")
        with path.open("rb") as file:
            return what(_Reading(path, file))
    except OSError as e:
        raise CheckpointError(f"--resume {path}: cannot be read: {e.strerror}") from e
    except MemoryError as e:
        raise CheckpointError(f"--resume {path}: there is no memory for what it holds") from e


class _Reading:
    """A file that is being read."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file, self.digest = path, file, hashlib.sha256()

    def damaged(self, what: str) -> CheckpointError:
        return CheckpointError(f"--resume {self.path}: a damaged checkpoint ({what}); search from the start")

    def line(self, most: int) -> bytes:
        line = self.file.readline(most)
        self.digest.update(line)
        return line

    def first(self) -> None:
        """The first line."""
        magic = self.line(len(MAGIC) + 20)
        if not magic.startswith(MAGIC):
            raise CheckpointError(f"--resume {self.path}: is no checkpoint; make one with --checkpoint FILE")
        if magic != MAGIC + b"%d\n" % VERSION:
            version = magic.removeprefix(MAGIC).decode("ascii", "replace").strip()
            said = f"a checkpoint of version {version[:20]!r}; this spanproof reads version {VERSION}"
            raise CheckpointError(f"--resume {self.path}: {said}")

    def content(self) -> Content:
        self.first()
        header = self.header()
        kinds = self.kinds(header.pop("arrays", None))
        # The size is right before anything is made room for.
        size = sum(np.dtype(kind).itemsize * math.prod(shape) for _, kind, shape in kinds)
        if os.fstat(self.file.fileno()).st_size != self.file.tell() + size + DIGEST:
            raise self.damaged("it is not as long as it says")
        arrays = {name: self.array(kind, shape) for name, kind, shape in kinds}
        if self.file.read(DIGEST) != self.digest.digest():
            raise self.damaged("its digest is not that of what it holds")
        return Content(header, arrays)

    def header(self) -> dict[str, Any]:
        line = self.line(MOST_HEADER)
        try:
            header: Any = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise self.damaged("its header is not JSON") from e
        if not isinstance(header, dict):
            raise self.damaged("its header is no object")
        return header  # pyright: ignore[reportUnknownVariableType]  # JSON

    def kinds(self, told: Any) -> list[tuple[str, Any, tuple[int, ...]]]:
        """The name, the kind and the shape of each array."""
        try:
            found = [(str(name), KINDS[kind], tuple(shape)) for name, kind, shape in told]
        except (TypeError, ValueError, KeyError) as e:
            raise self.damaged("its arrays are not named") from e
        for _, _, shape in found:
            if len(shape) > 2 or not all(type(length) is int and 0 <= length < 1 << 48 for length in shape):
                raise self.damaged("an array has no shape")
        return found

    def array(self, kind: Any, shape: tuple[int, ...]) -> Any:
        whole = np.empty(math.prod(shape), np.dtype(kind).newbyteorder("<"))
        view = whole.view(np.uint8).data
        for begin in range(0, len(view), AT_ONCE):
            piece = view[begin : begin + AT_ONCE]
            if self.file.readinto(piece) != len(piece):  # type: ignore[attr-defined]  # a buffered reader has it
                raise self.damaged("it ends too early")
            self.digest.update(piece)
        return whole.astype(kind, copy=False).reshape(shape)
