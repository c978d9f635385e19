"""The abstract page allocator: which pages exist, which are owned, and which of them were returned to the system.

Three numbers, bit i for page i, counted from wherever its user likes. First fit by address; it shares no code with the
page allocator that it judges. Read next: spec.py.
"""

from spanproof.model.words import lowest_run, run_of_ones, without


class AbstractPages:
    """Pages, and caches of them. Everything is counted in pages."""

    def __init__(self, block: int) -> None:
        """block: the pages that a cache covers."""
        self.block = block
        self.exist = self.owned = self.scavenged = 0

    @property
    def unowned(self) -> int:
        """The pages that exist and that nobody owns."""
        return without(self.exist, self.owned)

    def grow(self, first: int, npages: int) -> None:
        """Let pages exist: free, and scavenged, as no memory stands behind them."""
        new = run_of_ones(first, npages)
        self.exist |= new
        self.scavenged |= new

    def alloc(self, npages: int) -> tuple[int, int]:
        """Own the lowest run: (its first page, how many of it were scavenged), or (-1, 0)."""
        page = lowest_run(self.unowned, npages)
        if page < 0:
            return -1, 0
        run = run_of_ones(page, npages)
        scav = (self.scavenged & run).bit_count()
        self.owned |= run
        self.scavenged &= ~run
        return page, scav

    def free(self, page: int, npages: int) -> None:
        """Own pages no longer; they are not scavenged."""
        self.owned &= ~run_of_ones(page, npages)

    def pad(self, page: int, npages: int) -> None:
        """Own pages that are never used, for good; they stay scavenged."""
        self.owned |= run_of_ones(page, npages)

    def to_cache(self) -> tuple[int, int, int]:
        """Own all free pages of the lowest block that has one: (its first page, those pages, what of it is scavenged).

        (-1, 0, 0) if no page is free. Bits count from the block's first page.
        """
        free = self.unowned
        if free == 0:
            return -1, 0, 0
        first = lowest_run(free, 1) // self.block * self.block
        whole = run_of_ones(0, self.block)
        mine, scav = free >> first & whole, self.scavenged >> first & whole
        self.owned |= mine << first
        self.scavenged &= ~(mine << first)
        return first, mine, scav

    def flush(self, first: int, mine: int, scav: int) -> None:
        """Own the pages of a cache no longer; those that were scavenged are so again."""
        self.owned &= ~(mine << first)
        self.scavenged |= scav << first

    def to_scavenge(self, group: int) -> int:
        """The pages that can be returned to the system: free, not scavenged, in whole groups of so many pages.

        group: a power of two.
        """
        free = without(self.unowned, self.scavenged)
        reached = 1
        while reached < group:
            # Bit i stays while this page and so many after it are all free.
            free &= free >> reached
            reached *= 2
        whole = run_of_ones(0, group)
        firsts = run_of_ones(0, -(-free.bit_length() // group) * group) // whole
        return (free & firsts) * whole
