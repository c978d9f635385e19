"""Which of Go's declarations the reference heap mirrors, as far as can be read off its own text: impl/ names them.

A docstring there names Go's function (mheap.allocSpan), type or constant; a method of a class that mirrors one of Go's
types has Go's name in snake_case. What is left stands in ALSO. A declaration of several names, a group of constants,
goes by the first. Read next: drift.py.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from spanproof.checks.golang.extracted.extracting import WHOLE
from spanproof.checks.golang.reading.sources import Declaration, GoFile, GoSourceError, read
from spanproof.checks.golang.reading.toolchains import Toolchain

ALSO: Mapping[str, tuple[str, ...]] = {
    "malloc.go": ("mallocgc", "memclrNoHeapPointersChunked", "mheap.enableMetadataHugePages"),
    "mcentral.go": ("mcentral.cacheSpan", "mcentral.grow"),
    "mem.go": ("needZeroAfterSysUnused",),
    "mem_linux.go": ("needZeroAfterSysUnusedOS", "sysUsedOS"),
    "mgcscavenge.go": ("atomicScavChunkData", "scavChunkFlags", "scavengeIndex.init"),
    "mgcsweep.go": ("activeSweep", "activeSweep.isDone", "activeSweep.reset", "sweepDrainedMask", "sweepLocked"),
    "mheap.go": (
        "arenaBase", "mSpanState", "mSpanStateBox", "mSpanStateBox.get", "mSpanStateBox.set", "mspan.base",
        "physPageAlignedStacks", "spanAllocType", "spanAllocType.manual", "spanOfUnchecked",
    ),
}  # fmt: skip
"""Of a file: what is mirrored, or stands behind what is, and cannot be read off impl."""
UNNAMED = ("mspanset.go",)
"""Files that impl does not name, though what they declare."""
VOCABULARY = "access.py"
"""What it names of Go's its steps stand for, and do not mirror: locks, stopping the world."""
FILE = re.compile(r"\b\w+\.go\b")
WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?(?![\w.]*\.go\b)")
TYPE = re.compile(r"\btype ([A-Za-z]\w*)")
PLACE = re.compile(r"\(([^()]*\.go\b[^()]*)\)")

Named = dict[str, dict[str, Declaration]]
"""By file and name."""


@dataclass(frozen=True, slots=True)
class _Class:
    """A class of impl."""

    bases: tuple[str, ...]
    says: str
    """Go's type, as its docstring names it."""
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What the text of the reference heap says of Go's."""

    files: frozenset[str]
    """The files that it names."""
    words: frozenset[tuple[str, str]]
    """(file or "", a word that may be a name of Go's)."""
    methods: frozenset[str]
    """Methods by the names that Go would have for them: pageAlloc.allocRange."""
    functions: frozenset[str] = field(default=frozenset())
    """Functions likewise."""


def camel(name: str) -> str:
    """`alloc_needs_zero` as Go writes it."""
    first, *others = name.strip("_").split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)


def said_by(texts: Iterable[str]) -> Said:
    """What the modules of a reference heap say."""
    words, functions, classes = set[tuple[str, str]](), set[str](), dict[str, _Class]()
    found = set[str]()
    for text in texts:
        tree = ast.parse(text)
        for doc in _docs(tree):
            found.update(FILE.findall(doc))
            words.update(_words(doc))
        functions.update(camel(node.name) for node in tree.body if isinstance(node, ast.FunctionDef))
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                classes[node.name] = _class(node)
    methods = {
        f"{go}.{camel(method)}" for name, each in classes.items() for go in _types(name, classes)
        for method in each.methods
    }  # fmt: skip
    return Said(frozenset(found), frozenset(words), frozenset(methods), frozenset(functions))


@cache
def said() -> Said:
    """What the reference heap says."""
    there = (path for path in files("spanproof.impl").iterdir() if path.name.endswith(".py"))
    return said_by(path.read_text(encoding="utf-8") for path in there if path.name != VOCABULARY)


