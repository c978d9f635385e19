"""What an access means to proofs is what impl/access.py says: each edit there turns them red."""
# ruff: noqa: ARG005
# pyright: reportUnknownLambdaType=false
# A meaning takes all arguments of its access.

from collections.abc import Callable
from typing import Any

import pytest

from spanproof.checks.proving import operations
from spanproof.checks.proving.theorem import JOBS, prove, units
from spanproof.impl import access
from spanproof.impl.access import BLOCKED
from spanproof.impl.malloc import Runtime

Meaning = Callable[..., tuple[Any, Any]]
EDITS: dict[str, tuple[str, Meaning, str]] = {
    "a swap that fails says that it did not": (
        "compare_and_swap", lambda v, _, old, new: (v, True), "alloc_needs_zero"),
    "a swap never looks": ("compare_and_swap", lambda v, _, old, new: (new, True), "alloc_needs_zero"),
    "a store is lost": ("store", lambda v, _, new: (v, None), "init_span"),
    "a plain write is lost": ("write", lambda v, _, new: (v, None), "init_span: needzero"),
    "a load changes the word": ("load", lambda v, _: (0, v), "alloc_needs_zero"),
    "a read is one off": ("read", lambda v, _: (v, v + 1), "clear"),
    "an or clears": ("or8", lambda v, _, mask: (v & ~mask, None), "init_span"),
    "an and sets": ("and8", lambda v, _, mask: (v | ~mask, None), "free_span_locked"),
    "an add gives the old value": ("add", lambda v, _, delta: (v + delta, v), "reclaim"),
    "an operation is done twice": (
        "update", lambda v, _, operation, *args: operation(operation(v, *args)[0], *args), "alloc_span"),
    "a lock that is held is taken": ("lock", lambda v, thread: (thread + 1, None), "alloc_span"),
    "anybody unlocks": ("unlock", lambda v, _: (0, None), "alloc_span"),
    "the world stops under a thread": ("stop", lambda v, _: (access.STOPPED, None), "gc_cycle"),
    "who is about to begin is not kept waiting": ("acquirem", lambda v, _: (v + 1, None), "bgsweep"),
    "the world never starts": ("start", lambda v, _: (v, BLOCKED), "gc_cycle"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_another_meaning_turns_a_proof_red(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proofs have no second table of meanings that could stay as it was."""
    kind, meaning, job = EDITS[name]
    monkeypatch.setitem(access.__dict__["MEANING"], kind, meaning)
    operations.keeps_its_word.cache_clear()
    operations.locks_keep_their_word.cache_clear()
    try:
        named = [job] if job in JOBS else ["alloc", "malloc_large", "free_span"]
        proofs = [prove(unit, Runtime, "int") for n in named for unit in units(JOBS[n], Runtime)]
    finally:
        operations.keeps_its_word.cache_clear()
        operations.locks_keep_their_word.cache_clear()

    assert any(proof.failed or proof.error or proof.vacuous for proof in proofs)
