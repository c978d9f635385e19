"""The run record: what every engine writes and every report and replay reads.

A record of kind "run" holds a program, a schedule and the steps they gave, with the claim that the last step broke.
A record of kind "trace" holds the rows of a recorded trace that break a claim, one of kind "history" the calls of the
page allocator that do, one of kind "inputs" what plain functions were called with. All replay from themselves alone:
`spanproof replay FILE` does the work again and compares it, byte for byte, with what is written here. Those of
kinds "go history" and "go schedule" name the Go whose text disagrees, which must be there.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from spanproof.checks.numbers import how_many

FORMAT, VERSION = "spanproof record", 1
TOLD = ("trace", "history", "inputs", "go history", "go schedule")
"""Kinds of records that have no steps, and tell a story."""
KINDS = ("run", *TOLD)
"""All of them."""
WHY: Mapping[str, str] = {"go history": "worth", "go schedule": "worth"}
"""What the sentence in `why` is about, where it is not why a claim breaks: what a difference is worth."""
LONGEST_SHOWN = 60
"""Characters of what is damaged, where it is named."""


class RecordError(ValueError):
    """The file is no record, or one of another version: one line, with the place and what to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """One access of one thread. `cell` reads like Go's: zeroedBase[1], mspan[0].state, pages."""

    thread: int
    function: str
    line: int
    """Line of the function's source file."""
    access: str
    """load, store, compare_and_swap, add, or8, and8, read, write, lock, unlock, operate, acquirem, ..."""
    cell: str
    before: str
    after: str
    result: str

    def as_json(self) -> list[Any]:
        """A compact row; the order is that of the fields."""
        return [self.thread, self.function, self.line, self.access, self.cell, self.before, self.after, self.result]


@dataclass(frozen=True, slots=True)
class Violated:
    """The claim that was broken, with where it comes from. `detail` says what was seen."""

    claim: str
    says: str
    source: str
    detail: str


@dataclass(frozen=True, slots=True)
class Access:
    """One of two accesses whose order matters."""

    step: int
    """The number of its step, counted from 1; 0 if it comes only after the record's last step."""
    thread: int
    function: str
    access: str
    cell: str

    def as_json(self) -> list[Any]:
        """A compact row; the order is that of the fields."""
        return [self.step, self.thread, self.function, self.access, self.cell]


@dataclass(frozen=True, slots=True)
class Flip:
    """The least change of the schedule that avoids the violation, and the two accesses whose order it changes."""

    pair: tuple[Access, Access]
    """In the order in which they come in the run that breaks the claim."""
    schedule: tuple[int, ...]
    """The whole changed run."""
    moved: str
    """What was moved where, in words."""
    alone: bool
    """Only the claim itself holds in the changed run: another breaks."""

    def as_json(self) -> dict[str, Any]:
        """The object in the record's file."""
        return {
            "pair": [access.as_json() for access in self.pair],
            "schedule": list(self.schedule),
            "moved": self.moved,
            "alone": self.alone,
        }


