"""The proofs in integers, each done once for all tests that look at them.

Those tests are of one group: side by side, one process has them all.
"""

from functools import cache

import pytest

from spanproof.checks.proofs.script import judged
from spanproof.checks.proving.obligations import Proof
from spanproof.checks.proving.telling import Done
from spanproof.checks.proving.theorem import JOBS, Judged, Theorem, Unit, prove, units
from spanproof.checks.subject import Subject
from spanproof.impl.malloc import Runtime

together = pytest.mark.xdist_group("proofs in integers")


@cache
def in_integers(unit: Unit) -> Proof:
    """One proof about the reference heap."""
    return prove(unit, Runtime, "int")


def proved(theorem: Theorem) -> tuple[Judged, list[Done]]:
    """All proofs of a theorem, and the verdict over them."""
    done = [(unit, in_integers(unit)) for name in theorem.proofs for unit in units(JOBS[name], Runtime)]
    return judged(theorem, done, Subject(), "int", None), done
