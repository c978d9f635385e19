"""Cursors of the scavenge index: words that move down by compare-and-swap, and are tried again if it fails.

Nothing is observed but the word itself (checks/proving/tides.py). Both cursors are of one class.
Read next: contract.py.
"""

from dataclasses import dataclass

from spanproof.model.contracts.contract import Call, Loop, by_retries_alone, nothing
from spanproof.model.geometry import Geometry

CURSOR = "scav.searchAddrBg"
"""The one that is looked at; the other is of the same class."""


@dataclass(frozen=True, slots=True)
class View:
    """One moment."""

    geometry: Geometry


LOOPS = {
    ("clear", 0): Loop(nothing, nothing, by_retries_alone, retries=CURSOR),
    ("store_min", 0): Loop(nothing, nothing, by_retries_alone, retries=CURSOR),
}
CALLS: dict[str, Call] = {}
