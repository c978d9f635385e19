"""Where in Go's files something stands that a claim names: mheap.go, heapArena.zeroedBase is a line of mheap.go.

What is kept of it (reporting/go_lines.json) is read wherever a claim is told; `python docs/catalogue.py` writes it anew
from the toolchain at hand. Read next: sources.py.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

PART = re.compile(r"\s*(\w+\.go)\b(?:, )?(.*)")
"""mheap.go, allocSpan and freeSpanLocked: npages < 4"""
ITEM = re.compile(r"(?:(\w+)\.)?(\w+)")
BETWEEN = re.compile(r", | and |: |'s ")


def lines_of(sources: Iterable[str], runtime: Path) -> dict[str, str]:
    """For each source that a claim gives, the first place of it that is found, as file:line."""
    found = ((source, place_of(source, runtime)) for source in sorted(set(sources)))
    return {source: place for source, place in found if place}


def place_of(source: str, runtime: Path) -> str:
    """The first of what it names that is declared where it says; empty if nothing is. runtime: Go's folder of files."""
    return next((f"{file}:{line}" for file, text, named in _parts(source, runtime) if (line := _line(text, named))), "")


def _parts(source: str, runtime: Path) -> Iterator[tuple[str, str, str]]:
    """Each thing that a source names: its file, the file's text, the name."""
    for part in re.sub(r"\(.*?\)", "", source).split(";"):
        match = PART.match(part)
        if match is None or not (runtime / match[1]).is_file():
            continue
        text = (runtime / match[1]).read_text(encoding="utf-8")
        for named in BETWEEN.split(match[2]):
            yield match[1], text, named.strip()


def _line(text: str, named: str) -> int:
    """The line in which a function, a method, a type, a field or a variable is declared; 0 if it is not."""
    match = ITEM.fullmatch(named)
    if match is None:
        return 0
    owner, name = match.groups()
    if owner is None:
        begins = (rf"^func (?:\(\w+ \*?\w+\) )?{name}\(", rf"^(?:type|var|const) {name}\b", rf"^\t{name} +\w")
        return next(
            (_number(text, begin.start()) for begin in (re.search(b, text, re.MULTILINE) for b in begins) if begin), 0
        )
    method = re.search(rf"^func \(\w+ \*?{owner}\) {name}\(", text, re.MULTILINE)
    if method is not None:
        return _number(text, method.start())
    struct = re.search(rf"^type {owner} struct {{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL)
    field = struct and re.search(rf"^\s+(?:\w+, )*{name}\b", struct[1], re.MULTILINE)
    return _number(text, struct.start(1) + field.end()) if struct and field else 0


def _number(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
