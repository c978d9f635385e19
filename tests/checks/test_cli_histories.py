"""`compare --histories` as a user meets it: verdicts, records that replay, one's own heap, one line for bad input."""

import json
from pathlib import Path
from typing import Any

import pytest

from spanproof.checks import cli
from spanproof.checks.comparing.amounts import SEEDED_CALLS
from spanproof.checks.comparing.history_campaign import DRAWN, SEEDED
from tests.checks.test_cli import results, validate

BOTH = {DRAWN, SEEDED}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


def compared(*arguments: str, code: int) -> dict[str, dict[str, Any]]:
    """The results of `compare --histories` by name."""
    assert cli.main(["compare", "--histories", *arguments, "--json", "r.json"]) == code
    return {result["name"]: result for result in results(Path("r.json"))["results"]}


def test_histories_hold_on_the_reference() -> None:
    """Their calls are counted, and no difference; the bound says what was compared, the premises what is believed."""
    found = compared("12000", "--seed", "3", code=0)

    assert set(found) == BOTH
    for result in found.values():
        assert (result["check"], result["verdict"], result["counts"]["differences"]) == ("compare", "holds", 0)
        assert result["counts"]["calls"] > 5_000
        assert "seed 3" in result["bound"]
        assert "one thread" in result["assumptions"]
    assert "found something to do, in 12 histories on 11 shapes" in found[SEEDED]["bound"]


def test_as_many_calls_as_the_help_says(capsys: pytest.CaptureFixture[str]) -> None:
    """The number that stands for the option alone is the campaign's own."""
    (option,) = [p for p in cli.compare.params if p.name == "histories"]

    assert getattr(option, "flag_value", None) in (SEEDED_CALLS, str(SEEDED_CALLS))
    assert cli.main(["compare", "--help"]) == 0
    assert f"{SEEDED_CALLS:,}" in capsys.readouterr().out


def test_releases_without_an_index_have_histories_too() -> None:
    """Scavenging is left out of them, and nothing is missed."""
    assert {r["verdict"] for r in compared("12000", "--release", "go1.16", code=0).values()} == {"holds"}


@pytest.mark.parametrize("fault", ["second_fit", "search_addr_leaves_the_block"])
def test_a_difference_replays(fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is violated, and its record is valid by the schema, tells its calls, and replays to the same bytes."""
    found = compared("12000", "--fault", fault, code=1)
    out = capsys.readouterr().out

    assert {r["verdict"] for r in found.values()} == {"violated"}
    assert "pages are counted from its first" in out
    assert "call 1: " in out
    for result in found.values():
        record = Path(result["record"])
        kept = record.read_bytes()
        validate(json.loads(kept), "record")
        assert cli.main(["replay", str(record), "--json", "a.json"]) == 1
        assert "the same as recorded" in results(Path("a.json"))["results"][0]["reason"]
        assert record.read_bytes() == kept
    assert "call 1: " in Path("spanproof-report/report.html").read_text()


def test_a_record_of_another_text_says_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing breaks any more: unknown. Something else is told: unknown too, with the first line that differs."""
    record = Path(compared("12000", "--fault", "second_fit", code=1)[SEEDED]["record"])
    data = json.loads(record.read_text())
    Path("mended.json").write_text(json.dumps({**data, "fault": None}))
    Path("other.json").write_text(
        json.dumps({**data, "trace": {"story": [*data["trace"]["story"][:1], "call 1: nothing"]}})
    )
    capsys.readouterr()

    assert cli.main(["replay", "mended.json"]) == 3
    assert "not reproduced: nothing differs" in capsys.readouterr().out
    assert cli.main(["replay", "other.json"]) == 3
    assert "was 'call 1: nothing', is 'call 1: " in " ".join(capsys.readouterr().out.split())


HOSTILE: dict[str, dict[str, Any]] = {
    "no program": {"program": {}},
    "no geometry": {"program": {"calls": [["alloc", 0]]}},
    "a story that is none": {"trace": {"story": 7}},
    "a story of lists": {"trace": {"story": [[]]}},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_record_is_one_line(change: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 and one line where its calls cannot be made; where only its story is damaged, it differs."""
    record = Path(compared("12000", "--fault", "second_fit", code=1)[SEEDED]["record"])
    record.write_text(json.dumps({**json.loads(record.read_text()), **change}))
    capsys.readouterr()

    code = cli.main(["replay", str(record)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    if "program" in change:
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"{record}: a damaged " in err
    else:
        assert code == 3


@pytest.mark.parametrize("arguments", [["0"], ["abc"], ["-5"], ["12000", "--release", "go9"]], ids=" ".join)
def test_bad_input_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2."""
    assert cli.main(["compare", "--histories", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


MINE = """
from spanproof.impl.malloc import Runtime


class Greedy(Runtime.PageAlloc):
    __slots__ = ()

    async def alloc(self, npages):
        return await super().alloc(npages + 1)


class Broken(Runtime.PageAlloc):
    __slots__ = ()

    def __init__(self, *args):
        raise OSError("no room")


class Mine(Runtime):
    PageAlloc = Greedy


class Same(Runtime):
    pass


class Unmade(Runtime):
    PageAlloc = Broken
"""


def test_a_heap_of_the_users_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Its page allocator is taken, and its record replays; one that cannot be made is refused."""
    Path("mine.py").write_text(MINE)

    found = compared("12000", "--heap", "mine.py:Mine", code=1)
    assert cli.main(["replay", found[DRAWN]["record"]]) == 1
    assert {r["verdict"] for r in compared("12000", "--heap", "mine.py:Same", code=0).values()} == {"holds"}
    assert cli.main(["compare", "--histories", "12000", "--heap", "mine.py:Unmade"]) == 2
    assert "Unmade cannot be made: mine.py:16 in __init__: OSError: no room" in capsys.readouterr().err


def test_a_budget_that_runs_out_is_unknown() -> None:
    """With the calls that were made by then."""
    found = compared("9000000", "--budget", "4", code=3)

    assert "budget of 4 s" in found[SEEDED]["reason"]
    assert found[SEEDED]["counts"]["calls"] > 0


def test_tables_and_histories_go_together() -> None:
    """Both are asked for by name, and both run."""
    assert set(compared("12000", "--tables", code=0)) > BOTH
