"""A geometry that a record holds, read again: nothing that it says may ask for more than a machine has.

Whoever reads a record reads its geometry here, programs and histories alike. Read next: programs.py.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from spanproof.model.geometry import Geometry

MOST: Mapping[str, int] = {
    "page_size": 1 << 16, "pages_per_chunk": 1 << 12, "pages_per_arena": 1 << 16, "arenas": 1 << 12,
    "pages_per_reclaimer_chunk": 1 << 16, "pages_per_block": 64, "heap_addr_bits": 60, "summary_levels": 8,
    "summary_level_bits": 8, "chunks_l1_bits": 30, "phys_page_size": 1 << 22, "phys_huge_page_size": 1 << 30,
    "spans": 1 << 16, "ps": 1 << 16, "mspan_cache": 1 << 12, "arena_gap": 1 << 20, "first_sweepgen": (1 << 32) - 1,
}  # fmt: skip
"""What each of its numbers may be at most: far above Go's own, far below what fills a memory."""
MAY_BE_NOTHING = ("chunks_l1_bits", "phys_huge_page_size", "spans", "ps", "mspan_cache", "arena_gap", "first_sweepgen")
MOVING = ("first_arena", "arena_base_offset", "heap_rand_seed")
"""Those that only move the heap about."""
WIDEST = 1 << 60
"""What these may be at most, and less than nothing too."""
MOST_PAGES = 1 << 20


def up_to(value: Any, most: int, least: int = 1) -> int:
    """The whole number, if it is one from `least` to `most`.

    Raises:
        ValueError: it is not; a truth value and a fraction are none.

    """
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{value!r} is no number from {least} to {most}")
    return value


def _number(name: str, value: Any) -> int:
    try:
        if name in MOVING:
            return up_to(value, WIDEST, -WIDEST)
        return up_to(value, MOST[name], 0 if name in MAY_BE_NOTHING else 1)
    except ValueError as e:
        raise ValueError(f"{name}: {e}") from None


def geometry_of(given: Mapping[str, Any]) -> Geometry:
    """The geometry as `as_json` of a program or a plan wrote it; what older code did not write is the default.

    Raises:
        ValueError: a number is out of its bounds, or they do not fit together.
        KeyError, TypeError: a size is missing; it is no mapping.

    """
    values: dict[str, Any] = {"name": str(given["name"])}
    for name in (field.name for field in fields(Geometry) if field.name != "name" and field.name in given):
        values[name] = _number(name, given[name])
    geometry = Geometry(**values)
    sizes = (geometry.phys_page_size, geometry.phys_huge_page_size)
    if any(size & size - 1 for size in sizes) or geometry.phys_page_size < 8:
        raise ValueError("the sizes of the system's pages must be powers of two")
    if geometry.phys_page_size > geometry.page_size * geometry.pages_per_block:
        raise ValueError("a page of the system's must not be larger than a block of pages")
    if geometry.chunks_l2_bits < 0 or geometry.summary_l0_bits > 30:
        raise ValueError("its levels do not fit its address space")
    if geometry.arenas * geometry.pages_per_arena > MOST_PAGES:
        raise ValueError(f"it has more than {MOST_PAGES:,} pages")
    return geometry
