"""The drift alarm: what a toolchain's text has that is not as it was when the reference heap was compared with it.

Of each mirrored declaration a digest is kept, release by release, without comments and layout; no text of Go's. A
toolchain whose digests differ is told by name, and its differences are shown where the older text is at hand. So is a
patched one that still calls itself by an old version. Read next: rows.py, releases.py.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from spanproof.checks.golang.drifting.mirrored import Named, mirrored, sources_of
from spanproof.checks.golang.extracted.extracting import WHOLE
from spanproof.checks.golang.reading.sources import Declaration, GoFile, nodes
from spanproof.checks.golang.reading.toolchains import GoError, Toolchain
from spanproof.checks.record import write_atomically
from spanproof.checks.verdict import Result, Verdict

KEPT = Path(str(files("spanproof.checks.golang.drifting") / "kept" / "digests.json"))
AGAIN = "`spanproof go releases --keep` writes it"

Digests = Mapping[str, Mapping[str, str]]
"""By file and name."""


class KeptError(GoError):
    """The digests that are kept cannot be used: the message says why, in a line."""


@dataclass(frozen=True)
class Text:
    """What a toolchain's text has of what is mirrored."""

    toolchain: Toolchain
    sources: Mapping[str, GoFile]

    @cached_property
    def named(self) -> Named:
        """What is mirrored."""
        return mirrored(self.sources)

    @cached_property
    def digests(self) -> dict[str, dict[str, str]]:
        """Its digests, by file and name."""
        return {file: {name: d.digest() for name, d in found.items()} for file, found in self.named.items()}

    @cached_property
    def declarations(self) -> dict[str, Declaration]:
        """By name alone: a declaration may move to another file."""
        return {name: d for found in self.named.values() for name, d in found.items()}


def text_of(toolchain: Toolchain) -> Text:
    """What a toolchain's text has of what is mirrored.

    Raises:
        GoError: it cannot be read.

    """
    return Text(toolchain, sources_of(toolchain))


@dataclass(frozen=True, slots=True)
class Drift:
    """What differs from what is kept of a version."""

    since: str
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    new: tuple[str, ...]
    of: int
    """How many declarations there are."""

    @property
    def names(self) -> tuple[str, ...]:
        """All that differ."""
        return tuple(sorted({*self.changed, *self.missing, *self.new}))

    def told(self) -> str:
        """In words: `changed since go1.27.3: allocSpan, initSpan`; nothing if nothing differs."""
        if not self.names:
            return ""
        parts = [", ".join(short(self.changed, self.names))] if self.changed else []
        for word, names in (("missing", self.missing), ("new", self.new)):
            if names:
                parts.append(f"{word}: {', '.join(short(names, self.names))}")
        return f"changed since {self.since}: {'; '.join(parts)}"


def short(names: Iterable[str], among: Iterable[str]) -> list[str]:
    """Names without their receivers, where they say enough: allocSpan, but activeSweep.end."""
    last = [name.rpartition(".")[2] for name in among]

    def enough(end: str) -> bool:
        return last.count(end) == 1 and not end.islower()

    return [end if enough(end := name.rpartition(".")[2]) else name for name in names]


def flat(digests: Digests) -> dict[str, str]:
    """By name alone."""
    return {name: digest for found in digests.values() for name, digest in found.items()}


def between(since: str, before: Digests, after: Digests) -> Drift:
    """What differs."""
    old, new = flat(before), flat(after)
    return Drift(
        since,
        tuple(sorted(name for name in old.keys() & new.keys() if old[name] != new[name])),
        tuple(sorted(old.keys() - new.keys())),
        tuple(sorted(new.keys() - old.keys())),
        len(new),
    )


