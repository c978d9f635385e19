"""Bytes that are free, released or in spans are counted by whoever changes them."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.scavenging_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "counters_follow_the_pages",
    says="Whoever takes, frees, adds or returns pages tells heapReleased, heapFree, inUse of its kind and mappedReady "
    "so before it is done: when nobody is at work they are what the bitmaps and the spans say.",
    because="Each function owes the counters what it does to pages, and returns owing nothing.",
    source="mheap.go, allocSpan, freeSpanLocked, grow; mgcscavenge.go, scavengeOne; mem.go, sysMap, sysUsed, sysUnused",
    protocol=JOBS,
    parts=goals(
        "released_bytes_are_told",
        "unused_bytes_are_told",
        "spans_bytes_are_told",
        "used_bytes_are_told",
        "a_flushed_page_is_as_it_was",
        "what_was_scavenged_is_noted",
    ),
    claims=("byte_counters_count_the_pages", "in_use_bytes_count_the_spans"),
)

if __name__ == "__main__":
    main(THEOREM)
