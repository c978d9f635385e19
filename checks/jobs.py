"""The work of a command, cut into tasks that run side by side in processes, with one deadline and one way to stop.

Each task gives results and records and is a plain value, so a process of its own can take it. Read next: cli.py.
"""

import signal
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from spanproof.checks.again import CHECK, NOT_RUN, judged
from spanproof.checks.comparing.campaign import FEWEST_PROGRAMS, PARTS, Part, draw, judge_campaign
from spanproof.checks.comparing.history_campaign import DRAWN, SEEDED, SEEDED_CALLS, judge_histories
from spanproof.checks.comparing.walking import Counts
from spanproof.checks.exploring.grains import Grain
from spanproof.checks.exploring.reaching import judge_reach
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.exploring.walking.walks import BEST
from spanproof.checks.faults.alive import ALIVE, judge_alive
from spanproof.checks.faults.by_proofs import judge_by_proofs
from spanproof.checks.faults.planting import named, subject
from spanproof.checks.faults.table import judge_fault
from spanproof.checks.proving.evidence.certificates import read_manifest
from spanproof.checks.proving.evidence.gathering import Evidence, Wanted, gathering
from spanproof.checks.proving.obligations import Proof
from spanproof.checks.record import Record, load
from spanproof.checks.reporting.reached import told_reached
from spanproof.checks.resident import MEGABYTE, resident
from spanproof.checks.running.endless import watched
from spanproof.checks.sampling.verdicts import Sampling, judge_sampled
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.subject import REFERENCE
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import RELEASES, row

TABLES = ("mpagealloc", "mpagecache", "mpallocbits", "mranges", "mgcscavenge")
"""The files whose tests are replayed."""
INTERRUPTED = "interrupted"
GO = "go_"
"""What tasks with a Go toolchain begin with (golang/work.py has the kinds)."""


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work: check is one of _TASKS, or go_ and a kind of golang/work.py.

    Name a scenario, a file, a fault, a part, a proof, a folder of Go's.

    For prove, `name` is a job, `release` the row it is done on, `domain` its kind of words; without a domain it is a
    theorem about plain functions.
    """

    check: str
    name: str = ""
    release: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all tasks of a command share. `deadline` is on time.monotonic's clock."""

    heap: str = REFERENCE
    fault: str | None = None
    claim: str | None = None
    release: str | None = None
    seed: int = 0
    examples: int = FEWEST_PROGRAMS
    deadline: float = float("inf")
    budget: float = float("inf")
    theorems: tuple[str, ...] = ()
    """Task prove: the theorems to judge."""
    calls: int = SEEDED_CALLS
    """Of seeded histories."""
    keeps: bool = False
    """Task faults: whether the records of what was caught are kept."""
    wanted: Wanted = Wanted.NOTHING
    """Task prove: what is to be heard of proofs."""
    folder: str = ""
    """Tasks prove and recheck: what proofs are written to, or read from."""
    without: str = ""
    """Task prove: the premise that is left out."""
    solvers: tuple[str, ...] = ()
    """Task recheck: who is asked. Task prove, for stability: whose answers are heard instead of our own solver's."""
    trials: tuple[str, ...] = ()
    """Task go_interleave: those that are meant, if not all."""
    schedules: int = 0
    """Task go_interleave: so many are drawn of each family of larger programs."""
    patch: str = ""
    """Task go_check: a unified diff of the runtime; none means the text as it is."""
    sampling: Sampling | None = None
    """Task explore: schedules are drawn, instead of all interleavings searched."""
    reach: str = ""
    """Task explore: a condition on states, to which the shortest run is looked for instead."""
    grain: Grain = Grain.ACCESS
    """Task explore: where threads may be switched."""
    walk: str = BEST
    """Task explore: which walk is taken."""
    max_memory: int = 0
    """Task explore: the megabytes that a process may use; 0 sets no limit."""


