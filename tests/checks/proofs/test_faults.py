"""Every planted fault that makes a theorem false turns it red, at the edited line, with a run that replays."""

import ast

import pytest

from spanproof.checks.faults.corpus import BY_NAME as FAULTS
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.page_corpus import PAGE_FAULTS
from spanproof.checks.faults.planting import subject
from spanproof.checks.proofs.catalogue import BY_NAME, THEOREMS
from spanproof.checks.proofs.script import judged, proved
from spanproof.checks.proving.theorem import JOBS, prove, units
from spanproof.checks.running.replaying import replay
from spanproof.checks.text import tree_of
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime

BREAKS = {
    "plain_store_for_cas": "zeroed_base_never_decreases",
    "need_zero_skips_zeroed_base": "needzero_false_is_already_zero",
    "need_zero_not_raised": "needzero_false_is_already_zero",
    "need_zero_overwritten": "needzero_false_is_already_zero",
    "failed_cas_treated_as_done": "needzero_false_is_already_zero",
    "failed_cas_not_reloaded": "alloc_needs_zero_terminates",
    "throw_on_equal_base": "overlap_throw_unreachable",
    "arena_limit_not_capped": "zeroed_base_stays_in_arena",
    "arena_edge_off_by_one": "zeroed_base_stays_in_arena",
    "needzero_cleared_without_memclr": "asked_for_zero_gets_zero",
    "memclr_of_npages_bytes": "asked_for_zero_gets_zero",
    "memclr_one_page_short": "asked_for_zero_gets_zero",
    "caller_does_not_clear": "asked_for_zero_gets_zero",
    "partly_scavenged_is_zero": "needzero_false_is_already_zero",
    "sweepgen_acquired_by_plain_store": "reclaim_chunk_touches_only_swept_or_claimed_spans",
    "sweep_without_acquiring": "only_the_winner_sweeps",
    "published_before_set_spans": "in_use_bit_marks_a_built_span",
    "spans_entry_missing": "set_spans_maps_exactly_the_region",
    "in_use_bit_not_set": "in_use_bit_marks_a_built_span",
    "in_use_not_reloaded": "reclaim_chunk_touches_only_swept_or_claimed_spans",
    "span_one_page_too_long": "no_overlapping_spans",
    "freed_with_in_use_bit": "in_use_bit_marks_a_built_span",
    "span_not_killed": "no_overlapping_spans",
    "last_page_not_freed": "no_overlapping_spans",
    "pages_freed_twice": "no_overlapping_spans",
    "traced_under_the_lock": "reclaim_chunk_touches_only_swept_or_claimed_spans",
    "freed_without_lock": "no_overlapping_spans",
    "mspan_taken_after_unlock": "no_overlapping_spans",
    "grow_forgets_the_pages": "grow_hands_pages_over_once",
    "grow_beyond_the_arena": "grow_hands_pages_over_once",
    "out_of_memory_not_seen": "grow_hands_pages_over_once",
    "arena_beyond_the_address_space": "grow_hands_pages_over_once",
    "in_use_before_the_fields": "only_the_winner_sweeps",
    "published_before_the_fields": "only_the_winner_sweeps",
    "pages_read_after_sweep": "reclaim_chunk_touches_only_swept_or_claimed_spans",
    "failed_cas_not_compared_again": "zeroed_base_never_decreases",
    "zeroed_base_set_where_it_differs": "zeroed_base_never_decreases",
    "zeroed_base_raised_over_dirty_memory_alone": "needzero_false_is_already_zero",
    "zeroed_base_raised_without_gaps_alone": "needzero_false_is_already_zero",
    "throw_one_page_above": "overlap_throw_unreachable",
    "weak_compare_and_swap": "overlap_throw_unreachable",
    "pages_freed_before_the_bit": "in_use_bit_marks_a_built_span",
    "entries_of_the_first_arena_alone": "set_spans_maps_exactly_the_region",
    "generation_moves_by_one": "sweep_sets_turn_with_the_cycle",
    "state_looked_at_last": "a_word_leads_to_a_built_span",
    "state_not_looked_at": "a_word_leads_to_a_built_span",
    "bounds_not_looked_at": "a_word_leads_to_a_built_span",
    "first_byte_is_outside": "a_word_leads_to_a_built_span",
    "reclaimer_is_no_sweeper": "sweeping_is_done_when_nobody_sweeps",
    "reclaimer_counted_off_at_once": "sweeping_is_done_when_nobody_sweeps",
    "sweeper_not_deregistered": "sweeping_is_done_when_nobody_sweeps",
    "sweeps_only_when_done": "sweeping_is_done_when_nobody_sweeps",
    "large_span_not_listed": "no_span_is_left_unswept",
    "marked_while_spans_are_unswept": "no_span_is_left_unswept",
    "finishsweep_skipped": "no_span_is_left_unswept",
    "counted_off_in_vain": "no_retry_loop_runs_for_ever",
    "drained_set_looked_at_again": "no_retry_loop_runs_for_ever",
    "chunks_claimed_for_ever": "no_retry_loop_runs_for_ever",
    "swept_span_waited_for": "no_retry_loop_runs_for_ever",
    "cursor_lowered_in_vain": "no_retry_loop_runs_for_ever",
}
"""The theorem that each fault makes false; others may rest on it, and become unknown."""
BREAKS_PAGES = {
    "taken_pages_given_again": "scavenged_pages_are_zero",
    "second_fit": "scavenged_pages_are_zero",
    "alloc_leaves_the_scavenged_bit": "scavenged_pages_are_zero",
    "flush_marks_all_scavenged": "scavenged_pages_are_zero",
    "scavenged_pages_given_away": "scavenged_pages_are_zero",
    "aligned_stack_not_aligned": "scavenged_pages_are_zero",
    "cache_not_emptied_by_flush": "scavenged_pages_are_zero",
    "flushed_without_the_lock": "scavenged_pages_are_zero",
    "manual_free_counted_as_heap": "counters_follow_the_pages",
    "scavenged_bytes_not_subtracted": "counters_follow_the_pages",
    "growth_counts_what_was_asked": "counters_follow_the_pages",
    "free_bytes_not_counted": "counters_follow_the_pages",
    "index_not_told_of_caches": "pages_are_told_to_the_index",
    "index_not_told_of_frees": "index_words_follow_what_they_are_told",
    "forced_cursor_not_raised": "cursors_rise_where_they_may",
    "forced_cursor_not_marked": "cursors_rise_where_they_may",
    "find_raises_the_forced_cursor": "cursors_rise_where_they_may",
    "background_cursor_raised_by_free": "cursors_rise_where_they_may",
    "marked_cursor_cleared": "find_passes_what_it_has_seen",
    "unused_leaves_memory": "scavenged_pages_are_zero",
}
"""The same of faults in the page allocator, its caches, scavengers and index, wherever their lines are."""
SPOKEN_OF_ELSEWHERE = {
    "alloc_count_not_cleared": "no theorem speaks of object counts",
    **{
        fault.name: "summaries and search addresses, and where the index begins, are a matter of search"
        for fault in PAGE_FAULTS
        if fault.name not in {*BREAKS_PAGES, "cache_takes_the_whole_block"}
        and not fault.edits[0].function.startswith(
            ("Heap.", "Growth.", "Pages.", "AtomicOffAddr.", "OsMemory.sys_unused")
        )
    },
    "rest_of_an_arena_lost": "no theorem says that all that is reserved is given",
    "rest_of_an_arena_not_counted": "no theorem says how much growth is counted at most, or of the rest of an arena",
    "last_arena_not_used": "no theorem says when memory runs out",
    "last_chunk_of_an_arena_not_used": "no theorem says when memory runs out",
    "gap_reserved": "arenas that are not the heap's stand in no proof: one hint, upwards",
    "too_few_random_chunks": "where the heap begins is any place that fits",
    "too_little_random_padding": "where the heap begins is any place that fits",
    **dict.fromkeys(
        ("bitmaps_without_memory", "granted_memory_refused", "refused_addresses_used"),
        "no theorem speaks of what the system refuses: memory and addresses may come or not",
    ),
    "cached_generation_not_expected": "no theorem says that the sweeper never throws",
    "no_allocation_without_a_p": "no theorem says that alloc_span never throws",
    **dict.fromkeys(
        ("surplus_not_credited", "reclaim_looks_at_one_chunk", "spans_counted_for_pages", "second_byte_not_looked_at"),
        "no theorem counts the pages that are reclaimed",
    ),
    "scavenger_parks_at_once": "no theorem says how much is scavenged",
    "mspan_not_kept": "no theorem counts the mspans that a P keeps",
    "chunk_not_capped": "sweeping more than was asked is allowed to whoever reclaims",
    "tracer_told_always": "no theorem says when the tracer is told",
    "cursor_not_lowered": "a cursor that stays where it is passes nothing",
    "huge_pages_not_asked_for": "no theorem speaks of hints to the system",
    "garbage_not_reclaimed": "no theorem says that the heap does not grow beside its garbage",
    "generation_goes_on": "no theorem speaks of generations of the scavenge index",
    "quarter_of_a_block_from_the_cache": "a cache may be asked for any number of pages",
    **dict.fromkeys(
        ("search_address_not_lowered_by_scavenging", "stack_grows_under_the_lock"),
        "no theorem speaks of search addresses, or of where the system lets go of memory",
    ),
}
"""Faults that no theorem can see, and why: they are found by search."""
UNKNOWN = {
    "cache_takes_the_whole_block": "how many bits of a number that is no bitmap are set cannot be told",
    "aligned_stack_in_a_short_hole": "no pages at all may be looked for, of which Go does not say what it does",
    "cache_of_a_running_p_flushed": "where there are no Ps no P is the next one",
    "empty_cache_not_filled": "alloc_to_cache is then called by nobody whom a proof covers",
    "scavenged_again": "what is taken to be scavenged is not as it must be, and no claim of the theorem breaks",
    "edges_of_an_aligned_stack_are_freed": "it calls the page allocator where no proof speaks of it",
    "stacks_not_aligned": "alloc_phys_page_aligned is then called by nobody whom a proof covers",
    "needzero_of_nil": "alloc follows nil, which no theorem's own claims speak of",
    "manual_free_does_nothing": "a span that stays alive after its owner gave it up breaks no claim of a theorem",
    "no_page_freed": "the induction breaks, but a page that stays allocated is nobody's: no page is in two spans",
    "marked_span_swept_free": "a span then never survives: nothing is shown of what follows where one does",
}
"""Faults that leave theorems unknown, and no counterexample to run."""
BESIDE = {
    "bit_before_state": "who sets the bit guarantees that the span is in use, and on that the claim rests",
    "growth_not_rounded": "the rest of an arena is not whole chunks any more, on which the claim rests",
    "cleared_while_preemptible": "releasem undoes the caller's acquirem, which a proof may not do",
    "free_lowers_zeroed_base": "reclaim, which alloc rests on, writes what it must not",
    "second_arena_not_reached": "a loop invariant of alloc_needs_zero, on which its claims rest, fails",
}
"""Faults that turn theorems red, but by what these rest on."""


