"""A second checker, simple and slow: one row after the other, with sets and dicts. It must agree with the fast one.

Every claim is judged on what the rows before have left behind; nothing is shared with the fast checker but the names.
"""

from collections import defaultdict
from collections.abc import Callable

from spanproof.checks.tracing.claims import CLAIMS_BY_NAME, TRACE_CLAIMS
from spanproof.checks.tracing.kinds import Kind
from spanproof.checks.tracing.reading import Trace

PAGE, ARENA, BLOCK, NO_P = 8192, 8192, 64, 65535


class SlowHeap:
    """All that is known of the heap, as plain Python."""

    def __init__(self, trace: Trace) -> None:
        """Take the columns as lists."""
        self.kind, self.page, self.npages = trace.kind.tolist(), trace.page.tolist(), trace.npages.tolist()
        self.m, self.p = trace.m.tolist(), trace.p.tolist()
        self.a, self.b, self.c = trace.a.tolist(), trace.b.tolist(), trace.c.tolist()
        self.scavenged_is_zero = trace.release.scavenged_is_zero
        grown = [
            page + at for k, page, n in zip(self.kind, self.page, self.npages, strict=True)
            if k == Kind.GROW for at in (0, n)
        ]  # fmt: skip
        self.first = min(grown, default=0)
        self.free = bytearray(max(grown, default=0) - self.first + BLOCK)
        self.grown: set[int] = set()
        self.padding: set[int] = set()
        self.scavenged: set[int] = set()
        self.used: set[int] = set()
        self.in_span: set[int] = set()
        self.spans: dict[int, int] = {}
        self.caches: dict[int, tuple[int, set[int]]] = defaultdict(lambda: (0, set()))
        self.took: dict[int, int] = {}
        self.pieces: dict[int, list[int]] = defaultdict(list)
        self.freeing: dict[int, int] = {}
        self.scavenging: dict[int, int] = {}
        self.raised: dict[int, int] = {}
        self.seen_by_m: dict[int, tuple[int, dict[int, int]]] = {}
        self.seen_by_p: dict[int, tuple[int, dict[int, int]]] = {}
        self.wrong: set[str] = set()

    def _is_free(self, page: int) -> bool:
        return 0 <= page - self.first < len(self.free) and self.free[page - self.first] == 1

    def _set_free(self, pages: list[int] | range, value: int) -> None:
        for page in pages:
            if 0 <= page - self.first < len(self.free):
                self.free[page - self.first] = value

    def _pages(self, row: int) -> list[int]:
        if self.kind[row] in {Kind.CACHE_REFILL, Kind.CACHE_FLUSH}:
            return [self.page[row] + bit for bit in range(BLOCK) if self.a[row] >> bit & 1]
        return list(range(self.page[row], self.page[row] + self.npages[row]))

    def _range(self, row: int) -> tuple[int, int]:
        return self.page[row], self.npages[row]

    def _expect(self, name: str, holds: bool) -> None:
        assert name in CLAIMS_BY_NAME
        if not holds:
            self.wrong.add(name)

    def step(self, row: int) -> set[str]:
        """Judge one row, then do what it says; the names of the claims that it violates."""
        self.wrong = set()
        self._zeroed_base(row)
        judge: Callable[[int], None] = getattr(self, f"_{Kind(self.kind[row]).word}", lambda _: None)
        judge(row)
        state = (row, dict(self.raised))
        self.seen_by_m[self.m[row]] = state
        if self.p[row] != NO_P:
            self.seen_by_p[self.p[row]] = state
        return self.wrong

    def _grow(self, row: int) -> None:
        pages = self._pages(row)
        self._expect("no_page_in_two_spans", not self.grown.intersection(pages))
        self.grown.update(pages)
        self.scavenged.update(pages)
        self._set_free(pages, 1)

    def _take(self, row: int) -> list[int]:
        pages = self._pages(row)
        self._expect("no_page_in_two_spans", all(map(self._is_free, pages)))
        return pages

    def _padding(self, row: int) -> None:
        pages = self._take(row)
        self.padding.update(pages)
        self._set_free(pages, 0)

    def _lowest(self, npages: int) -> int:
        at = self.free.find(b"\x01" * npages)
        return at + self.first if at >= 0 else 0

    def _pages_alloc(self, row: int) -> None:
        self._expect("the_lowest_free_run_is_taken", self._no_lower(self.page[row], self.npages[row]))
        if self.page[row] == 0:
            return
        pages = self._take(row)
        self._expect("spans_are_what_was_taken", self.m[row] not in self.took)
        self._expect("scavenged_bytes_are_counted", self.a[row] == PAGE * len(self.scavenged.intersection(pages)))
        self._set_free(pages, 0)
        self.took[self.m[row]] = row
        self.pieces[self.m[row]] = []

    def _no_lower(self, page: int, npages: int) -> bool:
        lowest = self._lowest(npages)
        return lowest == 0 if page == 0 else lowest == 0 or lowest >= page

    def _cache_refill(self, row: int) -> None:
        base, p = self.page[row], self.p[row]
        block = range(base, base + BLOCK)
        name = "caches_hold_the_free_pages_of_a_block"
        self._expect(name, self.c[row] == p)
        self._expect(name, not self.caches[p][1])
        self._expect(name, base == 0 or self.a[row] > 0)
        lowest = self._lowest(1)
        self._expect("the_lowest_free_run_is_taken", lowest == 0 or (base > 0 and lowest >= base))
        if base == 0:
            self.caches[p] = (0, set(self._pages(row)))
            return
        pages = self._take(row)
        self._expect(name, {page for page in block if self._is_free(page)} <= set(pages))
        self._scavenged_bits(row, pages)
        self._set_free(pages, 0)
        self.caches[p] = (base, set(pages))

    def _scavenged_bits(self, row: int, pages: list[int]) -> None:
        block = range(self.page[row], self.page[row] + BLOCK)
        bitmap = {q for q in block if q in self.scavenged and (q in pages or q in self.padding)}
        self._expect("scavenged_bytes_are_counted", self.b[row] == sum(1 << q - self.page[row] for q in bitmap))

    def _cache_flush(self, row: int) -> None:
        pages = self._pages(row)
        holders = [
            p for p, (base, held) in self.caches.items() if base == self.page[row] and held == set(pages) and held
        ]
        self._expect("caches_hold_the_free_pages_of_a_block", bool(holders))
        self._scavenged_bits(row, pages)
        if holders:
            self.caches[holders[0]] = (0, set())
        self._set_free(pages, 1)

    def _alloc_needs_zero(self, row: int) -> None:
        pieces = self.pieces[self.m[row]]
        pieces.append(row)
        needed = any(self.page[r] % ARENA * PAGE < self.a[r] for r in pieces)
        self._expect("zeroed_base_decides_need_zero", self.c[row] == needed)
        arena = self.page[row] // ARENA
        offsets = [(p - arena * ARENA) * PAGE for p in self._pages(row) if p in self.used]
        self._expect("used_pages_lie_below_zeroed_base", all(at < self.a[row] for at in offsets))
        self.raised[arena] = max(self.raised.get(arena, 0), self.page[row] % ARENA + self.npages[row])

    def _zeroed_base(self, row: int) -> None:
        if self.kind[row] != Kind.ALLOC_NEEDS_ZERO:
            return
        nothing: tuple[int, dict[int, int]] = (-1, {})
        of_p = nothing if self.p[row] == NO_P else self.seen_by_p.get(self.p[row], nothing)
        after, raised = max(self.seen_by_m.get(self.m[row], nothing), of_p, key=lambda seen: seen[0])
        arena = self.page[row] // ARENA
        floor = raised.get(arena, 0) * PAGE
        self._expect("zeroed_base_never_falls", self.a[row] >= floor)
        self._expect("zeroed_base_is_a_limit", self.a[row] <= floor or self._raised_meanwhile(row, after))

    def _raised_meanwhile(self, row: int, after: int) -> bool:
        arena, seen_m, seen_p = self.page[row] // ARENA, {self.m[row]}, {self.p[row]} - {NO_P}
        for other in [*range(after + 1, row), *range(row + 1, len(self.kind))]:
            piece = self.kind[other] == Kind.ALLOC_NEEDS_ZERO and self.page[other] // ARENA == arena
            raises = piece and (self.page[other] % ARENA + self.npages[other]) * PAGE == self.a[row]
            if raises and (other < row or (self.m[other] not in seen_m and self.p[other] not in seen_p)):
                return True
            if other > row:
                seen_m.add(self.m[other])
                seen_p |= {self.p[other]} - {NO_P}
        return False

    def _alloc_span(self, row: int) -> None:
        m, pages = self.m[row], self._pages(row)
        self._expect("no_page_in_two_spans", self.grown.issuperset(pages) and not self.in_span.intersection(pages))
        self._expect("spans_are_what_was_taken", not any(map(self._is_free, pages)))
        if m in self.took:
            self._expect("spans_are_what_was_taken", self._range(self.took.pop(m)) == self._range(row))
        else:
            self._from_cache(row, pages)
        scavenged = self.scavenged.intersection(pages)
        self._expect("scavenged_bytes_are_counted", self.b[row] == PAGE * len(scavenged))
        needzero = self.a[row] >> 16 & 1
        clean = scavenged == set(pages) if self.scavenged_is_zero else not self.used.intersection(pages)
        self._expect("used_pages_are_not_called_zero", bool(needzero) or clean)
        pieces = self.pieces.pop(m, [])
        asked = [page for piece in pieces for page in self._pages(piece)]
        answer = any(self.page[r] % ARENA * PAGE < self.a[r] for r in pieces)
        if self.scavenged_is_zero and self.b[row] == PAGE * len(pages):
            answer = False
        self._expect("needzero_follows_the_release", asked == pages and needzero == answer)
        self.spans[self.page[row]] = row
        self.in_span.update(pages)
        self.used.update(pages)
        self.scavenged.difference_update(pages)
        self._set_free(pages, 0)

    def _from_cache(self, row: int, pages: list[int]) -> None:
        base, held = self.caches[self.p[row]]
        served = len(pages) < BLOCK // 4 and self.p[row] != NO_P and held.issuperset(pages)
        self._expect("spans_are_what_was_taken", served)
        bits = bytes(page in held for page in range(base, base + BLOCK))
        lowest = base + bits.find(b"\x01" * len(pages))
        self._expect("the_lowest_free_run_is_taken", not served or lowest == self.page[row])
        held.difference_update(pages)

    def _free_span(self, row: int) -> None:
        name = "frees_match_allocations"
        built = self.spans.pop(self.page[row], None)
        same = built is not None and self._range(built) == self._range(row)
        self._expect(name, built is not None and same and (self.a[built] ^ self.a[row]) & 0xFFFF == 0)
        self._expect(name, self.m[row] not in self.freeing)
        self.freeing[self.m[row]] = row
        self.in_span.difference_update(self._pages(row))

    def _pages_free(self, row: int) -> None:
        freed = self.freeing.pop(self.m[row], None)
        self._expect("frees_match_allocations", freed is not None and self._range(freed) == self._range(row))
        self._set_free(self._pages(row), 1)

    def _scavenge_begin(self, row: int) -> None:
        self._expect("scavenging_gives_back_what_it_took", self.m[row] not in self.scavenging)
        pages = self._take(row)
        self._set_free(pages, 0)
        self.scavenging[self.m[row]] = row

    def _scavenge_end(self, row: int) -> None:
        begun = self.scavenging.pop(self.m[row], None)
        right = begun is not None and self._range(begun) == self._range(row)
        self._expect("scavenging_gives_back_what_it_took", right)
        self.scavenged.update(self._pages(row))
        self._set_free(self._pages(row), 1)


def check_slowly(trace: Trace) -> tuple[dict[str, int], int | None]:
    """The first row charged to each claim that is violated, and the row at which judging ends."""
    heap = SlowHeap(trace)
    found: dict[str, int] = {}
    for row in range(len(trace)):
        wrong = heap.step(row)
        for claim in TRACE_CLAIMS:
            if claim.name in wrong:
                found.setdefault(claim.name, row)
                if claim.owns:
                    return found, row
                break
    return found, None