BY_SPACER = "alloc_needs_zero by Spacer"
"""The task infer that has no templates."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a task gave."""

    results: tuple[Result, ...]
    records: tuple[Record, ...] = ()
    part: Part | None = None
    """Task compare: a part of the campaign, judged when all are there."""
    proof: Proof | None = None
    """Task prove: one proof; the theorems are judged when all are there."""
    told: str = ""
    """Task prove: a theorem about plain functions, told at length."""
    evidence: Evidence | None = None
    """Task prove: what was heard of it, if that was wanted."""


@dataclass(slots=True)
class Work:
    """What a command has found so far. A result's record is named when it is kept."""

    results: list[Result] = field(default_factory=list[Result])
    records: dict[str, Record] = field(default_factory=dict[str, Record])
    told: dict[str, str] = field(default_factory=dict[str, str])
    """Theorems, each told at length."""
    evidence: list[Evidence] = field(default_factory=list[Evidence])
    """What was heard of proofs."""
    interrupted: bool = False


_stop: Event | None = None


def _begin(stop: Event) -> None:
    """In a process of the pool: leave Ctrl-C to the parent, which says so through the event."""
    global _stop  # noqa: PLW0603  # what a process of the pool is given once
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _hurry(setting: Setting) -> Callable[[int], str | None]:
    def hurry(done: int) -> str | None:  # noqa: ARG001  # the signature of Hurry
        if _stop is not None and _stop.is_set():
            return INTERRUPTED
        if setting.max_memory and resident() > setting.max_memory * MEGABYTE:
            return f"the {setting.max_memory:,} MB that it may use are used up"
        return f"the budget of {setting.budget:g} s is used up" if time.monotonic() > setting.deadline else None

    return hurry


def perform(task: Task, setting: Setting) -> Done:
    """Do one task."""
    try:
        with watched():
            return _TASKS.get(task.check, _go)(task, setting)
    except NOT_RUN as e:
        return _unknown(task, f"the heap cannot be run: {e}")


def _unknown(task: Task, reason: str) -> Done:
    """What a task gives of which nothing can be said."""
    if task.check == "prove" and task.domain:
        return Done((), proof=Proof(task.name, task.release, task.domain, error=reason))
    if task.check == "compare" and task.name.isdigit():
        return Done((), part=Part(Counts(), 0.0, reason))
    if task.check == "pin":
        path = Path(task.name)
        return Done((Result(CHECK[load(path).kind], f"pinned {path.name}", Verdict.UNKNOWN, reason),))
    check = {"alive": "faults", "by_proofs": "faults", "infer": "prove", "recheck": "prove"}.get(task.check, task.check)
    return Done((Result(check, task.name, Verdict.UNKNOWN, reason),))


def _explore(task: Task, setting: Setting) -> Done:
    release = None if setting.release is None else row(setting.release)
    heap, hurry, scenario = subject(setting.heap, setting.fault), _hurry(setting), BY_NAME[task.name]
    if setting.reach:
        reached = judge_reach(scenario, heap, setting.reach, release=release, grain=setting.grain, hurry=hurry)
        return Done((reached.result,), told="" if reached.run is None else f"{told_reached(reached.run)}\n")
    if setting.sampling is not None:
        found = judge_sampled(scenario, heap, setting.sampling, release=release, only=setting.claim, hurry=hurry)
    else:
        found = judge(
            scenario,
            heap,
            release=release,
            only=setting.claim,
            grain=setting.grain,
            seed=setting.seed,
            walk=setting.walk,
            hurry=hurry,
        )
    told = f"{found.told}\n" if found.told else ""
    return Done((found.result,), () if found.record is None else (found.record,), told=told)


def _compare(task: Task, setting: Setting) -> Done:
    release = None if setting.release is None else row(setting.release)
    heap, hurry = subject(setting.heap, setting.fault), _hurry(setting)
    if not task.name.isdigit():
        found = judge_histories(task.name, heap, setting.seed, setting.calls, release, hurry)
        return Done((found.result,), () if found.record is None else (found.record,))
    releases = RELEASES if release is None else (release,)
    part = draw(heap, int(task.name), seed_=setting.seed, examples=setting.examples, releases=releases, hurry=hurry)
    return Done((), (), part)


