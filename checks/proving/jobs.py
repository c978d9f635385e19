"""One proof: a function of the heap, or a lemma, with what it starts from and what must be true when it returns.

Read next: zeroing_jobs.py, and theorem.py for what they add up to.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from spanproof.checks.proving import building
from spanproof.checks.proving.arms import Arm, noted
from spanproof.checks.proving.cuts import LiftError, lifted
from spanproof.checks.proving.engine import UNPREEMPTED, Engine
from spanproof.checks.proving.footprint import recursion
from spanproof.checks.proving.heaps import function_of
from spanproof.checks.proving.obligations import Proof
from spanproof.checks.proving.protocol import Protocol
from spanproof.checks.proving.stopping import Hurry, OutOfTimeError, heeding, patient
from spanproof.model.geometry import GO_AMD64, Geometry
from spanproof.model.logic import Claims
from spanproof.model.releases import Release

GO = replace(GO_AMD64, spans=1 << 32, arenas=((1 << 47) - GO_AMD64.heap_base) // GO_AMD64.arena_size)
"""Go's real constants, with all the arenas that the address space has, and more mspans than any heap: with none, a loop
over them would never be looked at."""
GEOMETRY = f"the sizes are those of linux/amd64, and its address space has {GO.arenas:,} arenas"
LARGE = replace(GO, name="go-amd64, large pages", phys_page_size=64 << 10)
"""The same on a system whose pages are eight times as large as the heap's, as some are."""
LARGE_PAGES = "one proof is of a system whose pages have 64 KiB"
DOMAINS = {"int": None, "bv64": 64}
"""Unbounded integers, and 64-bit words."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a function begins: its arguments, what is true when it returns, and the locks it returns with."""

    args: tuple[Any, ...]
    ensures: Callable[[Any], Claims]
    at_return: frozenset[str] = frozenset()


def every(release: Release) -> bool:  # noqa: ARG001  # a test of releases
    """Every release."""
    return True


@dataclass(frozen=True, slots=True)
class Premise:
    """What is taken for granted of the system, and can be left out to see what depends on it."""

    name: str
    says: str
    claim: Callable[[Engine], Any]
    without: tuple[tuple[str, Any], ...]
    """The switches of a program in which it is not so."""


@dataclass(frozen=True, slots=True)
class Job:
    """A proof."""

    name: str
    says: str
    protocol: type[Protocol]
    function: str
    """`alloc`, `os.memclr`; empty for a lemma."""
    begin: Callable[[Any], Start]
    """Sets the protocol up. A lemma shows its goals here."""
    by_contract: tuple[str, ...] = ()
    throws: tuple[str, ...] = ()
    """The throws that it shows not to be reached."""
    no_throw: bool = False
    """None is, whatever it says."""
    applies: Callable[[Release], bool] = every
    premises: tuple[str, ...] = ()
    removable: tuple[Premise, ...] = ()
    geometry: Geometry = GO


@building.afresh()
def run(
    job: Job, heap_class: Any, release: Release, domain: str = "int", geometry: Geometry | None = None,
    hurry: Hurry = patient, called: str = "", without: str = "", engine_class: type[Engine] = Engine,
) -> Proof:  # fmt: skip
    """Do one proof. hurry: asked now and then for a reason to stop. called: the row's name. without: this premise."""
    started, geometry = time.perf_counter(), geometry or job.geometry
    engine = engine_class(geometry, DOMAINS[domain], job.throws, hurry, no_throw=job.no_throw)
    error, taken = "", frozenset[Arm]()
    try:
        protocol = job.protocol(engine, heap_class, release)
        _place(engine, heap_class, job)
        tracing, engine.preemptible = engine.fresh_truth("tracing"), engine.fresh_truth("preemptible")
        engine.unused_zeroes = engine.fresh_truth("unused_zeroes")
        for premise in job.removable:
            engine.assume(premise.claim(engine) if premise.name != without else True)
        start = job.begin(protocol)
        if job.function:
            callers = engine.held & {UNPREEMPTED}
            _refuse_recursion(heap_class, job)
            text = lifted(heap_class, job.by_contract)
            switches = {"tracing": tracing, "preemptible": engine.preemptible, **_some_p(engine), **_any_system(engine)}
            heap = text(geometry, release, **switches)
            function = heap
            for part in job.function.split("."):
                function = getattr(function, part)
            with noted() as arms, heeding(hurry):
                engine.run(lambda: function(*start.args), start.ensures, start.at_return | callers)
            taken = frozenset(arms)
    except OutOfTimeError as e:
        error = str(e)
    except LiftError as e:
        error = f"the text cannot be read with symbols: {e}"
    except Exception as e:  # noqa: BLE001  # a text may fail in any way when it is read with symbols
        # A solver that was told to stop may say so in the middle of a question, or of reading.
        error = hurry(0) or f"the text cannot be read with symbols: {engine.where()}: {type(e).__name__}: {e}"
    return Proof(
        job.name,
        called or release.name,
        domain,
        tuple(engine.obligations),
        engine.paths,
        time.perf_counter() - started,
        tuple(engine.vacuous),
        tuple(engine.unclaimed),
        error,
        premises(job, without),
        taken,
    )


def _some_p(engine: Engine) -> dict[str, Any]:
    """A thread with any P or none, and any limits."""
    words = {name: engine.fresh(name) for name in ("p", "memory_limit", "gc_percent_goal")}
    return {**{name: engine.fresh_truth(name) for name in ("has_p", "aligned_stacks")}, **words}


def _any_system(engine: Engine) -> dict[str, Any]:
    """A system that may refuse memory, and may leave what is returned to it as it was."""
    words = {name: engine.fresh(name) for name in ("reservations", "mappings")}
    return {**words, "unused_zeroes": engine.unused_zeroes}


def _refuse_recursion(heap_class: Any, job: Job) -> None:
    """Without a contract its paths have no end."""
    chain = recursion(heap_class, job.function, frozenset(job.by_contract))
    if chain:
        raise LiftError(f"{' calls '.join(chain)}: a function that calls itself needs a contract")


def premises(job: Job, without: str = "") -> tuple[str, ...]:
    """What a job takes for granted, with where each contract is discharged."""
    calls = job.protocol.calls
    contracts = (f"{n} by its contract ({calls[n].discharged})" for n in job.by_contract if n in calls)
    return (*granted(job, without), *contracts)


def granted(job: Job, without: str = "") -> tuple[str, ...]:
    """What a job takes for granted besides contracts."""
    removable = (premise.says for premise in job.removable if premise.name != without)
    large = () if job.geometry is GO else (LARGE_PAGES,)
    return (GEOMETRY, *large, *job.premises, *removable, *job.protocol.entrusted.values())


def _place(engine: Engine, heap_class: Any, job: Job) -> None:
    """Where the obligations of a lemma stand."""
    if not job.function:
        engine.at("model/contracts", job.name, 0)
        return
    function = function_of(heap_class, job.function)
    if function is None:
        raise LiftError(f"{heap_class.__name__} has no function {job.function}")
    code = function.__code__
    engine.at(code.co_filename.rpartition("/")[2], code.co_name, code.co_firstlineno)
