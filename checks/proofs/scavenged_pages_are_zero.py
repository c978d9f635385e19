"""What is marked as scavenged is zero, from sysUnused until it is handed out as such."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.scavenging_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "scavenged_pages_are_zero",
    says="A page that the bitmaps or a page cache call scavenged is zero, if sysUnused zeroes; "
    "who is given pages of which all were scavenged is given zeroed memory.",
    because="A page is marked when sysUnused has returned, while nobody has it; nobody writes to it before it is "
    "taken, and taking it clears the mark.",
    source="mgcscavenge.go, scavengeOne; mpagealloc.go, allocRange, free; mpagecache.go, allocToCache, alloc, flush",
    protocol=JOBS,
    parts=goals(
        "scavenged_page_is_zero",
        "scavenged_is_zero",
        "marked_pages_are_zero",
        "scavenged_page_is_in_no_use",
        "what_is_not_the_heap's_is_zero",
        "a_cache_notes_what_is_scavenged",
        "what_was_scavenged_is_noted",
        "a_flushed_page_is_as_it_was",
        "a_cache_has_pages_in_hand",
        "taken_pages_are_free",
        "given_pages_are_in_hand",
        "freed_pages_were_owned",
        "only_the_holder_writes",
        "zero_so_far",
        "it_finds_what_is_free",
    ),
    claims=(
        "scavenged_page_is_zero",
        "allocated_page_is_not_scavenged",
        "cache_owns_its_pages",
        "live_memory_keeps_its_contents",
        "freed_pages_were_owned",
        "refines_the_abstract_heap",
        "asked_for_zero_gets_zero",
    ),
)

if __name__ == "__main__":
    main(THEOREM)
