"""Writes the reference pages that are lists: `python docs/catalogue.py` (a second). tests/test_docs.py compares.

The table of theorems in the README, claims, scenarios, releases, the command line, a glossary from Go's names to ours,
and the JSON that is written.
"""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from spanproof.checks.cli import cli
from spanproof.checks.golang.reading.places import lines_of
from spanproof.checks.golang.reading.toolchains import installed
from spanproof.checks.listing import lists
from spanproof.checks.proofs.catalogue import PLAIN
from spanproof.checks.proofs.catalogue import THEOREMS as PROTOCOLS
from spanproof.checks.reporting.words import placed
from spanproof.model.claims import CLAIMS
from spanproof.model.releases import CHANGES, RELEASES

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
GO_LINES = ROOT / "checks" / "reporting" / "go_lines.json"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
REFERENCE = ROOT / "docs" / "reference"
GO_NAME = re.compile(r"\((?:a part of )?((?:[a-z]\w*\.)?[a-z]+[A-Z]\w*|[a-z]\w*\.[a-z]\w*)\)")
"""Go's name in the first paragraph of a docstring: (mheap.allocSpan)."""
KINDS = {
    "state": "Holds in every state",
    "step": "Holds of every two states, one step apart",
    "call": "Holds at calls and returns",
    "run": "Holds of every run",
}


def pages() -> dict[Path, str]:
    """Each page, and what must stand in it."""
    return {
        README: _with(README.read_text(encoding="utf-8"), theorems=_theorems()),
        ARCHITECTURE: _with(ARCHITECTURE.read_text(encoding="utf-8"), packages=_packages(), floors=_floors()),
        REFERENCE / "claims.md": claims_page(),
        REFERENCE / "scenarios.md": scenarios_page(),
        REFERENCE / "releases.md": releases_page(),
        REFERENCE / "command-line.md": command_line_page(),
        REFERENCE / "glossary.md": glossary_page(),
        REFERENCE / "json-schemas.md": schemas_page(),
        **dict(go_lines()),
    }


def _page(title: str, says: str, lines: Iterator[str]) -> str:
    return "\n".join([f"# {title}", "", f"{says} Made by `python docs/catalogue.py`.", "", *lines]).rstrip() + "\n"


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _table(heads: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(map(_cell, row)) + " |"


def go_lines() -> Iterator[tuple[Path, str]]:
    """Where Go's newest text has what claims and theorems name, if a toolchain is at hand."""
    at_hand = installed()
    if at_hand:
        named = [claim.source for claim in CLAIMS] + [theorem.source for theorem in (*PROTOCOLS, *PLAIN)]
        kept = {"go": at_hand[-1].version, "lines": lines_of(named, at_hand[-1].runtime)}
        yield GO_LINES, json.dumps(kept, indent=1, sort_keys=True) + "\n"


def _with(page: str, **parts: Iterator[str]) -> str:
    """A page that is written by hand, with the parts anew that are made here."""
    for name, lines in parts.items():
        begin, end = f"<!-- {name}: made by docs/catalogue.py -->\n", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = "".join((before, begin, "\n", *(f"{line}\n" for line in lines), "\n", end, after))
    return page


def _packages() -> Iterator[str]:
    """Each package with what its docstring says first."""
    folders = sorted(init.parent for part in ("model", "impl", "checks") for init in (ROOT / part).rglob("__init__.py"))
    yield from _table(
        ("package", "what it is"), ((f"`{f.relative_to(ROOT)}`", _says(f / "__init__.py")) for f in folders)
    )


def _says(module: Path) -> str:
    return str(ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))).partition("\n")[0]


