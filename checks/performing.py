"""One task done, of whatever kind: what a kind needs is imported for it alone. Read next: pool.py."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from spanproof.checks.again import CHECK, NOT_RUN, judged
from spanproof.checks.failing import told
from spanproof.checks.faults.planting import named, subject
from spanproof.checks.jobs import BY_SPACER, GO, Done, Setting, Task
from spanproof.checks.record import load
from spanproof.checks.running.endless import watched
from spanproof.checks.stopping import hurrying
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import RELEASES, row

if TYPE_CHECKING:
    from spanproof.checks.exploring.keeping.checkpoint import Keeping


def perform(task: Task, setting: Setting) -> Done:
    """Do one task."""
    began = time.monotonic()
    try:
        with watched():
            done = _TASKS.get(task.check, _go)(task, setting)
    except NOT_RUN as e:
        done = unknown(task, f"the heap cannot be run: {e}")
    except SystemExit as e:  # nothing of ours exits here
        done = unknown(task, f"the heap cannot be run: the heap's text fails: {told(e)}")
    return replace(done, seconds=time.monotonic() - began)


def unknown(task: Task, reason: str) -> Done:
    """What a task gives of which nothing can be said."""
    if task.check == "prove" and task.domain:
        from spanproof.checks.proving.obligations import Proof  # noqa: PLC0415  # for this task alone

        return Done((), proof=Proof(task.name, task.release, task.domain, error=reason))
    if task.check == "compare" and task.name.isdigit():
        from spanproof.checks.comparing.campaign import Part  # noqa: PLC0415  # for this task alone
        from spanproof.checks.comparing.walking import Counts  # noqa: PLC0415  # as above

        return Done((), part=Part(Counts(), 0.0, reason))
    if task.check == "pin":
        path = Path(task.name)
        return Done((Result(CHECK[load(path).kind], f"pinned {path.name}", Verdict.UNKNOWN, reason),))
    check = {"alive": "faults", "by_proofs": "faults", "infer": "prove", "recheck": "prove"}.get(task.check, task.check)
    return Done((Result(check, task.name, Verdict.UNKNOWN, reason),))


def _explore(task: Task, setting: Setting) -> Done:
    from spanproof.checks.exploring.verdicts import judge  # noqa: PLC0415  # for this task alone
    from spanproof.checks.scenarios import BY_NAME  # noqa: PLC0415  # as above

    release = None if setting.release is None else row(setting.release)
    heap, hurry, scenario = subject(setting.heap, setting.fault), hurrying(setting), BY_NAME[task.name]
    if setting.reach:
        from spanproof.checks.exploring.reaching import judge_reach  # noqa: PLC0415  # for this task alone
        from spanproof.checks.reporting.reached import told_reached  # noqa: PLC0415  # as above

        reached = judge_reach(scenario, heap, setting.reach, release=release, grain=setting.grain, hurry=hurry)
        return Done((reached.result,), told="" if reached.run is None else f"{told_reached(reached.run)}\n")
    keeping = _keeping(setting)
    if setting.sampling is not None:
        from spanproof.checks.sampling.verdicts import judge_sampled  # noqa: PLC0415  # for this task alone

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
            reductions=setting.reductions,
            hurry=hurry,
            keeping=keeping,
        )
    told = f"{found.told}\n" if found.told else ""
    done = Done((found.result,), () if found.record is None else (found.record,), told=told)
    if keeping is None:
        return done
    return replace(done, told=told + keeping.told, interrupted=keeping.interrupted, unwritten=keeping.unwritten)


def _keeping(setting: Setting) -> "Keeping | None":
    """Where a search is kept: where that is said, or where it was before."""
    if not (setting.checkpoint or setting.resume):
        return None
    from spanproof.checks.exploring.keeping.checkpoint import Keeping  # noqa: PLC0415  # for this task alone
    from spanproof.checks.faults.edit import effect  # noqa: PLC0415  # as above

    fault = None if setting.fault is None else named(setting.fault)
    resume = Path(setting.resume) if setting.resume else None
    edits = "" if fault is None else repr(effect(fault.edits))
    return Keeping(Path(setting.checkpoint or setting.resume), resume, edits)


def _compare(task: Task, setting: Setting) -> Done:
    from spanproof.checks.comparing.campaign import draw  # noqa: PLC0415  # for this task alone
    from spanproof.checks.comparing.history_campaign import judge_histories  # noqa: PLC0415  # as above

    release = None if setting.release is None else row(setting.release)
    heap, hurry = subject(setting.heap, setting.fault), hurrying(setting)
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
    from spanproof.checks.tracing.verdicts import judge_and_count  # noqa: PLC0415  # numpy, for this task alone

    heap = subject(setting.heap, setting.fault)
    judged = judge_and_count(Path(task.name), setting.release, heap, hurrying(setting))
    return Done(judged.results, judged.records, series=judged.series)


def _prove(task: Task, setting: Setting) -> Done:
    if not task.domain:
        return _prove_plain(task, setting)
    from spanproof.checks.proving.evidence.gathering import gathering  # noqa: PLC0415  # for this task alone
    from spanproof.checks.proving.obligations import Proof  # noqa: PLC0415  # as above
    from spanproof.checks.proving.theorem import DOMAIN_NAMES, JOBS, prove, units  # noqa: PLC0415  # z3 at work

    hurry = hurrying(setting)(0)
    if hurry is not None:
        return Done((), (), None, Proof(task.name, task.release, task.domain, error=hurry))
    heap = subject(setting.heap, setting.fault).heap_class
    unit = next(u for u in units(JOBS[task.name], heap, setting.release) if u.release == task.release)
    name = f"{unit} in {DOMAIN_NAMES[task.domain]}"
    with gathering(setting.wanted, setting.folder, name, setting.solvers, hurrying(setting)) as heard:
        proof = prove(unit, heap, task.domain, hurrying(setting), setting.without)
    return Done((), (), None, proof, evidence=heard())


def _prove_plain(task: Task, setting: Setting) -> Done:
    from spanproof.checks.proofs.catalogue import PLAIN_BY_NAME  # noqa: PLC0415  # for this task alone
    from spanproof.checks.proving.evidence.gathering import gathering  # noqa: PLC0415  # as above
    from spanproof.checks.proving.lifted.judging import judge_plain  # noqa: PLC0415  # as above

    with gathering(setting.wanted, setting.folder, task.name, setting.solvers, hurrying(setting)) as heard:
        found, told = judge_plain(PLAIN_BY_NAME[task.name], subject(setting.heap, setting.fault), hurrying(setting))
    records = () if found.record is None else (found.record,)
    return Done((found.result,), records, told=told, evidence=heard())


def _recheck(task: Task, setting: Setting) -> Done:
    from spanproof.checks.proving.evidence.certificates import read_manifest  # noqa: PLC0415  # for this task alone
    from spanproof.checks.proving.evidence.recheck import judge_again  # noqa: PLC0415  # as above

    folder = Path(setting.folder)
    certificate = next(c for c in read_manifest(folder) if c.file == task.name)
    return Done((judge_again(folder, certificate, setting.solvers, hurrying(setting)),))


def _infer(task: Task, setting: Setting) -> Done:
    from spanproof.checks.proving.inferring.infer import infer  # noqa: PLC0415  # for this task alone
    from spanproof.checks.proving.inferring.spacer import find  # noqa: PLC0415  # as above

    look = find if task.name == BY_SPACER else infer
    found = look(subject(setting.heap, setting.fault).heap_class, row(task.release), hurrying(setting))
    return Done((found.result,), told="\n".join(found.told()) + "\n", evidence=found)


def _go(task: Task, setting: Setting) -> Done:
    from spanproof.checks.golang.work import Asked  # noqa: PLC0415  # an extra
    from spanproof.checks.golang.work import judged as judged_go  # noqa: PLC0415  # as above

    heap = subject(setting.heap, setting.fault)
    release = setting.release or ""
    asked = Asked(
        heap, setting.seed, setting.calls, hurrying(setting), release, setting.trials, setting.schedules, setting.patch
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
    found = survey(toolchains, kept(), at_hand, setting.release, hurrying(setting))
    return Done(found.results, told=found.told)


def _pin(task: Task, setting: Setting) -> Done:
    path = Path(task.name)
    result, again = judged(load(path), subject(setting.heap, setting.fault), path.name)
    return Done((result,), () if again is None else (again,))


def _fault(task: Task, setting: Setting) -> Done:
    from spanproof.checks.faults.by_proofs import judge_by_proofs  # noqa: PLC0415  # for this task alone
    from spanproof.checks.faults.table import judge_fault  # noqa: PLC0415  # as above

    fault = named(task.name)
    assert fault is not None
    try:
        found = (judge_fault if task.check == "faults" else judge_by_proofs)(fault, hurrying(setting))
        return Done((found.result,), (found.record,) if found.record is not None and setting.keeps else ())
    except Exception as e:  # noqa: BLE001  # an edited text may fail in any way, and the other faults are not lost for it
        said = " ".join(f"{type(e).__name__}: {e}".split())
        return Done((Result("faults", fault.name, Verdict.UNKNOWN, f"an engine fails on it: {said[:300]}"),))


def _alive(task: Task, setting: Setting) -> Done:
    from spanproof.checks.faults.alive import judge_alive  # noqa: PLC0415  # for this task alone

    return Done((judge_alive(task.name, hurrying(setting)),))


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
