"""A patch of Go's page heap judged: what it changes, what rests on that, and the patched text beside the reference.

What is changed and is not run here makes the verdict unknown, whatever the rest says: nothing was shown of it. Read
next: drift.py.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

from spanproof.checks.golang.compare import judge_go
from spanproof.checks.golang.drift import between, load, nearest, text_of
from spanproof.checks.golang.extracting import extracted
from spanproof.checks.golang.interleave import judge_interleavings
from spanproof.checks.golang.sources import GoFile, read
from spanproof.checks.golang.toolchains import GoError, Toolchain
from spanproof.checks.proofs.catalogue import THEOREMS
from spanproof.checks.proving.closed_world import covered
from spanproof.checks.record import Record
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.impl.malloc import Runtime

RUNTIME = PurePosixPath("src/runtime")
LIMIT = 10
"""Names that are told of what rests on a change."""
Hurry = Callable[[int], str | None]


class PatchError(GoError):
    """The patch cannot be read, or does not fit: the message names file and place."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What came out."""

    results: tuple[Result, ...]
    records: tuple[Record, ...] = ()


def edits_of(toolchain: Toolchain, patch: str) -> dict[str, bytes]:
    """The files of the runtime that a unified diff changes, as it leaves them.

    Raises:
        PatchError: it cannot be read, changes nothing of the runtime, or does not fit.

    """
    import whatthepatch  # noqa: PLC0415  # an extra

    found, elsewhere = dict[str, bytes](), list[str]()
    for diff in whatthepatch.parse_patch(patch):
        path = str(diff.header.new_path or diff.header.old_path) if diff.header is not None else ""
        place = PurePosixPath(re.sub(r"^[ab]/", "", path))
        if place.parent.parts[-2:] != RUNTIME.parts or place.suffix != ".go":
            elsewhere.append(path)
            continue
        text = found[place.name].decode() if place.name in found else read(toolchain, place.name).text.decode()
        try:
            lines = whatthepatch.apply_diff(diff, text.split("\n"))
        except Exception as e:
            said = " ".join(str(e).split())
            raise PatchError(f"the patch does not fit {place} of {toolchain.version}: {said}") from e
        found[place.name] = "\n".join(lines).encode()
    if not found:
        said = f"it changes {', '.join(elsewhere)}" if elsewhere else "it is no unified diff"
        raise PatchError(f"the patch changes no file of {RUNTIME}: {said}")
    return found


def changed_by(toolchain: Toolchain, edits: Mapping[str, bytes]) -> list[str]:
    """The declarations that edits change, add or take away, by name."""
    names = set[str]()
    for file, text in edits.items():
        before, after = read(toolchain, file).declarations, GoFile(toolchain.version, file, text).declarations
        digests = [{name: d.digest() for name, d in found.items()} for found in (before, after)]
        names |= {n for n in digests[0].keys() | digests[1].keys() if digests[0].get(n) != digests[1].get(n)}
    return sorted(names)


def changed_since_kept(toolchain: Toolchain) -> tuple[list[str], str]:
    """(the mirrored declarations of a toolchain that are not as they are kept, of which version).

    Raises:
        GoError: nothing is kept, or the text cannot be read.

    """
    kept = load()
    since = nearest(toolchain.version, kept)
    return list(between(since, kept[since], text_of(toolchain).digests).names), since


def judge_patch(toolchain: Toolchain, patch: str, subject: Subject, seed: int, commands: int, hurry: Hurry) -> Judged:
    """Judge a patched text: a unified diff against this toolchain, or, without one, the toolchain as it is.

    Raises:
        GoError: the patch does not fit, or the text cannot be read or built.

    """
    started = time.perf_counter()
    edits = edits_of(toolchain, patch) if patch else {}
    changed, since = (changed_by(toolchain, edits), toolchain.version) if patch else changed_since_kept(toolchain)
    text = extracted(toolchain, edits)
    first = _what_changed(toolchain, changed, since, text.names, time.perf_counter() - started)
    compared = judge_go(toolchain, subject, seed, commands, hurry, edits)
    trials = judge_interleavings(toolchain, subject, hurry, edits, seed=seed)
    records = (*(() if compared.record is None else (compared.record,)), *trials.records)
    return Judged((first, compared.result, *trials.results), records)


def _what_changed(toolchain: Toolchain, changed: list[str], since: str, run: frozenset[str], seconds: float) -> Result:
    beyond = [name for name in changed if name not in run]
    name = f"changes {toolchain.version}"
    counts = {"changed": len(changed), "not_run": len(beyond)}
    bound = f"changed since {since}: {', '.join(changed)}" if changed else f"nothing is changed since {since}"
    rests = tuple(f"{name} is proved of the reference's {', '.join(of)}" for name, of in resting_on(changed).items())
    more = (f"and {len(rests) - LIMIT} theorems more",) if len(rests) > LIMIT else ()
    reason = f"changed, and not run here: {', '.join(beyond)}" if beyond else ""
    verdict = Verdict.UNKNOWN if reason else Verdict.HOLDS
    return Result("go", name, verdict, reason, bound, (*rests[:LIMIT], *more), seconds, counts)


def snake(name: str) -> str:
    """`mheap.allocNeedsZero` as the reference writes it, without its receiver."""
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda found: f"_{found[0]}", name.rpartition(".")[2]).lower()


def resting_on(changed: list[str]) -> dict[str, list[str]]:
    """Theorems whose proofs run the reference's text of these functions, and which."""
    ours = {snake(name) for name in changed}
    found = {theorem: sorted(ours & names) for theorem, names in _run_by().items()}
    return {theorem: names for theorem, names in found.items() if names}


@cache
def _run_by() -> Mapping[str, frozenset[str]]:
    """The functions that the proofs of each theorem run."""
    return {
        theorem.name: frozenset(name.rpartition(".")[2] for name in covered(theorem.protocol, Runtime))
        for theorem in THEOREMS
    }
