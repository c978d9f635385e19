"""Every claim has all its faces."""

import re

import pytest

from spanproof.model.claim import Claim, Invariant, Promise, RunClaim, StepInvariant
from spanproof.model.claims import BY_NAME, CLAIMS, PROMISES, RUN_CLAIMS, THROWS, claim_of_throw
from spanproof.model.invariants import INVARIANTS, STEP_INVARIANTS


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_every_claim_has_all_its_faces(claim: Claim) -> None:
    """A claim has a name in snake_case that reads as a claim, two full sentences, a source and a fault."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", claim.name)
    for sentence in (claim.says, claim.because):
        assert sentence[0].isupper() or sentence.startswith(
            ("alloc", "pages.", "set_", "free_", "needzero", "zeroedBase")
        )
        assert sentence.endswith(".")
        assert "  " not in sentence
    assert claim.source.strip()
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", claim.fault)


def test_names_are_unique() -> None:
    """No two claims share a name."""
    assert len(BY_NAME) == len(CLAIMS) == len(INVARIANTS) + len(STEP_INVARIANTS) + len(PROMISES) + len(RUN_CLAIMS)


def test_no_two_claims_rest_on_one_fault() -> None:
    """Each claim names a fault of its own."""
    assert len({claim.fault for claim in CLAIMS}) == len(CLAIMS)


def test_both_forms_are_named_after_the_claim() -> None:
    """The formula is called `_name` and the concrete form `_holds_name`, so neither can be taken for another's."""
    for claim in CLAIMS:
        if isinstance(claim, Invariant | StepInvariant | Promise):
            assert claim.holds.__name__ == f"_holds_{claim.name}"
            assert claim.formula is None or claim.formula.__name__ == f"_{claim.name}"


def test_kinds_stand_in_their_tuples() -> None:
    """Each tuple holds claims of one kind."""
    by_kind = {Invariant: INVARIANTS, StepInvariant: STEP_INVARIANTS, Promise: PROMISES, RunClaim: RUN_CLAIMS}
    for kind, claims in by_kind.items():
        assert all(type(claim) is kind for claim in claims)


def test_a_throw_belongs_to_one_claim() -> None:
    """No text of a throw stands at two claims, and one that stands nowhere belongs to heap_never_throws."""
    texts = [text for claim in RUN_CLAIMS for text in claim.throws]
    assert len(texts) == len(set(texts)) == len(THROWS)
    assert claim_of_throw("potentially overlapping in-use allocations detected") == "overlap_throw_is_not_reached"
    assert claim_of_throw("a throw that nobody knows") == "heap_never_throws"
