"""A trace's heap and its events, as two plots: bands that stand on each other, drawn here, so that no script need run.

A plot is made of numbers and of our own words; the trace's name stands in its description only, which the template
escapes. Read next: traced.py, plots.html.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from spanproof.checks.numbers import how_many
from spanproof.checks.tracing.series import Series
from spanproof.model.geometry import GO_AMD64

WIDTH, HEIGHT = 430, 176
LEFT, TOP, ACROSS, DOWN = 46, 10, 360, 124
"""The plot itself within the drawing: margins, width and height."""
SIZES = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "across": ACROSS, "base": TOP + DOWN}
"""What the template needs of it."""
MOST_STRETCHES = 12_000
"""Of all traces on a page; about 1 MB."""
RATES = 60
"""Stretches of the plot of events: in shorter ones every sweep would be a line of its own."""
MOST_TICKS_UP, MOST_TICKS_ACROSS = 4, 5
UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
GROUPS = {
    "allocating": ("blue", "alloc_span", "alloc_needs_zero", "pages_alloc", "cache_refill"),
    "freeing": ("pale", "free_span", "pages_free", "cache_flush"),
    "giving pages to the OS": ("orange", "scavenge_begin", "scavenge_end"),
    "growing, collecting": ("violet", "grow", "padding", "reclaim_chunk", "gc_cycle"),
}
"""From below upwards: what events do, the colour of its band, and their kinds."""


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a plot."""

    name: str
    look: str
    """The class that colours it."""
    told: str
    """Its last amount, or its share of all."""
    path: str
    """Down to the base: the bands above it are drawn before it, and it covers them."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis, and where it stands."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot."""

    title: str
    unit: str
    when: str
    """Of what the amounts of the bands are told."""
    label: str
    """All of it in words."""
    bands: tuple[Band, ...]
    """From below upwards."""
    up: tuple[Tick, ...]
    across: tuple[Tick, ...]


class _Amounts(NamedTuple):
    """A band before it is drawn."""

    name: str
    look: str
    told: str
    values: Sequence[float]


def plots(series: Series, most: int = ACROSS) -> tuple[Plot, ...]:
    """The two plots of a trace, in at most so many stretches; none of a trace without events."""
    if not series.ends:
        return ()
    drawn = series.coarser(most)
    return _heap(drawn), _events(series.coarser(min(most, RATES)))


def stretches_each(traces: int) -> int:
    """How many stretches each of so many traces may have for a page to stay small."""
    return max(12, min(ACROSS, MOST_STRETCHES // max(traces, 1)))


def _heap(series: Series) -> Plot:
    page = GO_AMD64.page_size
    size, unit = next((u for u in UNITS if max(series.grown) * page >= u[0]), UNITS[-1])
    kept = [g - a - b for g, a, b in zip(series.grown, series.spans, series.scavenged, strict=True)]
    held = (("in spans", "blue", series.spans), ("not in spans, kept", "pale", kept),
            ("with the OS", "quiet", series.scavenged))  # fmt: skip
    bands: list[_Amounts] = []
    for name, look, pages in held:
        amounts = [number * page / size for number in pages]
        bands.append(_Amounts(name, look, f"{_short(amounts[-1])} {unit}", amounts))
    said = (f"{band.name} {band.told}, {_short(max(band.values))} at most" for band in bands)
    whole = _short(series.grown[-1] * page / size)
    label = f"Heap of {_over(series)}: {whole} {unit} at the end, of it {'; '.join(said)}."
    return _plot(series.ends, ("Heap", unit, "at the end"), label, bands, max(series.grown) * page / size)


def _events(series: Series) -> Plot:
    sizes = [end - begin for begin, end in pairwise((0, *series.ends))]
    bands: list[_Amounts] = []
    for name, (look, *kinds) in GROUPS.items():
        counted = [series.events[kind] for kind in kinds if kind in series.events]
        if counted:
            numbers = [sum(of_kinds) for of_kinds in zip(*counted, strict=True)]
            rates = [100 * number / size for number, size in zip(numbers, sizes, strict=True)]
            bands.append(_Amounts(name, look, f"{_short(100 * sum(numbers) / series.ends[-1])}%", rates))
    said = (f"{band.name} {band.told}, {_short(max(band.values))}% of a stretch at most" for band in bands)
    label = f"Events of {_over(series)}: {'; '.join(said)}."
    return _plot(series.ends, ("Events", "% of each stretch", "of all"), label, bands, 100.0)


def _over(series: Series) -> str:
    """What a description begins with."""
    stretches = len(series.ends)
    events = f"{series.ends[-1]:,}" if series.ends[-1] == series.rows else f"{series.ends[-1]:,} of {series.rows:,}"
    return f"{series.name} over {events} events, in {how_many(stretches, 'stretches')}"


def _plot(ends: Sequence[int], words: tuple[str, str, str], label: str, bands: Iterable[_Amounts], most: float) -> Plot:
    """The plot of bands that add up to at most so much."""
    edges = [LEFT + ACROSS * end / ends[-1] for end in (0, *ends)]
    ticks = _ticks(most, MOST_TICKS_UP)
    top = most or 1.0
    drawn: list[Band] = []
    heights = [0.0] * len(ends)
    for band in bands:
        heights = [below + value for below, value in zip(heights, band.values, strict=True)]
        path = _path(edges, [_y(height / top) for height in heights])
        drawn.append(Band(band.name, band.look, band.told, path))
    up = tuple(Tick(_y(tick / top), _short(tick)) for tick in ticks)
    events = _ticks(ends[-1], MOST_TICKS_ACROSS)
    across = tuple(Tick(_number(LEFT + ACROSS * tick / ends[-1]), f"{tick:,.0f}") for tick in events if tick % 1 == 0)
    return Plot(*words, label, tuple(drawn), up, across)


def _path(edges: Sequence[float], heights: Sequence[str]) -> str:
    """Steps from left to right, closed along the base; what does not change is not said again."""
    base = _y(0)
    parts, now = [f"M{_number(edges[0])} {base}"], base
    for n, height in enumerate(heights):
        if height != now:
            parts += [] if n == 0 else [f"H{_number(edges[n])}"]
            parts.append(f"V{height}")
            now = height
    return "".join([*parts, f"H{_number(edges[-1])}V{base}Z"])


def _ticks(most: float, number: int) -> list[float]:
    """Round numbers from 0 on, at most so many above it, the last at or below `most`."""
    if most <= 0:
        return [0.0]
    step = next(step for step in _round_steps(most) if most / step <= number)
    return [n * step for n in range(int(most / step + 1e-9) + 1)]


def _round_steps(most: float) -> Iterable[float]:
    """1, 2 and 5 times powers of ten, the smallest well below `most`."""
    power = 10.0 ** (len(f"{most:.0f}") - 3)
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _y(share: float) -> str:
    """Where so large a part of the height ends."""
    return _number(TOP + DOWN * (1 - share))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _short(value: float) -> str:
    """Three digits that count, or all of a whole number."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if value >= 10 else 2}f}".rstrip("0").rstrip(".")
