"""Changes of what a lock protects: the lock is not taken, is let go in the midst, or is kept where it was let go.

A lock and the statement that lets it go may stand in one list of statements, or in two. Read next: generating.py.
"""

import ast
import copy
from collections.abc import Iterator, Sequence

from spanproof.checks.faults.change import Change, written


def locks(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """What a lock protects is not protected, or the lock is let go in its midst; from a lock to its unlock in a list."""
    end = _other_end(body, i, "lock", "unlock")
    if not end:
        return
    inside = [copy.deepcopy(statement) for statement in body[i + 1 : end]]
    free = [_Without("unlock").visit(copy.deepcopy(statement)) for statement in inside] or [ast.Pass()]
    yield Change("unlocked", "the lock is not taken", end + 1 - i, tuple(free))
    for cut in range(1, len(inside)):
        parts = (body[i], *inside[:cut], body[end], body[i], *inside[cut:], body[end])
        says = f"the lock is let go before `{_head(inside[cut])}`"
        yield Change("split", says, end + 1 - i, tuple(map(copy.deepcopy, parts)))


def locks_let_go(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """A lock that is let go and taken again is kept; one that is let go in another list is let go earlier."""
    end = _other_end(body, i, "unlock", "lock")
    if end:
        inside = [copy.deepcopy(statement) for statement in body[i + 1 : end]]
        yield Change("kept", "the lock is not let go", end + 1 - i, tuple(inside))
    lock = _taken(body, i)
    if lock is None:
        return
    (unlock,) = ast.parse(ast.unparse(lock).replace(".lock()", ".unlock()")).body
    for cut in range(i + 1 + (body[i] is lock), len(body)):
        if written(body[cut - 1]) not in {"lock", "unlock"}:
            parts = (*body[i:cut], unlock, lock)
            says = f"the lock is let go before `{_head(body[cut])}`"
            yield Change("opened", says, cut - i, tuple(map(copy.deepcopy, parts)))


def _taken(body: Sequence[ast.stmt], i: int) -> ast.stmt | None:
    """The lock that is taken at a place, or in an `if` there, and let go in no statement of the same list."""
    statement = body[i]
    if isinstance(statement, ast.If):
        return next((lock for j in range(len(statement.body)) if (lock := _taken(statement.body, j))), None)
    return statement if written(statement) == "lock" and not _other_end(body, i, "lock", "unlock") else None


def locks_of_a_function(body: Sequence[ast.stmt], i: int) -> Iterator[Change]:
    """A lock is never taken in a function whose lock and unlock stand in different lists."""
    function = body[i]
    if not isinstance(function, ast.AsyncFunctionDef):
        return
    lists: list[list[ast.stmt]] = [
        part for node in ast.walk(function) if isinstance(part := getattr(node, "body", None), list)
    ]
    if any(_taken(part, j) for part in lists for j in range(len(part))):
        made = _Without("lock", "unlock").visit(copy.deepcopy(function))
        yield Change("never_locked", "the lock is never taken", 1, (made,))


def _other_end(body: Sequence[ast.stmt], i: int, first: str, last: str) -> int:
    """Where in a list `last` is called after a call of `first` at i; 0 if it is not."""
    if written(body[i]) != first:
        return 0
    return next((j for j in range(i + 1, len(body)) if written(body[j]) == last), 0)


class _Without(ast.NodeTransformer):
    """Calls of some kinds do nothing."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        return ast.Pass() if written(node) in self.kinds else node


def _head(statement: ast.stmt) -> str:
    """A statement's first line."""
    return ast.unparse(statement).partition("\n")[0]