NEAR = 2
"""What was deleted is on no path: the statement before it is, over a line of comment."""


def edited_lines(fault: Fault) -> set[tuple[str, int]]:
    """The lines that an edit changes: those on which the trees of the edited and of the original function differ."""
    heap = subject(fault=fault.name).heap_class
    lines: set[tuple[str, int]] = set()
    for function in {edit.function for edit in fault.edits}:
        of, _, name = function.rpartition(".")
        owners = (cls.ScavengeIndex.Cursor if of == "AtomicOffAddr" else cls for cls in (Runtime, heap))
        old_function, new_function = (getattr(owner, name) for owner in owners)
        before, after = tree_of(old_function), tree_of(new_function)
        file = old_function.__code__.co_filename.rpartition("/")[2]
        old, new = (_by_line(tree) for tree in (before, after))
        lines |= {(file, line) for line in old.keys() | new.keys() if old.get(line) != new.get(line)}
    return lines


def _by_line(tree: ast.Module) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.stmt) and not isinstance(node, ast.AsyncFunctionDef):
            children = ast.dump(node) if not isinstance(node, ast.While | ast.If) else type(node).__name__
            found.setdefault(node.lineno, []).append(children)
    return found


FEW = 8
"""So many are seen in every run, the others behind the long marker."""
SLOW = {"need_zero_overwritten"}
"""Seen there too: it takes as long as several others."""
IN_EVERY_RUN = [name for name in list(BREAKS)[:FEW] if name not in SLOW]


