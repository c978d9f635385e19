"""The reference heap is written so that all three readings understand it: a lint of its text, with an example of each.

A symbolic word has no identity, no Python type and no use as an index or a bound. A local state has no closure, no
iterator and no half-evaluated expression.
"""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import CodeType

import pytest

from spanproof import impl
from spanproof.checks.local_state import HiddenStateError, refuse_hidden_state
from spanproof.impl.malloc import Runtime

FILES = sorted(Path(impl.__path__[0]).glob("*.py"))
GO_NAME = re.compile(r"\b[a-z][a-z0-9]*[A-Z]\w*|\b\w+\.go\b|\bm(?:heap|span|cache|central)\.\w+|\(runtime, \w+\)")
"""A name of Go's: camelCase, a file, a method of one of its types, a function of its runtime."""
Coroutine = ast.AsyncFunctionDef
NESTED = ast.FunctionDef | Coroutine | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def awaits(node: ast.AST) -> bool:
    """Whether the node holds an await."""
    return any(isinstance(n, ast.Await) for n in ast.walk(node))


def below(coroutine: Coroutine) -> Iterator[ast.AST]:
    """Every node of the body; annotations of parameters are none of it."""
    for statement in coroutine.body:
        yield from ast.walk(statement)


def loops_over_awaits(coroutine: Coroutine) -> Iterator[ast.AST]:
    """The iterator of a for loop, or what a with block keeps, is in no local."""
    kinds = ast.For | ast.AsyncFor | ast.With | ast.AsyncWith
    return (
        n for n in below(coroutine) if isinstance(n, kinds) and (awaits(n) or not isinstance(n, ast.For | ast.With))
    )


def identities(coroutine: Coroutine) -> Iterator[ast.AST]:
    """Two symbolic words that are equal need not be the same object."""
    for n in below(coroutine):
        if isinstance(n, ast.Compare):
            sides = [n.left, *n.comparators]
            for place, op in enumerate(n.ops):
                to_none = any(isinstance(s, ast.Constant) and s.value is None for s in sides[place : place + 2])
                if isinstance(op, ast.Is | ast.IsNot) and not to_none:
                    yield n


def type_tests(coroutine: Coroutine) -> Iterator[ast.AST]:
    """A symbolic word is no int."""
    names = {"isinstance", "issubclass", "type", "int", "bool"}
    return (
        n for n in below(coroutine) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in names
    )


def nested_functions(coroutine: Coroutine) -> Iterator[ast.AST]:
    """A closure keeps state in cells of Python's, which no key of a local state holds."""
    return (n for n in below(coroutine) if isinstance(n, NESTED))


def python_indices(coroutine: Coroutine) -> Iterator[ast.AST]:
    """Neither a range nor an index can be a symbolic word; cells are reached through `at`."""
    for n in below(coroutine):
        ranged = isinstance(n, ast.Name) and n.id in {"range", "enumerate", "slice"}
        indexed = isinstance(n, ast.Subscript) and not isinstance(n.slice, ast.Constant)
        if ranged or (indexed and n not in types(coroutine)):
            yield n


def types(coroutine: Coroutine) -> set[ast.AST]:
    """The annotations of locals, which are no expressions."""
    written = [n.annotation for n in below(coroutine) if isinstance(n, ast.AnnAssign)]
    return {n for annotation in written for n in ast.walk(annotation)}


def parts(e: ast.expr) -> Iterator[ast.expr]:
    """An expression without the operands that run, or do not run, after a decision: each of those is one by itself."""
    match e:
        case ast.BoolOp(values=values):
            for value in values:
                yield from parts(value)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            for part in (test, body, orelse):
                yield from parts(part)
        case _:
            yield e


def double_accesses(coroutine: Coroutine) -> Iterator[ast.AST]:
    """Two accesses in one expression: in which order they happen should be written down as statements."""
    for n in below(coroutine):
        if isinstance(n, ast.stmt):
            roots = [e for e in ast.iter_child_nodes(n) if isinstance(e, ast.expr)]
            for part in (part for e in roots for part in parts(e)):
                if sum(isinstance(inner, ast.Await) for inner in ast.walk(part)) > 1:
                    yield n


