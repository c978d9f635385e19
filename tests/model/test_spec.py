"""The abstract heap against a list of pages."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,  # pyright: ignore[reportUnknownVariableType]  # typed in part
)

from spanproof.model.spec import AbstractHeap, RefusedError

ABSENT, FREE, OWNED = "absent", "free", "owned"
PAGES = 24
ARENAS = 12


class AgainstAList(RuleBasedStateMachine):
    """Every step of the abstract heap is a step on a list that says of each page what it is."""

    def __init__(self) -> None:
        """Begin without any memory."""
        super().__init__()
        self.heap = AbstractHeap()
        self.pages = [ABSENT] * PAGES
        self.passed = 0

    @rule(page=st.integers(0, PAGES - 1), npages=st.integers(1, 8))
    def grow(self, page: int, npages: int) -> None:
        """Pages are added once."""
        added = range(page, min(page + npages, PAGES))
        if all(self.pages[p] == ABSENT for p in added):
            self.heap = self.heap.grow(page, len(added))
            for p in added:
                self.pages[p] = FREE
        else:
            with pytest.raises(RefusedError, match="added twice"):
                self.heap.grow(page, len(added))

    @rule(npages=st.integers(1, 8))
    def alloc(self, npages: int) -> None:
        """The lowest window of free pages is taken."""
        fits = [p for p in range(PAGES - npages + 1) if self.pages[p : p + npages] == [FREE] * npages]
        self.heap, page = self.heap.alloc(npages)
        assert page == (fits[0] if fits else None)
        if page is not None:
            self.pages[page : page + npages] = [OWNED] * npages

    @rule(page=st.integers(0, PAGES - 1), npages=st.integers(1, 4))
    def free(self, page: int, npages: int) -> None:
        """Pages that are owned become free; others are refused, and nothing happens."""
        freed = range(page, min(page + npages, PAGES))
        if all(self.pages[p] == OWNED for p in freed):
            self.heap = self.heap.free(page, len(freed))
            for p in freed:
                self.pages[p] = FREE
        else:
            with pytest.raises(RefusedError, match="freed but not owned"):
                self.heap.free(page, len(freed))

    @rule(narenas=st.integers(1, 3), gap=st.integers(0, 2))
    def reserve(self, narenas: int, gap: int) -> None:
        """Arenas are taken upwards, while they fit; what lies between them is passed by."""
        fits = self.passed + narenas <= ARENAS
        self.heap, first = self.heap.reserve(narenas, gap, ARENAS)
        assert first == (self.passed if fits else None)
        self.passed += narenas + gap if fits else 0

    @invariant()
    def says_the_same_of_each_page(self) -> None:
        """Both say the same of every page."""
        for page, kind in enumerate(self.pages):
            assert (page in self.heap.exist, page in self.heap.owned) == (kind != ABSENT, kind == OWNED)
        assert self.heap.grown == len(self.heap.exist)


def test_against_a_list() -> None:
    """Whatever is added, allocated and freed: both say the same of every page."""
    run_state_machine_as_test(AgainstAList)
