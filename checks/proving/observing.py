"""What the engine asks of a protocol. Read next: protocol.py."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from spanproof.checks.proving.cuts import Call
from spanproof.impl.access import Access
from spanproof.model.contracts import contract
from spanproof.model.logic import Claims, Truth


class Observing(ABC):
    """A way to look at the heap: what is observed of it, and what each access does to that."""

    families: frozenset[str]
    loops: Mapping[tuple[str, int], contract.Loop]
    calls: Mapping[str, contract.Call]

    @cached_property
    def retried(self) -> frozenset[str]:
        """The words on which loops of this protocol try again."""
        return frozenset(loop.retries for loop in self.loops.values() if loop.retries)

    @abstractmethod
    def fresh_world(self, view: Any) -> Any:
        """The view with a world of which nothing is known."""

    @abstractmethod
    def rely(self, old: Any, new: Any) -> Claims:
        """What other threads may do between two views."""

    @abstractmethod
    def access(self, access: Access[Any]) -> Any:
        """Do an access to a cell of its families: its result."""

    @abstractmethod
    def admit(self, access: Access[Any], file: str, function: str, line: int) -> None:
        """Refuse an access that is not as the heap declares it, or as the text of the function shows."""

    @abstractmethod
    def holding(self, view: Any, held: frozenset[str], unpreempted: Truth) -> Any:
        """The view of a thread that holds these; unpreempted: whether no other thread can stop the world."""

    @abstractmethod
    def may_be_stopped(self, view: Any) -> Claims:
        """What must be true of a thread when another may stop the world."""

    @abstractmethod
    def lock_invariant(self, view: Any) -> Claims:
        """What is true whenever nobody holds the heap lock."""

    @abstractmethod
    def stepped(self, access: Access[Any], now: Any, after: Any) -> None:
        """A word on which loops try again was looked at, or changed."""

    @abstractmethod
    def call(self, call: Call, contract_: contract.Call) -> Any:
        """Answer a call by its contract."""

    @abstractmethod
    def unknown(self, access: Access[Any]) -> Any:
        """The result of an access to a cell that the protocol says nothing about."""

    @abstractmethod
    def some_value(self, name: str) -> Any:
        """Anything that a word on which threads try again may hold."""
