"""`spanproof explain`: the story of each claim, theorem and fault, with a run that breaks it."""

import re

import pytest

from spanproof.checks import cli
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.planting import PLANTABLE
from spanproof.checks.proofs.catalogue import PLAIN, THEOREMS
from spanproof.checks.reporting.words import WIDTH
from spanproof.checks.telling import counterexample, story_of, tellable
from spanproof.model.claims import BY_NAME as CLAIMS
from spanproof.model.claims import CLAIMS as ALL


def plain(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def nothing(fault: Fault, claim: str) -> None:  # as what it stands for
    """No run is found."""


def commands(story: str) -> list[list[str]]:
    """The command lines in a story that explore."""
    return [line.split() for line in re.findall(r"^  see it    spanproof (.*)$", story, re.MULTILINE)]


def test_every_claim_has_a_story_with_a_run_that_breaks_it() -> None:
    """What it says, why, where in Go, its fault, and a counterexample of that very claim, told in full."""
    for claim in ALL:
        story = story_of(claim.name)
        told = plain(story)
        assert story.startswith(f"claim {claim.name}\n")
        for part in (claim.says, claim.because, claim.source, PLANTABLE[claim.fault].says):
            assert plain(part) in told, claim.name
        assert f"VIOLATED  {claim.name}" in story, claim.name
        (command,) = commands(story)
        assert ("--release" in command) == bool(PLANTABLE[claim.fault].release), claim.name
        assert all(theorem.name in told for theorem in THEOREMS if claim.name in theorem.claims)
        assert all(line.isprintable() for line in story.splitlines())


@pytest.mark.parametrize(
    "name", ["zeroed_base_never_decreases", "published_span_is_mapped", "forced_cursor_is_above_what_is_free"]
)
def test_the_command_in_a_story_shows_the_same(name: str, capsys: pytest.CaptureFixture[str], tmp_path: object) -> None:
    """Copied and run, it breaks that claim."""
    (command,) = commands(story_of(name))
    own = PLANTABLE[CLAIMS[name].fault].scenario
    assert (command[1] == own) is (name != "published_span_is_mapped")  # another claim is broken there before it
    assert cli.main([*command, "--out", str(tmp_path)]) == 1
    assert f"VIOLATED  {name}" in capsys.readouterr().out


def test_every_name_has_a_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theorems and faults too; one that is a claim's and a theorem's is told as the claim, with the theorem in it."""
    monkeypatch.setattr("spanproof.checks.telling.counterexample", nothing)
    assert set(tellable()) == {*CLAIMS, *PLANTABLE, *(t.name for t in (*THEOREMS, *PLAIN))}
    for name, kind in tellable().items():
        story = story_of(name)
        assert story.startswith(f"{kind} {name}\n")
        long = [line for line in story.splitlines() if len(line) > WIDTH]
        assert all(re.match(r"  (see it|catches|prove it) |    [-+] ", line) for line in long), name
    for theorem in (*THEOREMS, *PLAIN):
        assert plain(theorem.says) in plain(story_of(theorem.name))
    for fault in PLANTABLE.values():
        assert plain(fault.source) in plain(story_of(fault.name))


def test_a_fault_shows_its_edit_and_a_theorem_its_proofs() -> None:
    """And each a run that breaks the claim in question."""
    story = story_of("second_fit")
    assert "    - x = complement(self.words[i], width)\n    + x = complement(self.words[i] | 1, width)\n" in story
    assert "VIOLATED  refines_the_abstract_heap" in story
    story = story_of("no_overlapping_spans")
    assert "  prove it  spanproof prove no_overlapping_spans\n" in story
    assert "VIOLATED  no_page_in_two_spans" in story


def test_what_no_small_scenario_shows_is_told_without_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The layers that show it are asked by the command that is named; what breaks nothing has none at all."""
    assert "VIOLATED" not in story_of("page_mark_not_set")
    assert counterexample(PLANTABLE["page_mark_not_set"], "no_page_in_two_spans") is None
    monkeypatch.setattr("spanproof.checks.telling.counterexample", nothing)
    story = story_of("second_fit")
    assert story.endswith("  catches   spanproof faults second_fit\n")
    assert commands(story) == []


def test_the_nearest_name_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, in one line."""
    assert cli.main(["explain", "no_page_in_two_span"]) == 2
    assert capsys.readouterr().err == (
        "spanproof: no claim, fault or theorem 'no_page_in_two_span': did you mean no_page_in_two_spans?\n"
    )
    assert cli.main(["explain", "watermark"]) == 2
    assert capsys.readouterr().err.endswith("'watermark': `spanproof list` shows what there is\n")
    assert cli.main(["explain", "fit"]) == 2
    assert "did you mean find_bit_range64_is_first_fit or " in capsys.readouterr().err
    assert cli.main(["explain", "second_fit"]) == 0
    assert capsys.readouterr().out == story_of("second_fit")
