"""Who may catch a fault: proofs, search, workloads, histories, Go's tables, traces. Each as quick as it can be.

A layer is asked of a heap with the fault planted, and gives its first counterexample: a record, or the row of Go's
table that differs. What it takes to make the counterexample small does not count as time to find it. Read next:
equivalence.py.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from spanproof.checks.again import NOT_RUN, replayed
from spanproof.checks.comparing.campaign import draw
from spanproof.checks.comparing.go_tables import FILES, differences, sub_tests
from spanproof.checks.comparing.living import live, record_of, shrunk
from spanproof.checks.comparing.plans import SHAPES, SMALL_SHAPES, seeded
from spanproof.checks.exploring.explaining.why import small_and_explained
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.fault import Fault, in_page_allocator
from spanproof.checks.faults.speaking import names_of, speaking_of, theorems_of
from spanproof.checks.proofs.script import judged
from spanproof.checks.proving.closed_world import covered
from spanproof.checks.proving.lifted.judging import judge_plain
from spanproof.checks.proving.obligations import Proof
from spanproof.checks.proving.theorem import JOBS, Theorem, Unit, prove, units
from spanproof.checks.record import Record
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import BY_NAME, CLEAN, HOLDING
from spanproof.checks.subject import Subject
from spanproof.checks.tracing.predicted import finding_of_first, predict_trace
from spanproof.checks.tracing.reading import read_trace
from spanproof.checks.tracing.replaying import record_of as record_of_trace
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.releases import NEWEST

Hurry = Callable[[int], str | None]
MOST_STATES = 24_000
"""Scenarios with more are not searched."""
PROGRAMS = 80
"""Workloads drawn for one fault."""
CALLS = (400, 2_000)
"""Of the histories on each shape of heap: first short ones, then longer ones."""
ROWS = 12_000
"""Of a recorded trace."""
SHRINK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Kill:
    """A fault caught by a layer."""

    layer: str
    seconds: float
    """Until the first counterexample."""
    where: str
    """The scenario, the theorem, the shape of heap, the trace or Go's test that shows it."""
    claim: str
    size: int
    """Steps, calls, numbers or rows of the counterexample."""
    switches: int = 0
    record: Record | None = None
    """Of Go's tables there is none: the call of the test is its own."""


Caught = Kill | None
Layer = Callable[[Fault, Subject, Hurry], Caught]


def by_search(fault: Fault, heap: Subject, hurry: Hurry) -> Caught:
    """The first counterexample in the catalogue, small scenarios first; the fault's own has no place of honour.

    Only where nothing is found is the claim that the fault is filed under judged alone, in its own scenario.
    """
    began = time.perf_counter()
    small = sorted((s for s in HOLDING if s.states <= MOST_STATES), key=lambda s: s.states)
    last = [(BY_NAME[fault.scenario], fault.claim)] if fault.scenario else []
    for scenario, claim in (*((s, "") for s in small), *last):
        record = _searched(scenario, claim, heap, hurry)
        if record is not None:
            seconds = time.perf_counter() - began
            record = small_and_explained(record, heap)
            steps, broken = len(record.steps), record.violated.claim
            return Kill("explore", seconds, scenario.name, broken, steps, record.switches, record)
        if hurry(0) is not None:
            return None
    return None


def _searched(scenario: Scenario, claim: str, heap: Subject, hurry: Hurry) -> Record | None:
    """What breaks in a scenario, judged by all claims, else by one alone; None too where the text cannot be run."""
    try:
        record = judge(scenario, heap, hurry=hurry, small=False).record
        if record is None and scenario in CLEAN and scenario.only not in {None, claim}:
            record = judge(replace(scenario, only=None), heap, hurry=hurry, small=False).record
        if record is None and claim:
            record = judge(scenario, heap, only=claim, hurry=hurry, small=False).record
    except NOT_RUN:
        return None
    return record


def by_workloads(fault: Fault, heap: Subject, hurry: Hurry) -> Caught:  # noqa: ARG001  # one signature for all
    """The first counterexample in programs from Hypothesis."""
    began = last = time.perf_counter()

    def told(done: int) -> str | None:
        nonlocal last
        last = time.perf_counter()  # it is told before each program, until one breaks something
        return hurry(done)

    try:
        record = draw(heap, 0, examples=PROGRAMS, hurry=told, shrink_seconds=SHRINK_SECONDS).record
    except NOT_RUN:
        return None
    if record is None:
        return None
    seconds = last - began
    return Kill("compare", seconds, "workloads", record.violated.claim, len(record.steps), record.switches, record)


