"""Systematic faults, made from the syntax trees of the reference heap: each place, each small change.

A place is found again by its statements: as many of those before it, or else after it, as it takes to be the only such
place in its function. So the edits follow the text. Read next: mutators.py.
"""

import ast
import re
from collections.abc import Iterator, Sequence

from spanproof.checks.faults.change import Change
from spanproof.checks.faults.edit import Edit, functions, occurrences
from spanproof.checks.faults.fault import Fault, Origin
from spanproof.checks.faults.mutators import changes
from spanproof.checks.faults.reload_mutators import bodies_and_loads

LEFT_OUT = frozenset({"__str__", "__repr__", "__setattr__", "__init__", "fresh", "_runs", "count", "at"})
"""Functions of the text that show, make or name things: no algorithm of Go's."""
Around = tuple[Sequence[ast.stmt], Sequence[ast.stmt], Sequence[ast.stmt]]
"""What stands before a change to find its place by, what is changed, and what stands after it."""


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
                around = _around(tree, body, i, change)
                if around is not None:
                    nth = counts[change.kind]
                    slug = re.sub(r"\W+", "_", f"{owner} {name} {change.kind} {nth}").lower().strip("_")
                    yield _fault(slug, f"{owner}.{name}", around, change)


def _fault(slug: str, function: str, around: Around, change: Change) -> Fault:
    """The change as a fault."""
    before, changed, after = around
    edit = Edit(function, _text([*before, *changed, *after]), _text([*before, *change.new, *after]))
    probe = (Edit(function, edit.old, _text([*before, *change.probe, *after])),) if change.probe else ()
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


def _around(tree: ast.Module, body: Sequence[ast.stmt], i: int, change: Change) -> Around | None:
    """The only run of statements in the tree that is like the one around the change; None if there is no such run."""
    ends = i + change.length
    runs = [(start, ends) for start in range(i, -1, -1)] + [(i, last) for last in range(ends + 1, len(body) + 1)]
    found = next((run for run in runs if occurrences(tree, body[slice(*run)]) == 1), None)
    return found and (body[found[0] : i], body[i:ends], body[ends : found[1]])


def _text(statements: Sequence[ast.stmt]) -> str:
    return "\n".join(ast.unparse(statement) for statement in statements)
