"""What a search is a search of: its options, its program, and every text that decides what it finds.

A checkpoint is of use only where all of that is the same; what is not is named. Read next: checkpoint.py.
"""

import ast
import hashlib
import inspect
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spanproof.checks.programs import Program
from spanproof.checks.subject import REFERENCE, Subject

PACKAGE = "spanproof"
ROOTS = ("spanproof.checks.exploring.walking.walks",)
"""Whatever these modules import, and what that imports, decides what a search finds."""
BESIDE = ("walk.c",)
"""Texts that no import names, each beside a module."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a search is a search of."""

    options: Mapping[str, str | None]
    """By name, as a user writes them: scenario, release, heap, fault, claim."""
    program: Mapping[str, Any]
    """As data (programs.py)."""
    texts: Mapping[str, str]
    """The digest of each file, by its path in the package or, of a user's heap, its name."""
    fault: str = ""
    """The digest of the planted fault's edits."""
    python: str = field(default_factory=platform.python_version)
    """Local states hang on what it compiles to."""

    def as_json(self) -> dict[str, Any]:
        """As a checkpoint holds it."""
        return {
            "options": dict(self.options),
            "program": dict(self.program),
            "texts": dict(self.texts),
            "fault": self.fault,
            "python": self.python,
        }


def origin(scenario: str, program: Program, subject: Subject, claim: str | None, edits: str = "") -> Origin:
    """What a search of this program is a search of. edits: what the fault changes, as text."""
    options = {
        "scenario": scenario,
        "release": program.release.name,
        "heap": subject.heap,
        "fault": subject.fault,
        "claim": claim,
    }
    fault = hashlib.sha256(edits.encode()).hexdigest() if edits else ""
    return Origin(options, program.as_json(), {**package_texts(), **_heap_texts(subject)}, fault)


def difference(kept: Any, now: Origin) -> str:
    """What is not as it was, in a few words, and what to do; nothing if all is. kept: may be anything that is JSON."""
    old = _texts(kept, "options")
    for name, value in now.options.items():
        if old.get(name) != value:
            option = name if name == "scenario" else f"--{name}"
            return f"of another search: {option} was {_shown(old.get(name))}, and is {_shown(value)} now"
    texts = _texts(kept, "texts")
    changed = sorted(name for name in {*texts, *now.texts} if texts.get(name) != now.texts.get(name))
    if changed:
        named = ", ".join(map(_shown, changed[:3]))
        others = f" and {len(changed) - 3} other files" if len(changed) > 3 else ""
        return f"of another text: {named}{others} {'is' if len(changed) == 1 else 'are'} changed"
    if kept.get("fault") != now.fault:
        return f"of another text: what the fault {now.options['fault']} edits is changed"
    if kept.get("program") != _plain(now.program):
        return f"of another program: scenario {now.options['scenario']} is changed"
    if kept.get("python") != now.python:
        return f"of Python {_shown(kept.get('python'))}, and this is {now.python}: local states are numbered otherwise"
    return ""


def _shown(value: object) -> str:
    """A value of a line that may hold anything: short, and without what would move the cursor."""
    text = "none" if value is None else str(value)
    return text if text.isprintable() and len(text) < 100 else "something else"


def _texts(kept: Mapping[str, Any], name: str) -> Mapping[Any, Any]:
    there = kept.get(name)
    return there if isinstance(there, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # JSON


def _plain(data: Any) -> Any:
    """Data as JSON gives it back."""
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}  # pyright: ignore[reportUnknownVariableType]
    return [_plain(item) for item in data] if isinstance(data, list | tuple) else data  # pyright: ignore[reportUnknownVariableType]


@cache
def package_texts() -> Mapping[str, str]:
    """The digest of every file of the package that decides what a search finds."""
    todo, seen = [*ROOTS], dict[str, Path]()
    while todo:
        name = todo.pop()
        place = None if name in seen else _source(name)
        if place is not None:
            seen[name] = place
            todo += _imported(place)
    beside = [there for place in seen.values() for name in BESIDE if (there := place.with_name(name)).exists()]
    (top,) = (Path(place) for place in __import__(PACKAGE).__path__)
    return {str(place.relative_to(top)): digest_of(place) for place in {*seen.values(), *beside}}


def digest_of(place: Path) -> str:
    """The digest of a file's bytes."""
    return hashlib.sha256(place.read_bytes()).hexdigest()


def _source(name: str) -> Path | None:
    """The file of a module of the package; None if there is no such module."""
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # a name that is imported from a module
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin)


def _imported(place: Path) -> Iterator[str]:
    """What a file imports of the package: modules, and names that may be modules."""
    for node in ast.walk(ast.parse(place.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _heap_texts(subject: Subject) -> dict[str, str]:
    """The digests of the files of a user's heap: its own, and those of the classes that it derives from."""
    if subject.heap == REFERENCE:
        return {}
    file = Path(subject.heap.rpartition(":")[0])
    found = {file.name: digest_of(file)}
    for cls in subject.heap_class.__mro__:
        if cls.__module__.split(".")[0] != PACKAGE and (there := _file_of(cls)) is not None:
            found.setdefault(there.name, digest_of(there))
    return found


def _file_of(cls: type) -> Path | None:
    try:
        there = inspect.getsourcefile(cls)
    except (TypeError, OSError):  # builtins, and what is made at run time
        return None
    return None if there is None or not Path(there).is_file() else Path(there)
