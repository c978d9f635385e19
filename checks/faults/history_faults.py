"""Bugs that Go's page allocator had or might have, each an edit of the text as it is now. Histories of calls show them.

None needs a second thread. The scenarios of the heap show none of them: they are about page caches, sparse heaps and
scavenging. Numbers like A3 are those of the list of known bugs. Read next: ../comparing/history_campaign.py.
"""

from spanproof.checks.faults.edit import Edit
from spanproof.checks.faults.fault import Fault, Origin
from spanproof.checks.faults.near_misses import PAGE_MISSES

_CLAIM = "refines_the_abstract_heap"
_BAD_SUMMARY = 'if j == NOT_FOUND:\n    raise Throw("bad summary data")'
_OLD_LENGTH = """
if len(ranges) == 16 == i:
    raise Throw("index out of range")
ranges.insert(i, r)
if len(ranges) == 17:
    ranges.pop()
"""
_CHARGED = "self.index.alloc(g.chunk_index(c.base), ones_count(c.cache))"
_FOUND = "c = await self.tree.update(find_block)"


def _fault(name: str, says: str, source: str, *edits: tuple[str, str, str], release: str = "") -> Fault:
    """release: of a bug that Go had."""
    origin = Origin.HISTORY if release else Origin.MADE_UP
    return Fault(name, says, _CLAIM, source, "", tuple(Edit(*edit) for edit in edits), origin, release)


HISTORY_FAULTS = (
    _fault(
        "search_addr_leaves_the_block",
        "a cache that took a block moves the search address to the page after it, which may be nobody's",
        "A3: issue 38605, CL 229577, in Go 1.14.0 to 1.14.2",
        ("page_cache.leave_block", "g.pages_per_block - 1", "g.pages_per_block"),
        release="go1.14",
    ),
    _fault(
        "search_addr_is_not_mapped",
        "find gives the address of a summary's first page as the new search address, be it the heap's or not",
        "A4: issue 40191, CL 242680, in Go 1.14.0 to 1.14.8",
        ("PageTree.find_mapped_addr", "self.arenas is None or ai not in self.arenas", "False"),
        release="go1.14",
    ),
    _fault(
        "index_mapped_again",
        "a scavenge index that begins at chunk 0 is taken for an empty one, and mapped over",
        "A6: issue 63385, CL 553135, in Go 1.19 to 1.21",
        ("ScavengeIndex.sys_grow", "have_max == 0 or need_min < have_min", "have_min == 0 or need_min < have_min"),
        release="go1.21",
    ),
    _fault(
        "bad_summary_is_not_seen",
        "-1 is looked for in unsigned numbers, so a search that a wrong summary has led astray goes on",
        "A11: issue 38130, CL 226297, in Go 1.14; here with a wrong summary beside it",
        ("page_alloc.search", _BAD_SUMMARY, ""),
        ("PageTree.find", _BAD_SUMMARY, ""),
        ("page_cache.find_block", _BAD_SUMMARY, ""),
        ("PageTree.update", "0 if alloc else free_chunk_sum(g)", "free_chunk_sum(g)"),
        release="go1.14",
    ),
    _fault(
        "ranges_keep_their_length",
        "the seventeenth range takes the place of the highest, as the list that has grown keeps its old length",
        "A12: issue 36113, CL 211157, while Go 1.14 was made",
        ("AddrRanges.add", "ranges.insert(i, r)", _OLD_LENGTH),
        release="go1.14",
    ),
    _fault(
        "cache_charged_to_another_chunk",
        "the pages of a cache are counted for the chunk of the search address, not for their own",
        "A16, beside it: the shadowed ci of allocToCache, put right when Go 1.21 began to count",
        (
            "CachingPageAlloc.alloc_to_cache",
            _FOUND,
            f"ci = g.chunk_index((await self.tree.read()).search_addr)\n{_FOUND}",
        ),
        ("CachingPageAlloc.alloc_to_cache", _CHARGED, "self.index.alloc(ci, ones_count(c.cache))"),
        release="go1.21",
    ),
    _fault(
        "low_growth_lowers_the_end",
        "memory below all that the heap has lowers the end of what it has",
        "C8: issue 20259, CL 43870, CL 44010, before Go 1.9: arena_used there, the end of the chunks here",
        ("PageTree.grow", "max(end, self.end)", "end"),
        release="go1.14",
    ),
    _fault(
        "next_range_is_not_met",
        "what is added below a range never becomes one with it",
        "C9: 9ba551bb87, before Go 1: free spans there, ranges here",
        ("AddrRanges.add", "i < len(ranges) and r.limit == ranges[i].base", "False"),
        release="go1.14",
    ),
    _fault(
        "padding_leaves_whole_chunks_out",
        "padding over three chunks leaves out the one in the middle",
        "made up: mpagealloc.go, markRandomPaddingPages",
        ("PageAlloc.mark_random_padding_pages", "c < ec", "c < sc"),
    ),
    _fault(
        "padding_leaves_its_last_page_out",
        "padding over two chunks leaves out its last page",
        "made up: mpagealloc.go, markRandomPaddingPages",
        (
            "PageAlloc.mark_random_padding_pages",
            "await self.pad(ec, 0, ei + 1)",
            "if ei:\n    await self.pad(ec, 0, ei)",
        ),
    ),
    _fault(
        "background_cursor_stays",
        "a generation begins, and the background scavenger's cursor stays where it was",
        "made up: mgcscavenge.go, nextGen",
        ("ScavengeIndex.next_gen", "await self.search_addr_bg.store_marked(free_hwm)", ""),
    ),
    _fault(
        "highest_free_of_all_time",
        "the highest address freed in a generation counts in all that follow",
        "made up: mgcscavenge.go, nextGen",
        ("ScavengeIndex.next_gen", "await self.free_hwm.write(self.geometry.min_off_addr)", ""),
    ),
    _fault(
        "generation_does_not_count",
        "a generation begins with the number of the last one",
        "made up: mgcscavenge.go, nextGen",
        ("ScavengeIndex.next_gen", "gen + 1", "gen"),
    ),
    _fault(
        "huge_page_less_than_a_page",
        "huge pages of the system's are kept whole also where they are less than a page",
        "made up: mgcscavenge.go, findScavengeCandidate",
        (
            "scavenge.find_scavenge_candidate",
            "g.phys_huge_page_size > g.page_size and g.phys_huge_page_size > g.phys_page_size",
            "g.phys_huge_page_size > g.phys_page_size",
        ),
    ),
)

PAGE_BY_NAME = {fault.name: fault for fault in (*HISTORY_FAULTS, *PAGE_MISSES)}
