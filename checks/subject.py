"""The heap under test: the reference, with a fault planted in it, or a user's own in its place."""

import difflib
import importlib.util
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from spanproof.checks.failing import told
from spanproof.checks.kept_outside import PARTS, kept_outside
from spanproof.checks.unawaited import forgotten
from spanproof.impl.heap_cells import HeapCells
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import SMALL
from spanproof.model.releases import NEWEST

REFERENCE = "reference"
NEEDED = (
    "alloc", "alloc_manual", "free_manual", "malloc_large", "malloc_small", "reclaim", "bgsweep", "ensure_swept",
    "uncache_span", "gc_cycle", "alloc_span", "init_span", "free_span_locked", "alloc_needs_zero",
)  # fmt: skip
"""The coroutines that programs and claims name."""
BASE = f"{Runtime.__module__}.{Runtime.__qualname__}"


class SubjectError(ValueError):
    """The heap cannot be taken: one line with the file and what is missing."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A heap class with its name: `reference` or FILE.py:CLASS, and the fault planted in it."""

    heap_class: type[Runtime] = Runtime
    heap: str = REFERENCE
    fault: str | None = None

    @property
    def is_reference(self) -> bool:
        """Whether this is the reference as it stands."""
        return self.heap == REFERENCE and self.fault is None


def load_heap(place: str) -> type[Runtime]:
    """The class that FILE.py:CLASS names.

    Raises:
        SubjectError: no such file or class, it does not load, it lacks a function, or keeps state outside of cells.

    """
    file, colon, name = place.rpartition(":")
    if not colon or not file:
        raise SubjectError(f"--heap {place}: write FILE.py:CLASS")
    cls: Any = _class(_module(Path(file), place), name, place)
    for said in _unfit(cls):
        raise SubjectError(f"--heap {place}: {said}")
    return cls  # type: ignore[no-any-return]  # it has what Runtime has, as just checked


def _class(module: ModuleType, name: str, place: str) -> type[HeapCells]:
    """The class of that name, which derives from the reference or its cells."""
    found: Any = getattr(module, name, None)
    if inspect.isclass(found) and issubclass(found, HeapCells):
        return found
    would_do = [each for each, value in vars(module).items() if _is_heap_of(value, module)]
    if found is not None:
        others = f"; {', '.join(would_do)} would do" if would_do else ""
        raise SubjectError(f"--heap {place}: {name} is no class that derives from {BASE}{others}")
    near = difflib.get_close_matches(name, would_do, 1)
    if near:
        hint = f"did you mean {near[0]}?"
    else:
        hint = f"it has {', '.join(would_do)}" if would_do else f"nor any other that derives from {BASE}"
    raise SubjectError(f"--heap {place}: there is no class {name} in it: {hint}")


def _is_heap_of(value: Any, module: ModuleType) -> bool:
    """Whether it is a heap that this module defines."""
    return inspect.isclass(value) and issubclass(value, HeapCells) and value.__module__ == module.__name__


def _unfit(cls: type[Any]) -> Iterator[str]:
    """Why a class cannot be searched, first what is seen at once."""
    yield from _not_coroutines(cls)
    lacks = next((f for f in NEEDED if getattr(cls, f, None) is None), None)
    if lacks is not None:
        yield f"{cls.__name__} lacks the coroutine {lacks}; it needs {', '.join(NEEDED)}"
    try:
        heap = cls(SMALL, NEWEST, p=0, has_p=False, preemptible=False)
        heap.fresh()
    except (Exception, SystemExit) as e:  # noqa: BLE001  # whatever its own text raises is told
        yield f"{cls.__name__} cannot be made: {told(e)}"
        return
    if said := kept_outside(heap):
        yield f"{said}: no search sees that change; shared state belongs in cells, and constants in tuples"


def _not_coroutines(cls: type[Any]) -> Iterator[str]:
    """Functions that the reference awaits, and that are no coroutines here."""
    pairs = [(Runtime, cls), *((getattr(Runtime, part), getattr(cls, part, object)) for part in PARTS)]
    for reference, own in pairs:
        for name in dir(reference):
            function: Any = getattr(own, name, None)
            awaited = inspect.iscoroutinefunction(getattr(reference, name))
            if awaited and function is not None and not inspect.iscoroutinefunction(function):
                code = getattr(function, "__code__", None)
                at = f"{Path(code.co_filename).name}:{code.co_firstlineno}: " if code else ""
                yield f"{at}{own.__name__}.{name} is awaited, and is no coroutine: write `async def {name}`"


def _module(file: Path, place: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"heap_under_test_{file.stem}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise SubjectError(f"--heap {place}: no Python file {file}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as e:
        raise SubjectError(f"--heap {place}: the file does not load: {told(e)}") from e
    if said := forgotten(file.read_text(encoding="utf-8")):
        raise SubjectError(f"--heap {place}: {said}")
    return module
