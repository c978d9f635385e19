"""Copies of the page allocator's modules in which functions are edited.

Its text is plain functions and methods of values, which call each other by name; so the module of an edited one is run
again with the edit, and so is every module that imports it. The heap's own text and what all share (access.py, the
geometry) stay. Read next: edit.py.
"""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from spanproof.checks.text import carry
from spanproof.impl import page_alloc, page_cache, page_tree, palloc_bits, ranges, scavenge, scavenge_index

LAYERS: Mapping[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (ranges, palloc_bits, page_tree, scavenge_index, page_alloc, page_cache, scavenge)
}
"""The modules, each before those that import it."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
Edited = Mapping[tuple[str, str], Callable[[ast.Module], None]]
"""Per function, by its class or module and its name, what edits its tree in place."""


def functions() -> Iterator[tuple[str, str, ast.Module]]:
    """Every function of these modules: its class or module, its name, its tree."""
    for layer, module in LAYERS.items():
        tree = ast.parse(inspect.getsource(module))
        owners = [(layer, tree.body)]
        owners += [(node.name, node.body) for node in tree.body if isinstance(node, ast.ClassDef)]
        for owner, body in owners:
            yield from ((owner, node.name, ast.Module([node], [])) for node in body if isinstance(node, Function))


def is_there(owner: str, name: str) -> bool:
    """Whether these modules have the function."""
    return text_of(owner, name) is not None


def text_of(owner: str, name: str) -> tuple[str, ast.Module] | None:
    """The file and the tree of a function of these modules; None if they have none of that name."""
    for layer, module in LAYERS.items():
        node = _function(ast.parse(inspect.getsource(module)), layer, owner, name)
        if node is not None:
            return str(module.__file__), ast.Module([node], [])
    return None


def parts(edited: Edited) -> dict[str, type]:
    """The classes that a heap with the edited text has as its page allocator and its scavenge index."""
    copies: dict[str, dict[str, Any]] = {}
    for layer, module in LAYERS.items():
        tree = ast.parse(inspect.getsource(module))
        nodes = [(key, node) for key in edited if (node := _function(tree, layer, *key)) is not None]
        names = _imported(tree, copies)
        if not nodes and not names:
            continue
        for key, node in nodes:
            edited[key](ast.Module([node], []))
        copies[layer] = _run(tree, module, names)
        for (owner, name), node in nodes:
            holder: Any = copies[layer].__getitem__ if owner == layer else copies[layer][owner].__dict__.__getitem__
            carry(holder(name), ast.Module([node], []))
    return {
        "PageAlloc": copies.get("scavenge", vars(scavenge))["ScavengingPageAlloc"],
        "ScavengeIndex": copies.get("scavenge_index", vars(scavenge_index))["ScavengeIndex"],
    }


def _function(tree: ast.Module, layer: str, owner: str, name: str) -> Function | None:
    """The function of a module (owner is the module), or the method of one of its classes."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == owner]
    body = tree.body if owner == layer else classes[0].body if classes else []
    return next((node for node in body if isinstance(node, Function) and node.name == name), None)


def _imported(tree: ast.Module, copies: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What a module imports from copied ones; the imports are taken out of the tree."""
    names: dict[str, Any] = {}
    for node in list(tree.body):
        if isinstance(node, ast.ImportFrom):
            copied = copies.get(str(node.module).rpartition(".")[2])
            if copied is not None:
                names |= {alias.asname or alias.name: copied[alias.name] for alias in node.names}
                tree.body.remove(node)
    return names


def _run(tree: ast.Module, module: ModuleType, names: dict[str, Any]) -> dict[str, Any]:
    """Run a module's tree: its names."""
    scope: dict[str, Any] = {"__name__": module.__name__, "__file__": module.__file__, **names}
    exec(compile(ast.fix_missing_locations(tree), str(module.__file__), "exec"), scope)  # noqa: S102  # our own text
    return scope