def _docs(tree: ast.Module) -> Iterator[str]:
    """Docstrings, those below a field or a constant too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def _words(doc: str) -> Iterator[tuple[str, str]]:
    """The words of a docstring that may be names of Go's: they have a capital inside or a dot, or stand with a file."""
    for word in WORD.findall(doc):
        if "." in word or re.search(r"[a-z0-9_][A-Z]", word):
            yield "", word
    yield from (("", name) for name in TYPE.findall(doc))
    for group in PLACE.findall(doc):
        for part in group.split(";"):
            file = FILE.search(part)
            if file is not None:
                yield from ((file[0], word) for word in WORD.findall(part[file.end() :]))


def _class(node: ast.ClassDef) -> _Class:
    says = TYPE.search(ast.get_docstring(node) or "")
    return _Class(
        tuple(base.id for base in node.bases if isinstance(base, ast.Name)),
        says[1] if says is not None else "",
        tuple(child.name for child in node.body if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)),
    )


def _types(name: str, classes: Mapping[str, _Class]) -> set[str]:
    """Go's types whose methods a class may have: its own, else those of what it is a part of or adds to.

    The heap's class is built of parts that name no type.
    """
    if classes[name].says:
        return {classes[name].says}
    go = {each.says for other, each in classes.items() if name in _above(other, classes)}
    go |= {classes[other].says for other in _above(name, classes)}
    return (go - {""}) or {name[:1].lower() + name[1:]}


def _above(name: str, classes: Mapping[str, _Class]) -> set[str]:
    """The classes that a class is built of."""
    found, todo = set[str](), list(classes[name].bases)
    while todo:
        base = todo.pop()
        if base in classes and base not in found:
            found.add(base)
            todo += classes[base].bases
    return found


def sources_of(toolchain: Toolchain) -> dict[str, GoFile]:
    """The files of a toolchain that have something that is mirrored; those that it does not have are left out.

    Raises:
        GoSourceError: it has none of them.

    """
    found = dict[str, GoFile]()
    for name in sorted({*WHOLE, *ALSO, *UNNAMED, *said().files}):
        if (toolchain.runtime / name).is_file():
            found[name] = read(toolchain, name)
    if not found:
        raise GoSourceError(f"{toolchain.version}: its runtime has no file that the reference heap mirrors")
    return found


def mirrored(sources: Mapping[str, GoFile], by: Said | None = None) -> Named:
    """The declarations that the reference heap mirrors, of those there are. by: what another heap says."""
    told = by or said()
    index = _Index(sources)
    for name in sources.keys() & set(WHOLE):
        index.take(name, sources[name].declarations)
    for file, names in ALSO.items():
        if file in sources:
            index.take(file, sources[file].declarations.keys() & set(names))
    for file, word in told.words:
        index.find(word, file)
    for name in (*told.methods, *told.functions):
        index.find(name, exact=True)
    return {name: dict(sorted(found.items())) for name, found in sorted(index.found.items()) if found}


class _Index:
    """The declarations of all files, to be found by names that may leave the receiver out."""

    def __init__(self, sources: Mapping[str, GoFile]) -> None:
        self.sources = sources
        self.found: Named = {name: {} for name in sources}
        self.heads: dict[str, dict[str, str]] = {}
        """Of a file: from each name to that of its declaration."""
        self.places: dict[str, list[tuple[str, str]]] = {}
        """Of a name, with its receiver and without: (file, whole name)."""
        for file, source in sources.items():
            begins = dict[int, str]()
            self.heads[file] = {n: begins.setdefault(d.node.start_byte, n) for n, d in source.declarations.items()}
            for name in source.declarations:
                for short in {name, name.rpartition(".")[2]}:
                    self.places.setdefault(short, []).append((file, name))

    def take(self, file: str, names: Iterable[str]) -> None:
        """These are mirrored."""
        for name in names:
            head = self.heads[file][name]
            self.found[file][head] = self.sources[file].declarations[head]

    def find(self, word: str, file: str = "", *, exact: bool = False) -> None:
        """This is mirrored, if it is a name; without a receiver, a function's or type's before any method's.

        Of a file's methods those of its own type go first: of mheap.go mheap's.
        """
        places = [(f, name) for f, name in self.places.get(word, ()) if f == file or not file]
        own = f"{file.removesuffix('.go')}.{word}"
        whole = [(f, name) for f, name in places if name == word] or [(f, name) for f, name in places if name == own]
        for place, name in whole or (() if exact else places):
            self.take(place, [name])
