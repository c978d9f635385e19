"""What a mutator gives: some statements become others; and the words that all mutators share.

Read next: mutators.py.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
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
THROWN = ast.parse(f"(_ for _ in ()).throw({_THROW})", mode="eval").body
Mutator = Callable[[Sequence[ast.stmt], int], Iterator[Change]]
WRITES = frozenset({"write", "store", "or8", "and8", "add", "update"})
LOADS = frozenset({"load", "read"})


def access_of(node: ast.AST) -> str:
    """The kind of access that is awaited here: load, store, lock... or ""."""
    match node:
        case ast.Await(value=ast.Call(func=ast.Attribute(attr=kind))):
            return kind
        case _:
            return ""


def written(statement: ast.stmt) -> str:
    """The kind of access that a statement is, and no more than that."""
    return access_of(statement.value) if isinstance(statement, ast.Expr) else ""
