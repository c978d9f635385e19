"""Go's text as declarations, read with tree-sitter's grammar of Go: by name, never by line.

A method is called `pageAlloc.find`, whatever its receiver is called. A name in a group of constants stands for the
whole group, as one does not mean anything without the others. Read next: ../extracted/extracting.py.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from spanproof.checks.golang.reading.toolchains import GoError, Toolchain
from spanproof.checks.record import LONGEST_SHOWN, shortened

GRAMMAR = "tree-sitter-go"


class GoSourceError(GoError):
    """Go's text is not as it was when this was written: the message names version, file and declaration."""


def parsed(text: bytes) -> Any:
    """The syntax tree of a file.

    Raises:
        GoError: the reader of Go's text is not installed.

    """
    try:
        import tree_sitter  # noqa: PLC0415  # an extra
        import tree_sitter_go  # noqa: PLC0415  # as above
    except ImportError as e:
        raise GoError(f"{GRAMMAR} is not installed: pip install 'spanproof[go]'") from e
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_go.language()))
    return parser.parse(text)


def nodes(node: Any) -> Iterator[Any]:
    """A node and all below it, in the order of the text."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        todo += reversed(node.children)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration at the top of a file."""

    file: str
    name: str
    kind: str
    """function_declaration, method_declaration, type_declaration, const_declaration or var_declaration."""
    node: Any = field(compare=False, repr=False)
    """In a list of constants, variables or types: the whole list."""
    own: Any = field(compare=False, repr=False)
    """What is said of this name alone, where that is said."""

    @property
    def text(self) -> str:
        """As it stands, without what is said above it."""
        return str(self.node.text.decode())

    @property
    def receiver(self) -> str:
        """Of a method: the type that has it."""
        return self.name.partition(".")[0] if self.kind == "method_declaration" else ""

    def names(self) -> frozenset[str]:
        """The names in it that may be of declarations at the top of a file."""
        return self._of("identifier", "type_identifier")

    def own_names(self) -> frozenset[str]:
        """The names in what is said of this name alone."""
        return frozenset(
            node.text.decode() for node in nodes(self.own) if node.type in {"identifier", "type_identifier"}
        )

    def fields(self) -> frozenset[str]:
        """The names in it of fields and methods."""
        return self._of("field_identifier")

    def _of(self, *types: str) -> frozenset[str]:
        return frozenset(node.text.decode() for node in nodes(self.node) if node.type in types)

    def digest(self) -> str:
        """Of what it says, and of the directives above it, without comments and layout."""
        told = [node.text for node in nodes(self.own) if not node.children and node.type not in {"comment", "\n"}]
        told += self._directives()
        return hashlib.sha256(b"\0".join(told)).hexdigest()[:16]

    def _directives(self) -> list[bytes]:
        """What the compiler is told of it."""
        found, above = list[bytes](), self.node.prev_sibling
        while above is not None and above.type in {"comment", "\n"}:
            found += [above.text] if above.text.startswith(b"//go:") else []
            above = above.prev_sibling
        return found


@dataclass(frozen=True)
class GoFile:
    """A file of the runtime."""

    version: str
    name: str
    text: bytes

    @cached_property
    def root(self) -> Any:
        """The syntax tree.

        Raises:
            GoSourceError: it is no Go that the grammar knows.

        """
        root = parsed(self.text).root_node
        if root.has_error:
            raise GoSourceError(f"{self.version}: {self.name} cannot be read as Go{_first_fault(root)}")
        return root

    @cached_property
    def declarations(self) -> dict[str, Declaration]:
        """All that it declares, by name."""
        found = dict[str, Declaration]()
        for node in self.root.children:
            for name, own in _names_of(node):
                found[name] = Declaration(self.name, name, node.type, node, own)
        return found

    def declaration(self, name: str) -> Declaration:
        """The one of this name.

        Raises:
            GoSourceError: there is none.

        """
        if name not in self.declarations:
            raise GoSourceError(f"{self.version}: {self.name} has no declaration of {name}")
        return self.declarations[name]


def _first_fault(root: Any) -> str:
    """Where the reader first met what it could not read, in words: what is wrong may stand a little above."""
    faults = [node for node in nodes(root) if (node.type == "ERROR" or node.is_missing) and node.parent is not None]
    if not faults:
        return ""
    row = min(node.start_point[0] for node in faults)
    line = root.text.decode(errors="replace").split("\n")[row].strip()
    return f": the first line that does not fit is {row + 1}: {shortened(line, LONGEST_SHOWN)}"


def _names_of(node: Any) -> Iterator[tuple[str, Any]]:
    """What a declaration at the top declares, and where that is said."""
    match node.type:
        case "function_declaration":
            yield node.child_by_field_name("name").text.decode(), node
        case "method_declaration":
            yield f"{_receiver(node)}.{node.child_by_field_name('name').text.decode()}", node
        case "type_declaration" | "const_declaration" | "var_declaration":
            counted = any(n.type == "iota" or n.text == b"iota" for n in nodes(node))  # a place in the list is a value
            for spec in _specs(node):
                for name in spec.children_by_field_name("name"):
                    yield str(name.text.decode()), node if counted else spec
        case _:
            return


def _specs(node: Any) -> Iterator[Any]:
    """The specifications of a declaration, which may stand in a list."""
    for child in node.children:
        if child.type == "var_spec_list":
            yield from _specs(child)
        elif child.type in {"type_spec", "type_alias", "const_spec", "var_spec"}:
            yield child


def _receiver(node: Any) -> str:
    """The type that a method belongs to: `*pageAlloc`, `atomicType[T]`."""
    (receiver,) = (n for n in node.child_by_field_name("receiver").children if n.type == "parameter_declaration")
    return str(
        next(n.text.decode() for n in nodes(receiver.child_by_field_name("type")) if n.type == "type_identifier")
    )


def read(toolchain: Toolchain, name: str) -> GoFile:
    """A file of a toolchain's runtime, as a patch that is laid over it has it.

    Raises:
        GoSourceError: it is not there.

    """
    text = dict(toolchain.laid).get(name)
    try:
        text = (toolchain.runtime / name).read_bytes() if text is None else text
    except OSError as e:
        raise GoSourceError(f"{toolchain.version}: no file {name} in its runtime") from e
    return GoFile(toolchain.version, name, text)
