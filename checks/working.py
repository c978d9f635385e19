"""All tasks of a command, with one deadline and one way to stop, and what they add up to. Read next: cli.py."""

from dataclasses import replace
from typing import TYPE_CHECKING

from spanproof.checks.faults.planting import subject
from spanproof.checks.jobs import Done, Setting, Task, Work
from spanproof.checks.pool import done_by
from spanproof.checks.progress import Progress
from spanproof.checks.record import Record
from spanproof.checks.stopping import hurrying
from spanproof.checks.verdict import Result, Verdict

if TYPE_CHECKING:
    from spanproof.checks.proving.obligations import Proof


def run(tasks: list[Task], setting: Setting, jobs: int) -> Work:
    """Do all tasks, at most `jobs` at a time, and say on stderr how far they are."""
    work = Work()
    order = {task: place for place, task in enumerate(tasks)}
    found: list[tuple[Task, Done]] = []
    progress = Progress(tasks, setting, jobs)
    try:
        for task, done in done_by(tasks, setting, jobs, work, progress):
            found.append((task, done))
            progress.done(task, done.seconds)
    finally:
        progress.close()
    found.sort(key=lambda pair: order[pair[0]])
    proofs = [(task, done.proof) for task, done in found if done.proof is not None]
    in_order = [done for _, done in found]
    work.evidence = [done.evidence for done in in_order if done.evidence is not None]
    work.series = [done.series for done in in_order if done.series is not None]
    parts = [done.part for done in in_order if done.part is not None]
    work.interrupted |= any(done.interrupted for done in in_order)
    work.unwritten = next((done.unwritten for done in in_order if done.unwritten), "")
    for done in in_order:
        if done.proof is not None:
            if done.proof is proofs[-1][1]:
                _theorems(work, proofs, setting)
        elif done.part is None:
            _keep(work, done)
            work.told |= {result.name: done.told for result in done.results[:1] if done.told}
        elif done.part is parts[-1]:
            from spanproof.checks.comparing.campaign import judge_campaign  # noqa: PLC0415  # for this task alone

            campaign = judge_campaign(parts, setting.seed)
            _keep(work, Done((campaign.result,), () if campaign.record is None else (campaign.record,)))
    return work


def _theorems(work: Work, done: "list[tuple[Task, Proof]]", setting: Setting) -> None:
    """Judge the theorems whose proofs are there."""
    if not done:
        return
    from spanproof.checks.proofs.catalogue import THEOREMS  # noqa: PLC0415  # for proofs alone
    from spanproof.checks.proofs.script import judged as judged_theorem  # noqa: PLC0415  # as above
    from spanproof.checks.proving.telling import story  # noqa: PLC0415  # as above
    from spanproof.checks.proving.theorem import JOBS, units  # noqa: PLC0415  # as above
    from spanproof.checks.reporting.words import placed  # noqa: PLC0415  # as above

    heap = subject(setting.heap, setting.fault)
    for domain in dict.fromkeys(task.domain for task, _ in done):
        proofs = {(task.name, task.release): proof for task, proof in done if task.domain == domain}
        for theorem in (t for t in THEOREMS if t.name in setting.theorems):
            needed = [u for job in theorem.proofs for u in units(JOBS[job], heap.heap_class, setting.release)]
            if any((u.job, u.release) not in proofs for u in needed):
                continue  # interrupted before they were done
            parts = [(u, proofs[u.job, u.release]) for u in needed]
            found = judged_theorem(
                theorem, parts, heap, domain, setting.release, hurrying(setting), proofs.values(), setting.without
            )
            name = theorem.name if domain == "int" else f"{theorem.name} ({domain})"
            result = replace(found.result, name=name)
            work.told[name] = story(theorem, result, parts, heap.heap_class, placed(theorem.source))
            _keep(work, Done((result,), () if found.record is None else (found.record,)))


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
