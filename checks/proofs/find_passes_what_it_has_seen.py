"""find lowers its cursor over chunks that it has seen, and takes away no mark that it has not."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.cursors_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "find_passes_what_it_has_seen",
    says="Of the chunks at or below the cursor that it loaded, find lowers the cursor only over those in which "
    "it has seen nothing worth scavenging since, down to the last page of a chunk, where it goes on; a "
    "marked cursor only if it loaded that very mark. It gives the highest chunk in which it has seen "
    "something, from the cursor's own page on or from its last. Not so of what lies above: a find that "
    "began below, and ends after another has taken the mark away, lowers the cursor over what was freed "
    "above; nor if a chunk is freed into after it was seen (findings of the catalogue).",
    because="It walks down from the cursor that it loaded, chunk by chunk; and no compare-and-swap that expects "
    "an unmarked cursor meets a marked one.",
    source="mgcscavenge.go, scavengeIndex.find; mranges.go, atomicOffAddr",
    protocol=JOBS,
    parts=goals(
        "find_saw_what_it_passes",
        "a_mark_is_taken_away_by_who_saw_it",
        "find_lowers_to_the_end_of_a_chunk",
        "it_looks_at_or_below_its_cursor",
        "it_begins_at_its_cursor_or_at_the_end_of_a_chunk",
        "nothing_is_left_where_nothing_is_found",
        "find_saw_what_it_leaves_out",
    ),
    claims=(
        "forced_cursor_is_above_what_is_free",
        "find_lowers_its_cursor",
        "forced_scavenge_leaves_nothing",
    ),
)

if __name__ == "__main__":
    main(THEOREM)
