"""A fault is put to the proofs alone: the obligation that fails is named, and unknown is never green."""

import json
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.exploring.verdicts import Judged
from spanproof.checks.faults import by_proofs
from spanproof.checks.faults.by_proofs import ALL_HOLD, NO_PROOF, judge_by_proofs
from spanproof.checks.faults.planting import PLANTABLE
from spanproof.checks.faults.proofs_page import proofs_page
from spanproof.checks.verdict import Result, Verdict


def judged(name: str) -> Judged:
    """What the proofs make of a fault."""
    return judge_by_proofs(PLANTABLE[name], lambda _: None)


def test_an_obligation_is_named_and_a_run_reaches_what_it_breaks() -> None:
    """With the theorem, the place in the text, and the size of the run."""
    found = judged("plain_store_for_cas")
    assert found.result.verdict is Verdict.HOLDS
    assert found.record is not None
    assert found.result.counts["steps"] == len(found.record.steps)
    assert "heap.py:" in found.result.bound
    assert "guarantee, write of zeroedBase: " in found.result.bound


def test_one_of_plain_functions_is_named_too() -> None:
    """By its lemma."""
    found = judged("second_fit")
    assert found.result.verdict is Verdict.HOLDS
    assert found.result.bound.startswith("find1_finds_the_lowest_free_page: ")
    assert found.record is not None
    assert found.record.kind == "inputs"


def test_what_breaks_nothing_holds() -> None:
    """All proofs that run it hold, as they must."""
    found = judged("dirty_where_zeroed_base_begins").result
    assert (found.verdict, found.bound) == (Verdict.HOLDS, ALL_HOLD)


def test_a_counterexample_that_is_not_reached_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The obligation is named all the same."""

    def nothing(*_: object) -> Judged:
        return Judged(Result("prove", "t", Verdict.UNKNOWN))

    monkeypatch.setattr(by_proofs, "judged", nothing)
    found = judged("plain_store_for_cas").result
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason == "its counterexample was not reached"
    assert (found.counts["failed"], found.counts["reached"]) == (1, 0)


def test_what_is_not_asked_in_time_has_not_failed() -> None:
    """It is unknown, with the reason, and on the page it stands by itself."""
    found = judge_by_proofs(PLANTABLE["plain_store_for_cas"], lambda _: "no time").result
    assert (found.verdict, found.reason, found.counts["failed"]) == (Verdict.UNKNOWN, "no time", 0)
    page = proofs_page([found])
    assert "1 were not asked in time" in page
    assert "## No time\n\n* `plain_store_for_cas`" in page


def test_what_no_proof_runs_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is what no proof notices."""

    def nobody(_: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(by_proofs, "protocols_of", nobody)
    monkeypatch.setattr(by_proofs, "speaking_of", nobody)
    found = judged("plain_store_for_cas").result
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, NO_PROOF)


def test_the_command_writes_what_the_page_is_made_of(tmp_path: Path) -> None:
    """One fault, as JSON; the page says the same."""
    place = tmp_path / "faults.json"
    assert cli.main(["faults", "plain_store_for_cas", "--proofs", "--json", str(place), "--jobs", "1"]) == 0
    (found,) = json.loads(place.read_text())["results"]
    result = Result("faults", found["name"], Verdict(found["verdict"]), bound=found["bound"], counts=found["counts"])
    page = proofs_page([result])
    assert f"| `plain_store_for_cas` | {result.bound} | reached, {result.counts['steps']} steps |" in page
    assert "1 faults: of 1 an obligation fails, and of 1 of these a run reaches" in page
