"""A coroutine that is called and not awaited does nothing, and Python says nothing of it: the likeliest slip in a heap.

Which calls are awaited is read off the reference's own text: what it always awaits, a heap of a user's must too.
Read next: subject.py.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import spanproof.impl

FOLDER = Path(spanproof.impl.__file__).parent
PLAIN = frozenset(name for kind in (set, dict, list, str) for name in dir(kind))
"""What Python's own values are asked by the same names, such as add."""


def forgotten(text: str) -> str:
    """Where a coroutine of a file first calls what must be awaited, and does not await it; empty if nowhere.

    Raises:
        SyntaxError: the text is no Python.

    """
    tree, (always, never) = ast.parse(text), awaited_names()
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)} - never
    for name, line, is_awaited in sorted(_calls(tree), key=lambda call: call[1]):
        if not is_awaited and name in always | own:
            return f"line {line} calls {name} and does not await it, so nothing is done"
    return ""


@cache
def awaited_names() -> tuple[frozenset[str], frozenset[str]]:
    """The names that the reference's coroutines await wherever they call them, and those that may not be coroutines."""
    files = sorted(FOLDER.glob("*.py"))
    calls = [call for file in files for call in _calls(ast.parse(file.read_text(encoding="utf-8")))]
    never = frozenset({name for name, _, is_awaited in calls if not is_awaited} | PLAIN)
    return frozenset(name for name, _, is_awaited in calls if is_awaited) - never, never


def _calls(tree: ast.AST) -> Iterator[tuple[str, int, bool]]:
    """The calls in coroutines: whose name, in which line, and whether awaited."""
    for coroutine in (node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)):
        awaited = {id(node.value) for node in ast.walk(coroutine) if isinstance(node, ast.Await)}
        for node in ast.walk(coroutine):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                yield name, node.lineno, id(node) in awaited
