"""Systematic faults, made from the syntax trees of the reference heap: each place, each small change.

A place is found again by its statements: as many of those before it as it takes to be the only such place in its
function. So the edits follow the text. Read next: mutators.py.
"""

import ast
import re
from collections.abc import Iterator, Sequence

from spanproof.checks.faults.edit import Edit, functions, occurrences
from spanproof.checks.faults.fault import Fault, Origin
from spanproof.checks.faults.mutators import Change, bodies_and_loads, changes

LEFT_OUT = frozenset({"__str__", "__repr__", "__setattr__", "__init__", "fresh", "_runs", "count", "at"})
"""Functions of the text that show, make or name things: no algorithm of Go's."""


def generated() -> tuple[Fault, ...]:
    """All of them, function by function in reading order."""
    return tuple(fault for function in functions() for fault in _of_function(*function))


def _of_function(owner: str, name: str, tree: ast.Module) -> Iterator[Fault]:
    if name in LEFT_OUT:
        return
    counts: dict[str, int] = {}
    for body, loaded in bodies_and_loads(tree):
        for i in range(len(body)):
            for change in changes(body, i, loaded):
                counts[change.kind] = counts.get(change.kind, 0) + 1
                start = _start(tree, body, i, change)
                if start is not None:
                    nth = counts[change.kind]
                    slug = re.sub(r"\W+", "_", f"{owner} {name} {change.kind} {nth}").lower().strip("_")
                    yield _fault(slug, f"{owner}.{name}", (body[start:i], body[i : i + change.length]), change)


def _fault(slug: str, function: str, old: tuple[list[ast.stmt], list[ast.stmt]], change: Change) -> Fault:
    """The change as a fault; `old` is what stands before the change to find its place by, and what is changed."""
    before, changed = old
    edit = Edit(function, _text([*before, *changed]), _text([*before, *change.new]))
    probe = (Edit(function, edit.old, _text([*before, *change.probe])),) if change.probe else ()
    return Fault(
        slug,
        f"{function}: {change.says}",
        "",
        "generated",
        "",
        (edit,),
        Origin.GENERATED,
        probe=probe,
        kind=change.kind,
    )


def _start(tree: ast.Module, body: Sequence[ast.stmt], i: int, change: Change) -> int | None:
    """How far back a run of statements goes that ends with the change and occurs once; None if none does."""
    ends = i + change.length
    return next((i - n for n in range(i + 1) if occurrences(tree, body[i - n : ends]) == 1), None)


def _text(statements: Sequence[ast.stmt]) -> str:
    return "\n".join(ast.unparse(statement) for statement in statements)
