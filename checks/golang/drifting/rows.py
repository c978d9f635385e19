"""The release table against Go's text: each column is read off the declarations of a toolchain, by a rule of its own.

So a row that says what the text does not is found, and of a release without a row the cells are known that it will
have. Read next: releases.py.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from spanproof.checks.golang.reading.sources import Declaration, GoFile, GoSourceError, nodes
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import COLUMNS, ManualAccounting, Release, SweepDone, Zeroing

Sources = Mapping[str, GoFile]


def declaration(sources: Sources, file: str, name: str) -> Declaration:
    """A declaration that a column is read off.

    Raises:
        GoSourceError: it, or its file, is not there.

    """
    if file not in sources:
        raise GoSourceError(f"no file {file} in the runtime, of which {name} is read")
    return sources[file].declaration(name)


def has(sources: Sources, file: str, name: str) -> bool:
    """Whether there is such a declaration."""
    return file in sources and name in sources[file].declarations


def _called(*found: Declaration) -> frozenset[str]:
    """The functions and methods that are called, without what they are called on."""
    calls = (node for each in found for node in nodes(each.node) if node.type == "call_expression")
    heads = (call.child_by_field_name("function") for call in calls)
    return frozenset((head.child_by_field_name("field") or head).text.decode() for head in heads)


def _words(node: Any, *types: str) -> frozenset[str]:
    return frozenset(each.text.decode() for each in nodes(node) if each.type in types)


def _publishing(sources: Sources) -> tuple[Declaration, ...]:
    """What publishes a span: initSpan, which was a part of allocSpan before 1.20."""
    names = [name for name in ("mheap.initSpan",) if has(sources, "mheap.go", name)]
    return tuple(declaration(sources, "mheap.go", name) for name in ("mheap.allocSpan", *names))


def _zeroing(sources: Sources) -> Zeroing:
    alloc = declaration(sources, "mheap.go", "mheap.alloc")
    asked = "needzero" in _words(alloc.node.child_by_field_name("parameters"), "identifier")
    if not asked and "memclrNoHeapPointers" not in _called(alloc):
        return Zeroing.CALLER
    result = alloc.node.child_by_field_name("result")
    return Zeroing.ALLOC_OR_CALLER if result is not None and result.type == "parameter_list" else Zeroing.ALLOC


def _sweep_done(sources: Sources) -> SweepDone:
    words = _words(declaration(sources, "mgcsweep.go", "isSweepDone").node, "field_identifier")
    if {"active", "isDone"} <= words and has(sources, "mgcsweep.go", "activeSweep"):
        return SweepDone.ACTIVE
    known = {"sweepDrained": SweepDone.DRAINED_AND_SWEEPERS, "sweepdone": SweepDone.SWEEPDONE}
    for word, value in known.items():
        if word in words:
            return value
    raise GoSourceError("isSweepDone in mgcsweep.go reads no word that is known")


def _manual_accounting(sources: Sources) -> ManualAccounting:
    manual = declaration(sources, "mheap.go", "mheap.allocManual")
    types = _words(manual.node.child_by_field_name("parameters"), "type_identifier")
    if "spanAllocType" in types:
        return ManualAccounting.TYPE
    if types & {"uint64", "sysMemStat"}:
        return ManualAccounting.STAT
    raise GoSourceError("allocManual in mheap.go is told neither a kind of span nor a field")


def _alloc_span_pushes(sources: Sources) -> bool:
    sets = {"sweepSpans", "fullSwept", "partialSwept"}
    return any(sets & found.fields() for found in _publishing(sources))


def _publication_barrier(sources: Sources) -> bool:
    return "publicationBarrier" in _called(*_publishing(sources))


def _scavenged_is_zero(sources: Sources) -> bool:
    return "needZeroAfterSysUnused" in _called(*_publishing(sources))


def _user_arenas(sources: Sources) -> bool:
    return "isUserArenaChunk" in declaration(sources, "mheap.go", "mheap.freeSpanLocked").fields()


def _random_heap_base(sources: Sources) -> bool:
    return "markRandomPaddingPages" in _called(declaration(sources, "mheap.go", "mheap.grow"))


def _aligned_stacks(sources: Sources) -> bool:
    return "physPageAlignedStacks" in declaration(sources, "mheap.go", "mheap.allocSpan").names()


def _metadata_huge_pages(sources: Sources) -> bool:
    return has(sources, "mpagealloc.go", "pageAlloc.enableChunkHugePages") and any(
        has(sources, file, "mheap.enableMetadataHugePages") for file in ("malloc.go", "mheap.go")
    )


def _scavenge_index(sources: Sources) -> bool:
    if not has(sources, "mgcscavenge.go", "scavengeIndex"):
        return False
    index = declaration(sources, "mgcscavenge.go", "scavengeIndex")
    return {"chunks", "searchAddrBg", "searchAddrForce"} <= index.fields()


READERS: Mapping[str, Callable[[Sources], object]] = {
    "zeroing": _zeroing,
    "sweep_done": _sweep_done,
    "manual_accounting": _manual_accounting,
    "alloc_span_pushes": _alloc_span_pushes,
    "publication_barrier": _publication_barrier,
    "scavenged_is_zero": _scavenged_is_zero,
    "user_arenas": _user_arenas,
    "random_heap_base": _random_heap_base,
    "aligned_stacks": _aligned_stacks,
    "metadata_huge_pages": _metadata_huge_pages,
    "scavenge_index": _scavenge_index,
}
"""How each column of the release table is read off Go's text."""


def cell(value: object) -> str:
    """A value of the table in short."""
    if isinstance(value, Enum):
        return value.name.lower().replace("_", " ")
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def readings(sources: Sources) -> dict[str, object]:
    """What the text says, by column; where it cannot be read, the error."""
    found = dict[str, object]()
    for column in COLUMNS:
        try:
            found[column] = READERS[column](sources)
        except GoSourceError as e:
            found[column] = e
    return found


def judge_row(version: str, release: Release | None, sources: Sources) -> Result:
    """Whether the row of a release says what a toolchain's text does. Without a row, what it would say."""
    found, name = readings(sources), f"row {version}"
    unread = [f"{column}: {error}" for column, error in found.items() if isinstance(error, GoSourceError)]
    if release is None:
        cells = ", ".join(f"{c}: {cell(v)}" for c, v in found.items() if not isinstance(v, GoSourceError))
        return Result("go", name, Verdict.UNKNOWN, f"model/releases.py has no row for it; its text reads {cells}")
    wrong = [
        f"{column}: {release.name} has {cell(getattr(release, column))} ({release.source(column)}), "
        f"the text {cell(value)}"
        for column, value in found.items()
        if not isinstance(value, GoSourceError) and value != getattr(release, column)
    ]
    read = len(found) - len(unread)
    verdict = Verdict.VIOLATED if wrong else Verdict.UNKNOWN if unread else Verdict.HOLDS
    counts = {"columns": read, "differences": len(wrong)}
    bound = f"{read} columns of the release table, read off its text"
    return Result("go", name, verdict, "; ".join((*wrong, *unread)), bound, counts=counts)
