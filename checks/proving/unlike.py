"""What makes a text act otherwise when it is read with symbols than when it is run with numbers.

A text with any of it is not claimed anything of; it is looked for by name and by shape, not by analysis. Read next:
hidden.py.
"""

import ast
import builtins
import dis
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType

from spanproof.checks.text import tree_of

NAMED = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
BUILTINS = frozenset(
    {abs, all, any, bool, divmod, enumerate, int, len, max, min, range, reversed, sorted, sum, tuple, zip}
)
"""Built-in functions that give the same for a symbol as for the number in its place, or fail."""
CHANGES = frozenset(f"{verb}_{what}" for verb in ("STORE", "DELETE") for what in ("ATTR", "GLOBAL", "SUBSCR"))
"""Instructions that change what is no local."""
DECIDES = ast.If | ast.IfExp | ast.While | ast.BoolOp | ast.Compare | ast.comprehension
"""Decisions; that both ways of one are taken is seen in coroutines alone (arms.py)."""


def unlike(name: str, function: FunctionType, *, decides: bool) -> Iterator[str]:
    """What there is of it in a function, in a line each. decides: whether it may have decisions."""
    tree = tree_of(function)
    yield from (f"{name} uses {said}, which may differ from proof to run" for said in _shapes(tree))
    for i in instructions(function.__code__):
        if i.opname in CHANGES or i.opname.startswith("IMPORT"):
            yield f"{name} changes {i.argval or 'a part of a value'}, which is no cell"
        elif i.opname.startswith("LOAD") and i.opname != "LOAD_CONST" and _tells(i, function):
            yield f"{name} uses {i.argval}, which may differ from proof to run"
    if not decides and any(isinstance(node, DECIDES) for node in ast.walk(tree)):
        yield f"{name} decides in a function that is no coroutine: whether proofs take both ways is not seen"


def operations(function: FunctionType) -> frozenset[str]:
    """The functions that a coroutine has performed on cells, by name: they are run, or judged by running them."""
    if not inspect.iscoroutinefunction(function):
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(tree_of(function)):
        match node:
            case ast.Call(func=ast.Attribute(attr="update"), args=[ast.Name(id=operation), *_]):
                found.add(operation)
            case _:
                pass
    return frozenset(found)


def instructions(code: CodeType) -> Iterator[dis.Instruction]:
    """Those of a code and of functions within it."""
    yield from dis.get_instructions(code)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from instructions(inner)


def _tells(i: dis.Instruction, function: FunctionType) -> bool:
    """Whether a name may tell a symbol from a number: a special one, or built in, but for kinds of errors."""
    used = str(i.argval)
    if i.opname not in NAMED or used in function.__globals__ or not hasattr(builtins, used):
        return used.startswith("__")
    value = getattr(builtins, used)
    return value not in BUILTINS and not (isinstance(value, type) and issubclass(value, BaseException))


def _shapes(tree: ast.Module) -> Iterator[str]:
    """Other ways: by an error, a pattern, an identity, a text."""
    harmless = {id(n) for node in ast.walk(tree) if isinstance(node, ast.Raise) for n in ast.walk(node)}
    harmless |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    harmless |= {id(n) for node in ast.walk(tree) for a in _annotations(node) for n in ast.walk(a)}
    for node in ast.walk(tree):
        match node:
            case ast.Try() | ast.TryStar() | ast.Match():
                yield type(node).__name__.lower()
            case ast.Compare(ops=ops, left=left, comparators=others):
                by_identity = any(isinstance(op, ast.Is | ast.IsNot) for op in ops)
                if by_identity and not any(isinstance(e, ast.Constant) and e.value is None for e in (left, *others)):
                    yield f"an identity ({ast.unparse(node)})"
            case ast.JoinedStr() | ast.Constant(value=str()) if id(node) not in harmless:
                yield f"a text ({ast.unparse(node)})"
            case _:
                pass


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    """The annotations that a node has."""
    for field in ("annotation", "returns"):
        annotation = getattr(node, field, None)
        if annotation is not None:
            yield annotation
