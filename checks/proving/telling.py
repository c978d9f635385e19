"""A theorem told: the claim, the verdict, what it takes for granted and where that is discharged, and each step."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from spanproof.checks.proving.jobs import granted
from spanproof.checks.proving.obligations import Kind, Obligation, Outcome, Proof
from spanproof.checks.proving.theorem import JOBS, Theorem, Unit
from spanproof.checks.verdict import Result
from spanproof.impl.malloc import Runtime

Done = tuple[Unit, Proof]


def story(theorem: Theorem, result: Result, done: Iterable[Done], heap_class: Any = Runtime) -> str:
    """The whole of it, as text."""
    return "\n".join(_lines(theorem, result, list(done), heap_class)) + "\n"


def _lines(theorem: Theorem, result: Result, done: list[Done], heap_class: Any) -> Iterator[str]:
    yield f"{result.verdict.value.upper():8}  {theorem.name}"
    yield f"          {theorem.says}"
    yield f"          {theorem.because}"
    yield f"          {theorem.source}"
    yield f"          {result.bound}"
    for reason in (part for part in result.reason.split("; ") if part):
        yield f"          {reason}"
    yield ""
    yield "  takes for granted:"
    for premise in dict.fromkeys(p for _, proof in done for p in granted(JOBS[proof.job]) if p in proof.premises):
        yield f"    {premise}"
    yield from (f"    {said}" for said in result.assumptions if said.startswith("NOT DONE"))
    if theorem.excludes is not None:
        yield f"    without it: {theorem.excludes(heap_class)}"
    yield ""
    yield "  contracts in place of callees, and where each is discharged:"
    contracts = {name: JOBS[p.job].protocol.calls[name].discharged for _, p in done for name in JOBS[p.job].by_contract}
    for name, where in sorted(contracts.items()):
        yield f"    {name:18} {where}"
    if not contracts:
        yield "    none: no callee is left out"
    yield ""
    yield "  proofs:"
    for unit, proof in done:
        yield from _proof(unit, proof)
    failed = [o for _, proof in done for o in proof.failed if o.kind is not Kind.REACHED]
    if failed:
        yield ""
        yield from _counterexample(failed[0])


def _proof(unit: Unit, proof: Proof) -> Iterator[str]:
    total = len(proof.obligations)
    took = f"{proof.solver_seconds:.2f} s in the solver, {proof.seconds:.2f} s in all"
    yield f"    {unit}: {JOBS[proof.job].says}"
    yield f"      {proof.paths} paths, {total} obligations, {took}"
    if proof.error:
        yield f"      {proof.error}"
    steps: Counter[tuple[str, str, int, bool]] = Counter(
        (o.kind.value, o.where, o.line, o.outcome is Outcome.PROVED) for o in proof.obligations
    )
    for (kind, where, line, met), count in sorted(steps.items(), key=lambda item: (item[0][2], item[0][0])):
        place = f"line {line}" if line else "lemma"
        yield f"      {place:9} {kind:10} {where:44} {count:4}{'' if met else '  NOT MET'}"
    for text in proof.unclaimed:
        yield f"      not spoken about: the throw {text!r}"


def _counterexample(o: Obligation) -> Iterator[str]:
    yield f"  a counterexample to induction, at {o.place} in {o.function}: {o.goal}"
    if o.lines:
        for file in dict.fromkeys(file for file, _ in o.lines):
            yield f"    by way of {file}:{' '.join(str(line) for name, line in o.lines if name == file)}"
    for name, value in o.values.items():
        yield f"    {name} = {_shown(name, value)}"


def _shown(name: str, value: str) -> str:
    """Addresses in hex."""
    address = value.isdigit() and name.rpartition(".")[2] in {"base", "limit", "byte"}
    return f"{int(value):#x}" if address else value
