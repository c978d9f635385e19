"""Histories as data: the shape of the heap and the calls. Drawn by Hypothesis, from a seed, or read from a record.

`plans` is a public strategy: use it in tests of your own. Read next: history_campaign.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from hypothesis import strategies as st

from spanproof.checks.comparing.histories import History
from spanproof.checks.comparing.mixes import CALLS, KEPT, Call, Mix, drawn
from spanproof.checks.comparing.standing_alone import StandingAlone
from spanproof.checks.geometries import geometry_of, up_to
from spanproof.checks.record import RecordError
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import GO_AMD64, Geometry
from spanproof.model.releases import NEWEST, Release, row

MOST_CALLS = 60
"""Calls of a history that Hypothesis draws."""
LONGEST = 100_000
"""Calls of a history that is read from a record."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A heap, and in how much of its address space a history takes place."""

    geometry: Geometry
    most_pages: int
    """The longest allocation."""
    most_chunks: int
    sparse: bool = False


TINY = Geometry("4x64", 8, 16, 64, arenas=4, heap_addr_bits=12, summary_levels=3, summary_level_bits=2)
SPARSE = Geometry("16x32", 8, 8, 32, 16, heap_addr_bits=13, summary_levels=4, phys_huge_page_size=32)
REAL = replace(GO_AMD64, name="go-amd64 64x8192", arenas=64)
SMALL_SHAPES = (
    Shape(TINY, 40, 10),
    Shape(replace(TINY, name="4x64, wide words", pages_per_block=8, phys_page_size=32, phys_huge_page_size=64), 40, 16),
    Shape(replace(TINY, name="4x64, at the end of the address space", page_size=32, heap_addr_bits=14, first_arena=4,
                  phys_huge_page_size=16), 40, 16),
    Shape(SPARSE, 20, 64, sparse=True),
    Shape(replace(SPARSE, name="16x32, pages of 64 bytes", pages_per_block=8, summary_levels=3, summary_level_bits=2,
                  phys_page_size=64, phys_huge_page_size=8), 20, 64, sparse=True),
)  # fmt: skip
"""Where caches, chunks and levels meet often. The system has huge pages as large as a page in one, smaller in one."""
REAL_SHAPES = (
    Shape(REAL, 600, 24),
    Shape(replace(REAL, name="pages of 16 KiB", phys_page_size=16384), 600, 24),
    Shape(replace(REAL, name="pages of 64 KiB, no huge ones", phys_page_size=65536, phys_huge_page_size=0), 600, 24),
    Shape(
        replace(REAL, name="across a border of summaries", first_arena=REAL.first_arena + 31, arenas=6),
        600,
        96,
        sparse=True,
    ),
    Shape(replace(REAL, name="at the end of the address space", first_arena=(1 << 22) - 2, arenas=2), 600, 32),
    Shape(
        replace(REAL, name="from address 64 MiB on", arena_base_offset=0, first_arena=1, arenas=64),
        600,
        1024,
        sparse=True,
    ),
)
"""Go's constants, where the system's pages are of other sizes, and where memory that is mapped ends."""
SHAPES = (*SMALL_SHAPES, *REAL_SHAPES)


@dataclass(frozen=True, slots=True)
class Plan:
    """A history that has not taken place yet."""

    shape: Shape
    release: Release
    calls: tuple[Call, ...]

    def begin(self, heap_class: type[Runtime] = Runtime, standing: type[StandingAlone] = StandingAlone) -> History:
        """Before its first call. standing: how its page allocator stands alone."""
        shape = self.shape
        mix = Mix(most_pages=shape.most_pages, most_chunks=shape.most_chunks, sparse=shape.sparse)
        return History(shape.geometry, heap_class, self.release, mix, standing)

    def as_json(self) -> dict[str, Any]:
        """Everything needed to make the calls again."""
        g = self.shape.geometry
        return {
            "release": self.release.name,
            "geometry": {f.name: getattr(g, f.name) for f in fields(g)},
            "most_pages": self.shape.most_pages,
            "most_chunks": self.shape.most_chunks,
            "sparse": self.shape.sparse,
            "calls": [list(call) for call in self.calls],
        }


def plan_of(data: Mapping[str, Any]) -> Plan:
    """The plan that `as_json` wrote.

    Raises:
        RecordError: something is missing or impossible.

    """
    try:
        shape = Shape(
            geometry_of(data["geometry"]),
            up_to(data["most_pages"], 1 << 16),
            up_to(data["most_chunks"], 1 << 12),
            bool(data["sparse"]),
        )
        calls = tuple(map(_call, data["calls"]))
        if not 0 < len(calls) <= LONGEST:
            raise ValueError(f"{len(calls):,} calls, not 1 to {LONGEST:,}")  # noqa: TRY301  # one way out for all
        plan = Plan(shape, row(str(data["release"])), calls)
        plan.begin()
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as e:
        what = " ".join(f"{type(e).__name__}: {e}".split())
        raise RecordError(f"a damaged history ({what}); run `spanproof compare --histories` again") from e
    return plan


def _call(given: Any) -> Call:
    name, a, b = given
    if name not in CALLS:
        raise ValueError(f"{name!r} is no call")
    return cast("str", name), up_to(a, 1 << 40, 0), up_to(b, 1 << 40, 0)


_OFTEN: tuple[str, ...] = (
    "alloc", "free", "grow", "refill", "cache_alloc", "flush", "scavenge", "scavenge_some", "gc_cycle", "background",
    "pad", *("alloc",) * 4, *("free",) * 3, *("cache_alloc",) * 3, *("refill",) * 2, "flush", "grow", "scavenge_some",
)  # fmt: skip
"""The calls, as often as they are drawn; what comes first is simplest."""


@st.composite
def plans(
    draw: st.DrawFn,
    shapes: tuple[Shape, ...] = SHAPES,
    releases: tuple[Release, ...] = (NEWEST,),
    most_calls: int = MOST_CALLS,
) -> Plan:
    """Histories of up to so many calls, half of them of at least a third as many; some kinds are left out of some."""
    shape, release = draw(st.sampled_from(shapes)), draw(st.sampled_from(releases))
    left_out = draw(st.sets(st.sampled_from([name for name in CALLS if name not in KEPT]), max_size=5))
    kinds = st.sampled_from([name for name in _OFTEN if name not in left_out])
    call = st.tuples(kinds, st.integers(0, 1023), st.integers(0, 1023))
    least = draw(st.sampled_from((1, most_calls // 3, most_calls // 2, most_calls)))
    return Plan(shape, release, tuple(draw(st.lists(call, min_size=least, max_size=most_calls))))


def seeded(shape: Shape, release: Release, seed: int, calls: int) -> Plan:
    """A history of so many calls, the same for the same seed."""
    return Plan(shape, release, tuple(drawn(seed, calls, Mix(), swarm=True)))
