"""The protocol of retries, which says of cursors only who makes a try fail, and its proofs.

The claims stand in model/contracts/retrying.py. Read next: tides.py, theorem.py.
"""

from typing import Any

from spanproof.checks.proving.cursors import Signed
from spanproof.checks.proving.jobs import Job, Start
from spanproof.checks.proving.protocol import Protocol
from spanproof.checks.proving.zeroing_jobs import SEQUENTIAL, STRONG
from spanproof.impl.access import Access
from spanproof.model.contracts import retrying
from spanproof.model.contracts.contract import nothing
from spanproof.model.contracts.retrying import View
from spanproof.model.logic import Claims


class RetryProtocol(Protocol):
    """See model/contracts/retrying.py."""

    title = "the protocol of retries"
    loops = retrying.LOOPS
    calls = retrying.CALLS
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

    def some_value(self, name: str) -> Any:
        """A cursor is a signed word."""
        return Signed(self.engine.domain, self.engine.fresh_like(0, name).term)

    def access(self, access: Access[Any]) -> Any:
        """It has no families of its own."""
        return self.looked(access)


def _clear(p: RetryProtocol) -> Start:
    p.begin()
    return Start((), nothing)


def _store_min(p: RetryProtocol) -> Start:
    p.begin()
    return Start((p.engine.fresh("addr"),), nothing)


PREMISES = (STRONG, SEQUENTIAL)
JOBS = (
    Job(
        "cursor: clear", "it is tried again if another thread moved it", RetryProtocol, "index.search_addr_bg.clear",
        _clear, premises=PREMISES,
    ),
    Job(
        "cursor: store_min", "so it is where it is lowered", RetryProtocol, "index.search_addr_bg.store_min",
        _store_min, premises=PREMISES,
    ),
)  # fmt: skip
