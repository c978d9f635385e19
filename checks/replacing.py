"""What a user's heap puts in the place of the reference's functions, and what it adds.

It is told beside each verdict: a name that is misspelt replaces nothing, and everything holds.

Read next: subject.py.
"""

from typing import Any

OURS = "spanproof."
PARTS = ("PageAlloc", "ScavengeIndex", "OsMemory")
"""Where a heap names the classes of its parts."""


def in_words(heap: str, heap_class: Any) -> str:
    """One sentence: of the heap's class, and of the classes of its parts that are not the reference's."""
    replaces, adds = list[str](), list[str]()
    cls: type
    for owner in (heap_class, *(getattr(heap_class, part) for part in PARTS)):
        before = "" if owner is heap_class else f"{owner.__name__}."
        for cls in (each for each in owner.__mro__ if not _is_ours(each)):
            for name, value in vars(cls).items():
                if callable(value) and not name.startswith("__"):
                    is_there = any(name in vars(each) for each in owner.__mro__ if _is_ours(each))
                    (replaces if is_there and name not in PARTS else adds).append(f"{before}{name}")
    added = [name for name in dict.fromkeys(adds) if name not in PARTS]
    said = f"heap {heap} replaces {', '.join(dict.fromkeys(replaces)) or 'nothing of the reference'}"
    return said + (f"; adds {', '.join(added)}" if added else "")


def _is_ours(cls: Any) -> bool:
    return cls is object or cls.__module__.startswith(OURS)
