"""All releases at once: what each does, what of its text is not as it was, and how far it is from the one before.

The table has the rows of model/releases.py; beside them stands how many mirrored declarations changed, by digest.
"""

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spanproof.checks.golang.drifting.drift import (
    Digests,
    Drift,
    between,
    differences,
    judge_drift,
    nearest,
    number,
    older_text,
    text_of,
)  # fmt: skip
from spanproof.checks.golang.drifting.rows import cell, judge_row
from spanproof.checks.golang.reading.toolchains import GoError, Toolchain
from spanproof.checks.proving.stopping import Hurry, patient
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import COLUMNS, Release, UnknownReleaseError, row

WIDTH = 100
BREAK = 6
"""Letters of a word in the head of the table; one more may stay."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found of all releases."""

    results: tuple[Result, ...]
    told: str
    """The table, the names of what changed and the differences."""


def survey(
    toolchains: Sequence[Toolchain], kept: Mapping[str, Digests], at_hand: Sequence[Toolchain] = (),
    release: str | None = None, hurry: Hurry = patient,
) -> Survey:  # fmt: skip
    """Read these toolchains, and what is kept of others. at_hand: whose text differences may be shown from."""
    results: list[Result] = []
    digests, differing = {v: kept[v] for v in kept if release is None or _row_name(v) == release}, list[str]()
    for toolchain in toolchains:
        version, begun, reason = toolchain.version, time.monotonic(), hurry(len(results))
        if reason is not None:
            results.append(Result("go", f"drift {version}", Verdict.UNKNOWN, reason))
            continue
        try:
            text = text_of(toolchain)
            results.append(judge_row(version, _row(version), text.sources))
            digests[version] = text.digests
            found, drift = judge_drift(text, kept, time.monotonic() - begun)
            results.append(found)
            if drift.names:
                differing += differences(drift, text, older_text(drift, at_hand, kept))
        except GoError as e:
            results.append(Result("go", f"drift {version}", Verdict.UNKNOWN, str(e)))
    before = {version: _since_before(version, digests[version], kept) for version in digests}
    return Survey(tuple(results), "\n".join([_table(before), *_changes(before), *differing]))


def _row(version: str) -> Release | None:
    try:
        return row(version)
    except UnknownReleaseError:
        return None


def _row_name(version: str) -> str:
    found = _row(version)
    return version if found is None else found.name


def _since_before(version: str, digests: Digests, kept: Mapping[str, Digests]) -> Drift | None:
    """What differs from the release before, if that is kept."""
    older = [other for other in kept if number(other)[:2] < number(version)[:2]]
    if not older:
        return None
    since = nearest(version, older)
    return between(since, kept[since], digests)


def _table(before: Mapping[str, Drift | None]) -> str:
    """Releases down, what they do across, and how many declarations changed since the release before."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  # slow to import
    from rich.console import Console  # noqa: PLC0415  # as above
    from rich.table import Table  # noqa: PLC0415  # as above

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=0)
    table.add_column("Go", no_wrap=True)
    for column in COLUMNS:
        table.add_column(_head(column), no_wrap=True)
    table.add_column("changed", justify="right", no_wrap=True)
    for version in sorted(before, key=number):
        found, drift = _row(version), before[version]
        cells = ["?" if found is None else cell(getattr(found, column)) for column in COLUMNS]
        changed = "-" if drift is None else str(len(drift.names))
        table.add_row(version.removeprefix("go"), *cells, changed)
    console = Console(file=io.StringIO(), width=WIDTH, highlight=False, markup=False, emoji=False)
    with console.capture() as printed:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in printed.get().splitlines())


def _head(column: str) -> str:
    """The name of a column, one word below the other, and long words broken: there are twelve columns."""
    words = column.split("_")
    return "\n".join(f"{word[:BREAK]}-\n{word[BREAK:]}" if len(word) > BREAK + 1 else word for word in words)


def _changes(before: Mapping[str, Drift | None]) -> list[str]:
    """The names behind the numbers."""
    told: list[str] = []
    for version in sorted(before, key=number):
        drift = before[version]
        if drift is not None and drift.names:
            told.append(f"{version}: {drift.told()}\n")
    return told
