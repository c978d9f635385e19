"""State outside of cells is found by name wherever a heap's text may reach it; what cannot change is let be."""

from pathlib import Path

import pytest

from spanproof.checks import failing, kept_outside
from spanproof.checks.subject import SubjectError, load_heap
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import SMALL
from spanproof.model.releases import NEWEST

HEAP = """
import itertools
import math
from collections import deque
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from spanproof.impl.malloc import Runtime

WAITING, TABLE, PAIR, NEXT = deque(), [1], (1, [2]), itertools.count()
SIZES, NAMES, SOME = (1, 2), frozenset({"a"}), MappingProxyType({1: 2})
COUNT = 0

class Colour(Enum):
    RED = 1

class Pair(NamedTuple):
    first: int = 1

@dataclass(frozen=True)
class Frozen:
    first: int = 1

class Box:
    many = 0
    held = None

ONE, RED, BOX = Frozen(), Colour.RED, Box()

class Stats:
    seen = set()

def reaches(base):
    return looks(base)

def looks(base):
    return Stats.seen

def around():
    kept = {}
    def inner(base):
        return kept
    return inner

INNER = around()

class Mine(Runtime):
    limit = 3
"""
CURSOR = """class ScavengeIndex(Runtime.ScavengeIndex):
        class Cursor(Runtime.ScavengeIndex.Cursor):
            seen = []"""
KEEPING = {
    "class": ("seen = bytearray()", "Mine.seen is a bytearray"),
    "global": ("def f(self): WAITING.append(1)", "Mine.f uses WAITING, which is a deque"),
    "by an inner function": ("def f(self): return [x for x in (1,) if (lambda: TABLE)()]", "Mine.f uses TABLE"),
    "in a tuple": ("def f(self): return PAIR", "Mine.f uses PAIR, which is a tuple with a list"),
    "an iterator": ("def f(self): return next(NEXT)", "Mine.f uses NEXT, which is a count"),
    "an object": ("def f(self): BOX.held = 1", "Mine.f uses BOX, which is a Box"),
    "by way of functions": ("async def f(self): return reaches(1)", "Stats.seen is a set"),
    "by way of a property": ("@property\n    def f(self): return TABLE", "Mine.f uses TABLE"),
    "by way of a static function": ("@staticmethod\n    def f(): return TABLE", "Mine.f uses TABLE"),
    "in a closure": ("def f(self): return INNER(1)", "around.<locals>.inner uses kept, which is a dict"),
    "a default": ("def f(self, seen={}): pass", "Mine.f uses its default 1, which is a dict"),
    "a number of the class": ("def f(self): Mine.limit += 1", "mine.py:51: Mine.f sets Mine.limit"),
    "a number of another": ("def f(self): Box.many = 1", "mine.py:51: Mine.f sets Box.many"),
    "a global that is set": ("def f(self):\n        global COUNT\n        COUNT = 1", "mine.py:53: Mine.f sets"),
    "a part": ("class PageAlloc(Runtime.PageAlloc):\n        seen = []", "PageAlloc.seen is a list"),
    "a cursor": (
        CURSOR,
        "Cursor.seen is a list",
    ),
}  # fmt: skip


def load(folder: Path, body: str) -> type[Runtime]:
    """The heap with this in its class."""
    file = folder / "mine.py"
    file.write_text(f"{HEAP}    {body}\n")
    return load_heap(f"{file}:Mine")


@pytest.mark.parametrize(("body", "said"), KEEPING.values(), ids=KEEPING)
def test_what_is_kept_outside_is_named(body: str, said: str, tmp_path: Path) -> None:
    """With its kind, and where it belongs."""
    with pytest.raises(SubjectError, match="shared state belongs in cells") as refused:
        load(tmp_path, body)
    assert said in str(refused.value)


def test_what_cannot_change_is_let_be(tmp_path: Path) -> None:
    """Constants, functions, classes, modules, and lists that are a function's own."""
    body = """
    def f(self, first=(1,)):
        own = [SIZES, NAMES, SOME, ONE, RED, Pair(), Frozen, Colour, math.pi, COUNT, Mine.limit, TEXT]
        own.append(first)
        return own
TEXT = "text"
"""
    assert load(tmp_path, body.strip()).__name__ == "Mine"


def test_the_reference_keeps_nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were its text a user's, it would be taken: so is whatever is copied from it."""

    def also_ours(module: str) -> bool:
        return module.startswith("spanproof.impl") or failing.is_users(module)

    monkeypatch.setattr(kept_outside, "is_users", also_ours)
    assert kept_outside.kept_outside(Runtime(SMALL, NEWEST)) == ""
