"""Edits of Go's text by its syntax tree: a statement of a declaration, and what is put before, after or in its place.

An edit says which statement it means by what the statement says, and how often that must occur; a text in which it
does not is refused with version, file and declaration. What is put in stands on the statement's own line, so that
lines keep their numbers. Read next: recorder_edits.py.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from spanproof.checks.golang.reading.sources import GoFile, GoSourceError, nodes

BEGINNING = "{"
"""An anchor: the beginning of the function's body."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit. `anchor` is a whole statement, its blanks as one each."""

    file: str
    declaration: str
    anchor: str
    before: str = ""
    after: str = ""
    instead: str | None = None
    times: int = 1
    last: bool = False
    """The anchor is the last statement of the function, whatever else says the same."""
    since: tuple[int, int] = (1, 0)
    """The first version of Go that has it: 1.26 is (1, 26)."""


def edited(source: GoFile, edits: Iterable[Edit]) -> bytes:
    """The file with its edits.

    Raises:
        GoSourceError: an anchor does not occur as often as it must.

    """
    changes = sorted(change for edit in edits for change in _changes(source, edit))
    parts, at = list[bytes](), 0
    for start, end, text in changes:
        if start < at:
            raise GoSourceError(f"{source.version}: {source.name}: two edits of one place")
        parts += [source.text[at:start], text.encode()]
        at = end
    parts.append(source.text[at:])
    return b"".join(parts)


def _changes(source: GoFile, edit: Edit) -> Iterator[tuple[int, int, str]]:
    """Of one edit: (begin, end, what stands there instead)."""
    body = source.declaration(edit.declaration).node.child_by_field_name("body")
    where = f"{source.version}: {source.name}, {edit.declaration}"
    if body is None:
        raise GoSourceError(f"{where}: it has no body")
    if edit.anchor == BEGINNING:
        yield body.start_byte + 1, body.start_byte + 1, f" {edit.after};"
        return
    found = sorted(_statements(body, edit.anchor), key=lambda node: node.start_byte)
    if edit.last:
        if not found or source.text[found[-1].end_byte : body.end_byte].strip() != b"}":
            raise GoSourceError(f"{where}: does not end in {edit.anchor!r}")
        found = found[-1:]
    elif len(found) != edit.times:
        raise GoSourceError(f"{where}: has {edit.anchor!r} {len(found)} times, not {edit.times}")
    for node in found:
        if edit.instead is not None:
            yield node.start_byte, node.end_byte, edit.instead
        if edit.before:
            yield node.start_byte, node.start_byte, f"{edit.before}; "
        if edit.after:
            yield node.end_byte, node.end_byte, f"; {edit.after}"


def _statements(body: Any, text: str) -> Iterator[Any]:
    """The statements below a body that say this."""
    for node in nodes(body):
        if node.type == "statement_list":
            yield from (child for child in node.named_children if " ".join(child.text.decode().split()) == text)
