"""Small changes of one statement, or of a few in a row: what systematic faults are made of.

Each gives, for a list of statements and a place in it, how many statements it takes from there on and what stands there
instead, in words and as a tree. Read next: generating.py.
"""

import ast
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """`length` statements from a place on become others."""

    kind: str
    says: str
    length: int
    new: tuple[ast.stmt, ...]


Mutator = Callable[[Sequence[ast.stmt], int], Iterator[Change]]
WRITES = frozenset({"write", "store", "or8", "and8", "add", "update"})
LOADS = frozenset({"load", "read"})
PLAIN = {"load": "read", "store": "write"}
OBJECTS = frozenset({"self", "cursor", "self.search_addr_bg", "self.search_addr_force"})
"""What has methods named as accesses are."""
BOUNDS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}


def access_of(node: ast.AST) -> str:
    """The kind of access that is awaited here: load, store, lock... or ""."""
    match node:
        case ast.Await(value=ast.Call(func=ast.Attribute(attr=kind))):
            return kind
        case _:
            return ""


def _own(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement that are not those of statements inside of it."""
    for part in ast.iter_child_nodes(statement):
        if isinstance(part, ast.expr):
            yield from (node for node in ast.walk(part) if isinstance(node, ast.expr))


def _with(statement: ast.stmt, nth: int, change: Callable[[ast.expr], None]) -> ast.stmt:
    """A copy of a statement of whose own expressions the nth is changed in place."""
    made = copy.deepcopy(statement)
    change(list(_own(made))[nth])
    return made


def conditions(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """A condition is negated."""
    statement = body[i]
    if isinstance(statement, ast.If | ast.While) and not isinstance(statement.test, ast.Constant):
        made = copy.deepcopy(statement)
        made.test = ast.UnaryOp(ast.Not(), made.test)
        yield Change("negated", f"`{ast.unparse(statement.test)}` is negated", 1, (made,))


def bounds(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """A bound is off by one: < for <=, or one more or less is added."""
    for nth, expression in enumerate(_own(body[i])):
        if isinstance(expression, ast.Compare) and len(expression.ops) == 1 and type(expression.ops[0]) in BOUNDS:
            yield Change("bound", f"`{ast.unparse(expression)}` is off by one", 1, (_with(body[i], nth, _other_bound),))
        if _adds_one(expression):
            yield Change("one", f"`{ast.unparse(expression)}` is one off", 1, (_with(body[i], nth, _nothing_added),))


def _other_bound(node: ast.expr) -> None:
    assert isinstance(node, ast.Compare)
    node.ops = [BOUNDS[type(node.ops[0])]()]


def _adds_one(node: ast.expr) -> bool:
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub(), right=ast.Constant(value=1)):
            return True
        case _:
            return False


def _nothing_added(node: ast.expr) -> None:
    assert isinstance(node, ast.BinOp)
    node.right = ast.Constant(0)


def _written(statement: ast.stmt) -> str:
    return access_of(statement.value) if isinstance(statement, ast.Expr) else ""


def swaps(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """Two writes of shared words, one after the other, change places."""
    if i + 1 < len(body) and _written(body[i]) in WRITES and _written(body[i + 1]) in WRITES:
        first, second = copy.deepcopy(body[i]), copy.deepcopy(body[i + 1])
        yield Change("swapped", f"`{ast.unparse(second)}` comes before `{ast.unparse(first)}`", 2, (second, first))


def locks(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """What a lock protects is not protected, or the lock is let go in its midst."""
    if _written(body[i]) != "lock":
        return
    end = next((j for j in range(i + 1, len(body)) if _written(body[j]) == "unlock"), 0)
    if not end:
        return
    inside = [copy.deepcopy(statement) for statement in body[i + 1 : end]]
    if inside:
        yield Change("unlocked", "the lock is not taken", end + 1 - i, tuple(inside))
    for cut in range(1, len(inside)):
        take, give = copy.deepcopy(body[i]), copy.deepcopy(body[end])
        parts = (take, *inside[:cut], copy.deepcopy(give), copy.deepcopy(take), *inside[cut:], give)
        yield Change("split", f"the lock is let go before `{_head(inside[cut])}`", end + 1 - i, parts)


def _head(statement: ast.stmt) -> str:
    """A statement's first line."""
    return ast.unparse(statement).partition("\n")[0]


def reloads(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """A word that was read is not read again: the last of two reads into one name goes."""
    match body[i]:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if access_of(value) in LOADS:
            if any(isinstance(s, ast.Assign | ast.While | ast.If) and name in _bound(s) for s in body[:i]):
                yield Change("not reloaded", f"{name} is not read again", 1, (ast.Pass(),))
        case _:
            pass


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement binds by a read of a shared word."""
    return {
        node.targets[0].id
        for node in ast.walk(statement)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and access_of(node.value) in LOADS
    }


def stores(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """A compare-and-swap becomes a store."""
    statement = body[i]
    match statement:
        case ast.Expr(value=value) if access_of(value) == "compare_and_swap":
            yield Change("stored", f"`{ast.unparse(value)}` is a store", 1, (_stored(value),))
        case ast.If(test=test) if access_of(test) == "compare_and_swap":
            then = [copy.deepcopy(s) for s in statement.body]
            yield Change("stored", f"`{ast.unparse(test)}` is a store", 1, (_stored(test), *then))
        case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=test)) if access_of(test) == "compare_and_swap":
            yield Change("stored", f"`{ast.unparse(test)}` is a store", 1, (_stored(test),))
        case _:
            pass


def _stored(swap: ast.expr) -> ast.stmt:
    made = copy.deepcopy(swap)
    assert isinstance(made, ast.Await)
    call = made.value
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    call.func.attr, call.args = "store", call.args[1:]
    return ast.Expr(made)


def plains(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """An atomic load or store is a plain one."""
    for nth, expression in enumerate(_own(body[i])):
        if access_of(expression) in PLAIN and not _of_an_object(expression):
            yield Change("plain", f"`{ast.unparse(expression)}` is plain", 1, (_with(body[i], nth, _made_plain),))


def _of_an_object(node: ast.expr) -> bool:
    """Whether this is no access of a cell, but a method of the same name: of a cursor, or of the index itself."""
    assert isinstance(node, ast.Await)
    assert isinstance(node.value, ast.Call)
    assert isinstance(node.value.func, ast.Attribute)
    owner = ast.unparse(node.value.func.value)
    return owner in OBJECTS


def _made_plain(node: ast.expr) -> None:
    assert isinstance(node, ast.Await)
    assert isinstance(node.value, ast.Call)
    assert isinstance(node.value.func, ast.Attribute)
    node.value.func.attr = PLAIN[node.value.func.attr]


MUTATORS: tuple[Mutator, ...] = (conditions, bounds, swaps, locks, reloads, stores, plains)
