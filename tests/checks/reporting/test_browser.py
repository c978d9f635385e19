"""The page in a real browser, where one is installed: its script runs, a record's does not."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from spanproof.checks.proofs.catalogue import PLAIN, THEOREMS
from spanproof.checks.record import Record
from spanproof.checks.reporting.page import Beside, render_page
from spanproof.checks.tracing.counting import series_of
from spanproof.checks.tracing.life import life_of
from spanproof.checks.tracing.reading import read_trace
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.verdict import Report
from tests.checks.reporting.chromium import BROWSER, Opened, window
from tests.checks.reporting.examples import (
    HEAP,
    cached_heap,
    checked_report,
    crowded,
    explained_raise,
    faults_report,
    geometry_json,
    hostile,
    long_life,
    lost_raise,
    mixed_report,
    proved_report,
    told_trace,
    traced_report,
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
AUDIT = Path(__file__).with_name("audit.js").read_text(encoding="utf-8")
PAINTED = "() => performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime)[0]"
LONG_NAMES = sorted((theorem.name for theorem in (*THEOREMS, *PLAIN)), key=len)[-12:]
"""Of theorems: what is longest on a page."""
STEPS_BACK = """() => {
  const from = performance.now();
  const key = () => new KeyboardEvent("keydown", { key: "k", bubbles: true });
  for (let n = 0; n < 20; n += 1) document.body.dispatchEvent(key());
  return (performance.now() - from) / 20;
}"""
"""Goes back by twenty steps: milliseconds for each."""
LOOKS = """() => {
  const from = performance.now();
  for (let n = 0; n < 20; n += 1) { players[0].peek(9900 - n); players[0].node.offsetHeight; }
  players[0].peek(null);
  return (performance.now() - from) / 20;
}"""
"""Looks at the heap of twenty other steps, each laid out: milliseconds for each."""
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


def text_of(*records: Record, report: Report | None = None, beside: Beside | None = None) -> str:
    """The page of these records."""
    named = {f"record-{n}.json": record for n, record in enumerate(records)}
    return render_page(report or mixed_report(), named, "0.1.0", reproducible=True, beside=beside or Beside())


def pages_of(opened: Opened) -> dict[int, str]:
    """What the heap map says of each page."""
    labels = [node.get_attribute("aria-label") or "" for node in opened.page.locator(".heap .page").all()]
    return {int(match[1]): label for label in labels if (match := re.match(r"page (\d+): ", label))}


def test_the_page_opens_at_the_violation(opened: Opened, tmp_path: Path) -> None:
    """The last step is selected and marked; the map shows what zeroedBase fell to, and who owns which page."""
    opened.open(text_of(lost_raise()), tmp_path)

    assert opened.now.startswith("step 24 of 24")
    assert opened.now.endswith("violated here")
    assert "\u2190 violated" in opened.page.locator('[aria-selected="true"]').inner_text()
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


def test_a_row_says_all_of_itself_and_where_it_stands(opened: Opened, tmp_path: Path) -> None:
    """Thread, cell and value, also where a column shows the cell; the list is as long as the run."""
    opened.open(text_of(explained_raise()), tmp_path)
    told = opened.page.locator(".player").first.aria_snapshot()

    assert '"step 8, T0: alloc_needs_zero: load zeroedBase[1] 0"' in told
    assert '"step 17, T1: alloc_needs_zero: store zeroedBase[1] 0 \u2192 16, A of the pair"' in told
    assert "step 24, T0: alloc_needs_zero: store zeroedBase[1] 16 \u2192 8, B of the pair, violated here" in told
    assert "before the first step" in told
    opened.open(text_of(crowded(3, 10_000)), tmp_path)
    row = opened.page.locator('[aria-selected="true"]')
    assert (row.get_attribute("aria-setsize"), row.get_attribute("aria-posinset")) == ("10001", "10001")
    opened.page.keyboard.press("s")
    assert (row.get_attribute("aria-setsize"), row.get_attribute("aria-posinset")) == ("10001", "1")


def test_arrows_scroll_what_scrolls(opened: Opened, tmp_path: Path) -> None:
    """In a region with a bar of its own they are its, and step nothing; letters step there too."""
    opened.page.set_viewport_size({"width": 480, "height": 900})
    opened.open(text_of(explained_raise()), tmp_path)
    opened.page.get_by_text("As a program to paste and run").click()
    region = opened.page.get_by_role("region", name="Program in Python")
    region.focus()
    opened.page.keyboard.press("v")
    opened.page.keyboard.press("ArrowRight")
    opened.page.wait_for_function("() => document.activeElement.scrollLeft > 0")

    opened.page.keyboard.press("ArrowLeft")
    assert opened.now.startswith("step 24 of 24")
    opened.page.keyboard.press("k")
    assert opened.now.startswith("step 23 of 24")


@pytest.mark.parametrize(
    ("name", "first"), [("switch \u203a", "s"), ("step \u203a", "s"), ("jump to the violation", "s"),
                        ("start", "v"), ("\u2039 step", "v")]
)  # fmt: skip
def test_a_button_that_has_nothing_left_to_do_keeps_the_focus(
    name: str, first: str, opened: Opened, tmp_path: Path
) -> None:
    """Enter, until the end is reached: the button says that it can do no more, and is still where the keys are."""
    opened.open(text_of(lost_raise()), tmp_path)
    opened.page.keyboard.press(first)
    button = opened.page.get_by_role("button", name=name)
    button.focus()
    assert button.is_enabled()
    for _ in range(24):
        opened.page.keyboard.press("Enter")

    assert button.is_disabled()
    assert opened.now.startswith("step 24" if first == "s" else "step 0")
    assert button.evaluate("node => node === document.activeElement")


def shapes(opened: Opened, selector: str) -> list[dict[str, float]]:
    """Where the drawn shapes of the map over time stand."""
    opened.page.locator(".map .cursor").wait_for(state="attached")
    told = "nodes => nodes.map((node) => { const b = node.getBBox(); return { x: b.x, y: b.y, wide: b.width }; })"
    found: list[dict[str, float]] = opened.page.locator(f".map {selector}").evaluate_all(told)
    return found


def test_the_map_over_time_shows_the_pair_and_what_is_dirty(opened: Opened, tmp_path: Path) -> None:
    """A and B stand at their steps, an edge is dirty from the write on, and the line goes up and falls again."""
    opened.open(text_of(explained_raise()), tmp_path)
    left, right = shapes(opened, ".zeroed")[1]["x"], shapes(opened, ".cursor")[0]["x"]
    step = (right - left) / 24

    assert [round((line["x"] - left) / step) for line in shapes(opened, ".pair")] == [17, 24]
    assert opened.page.locator(".map .name").all_text_contents() == ["A", "B"]
    written, before = sorted(shapes(opened, ".dirty"), key=lambda edge: edge["wide"])
    assert [round((edge["x"] - left) / step) for edge in (written, before)] == [23, 0]
    assert written["y"] < before["y"]
    points = opened.page.locator(".map .zeroed").first.get_attribute("points") or ""
    heights = [float(point.split(",")[1]) for point in points.split()]
    rise = [height for n, height in enumerate(heights) if n == 0 or height != heights[n - 1]]
    assert [round((height - rise[0]) / (rise[2] - rise[0])) for height in rise] == [0, 2, 1]


def test_the_map_over_time_shows_what_is_scavenged(opened: Opened, tmp_path: Path) -> None:
    """A row of dots for each such page, as long as it is one: free at first, then in a cache."""
    opened.open(text_of(cached_heap()), tmp_path)
    dots = shapes(opened, "line.scavenged")
    left, right = shapes(opened, ".zeroed")[0]["x"], shapes(opened, ".cursor")[0]["x"]
    step = (right - left) / 3

    ends = sorted((round((line["x"] - left) / step), round((line["x"] + line["wide"] - left) / step)) for line in dots)
    assert ends == [(0, 1), (0, 1), (2, 3), (2, 3)]
    assert len({line["y"] for line in dots}) == 2


def test_a_step_marks_the_pages_that_it_is_about(opened: Opened, tmp_path: Path) -> None:
    """Of an in-use word the page whose bit changed, of the allocator's text those that it moved, and no other."""
    opened.open(text_of(lost_raise()), tmp_path)
    marked = opened.page.locator(".heap .page.changed small")
    step = next(n for n, step in enumerate(lost_raise().steps, 1) if step.cell == "pageInUse[1][0]")
    opened.page.keyboard.press("s")
    for _ in range(step):
        opened.page.keyboard.press("j")

    assert marked.all_inner_texts() == ["5"]
    opened.page.keyboard.press("s")
    assert marked.count() == 0
    opened.open(text_of(cached_heap()), tmp_path)
    opened.page.keyboard.press("s")
    opened.page.keyboard.press("j")
    assert marked.all_inner_texts() == ["5", "6", "7"]