def _tables(task: Task, setting: Setting) -> Done:
    from spanproof.checks.comparing.go_tables import judge_file  # noqa: PLC0415  # for this task alone

    return Done((judge_file(task.name, subject(setting.heap, setting.fault).heap_class),))


def _trace(task: Task, setting: Setting) -> Done:
    from spanproof.checks.tracing.verdicts import judge_trace  # noqa: PLC0415  # numpy, for this task alone

    heap = subject(setting.heap, setting.fault)
    results, records = judge_trace(Path(task.name), setting.release, heap, _hurry(setting))
    return Done(tuple(results), tuple(records))


def _prove(task: Task, setting: Setting) -> Done:
    if not task.domain:
        return _prove_plain(task, setting)
    from spanproof.checks.proving.theorem import DOMAIN_NAMES, JOBS, prove, units  # noqa: PLC0415  # z3 at work, for this task alone

    hurry = _hurry(setting)(0)
    if hurry is not None:
        return Done((), (), None, Proof(task.name, task.release, task.domain, error=hurry))
    heap = subject(setting.heap, setting.fault).heap_class
    unit = next(u for u in units(JOBS[task.name], heap, setting.release) if u.release == task.release)
    name = f"{unit} in {DOMAIN_NAMES[task.domain]}"
    with gathering(setting.wanted, setting.folder, name, setting.solvers, _hurry(setting)) as heard:
        proof = prove(unit, heap, task.domain, _hurry(setting), setting.without)
    return Done((), (), None, proof, evidence=heard())


def _prove_plain(task: Task, setting: Setting) -> Done:
    from spanproof.checks.proofs.catalogue import PLAIN_BY_NAME  # noqa: PLC0415  # for this task alone
    from spanproof.checks.proving.lifted.judging import judge_plain  # noqa: PLC0415  # as above

    with gathering(setting.wanted, setting.folder, task.name, setting.solvers, _hurry(setting)) as heard:
        found, told = judge_plain(PLAIN_BY_NAME[task.name], subject(setting.heap, setting.fault), _hurry(setting))
    records = () if found.record is None else (found.record,)
    return Done((found.result,), records, told=told, evidence=heard())


def _recheck(task: Task, setting: Setting) -> Done:
    from spanproof.checks.proving.evidence.recheck import judge_again  # noqa: PLC0415  # for this task alone

    folder = Path(setting.folder)
    certificate = next(c for c in read_manifest(folder) if c.file == task.name)
    return Done((judge_again(folder, certificate, setting.solvers, _hurry(setting)),))


def _infer(task: Task, setting: Setting) -> Done:
    from spanproof.checks.proving.inferring.infer import infer  # noqa: PLC0415  # for this task alone
    from spanproof.checks.proving.inferring.spacer import find  # noqa: PLC0415  # as above

    look = find if task.name == BY_SPACER else infer
    found = look(subject(setting.heap, setting.fault).heap_class, row(task.release), _hurry(setting))
    return Done((found.result,), told="\n".join(found.told()) + "\n", evidence=found)


def _go(task: Task, setting: Setting) -> Done:
    from spanproof.checks.golang.work import Asked  # noqa: PLC0415  # an extra
    from spanproof.checks.golang.work import judged as judged_go  # noqa: PLC0415  # as above

    heap = subject(setting.heap, setting.fault)
    release = setting.release or ""
    asked = Asked(
        heap, setting.seed, setting.calls, _hurry(setting), release, setting.trials, setting.schedules, setting.patch
    )
    return Done(*judged_go(task.check.removeprefix(GO), Path(task.name), task.release, asked))


def _go_releases(task: Task, setting: Setting) -> Done:
    from spanproof.checks.golang.drifting.drift import load as kept  # noqa: PLC0415  # an extra
    from spanproof.checks.golang.drifting.releases import survey  # noqa: PLC0415  # as above
    from spanproof.checks.golang.reading.toolchains import at, installed, of_each_release  # noqa: PLC0415  # as above

    at_hand = installed()
    chosen = of_each_release(at_hand)
    if setting.release is not None:
        chosen = {name: toolchain for name, toolchain in chosen.items() if name == setting.release}
    toolchains = [at(Path(task.name), setting.release or "")] if task.name else list(chosen.values())
    found = survey(toolchains, kept(), at_hand, setting.release, _hurry(setting))
    return Done(found.results, told=found.told)


