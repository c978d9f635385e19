"""Edits a function of the reference heap by its syntax tree, and makes a heap that runs the edited text.

An edit names a function, the statements or the expression to replace, and what to put there. It must match exactly
once, so an edit that the reference has outgrown is an error and not a silent no-op. Read next: corpus.py.
"""

import ast
import copy
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType
from typing import Any

from spanproof.checks.faults import copies
from spanproof.checks.text import compiled, tree_of
from spanproof.impl import growth, heap, heap_pages, malloc, marking, mspans, os_memory, sweep
from spanproof.impl.malloc import Runtime

_TEXT = (heap, growth, heap_pages, malloc, marking, mspans, os_memory, sweep)
OS = "OsMemory"
"""Where a heap names the class of its memory."""


class EditError(ValueError):
    """The edit does not fit the text: the function is not there, or the piece does not occur exactly once."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`function` is `Heap.grow` style for a method, `page_alloc.search` style for a function of a module.

    `old` and `new` are Python text: statements, or one expression. An empty `new` deletes.
    """

    function: str
    old: str
    new: str


def bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every list of statements in a tree."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                yield body


def _same(a: Any, b: Any) -> bool:
    """Whether two trees, or parts of them, are alike but for their places; told apart at the first difference."""
    if type(a) is not type(b):
        return False
    if isinstance(a, ast.AST):
        return all(_same(getattr(a, field, None), getattr(b, field, None)) for field in a._fields)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_same, a, b))  # pyright: ignore[reportUnknownArgumentType]
    return bool(a == b)


def _places(tree: ast.AST, old: Sequence[ast.stmt]) -> list[tuple[list[ast.stmt], int]]:
    """Where a run of statements equals `old`: (the list, the first of them)."""
    return [
        (body, start)
        for body in bodies(tree)
        for start in range(len(body) - len(old) + 1)
        if all(_same(a, b) for a, b in zip(body[start : start + len(old)], old, strict=True))
    ]


def occurrences(tree: ast.AST, old: Sequence[ast.stmt]) -> int:
    """How often a run of statements occurs in a tree."""
    return len(_places(tree, old))


def _replace_statements(tree: ast.AST, old: list[ast.stmt], new: list[ast.stmt]) -> int:
    """Replace every run of statements that equals `old`; how many there were."""
    found = _places(tree, old)
    for body, start in found:
        first = body[start]
        for node in (n for statement in new for n in ast.walk(statement)):
            ast.copy_location(node, first)
        body[start : start + len(old)] = new or [ast.copy_location(ast.Pass(), first)]
    return len(found)


class _ReplaceExpression(ast.NodeTransformer):
    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self.old, self.new, self.count = old, new, 0

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and _same(node, self.old):
            self.count += 1
            for part in ast.walk(self.new):
                ast.copy_location(part, node)
            return self.new
        return super().generic_visit(node)


def _apply(tree: ast.Module, edit: Edit) -> None:
    old, new = ast.parse(textwrap.dedent(edit.old)).body, ast.parse(textwrap.dedent(edit.new)).body
    count = _replace_statements(tree, old, new)
    if count == 0 and len(old) == len(new) == 1:
        match old[0], new[0]:
            case ast.Expr(value=before), ast.Expr(value=after):
                replacing = _ReplaceExpression(before, after)
                replacing.visit(tree)
                count = replacing.count
            case _:
                pass
    if count != 1:
        raise EditError(f"{edit.function}: {edit.old.strip()!r} occurs {count} times, not once")


def _edited(function: Any, edits: Sequence[Edit], names: Mapping[str, Any] | None = None) -> Any:
    """The function with the edits applied, in a copy of its module's names; tracebacks point into the original file."""
    tree = tree_of(function)
    for edit in edits:
        _apply(tree, edit)
    return compiled(tree, function, names)


def functions() -> Iterator[tuple[str, str, ast.Module]]:
    """Every function of the text that can be edited: its class or module, its name, its tree."""
    for module in _TEXT:
        for owner, name, function in _of_module(module):
            yield owner, name, tree_of(function)
    yield from copies.functions()


def _of_module(module: ModuleType) -> Iterator[tuple[str, str, Any]]:
    """A module's own functions, and those of the heap's classes that stand in it."""
    layer = module.__name__.rpartition(".")[2]
    for name, value in vars(module).items():
        if getattr(value, "__module__", "") != module.__name__:
            continue
        if inspect.isfunction(value):
            yield layer, name, value
        elif (inspect.isclass(value) and issubclass(Runtime, value)) or value is os_memory.OsMemory:
            yield from ((name, key, member) for key, member in vars(value).items() if _has_text(member, module))


