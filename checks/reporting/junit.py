"""Results as JUnit XML, which continuous integration shows as tests.

One suite for each kind of check, one case for each result. What is violated is a failure, what is unknown an error:
never green. What could not run is skipped. The shape is that of the schema of Jenkins (xunit-plugin, junit-10.xsd).
Read next: ../verdict.py.
"""

from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType
from xml.etree import ElementTree as ET

from spanproof.checks.record import Record
from spanproof.checks.reporting.words import placed, printable
from spanproof.checks.verdict import NotRun, Report, Result, Verdict

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
NONE: Mapping[str, Record] = MappingProxyType({})
ELEMENT = {Verdict.VIOLATED: "failure", Verdict.UNKNOWN: "error"}


def junit(report: Report, stopped: str = "", records: Mapping[str, Record] = NONE) -> str:
    """The text of the file, ending in a newline.

    records: by the names of their files; what a failure says is taken from them.
    stopped: why there are fewer results than were asked for, if so; this is an error too, and so is no result at all.
    """
    checks = [*(result.check for result in report.results), *(item.check for item in report.not_run)]
    suites = {check: ET.Element("testsuite") for check in checks}
    for result in report.results:
        suites[result.check].append(_case(result, records.get(PurePath(result.record or "").name)))
    for item in report.not_run:
        suites[item.check].append(_skipped(item))
    if not report.results or stopped:
        reason = stopped or "nothing was checked"
        suite = suites.setdefault(report.command, ET.Element("testsuite"))
        suite.append(_case(Result(report.command, "the whole", Verdict.UNKNOWN, reason)))
    root = ET.Element("testsuites", name="spanproof")
    for check, suite in suites.items():
        suite.set("name", _text(f"spanproof {check}"))
        _count(suite)
        root.append(suite)
    ET.indent(root, " ")
    return f"{HEAD}{ET.tostring(root, encoding='unicode')}\n"


def _count(suite: ET.Element) -> None:
    cases = list(suite)
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")


def _case(result: Result, record: Record | None = None) -> ET.Element:
    case = _named(result.check, result.name, result.seconds)
    if result.verdict is not Verdict.HOLDS:
        told = ET.SubElement(case, ELEMENT[result.verdict], type=result.verdict.value, message=_text(result.reason))
        again = f"replay: spanproof replay {result.record}" if result.record else ""
        claim = (
            ()
            if record is None
            else (record.violated.says, placed(record.violated.source), f"why: {record.why}" if record.why else "")
        )
        told.text = _text("\n".join(line for line in (result.reason, *claim, result.bound, again) if line))
    elif result.bound:
        ET.SubElement(case, "system-out").text = _text(result.bound)
    return case


def _skipped(item: NotRun) -> ET.Element:
    case = _named(item.check, item.name, 0.0)
    many = f" ({item.count:,} of them)" if item.count > 1 else ""
    ET.SubElement(case, "skipped", message=_text(f"{item.reason}{many}"))
    return case


def _named(check: str, name: str, seconds: float) -> ET.Element:
    return ET.Element("testcase", classname=_text(f"spanproof.{check}"), name=_text(name), time=f"{seconds:.3f}")


def _text(text: str) -> str:
    """Lines of what XML can hold: it has no words for most control characters, not even escaped."""
    return "\n".join(printable(line) for line in text.split("\n"))
