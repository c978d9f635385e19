"""Small changes of one statement, or of a few in a row: what systematic faults are made of.

Each gives, for a list of statements and a place in it, how many statements it takes from there on and what stands there
instead, in words and as a tree. Where the change shows only now and then (at a bound, where a compare-and-swap fails), it
also gives a text that throws just then. Read next: generating.py.
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
    probe: tuple[ast.stmt, ...] = ()
    """What stands there instead to see whether it ever matters: it throws where the change would be felt."""


REACHED = "the edited place is reached"
_THROW = f"__import__('spanproof.impl.access', fromlist=['Throw']).Throw('{REACHED}')"
"""In a text that may not have the name."""
THROWS = ast.parse(f"raise {_THROW}").body[0]
_THROWN = ast.parse(f"(_ for _ in ()).throw({_THROW})", mode="eval").body
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
    for nth, expression in enumerate(_own(statement)):
        if isinstance(expression, ast.IfExp):
            says = f"`{ast.unparse(expression.test)}` in an expression is negated"
            yield Change("chosen", says, 1, (_with(statement, nth, _other_choice),))


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
        node.left = ast.IfExp(same, copy.deepcopy(_THROWN), whole)
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
    kind = _written(statement)
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


MUTATORS: tuple[Mutator, ...] = (conditions, bounds, swaps, locks, stores, plains, parted)


def changes(body: Sequence[ast.stmt], i: int, loaded: frozenset[str] = frozenset()) -> Iterator[Change]:
    """All changes at a place. loaded: as for `reloads`."""
    for mutator in MUTATORS:
        yield from mutator(body, i)
    yield from reloads(body, i, loaded)
