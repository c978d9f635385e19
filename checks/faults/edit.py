"""Edits a function of the reference heap by its syntax tree, and makes a heap that runs the edited text.

An edit names a function, the statements or the expression to replace, and what to put there. It must match exactly
once, so an edit that the reference has outgrown is an error and not a silent no-op. Read next: corpus.py.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from spanproof.checks.faults import copies
from spanproof.checks.text import compiled, tree_of
from spanproof.impl import growth, heap, heap_pages, malloc, mspans, os_memory, sweep
from spanproof.impl.malloc import Runtime

_TEXT = (heap, growth, heap_pages, malloc, mspans, os_memory, sweep)
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


def _function(owner: str, name: str) -> Any:
    for module in _TEXT:
        cls = vars(module).get(owner)
        if inspect.isclass(cls) and name in vars(cls):
            return vars(cls)[name]
    raise EditError(f"{owner}.{name}: no such function in the reference heap")


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
    of_os: dict[str, Any] = {}
    for (owner, name), found in by_function.items():
        if (owner, name) not in below:
            (of_os if owner == OS else members)[name] = _edited(_function(owner, name), found)
    if of_os:
        members[OS] = type(OS, (getattr(base, OS),), {"__slots__": (), **of_os})
    return type(base.__name__, (base,), members)


def _apply_all(edits: list[Edit], tree: ast.Module) -> None:
    for edit in edits:
        _apply(tree, edit)
