"""An invariant that nobody wrote is found on the text of alloc_needs_zero, and not on one that is wrong."""

import time

import pytest

from spanproof.checks import cli
from spanproof.checks.faults.planting import subject
from spanproof.checks.proving.inferring import sieve, templates
from spanproof.checks.proving.inferring.infer import Inferred, infer
from spanproof.checks.proving.inferring.pools import Pools
from spanproof.checks.proving.inferring.sieve import Heart
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.releases import NEWEST

pytestmark = pytest.mark.xdist_group("inferring")  # what they find is found once, in one process


@pytest.fixture(scope="module")
def found() -> Inferred:
    """What is found on the reference."""
    return infer(Runtime, NEWEST)


def test_it_is_found_on_the_reference(found: Inferred) -> None:
    """And proved, with few of many candidates."""
    assert found.result.verdict is Verdict.HOLDS, found.result.reason
    assert found.result.counts["candidates"] > 1_500
    assert found.result.counts["kept"] < 100


def test_it_says_what_the_written_one_says(found: Inferred) -> None:
    """What took the study longest to find is among it: three comparisons in one clause, and who raises it to where."""
    seen = "zeroedBase = zeroed_base or zeroedBase <= arena_base or zeroedBase > arena_limit"
    assert f"if base is in the byte's arena: {seen}" in found.kept["alloc_needs_zero loop 1 invariant"]
    assert "zeroedBase does not fall" in found.kept["rely"]
    assert "zeroedBase stays or not: zeroedBase ends in my region" in found.kept["rely"]
    assert "base + npage pages = my limit" in found.kept["alloc_needs_zero loop 0 invariant"]


@pytest.mark.parametrize(
    "fault", ["plain_store_for_cas", pytest.param("need_zero_skips_zeroed_base", marks=pytest.mark.long)]
)
def test_none_is_found_where_the_text_is_wrong(fault: str) -> None:
    """An obligation is named that is not met."""
    wrong = infer(subject(fault=fault).heap_class, NEWEST)
    assert wrong.result.verdict is Verdict.UNKNOWN
    assert "heap.py:" in wrong.result.reason
    assert not wrong.kept


def test_templates_that_say_too_little_are_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two comparisons in a clause none is found: what is left must be a proof."""
    monkeypatch.setattr(templates, "PLACED", 2)
    assert infer(Runtime, NEWEST).result.verdict is Verdict.UNKNOWN


def test_it_stops_when_it_must() -> None:
    """With the reason, and nothing found."""
    stopped = infer(Runtime, NEWEST, lambda _: "enough")
    assert (stopped.result.verdict, stopped.kept) == (Verdict.UNKNOWN, {})
    assert "enough" in stopped.result.reason


def test_candidates_only_get_fewer() -> None:
    """A pool is filled once; what was dropped does not come back."""
    pools = Pools()
    two = [("a", True), ("b", True)]
    assert [name for name, _ in pools.claims("p", iter(two))] == ["p: a", "p: b"]
    pools.drop("p: a")
    assert [name for name, _ in pools.claims("p", iter([*two, ("c", True)]))] == ["p: b"]
    assert ("p: b" in pools, "p: c" in pools, len(pools), pools.dropped) == (True, False, 1, 1)


def test_a_heart_names_the_query(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, while the solver is at it."""
    monkeypatch.setattr(sieve, "BEAT", 0.01)
    heart = Heart()
    with heart.beating():
        heart.at("the longest one")
        time.sleep(0.1)
    assert "query 1: the longest one\n" in capsys.readouterr().err


def test_the_command_takes_nothing_else() -> None:
    """It is about one function, in integers."""
    assert cli.main(["prove", "--infer", "--domain", "bv64"]) == 2
    assert cli.main(["prove", "--infer", "--necessity"]) == 2
    assert cli.main(["prove", "sweepgen_may_wrap", "--infer"]) == 2
