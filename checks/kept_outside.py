"""State that a heap keeps outside of its cells: no search sees it, so a heap that keeps any is not taken.

Looked at are the user's own classes, what their functions name, and what that names in turn. It is looked for by shape,
and not by analysis: a dictionary that never changes is refused too. Read next: local_state.py, which refuses what a
suspended text hides.
"""

import dis
from collections.abc import Iterator, Mapping, MutableMapping, MutableSequence, MutableSet
from enum import Enum
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from spanproof.checks.failing import is_users

PARTS = ("PageAlloc", "ScavengeIndex", "OsMemory")
"""Classes that a heap is made of besides its own."""
MAKES = frozenset({"__init__", "__post_init__", "__new__"})
"""Functions that set attributes of what is being made."""
NAMED = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
CONTAINERS = (MutableMapping, MutableSequence, MutableSet, Iterator)


def kept_outside(heap: Any) -> str:
    """What a heap keeps outside of its cells, the first that is found; empty if nothing."""
    seen: set[int] = set()
    own: Mapping[str, Any] = heap.__dict__
    for name, value in own.items():
        if kind := kind_that_changes(value):
            return f"its attribute {name} is a {kind}"
    owners: list[Any] = [heap.__class__, *(getattr(heap, part) for part in PARTS if hasattr(heap, part))]
    return next((said for owner in owners for cls in owner.__mro__ for said in _of_class(cls, seen)), "")


def kind_that_changes(value: Any) -> str:
    """The name of a value's kind if it can change; empty if it cannot, or is a function, a class or a module."""
    name = str(value.__class__.__name__)
    if issubclass(value.__class__, tuple | frozenset):
        return next((f"{name} with a {kind}" for kind in map(kind_that_changes, value) if kind), "")
    return name if issubclass(value.__class__, CONTAINERS) or _is_users_own(value) else ""


def _is_users_own(value: Any) -> bool:
    """Whether it is an object of a user's class that may have attributes set."""
    kind: Any = value.__class__
    params = getattr(kind, "__dataclass_params__", None)
    frozen = getattr(value, "_frozen", False) or (params is not None and params.frozen)
    return is_users(kind.__module__) and not frozen and not isinstance(value, type | Enum | BaseException)


def _of_class(cls: Any, seen: set[int]) -> Iterator[str]:
    """What a class of the user's keeps, and its functions. Kinds of tuples and enums keep their own tables."""
    if not is_users(cls.__module__) or id(cls) in seen:
        return
    seen.add(id(cls))
    members: Mapping[str, Any] = cls.__dict__
    for name, member in members.items():
        kind = kind_that_changes(member)
        if kind and not name.startswith("__") and not issubclass(cls, tuple | Enum):
            yield f"{cls.__name__}.{name} is a {kind}"
        found = getattr(member, "fget", None) or getattr(member, "__func__", member)
        yield from _of_named(found, seen, cls)


def _of_named(value: Any, seen: set[int], owner: Any = None) -> Iterator[str]:
    """What a function or a class keeps that is named by another."""
    if isinstance(value, type):
        yield from _of_class(value, seen)
    elif isinstance(value, FunctionType) and is_users(_home(value)) and id(value) not in seen:
        seen.add(id(value))
        yield from _of_function(value, seen, owner)


def _home(function: FunctionType) -> str:
    """The module where its text stands: what is wrapped by a library calls itself the user's."""
    return str(function.__globals__.get("__name__", ""))


def _of_function(function: FunctionType, seen: set[int], owner: Any) -> Iterator[str]:
    """What a function of the user's changes or reaches that is neither a cell nor its own."""
    name, code = function.__qualname__, function.__code__
    reached = _reached(function)
    for i in _instructions(code):
        at = f"{Path(code.co_filename).name}:{i.positions.lineno if i.positions else code.co_firstlineno}: {name}"
        if i.opname in {"STORE_GLOBAL", "DELETE_GLOBAL"}:
            yield f"{at} sets the global {i.argval}"
        elif i.opname in {"STORE_DEREF", "DELETE_DEREF"} and i.argval in code.co_freevars:
            yield f"{at} sets {i.argval} of the function around it"
        elif i.opname in {"STORE_ATTR", "DELETE_ATTR"} and function.__name__ not in MAKES:
            owners = [value for value in (owner, *reached.values()) if _has_own(value, i.argval)]
            yield from (f"{at} sets {value.__name__}.{i.argval}" for value in owners[:1])
    for used, value in reached.items():
        if kind := kind_that_changes(value):
            yield f"{name} uses {used}, which is a {kind}"
        yield from _of_named(value, seen)


def _has_own(value: Any, attribute: str) -> bool:
    """Whether a class or module of the user's has this attribute itself."""
    if isinstance(value, type):
        return is_users(value.__module__) and attribute in vars(value)
    return isinstance(value, ModuleType) and is_users(value.__name__) and attribute in vars(value)


def _reached(function: FunctionType) -> dict[str, Any]:
    """What a function reaches other than by its arguments: globals, what it takes of modules, closure, defaults."""
    used = list(_instructions(function.__code__))
    names = {i.argval for i in used if i.opname in NAMED}
    reached = {name: function.__globals__[name] for name in sorted(names & set(function.__globals__))}
    asked = {i.argval for i in used if i.opname in {"LOAD_ATTR", "LOAD_METHOD"}}
    for name, module in list(reached.items()):
        if isinstance(module, ModuleType) and is_users(module.__name__):
            reached |= {f"{name}.{part}": vars(module)[part] for part in sorted(asked & set(vars(module)))}
    closure = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    reached |= {name: cell.cell_contents for name, cell in closure if _is_filled(cell)}
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    return reached | {f"its default {n + 1}": value for n, value in enumerate(defaults)}


def _is_filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    """Those of a code and of functions within it."""
    yield from dis.get_instructions(code)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _instructions(inner)