@dataclass(frozen=True, slots=True)
class Record:
    """A counterexample."""

    kind: str
    """run, trace, history, inputs, go history or go schedule"""
    name: str
    """Scenario, workload or trace file."""
    release: str
    violated: Violated
    heap: str = "reference"
    """`reference` or the FILE.py:CLASS that took its place."""
    fault: str | None = None
    program: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The program as data: geometry, threads, old spans; kind history: its heap and its calls;
    kind inputs: the lemma and its numbers."""
    schedule: tuple[int, ...] = ()
    """Which thread takes the next step, step by step."""
    cells: Mapping[str, str] = field(default_factory=dict[str, str])
    """Every cell and its value at the start; none in records of older code."""
    steps: tuple[Step, ...] = ()
    alone: bool = False
    """The claim was judged alone: others may have broken before it."""
    trace: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Kind trace: the rows concerned and the number of the offending one.
    Kinds history and inputs: the story of its calls."""
    why: str = ""
    """Kind run: in one sentence why the claim breaks. Kinds go history and go schedule: what the difference is worth.
    Empty in records of older code."""
    flip: Flip | None = None
    """Kind run: what `why` says of the order, as data; None where no order avoids it, and in records of older code."""

    @property
    def switches(self) -> int:
        """Context switches: how often the thread of a step is not that of the step before."""
        return sum(a != b for a, b in zip(self.schedule, self.schedule[1:], strict=False))

    @property
    def length(self) -> str:
        """Kind run: how long it is, and of which release: the bound of a verdict that it stands for."""
        return f"{how_many(len(self.steps), 'steps')}, {how_many(self.switches, 'context switches')}, {self.release}"

    def as_json(self) -> dict[str, Any]:
        """The object that the file holds."""
        v = self.violated
        return {
            "format": FORMAT,
            "version": VERSION,
            "kind": self.kind,
            "name": self.name,
            "release": self.release,
            "heap": self.heap,
            "fault": self.fault,
            "alone": self.alone,
            "violated": {"claim": v.claim, "says": v.says, "source": v.source, "detail": v.detail},
            "program": dict(self.program),
            "schedule": list(self.schedule),
            "cells": dict(self.cells),
            "steps": [step.as_json() for step in self.steps],
            "trace": dict(self.trace),
            **({"why": self.why} if self.why else {}),
            **({"flip": self.flip.as_json()} if self.flip else {}),
        }

    def dumps(self) -> str:
        """The text of the file: the same record always gives the same bytes."""
        return json.dumps(self.as_json(), indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def _record(data: Mapping[str, Any]) -> Record:
    v = _object(data["violated"], "claim with what was seen")
    return Record(
        kind=_kind(data["kind"]),
        name=_text(data["name"]),
        release=_text(data["release"]),
        violated=Violated(_text(v["claim"]), _text(v["says"]), _text(v["source"]), _text(v["detail"])),
        heap=_text(data["heap"]),
        fault=None if data["fault"] is None else _text(data["fault"]),
        program=_object(data["program"], "program"),
        schedule=_schedule(data["schedule"]),
        cells={k: str(v) for k, v in _object(data.get("cells", {}), "list of cells").items()},
        steps=tuple(_step(row) for row in _rows(data["steps"], "list of steps")),
        alone=_flag(data["alone"]),
        trace=_object(data["trace"], "trace"),
        why=_text(data.get("why", "")),
        flip=_flip(data["flip"]) if "flip" in data else None,
    )


def _flip(given: object) -> Flip:
    data = _object(given, "change of a schedule")
    first, second = (_access(row) for row in _rows(data["pair"], "pair of accesses", 2))
    return Flip((first, second), _schedule(data["schedule"]), _text(data["moved"]), _flag(data["alone"]))


def _access(row: object) -> Access:
    step, thread, function, access, cell = _rows(row, "access", len(fields(Access)))
    return Access(int(step), _thread(thread), str(function), str(access), str(cell))


def shortened(text: str, width: int) -> str:
    """The text in at most `width` columns, without its middle: how it begins and how it ends both tell."""
    if len(text) <= width:
        return text
    head = (width - len("...")) // 2
    return f"{text[:head]}...{text[len(text) - (width - len('...') - head) :]}"


def _is(value: object, kind: type) -> bool:
    return isinstance(value, kind)


def _object(value: Any, what: str) -> dict[str, Any]:
    if not _is(value, dict):
        raise TypeError(f"{cut_short(value)} is no {what}")
    found: dict[str, Any] = value
    return found


def _rows(value: Any, what: str, length: int | None = None) -> list[Any]:
    """A list, of this length if one is given."""
    if not _is(value, list) or (length is not None and len(value) != length):
        raise TypeError(f"{cut_short(value)} is no {what}")
    found: list[Any] = value
    return found


def _schedule(value: object) -> tuple[int, ...]:
    return tuple(map(_thread, _rows(value, "schedule")))


def cut_short(value: object) -> str:
    """What stands in a record, as Python writes it and cut where it is long, to be named in a message."""
    return shortened(repr(value), LONGEST_SHOWN)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{cut_short(value)} is no text")
    return value


def _kind(value: object) -> str:
    if value not in KINDS:
        raise ValueError(f"{cut_short(value)} is no kind of record")
    return _text(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{cut_short(value)} is neither true nor false")
    return value


def _thread(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1000:
        raise TypeError(f"{cut_short(value)} is no thread")
    return value


def _step(row: object) -> Step:
    thread, function, line, *texts = _rows(row, "step", len(fields(Step)))
    access, cell, before, after, result = (str(text) for text in texts)
    return Step(_thread(thread), str(function), int(line), access, cell, before, after, result)


def loads(text: str, place: str) -> Record:
    """The record in a text; `place` is where it came from, for messages.

    Raises:
        RecordError: not a record, damaged, or of another version.

    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise RecordError(f"{place}: not a record: not JSON; make one with `spanproof explore`") from e
    if not isinstance(data, dict) or data.get("format") != FORMAT:  # pyright: ignore[reportUnknownMemberType]
        raise RecordError(f"{place}: not a record: no format {FORMAT!r}; make one with `spanproof explore`")
    if data.get("version") != VERSION:  # pyright: ignore[reportUnknownMemberType]
        found = cut_short(data.get("version"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        raise RecordError(f"{place}: a record of version {found}; this spanproof reads version {VERSION}")
    try:
        return _record(data)  # pyright: ignore[reportUnknownArgumentType]
    except KeyError as e:
        raise RecordError(f"{place}: a damaged record (no {e}); run the search again") from e
    except (TypeError, ValueError, AttributeError, OverflowError) as e:
        raise RecordError(f"{place}: a damaged record ({type(e).__name__}: {e}); run the search again") from e


def load(path: Path) -> Record:
    """Read a record file; raises RecordError with one line for whatever is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "not text"
        raise RecordError(f"{path}: cannot be read: {reason}") from e
    return loads(text, str(path))


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, also when the process is killed or the disk is full.

    What is there and is no plain file (a pipe, a device, a link to one) is written into, and stays what it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_text(text, encoding="utf-8")
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def save(record: Record, path: Path) -> None:
    """Write a record to a file."""
    write_atomically(path, record.dumps())
