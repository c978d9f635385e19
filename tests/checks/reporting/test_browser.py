"""The page in a real browser, where one is installed: its script runs, a record's does not."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from spanproof.checks.record import Record
from spanproof.checks.reporting.page import Beside, render_page
from spanproof.checks.tracing.counting import series_of
from spanproof.checks.tracing.reading import read_trace
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.verdict import Report
from tests.checks.reporting.chromium import BROWSER, Opened, window
from tests.checks.reporting.examples import (
    cached_heap,
    crowded,
    explained_raise,
    faults_report,
    hostile,
    long_life,
    lost_raise,
    mixed_report,
    told_trace,
    traced_report,
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
AUDIT = Path(__file__).with_name("audit.js").read_text(encoding="utf-8")
PAINTED = "() => performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime)[0]"
STEPS_BACK = """() => {
  const from = performance.now();
  const key = () => new KeyboardEvent("keydown", { key: "k", bubbles: true });
  for (let n = 0; n < 20; n += 1) document.body.dispatchEvent(key());
  return (performance.now() - from) / 20;
}"""
"""Goes back by twenty steps: milliseconds for each."""
PLOTS = """() => [...document.querySelectorAll(".plot svg")].map((svg) => {
  const box = (node) => { const r = node.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const texts = [...svg.querySelectorAll("text")];
  return { box: box(svg), texts: texts.map(box), heights: texts.map((node) => node.getBoundingClientRect().height),
    fills: [...svg.querySelectorAll("path[class]:not(.rule, .tick)")].map((node) => getComputedStyle(node).fill) };
})"""
"""Where each plot and its texts stand, and what its bands are coloured with."""


@pytest.fixture
def opened() -> Iterator[Opened]:
    """An empty page."""
    with window() as page:
        yield page


def text_of(*records: Record, report: Report | None = None) -> str:
    """The page of these records."""
    named = {f"record-{n}.json": record for n, record in enumerate(records)}
    return render_page(report or mixed_report(), named, "0.1.0", reproducible=True)


def pages_of(opened: Opened) -> dict[int, str]:
    """What the heap map says of each page."""
    labels = [node.get_attribute("aria-label") or "" for node in opened.page.locator(".heap .page").all()]
    return {int(match[1]): label for label in labels if (match := re.match(r"page (\d+): ", label))}


def test_the_page_opens_at_the_violation(opened: Opened, tmp_path: Path) -> None:
    """The last step is selected and marked; the map shows what zeroedBase fell to, and who owns which page."""
    opened.open(text_of(lost_raise()), tmp_path)

    assert opened.now.startswith("step 24 of 24")
    assert opened.now.endswith("violated here")
    assert "violated here" in opened.page.locator('[aria-selected="true"]').inner_text()
    assert "zeroedBase 8 of 32 bytes" in opened.page.locator(".arena").first.inner_text()
    assert pages_of(opened)[4] == "page 4: mspan[0] (being built); zero; in-use bit 0; spans entry nil"
    assert pages_of(opened)[5] == "page 5: mspan[1]; dirty (3); in-use bit 1; spans entry mspan[1]"
    assert pages_of(opened)[8] == "page 8: mspan[3]; dirty (7); in-use bit 1; spans entry mspan[3]"


def test_the_map_shows_the_allocator_and_the_caches(opened: Opened, tmp_path: Path) -> None:
    """Free, scavenged, cached and foreign pages are told apart by words and letters, step by step."""
    opened.open(text_of(cached_heap()), tmp_path)
    boxes, marks = (opened.page.locator(f".heap .{name}") for name in ("box", "marks"))

    opened.page.keyboard.press("s")
    assert boxes.all_inner_texts()[:5] == ["0", "free", "free", "free", ""]
    assert marks.all_inner_texts()[:4] == ["", "", "s", "s"]
    assert pages_of(opened)[6].startswith("page 6: free; zero; scavenged")
    assert pages_of(opened)[8].startswith("page 8: not the heap's")
    opened.page.keyboard.press("j")
    assert boxes.all_inner_texts()[:4] == ["0", "taken", "taken", "taken"]
    opened.page.keyboard.press("j")
    assert boxes.all_inner_texts()[:4] == ["0", "P0", "P0", "P0"]
    assert marks.all_inner_texts()[:4] == ["", "", "s", "s"]
    opened.page.keyboard.press("j")
    assert boxes.all_inner_texts()[:4] == ["0", "taken", "P0", "P0"]
    assert pages_of(opened)[7].startswith("page 7: in the page cache of P0; zero; scavenged")


def test_keys_move_the_steps(opened: Opened, tmp_path: Path) -> None:
    """Each documented key does what the page says of it; what is shown is announced."""
    opened.open(text_of(explained_raise()), tmp_path)
    press = opened.page.keyboard.press
    seen: list[str] = []
    for key in ("s", "j", "ArrowRight", "k", "ArrowLeft", "J", "J", "K", "v", "c", "c"):
        press(key)
        match = re.match(r"step (\d+) of 24", opened.now)
        assert match
        seen.append(match[1])

    assert seen == ["0", "1", "2", "1", "0", "1", "9", "1", "24", "17", "24"]
    told = opened.page.locator(".keys").first.locator("kbd").all_inner_texts()
    assert {"j", "k", "J", "K", "s", "v", "c"} <= set(told)
    assert opened.page.locator(".now").first.evaluate("node => node.tagName") == "OUTPUT"


def test_the_lanes_move_by_their_own_keys(opened: Opened, tmp_path: Path) -> None:
    """With the lanes in focus arrows, Home and End go through them, and the focus can be seen."""
    opened.open(text_of(lost_raise()), tmp_path)
    lanes = opened.page.locator(".lanes")
    opened.page.locator(".bar button").first.focus()
    while not lanes.evaluate("node => node === document.activeElement"):
        opened.page.keyboard.press("Tab")

    assert lanes.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    opened.page.keyboard.press("Home")
    assert opened.now.startswith("step 0 of")
    opened.page.keyboard.press("ArrowDown")
    assert opened.now.startswith("step 1 of")
    chosen = lanes.get_attribute("aria-activedescendant")
    assert opened.page.locator(f"#{chosen}").get_attribute("aria-selected") == "true"


def test_the_pair_and_the_change_are_marked(opened: Opened, tmp_path: Path) -> None:
    """The two accesses carry A and B in the lanes; both orders stand there, with the line that runs the other."""
    opened.open(text_of(explained_raise()), tmp_path)

    assert opened.page.locator(".rows .pair .lane .end").all_inner_texts() == ["A", "B"]
    turns = [row.locator("li").all_inner_texts() for row in opened.page.locator(".turns").all()]
    assert turns[0] == ["T0 8 steps", "T1 15 steps", "T0 1 step"]
    assert turns[1][:3] == ["T0 8 steps", "T1 8 steps", "T0 1 step"]
    opened.page.get_by_text("As a program to paste and run").click()
    program = opened.page.locator(".program pre").inner_text()
    assert 'show_run(program, "0*8 1*15 0*1", fault="plain_store_for_cas")' in program
    assert 'show_run(program, "0*8 1*8 0*1 1*13", fault="plain_store_for_cas")  # the changed schedule' in program


def test_buttons_and_the_map_over_time_jump(opened: Opened, tmp_path: Path) -> None:
    """A button goes back to the violation; a click at the left end of the map over time goes to the start."""
    opened.open(text_of(lost_raise()), tmp_path)
    place = opened.page.locator(".map").bounding_box()
    assert place
    assert opened.page.locator(".map .zeroed").count() == 2

    opened.page.mouse.click(place["x"] + 30, place["y"] + 5)
    assert opened.now.startswith("step 0 of 24")
    opened.page.get_by_role("button", name="jump to the violation").click()
    assert opened.now.startswith("step 24 of 24")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1280, 480])
def test_every_control_has_a_name_and_every_text_can_be_read(
    width: int, scheme: Literal["dark", "light"], tmp_path: Path
) -> None:
    """In both schemes and widths: nothing hangs over the edge, nothing is too faint, nothing is nameless or doubled."""
    with window(width, scheme) as opened:
        for report in (mixed_report(), faults_report()):
            opened.open(text_of(explained_raise(), cached_heap(), told_trace(), report=report), tmp_path)

            found = opened.page.evaluate(AUDIT)
            assert {what: nodes for what, nodes in found.items() if nodes} == {}
            assert set(found) == {"nameless", "overhanging", "faint", "doubled", "dangling"}
            assert opened.page.evaluate("() => document.documentElement.lang") == "en"


def test_nothing_is_asked_of_the_network_and_nothing_is_wrong(opened: Opened, tmp_path: Path) -> None:
    """The file is the only request, and the console stays empty through a whole counterexample."""
    opened.open(text_of(explained_raise(), cached_heap(), told_trace()), tmp_path)
    opened.page.keyboard.press("s")
    for _ in range(24):
        opened.page.keyboard.press("j")
    opened.page.set_viewport_size({"width": 480, "height": 700})
    opened.page.locator(".map").last.scroll_into_view_if_needed()

    assert opened.requests == [(tmp_path / "report.html").as_uri()]
    assert opened.said == []


@pytest.mark.parametrize("record", [crowded(3, 10_000), long_life(10_000)])
def test_ten_thousand_steps_are_there_at_once(record: Record, opened: Opened, tmp_path: Path) -> None:
    """Only the rows in sight exist, the first paint comes within a second, and so does a step."""
    opened.open(text_of(record), tmp_path)
    paint = opened.page.wait_for_function(PAINTED).json_value()
    step = opened.page.evaluate(STEPS_BACK)

    assert opened.now.startswith("step 9,980 of 10,000")
    assert opened.page.locator('[role="option"]').count() < 100
    assert paint < 1000
    assert step < 100


def test_of_many_only_those_near_are_made(opened: Opened, tmp_path: Path) -> None:
    """A link leads to a counterexample, which is there then, and which the keys move from then on."""
    opened.open(text_of(*[explained_raise()] * 40), tmp_path)
    made = opened.page.locator(".now")
    before = made.count()
    opened.page.get_by_role("navigation", name="Counterexamples").get_by_role("link").last.click()
    last = opened.page.locator("#record-40 .now")
    last.wait_for()
    opened.page.locator("#record-40 .lanes").click()
    opened.page.keyboard.press("s")

    assert before < 5
    assert last.inner_text().startswith("step 0 of 24")
    assert opened.now.startswith("step 24 of 24")
    opened.page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    assert made.count() == 40
    assert opened.said == []


def test_a_hostile_record_runs_nothing(opened: Opened, tmp_path: Path) -> None:
    """Texts of a record become neither scripts nor images in the living page."""
    flipped = replace(hostile(), cells={**cached_heap().cells, **hostile().cells})
    opened.open(text_of(flipped), tmp_path)
    opened.page.keyboard.press("s")

    assert opened.now.startswith("step 0 of 24")
    assert opened.page.locator("script").count() == 2
    assert opened.page.locator("img").count() == 0
    assert opened.said == []


def apart(one: list[float], other: list[float]) -> bool:
    """Whether two boxes (left, top, right, bottom) share no point."""
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.parametrize("width", [1280, 480])
def test_the_plots_of_a_trace_can_be_read(width: int, tmp_path: Path) -> None:
    """In both schemes: texts of a size to read, none over another or outside; a colour for each band, by the scheme."""
    series = [series_of(trace, len(trace)) for trace in map(read_trace, RECORDED)]
    report = traced_report(*(one.name for one in series))
    text = render_page(report, {}, "0.1.0", reproducible=True, beside=Beside(series=series))
    fills: list[list[str]] = []
    for scheme in SCHEMES:
        with window(width, scheme) as opened:
            opened.open(text, tmp_path)
            found = opened.page.evaluate(PLOTS)
            assert len(found) == 2 * len(RECORDED)
            for plot in found:
                left, top, right, bottom = plot["box"]
                assert min(plot["heights"]) >= 12
                for n, box in enumerate(plot["texts"]):
                    assert left <= box[0] < box[2] <= right
                    assert top <= box[1] < box[3] <= bottom
                    assert all(apart(box, other) for other in plot["texts"][:n])
                assert len(set(plot["fills"])) == len(plot["fills"]) >= 3
            fills.append([fill for plot in found for fill in plot["fills"]])
            audit = opened.page.evaluate(AUDIT)
            assert {what: nodes for what, nodes in audit.items() if nodes} == {}
            images = opened.page.get_by_role(
                "img", name=re.compile(r"^(Heap|Events) of go1\S+ over [\d,]+ events, in ")
            )
            assert images.count() == len(found)
            assert opened.said == []
    assert all(dark != light for dark, light in zip(*fills, strict=True))
