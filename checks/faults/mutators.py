"""Small changes of one statement, or of a few in a row: what systematic faults are made of.

Each gives, for a list of statements and a place in it, how many statements it takes from there on and what stands there
instead, in words and as a tree. Where the change shows only now and then (at a bound, where a compare-and-swap fails), it
also gives a text that throws just then. Read next: generating.py.
"""

import ast
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence

from spanproof.checks.faults.change import THROWN, THROWS, WRITES, Change, Mutator, access_of, written
from spanproof.checks.faults.lock_mutators import locks, locks_let_go, locks_of_a_function
from spanproof.checks.faults.reload_mutators import loop_reloads, reloads

PLAIN = {"load": "read", "store": "write"}
OBJECTS = frozenset({"self", "cursor", "self.search_addr_bg", "self.search_addr_force"})
"""What has methods named as accesses are."""
BOUNDS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}


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
    for nth, expression in enumerate(_own(statement)):
        if isinstance(expression, ast.IfExp):
            says = f"`{ast.unparse(expression.test)}` in an expression is negated"
            yield Change("chosen", says, 1, (_with(statement, nth, _other_choice),))
    for nth, part in enumerate(_filters(statement)):
        other = copy.deepcopy(statement)
        which = list(_filters(other))[nth]
        which.ifs = [ast.UnaryOp(ast.Not(), ast.BoolOp(ast.And(), which.ifs) if len(which.ifs) > 1 else which.ifs[0])]
        yield Change("filtered", f"`{ast.unparse(part.ifs[0])}` in a comprehension is negated", 1, (other,))


def _filters(statement: ast.stmt) -> Iterator[ast.comprehension]:
    """The comprehensions of a statement's own expressions that leave something out."""
    for expression in _own(statement):
        yield from (part for part in getattr(expression, "generators", ()) if part.ifs)


def _other_choice(node: ast.expr) -> None:
    assert isinstance(node, ast.IfExp)
    node.test = ast.UnaryOp(ast.Not(), node.test)


def bounds(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """A bound is off by one: < for <=, or one more or less is added."""
    for nth, expression in enumerate(_own(body[i])):
        if isinstance(expression, ast.Compare) and len(expression.ops) == 1 and type(expression.ops[0]) in BOUNDS:
            says = f"`{ast.unparse(expression)}` is off by one"
            yield Change(
                "bound", says, 1, (_with(body[i], nth, _other_bound),), _at_the_bound(body[i], nth, expression)
            )
        if _adds_one(expression):
            yield Change("one", f"`{ast.unparse(expression)}` is one off", 1, (_with(body[i], nth, _nothing_added),))


def _at_the_bound(statement: ast.stmt, nth: int, compared: ast.expr) -> tuple[ast.stmt, ...]:
    """Throw where both sides are equal; nothing where looking twice would be another access."""
    assert isinstance(compared, ast.Compare)
    if any(isinstance(node, ast.Await) for node in ast.walk(compared)):
        return ()

    def equal(node: ast.expr) -> None:
        assert isinstance(node, ast.Compare)
        same = ast.Compare(node.left, [ast.Eq()], node.comparators)
        whole = copy.deepcopy(compared)
        node.left = ast.IfExp(same, copy.deepcopy(THROWN), whole)
        node.ops, node.comparators = [ast.Is()], [ast.Constant(True)]

    return (_with(statement, nth, equal),)


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


def swaps(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """Two writes of shared words, one after the other, change places."""
    if i + 1 < len(body) and written(body[i]) in WRITES and written(body[i + 1]) in WRITES:
        first, second = copy.deepcopy(body[i]), copy.deepcopy(body[i + 1])
        yield Change("swapped", f"`{ast.unparse(second)}` comes before `{ast.unparse(first)}`", 2, (second, first))


def stores(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """A compare-and-swap becomes a store."""
    statement, then = body[i], list[ast.stmt]()
    match statement:
        case ast.Expr(value=value) if access_of(value) == "compare_and_swap":
            swap = value
        case ast.If(test=test) if access_of(test) == "compare_and_swap":
            swap, then = test, [copy.deepcopy(s) for s in statement.body]
        case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=test)) if access_of(test) == "compare_and_swap":
            swap = test
        case ast.Assign(targets=[target], value=value) if access_of(value) == "compare_and_swap":
            swap = value
            then = [ast.Assign([copy.deepcopy(target)], ast.Constant(True), lineno=0)]
            failed: ast.stmt = ast.Assign([copy.deepcopy(target)], copy.deepcopy(swap), lineno=0)
            lost = ast.If(ast.UnaryOp(ast.Not(), copy.deepcopy(target)), [copy.deepcopy(THROWS)], [])
            yield Change("stored", f"`{ast.unparse(swap)}` is a store", 1, (_stored(swap), *then), (failed, lost))
            return
        case _:
            return
    failed = ast.If(ast.UnaryOp(ast.Not(), copy.deepcopy(swap)), [copy.deepcopy(THROWS)], [])
    yield Change("stored", f"`{ast.unparse(swap)}` is a store", 1, (_stored(swap), *then), (failed, *then))


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


COMBINED: Mapping[str, type[ast.operator]] = {"add": ast.Add, "or8": ast.BitOr, "and8": ast.BitAnd}
"""Atomics that read, combine and write."""


def parted(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """An atomic that reads and writes is a plain read and a plain write: what somebody else writes between is lost."""
    statement = body[i]
    kind = written(statement)
    if kind not in COMBINED:
        return
    made = copy.deepcopy(statement)
    match made:
        case ast.Expr(value=ast.Await(value=ast.Call(func=ast.Attribute() as function, args=[argument]) as call)):
            cell = copy.deepcopy(function.value)
            read = ast.Await(ast.Call(ast.Attribute(cell, "read", ast.Load()), [], []))
            was = ast.Assign([ast.Name("_was", ast.Store())], read, lineno=0)
            call.args = [ast.BinOp(ast.Name("_was", ast.Load()), COMBINED[kind](), argument)]
            function.attr = "write"
            yield Change("parted", f"`{ast.unparse(statement)}` reads and writes in two steps", 1, (was, made))
        case _:
            return


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


MUTATORS: tuple[Mutator, ...] = (
    conditions,
    bounds,
    swaps,
    locks,
    locks_let_go,
    locks_of_a_function,
    stores,
    plains,
    parted,
    loop_reloads,
)


def changes(body: Sequence[ast.stmt], i: int, loaded: frozenset[str] = frozenset()) -> Iterator[Change]:
    """All changes at a place. loaded: as for `reloads`."""
    for mutator in MUTATORS:
        yield from mutator(body, i)
    yield from reloads(body, i, loaded)
