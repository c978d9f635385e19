"""The invariant of alloc_needs_zero, and its rely, found from templates on the text itself; then proved as any other.

Three proofs belong together: how the heap begins, that what one thread guarantees is what another relies on, and
alloc_needs_zero. All are done with candidates in place of what model/contracts/zeroing.py has, until no candidate is
dropped any more; then they are done by the engine that proves everything else. If some obligation is not met, there is
no invariant that these templates can say. Read next: templates.py.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from spanproof.checks.proving import building, jobs
from spanproof.checks.proving.engine import Engine
from spanproof.checks.proving.evidence.necessity import Necessity
from spanproof.checks.proving.heard import listening
from spanproof.checks.proving.inferring.pools import MARK, Pools, protocol_of
from spanproof.checks.proving.inferring.sieve import Heart, sieve_with
from spanproof.checks.proving.obligations import Proof
from spanproof.checks.proving.stopping import Hurry, patient
from spanproof.checks.proving.theorem import JOBS
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import Release

NAMES = ("zeroing: start", "zeroing: rely", "alloc_needs_zero")
WHOLE = "alloc_needs_zero, its invariant and its rely inferred"


@dataclass(frozen=True, slots=True)
class Inferred:
    """What came out."""

    result: Result
    kept: Mapping[str, tuple[str, ...]]
    """Of a proof, the candidates that it uses, by what they are candidates for."""

    def told(self) -> Iterator[str]:
        """All of it, in lines."""
        yield f"{self.result.verdict.value.upper():8}  {self.result.name}"
        yield from (f"          {said}" for said in (self.result.bound, self.result.reason) if said)
        for pool, names in self.kept.items():
            yield f"  {pool}:"
            yield from (f"    {name}" for name in names)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` writes for this."""
        kept = {pool: list(names) for pool, names in self.kept.items()}
        return {"kind": "inferred", "proof": self.result.name, "kept": kept}


@building.afresh()
def infer(heap_class: Any, release: Release, hurry: Hurry = patient) -> Inferred:
    """Look for the invariant of this heap's alloc_needs_zero."""
    began, pools, heart = time.perf_counter(), Pools(), Heart()
    with heart.beating():
        passes, failed = _sifted(pools, heart, heap_class, release, hurry)
        candidates, left = len(pools) + pools.dropped, len(pools)
        if not failed:
            heart.at(f"the proof with {left} conjuncts")
            failed, used = _proved(pools, heap_class, release, hurry)
            pools = pools if failed else _fewer(pools, used, heap_class, release, hurry)
    counts = {"candidates": candidates, "left": left, "kept": len(pools), "passes": passes, "queries": heart.queries}
    bound = f"{candidates:,} candidates, {left:,} of them are left after {passes} passes and {heart.queries:,} queries"
    reason = f"no invariant of these templates is enough: {failed}" if failed else ""
    verdict = Verdict.UNKNOWN if failed else Verdict.HOLDS
    result = Result("prove", WHOLE, verdict, reason, bound, (), time.perf_counter() - began, counts)
    return Inferred(result, {} if failed else {pool: tuple(names) for pool, names in pools.alive.items() if names})


def _sifted(pools: Pools, heart: Heart, heap_class: Any, release: Release, hurry: Hurry) -> tuple[int, str]:
    """Drop candidates until none is dropped any more: (in how many passes, why it came to no end)."""
    passes = 0
    while True:
        passes, before = passes + 1, pools.dropped
        for name in NAMES:
            proof = _done(name, pools, heap_class, release, hurry, sieve_with(heart))
            if proof.error:
                return passes, proof.error
        if pools.dropped == before:
            return passes, ""


def _proved(pools: Pools, heap_class: Any, release: Release, hurry: Hurry) -> tuple[str, set[str]]:
    """Do the proofs: (what fails, the candidates in the core of some question)."""
    heard = Necessity("", ablates=False)
    with listening(heard):
        proofs = [_done(name, pools, heap_class, release, hurry) for name in NAMES]
    used = {name.partition(MARK)[2] for name, use in heard.uses.items() if use.cores}
    return next(_failures(proofs), ""), used


def _fewer(pools: Pools, used: set[str], heap_class: Any, release: Release, hurry: Hurry) -> Pools:
    """Only what the proof uses, as long as the proof is one: what is not needed was shown for nothing."""
    while True:
        fewer = Pools({pool: [n for n in names if f"{pool}{MARK}{n}" in used] for pool, names in pools.alive.items()})
        if len(fewer) == len(pools):
            return pools
        failed, used = _proved(fewer, heap_class, release, hurry)
        if failed:
            return pools
        pools = fewer


def _done(
    name: str, pools: Pools, heap_class: Any, release: Release, hurry: Hurry, engine_class: Any = Engine
) -> Proof:
    job = replace(JOBS[name], protocol=protocol_of(pools))
    return jobs.run(job, heap_class, release, hurry=hurry, engine_class=engine_class)


def _failures(proofs: list[Proof]) -> Iterator[str]:
    for proof in proofs:
        yield from (said for said in (proof.error, *map(str, proof.failed), *proof.vacuous) if said)
