"""State that lies in no cell, and members that are no plain functions: neither shows in the text of a coroutine.

A heap that has any is not claimed anything of. Read next: closed_world.py.
"""

import inspect
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import cache
from operator import attrgetter
from types import BuiltinFunctionType, CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

from spanproof.checks.local_state import has_closure
from spanproof.checks.proving.cuts import PARTS, part_class
from spanproof.checks.proving.heaps import attributes, made, members
from spanproof.checks.proving.unlike import NAMED, instructions, operations, unlike
from spanproof.impl.access import Cell, Cells, Lock, World
from spanproof.impl.ranges import AtomicOffAddr
from spanproof.impl.span import Span
from spanproof.model import words
from spanproof.model.geometry import Geometry
from spanproof.model.releases import Release

FROZEN: Any = frozenset({Cell, Cells, Lock, World, AtomicOffAddr, Geometry, Release, bool, int, str, type(None)})
"""Classes whose values cannot change, besides tuples, sets and frozen dataclasses of such; others may."""
DESCRIPTORS: Any = (MemberDescriptorType, GetSetDescriptorType)
PURE = frozenset({"immutables", "math"})
"""Modules of libraries that keep no state, and give the same for a symbol as for a number, or fail."""
VOCABULARY = frozenset({Cell.__module__, Span.__module__})
"""Where the words stand that every text is written in; proofs give them their meaning."""
SPECIAL = frozenset(f"__{name}__" for name in ("getattribute", "getattr", "new", "call", "del"))
"""Methods that Python calls where the text shows nothing."""


@cache
def hidden(heap_class: Any) -> tuple[str, ...]:
    """What the heap has that could hold state, or act unseen, in a line each."""
    return tuple(dict.fromkeys((*_of_objects(made(heap_class)), *_of_classes(heap_class))))


def _of_objects(heap: Any) -> Iterator[str]:
    """Attributes of the heap and of its parts, which may also stand before functions of the class."""
    for prefix, owner in (("", heap), *((f"{part}.", attrgetter(part)(heap)) for part in PARTS)):
        for name in sorted(attributes(owner) - set(PARTS)):
            value: Any = getattr(owner, name, None)
            if not _frozen(value):
                yield f"{prefix}{name} could hold state, and is no cell"
            yield from _of_value(f"{prefix}{name}", value, set())


def _of_classes(heap_class: Any) -> Iterator[str]:
    """Members of the classes, and what their functions reach by name."""
    for name, member in members(heap_class):
        found = member.fget if isinstance(member, property) else member
        if isinstance(found, FunctionType):
            yield from _of_function(name, found, set()) if name.rpartition(".")[2] != "fresh" else ()
        elif isinstance(found, type) and name not in PARTS.values():
            yield from _of_class(name, found, set())
        elif name not in PARTS.values() and not isinstance(found, DESCRIPTORS) and not _frozen(found):
            yield f"{name} is no plain function: what it does cannot be read"
    owners: list[type] = [heap_class, *(part_class(heap_class, part) for part in PARTS)]
    for cls in (cls for owner in owners for cls in owner.__mro__ if cls is not object):
        yield from (f"{cls.__name__}.{special} acts unseen" for special in sorted(SPECIAL & set(vars(cls))))


def _of_function(name: str, function: FunctionType, seen: set[Any], *, decides: bool = False) -> Iterator[str]:
    """State that a function reaches by a closure, a default or a global name."""
    if function in seen:
        return
    seen.add(function)
    coroutine = inspect.iscoroutinefunction(function)
    yield from unlike(name, function, decides=decides or coroutine)
    if function.__code__.co_freevars:
        yield f"{name} {has_closure(function.__code__)}"
    if inspect.isgeneratorfunction(function):
        yield f"{name} is a generator: what it does cannot be read"
    if inspect.iscoroutinefunction(function) and (function.__defaults__ or function.__kwdefaults__):
        yield f"{name} has a parameter with a default, of which its proof sees one value only"
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    if not all(_frozen(value) for value in defaults):
        yield f"{name} has a default that could hold state"
    performed = operations(function)
    for used in sorted(_globals(function.__code__)):
        value = function.__globals__.get(used)
        if isinstance(value, FunctionType) and value.__module__ == words.__name__:
            continue  # concrete words, and what stands for them in proofs: tests hold the two together
        if isinstance(value, FunctionType) and not _of_library(value):
            yield from _of_function(name, value, seen, decides=used in performed or (decides and not coroutine))
        elif isinstance(value, type):
            yield from _of_class(name, value, seen)
        elif not _is_pure(value) and not _frozen(value):
            yield f"{name} uses {used}, which could hold state and is no cell"
        else:
            yield from _of_value(name, value, seen)


def _of_value(name: str, value: Any, seen: set[Any]) -> Iterator[str]:
    """The functions that a value has by its class."""
    if is_dataclass(value) and not isinstance(value, type) and type(value) not in FROZEN:
        yield from _of_class(name, type(value), seen)


def _of_library(function: Any) -> bool:
    return str(function.__module__).partition(".")[0] in sys.stdlib_module_names


def _is_pure(value: Any) -> bool:
    """A module that keeps no state, a function of one, or dataclasses.replace."""
    if isinstance(value, ModuleType):
        return value.__name__ in PURE
    return value is replace or (isinstance(value, BuiltinFunctionType | FunctionType) and value.__module__ in PURE)


def _of_class(name: str, cls: type, seen: set[Any]) -> Iterator[str]:
    """Attributes of a class that functions use, and its own functions, but for those that Python calls."""
    library = cls.__module__.partition(".")[0] in sys.stdlib_module_names | PURE
    if cls in seen or library or cls.__module__ in VOCABULARY:
        return
    seen.add(cls)
    for attribute, value in vars(cls).items():
        found = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if attribute.startswith("_"):
            continue
        if isinstance(found, FunctionType):
            yield from _of_function(f"{name}, by way of {cls.__name__}.{attribute},", found, seen, decides=True)
        elif not isinstance(found, (type, *DESCRIPTORS)) and not _frozen(found):
            yield f"{name} uses {cls.__name__}, whose {attribute} could hold state and is no cell"


def _globals(code: CodeType) -> set[str]:
    """The global names that a code uses, those of functions within it included."""
    return {i.argval for i in instructions(code) if i.opname in NAMED}


def _frozen(value: Any) -> bool:
    """Whether a value cannot change, by its very class."""
    parts: list[Any] = list(value) if type(value) in {tuple, frozenset} else []
    if isinstance(value, Enum):
        parts = [value.value]
    elif is_dataclass(value) and not isinstance(value, type) and type(value) not in FROZEN:
        parts = [getattr(value, f.name) for f in fields(value)] if _is_sealed(type(value)) else [object()]
    elif type(value) not in {tuple, frozenset}:
        return type(value) in FROZEN
    return all(_frozen(part) for part in parts)


def _is_sealed(cls: type) -> bool:
    """A frozen dataclass."""
    return bool(vars(cls)["__dataclass_params__"].frozen) if "__dataclass_params__" in vars(cls) else False
