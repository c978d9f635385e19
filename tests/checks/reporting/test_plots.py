"""The plots of a trace: figures where they belong, words for those who cannot see them, nothing where nothing is."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.reporting.page import Beside, render_page
from spanproof.checks.reporting.plots import ACROSS, DOWN, LEFT, TOP, plots, stretches_each
from spanproof.checks.tracing.counting import series_of
from spanproof.checks.tracing.reading import read_trace
from spanproof.checks.tracing.series import Series
from spanproof.checks.tracing.shipped import RECORDED
from tests.checks.reporting.examples import HOSTILE, counted, traced_report
from tests.checks.tracing.recorder import Recorder, made, save

BASE = TOP + DOWN


def test_the_heap_is_drawn_as_it_was() -> None:
    """Four stretches of ten events, at most 512 pages of 8 KiB: every step stands where its number says."""
    heap, _ = plots(counted("t"))
    spans, kept, with_os = (band.path for band in heap.bands)

    assert (heap.title, heap.unit) == ("Heap", "MiB")
    assert spans == f"M46 {BASE}H136V103H226V72H316V{BASE}H406V{BASE}Z"
    assert kept == f"M46 {BASE}H136V103H226V72H316V41H406V{BASE}Z"
    assert with_os == f"M46 {BASE}V72H226V10H406V{BASE}Z"
    assert [(band.name, band.told) for band in heap.bands] == [
        ("in spans", "0 MiB"), ("not in spans, kept", "3 MiB"), ("with the OS", "1 MiB"),
    ]  # fmt: skip


def test_the_heap_has_axes() -> None:
    """Round numbers, each where it belongs: up in MiB, across in events."""
    heap, _ = plots(counted("t"))

    assert [(tick.at, tick.text) for tick in heap.up] == [
        ("134", "0"), ("103", "1"), ("72", "2"), ("41", "3"), ("10", "4"),
    ]  # fmt: skip
    assert [(tick.at, tick.text) for tick in heap.across] == [
        ("46", "0"), ("136", "10"), ("226", "20"), ("316", "30"), ("406", "40"),
    ]  # fmt: skip


def test_the_events_are_drawn_as_shares() -> None:
    """Of ten events: all allocate, half do, none; the bands add up to the whole height."""
    _, events = plots(counted("t"))
    allocating, freeing = events.bands

    assert allocating.path == f"M46 {BASE}V10H136V72H226V{BASE}H316V10H406V{BASE}Z"
    assert freeing.path == f"M46 {BASE}V10H406V{BASE}Z"
    assert [(band.name, band.told) for band in events.bands] == [("allocating", "62.5%"), ("freeing", "37.5%")]
    assert [tick.text for tick in events.up] == ["0", "50", "100"]


def test_what_is_drawn_is_said() -> None:
    """Who cannot see a plot hears what it is of, how far it goes, and what stands there."""
    heap, events = (plot.label for plot in plots(replace(counted("t"), rows=50)))

    assert heap == (
        "Heap of t over 40 of 50 events, in 4 stretches: 4 MiB at the end, of it in spans 0 MiB, 2 at most; "
        "not in spans, kept 3 MiB, 3 at most; with the OS 1 MiB, 2 at most."
    )
    assert events == (
        "Events of t over 40 of 50 events, in 4 stretches: allocating 62.5%, 100% of a stretch at most; "
        "freeing 37.5%, 100% of a stretch at most."
    )
    assert "over 40 events" in plots(counted("t"))[0].label


@pytest.mark.parametrize(("pages", "unit"), [(1, "KiB"), (127, "KiB"), (128, "MiB"), (131_072, "GiB"), (0, "KiB")])
def test_units(pages: int, unit: str) -> None:
    """A heap is told in the largest unit of which it has one; one without a page is drawn flat."""
    series = Series("t", 1, (1,), (pages,), (0,), (pages,), {"grow": (1,)})
    heap, _ = plots(series)

    assert heap.unit == unit
    assert heap.up[0].at == str(BASE)
    assert all(TOP <= float(tick.at) <= BASE for tick in heap.up)
    assert all(LEFT <= float(tick.at) <= LEFT + ACROSS for tick in heap.across)


@pytest.mark.parametrize("most", [1, 3, 9, 10, 99, 100, 101, 4096, 46_623, 999_999, 120_000_000])
def test_ticks_are_few_and_round(most: int) -> None:
    """One to five numbers above 0, all within the plot, of one or two digits that count."""
    series = Series("t", most, (most,), (1,), (0,), (1,), {"grow": (most,)})
    texts = [tick.text.replace(",", "") for tick in plots(series)[0].across]

    assert texts[0] == "0"
    assert 2 <= len(texts) <= 6
    assert len(set(texts)) == len(texts)
    assert int(texts[-1]) <= most
    assert re.fullmatch(r"[125]0*", texts[1])


def test_no_events_no_plots() -> None:
    """A trace without rows, or one that breaks at its first, draws nothing."""
    nothing = Series("t", 7, (), (), (), (), {})
    text = render_page(traced_report("t"), {}, "0", reproducible=True, beside=Beside(series=[nothing]))

    assert plots(nothing) == ()
    assert "<figure" not in text
    assert "<figure" not in render_page(traced_report("t"), {}, "0", reproducible=True)


def test_a_plot_stands_with_its_trace() -> None:
    """Each trace has its own two plots; a name with colons is a name; what belongs to no result is not drawn."""
    beside = Beside(series=[counted("b: c"), counted("a"), counted("other")])
    text = render_page(traced_report("a", "b: c"), {}, "0", reproducible=True, beside=beside)
    first, second = text.split('<div class="trace">')[1:]

    assert text.count("<figure") == 4
    assert first.count("Heap of a over") == first.count("Events of a over") == 1
    assert second.count("Heap of b: c over") == second.count("Events of b: c over") == 1
    assert "of other over" not in text


def test_of_files_with_one_name_all_are_drawn() -> None:
    """Two files of different folders may have one name: both are there, and numbered."""
    beside = Beside(series=[counted("a"), counted("a")])
    text = render_page(traced_report("a"), {}, "0", reproducible=True, beside=beside)

    assert text.count("<figure") == 4
    assert re.findall(r"</b>, [^<]*\((\d)\)", text) == ["1", "1", "2", "2"]


def test_a_hostile_name_stays_a_text() -> None:
    """The name of a file stands in a description, from which it cannot break out."""
    name = f'"><script>alert(1)</script>{HOSTILE}'
    text = render_page(traced_report(name), {}, "0", reproducible=True, beside=Beside(series=[counted(name)]))

    assert text.count("<figure") == 2
    assert "<script>alert" not in text
    assert "<img" not in text
    assert 'aria-label="Heap of &#34;&gt;&lt;script&gt;alert(1)' in text


def test_a_page_stays_small_and_the_same() -> None:
    """A recorded trace takes little; of a hundred that are as long, each has fewer stretches."""
    trace = read_trace(RECORDED[2])
    series = series_of(trace, len(trace))
    names = [f"t{n}" for n in range(100)]
    one, many = (
        render_page(
            traced_report(*some),
            {},
            "0",
            reproducible=True,
            beside=Beside(series=[replace(series, name=n) for n in some]),
        )
        for some in (names[:1], names)
    )
    again = render_page(
        traced_report("t0"), {}, "0", reproducible=True, beside=Beside(series=[replace(series, name="t0")])
    )
    bare = render_page(traced_report("t0"), {}, "0", reproducible=True)

    assert one == again
    assert len(one) - len(bare) < 30_000
    assert many.count("<figure") == 200
    assert len(many) < 2_000_000
    assert [stretches_each(n) for n in (0, 1, 33, 100, 10_000)] == [360, 360, 360, 120, 12]


def test_it_works_without_script_and_style_of_its_own() -> None:
    """Nothing of a plot is made by the script, and no attribute carries a style, which the policy forbids."""
    beside = Beside(series=[counted("a")])
    text = render_page(traced_report("a"), {}, "0", reproducible=True, beside=beside)
    figures = "".join(re.findall(r"<figure.*?</figure>", text, re.DOTALL))

    assert figures.count("<path") == 3 + 2 + 2 * 5 + (3 + 5)
    bands = re.findall(r'<path class="(\w+)" d="[^"]*Z"', figures)
    assert bands == ["quiet", "pale", "blue", "pale", "blue"]  # from above downwards: the lower ones cover
    assert " style=" not in figures
    assert figures.count('role="img"') == figures.count("aria-label=") == 2


def test_the_command_draws_what_it_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two plots of each trace that has events, in its report; the same bytes again, with more processes too."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "empty.npz", Recorder().trace())
    for n in range(2):
        save(tmp_path / f"made-{n}.npz", made(n))
    names = ["made-0.npz", "empty.npz", "made-1.npz"]
    pages: list[str] = []
    for jobs in "12":
        cli.main(["trace", *names, "--out", "out", "--reproducible", "--jobs", jobs])
        pages.append((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))

    assert pages[0] == pages[1]
    assert re.findall(r'aria-label="(Heap|Events) of (\S+) over [\d,]+ events, in', pages[0]) == [
        ("Heap", "made-0"), ("Events", "made-0"), ("Heap", "made-1"), ("Events", "made-1"),
    ]  # fmt: skip
