"""State that lies in no cell, and members that are no plain functions: neither shows in the text of a coroutine.

A heap that has any is not claimed anything of. Read next: closed_world.py.
"""

import builtins
import dis
import inspect
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import BuiltinFunctionType, CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

from spanproof.checks.proving.cuts import PARTS
from spanproof.checks.proving.heaps import attributes, made, members
from spanproof.impl.access import Cell, Cells
from spanproof.impl.ranges import AtomicOffAddr
from spanproof.model import words
from spanproof.model.geometry import Geometry
from spanproof.model.releases import Release

FROZEN: Any = (Cell, Cells, AtomicOffAddr, Geometry, Release, bool, int, str, Enum, type(None))
"""What cannot change, besides tuples and sets of it."""
NAMED = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
DESCRIPTORS: Any = (MemberDescriptorType, GetSetDescriptorType)
PURE = frozenset({"dataclasses", "immutables", "math", "operator"})
"""Modules of libraries that keep no state."""
BUILTINS = frozenset(
    {abs, all, any, bool, divmod, enumerate, int, len, max, min, range, reversed, sorted, sum, tuple, zip}
)
"""Built-in functions that give the same for a symbol as for the number in its place, or fail."""
SPECIAL = frozenset(f"__{name}__" for name in ("getattribute", "getattr", "new", "call", "del"))
"""Methods that Python calls where the text shows nothing."""
CHANGES = frozenset(f"{verb}_{what}" for verb in ("STORE", "DELETE") for what in ("ATTR", "GLOBAL", "SUBSCR"))
"""Instructions that change what is no local."""


@cache
def hidden(heap_class: Any) -> tuple[str, ...]:
    """What the heap has that could hold state, or act unseen, in a line each."""
    return tuple(dict.fromkeys((*_of_objects(made(heap_class)), *_of_classes(heap_class))))


def _of_objects(heap: Any) -> Iterator[str]:
    """Attributes of the heap and of its parts, which may also stand before functions of the class."""
    for prefix, owner in (("", heap), *((f"{part}.", getattr(heap, part)) for part in PARTS)):
        for name in sorted(attributes(owner) - set(PARTS)):
            if not _frozen(getattr(owner, name, None)):
                yield f"{prefix}{name} could hold state, and is no cell"


def _of_classes(heap_class: Any) -> Iterator[str]:
    """Members of the classes, and what their functions reach by name."""
    for name, member in members(heap_class):
        found = member.fget if isinstance(member, property) else member
        if isinstance(found, FunctionType):
            yield from _of_function(name, found, set())
        elif name not in PARTS.values() and not isinstance(found, DESCRIPTORS) and not _frozen(found):
            yield f"{name} is no plain function: what it does cannot be read"
    owners: list[type] = [heap_class, *(getattr(heap_class, owner) for owner in PARTS.values())]
    for cls in (cls for owner in owners for cls in owner.__mro__ if cls is not object):
        yield from (f"{cls.__name__}.{special} acts unseen" for special in sorted(SPECIAL & set(vars(cls))))


def _of_function(name: str, function: FunctionType, seen: set[Any]) -> Iterator[str]:
    """State that a function reaches by a closure, a default or a global name."""
    if function in seen:
        return
    seen.add(function)
    if function.__code__.co_freevars:
        yield f"{name} has a closure, which could hold state"
    if inspect.isgeneratorfunction(function):
        yield f"{name} is a generator: what it does cannot be read"
    if inspect.iscoroutinefunction(function) and (function.__defaults__ or function.__kwdefaults__):
        yield f"{name} has a parameter with a default, of which its proof sees one value only"
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    if not all(_frozen(value) for value in defaults):
        yield f"{name} has a default that could hold state"
    yield from _of_code(name, function)
    for used in sorted(_globals(function.__code__)):
        value = function.__globals__.get(used)
        if isinstance(value, FunctionType) and value.__module__ == words.__name__:
            continue  # concrete words, and what stands for them in proofs: tests hold the two together
        if isinstance(value, FunctionType) and not _of_library(value):
            yield from _of_function(name, value, seen)
        elif isinstance(value, type):
            yield from _of_class(name, value)
        elif not _is_pure(value) and not _frozen(value):
            yield f"{name} uses {used}, which could hold state and is no cell"


def _of_code(name: str, function: FunctionType) -> Iterator[str]:
    """Ways to change what is no local, and ways to tell a symbol from a number."""
    for i in _instructions(function.__code__):
        if i.opname in CHANGES or i.opname.startswith("IMPORT"):
            yield f"{name} changes {i.argval or 'a part of a value'}, which is no cell"
        elif i.opname.startswith("LOAD") and i.opname != "LOAD_CONST" and _tells(i, function):
            yield f"{name} uses {i.argval}, which may differ from proof to run"


def _tells(i: dis.Instruction, function: FunctionType) -> bool:
    """Whether a name may tell a symbol from a number: a special one, or built in, but for kinds of errors."""
    used = str(i.argval)
    if i.opname not in NAMED or used in function.__globals__ or not hasattr(builtins, used):
        return used.startswith("__")
    value = getattr(builtins, used)
    return value not in BUILTINS and not (isinstance(value, type) and issubclass(value, BaseException))


def _of_library(function: Any) -> bool:
    return str(function.__module__).partition(".")[0] in sys.stdlib_module_names


def _is_pure(value: Any) -> bool:
    """A module that keeps no state, or a function of one."""
    if isinstance(value, ModuleType):
        return value.__name__ in PURE or value.__name__.partition(".")[0] == "spanproof"
    return isinstance(value, BuiltinFunctionType | FunctionType) and value.__module__ in PURE


def _of_class(name: str, cls: type) -> Iterator[str]:
    """Attributes of a class that functions use."""
    plain: Any = (FunctionType, property, staticmethod, classmethod, type, *DESCRIPTORS)
    if cls.__module__.partition(".")[0] in sys.stdlib_module_names | PURE:
        return
    for attribute, value in vars(cls).items():
        if not attribute.startswith("_") and not isinstance(value, plain) and not _frozen(value):
            yield f"{name} uses {cls.__name__}, whose {attribute} could hold state and is no cell"


def _globals(code: CodeType) -> set[str]:
    """The global names that a code uses, those of functions within it included."""
    return {i.argval for i in _instructions(code) if i.opname in NAMED}


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    yield from dis.get_instructions(code)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _instructions(inner)


def _frozen(value: Any) -> bool:
    parts: list[Any] = list(value) if isinstance(value, tuple | frozenset) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, tuple | frozenset):
        return all(_frozen(part) for part in parts)
    if is_dataclass(value) and not isinstance(value, type) and vars(type(value))["__dataclass_params__"].frozen:
        return all(_frozen(getattr(value, f.name)) for f in fields(value))
    return isinstance(value, FROZEN)
