"""What the tables learned, as the questions that were put to them: learned again, in the same order.

The numbers of local states, and the characters of values, come about as steps are worked out. So a checkpoint holds no
tables; it holds which step was worked out in which memory, one after the other, and a digest over what came of it.
Read next: ../walking/position.py.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from spanproof.checks.exploring.cases import Leaf
from spanproof.checks.exploring.tables import ENDED, Tables

Learned = tuple[int, int, str]
"""A thread, its node, and the memory in which its step was worked out."""


MOST_CHAR = 0x10FFFF
"""The last character there is."""


class UnlikeError(ValueError):
    """What was learned cannot be learned again: one line."""


def as_arrays(learned: list[Learned]) -> tuple[Any, Any]:
    """(threads and nodes, memories): a row for each question."""
    places = np.array([[t, node] for t, node, _ in learned], np.uint32).reshape(-1, 2)
    return places, rows_of([row for _, _, row in learned])


def rows_of(memories: Sequence[str]) -> Any:
    """Memories as an array: a row for each, a number for each cell, of the fewest bytes."""
    text = "".join(memories)
    kind, coding = (np.uint8, "latin-1") if not text or max(text) < "\u0100" else (np.uint32, "utf-32-le")
    # As UTF-32, what would be half of a pair in UTF-16 is a character like others.
    return np.frombuffer(text.encode(coding, "surrogatepass"), kind).reshape(len(memories), -1 if memories else 0)


def memories_of(rows: Any) -> list[str]:
    """The memories of such an array."""
    if rows.dtype == np.uint8:
        return [row.tobytes().decode("latin-1") for row in rows]
    return [row.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass") for row in rows]


def learn_again(tables: Tables, places: Any, rows: Any) -> None:
    """Put the same questions to new tables.

    Raises:
        UnlikeError: one cannot be put, or does not come to a step.

    """
    many, cells = len(places), len(tables.values)
    if places.shape != (many, 2) or (many and rows.shape != (many, cells)) or (many and rows.max() > MOST_CHAR):
        raise UnlikeError("its questions are none")
    questions: list[tuple[int, int]] = places.tolist()
    for (t, node), row in zip(questions, memories_of(rows) if many else (), strict=True):
        if any(char not in values for char, values in zip(row, tables.values, strict=True)):
            raise UnlikeError("a cell has a value that it never had")
        try:
            tables.case(t, node, row)
        except Exception as e:  # there is no such thread or node, or the text was never meant to be there
            raise UnlikeError(f"a step is worked out otherwise: {type(e).__name__}") from e


def digest_of(tables: Tables, learned: list[Learned]) -> str:
    """A digest of all local states, and of what steps do, as they were learned."""
    digest = hashlib.sha256()
    for automaton in tables.automata:
        for node in automaton.nodes[1:]:
            assert node is not None, "only the first is of a thread that is done"
            digest.update(f"{node.access.kind} {node.number} {node.held} {node.function}:{node.line}\n".encode())
    for t, source, row in learned:
        digest.update(_told(tables.path(t, source, row), tables.case(t, source, row)).encode("utf-8", "surrogatepass"))
    digest.update(str([len(values) for values in tables.values]).encode())
    return digest.hexdigest()


def _told(path: list[tuple[int, str]], leaf: Leaf) -> str:
    return f"{path} {leaf.target} {leaf.updates} {leaf.watches} {leaf.blocked} {leaf is ENDED}\n"