def number(version: str) -> tuple[int, ...]:
    """(1, 27, 3) for go1.27.3, and (1, 28, 0) for a candidate of go1.28."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(part or 0) for part in found.groups()) if found is not None else (0, 0, 0)


def nearest(version: str, kept: Iterable[str]) -> str:
    """The version itself if it is kept, else the newest of the release that is nearest; of two, the older release's.

    Raises:
        KeptError: none is kept.

    """
    there = sorted(kept, key=number, reverse=True)
    if not there:
        raise KeptError(f"no digests of any release are kept; {AGAIN}")
    if version in there:
        return version
    minor = number(version)[1]
    return min(there, key=lambda v: (abs(number(v)[1] - minor), number(v)[1]))


def load(path: Path = KEPT) -> dict[str, Digests]:
    """What is kept, by version.

    Raises:
        KeptError: it cannot be read.

    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as e:
        raise KeptError(f"{path} cannot be read: {e}; {AGAIN}") from e
    if not isinstance(found, dict):
        raise KeptError(f"{path} has no digests by version; {AGAIN}")
    return found  # pyright: ignore[reportUnknownVariableType]  # what --keep wrote


def keep(texts: Iterable[Text], path: Path = KEPT) -> list[str]:
    """Keep the digests of these: the versions that are kept then.

    Raises:
        KeptError: a version is kept with other text, or nothing can be written.

    """
    kept = load(path)
    for text in texts:
        version = text.toolchain.version
        differs = _other(text, kept.get(version, text.digests))
        if differs:
            raise KeptError(
                f"{version} in {text.toolchain.root} is not the {version} that is kept: "
                f"{', '.join(differs)}; only an unpatched Go is kept"
            )
        kept[version] = text.digests
    ordered = {version: kept[version] for version in sorted(kept, key=number)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(ordered, indent=1) + "\n")
    except OSError as e:
        raise KeptError(f"{path} cannot be written: {e.strerror}") from e
    return list(ordered)


def _other(text: Text, kept: Digests) -> list[str]:
    """What shows that a text is not the one that is kept. That impl mirrors more than it did, or less, does not."""
    found = between("", kept, text.digests)
    there = {name for source in text.sources.values() for name in source.declarations}
    whole = {name for file in WHOLE if file in kept for name in text.digests.get(file, ())}
    return [*found.changed, *(n for n in found.missing if n not in there), *(n for n in found.new if n in whole)]


def judge_drift(text: Text, kept: Mapping[str, Digests], seconds: float = 0.0) -> tuple[Result, Drift]:
    """Whether a toolchain's text is as it is kept, or as the nearest release's is.

    Raises:
        KeptError: nothing is kept.

    """
    version = text.toolchain.version
    since = nearest(version, kept)
    found = between(since, kept[since], text.digests)
    counts = {
        "declarations": found.of, "changed": len(found.changed), "missing": len(found.missing), "new": len(found.new),
    }  # fmt: skip
    bound = f"{found.of} mirrored declarations, by digest"
    verdict = Verdict.UNKNOWN if found.names else Verdict.HOLDS
    return Result("go", f"drift {version}", verdict, found.told(), bound, (), seconds, counts), found


def normalised(declaration: Declaration) -> list[str]:
    """A declaration's lines without comments, empty lines, and spaces that only line things up."""
    begin, text = declaration.node.start_byte, declaration.node.text
    for comment in (node for node in nodes(declaration.node) if node.type == "comment"):
        start, end = comment.start_byte - begin, comment.end_byte - begin
        text = text[:start] + b" " * (end - start) + text[end:]
    lines = text.decode().split("\n")
    stripped = ((line[: len(line) - len(line.lstrip("\t"))], line.split()) for line in lines)
    return [indent + " ".join(words) for indent, words in stripped if words]


def differences(found: Drift, text: Text, older: Text | None) -> list[str]:
    """What differs, line by line, as far as the older text is at hand; else the names alone."""
    if older is None:
        return [f"{name}: the text of {found.since} is not at hand" for name in found.names]
    told: list[str] = []
    for name in found.names:
        sides = [side.declarations.get(name) for side in (older, text)]
        before, after = ([] if side is None else normalised(side) for side in sides)
        told += difflib.unified_diff(
            before, after, f"{found.since} {name}", f"{text.toolchain.version} {name}", lineterm=""
        )
    return told


def older_text(found: Drift, at_hand: Iterable[Toolchain], kept: Mapping[str, Digests]) -> Text | None:
    """The text that a toolchain is compared with, if a toolchain has it as it is kept."""
    for toolchain in at_hand:
        if toolchain.version != found.since:
            continue
        try:
            older = text_of(toolchain)
            if not _other(older, kept[found.since]):
                return older
        except GoError:
            continue  # one that cannot be read shows nothing
    return None