def _pin(task: Task, setting: Setting) -> Done:
    path = Path(task.name)
    result, again = judged(load(path), subject(setting.heap, setting.fault), path.name)
    return Done((result,), () if again is None else (again,))


def _fault(task: Task, setting: Setting) -> Done:
    fault = named(task.name)
    assert fault is not None
    try:
        found = (judge_fault if task.check == "faults" else judge_by_proofs)(fault, _hurry(setting))
        return Done((found.result,), (found.record,) if found.record is not None and setting.keeps else ())
    except Exception as e:  # noqa: BLE001  # an edited text may fail in any way, and the other faults are not lost for it
        said = " ".join(f"{type(e).__name__}: {e}".split())
        return Done((Result("faults", fault.name, Verdict.UNKNOWN, f"an engine fails on it: {said[:300]}"),))


def _alive(task: Task, setting: Setting) -> Done:
    return Done((judge_alive(task.name, _hurry(setting)),))


_TASKS: dict[str, Callable[[Task, Setting], Done]] = {
    "explore": _explore,
    "compare": _compare,
    "tables": _tables,
    "prove": _prove,
    "trace": _trace,
    "infer": _infer,
    "pin": _pin,
    "recheck": _recheck,
    "faults": _fault,
    "go_releases": _go_releases,
    "by_proofs": _fault,
    "alive": _alive,
}


def _side_by_side(tasks: list[Task], setting: Setting, jobs: int, work: Work) -> Iterator[tuple[Task, Done]]:
    context = get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(stop,)) as pool:
        with _unheard():
            waiting: dict[Future[Any], Task] = {pool.submit(perform, t, setting): t for t in sorted(tasks, key=_last)}
        while waiting:
            try:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    task = waiting.pop(future)
                    if not future.cancelled():
                        yield task, _given(future, task)
            except KeyboardInterrupt:
                # The tasks under way stop soon and say how far they came; the others are not begun.
                work.interrupted = True
                stop.set()
                for future in waiting:
                    future.cancel()


def _last(task: Task) -> bool:
    """Whether it may come at the end: theorems about plain functions are the longest tasks of all, and begin early."""
    return task.check != "prove" or bool(task.domain)