def test_a_page_that_a_cache_has_and_that_is_free_is_both(opened: Opened, tmp_path: Path) -> None:
    """The page allocator gave it to nobody, and yet a P keeps it: one sees both."""
    heap = cached_heap()
    opened.open(text_of(replace(heap, steps=heap.steps[1:], schedule=(0, 0))), tmp_path)
    opened.page.keyboard.press("k")

    assert opened.page.locator(".heap .box").all_inner_texts()[:4] == ["0", "P0/free", "P0/free", "P0/free"]
    assert "cache" in (opened.page.locator(".heap .box").nth(1).get_attribute("class") or "").split()
    assert pages_of(opened)[5] == "page 5: in the page cache of P0, but free; zero; in-use bit 0; spans entry nil"


def test_steps_to_come_are_paler(opened: Opened, tmp_path: Path) -> None:
    """Those after the chosen one, and only those."""
    opened.open(text_of(lost_raise()), tmp_path)
    paler = "nodes => nodes.map((node) => Number(node.dataset.k))"
    assert opened.page.locator(".rows .future").count() == 0
    opened.page.keyboard.press("s")
    opened.page.keyboard.press("j")

    found = opened.page.locator(".rows .future").evaluate_all(paler)
    every = opened.page.locator(".rows .line").evaluate_all(paler)
    assert found == [k for k in every if k > 1]
    assert len(found) > 5
    opacity = opened.page.locator(".rows .future").first.evaluate("node => getComputedStyle(node).opacity")
    assert float(opacity) < 1


