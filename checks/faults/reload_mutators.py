"""Changes of what is read twice: the second time is left out. Read next: generating.py."""

import ast
import copy
from collections.abc import Iterator, Sequence

from spanproof.checks.faults.change import LOADS, THROWS, Change, access_of


def reloads(body: Sequence[ast.stmt], i: int, loaded: frozenset[str] = frozenset()) -> Iterator[Change]:
    """A word that was read is not read again: the last of two reads into one name goes.

    loaded: names that were read into before this list of statements began.
    """
    match body[i]:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if access_of(value) in LOADS:
            if name not in loaded.union(*map(_bound, body[:i])):
                return
            other = ast.parse(f"if {name} != _before: pass").body[0]
            assert isinstance(other, ast.If)
            other.body = [copy.deepcopy(THROWS)]
            probe = (ast.parse(f"_before = {name}").body[0], copy.deepcopy(body[i]), other)
            yield Change("not reloaded", f"{name} is not read again", 1, (ast.Pass(),), probe)
        case _:
            pass


def _bound(statement: ast.stmt) -> frozenset[str]:
    """The names that a statement reads shared words into, whichever way it goes."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if access_of(value) in LOADS:
            return frozenset({name})
        case ast.If(body=body, orelse=orelse):
            return frozenset[str]().union(*map(_bound, body)) & frozenset[str]().union(*map(_bound, orelse))
        case _:
            return frozenset()


def bodies_and_loads(
    tree: ast.AST, loaded: frozenset[str] = frozenset()
) -> Iterator[tuple[list[ast.stmt], frozenset[str]]]:
    """Every list of statements in a tree, with the names that shared words were read into before it."""
    for name in ("body", "orelse", "finalbody"):
        body: list[ast.stmt] = getattr(tree, name, [])
        if not body:
            continue
        yield body, loaded
        known = loaded
        for statement in body:
            yield from bodies_and_loads(statement, known)
            known |= _bound(statement)


def loop_reloads(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """A word that is read each time round a loop is read once, before it."""
    loop = body[i]
    if not isinstance(loop, ast.While):
        return
    for nth, statement in enumerate(loop.body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if access_of(value) in LOADS:
                if _names(value) & _assigned(loop):
                    continue  # another word each time
                before, others = copy.deepcopy(statement), copy.deepcopy(loop)
                others.body = [*others.body[:nth], *others.body[nth + 1 :]] or [ast.Pass()]
                yield Change("read_once", f"{name} is read once, before the loop", 1, (before, others))
            case _:
                pass


def _names(tree: ast.AST) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def _assigned(tree: ast.AST) -> frozenset[str]:
    """The names that statements of a tree bind."""
    return frozenset(n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
