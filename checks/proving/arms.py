"""Which way each decision of a text went on the paths of the proofs: of what no path takes, nothing was shown.

A decision is the test of an `if`, a `while` or an `x if c else y`, one operand of `and` and `or`, or a comparison. Each
has two arms; the beginning of a function counts as one more. An arm that leads to a throw alone may be closed: that it
is is what throws are for. Read next: cuts.py.
"""

import ast
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from spanproof.checks.proving.terms import Truth
from spanproof.checks.text import tree_of

NAME, COMPARED = "_took", "_compared"
"""What a text that tells its arms calls, with a decision and with a comparison whose value it keeps."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way out of a decision."""

    file: str
    line: int
    column: int
    function: str
    text: str
    """The decision, as it stands there; empty for the beginning of the function."""
    way: bool
    may_be_closed: bool = False
    """It leads to a throw and to nothing else."""
    of_release: bool = False
    """The decision asks for the release."""

    def __str__(self) -> str:
        """Place and decision."""
        never = f"{self.text} is never {self.way}" if self.text else "it is never run"
        return f"{self.file}:{self.line} {self.function}: {never}"


_TAKEN: ContextVar[set[Arm]] = ContextVar("taken arms")


@contextmanager
def noted() -> Generator[set[Arm]]:
    """The arms that are taken from here on."""
    taken = set[Arm]()
    token = _TAKEN.set(taken)
    try:
        yield taken
    finally:
        _TAKEN.reset(token)


class Teller(ast.NodeTransformer):
    """Rewrites one function so that it calls `_took(decision, value)` with each decision."""

    def __init__(self, file: str, function: str) -> None:
        """file and function are for messages."""
        self.file, self.function = file, function
        self.ways: list[tuple[Arm, Arm]] = []
        self._of_release = set[str]()
        """Locals that hang by the release."""

    def tell(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The statements of a function, telling."""
        for node in (inner for statement in body for inner in ast.walk(statement)):
            if isinstance(node, ast.Assign) and self._asks(node.value):
                self._of_release |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        first = ast.copy_location(ast.Expr(self._call(ast.Constant(value=True), body[0], ("", False, False))), body[0])
        return [first, *(self.visit(statement) for statement in body)]

    def took(self, place: int, value: Any) -> Any:
        """Note the arm, and give the value back, decided."""
        truth = bool(value)
        _TAKEN.get(set()).add(self.ways[place][truth])
        return truth if isinstance(value, Truth) else value

    def compared(self, place: int, value: Any) -> Any:
        """Note the arm of a comparison whose value is kept; of one that is not decided here both values are shown."""
        known = value.known if isinstance(value, Truth) else bool(value)
        _TAKEN.get(set()).update(arm for arm in self.ways[place] if known in {None, arm.way})
        return value

    def _call(
        self, value: ast.expr, node: ast.expr | ast.stmt, decision: tuple[str, bool, bool], name: str = NAME
    ) -> ast.Call:
        text, if_true, if_false = decision
        asks = self._asks(value)
        place = (self.file, node.lineno, node.col_offset, self.function, text)
        self.ways.append((Arm(*place, False, if_false, asks), Arm(*place, True, if_true, asks)))
        call = ast.Call(ast.Name(name, ast.Load()), [ast.Constant(len(self.ways) - 1), value], [])
        return ast.copy_location(call, node)

    def _asks(self, value: ast.expr) -> bool:
        """Whether a value hangs by the release."""
        return any(
            (isinstance(n, ast.Attribute) and n.attr == "release")
            or (isinstance(n, ast.Name) and n.id in self._of_release)
            for n in ast.walk(value)
        )

    def _test(self, node: ast.expr, *, yes: bool, no: bool) -> ast.expr:
        """A test, each part of which tells; yes, no: whether that way leads to a throw alone."""
        match node:
            case ast.Constant():
                return node
            case ast.UnaryOp(op=ast.Not()):
                node.operand = self._test(node.operand, yes=no, no=yes)
                return node
            case ast.BoolOp():
                both, either = isinstance(node.op, ast.And), isinstance(node.op, ast.Or)
                parts = list(node.values)
                for n, part in enumerate(parts):
                    # A throw may be closed to a part, but not if a later one waits: what it does would not be seen.
                    waits = any(isinstance(inner, ast.Await) for later in parts[n + 1 :] for inner in ast.walk(later))
                    node.values[n] = self._test(part, yes=yes and (either or not waits), no=no and (both or not waits))
                return node
            case _:
                text = ast.unparse(node)
                inner: Any = self.generic_visit(node) if isinstance(node, ast.Compare) else self.visit(node)
                return self._call(inner, node, (text, yes, no))

    def visit_If(self, node: ast.If) -> ast.stmt:  # ast's own name
        """Both ways."""
        node.test = self._test(node.test, yes=_throws(node.body), no=_throws(node.orelse))
        node.body = [self.visit(s) for s in node.body]
        node.orelse = [self.visit(s) for s in node.orelse]
        return node

    def visit_While(self, node: ast.While) -> ast.stmt:  # ast's own name
        """Into the loop and past it."""
        node.test = self._test(node.test, yes=_throws(node.body), no=False)
        node.body = [self.visit(s) for s in node.body]
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:  # ast's own name
        """Both values."""
        node.test = self._test(node.test, yes=False, no=False)
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:  # ast's own name
        """A value: both of them."""
        text, inner = ast.unparse(node), cast("ast.expr", self.generic_visit(node))
        return self._call(inner, node, (text, False, False), COMPARED)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:  # ast's own name
        """A value, not a test: the last part decides nothing."""
        *deciding, last = node.values
        node.values = [*(self._test(value, yes=False, no=False) for value in deciding), self.visit(last)]
        return node


def _throws(block: list[ast.stmt]) -> bool:
    return bool(block) and all(isinstance(s, ast.Raise) for s in block)


@cache
def arms(function: Any) -> tuple[Arm, ...]:
    """All arms of a function."""
    code, body = function.__code__, tree_of(function).body[0]
    assert isinstance(body, ast.AsyncFunctionDef)
    teller = Teller(code.co_filename.rpartition("/")[2], code.co_name)
    teller.tell(body.body)
    return tuple(arm for (no, yes) in teller.ways for arm in ((no, yes) if yes.text else (yes,)))


def never_taken(functions: Iterable[Any], taken: Collection[Arm], *, one_release: bool) -> Iterator[Arm]:
    """The first arm of each function that is not taken, and should be.

    one_release: what only other releases come to is not asked for.
    """
    for function in functions:
        every = arms(function)
        partly = one_release and any(arm.of_release for arm in every)
        reached = {(arm.line, arm.column) for arm in every if arm in taken}
        for arm in every:
            if arm in taken or arm.may_be_closed:
                continue
            if partly and (arm.of_release or (arm.line, arm.column) not in reached):
                continue
            yield arm
            break
