"""The accesses that were no scheduling points of a search, named, so that nobody takes it for more than it is."""

from collections import Counter

from spanproof.checks.exploring.tables import Node
from spanproof.impl.access import PLAIN

Passed = tuple[str, str, str, str]
"""Why an access was no scheduling point (plain, under lock or fused), its kind, the name of its cell, the function."""


def passed(node: Node | None) -> Passed:
    """What is to be said of the access that is pending at a node."""
    assert node is not None, "a thread that is done has no access pending"
    access = node.access
    why = "plain" if access.kind in PLAIN else "under lock" if access.cell.guard is not None else "fused"
    return why, access.kind, access.cell.name, node.function


def told(accesses: Counter[Passed], places: str) -> str:
    """A report of the accesses that were not scheduling points, the most frequent first. places: what was counted."""
    heads = ("places", "why", "kind", "cell", "function")
    rows = [(f"{n:,}", *row) for row, n in sorted(accesses.items(), key=lambda item: (-item[1], item[0]))]
    title = f"{len(accesses)} accesses were not scheduling points, in {accesses.total():,} places ({places}):"
    if not rows:
        return "every access was a scheduling point"
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    lines = (
        "  ".join([row[0].rjust(widths[0]), *map(str.ljust, row[1:], widths[1:])]).rstrip() for row in (heads, *rows)
    )
    return "\n".join([title, *(f"  {line}" for line in lines)])