def _has_text(member: Any, module: ModuleType) -> bool:
    """Whether it is a function that stands in the module: dataclasses make some that stand nowhere."""
    return inspect.isfunction(member) and member.__code__.co_filename == module.__file__


def _function(owner: str, name: str) -> Any:
    for module in _TEXT:
        for found in _of_module(module):
            if found[:2] == (owner, name):
                return found[2]
    raise EditError(f"{owner}.{name}: no such function in the reference heap")


def _text_of(edit: Edit) -> tuple[str, ast.Module]:
    """The file and the tree of the function that an edit is of."""
    owner, _, name = edit.function.rpartition(".")
    below = copies.text_of(owner, name)
    if below is not None:
        return below
    function = _function(owner, name)
    return function.__code__.co_filename, tree_of(function)


@cache
def _parsed(function: str) -> ast.Module:
    return _text_of(Edit(function, "", ""))[1]


def effect(edits: Iterable[Edit]) -> tuple[tuple[str, str], ...]:
    """What edits come to: per function its text afterwards. Two faults with the same effect are one.

    Raises:
        EditError: an edit does not match exactly once.

    """
    trees: dict[str, ast.Module] = {}
    for edit in edits:
        if edit.function not in trees:
            trees[edit.function] = copy.deepcopy(_parsed(edit.function))
        _apply(trees[edit.function], edit)
    return tuple(sorted((function, ast.dump(tree)) for function, tree in trees.items()))


def place_of(edit: Edit) -> tuple[str, str]:
    """The file and the name of the function that an edit is of."""
    return _text_of(edit)[0], edit.function.rpartition(".")[2]


def statement_of(edit: Edit) -> str:
    """The statements that an edit replaces; where it replaces an expression, the statement that has it."""
    tree = _text_of(edit)[1]
    old = ast.parse(textwrap.dedent(edit.old)).body
    if occurrences(tree, old):
        return edit.old
    (only,) = old
    assert isinstance(only, ast.Expr)
    having = [s for body in bodies(tree) for s in body if any(_same(node, only.value) for node in ast.walk(s))]
    return ast.unparse(having[-1])  # bodies are walked from outside in


def _callers(function: Any) -> dict[str, Any]:
    """The methods of a module's classes that name a function of the module."""
    module = next(m for m in _TEXT if m.__name__ == function.__module__)
    return {
        name: member
        for owner, name, member in _of_module(module)
        if inspect.isclass(vars(module).get(owner)) and function.__name__ in member.__code__.co_names
    }


def planted(edits: tuple[Edit, ...], base: type[Runtime] = Runtime) -> type[Runtime]:
    """A heap like `base` that runs the edited text.

    Raises:
        EditError: an edit does not match exactly once, or is one of a part that the heap has a text of its own for.

    """
    by_function: dict[tuple[str, str], list[Edit]] = {}
    for edit in edits:
        owner, _, name = edit.function.rpartition(".")
        by_function.setdefault((owner, name), []).append(edit)
    below = {key: partial(_apply_all, found) for key, found in by_function.items() if copies.is_there(*key)}
    members: dict[str, Any] = {}
    for part, cls in copies.parts(below).items() if below else ():
        if getattr(base, part) is not getattr(Runtime, part):
            raise EditError(f"{base.__name__} has a {part} of its own, which the edit is not of")
        members[part] = cls
    above = {key: found for key, found in by_function.items() if key not in below}
    owners = (OS, os_memory.__name__.rpartition(".")[2])
    of_os = _members({key: found for key, found in above.items() if key[0] in owners})
    members |= _members({key: found for key, found in above.items() if key[0] not in owners})
    if of_os:
        members[OS] = type(OS, (getattr(base, OS),), {"__slots__": (), **of_os})
    return type(base.__name__, (base,), members)


def _members(edits: Mapping[tuple[str, str], list[Edit]]) -> dict[str, Any]:
    """The methods of a heap that are other ones: those that are edited, and those that call an edited function."""
    found = {key: _function(*key) for key in edits}
    plain = {key: function for key, function in found.items() if "." not in function.__qualname__}
    names = {name: _edited(function, edits[owner, name]) for (owner, name), function in plain.items()}
    methods = {name: function for function in plain.values() for name, function in _callers(function).items()}
    methods |= {name: function for (owner, name), function in found.items() if (owner, name) not in plain}
    by_name = {name: edits[owner, name] for owner, name in edits if (owner, name) not in plain}
    return {name: _edited(function, by_name.get(name, ()), names) for name, function in methods.items()}


def _apply_all(edits: list[Edit], tree: ast.Module) -> None:
    for edit in edits:
        _apply(tree, edit)
