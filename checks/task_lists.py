"""The tasks that a kind of check is cut into. Read next: stopping.py."""

from collections.abc import Iterable
from typing import Any

from spanproof.checks.comparing.campaign import PARTS
from spanproof.checks.comparing.history_campaign import DRAWN, SEEDED
from spanproof.checks.faults.alive import ALIVE
from spanproof.checks.jobs import Task

TABLES = ("mpagealloc", "mpagecache", "mpallocbits", "mranges", "mgcscavenge")
"""The files whose tests are replayed."""


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
