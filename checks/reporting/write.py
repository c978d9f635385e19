"""The report folder: report.html, report.json, and one file for each record.

Every file is written whole or not at all, and the records first, so that the page never names one that is missing.
"""

import errno
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePath

from spanproof.checks.record import Record, write_atomically
from spanproof.checks.reporting.page import NOTHING, Beside, render_page, untimed
from spanproof.checks.verdict import Report, Result

PAGE, RESULTS = "report.html", "report.json"
"""The report's own files."""
FULL = (errno.ENOSPC, errno.EDQUOT)


class ReportError(Exception):
    """The report cannot be written: one line with the path, the reason and what to do."""


def write_report(
    out: Path,
    report: Report,
    records: Mapping[str, Record],
    version: str,
    *,
    reproducible: bool = False,
    beside: Beside = NOTHING,
) -> None:
    """Write the folder `out`. `records` maps each record's file name inside it to the record.

    `beside` is what the page also shows.

    With `reproducible`, times and facts of the machine are left out, in report.json as 0 seconds.

    Raises:
        ReportError: the folder or a file in it cannot be written.

    """
    report = timeless(report) if reproducible else report
    page = render_page(report, records, version, folder=str(out), reproducible=reproducible, beside=beside)
    texts = {_inside(name): record.dumps() for name, record in records.items()}
    texts |= {RESULTS: result_json(report, version, reproducible=reproducible), PAGE: page}
    for name, text in texts.items():
        _write(out / name, text)


def result_json(report: Report, version: str, *, reproducible: bool = False) -> str:
    """The text of report.json and of `--json`."""
    report = timeless(report) if reproducible else report
    return json.dumps(report.as_json(version), indent=1, ensure_ascii=True) + "\n"


def timeless(report: Report) -> Report:
    """The report without times: the seconds of results, those that they tell of, and counts of milliseconds."""
    return replace(report, results=tuple(map(_timeless, report.results)))


def _timeless(result: Result) -> Result:
    counts = {name: count for name, count in result.counts.items() if not name.endswith("milliseconds")}
    return replace(result, seconds=0.0, reason=untimed(result.reason), bound=untimed(result.bound), counts=counts)


def _inside(name: str) -> str:
    """The name, if it stays inside the folder and takes no name of the report's own files."""
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts or not path.name or name in (RESULTS, PAGE):
        raise ValueError(f"{name!r} is no name for a record's file")
    return name


def _write(path: Path, text: str) -> None:
    try:
        write_atomically(path, text)
    except OSError as e:
        what = "make room" if e.errno in FULL else "check the folder"
        reason = (e.strerror or str(e)).lower()
        raise ReportError(f"{path}: cannot be written: {reason}; {what}, or name another folder with --out") from e
    except UnicodeEncodeError as e:
        raise ReportError(f"{path}: cannot be written: not Unicode: {e.reason}; report this as a bug") from e
