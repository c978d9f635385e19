"""The part of Go's runtime that is compiled as an ordinary program, unchanged but for its clauses and directives.

What is wanted is named; what that text names is taken along, until it names something that the harness has: there a
stub of ours stands in its place (harness/). So one list serves all releases, and what a new release adds comes along or
fails to compile, with its name. Read next: building.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from spanproof.checks.golang.reading.sources import Declaration, GoFile, GoSourceError, nodes, parsed, read
from spanproof.checks.golang.reading.toolchains import Toolchain

HARNESS = files("spanproof.checks.golang.extracted") / "harness"
MODULE = "spanproof/extracted"
WHOLE = ("mpagealloc.go", "mpagealloc_64bit.go", "mpagecache.go", "mpallocbits.go", "mranges.go")
"""Files of which every declaration is wanted."""
WANTED: Mapping[str, tuple[str, ...]] = {
    "mgcscavenge.go": ("pageAlloc.scavenge", "pageAlloc.scavengeOne"),
    "mheap.go": ("mheap.allocNeedsZero", "mheap.setSpans", "mheap.reclaimChunk"),
    "mgcsweep.go": ("sweepLocker.tryAcquire",),
}
"""Of other files: the declarations that are wanted."""
ALSO = ("malloc.go", "sizeclasses.go")
"""Where else is looked for what they name; the second is there up to 1.24."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """Files of a Go program, by name."""

    version: str
    files: Mapping[str, str]
    names: frozenset[str]
    """The declarations in them that something there asks for."""


def extracted(toolchain: Toolchain) -> Extracted:
    """The text of a toolchain.

    Raises:
        GoSourceError: a declaration is missing.

    """
    names_of_files = (*WHOLE, *WANTED, *(name for name in ALSO if (toolchain.runtime / name).exists()))
    sources = {name: read(toolchain, name) for name in names_of_files}
    ours = _ours()
    (chosen, asked), names = _closure(sources, ours), frozenset(d.name for d in ours)
    written = {f"go_{name}": _written(source, chosen[name], names) for name, source in sources.items() if chosen[name]}
    return Extracted(toolchain.version, written, frozenset(_all_names(sources, chosen) & asked))


def _all_names(sources: Mapping[str, GoFile], chosen: Mapping[str, Mapping[int, Declaration]]) -> frozenset[str]:
    """The names of all that is chosen."""
    return frozenset(
        name for file, source in sources.items() for name, d in source.declarations.items()
        if d.node.start_byte in chosen[file]
    )  # fmt: skip


def harness() -> dict[str, str]:
    """Our own files, by their place in the program."""
    found = {
        path.name: path.read_text(encoding="utf-8") for path in HARNESS.iterdir() if path.name.endswith((".go", ".mod"))
    }
    for folder in (path for path in HARNESS.iterdir() if path.is_dir() and not path.name.startswith("_")):
        found |= {f"{folder.name}/{path.name}": path.read_text(encoding="utf-8") for path in folder.iterdir()}
    return found


def _packages() -> frozenset[str]:
    """The packages of the harness that stand in for some of Go's."""
    return frozenset(path.partition("/")[0] for path in harness() if "/" in path)


def _ours() -> list[Declaration]:
    """What the harness declares in its main package."""
    return [
        declaration for path, text in harness().items() if path.endswith(".go") and "/" not in path
        for declaration in GoFile("harness", path, text.encode()).declarations.values()
    ]  # fmt: skip


def _closure(
    sources: Mapping[str, GoFile], harness_: list[Declaration]
) -> tuple[dict[str, dict[int, Declaration]], frozenset[str]]:
    """(of each file the declarations that are needed, by where they begin; the names that are asked for)."""
    chosen: dict[str, dict[int, Declaration]] = {name: {} for name in sources}
    known = {name: d for source in sources.values() for name, d in source.declarations.items()}
    methods = dict[str, list[Declaration]]()
    for declaration in known.values():
        if declaration.receiver:
            methods.setdefault(declaration.receiver, []).append(declaration)
    todo = [d for name in WHOLE for d in sources[name].declarations.values()]
    todo += [sources[file].declaration(name) for file, names in WANTED.items() for name in names]
    ours = frozenset(d.name for d in harness_)
    named = set[str]().union(*(d.names() for d in harness_))
    named_by_harness = frozenset(named)
    asked = set[str]().union(*(d.fields() for d in harness_))
    seen, types = set[str](), set[str]()
    while todo:
        declaration = todo.pop()
        if declaration.name in seen or declaration.name in ours:
            continue
        seen.add(declaration.name)
        chosen[declaration.file][declaration.node.start_byte] = declaration
        if declaration.kind == "type_declaration":
            types.add(declaration.name)
        named |= declaration.names()
        asked |= declaration.fields()
        todo += [known[name] for name in named - seen - ours if name in known]
        todo += [
            m for t in types for m in methods.get(t, ()) if m.name.partition(".")[2] in asked and m.name not in seen
        ]
    return chosen, _asked_for(chosen, known, named_by_harness)


def _asked_for(
    chosen: Mapping[str, Mapping[int, Declaration]], known: Mapping[str, Declaration], harness_: frozenset[str]
) -> frozenset[str]:
    """What the harness, functions and types name, and what the values of that name: not all of a list of constants."""
    found = {
        name for of in chosen.values() for d in of.values() if d.kind not in LISTS for name in (d.name, *d.names())
    }
    todo = [*found | harness_]
    found |= harness_
    while todo:
        declaration = known.get(todo.pop())
        if declaration is not None and declaration.kind in LISTS:
            new = declaration.own_names() - found
            found |= new
            todo += new
    return frozenset(found)


LISTS = {"const_declaration", "var_declaration"}


def _written(source: GoFile, chosen: Mapping[int, Declaration], ours: frozenset[str]) -> str:
    """The chosen declarations of a file, as a file of our program."""
    body = "\n\n".join(chosen[start].text for start in sorted(chosen))
    used = {node.text.decode() for node in nodes(parsed(body.encode()).root_node) if node.type in NAMES_OF_PACKAGES}
    lines = list[str]()
    for path in _imports(source):
        name = path.rpartition("/")[2]
        if name not in used or name in ours:
            continue
        if name != "unsafe" and name not in _packages():
            raise GoSourceError(f"{source.version}: {source.name} uses {path}, which the harness does not have")
        lines.append(f'\t"{path}"' if name == "unsafe" else f'\t"{MODULE}/{name}"')
    imports = "import (\n" + "\n".join(lines) + "\n)\n\n" if lines else ""
    return f"package main\n\n{imports}{_without_directives(body)}\n"


NAMES_OF_PACKAGES = {"identifier", "package_identifier"}


def _imports(source: GoFile) -> Iterable[str]:
    for node in nodes(source.root):
        if node.type == "import_spec":
            yield node.child_by_field_name("path").text.decode().strip('"')


def _without_directives(body: str) -> str:
    """Without what tells the compiler of the runtime's own rules."""
    tree: Any = parsed(body.encode())
    text, shift = body.encode(), 0
    for node in nodes(tree.root_node):
        if node.type == "comment" and node.text.startswith(b"//go:"):
            text = text[: node.start_byte - shift] + text[node.end_byte - shift :]
            shift += node.end_byte - node.start_byte
    return text.decode()