def names_no_go(coroutine: Coroutine) -> Iterator[ast.AST]:
    """Someone who knows mheap.go finds their way by Go's name, or by the word that there is none."""
    text = ast.get_docstring(coroutine) or ""
    if not GO_NAME.search(text) and "No Go counterpart" not in text:
        yield coroutine


@dataclass(frozen=True)
class Rule:
    """What is forbidden in coroutines, and a text in which it happens once."""

    find: Callable[[Coroutine], Iterator[ast.AST]]
    bad: str


RULES = (
    Rule(loops_over_awaits, "async def f(self):\n    for cell in self.cells:\n        await cell.load()"),
    Rule(loops_over_awaits, "async def f(self):\n    with self.locked:\n        await self.cell.load()"),
    Rule(identities, "async def f(self, a, b):\n    return a is b"),
    Rule(type_tests, "async def f(self, a):\n    return isinstance(a, int)"),
    Rule(nested_functions, "async def f(self, a):\n    return lambda: a"),
    Rule(nested_functions, "async def f(self, a):\n    return [x for x in a]"),
    Rule(python_indices, "async def f(self, n):\n    for i in range(n):\n        pass"),
    Rule(python_indices, "async def f(self, n):\n    return self.spans[n]"),
    Rule(double_accesses, "async def f(self):\n    return await self.a.load() + await self.b.load()"),
    Rule(double_accesses, "async def f(self):\n    await self.at(await self.a.load()).load()"),
    Rule(double_accesses, "async def f(self):\n    if await self.a.load() == await self.b.load():\n        pass"),
    Rule(names_no_go, 'async def f(self):\n    """See heap.py."""'),
)


def coroutines(tree: ast.AST) -> list[Coroutine]:
    """Every coroutine function of a text."""
    return [n for n in ast.walk(tree) if isinstance(n, Coroutine)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.find.__name__)
def test_rule_fires(rule: Rule) -> None:
    """Each rule sees the bad example that stands beside it."""
    (coroutine,) = coroutines(ast.parse(rule.bad))
    assert len(list(rule.find(coroutine))) == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_text_keeps_the_rules(path: Path) -> None:
    """No coroutine of the reference heap breaks a rule."""
    for coroutine in coroutines(ast.parse(path.read_text())):
        for find in dict.fromkeys(rule.find for rule in RULES):
            lines = [getattr(n, "lineno", 0) for n in find(coroutine)]
            assert not lines, f"{path.name}, {coroutine.name}, {find.__name__}: lines {lines}. {find.__doc__}"


def codes(code: CodeType) -> Iterator[CodeType]:
    """The code of every coroutine function in a compiled text."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_flags & inspect.CO_COROUTINE:
                yield inner
            yield from codes(inner)


@pytest.mark.parametrize(
    "bad",
    [
        "for cell in self.cells:\n        await cell.load()",
        "return await self.a.load() + await self.b.load()",
        "await self.at(0, await self.a.load())",
        "with self.locked:\n        await self.a.load()",
        "try:\n        pass\n    except ValueError:\n        await self.a.load()",
        "x = 1\n    await self.a.load()\n    return lambda: x",
    ],
)
def test_hidden_state_is_refused(bad: str) -> None:
    """What would lie on the evaluation stack, or in a closure, over an await is seen in the compiled text."""
    (code,) = codes(compile(f"async def f(self):\n    {bad}", "bad.py", "exec"))
    with pytest.raises(HiddenStateError, match=r"bad\.py:\d+: f"):
        refuse_hidden_state(code)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_text_hides_no_state(path: Path) -> None:
    """No await of the reference heap leaves a value on the evaluation stack."""
    for code in codes(compile(path.read_text(), str(path), "exec")):
        refuse_hidden_state(code)


def test_every_coroutine_is_looked_at() -> None:
    """The coroutines that the heap has at run time are those of the files that this lint reads."""
    files = {str(path) for path in FILES}
    modules = [import_module(f"spanproof.impl.{path.stem}") for path in FILES if path.stem != "__init__"]
    classes = [cls for m in modules for cls in vars(m).values() if inspect.isclass(cls)]
    found = [f for cls in (*classes, Runtime) for _, f in inspect.getmembers(cls, inspect.iscoroutinefunction)]
    assert len(set(found)) > 40
    assert {str(Path(f.__code__.co_filename)) for f in found} <= files