def by_histories(fault: Fault, heap: Subject, hurry: Hurry) -> Caught:
    """The first history that differs from the abstract page allocator's."""
    if not in_page_allocator(fault):
        return None
    began = time.perf_counter()
    for number, (length, shape) in enumerate((n, s) for n in CALLS for s in SHAPES):
        plan = seeded(shape, NEWEST, number, length)
        every = 1 if shape in SMALL_SHAPES else 100
        if live(plan, heap.heap_class, every, {}).broken is not None:
            seconds = time.perf_counter() - began
            small = shrunk(plan, heap.heap_class, SHRINK_SECONDS)
            record = record_of("seeded histories", small, heap)
            if record is not None:
                claim = record.violated.claim
                return Kill("histories", seconds, shape.geometry.name, claim, len(small.calls), 0, record)
        if hurry(0) is not None:
            return None
    return None


def by_tables(fault: Fault, heap: Subject, hurry: Hurry) -> Caught:
    """The first call of Go's own tests that gives something else."""
    if not in_page_allocator(fault):
        return None
    began = time.perf_counter()
    for test in (test for file in FILES for test in sub_tests(file)):
        if next(differences(test, heap.heap_class), ""):
            return Kill("tables", time.perf_counter() - began, str(test), "", len(test.calls))
        if hurry(0) is not None:
            return None
    return None


def by_traces(fault: Fault, heap: Subject, hurry: Hurry) -> Caught:
    """The first event of a recorded program that the text gives otherwise."""
    if not in_page_allocator(fault):
        return None
    began = time.perf_counter()
    for path in RECORDED:
        whole = read_trace(path, None)
        trace = replace(whole.excerpt(np.arange(min(ROWS, len(whole)))), numbers=None)
        predicted = predict_trace(trace, len(trace), heap.heap_class, hurry)
        if predicted.row is not None:
            seconds = time.perf_counter() - began
            found = finding_of_first(trace, predicted, heap.heap_class)
            if found is not None:
                record = record_of_trace(found, path.name, heap)
                return Kill("traces", seconds, path.stem, found.claim.name, len(found.excerpt), 0, record)
    return None


def by_proof(fault: Fault, heap: Subject, hurry: Hurry) -> Caught:
    """The first theorem that speaks of an edited function, and is false: with a counterexample that runs."""
    began = time.perf_counter()
    for plain_theorem in speaking_of(fault):
        record = judge_plain(plain_theorem, heap, hurry)[0].record
        if record is not None:
            size = len(record.program["inputs"]) if "inputs" in record.program else 1
            return Kill("prove", time.perf_counter() - began, plain_theorem.name, "", size, 0, record)
    for theorem in theorems_of(fault):
        found = judged(theorem, proofs_of(theorem, fault, heap, hurry), heap, "int", None, hurry)
        record = found.record
        if found.result.verdict is Verdict.VIOLATED and record is not None:
            seconds, claim = time.perf_counter() - began, record.violated.claim
            return Kill("prove", seconds, theorem.name, claim, len(record.steps), record.switches, record)
    return None


def proofs_of(theorem: Theorem, fault: Fault, heap: Subject, hurry: Hurry) -> list[tuple[Unit, Proof]]:
    """Those proofs of a theorem that run an edited function; all, if what is edited only computes for a step."""
    names = names_of(fault)
    named = {name: {n.rpartition(".")[2] for n in covered([JOBS[name]], Runtime)} for name in theorem.proofs}
    running = [JOBS[name] for name in theorem.proofs if names & named[name]] or [JOBS[name] for name in theorem.proofs]
    return [
        (unit, prove(unit, heap.heap_class, "int", hurry)) for job in running for unit in units(job, heap.heap_class)
    ]


LAYERS: Mapping[str, Layer] = {
    "explore": by_search,
    "tables": by_tables,
    "histories": by_histories,
    "traces": by_traces,
    "compare": by_workloads,
    "prove": by_proof,
}


def quickest(fault: Fault) -> tuple[str, ...]:
    """The layers that are asked first where one is enough: those that are quick, or find most, with this fault."""
    if not in_page_allocator(fault):
        return ("explore",)
    proof = ("prove",) if any(speaking_of(fault)) else ()
    return ("tables", "histories", *proof, "traces", "explore")


def is_shown_again(kill: Kill, heap: Subject) -> bool:
    """Whether its record replays; of Go's tables, whether the same call differs again."""
    if kill.record is not None:
        return not replayed(kill.record, heap).difference
    tests = (test for file in FILES for test in sub_tests(file))
    return any(str(test) == kill.where and next(differences(test, heap.heap_class), "") for test in tests)


def caught(fault: Fault, heap: Subject, hurry: Hurry, layers: Iterable[str], *, only_first: bool) -> Iterator[Kill]:
    """What each of these layers makes of a fault, those that catch it with what replays; or the first of them."""
    for layer in layers:
        kill = LAYERS[layer](fault, heap, hurry)
        if kill is not None and is_shown_again(kill, heap):
            yield kill
            if only_first:
                return
        if hurry(0) is not None:
            return