@contextmanager
def _unheard() -> Generator[None]:
    """Leave Ctrl-C for later; processes that begin in between never hear of it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _given(future: Future[Done], task: Task) -> Done:
    """What a task gave; if its process was killed, that nothing is known."""
    try:
        return future.result()
    except BrokenProcessPool:
        return _unknown(task, "its process, or another beside it, was killed: give fewer --jobs if memory ran out")


def _one_by_one(tasks: list[Task], setting: Setting, work: Work) -> Iterator[tuple[Task, Done]]:
    for task in tasks:
        try:
            yield task, perform(task, setting)
        except KeyboardInterrupt:
            work.interrupted = True
            return


def run(tasks: list[Task], setting: Setting, jobs: int, told: Callable[[int, int, Task], None]) -> Work:
    """Do all tasks, at most `jobs` at a time; `told` hears of each that is done: (how many, of how many, which)."""
    work = Work()
    order = {task: place for place, task in enumerate(tasks)}
    found: list[tuple[Task, Done]] = []
    side_by_side = jobs > 1 and len(tasks) > 1
    stream = _side_by_side(tasks, setting, jobs, work) if side_by_side else _one_by_one(tasks, setting, work)
    for task, done in stream:
        found.append((task, done))
        told(len(found), len(tasks), task)
    found.sort(key=lambda pair: order[pair[0]])
    proofs = [(task, done.proof) for task, done in found if done.proof is not None]
    in_order = [done for _, done in found]
    work.evidence = [done.evidence for done in in_order if done.evidence is not None]
    parts = [done.part for done in in_order if done.part is not None]
    for done in in_order:
        if done.proof is not None:
            if done.proof is proofs[-1][1]:
                _theorems(work, proofs, setting)
        elif done.part is None:
            _keep(work, done)
            work.told |= {result.name: done.told for result in done.results[:1] if done.told}
        elif done.part is parts[-1]:
            campaign = judge_campaign(parts, setting.seed)
            _keep(work, Done((campaign.result,), () if campaign.record is None else (campaign.record,)))
    return work


def proof_tasks(names: Iterable[str], heap_class: Any, release: str | None, domains: Iterable[str]) -> list[Task]:
    """The proofs that these theorems need, each once."""
    from spanproof.checks.proofs.catalogue import BY_NAME as THEOREMS  # noqa: PLC0415  # for proofs alone
    from spanproof.checks.proving.theorem import JOBS, units  # noqa: PLC0415  # as above

    jobs = dict.fromkeys(job for name in names for job in THEOREMS[name].proofs)
    return [
        Task("prove", unit.job, unit.release, domain)
        for domain in domains
        for job in jobs
        for unit in units(JOBS[job], heap_class, release)
    ]


def plain_tasks(names: Iterable[str]) -> list[Task]:
    """Theorems about plain functions, a task for each."""
    return [Task("prove", name) for name in names]


def _theorems(work: Work, done: list[tuple[Task, Proof]], setting: Setting) -> None:
    """Judge the theorems whose proofs are there."""
    if not done:
        return
    from spanproof.checks.proofs.catalogue import THEOREMS  # noqa: PLC0415  # for proofs alone
    from spanproof.checks.proofs.script import judged as judged_theorem  # noqa: PLC0415  # as above
    from spanproof.checks.proving.telling import story  # noqa: PLC0415  # as above
    from spanproof.checks.proving.theorem import JOBS, units  # noqa: PLC0415  # as above

    heap = subject(setting.heap, setting.fault)
    for domain in dict.fromkeys(task.domain for task, _ in done):
        proofs = {(task.name, task.release): proof for task, proof in done if task.domain == domain}
        for theorem in (t for t in THEOREMS if t.name in setting.theorems):
            needed = [u for job in theorem.proofs for u in units(JOBS[job], heap.heap_class, setting.release)]
            if any((u.job, u.release) not in proofs for u in needed):
                continue  # interrupted before they were done
            parts = [(u, proofs[u.job, u.release]) for u in needed]
            found = judged_theorem(
                theorem, parts, heap, domain, setting.release, _hurry(setting), proofs.values(), setting.without
            )
            name = theorem.name if domain == "int" else f"{theorem.name} ({domain})"
            result = replace(found.result, name=name)
            work.told[name] = story(theorem, result, parts, heap.heap_class)
            _keep(work, Done((result,), () if found.record is None else (found.record,)))


def campaign_tasks() -> list[Task]:
    """The parts of the workloads."""
    return [Task("compare", str(part)) for part in range(PARTS)]


def table_tasks() -> list[Task]:
    """Go's own tests, a task for each file."""
    return [Task("tables", file) for file in TABLES]


def alive_tasks() -> list[Task]:
    """A fault for each layer, which it must catch."""
    return [Task("alive", name) for name in ALIVE]


def history_tasks() -> list[Task]:
    """Histories of the page allocator, drawn ones and seeded ones."""
    return [Task("compare", DRAWN), Task("compare", SEEDED)]


def _keep(work: Work, done: Done) -> None:
    records = list(done.records)
    for result in done.results:
        if not records or (result.verdict is not Verdict.VIOLATED and result.check != "faults"):
            work.results.append(result)
            continue
        record = records.pop(0)
        name = record_name(result, record, work.records)
        work.records[name] = record
        work.results.append(replace(result, record=name))


def record_name(result: Result, record: Record, taken: dict[str, Record]) -> str:
    """A file name for a record that no other of this run has."""
    stem = f"{result.check}-{record.name}-{record.violated.claim}".replace("/", "_").replace(" ", "_").replace(":", "")
    name, n = f"{stem}.json", 2
    while name in taken:
        name, n = f"{stem}-{n}.json", n + 1
    return name
