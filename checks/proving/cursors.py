"""The protocol of cursors, which says of them only who makes a try fail, and its proofs.

The claims stand in model/contracts/cursors.py. Read next: tides.py, theorem.py.
"""

from typing import Any

from spanproof.checks.proving.jobs import Job, Start
from spanproof.checks.proving.protocol import Protocol
from spanproof.checks.proving.zeroing_jobs import SEQUENTIAL, STRONG
from spanproof.impl.access import Access
from spanproof.model.contracts import cursors
from spanproof.model.contracts.contract import nothing
from spanproof.model.contracts.cursors import View
from spanproof.model.logic import Claims


class CursorProtocol(Protocol):
    """See model/contracts/cursors.py."""

    title = "the protocol of cursors"
    loops = cursors.LOOPS
    calls = cursors.CALLS
    families = frozenset[str]()

    def begin(self) -> None:
        """Anything."""
        self.engine.view = View(self.engine.geometry)

    def fresh_world(self, view: View) -> View:
        """Nothing is observed."""
        return view

    def rely(self, old: View, new: View) -> Claims:  # noqa: ARG002  # others may do anything
        """Nothing."""
        yield from ()

    def access(self, access: Access[Any]) -> Any:
        """It has no families of its own."""
        return self.looked(access)


def _clear(p: CursorProtocol) -> Start:
    p.begin()
    return Start((), nothing)


def _store_min(p: CursorProtocol) -> Start:
    p.begin()
    return Start((p.engine.fresh("addr"),), nothing)


PREMISES = (STRONG, SEQUENTIAL)
JOBS = (
    Job(
        "cursor: clear", "it is tried again if another thread moved it", CursorProtocol, "index.search_addr_bg.clear",
        _clear, premises=PREMISES,
    ),
    Job(
        "cursor: store_min", "so it is where it is lowered", CursorProtocol, "index.search_addr_bg.store_min",
        _store_min, premises=PREMISES,
    ),
)  # fmt: skip
