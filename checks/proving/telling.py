"""A theorem told: the claim, the verdict, what it takes for granted and where that is discharged, and each step."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from spanproof.checks.proving.jobs import granted
from spanproof.checks.proving.obligations import Kind, Obligation, Outcome, Proof
from spanproof.checks.proving.theorem import JOBS, Theorem, Unit
from spanproof.checks.verdict import Result
from spanproof.impl.malloc import Runtime

Done = tuple[Unit, Proof]
WIDTH = 100
"""Columns, as of all text reports."""


def story(theorem: Theorem, result: Result, done: Iterable[Done], heap_class: Any = Runtime, place: str = "") -> str:
    """The whole of it, as text; place: where Go says it, if more is known than the theorem says."""
    return "\n".join(_lines(theorem, result, list(done), heap_class, place or theorem.source)) + "\n"


def _said(text: str, margin: str) -> list[str]:
    """A text behind a margin, on more lines where it is long."""
    further = f"{margin}  "
    return textwrap.wrap(
        text, WIDTH, initial_indent=margin, subsequent_indent=further, break_on_hyphens=False, break_long_words=False
    )


def _lines(theorem: Theorem, result: Result, done: list[Done], heap_class: Any, place: str) -> Iterator[str]:
    yield f"{result.verdict.value.upper():8}  {theorem.name}"
    reasons = [part for part in result.reason.split("; ") if part]
    for text in (theorem.says, theorem.because, place, result.bound, *reasons):
        yield from _said(text, " " * 10)
    yield ""
    yield "  takes for granted:"
    for premise in dict.fromkeys(p for _, proof in done for p in granted(JOBS[proof.job]) if p in proof.premises):
        yield from _said(premise, "    ")
    for said in result.assumptions:
        if said.startswith("NOT DONE"):
            yield from _said(said, "    ")
    if theorem.excludes is not None:
        yield from _said(f"without it: {theorem.excludes(heap_class)}", "    ")
    yield ""
    yield "  contracts in place of callees, and where each is discharged:"
    contracts = {name: JOBS[p.job].protocol.calls[name].discharged for _, p in done for name in JOBS[p.job].by_contract}
    named = max(map(len, contracts), default=0)
    for name, where in sorted(contracts.items()):
        margin = f"    {name:{named}} "
        yield from textwrap.wrap(where, WIDTH, initial_indent=margin, subsequent_indent=" " * len(margin))
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
    yield from _said(f"{unit}: {JOBS[proof.job].says}", "    ")
    yield from _said(f"{proof.paths} paths, {total} obligations, {took}", "      ")
    if proof.error:
        yield from _said(proof.error, "      ")
    steps: Counter[tuple[str, str, int, bool]] = Counter(
        (o.kind.value, o.where, o.line, o.outcome is Outcome.PROVED) for o in proof.obligations
    )
    wide = max((len(where) for _, where, _, _ in steps), default=0)
    for (kind, where, line, met), count in sorted(steps.items(), key=lambda item: (item[0][2], item[0][0])):
        place = f"line {line}" if line else "lemma"
        yield from _step(f"      {place:9} {kind:10} ", where, f" {count:4}{'' if met else '  NOT MET'}", wide)
    for text in proof.unclaimed:
        yield from _said(f"not spoken about: the throw {text!r}", "      ")


def _step(margin: str, where: str, ends: str, wide: int) -> list[str]:
    """A step with its place, what is met there how often: below one another, also where a name needs two lines."""
    room = min(wide, WIDTH - len(margin) - len(" 9999  NOT MET"))
    first, *more = textwrap.wrap(where, room, break_on_hyphens=False) or [""]
    return [f"{margin}{first:{room}}{ends}", *(f"{' ' * len(margin)}{line}" for line in more)]


def _counterexample(o: Obligation) -> Iterator[str]:
    yield from _said(f"a counterexample to induction, at {o.place} in {o.function}: {o.goal}", "  ")
    if o.lines:
        for file in dict.fromkeys(file for file, _ in o.lines):
            lines = " ".join(str(line) for name, line in o.lines if name == file)
            yield from _said(f"by way of {file}:{lines}", "    ")
    for name, value in o.values.items():
        yield from _said(f"{name} = {_shown(name, value)}", "    ")


def _shown(name: str, value: str) -> str:
    """Addresses in hex."""
    address = value.isdigit() and name.rpartition(".")[2] in {"base", "limit", "byte"}
    return f"{int(value):#x}" if address else value
