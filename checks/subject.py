"""The heap under test: the reference, with a fault planted in it, or a user's own in its place."""

import importlib.util
import inspect
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from spanproof.checks.unawaited import forgotten
from spanproof.impl.heap_cells import HeapCells
from spanproof.impl.malloc import Runtime

REFERENCE = "reference"
NEEDED = (
    "alloc", "alloc_manual", "free_manual", "malloc_large", "malloc_small", "reclaim", "bgsweep", "ensure_swept",
    "uncache_span", "gc_cycle", "alloc_span", "init_span", "free_span_locked", "alloc_needs_zero",
)  # fmt: skip
"""The coroutines that programs and claims name."""


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
        SubjectError: no such file or class, it does not load, or it lacks a function.

    """
    file, colon, name = place.rpartition(":")
    if not colon or not file:
        raise SubjectError(f"--heap {place}: write FILE.py:CLASS")
    cls = getattr(_module(Path(file), place), name, None)
    if not inspect.isclass(cls) or not issubclass(cls, HeapCells):
        raise SubjectError(
            f"--heap {place}: {name} is no class in it that derives from spanproof.impl.heap_cells.HeapCells"
        )
    missing = [f for f in NEEDED if not inspect.iscoroutinefunction(getattr(cls, f, None))]
    if missing:
        raise SubjectError(f"--heap {place}: {name} lacks the coroutine {missing[0]}; it needs {', '.join(NEEDED)}")
    return cls  # type: ignore[return-value]  # it has what Runtime has, as just checked


def _module(file: Path, place: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"heap_under_test_{file.stem}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise SubjectError(f"--heap {place}: no Python file {file}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as e:
        raise SubjectError(f"--heap {place}: the file does not load: {type(e).__name__}: {e}") from e
    if said := forgotten(file.read_text(encoding="utf-8")):
        raise SubjectError(f"--heap {place}: {said}")
    return module
