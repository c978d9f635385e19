"""Systematic faults, made from the syntax trees of the reference heap: each place, each small change.

A place is found again by its statements: as many of those before it as it takes to be the only such place in its
function. So the edits follow the text. Read next: mutators.py.
"""

import ast
import re
from collections.abc import Iterator, Sequence

from spanproof.checks.faults.edit import Edit, bodies, functions, occurrences
from spanproof.checks.faults.fault import Fault, Origin
from spanproof.checks.faults.mutators import MUTATORS, Change

LEFT_OUT = frozenset({"__str__", "__repr__", "__setattr__", "__init__", "fresh", "_runs", "count", "at"})
"""Functions of the text that show, make or name things: no algorithm of Go's."""


def generated() -> tuple[Fault, ...]:
    """All of them, function by function in reading order."""
    return tuple(fault for function in functions() for fault in _of_function(*function))


def _of_function(owner: str, name: str, tree: ast.Module) -> Iterator[Fault]:
    if name in LEFT_OUT:
        return
    counts: dict[str, int] = {}
    for body in bodies(tree):
        for i in range(len(body)):
            for change in (c for mutator in MUTATORS for c in mutator(body, i)):
                counts[change.kind] = counts.get(change.kind, 0) + 1
                edit = _edit(f"{owner}.{name}", tree, body, i, change)
                if edit is not None:
                    yield _fault(owner, name, counts[change.kind], change, edit)


def _fault(owner: str, name: str, nth: int, change: Change, edit: Edit) -> Fault:
    slug = re.sub(r"\W+", "_", f"{owner} {name} {change.kind} {nth}").lower().strip("_")
    says = f"{owner}.{name}: {change.says}"
    return Fault(slug, says, "", "generated", "", (edit,), Origin.GENERATED)


def _edit(function: str, tree: ast.Module, body: Sequence[ast.stmt], i: int, change: Change) -> Edit | None:
    """The edit, with as much around it as makes its place the only one; None if nothing does."""
    for before in range(i + 1):
        old = body[i - before : i + change.length]
        if occurrences(tree, old) == 1:
            new = (*body[i - before : i], *change.new)
            return Edit(function, _text(old), _text(new))
    return None


def _text(statements: Sequence[ast.stmt]) -> str:
    return "\n".join(ast.unparse(statement) for statement in statements)