def test_the_heap_stands_beside_the_lanes(tmp_path: Path) -> None:
    """From 1100 pixels on, and within one window; below that it stands above them."""
    for width, beside in ((1280, True), (1100, True), (900, False), (400, False)):
        with window(width) as opened:
            opened.open(text_of(lost_raise()), tmp_path)
            lanes, heap, over = (opened.page.locator(name).bounding_box() for name in (".lanes", ".heap", ".overtime"))
            assert lanes
            assert heap
            assert over
            assert (heap["x"] > lanes["x"] + lanes["width"]) == beside
            assert heap["y"] + heap["height"] <= over["y"]
            if beside:
                assert lanes["y"] + lanes["height"] - heap["y"] < 900
                assert over["y"] + over["height"] - min(heap["y"], lanes["y"]) < 900


def test_the_heap_follows_the_pointer_and_comes_back(opened: Opened, tmp_path: Path) -> None:
    """Over a row the map shows that step and says so, what is chosen stays; leaving returns to it, a click chooses."""
    opened.open(text_of(lost_raise()), tmp_path)
    at, arena, lanes = (opened.page.locator(name) for name in (".at", ".arena b", ".lanes"))
    row = opened.page.locator('.line[data-k="17"]')
    row.scroll_into_view_if_needed()
    stood = opened.page.locator(".heap").bounding_box()
    row.hover()
    opened.page.wait_for_function("() => document.querySelector('.at').textContent.includes('pointed')")

    assert at.inner_text() == "Heap at step 17, pointed at; chosen: step 24"
    assert opened.page.locator(".heap").bounding_box() == stood
    assert arena.first.inner_text() == "zeroedBase 16"
    assert pages_of(opened)[5].startswith("page 5: mspan[1] (being built); zero")
    assert opened.now.startswith("step 24 of 24")
    assert opened.page.locator('[aria-selected="true"]').get_attribute("data-k") == "24"
    cursor, pointer = (opened.page.locator(f".map .{name}").get_attribute("x1") for name in ("cursor", "pointer"))
    assert cursor != pointer
    opened.page.keyboard.press("k")
    assert opened.now.startswith("step 23 of 24")
    assert at.inner_text() == "Heap at step 23"
    row.hover(position={"x": 30, "y": 5})
    opened.page.wait_for_function("() => document.querySelector('.at').textContent.includes('pointed')")
    opened.page.mouse.move(5, 5)
    opened.page.wait_for_function("() => document.querySelector('.at').textContent === 'Heap at step 23'")
    assert arena.first.inner_text() == "zeroedBase 16"
    row.click()
    assert opened.now.startswith("step 17 of 24")
    assert at.inner_text() == "Heap at step 17"
    assert lanes.get_attribute("aria-activedescendant") == "record-1-17"


def test_rows_that_come_under_a_pointer_at_rest_change_nothing(opened: Opened, tmp_path: Path) -> None:
    """Keys scroll the lanes away below the pointer, and the heap goes with the keys, whatever a browser tells."""
    opened.open(text_of(long_life(400)), tmp_path)
    opened.page.locator('.line[data-k="395"]').hover()
    place = opened.page.locator('.line[data-k="395"]').bounding_box()
    assert place
    opened.page.wait_for_function("() => document.querySelector('.at').textContent.includes('pointed')")
    rest = (place["x"] + 300, place["y"] + 9)
    opened.page.mouse.move(*rest)
    opened.page.keyboard.press("s")
    opened.page.mouse.move(*rest)
    opened.page.wait_for_timeout(200)

    assert opened.page.locator(".at").inner_text() == "Heap at start"


