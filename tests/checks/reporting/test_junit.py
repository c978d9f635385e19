"""Results as JUnit XML: another's reader sees the same verdicts, and no text breaks the file."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped

from spanproof.checks import cli
from spanproof.checks.jobs import Work
from spanproof.checks.reporting.junit import junit
from spanproof.checks.saying import say
from spanproof.checks.verdict import NotRun, Report, Result, Verdict

QUICK = "two_allocs_one_arena"
RESULTS = (
    Result("explore", "a", Verdict.HOLDS, bound="all 3 states", seconds=1001.25),
    Result("prove", "b", Verdict.VIOLATED, "no_page_in_two_spans: seen", "any", record="out/b.json"),
    Result("explore", "c", Verdict.UNKNOWN, "the budget ran out"),
)
REPORT = Report("check", "go1.27", 0, RESULTS, (NotRun("go", "compare", "no Go here", 13),))
CHILDREN = {
    "testsuites": ({"testsuite"}, {"name"}, {"name", "tests", "failures", "errors", "time"}),
    "testsuite": ({"testcase"}, {"name", "tests", "failures", "errors"}, {"skipped", "time"}),
    "testcase": ({"failure", "error", "skipped", "system-out"}, {"name"}, {"classname", "time"}),
    "failure": (set[str](), set[str](), {"type", "message"}),
    "error": (set[str](), set[str](), {"type", "message"}),
    "skipped": (set[str](), set[str](), {"type", "message"}),
    "system-out": (set[str](), set[str](), set[str]()),
}
"""What the schema of Jenkins (xunit-plugin, junit-10.xsd) allows: children, attributes that must be
there, attributes that may."""


def checked(text: str) -> ET.Element:
    """The root, held to what the schema allows."""
    root = ET.fromstring(text)  # noqa: S314  # our own
    for element in root.iter():
        children, needed, allowed = CHILDREN[element.tag]
        assert {child.tag for child in element} <= children
        assert needed <= set(element.attrib) <= needed | allowed
        assert re.fullmatch(r"[0-9]+\.[0-9]{3}", element.get("time", "0.000"))
    return root


def test_a_reader_sees_the_verdicts() -> None:
    """One suite for each check, violated a failure, unknown an error, not run skipped; times and counts add up."""
    text = junit(REPORT)
    checked(text)
    read: Any = JUnitXml.fromstring(text.encode())
    suites: dict[str, Any] = {suite.name: suite for suite in read}
    assert list(suites) == ["spanproof explore", "spanproof prove", "spanproof go"]
    cases: dict[str, Any] = {case.name: case for suite in suites.values() for case in suite}
    kinds: dict[str, list[Any]] = {name: [type(result) for result in case.result] for name, case in cases.items()}
    assert kinds == {"a": [], "b": [Failure], "c": [Error], "compare": [Skipped]}
    assert cases["b"].result[0].message == "no_page_in_two_spans: seen"
    assert cases["b"].result[0].text == "no_page_in_two_spans: seen\nany\nreplay: spanproof replay out/b.json"
    assert cases["compare"].result[0].message == "no Go here (13 of them)"
    assert cases["a"].system_out == "all 3 states"
    assert (cases["a"].classname, cases["a"].time) == ("spanproof.explore", 1001.25)
    explore = suites["spanproof explore"]
    assert (explore.tests, explore.failures, explore.errors, explore.skipped, explore.time) == (2, 0, 1, 0, 1001.25)
    assert (suites["spanproof prove"].failures, suites["spanproof go"].skipped) == (1, 1)


@pytest.mark.parametrize(
    ("report", "stopped", "reason"),
    [
        (Report("go", "go1.27", 0, (), (NotRun("go", "compare", "no Go here"),)), "", "nothing was checked"),
        (Report("check", "go1.27", 0, ()), "", "nothing was checked"),
        (Report("check", "go1.27", 0, RESULTS[:1]), "interrupted", "interrupted"),
    ],
)
def test_what_is_not_whole_is_an_error(report: Report, stopped: str, reason: str) -> None:
    """No result, or fewer than were asked for, is not green; what was found is there all the same."""
    root = checked(junit(report, stopped))
    assert [error.get("message") for error in root.iter("error")] == [reason]
    assert len(list(root.iter("testcase"))) == len(report.results) + len(report.not_run) + 1
    assert sum(int(suite.get("errors", "0")) for suite in root) == 1


@given(st.text(st.characters(exclude_categories=())))
def test_no_text_breaks_the_file(text: str) -> None:
    """Whatever is in a name or a reason: the file is Unicode, is read, and has the same shape."""
    result = Result("explore", text, Verdict.VIOLATED, text, text, record=text)
    written = junit(Report("explore", "go1.27", 0, (result,), (NotRun("go", text, text),)))
    root = checked(written.encode().decode())
    assert [element.tag for element in root.iter()].count("testcase") == 2
    if text.isprintable():
        assert root[0][0].get("name") == text


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside all else, green and red; a place that is none is refused before anything runs."""
    file = tmp_path / "j.xml"
    common = ["explore", QUICK, "--out", str(tmp_path / "out"), "--junit", str(file)]
    assert cli.main(common) == 0
    assert [case.tag for case in checked(file.read_text())[0]] == ["testcase"]
    assert not list(ET.parse(file).iter("failure"))  # noqa: S314  # our own
    assert cli.main([*common, "--fault", "second_fit"]) == 1
    assert len(list(checked(file.read_text()).iter("failure"))) == 1
    assert cli.main([*common, "--require", "prove"]) == 2
    capsys.readouterr()
    (tmp_path / "taken").touch()
    for place in ("-", str(tmp_path), f"{tmp_path}/taken/j.xml"):
        assert cli.main(["explore", QUICK, "--junit", place]) == 2
        out, err = capsys.readouterr()
        assert (out, "--junit" in err) == ("", True)


def test_an_interrupted_command_is_not_green(tmp_path: Path) -> None:
    """What it found is kept, and an error says that there would have been more; so for what could not be written."""
    options = {"release": None, "seed": 0, "json_file": None, "require": (), "junit": str(tmp_path / "j.xml")}
    assert say("explore", Work([RESULTS[0]], interrupted=True), options) == 130
    root = checked((tmp_path / "j.xml").read_text())
    assert [error.get("message") for error in root.iter("error")] == ["interrupted"]
    assert say("explore", Work([RESULTS[0]], unwritten="the disk is full"), options) == 2
    root = checked((tmp_path / "j.xml").read_text())
    assert [error.get("message") for error in root.iter("error")] == ["the disk is full"]


def test_a_failure_says_the_claim_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In English, not only by its name."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["explore", "two_allocs_one_arena", "--fault", "plain_store_for_cas", "--junit", "r.xml"]) == 1
    text = (tmp_path / "r.xml").read_text()
    assert "From one state to the next, zeroedBase of an arena never goes down." in text
    assert "why: T1's store of zeroedBase[1] in alloc_needs_zero comes between" in text
