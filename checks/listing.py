"""What there is: scenarios, claims, theorems, releases and faults, as data and as tables for the terminal."""

from enum import Enum
from typing import Any

from spanproof.checks.faults.planting import PLANTABLE
from spanproof.checks.proofs.catalogue import PLAIN, THEOREMS
from spanproof.checks.scenarios import SCENARIOS
from spanproof.model.claim import Claim, Invariant, Promise, RunClaim, StepInvariant
from spanproof.model.claims import CLAIMS
from spanproof.model.releases import COLUMNS, RELEASES, Release

KINDS: dict[type[Claim], str] = {Invariant: "state", StepInvariant: "step", Promise: "call", RunClaim: "run"}


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "name": claim.name,
        "kind": KINDS[type(claim)],
        "says": claim.says,
        "because": claim.because,
        "source": claim.source,
        "fault": claim.fault,
    }


def _release(release: Release) -> dict[str, Any]:
    cells: dict[str, Any] = {"name": release.name}
    for column in COLUMNS:
        value = getattr(release, column)
        cells[column] = value.name.lower() if isinstance(value, Enum) else value
    return cells


def lists() -> dict[str, list[dict[str, Any]]]:
    """The object that `list --json` writes."""
    return {
        "scenarios": [
            {
                "name": s.name,
                "says": s.says,
                "release": s.program.release.name,
                "geometry": s.program.geometry.name,
                "threads": len(s.program.threads),
                "states": s.states,
                "expected": "violated" if s.finding else "holds",
                "sentinels": list(s.sentinels),
            }
            for s in SCENARIOS
        ],
        "claims": [_claim(claim) for claim in CLAIMS],
        "theorems": [
            {"name": t.name, "says": t.says, "because": t.because, "source": t.source, "proofs": list(t.proofs)}
            for t in THEOREMS
        ]
        + [
            {
                "name": t.name,
                "says": t.says,
                "because": t.because,
                "source": t.source,
                "proofs": [lemma.name for lemma in t.lemmas],
            }
            for t in PLAIN
        ],
        "releases": [_release(release) for release in RELEASES],
        "faults": [{"name": f.name, "says": f.says, "claim": f.claim, "source": f.source} for f in PLANTABLE.values()],
    }


SHOWN = {
    "scenarios": ("name", "release", "geometry", "threads", "states", "says"),
    "claims": ("name", "kind", "says"),
    "theorems": ("name", "says"),
    "releases": ("name", "zeroing", "sweep_done", "scavenged_is_zero"),
    "faults": ("name", "claim", "says"),
}
