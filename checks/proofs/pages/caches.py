"""What a page cache gives, and what words of the scavenge index say."""

from typing import Any

from spanproof.checks.proving.lifted.judging import PlainTheorem
from spanproof.checks.proving.lifted.lemma import Given, Lemma
from spanproof.model.contracts.pages import are_counted, compares_as_uint32, has, leave, takes_lowest
from spanproof.model.geometry import GO_AMD64
from spanproof.model.logic import all_of, implies, ite, negate, same
from spanproof.model.words import WORD_BITS, ones_count

G = GO_AMD64
TOO_MANY, BELOW_ZERO = "too many pages allocated in chunk?", "allocated pages below zero?"


def _word(word: Any) -> list[tuple[Any, int]]:
    return [(word, WORD_BITS)]


def _base(given: Given) -> Any:
    """Any address of a page but 0, in the lower half of the address space."""
    return given.number("page", 1, (1 << 47) // G.page_size - 1) * G.page_size


def _cache_alloc(given: Given) -> None:
    cache, scav = given.word("cache"), given.word("scav")
    n, i = given.number("n", 1, 64), given.number("i", 0, 63)
    base = _base(given)
    left, addr, scavenged = given.call(given.text.PageCache(base, cache, scav).alloc, n, G)
    there, first = addr != 0, (addr - base) // G.page_size
    given.show("it is a page's address", implies(there, addr == base + first * G.page_size))
    given.show("the block stays", left.base == base)
    mine = all_of(there, first <= i, i < first + n)
    given.show_all(takes_lowest(cache, n, i, first, there, 64))
    given.show("what is left", leave(cache, left.cache, i, mine))
    given.show("what is left of scavenged ones", leave(scav, left.scav, i, mine))
    pages = scavenged // G.page_size
    given.show("no page, no bytes", implies(negate(there), pages == 0))
    given.show("whole pages", scavenged == pages * G.page_size)
    given.show("a scavenged page", implies(all_of(n == 1, mine), same(pages == 1, has(scav, i))))


def _cache_counts(given: Given) -> None:
    """That ones are counted is not used: the pages that leave are those that are counted."""
    cache, scav, n = given.word("cache"), given.word("scav"), given.number("n", 2, 64)
    count = given.opaque(ones_count, _word, WORD_BITS)
    page_cache = given.text.PageCache(_base(given), cache, scav)
    left, addr, scavenged = given.call(page_cache.alloc, n, G, instead={ones_count: count})
    counted = are_counted(scav, left.scav, scavenged // G.page_size, count)
    given.show("scavenged pages", implies(addr != 0, counted))


def _data(given: Given) -> Any:
    return given.text.ScavChunkData(
        given.number("in_use", 0, G.pages_per_chunk),
        given.number("last_in_use", 0, G.pages_per_chunk),
        given.word("gen", 32),
        given.number("flags", 0, 63),
    )


def _scav_chunk_data(given: Given) -> None:
    data = _data(given)
    packed = given.call(given.text.ScavChunkData.pack, data, G)
    given.show("a word", packed < 1 << 64)
    again = given.call(given.text.unpack_scav_chunk_data, packed, G)
    for name in ("in_use", "last_in_use", "gen", "flags"):
        given.show(name, getattr(again, name) == getattr(data, name))


def _scav_alloc(given: Given) -> None:
    data, n, gen = _data(given), given.number("n", 1, G.pages_per_chunk), given.word("new_gen", 32)
    too_many = data.in_use + n > G.pages_per_chunk
    after = given.call(given.text.ScavChunkData.alloc, data, G, n, gen, throws={TOO_MANY: too_many})
    _moved(given, data, after, gen, data.in_use + n)
    full = data.in_use + n == G.pages_per_chunk
    given.show("a full chunk has no free page", implies(full, after.flags == data.flags & ~1))
    given.show("else nothing is said of that", implies(negate(full), after.flags == data.flags))


def _scav_free(given: Given) -> None:
    data, n, gen = _data(given), given.number("n", 1, G.pages_per_chunk), given.word("new_gen", 32)
    after = given.call(given.text.ScavChunkData.free, data, n, gen, throws={BELOW_ZERO: data.in_use < n})
    _moved(given, data, after, gen, data.in_use - n)
    given.show("it has free pages", after.flags == data.flags | 1)


def _moved(given: Given, data: Any, after: Any, gen: Any, in_use: Any) -> None:
    given.show("so many are in use", after.in_use == in_use)
    given.show("the generation is the newest", after.gen == gen)
    last = ite(data.gen == gen, data.last_in_use, data.in_use)
    given.show("what was in use when the last one ended", after.last_in_use == last)
    given.show("it can be packed", all_of(after.in_use >= 0, after.in_use <= G.pages_per_chunk))


def _should_scavenge(given: Given) -> None:
    data, gen = _data(given), given.word("curr_gen", 32)
    gently = given.call(given.text.ScavChunkData.should_scavenge, data, G, gen, False)
    by_force = given.call(given.text.ScavChunkData.should_scavenge, data, G, gen, True)
    given.show("by force wherever there may be pages", by_force == (data.flags % 2 == 1))
    densely = data.in_use * 32 >= 31 * G.pages_per_chunk
    just_was = all_of(data.gen == gen, data.last_in_use * 32 >= 31 * G.pages_per_chunk)
    rarely = all_of(by_force, negate(densely), negate(just_was))
    given.show("gently where it is not densely used, and was not just before", same(gently, rarely))


def _sweepgen(given: Given) -> None:
    h = given.number("h", 2, 1 << 40)
    given.show_all(compares_as_uint32(h + given.number("k", -2, 3), h))


CACHE_ALLOC = PlainTheorem(
    "page_cache_alloc_takes_the_lowest_fit",
    says="A page cache gives the lowest pages that fit; they leave it, no others do, and scavenged ones are counted.",
    because="findBitRange64 finds the lowest place, and the same mask clears both bitmaps and counts.",
    source="mpagecache.go, pageCache.alloc, pageCache.allocN",
    inputs="any block of 64 pages, any two bitmaps of it, 1 to 64 pages",
    lemmas=(Lemma("page_cache.alloc", _cache_alloc), Lemma("page_cache.alloc counts", _cache_counts)),
    premises=("OnesCount64 is a function of its word: that it counts ones is not used",),
    decides=("PageCache.alloc", "PageCache.alloc_n"),
)
SCAV_CHUNK_DATA = PlainTheorem(
    "index_words_say_what_was_stored",
    says="A word of the scavenge index is unpacked as it was packed; alloc and free keep it one and count pages.",
    because="The four numbers have bits of their own: 16, 10, 6 and 32.",
    source="mgcscavenge.go, scavChunkData",
    inputs="any number of pages up to 512, any flags, any generation of 32 bits",
    lemmas=(
        Lemma("pack", _scav_chunk_data),
        Lemma("alloc", _scav_alloc),
        Lemma("free", _scav_free),
        Lemma("should_scavenge", _should_scavenge),
    ),
)
SWEEPGEN = PlainTheorem(
    "sweepgen_may_wrap",
    says="Generations that wrap at 2^32 compare as unbounded ones would.",
    because="A span's is the heap's less 2 to more 3, and no two of these are the same modulo 2^32.",
    source="mheap.go, mspan.sweepgen",
    inputs="numbers alone, no text: any generation of the heap up to 2^40, any that a span can have then",
    lemmas=(Lemma("sweepgen", _sweepgen),),
    premises=("a span in use has a generation from h - 2 to h + 3 (the theorems of the sweeping protocol)",),
)
THEOREMS = (CACHE_ALLOC, SCAV_CHUNK_DATA, SWEEPGEN)
