"""Operations that find pages are judged by running them: those of the reference keep their word, others do not."""

from dataclasses import replace
from types import FunctionType
from typing import Any

import pytest

from spanproof.checks.faults.planting import subject
from spanproof.checks.proving.page_operations import JUDGES, SMALL, finds_what_is_free
from spanproof.impl import heap_pages, page_alloc, page_cache, scavenge
from spanproof.impl.malloc import Runtime

MODULES: tuple[Any, ...] = (page_alloc, page_cache, scavenge, heap_pages)


def operation(name: str) -> Any:
    """The operation of this name."""
    texts: list[dict[str, Any]] = [vars(module) for module in MODULES]
    return next(text[name] for text in texts if name in text)


@pytest.mark.parametrize("name", JUDGES)
def test_the_reference_keeps_its_word(name: str) -> None:
    """Each operation that a proof takes at its word."""
    assert finds_what_is_free(operation(name), Runtime)


PLANTED = {"taken_pages_given_again": "take_candidate", "second_fit": "search", "scavenged_again": "take_candidate"}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_seen(fault: str) -> None:
    """In the text of the operation or in what it calls."""
    heap: Any = subject(fault=fault).heap_class
    names = heap.PageAlloc.scavenge_one.__globals__ | heap.PageAlloc.alloc.__globals__

    assert not finds_what_is_free(names[PLANTED[fault]], heap)


def _search(p: Any, npages: int) -> Any:
    """The first pages of the heap, free or not."""
    return p, (SMALL.heap_base, npages)


def _take_candidate(p: Any, *_: Any) -> Any:
    """Says that it took pages, and did not."""
    return p, (0, 1)


def _find_block(p: Any) -> Any:
    """All of the first block."""
    return p, page_cache.PageCache(SMALL.heap_base, 15, 0)


def _cache_alloc(c: Any, npages: int, _: Any) -> Any:
    """Leaves the pages in the cache."""
    return c, (c.base if c.cache else 0, npages * 0)


def _update_summaries(p: Any, *_: Any) -> Any:
    """Frees all pages."""
    return replace(p, chunks=p.chunks.clear() if hasattr(p.chunks, "clear") else {}), None


@pytest.mark.parametrize("bad", [_search, _take_candidate, _find_block, _cache_alloc, _update_summaries])
def test_others_do_not(bad: Any) -> None:
    """One that gives what is not free, or changes what it must not."""
    named = FunctionType(bad.__code__, {**bad.__globals__, "PageCache": page_cache.PageCache}, bad.__name__[1:])

    assert not finds_what_is_free(named, Runtime)


def test_an_operation_that_nobody_judges_is_not_trusted() -> None:
    """Whatever it does."""
    assert not finds_what_is_free(_search, Runtime)
