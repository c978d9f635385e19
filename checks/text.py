"""The text of a heap's functions as syntax trees: what faults edit, and what is cut and lifted for the proofs.

A function that was compiled from an edited tree carries that tree, so that every reading sees the edited text. Read
next: faults/edit.py, proving/cuts.py.
"""

import ast
import copy
import inspect
import textwrap
from collections.abc import Mapping
from typing import Any

_TREE = "spanproof_tree"


class TextError(Exception):
    """A function whose text cannot be found."""


def tree_of(function: Any) -> ast.Module:
    """A copy of the function's tree: a module that holds it alone, with the line numbers of its file.

    Raises:
        TextError: the function was made from no file.

    """
    carried: ast.Module | None = getattr(function, _TREE, None)
    if carried is not None:
        return copy.deepcopy(carried)
    try:
        source = inspect.getsource(function.__code__)  # of what runs, not of what it wraps
    except OSError as e:
        raise TextError(f"{function.__qualname__}: its text is in no file, so it cannot be read") from e
    tree = ast.parse(textwrap.dedent(source))
    return ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)


def compiled(tree: ast.Module, function: Any, names: Mapping[str, Any] | None = None) -> Any:
    """The function of that tree in place of `function`: its globals, with `names` added; tracebacks show its file."""
    scope = {**function.__globals__, **(names or {})}
    exec(compile(ast.fix_missing_locations(tree), function.__code__.co_filename, "exec"), scope)  # noqa: S102  # our own text
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    made = scope[definition.name]
    if definition.name in function.__globals__:
        scope[definition.name] = function.__globals__[definition.name]  # a function of the module, not this method
    carry(made, tree)
    return made


def carry(function: Any, tree: ast.Module) -> None:
    """Have a function that was compiled from an edited tree carry it."""
    function.__dict__[_TREE] = tree
