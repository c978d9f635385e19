"""The cursors of the scavenge index rise where they may, marked, and free raises them to what it freed."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.cursors_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "cursors_rise_where_they_may",
    says="The forced cursor rises under the heap lock alone, the background one with the world stopped; one "
    "that rises is marked, and a marked one that is stored lies no lower than what it replaces. What is freed is noted "
    "for the next generation, which begins with nothing noted.",
    because="A free compares with a cursor that others can only have lowered since; find stores what is not above "
    "what it found.",
    source="mgcscavenge.go, scavengeIndex.free, nextGen, find; mranges.go, atomicOffAddr",
    protocol=JOBS,
    parts=goals(
        "forced_cursor_rises_under_the_lock",
        "background_cursor_rises_in_a_cycle",
        "a_raised_cursor_is_marked",
        "a_mark_never_lowers",
        "a_free_raises_the_forced_cursor",
        "what_was_freed_is_looked_at_anew",
        "the_highest_freed_address_is_noted",
        "a_generation_begins_with_nothing_freed",
        "the_generation_is_the_next",
    ),
    claims=(
        "forced_cursor_rises_under_the_lock",
        "background_cursor_rises_in_a_cycle",
        "forced_scavenge_leaves_nothing",
        "forced_cursor_is_above_what_is_free",
    ),
)

if __name__ == "__main__":
    main(THEOREM)