@pytest.mark.parametrize(
    "name",
    [*IN_EVERY_RUN, *(pytest.param(name, marks=pytest.mark.long) for name in BREAKS if name not in IN_EVERY_RUN)],
)
def test_a_fault_turns_its_theorem_red_at_the_edited_line(name: str) -> None:
    """A failed obligation stands at the edited line or on a path through it; its counterexample is reached."""
    heap, theorem = subject(fault=name), BY_NAME[BREAKS[name]]
    found, done = proved(theorem, heap)

    assert found.result.verdict is Verdict.VIOLATED, found.result.reason
    failed = [o for _, proof in done for o in proof.failed if theorem.own(o)]
    assert failed, "an obligation of the claim's own must fail, not only what it rests on"
    places = {place for o in failed for place in ((o.file, o.line), *o.lines)}
    near = {(file, line + n) for file, line in edited_lines(FAULTS[name]) for n in range(-NEAR, NEAR + 1)}
    assert places & near, failed[0].place
    assert all(o.values for o in failed)
    assert found.record is not None
    assert found.record.violated.claim in theorem.claims
    assert replay(found.record, heap.heap_class).difference == ""


@pytest.mark.parametrize(
    "name",
    [
        *list(BREAKS_PAGES)[-FEW:],
        *(pytest.param(name, marks=pytest.mark.long) for name in list(BREAKS_PAGES)[:-FEW]),
    ],
)
def test_a_fault_of_the_page_allocator_turns_its_theorem_red(name: str) -> None:
    """Obligations of the claim's own fail, and a run breaks one of its claims."""
    heap, theorem = subject(fault=name), BY_NAME[BREAKS_PAGES[name]]
    found, done = proved(theorem, heap)

    assert found.result.verdict is Verdict.VIOLATED, found.result.reason
    assert [o for _, proof in done for o in proof.failed if theorem.own(o)]
    assert found.record is not None
    assert found.record.violated.claim in theorem.claims
    assert replay(found.record, heap.heap_class).difference == ""


