"""The HTML page: complete, self-contained, and safe from what a record says."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from spanproof.checks.record import Record
from spanproof.checks.reporting.page import render_page
from spanproof.checks.reporting.strip import MOST, strip
from spanproof.checks.verdict import NotRun, Result, Verdict
from tests.checks.reporting.examples import HOSTILE, crowded, hostile, lost_raise, mixed_report, told_trace


class Seen(HTMLParser):
    """The tags, attributes and texts that a browser would find."""

    def __init__(self, page: str) -> None:
        """Read the page."""
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self.lasttag == "script" and self.tags[-1] == "script" and data.strip():
            self.scripts[-1] += data
        else:
            self.text += data


def page(records: dict[str, Record], *, reproducible: bool = True) -> str:
    """A page of the mixed report."""
    return render_page(mixed_report(), records, "0.1.0", folder="spanproof-report", reproducible=reproducible)


def data_of(text: str) -> Any:
    """What the page's script reads."""
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert match
    return json.loads(match[1])


ORDINARY = {"lost-raise.json": lost_raise(), "trace.json": told_trace()}


@pytest.mark.parametrize("outside", ["http:", "https:", "//", "@import", "src=", "url(", "<link", "<iframe"])
def test_nothing_comes_from_outside(outside: str) -> None:
    """The page names no address and loads nothing: style, script and data stand in it."""
    assert outside not in page(ORDINARY)


def test_hostile_texts_stay_texts() -> None:
    """A record that tries to break out adds no tag, no script and no handler; the page has the same shape."""
    seen = Seen(page({"lost-raise.json": hostile()}))
    calm = Seen(page({"lost-raise.json": lost_raise()}))

    assert set(seen.tags) == set(calm.tags)
    assert seen.tags.count("script") == calm.tags.count("script") == 2
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name in ("src", "style")]
    assert HOSTILE.split("\u2028")[0] in seen.text


def test_no_hostile_string_is_unescaped() -> None:
    """Neither the markup nor the data that the script reads holds the raw text."""
    text = page({"lost-raise.json": hostile()})
    data = text.split('id="data">')[1].split("</script>")[0]

    assert "<script>alert" not in text
    assert "<img" not in text
    assert "{{ 7*7 }}" in text
    assert not set("<>&\u2028\u2029") & set(data)


def test_hostile_results_stay_texts() -> None:
    """Names, reasons, premises and what did not run are escaped too, also in what the page links to."""
    result = Result("explore", HOSTILE, Verdict.VIOLATED, HOSTILE, HOSTILE, (HOSTILE,), 0, {HOSTILE: 1}, HOSTILE)
    report = replace(mixed_report(), results=(result,), not_run=(NotRun("go", HOSTILE, HOSTILE),), release=HOSTILE)
    text = render_page(report, {HOSTILE: hostile()}, HOSTILE, folder=HOSTILE)

    assert "<script>alert" not in text
    assert "<img" not in text


def test_only_the_pages_own_script_may_run() -> None:
    """The policy allows script and style by their digests, and nothing else."""
    policy = dict(Seen(page(ORDINARY)).attributes)["content"]
    policies = [
        value for name, value in Seen(page(ORDINARY)).attributes if name == "content" and "default-src" in value
    ]

    assert policy
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policies[0]


def test_everything_of_a_result_is_shown() -> None:
    """Verdict, bound, premises, reason, counts and seconds of each result, and what did not run, are on the page."""
    text = Seen(page(ORDINARY, reproducible=False)).text
    report = mixed_report()

    for result in report.results:
        assert all(word in text for word in (result.verdict.value, result.name, result.bound, result.reason))
        assert all(premise in text for premise in result.assumptions)
        assert f"{result.seconds:.2f}" in text
    assert "transitions 2,926" in text
    assert report.not_run[0].reason in text


def test_everything_of_a_record_is_shown() -> None:
    """The claim in English, its source, what was seen, the fault, the replay command; a trace tells its story."""
    text = Seen(page(ORDINARY)).text

    for record in ORDINARY.values():
        violated = record.violated
        assert all(word in text for word in (violated.claim, violated.says, violated.source, violated.detail))
    assert "plain_store_for_cas" in text
    assert "spanproof replay spanproof-report/lost-raise.json" in text
    assert "event 17: P0 allocates pages [4, 6)" in text


def test_a_result_links_to_its_record() -> None:
    """The row of a violated result leads to its record on the same page, and only where there is one."""
    text = page(ORDINARY)

    assert '<a href="#record-1">two_allocs_one_arena</a>' in text
    assert 'id="record-1"' in text
    assert '<a href="#record-1">two_allocs</a>' not in text


def test_reproducible_pages_are_identical_and_know_no_time() -> None:
    """The same input gives the same bytes, whatever the seconds were; otherwise seconds and the machine are named."""
    report = mixed_report()
    slower = replace(report, results=tuple(replace(result, seconds=99.0) for result in report.results))
    one, two = (render_page(r, ORDINARY, "0.1.0", reproducible=True) for r in (report, slower))

    assert one == two
    assert "seconds" not in Seen(one).text
    assert "Python" not in Seen(one).text
    assert "Python" in Seen(render_page(report, ORDINARY, "0.1.0")).text


def test_no_results_is_unknown() -> None:
    """A report without results says unknown and is still a page."""
    text = render_page(replace(mixed_report(), results=(), not_run=()), {}, "0.1.0", reproducible=True)

    assert '<h1 class="unknown">unknown: nothing was checked</h1>' in text
    assert "Not run" not in Seen(text).text


def test_the_script_gets_every_step_and_every_cell_it_draws() -> None:
    """The data holds the steps as the record does, start values, watched cells, and the pages of both arenas."""
    data = data_of(page(ORDINARY))["record-1"]

    assert data["steps"] == [step.as_json() for step in lost_raise().steps]
    assert data["watched"][0] == "zeroedBase[1]"
    assert data["strip"]["arenas"] == [{"index": 1, "runs": [[4, 8]]}, {"index": 2, "runs": [[8, 12]]}]
    assert data["cells"]["memory[8]"] == "7"


def test_of_a_large_heap_only_the_pages_concerned_are_drawn() -> None:
    """At the real geometry the strip shows the touched pages and their neighbours, and a bounded number of them."""
    record = lost_raise()
    sizes = {"page_size": 8192, "pages_per_arena": 8192, "arenas": 16, "first_arena": 12288}
    first = 12288 * 8192
    step = replace(record.steps[0], cell=f"spans[{first + 8191}]")
    far = replace(record, program={"geometry": sizes}, cells={f"memory[{first + 3}]": "1"}, steps=(step,))
    many = replace(far, cells={f"memory[{first + 3 * n}]": "1" for n in range(5000)})

    drawn, most = strip(far), strip(many)

    assert drawn
    assert most
    runs = ((first + 2, first + 5), (first + 8190, first + 8192))
    assert dict(drawn.arenas) == {12288: runs, 12289: ((first + 8192, first + 8193),)}
    assert sum(limit - base for runs in most.arenas.values() for base, limit in runs) == MOST


@pytest.mark.parametrize(
    "geometry", [None, [], {}, {"page_size": 0}, {"page_size": "8"}, HOSTILE, crowded(2, 9).program]
)
def test_a_record_without_geometry_has_no_strip(geometry: object) -> None:
    """A record of another shape is shown without the strip."""
    assert strip(replace(lost_raise(), program={"geometry": geometry})) is None
