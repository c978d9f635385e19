"""What the premise "no address overflow" excludes: allocNeedsZero runs for ever on a region of 2^51 pages.

In 64 bits 2^51 pages of 8 KiB are 0 bytes: arenaLimit is arenaBase, and neither base nor npage moves. The text itself
is run here, on 64-bit words that are all constants. Read next: theorem.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import z3

from spanproof.checks.proving.cuts import Cut, Returned, lifted
from spanproof.checks.proving.terms import Domain, Word
from spanproof.impl.access import Access, perform
from spanproof.model.geometry import GO_AMD64
from spanproof.model.releases import NEWEST

BITS = 64
PAGES = 1 << 51
"""The least number of pages with which the loop does not move."""
ROUNDS = 1_000


@dataclass(frozen=True, slots=True)
class Rounds:
    """How the outer loop of allocNeedsZero went round."""

    npages: int
    count: int
    """Rounds that were begun."""
    endless: bool
    """A round began with the same base and npage as the one before it: it will never end."""

    def __str__(self) -> str:
        """In words."""
        ends = "comes round with base and npage as they were, for ever" if self.endless else f"ends after {self.count}"
        return f"at npage = {self.npages} the loop {ends} (run, in 64-bit words)"


def rounds(heap_class: Any, npages: int = PAGES, base: int = GO_AMD64.heap_base) -> Rounds:
    """Run alloc_needs_zero on a region of so many pages, in wrapping words."""
    domain = Domain(BITS, _decided)
    word = domain.word(domain.constant(npages))
    start = domain.word(domain.constant(base))
    coroutine = lifted(heap_class)(GO_AMD64, NEWEST).alloc_needs_zero(start, word)
    memory: dict[int, int] = {}
    answer, before, count = None, None, 0
    try:
        while count < ROUNDS:
            operation = coroutine.send(answer)
            answer = None
            match operation:
                case Cut(loop=0, bound=bound):
                    here = _values(bound)
                    if here == before:
                        return Rounds(npages, count, endless=True)
                    before, count = here, count + 1
                case Access():
                    answer = _perform(operation, memory, domain)  # pyright: ignore[reportUnknownArgumentType]
                case _:
                    assert isinstance(operation, Cut | Returned), operation
    except StopIteration:
        count -= 1  # the last visit of the head was the one that left
    finally:
        coroutine.close()
    return Rounds(npages, count, endless=False)


def _decided(term: Any) -> bool:
    return bool(z3.is_true(z3.simplify(term)))


def _number(word: Any) -> Any:
    return z3.simplify(word.term).as_long() if isinstance(word, Word) else word


def _values(bound: Mapping[str, Any]) -> tuple[Any, Any]:
    return _number(bound["base"]), _number(bound["npage"])


def _perform(access: Access[Any], memory: dict[int, int], domain: Domain) -> Any:
    """An access to zeroedBase, on numbers."""
    index = _number(access.cell.index)
    plain: Access[Any] = Access(access.kind, access.cell, tuple(_number(arg) for arg in access.args))
    memory[index], result = perform(plain, memory.get(index, 0), 0)
    return domain.word(domain.constant(result)) if access.kind == "load" else result