def test_every_fault_is_spoken_of_or_there_is_a_reason() -> None:
    """No fault of the corpus is left out of the lists above."""
    lists = (BREAKS, BREAKS_PAGES, SPOKEN_OF_ELSEWHERE, UNKNOWN, BESIDE)
    assert {name for names in lists for name in names} == set(FAULTS)
    assert sum(map(len, lists)) == len(FAULTS)


@pytest.mark.long
@pytest.mark.parametrize("name", FAULTS)
def test_no_theorem_is_green_that_rests_on_what_a_fault_breaks(name: str) -> None:
    """Over all theorems: exactly the faults with a reason leave everything green, and violated ones have a record."""
    heap = subject(fault=name)
    proofs = {
        (unit.job, unit.release): prove(unit, heap.heap_class, "int")
        for job in JOBS.values()
        for unit in units(job, heap.heap_class)
    }
    verdicts: dict[str, Verdict] = {}
    for theorem in THEOREMS:
        parts = [(u, proofs[u.job, u.release]) for job in theorem.proofs for u in units(JOBS[job], heap.heap_class)]
        found = judged(theorem, parts, heap, "int", None, others=proofs.values())
        verdicts[theorem.name] = found.result.verdict
        assert (found.record is not None) == (found.result.verdict is Verdict.VIOLATED)

    assert (set(verdicts.values()) == {Verdict.HOLDS}) == (name in SPOKEN_OF_ELSEWHERE), verdicts
