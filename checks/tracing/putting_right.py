"""After a difference: the text is brought to where Go was, so that the events after it are predicted too.

What the text did is taken back; then it is made to do what the row says, by its own calls that name the pages
(alloc_range, free). Pages that it holds otherwise are allocated before they are freed, what is allocated already stays
so, and chunks that it does not have are added: after the row all is as Go's. Where that cannot be the text is lost, and
nothing more is predicted. Read next: predicted.py.
"""

from collections.abc import Callable, Mapping

from spanproof.checks.broken import EndlessError
from spanproof.checks.tracing.kinds import PAGE_SIZE, Kind
from spanproof.checks.tracing.predicting import Event, Predictor, Returning
from spanproof.checks.tracing.story import pages_of
from spanproof.model.geometry import GO_AMD64 as G


class LostError(Exception):
    """The text cannot be brought to where Go was."""


def step(predictor: Predictor, e: Event) -> str:
    """Make the call of one event: "" if it gave what Go gave, else what differs; the text is then where Go was.

    Raises:
        LostError: it differs, and the text cannot be brought there. Its only argument is what differs.

    """
    before, cache = predictor.text.alone.values.copy(), predictor.cache(e.p)
    try:
        difference = predictor.step(e)
    except EndlessError as error:  # it would be so at each of the rows that follow
        raise LostError(f"the reference does not come to an end: {error}") from error
    if difference:
        predictor.text.alone.values, predictor.caches[e.p] = before, cache
        try:
            RIGHT.get(e.kind, _cannot)(predictor, e)
        except Exception as error:  # whatever an edited text raises
            raise LostError(difference) from error
    return difference


def _cannot(predictor: Predictor, e: Event) -> None:  # noqa: ARG001  # as all of RIGHT
    raise LostError


def _take(predictor: Predictor, page: int, npages: int) -> None:
    """Allocate those of these pages that are free."""
    text, at = predictor.text, page
    while at < page + npages:
        ci, pi = G.chunk_index(at * PAGE_SIZE), at % G.pages_per_chunk
        size = min(page + npages - at, G.pages_per_chunk - pi)
        if text.tree.chunks.get(ci) is None:
            text.grow(G.chunk_base(ci), G.chunk_size)  # Go had it: no row tells of its growth
        allocated = text.tree.chunk_of(ci).alloc.number >> pi & (1 << size) - 1
        if allocated == 0:
            text.alone.run(text.pages.alloc_range(at * PAGE_SIZE, size))
        else:
            for free in (bit for bit in range(size) if not allocated >> bit & 1):
                text.alone.run(text.pages.alloc_range((at + free) * PAGE_SIZE, 1))
        at += size


def _search_from(predictor: Predictor, e: Event) -> None:
    """Have the search address that the row tells, if rows tell it."""
    if predictor.searched:
        predictor.text.tree = predictor.text.tree.with_search_addr(_search_addr(e.b))


def _search_addr(page: int) -> int:
    """A search address; the highest stands in its page's last byte."""
    return G.max_off_addr if page == G.max_off_addr // PAGE_SIZE else page * PAGE_SIZE


def _grow(predictor: Predictor, e: Event) -> None:
    predictor.growing.add(e.m)
    predictor.text.grow(e.base, e.npages * PAGE_SIZE)


def _pages_alloc(predictor: Predictor, e: Event) -> None:
    predictor.took.pop(e.m, None)
    if e.page != 0:
        _take(predictor, e.page, e.npages)
        predictor.growing.discard(e.m)
        predictor.took[e.m] = e.base, e.npages, e.a
    _search_from(predictor, e)


def _pages_free(predictor: Predictor, e: Event) -> None:
    _take(predictor, e.page, e.npages)
    _search_from(predictor, e)
    predictor.text.free(e.base, e.npages)


def _cache_refill(predictor: Predictor, e: Event) -> None:
    for bit in pages_of(e.a):
        _take(predictor, e.page + bit, 1)
    predictor.caches[e.p] = predictor.names.PageCache(*e.cache)


def _cache_flush(predictor: Predictor, e: Event) -> None:
    for bit in pages_of(e.a):
        _take(predictor, e.page + bit, 1)
    predictor.text.flush(predictor.names.PageCache(*e.cache))


def _alloc_span(predictor: Predictor, e: Event) -> None:
    """What the row says leaves the cache, as far as it is there."""
    c = predictor.cache(e.p)
    first = c.base // PAGE_SIZE
    bits = range(max(e.page - first, 0), min(e.page + e.npages - first, G.pages_per_block))
    mask = sum(1 << bit for bit in bits)
    predictor.caches[e.p] = predictor.names.PageCache(c.base, c.cache & ~mask, c.scav & ~mask)


def _scavenge_begin(predictor: Predictor, e: Event) -> None:
    _take(predictor, e.page, e.npages)
    predictor.returning[e.m] = Returning(e.page, e.npages, None)


def _scavenge_end(predictor: Predictor, e: Event) -> None:
    ci, pi = G.chunk_index(e.base), G.chunk_page_index(e.base)
    if pi + e.npages > G.pages_per_chunk:
        raise LostError
    _take(predictor, e.page, e.npages)
    predictor.text.free(e.base, e.npages)
    predictor.text.tree, _ = predictor.names.mark_scavenged(predictor.text.tree, ci, pi, e.npages)


RIGHT: Mapping[Kind, Callable[[Predictor, Event], None]] = {
    Kind.GROW: _grow,
    Kind.PAGES_ALLOC: _pages_alloc,
    Kind.PAGES_FREE: _pages_free,
    Kind.CACHE_REFILL: _cache_refill,
    Kind.CACHE_FLUSH: _cache_flush,
    Kind.ALLOC_SPAN: _alloc_span,
    Kind.SCAVENGE_BEGIN: _scavenge_begin,
    Kind.SCAVENGE_END: _scavenge_end,
}
"""What each kind of row does to the heap, whatever the text had chosen."""
