"""Evidence of proofs as tables of the page: what hypotheses are needed for, how steady answers are, what was found.

Entries come from a report as JSON has them (result.schema.json, evidence); what is of another shape is left out.
Read next: page.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Need:
    """What one hypothesis is needed for, over all proofs that know it."""

    name: str
    known: int = 0
    """Obligations that know it."""
    cores: int = 0
    """Obligations whose proof uses it."""
    shown: int = 0
    """Obligations that show it."""
    needed_by: str = ""
    """The first that fails without it."""
    perhaps: str = ""
    """The first that may need it."""


@dataclass(frozen=True, slots=True)
class Steady:
    """How steady the answers of one proof are."""

    proof: str
    solver: str
    asked: int
    most: int
    moved: tuple[str, ...]


def needs(evidence: Iterable[Mapping[str, Any]]) -> list[Need]:
    """Each hypothesis once; those that nothing needs last."""
    found: dict[str, Need] = {}
    for entry in evidence:
        for name, uses in entry.get("uses", {}).items() if entry.get("kind") == "necessity" else ():
            found[name] = _with(found.get(name, Need(name)), uses)
    return sorted(found.values(), key=lambda need: (not need.needed_by, not need.cores))


def _with(need: Need, uses: Mapping[str, Any]) -> Need:
    return replace(
        need,
        known=need.known + int(uses.get("known", 0)),
        cores=need.cores + int(uses.get("cores", 0)),
        shown=need.shown + int(uses.get("shown", 0)),
        needed_by=need.needed_by or str(uses.get("needed_by", "")),
        perhaps=need.perhaps or str(uses.get("perhaps", "")),
    )


def steadiness(evidence: Iterable[Mapping[str, Any]]) -> list[Steady]:
    """One row for each proof that was asked under several seeds; those whose work moves first."""
    rows = [
        Steady(
            str(entry["proof"]),
            str(entry.get("solver", "")),
            int(entry.get("asked", 0)),
            int(entry.get("most", 0)),
            tuple(f"{m['about']}: {', '.join(f'{work:,}' for work in m['work'])}" for m in entry.get("moved", ())),
        )
        for entry in evidence
        if entry.get("kind") == "stability"
    ]
    return sorted(rows, key=lambda row: not row.moved)


def kept(evidence: Iterable[Mapping[str, Any]]) -> list[tuple[str, tuple[str, ...]]]:
    """Of invariants that were looked for: what was looked for, and the claims that were found."""
    entries = (entry for entry in evidence if entry.get("kind") == "inferred")
    return [(str(what), tuple(map(str, claims))) for entry in entries for what, claims in entry.get("kept", {}).items()]