def _floors() -> Iterator[str]:
    """The layers that the import linter holds checks to, top to bottom."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (c["layers"] for c in contracts if c.get("containers") == ["spanproof.checks"])
    for n, layer in enumerate(layers, 1):
        yield f"{n}. " + ", ".join(f"`{name}`" for name in re.findall(r"\w+", layer))


def _theorems() -> Iterator[str]:
    """The theorems of the protocols as a table, those of functions that only compute as a list."""
    yield from _table(("theorem", "says"), ((f"`{t.name}`", _first(t.says)) for t in PROTOCOLS))
    quick, long = (", ".join(f"`{t.name}`" for t in PLAIN if t.tier == tier) for tier in ("quick", "long"))
    yield ""
    yield f"And {len(PLAIN)} about functions that only compute, for all inputs: {quick}; and these, which take minutes "
    yield f"and are proved where they are named, or with `--tier long`: {long}."


def _first(says: str) -> str:
    """The first thing that a theorem says: up to its first full stop or semicolon."""
    return re.split(r"[.;](?:\s|$)", says, maxsplit=1)[0] + "."


def claims_page() -> str:
    """All claims by kind: what each says, why, where Go says it, and the fault that breaks it."""
    return _page("Claims", "What must be true of a page heap. `spanproof explain NAME` tells more of one.", _claims())


def _claims() -> Iterator[str]:
    claims = lists()["claims"]
    for kind, title in KINDS.items():
        yield f"## {title}"
        yield ""
        for claim in (claim for claim in claims if claim["kind"] == kind):
            yield f"### {claim['name']}"
            yield ""
            yield claim["says"]
            yield ""
            yield f"* why it is so: {claim['because']}"
            yield f"* in Go: {placed(claim['source'])}"
            yield f"* broken by the fault `{claim['fault']}`"
            yield ""


def scenarios_page() -> str:
    """The catalogue."""
    heads = "scenario", "what it is for", "release", "geometry", "threads", "states", "expected", "must be seen"
    rows = (
        (
            f"`{s['name']}`", s["says"], s["release"], s["geometry"], s["threads"], f"{s['states']:,}", s["expected"],
            "; ".join(s["sentinels"]),
        )
        for s in lists()["scenarios"]
    )  # fmt: skip
    says = "Small programs, each searched through all its interleavings; the states are those of the whole search."
    return _page("Scenarios", says, _table(heads, rows))


def releases_page() -> str:
    """What differs by release, and where that can be read."""
    rows = ((c.since, f"`{c.column}`", getattr(c.value, "value", c.value), c.source) for c in CHANGES)
    says = f"What the page heap does differently from one Go release to the next, from {RELEASES[0].name} on."
    return _page("Releases", says, _table(("from", "what", "is", "read in"), rows))


def command_line_page() -> str:
    """Every command with its options."""
    return _page("The command line", "As `--help` prints it.", _commands(cli, "spanproof", None))


def _commands(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    last = name.rpartition(" ")[2]
    settings = {**command.context_settings, "terminal_width": 100, "max_content_width": 100}
    context = click.Context(command, info_name=last, parent=parent, **settings)
    yield f"## {name}"
    yield ""
    yield "```text"
    yield command.get_help(context)
    yield "```"
    yield ""
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _commands(found, f"{name} {child}", context)


def glossary_page() -> str:
    """Go's functions, and the coroutines that read like them."""
    rows = ((f"`{go}`", f"`{ours}`", f"impl/{file}", says) for go, ours, file, says in sorted(_mirrored()))
    says = "Names are Go's, in snake_case: where each of its functions stands in the reference heap, as docstrings say."
    return _page("Glossary", says, _table(("Go", "here", "in", "what it does"), rows))


def _mirrored() -> Iterator[tuple[str, str, str, str]]:
    for path in (ROOT / "impl").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            says = " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
            found: Any = GO_NAME.search(says)
            if found is not None:
                yield found[1], node.name, path.name, says.replace(found[0], "").replace(" .", ".").strip()


def schemas_page() -> str:
    """The published schemas, a table for each object in them."""
    says = (
        "What `--json` writes, and records: the schemas are shipped in `checks/reporting/`, and the tests hold to them."
    )
    return _page("JSON", says, _schemas())


def _schemas() -> Iterator[str]:
    for path in sorted((ROOT / "checks" / "reporting").glob("*.schema.json")):
        schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        yield f"## {path.name}"
        yield ""
        yield f"{schema['title']}."
        yield ""
        yield from _table(("field", "is", "says"), _fields(schema))
        yield ""
        inside = {name: field for name, field in schema["properties"].items() if "properties" in field}
        for name, part in {**inside, **schema.get("$defs", {})}.items():
            yield from _part(name, part)


def _part(name: str, part: dict[str, Any]) -> Iterator[str]:
    """What a schema names and uses: an object by its fields, a list by its places, else what it can be."""
    article = _one(name).partition(" ")[0].capitalize()
    if "properties" in part:
        yield f"{article} **{name}**:"
        yield ""
        yield from _table(("field", "is", "says"), _fields(part))
    elif "prefixItems" in part:
        yield f"{article} **{name}**, a list of {len(part['prefixItems'])}:"
        yield ""
        places = ((n, _kind(item), item.get("description", "")) for n, item in enumerate(part["prefixItems"]))
        yield from _table(("place", "is", "says"), places)
    else:
        yield f"{article} **{name}** is {_kind(part)}."
    yield ""


def _fields(schema: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    wanted = schema.get("required", ())
    for name, field in schema["properties"].items():
        yield f"`{name}`", _kind(field) + ("" if name in wanted else ", may be left out"), field.get("description", "")


def _one(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _kind(field: dict[str, Any]) -> str:
    if "const" in field:
        return f"always `{field['const']}`"
    if "enum" in field:
        return "one of " + ", ".join(f"`{value}`" for value in field["enum"])
    if "$ref" in field:
        return _one(str(field["$ref"]).rpartition("/")[2])
    choices = field.get("oneOf") or field.get("anyOf")
    if choices:
        return " or ".join(map(_kind, choices))
    kind: Any = field.get("type", "any value")
    items = field.get("items")
    if kind == "array" and isinstance(items, dict):
        return f"a list, each {_kind(items)}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def main() -> None:
    """Write them all."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
