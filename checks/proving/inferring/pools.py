"""Candidates, by what they are candidates for: a rely, a guarantee, what a loop keeps, its invariant; they get fewer.

Read next: sieve.py.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from spanproof.checks.proving.engine import Engine
from spanproof.checks.proving.inferring.templates import at_a_loop, relations
from spanproof.checks.proving.zeroing import ZeroingProtocol
from spanproof.model.contracts import zeroing
from spanproof.model.contracts.contract import Loop
from spanproof.model.contracts.zeroing import View
from spanproof.model.logic import Claims
from spanproof.model.releases import Release

MARK = ": "


class Pools:
    """For each thing that is looked for, the candidates that nothing has refuted yet."""

    def __init__(self, only: Mapping[str, Iterable[str]] | None = None) -> None:
        """only: what is left of each pool; else each is filled when it is first asked for."""
        self.alive: dict[str, dict[str, None]] = {pool: dict.fromkeys(names) for pool, names in (only or {}).items()}
        self.dropped = 0

    def claims(self, pool: str, claims: Claims) -> Claims:
        """Those of the claims that are candidates still, by names of their own."""
        known = self.alive.get(pool)
        named = list(claims) if known is None else [(name, claim) for name, claim in claims if name in known]
        if known is None:
            self.alive[pool] = dict.fromkeys(name for name, _ in named)
        yield from ((f"{pool}{MARK}{name}", claim) for name, claim in named)

    def __contains__(self, name: str) -> bool:
        """Whether this is the name of a candidate."""
        pool, _, rest = name.partition(MARK)
        return rest in self.alive.get(pool, ())

    def drop(self, name: str) -> None:
        """It is refuted."""
        pool, _, rest = name.partition(MARK)
        del self.alive[pool][rest]
        self.dropped += 1

    def __len__(self) -> int:
        """How many candidates there are."""
        return sum(map(len, self.alive.values()))

    def __iter__(self) -> Iterator[str]:
        """All their names."""
        return (f"{pool}{MARK}{name}" for pool, names in self.alive.items() for name in names)


class InferringProtocol(ZeroingProtocol):
    """The zeroing protocol with candidates in place of its rely, its guarantee, and its loops' invariants."""

    pools: ClassVar[Pools]

    def __init__(self, engine: Engine, heap_class: Any, release: Release) -> None:
        """Observe through this engine."""
        super().__init__(engine, heap_class, release)
        self.loops = {key: self._loop(f"{key[0]} loop {key[1]}", loop) for key, loop in zeroing.LOOPS.items()}

    def rely(self, old: View, new: View) -> Claims:
        """What other threads may do."""
        return self.pools.claims("rely", relations(old, new))

    def guarantee(self, old: View, new: View) -> Claims:
        """What a write to zeroedBase may do."""
        return self.pools.claims("guarantee", relations(old, new))

    def _loop(self, name: str, loop: Loop) -> Loop:
        """The loop with candidates; what it falls by is as it was, and is to be shown at last."""
        keeps = self._part(f"{name} keeps", relations)
        return replace(loop, invariant=self._part(f"{name} invariant", at_a_loop), keeps=keeps)

    def _part(self, pool: str, templates: Callable[[Any, Any], Claims]) -> Callable[[Any, Any], Claims]:
        def part(old: Any, new: Any) -> Claims:
            return self.pools.claims(pool, templates(old, new))

        return part


def protocol_of(pools: Pools) -> type[InferringProtocol]:
    """The protocol over these candidates."""
    return type("Inferring", (InferringProtocol,), {"pools": pools})
