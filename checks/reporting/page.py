"""The report as one HTML file: no network, works from a folder, follows a counterexample step by step.

The page holds its style, its script and its data. Text from a record reaches it only through the templates, which
escape it, or as JSON that the script shows as text; a content security policy allows no other script than our own.
Read next: shown.py, overview.py, report.html.
"""

import base64
import hashlib
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from spanproof.checks.numbers import how_many
from spanproof.checks.record import Record
from spanproof.checks.reporting.heard import kept, needs, steadiness
from spanproof.checks.reporting.matrix import matrix, planted
from spanproof.checks.reporting.overview import groups, not_looked_at, premises, says, sentinels
from spanproof.checks.reporting.plots import SIZES
from spanproof.checks.reporting.shipped import shipped
from spanproof.checks.reporting.shown import Program, by_claim, data_of, shown
from spanproof.checks.reporting.traced import traces
from spanproof.checks.reporting.words import counts, in_reading_order, placed, sentence
from spanproof.checks.tracing.series import Series
from spanproof.checks.verdict import Report, Result

POLICY = "default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"
STYLES = ("report.css", "player.css")
SCRIPTS = ("history.js", "heap.js", "overtime.js", "lanes.js", "player.js", "keys.js")
"""In this order they are one script."""
TIMES = re.compile(
    r"\b[0-9]+\.[0-9]+ s, |, [0-9]+\.[0-9]+ s in (?:the solver|all)\b| [0-9]+\.[0-9]+ s\b|,? ?\b[0-9][0-9,]* a second\b"
)
"""Seconds in the bound of a fault and in what is told of a proof, and how much of something was done in one."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What the page also shows, where there is something."""

    programs: Mapping[str, Program] = field(default_factory=dict[str, Program])
    """By the file name of a record, the Go program that shows it on a real runtime."""
    told: Mapping[str, str] = field(default_factory=dict[str, str])
    """By the name of a theorem, its steps, their obligations and what they rest on, as lines of text."""
    series: Sequence[Series] = ()
    """What stood in the heap along each trace."""
    says: Mapping[str, str] = field(default_factory=dict[str, str])
    """By the name of a theorem, what it says."""


NOTHING = Beside()


def render_page(
    report: Report,
    records: Mapping[str, Record],
    version: str,
    *,
    folder: str = "",
    reproducible: bool = False,
    beside: Beside = NOTHING,
) -> str:
    """The text of report.html.

    `records` maps the file name of each record to it, `folder` is where those files are, for the replay commands.
    With `reproducible` the page holds no times and nothing of the machine: the same input gives the same bytes.
    """
    items = [
        shown(n, name, record, folder, beside.programs.get(name)) for n, (name, record) in enumerate(records.items())
    ]
    anchors = {PurePath(name).name: item.anchor for name, item in zip(records, items, strict=True)}
    style, script = ("\n".join(map(shipped, names)) for names in (STYLES, SCRIPTS))
    return (
        _environment()
        .get_template("report.html")
        .render(
            policy=POLICY.format(style=_digest(style), script=_digest(script)),
            style=Markup(style),  # noqa: S704 - our own file, and the policy needs its exact bytes
            script=Markup(script),  # noqa: S704
            report=report,
            version=version,
            said=sentence(report),
            results=[
                (r, _anchor(r, anchors), says(r, beside.says), sentinels(r)) for r in in_reading_order(report.results)
            ],
            groups=groups(report),
            premises=premises(report.results),
            unseen=not_looked_at(report),
            matrix=matrix(report.results),
            planted=planted(report.results),
            traces=traces(report.results, beside.series),
            sizes=SIZES,
            needs=needs(report.evidence),
            steadiness=steadiness(report.evidence),
            kept=kept(report.evidence),
            told=beside.told,
            shown=items,
            several=len(items) > 1,
            by_claim=by_claim(items),
            data={item.anchor: data_of(item.record) for item in items if item.record.steps},
            made="" if reproducible else _made(),
            timed=not reproducible,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(shipped), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["counts"] = counts
    environment.filters["how_many"] = how_many  # pyright: ignore[reportArgumentType]  # it knows Jinja's own shapes alone
    environment.filters["untimed"] = untimed
    environment.filters["wrapping"] = _wrapping
    environment.filters["placed"] = placed
    return environment


def untimed(text: str) -> str:
    """A text without what another run would say otherwise."""
    return TIMES.sub("", text)


def _wrapping(text: str) -> Markup:
    """The text, in which a line may end after each underscore: names are long, and windows may be narrow."""
    return Markup("_<wbr>").join(escape(text).split("_"))


def _anchor(result: Result, anchors: Mapping[str, str]) -> str:
    """Where on the page the record of a result is shown; empty if it has none here."""
    return anchors.get(PurePath(result.record).name, "") if result.record else ""


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _made() -> str:
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{moment}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
