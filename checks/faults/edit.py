"""Edits a function of the reference heap by its syntax tree, and makes a heap that runs the edited text.

An edit names a function, the statements or the expression to replace, and what to put there. It must match exactly
once, so an edit that the reference has outgrown is an error and not a silent no-op. Read next: corpus.py.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from spanproof.checks.text import compiled, tree_of, with_global
from spanproof.impl import heap, malloc, os_memory, page_alloc, sweep
from spanproof.impl.malloc import Runtime

_TEXT = (heap, malloc, os_memory, page_alloc, sweep)
MODULES: dict[str, ModuleType] = {m.__name__.rpartition(".")[2]: m for m in _TEXT}


PARTS = ("PageAlloc", "OsMemory")
"""Classes of a heap's own that it names as attributes."""


class EditError(ValueError):
    """The edit does not fit the text: the function is not there, or the piece does not occur exactly once."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`function` is `Heap.grow` style for a method, `page_alloc.find_and_allocate` style for a function of a module.

    `old` and `new` are Python text: statements, or one expression. An empty `new` deletes.
    """

    function: str
    old: str
    new: str


def _bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                yield body


def _same(a: ast.AST, b: ast.AST) -> bool:
    return ast.dump(a) == ast.dump(b)


def _replace_statements(tree: ast.AST, old: list[ast.stmt], new: list[ast.stmt]) -> int:
    """Replace every run of statements that equals `old`; how many there were."""
    found = [
        (body, start)
        for body in _bodies(tree)
        for start in range(len(body) - len(old) + 1)
        if all(_same(a, b) for a, b in zip(body[start : start + len(old)], old, strict=True))
    ]
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


def _edited(function: Any, edits: list[Edit]) -> Any:
    """The function with the edits applied, in a copy of its module's names; tracebacks point into the original file."""
    tree = tree_of(function)
    for edit in edits:
        _apply(tree, edit)
    return compiled(tree, function)


def _methods(cls: type) -> dict[str, Any]:
    found = {name: inspect.getattr_static(cls, name) for name in dir(cls)}
    return {name: method for name, method in found.items() if inspect.iscoroutinefunction(method)}


def _function(owner: str, name: str) -> Any:
    for module in MODULES.values():
        cls = vars(module).get(owner)
        if inspect.isclass(cls) and name in vars(cls):
            return vars(cls)[name]
    function = vars(MODULES[owner]).get(name) if owner in MODULES else None
    if function is None:
        raise EditError(f"{owner}.{name}: no such function in the reference heap")
    return function


def planted(edits: tuple[Edit, ...], base: type[Runtime] = Runtime) -> type[Runtime]:
    """A heap like `base` that runs the edited text.

    Raises:
        EditError: an edit does not match exactly once.

    """
    by_function: dict[str, list[Edit]] = {}
    for edit in edits:
        by_function.setdefault(edit.function, []).append(edit)
    of_heap: dict[str, Any] = {}
    of_parts: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for target, wanted in by_function.items():
        owner, _, name = target.partition(".")
        edited = _edited(_function(owner, name), wanted)
        if owner in MODULES:
            for methods, cls in ((of_heap, base), *((of_parts[part], getattr(base, part)) for part in PARTS)):
                users = {n: m for n, m in _methods(cls).items() if name in m.__code__.co_names}
                methods |= {n: with_global(methods.get(n, m), name, edited) for n, m in users.items()}
        else:
            (of_parts[owner] if owner in PARTS else of_heap)[name] = edited
    for part, methods in of_parts.items():
        if methods:
            of_heap[part] = type(part, (getattr(base, part),), {"__slots__": (), **methods})
    return type(base.__name__, (base,), of_heap)