def test_of_several_counterexamples_the_overview_comes_first(opened: Opened, tmp_path: Path) -> None:
    """It is in the first window, linked before all else, and so are links by claim; of one, the violation is there."""
    many = [replace(lost_raise(), name=f"scenario_{n}") for n in range(40)]
    other = replace(told_trace(), name="a_trace")
    opened.open(text_of(*many, other), tmp_path)
    overview, links = opened.page.locator("table.overview"), opened.page.locator("nav[aria-label=Counterexamples]")
    place, first = overview.bounding_box(), opened.page.locator("article").first.bounding_box()
    assert place
    assert first
    assert place["y"] + place["height"] < 900
    assert place["y"] < first["y"] < 2000
    sections = opened.page.get_by_role("navigation", name="Sections").get_by_role("link")
    assert sections.all_inner_texts()[:2] == ["overview", "41 counterexamples"]
    assert sections.first.get_attribute("href") == "#overview"
    assert links.locator("dt").all_inner_texts() == ["zeroed_base_never_decreases 40", "no_page_in_two_spans"]
    assert links.locator("dd").last.get_by_role("link").all_inner_texts() == ["a_trace"]

    opened.open(text_of(explained_raise()), tmp_path)
    boxes = [opened.page.locator(name).first.bounding_box() for name in ("article h2", ".now", "table.overview")]
    heights = [box["y"] for box in boxes if box]
    assert heights == sorted(heights)
    assert heights[1] < 900


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
@pytest.mark.parametrize("width", [1280, 400])
def test_every_control_has_a_name_and_every_text_can_be_read(
    width: int, scheme: Literal["dark", "light"], tmp_path: Path
) -> None:
    """In both schemes and widths: nothing hangs over the edge, nothing is too faint, nothing is nameless or doubled."""
    with window(width, scheme) as opened:
        several = (explained_raise(), cached_heap(), told_trace())
        long = [replace(lost_raise(), violated=replace(lost_raise().violated, claim=name)) for name in LONG_NAMES]
        proved, told = proved_report(*LONG_NAMES), Beside(told=dict.fromkeys(LONG_NAMES, "4 paths"))
        pages = [
            text_of(*several, report=report)
            for report in (mixed_report(), faults_report(), checked_report(), traced_report("a_b_c"))
        ]
        pages += [text_of(explained_raise()), text_of(*long, report=proved, beside=told)]
        for text in pages:
            opened.open(text, tmp_path)
            found = opened.page.evaluate(AUDIT)
            assert {what: nodes for what, nodes in found.items() if nodes} == {}
            assert set(found) == {"nameless", "overhanging", "torn", "faint", "doubled", "dangling"}
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
    assert opened.page.evaluate(LOOKS) < 100


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


@pytest.mark.parametrize(
    "cells", [{}, {"zeroedBase[1]": "1e999", "mspan[0].base": "x"}, {"pageInUse[1][0]": "9" * 400}]
)
def test_what_is_no_number_is_not_drawn(cells: dict[str, str], opened: Opened, tmp_path: Path) -> None:
    """Of cells that a record does not tell, or of which it tells nonsense, the map says so and draws no line."""
    record = lost_raise()
    known = {**record.cells, **cells} if cells else {}
    steps = tuple(step for step in record.steps if not step.cell.startswith("zeroedBase"))
    opened.open(text_of(replace(record, cells=known, steps=steps, flip=None)), tmp_path)
    opened.page.locator(".map .cursor").wait_for(state="attached")
    opened.page.keyboard.press("s")

    assert not re.search("NaN|Infinity|undefined", opened.page.locator(".player").inner_html())
    assert opened.page.locator(".map .zeroed").count() == (0 if not cells else 1 if "zeroedBase[1]" in cells else 2)
    assert ("in-use bit ?" in pages_of(opened)[8]) == (not cells)
    assert ("in-use bit ?" in pages_of(opened)[4]) == ("pageInUse[1][0]" in cells)
    assert opened.said == []


def test_a_geometry_that_no_machine_has_is_not_drawn(opened: Opened, tmp_path: Path) -> None:
    """The steps are there all the same, and at once."""
    record = lost_raise()
    geometry = {**geometry_json(HEAP), "arena_base_offset": -(2**60)}
    opened.page.set_default_timeout(5000)
    opened.open(text_of(replace(record, program={**record.program, "geometry": geometry})), tmp_path)

    assert opened.now.startswith("step 24 of 24")
    assert opened.page.locator(".heap").count() == 0


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
    series = [
        replace(series_of(trace, len(trace)), life=life_of(trace, len(trace))) for trace in map(read_trace, RECORDED)
    ]
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
            stories = opened.page.get_by_role(
                "region", name=re.compile(r"^The story of page \d+ at 0x[0-9a-f]+ in go1")
            )
            assert stories.count() == len(RECORDED)
            assert all("alloc_span" in story for story in stories.all_inner_texts())
            images = opened.page.get_by_role(
                "img", name=re.compile(r"^(Heap|Events) of go1\S+ over [\d,]+ events, in ")
            )
            assert images.count() == len(found)
            assert opened.said == []
    assert all(dark != light for dark, light in zip(*fills, strict=True))
