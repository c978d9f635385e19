"""All theorems, in reading order: the watermark of an arena, scavenged pages, who owns pages, who sweeps.

After those about coroutines, for any number of threads, come those about plain functions, for all inputs.
"""

from spanproof.checks.proofs import (
    a_word_leads_to_a_built_span,
    alloc_needs_zero_terminates,
    asked_for_zero_gets_zero,
    counters_follow_the_pages,
    cursors_rise_where_they_may,
    find_passes_what_it_has_seen,
    grow_hands_pages_over_once,
    in_use_bit_marks_a_built_span,
    index_words_follow_what_they_are_told,
    needzero_false_is_already_zero,
    no_overlapping_spans,
    no_retry_loop_runs_for_ever,
    no_span_is_left_unswept,
    nothing_is_freed_while_marking,
    only_the_winner_sweeps,
    operations_refine_the_abstract_heap,
    overlap_throw_unreachable,
    pages_are_told_to_the_index,
    reclaim_chunk_touches_only_swept_or_claimed_spans,
    scavenged_pages_are_zero,
    set_spans_maps_exactly_the_region,
    sweep_sets_turn_with_the_cycle,
    sweeping_is_done_when_nobody_sweeps,
    zeroed_base_never_decreases,
    zeroed_base_stays_in_arena,
)
from spanproof.checks.proofs.pages import (
    addresses,
    caches,
    first_fit,
    limits,
    long_bitmaps,
    short_bitmaps,
    summaries,
    words,
)

THEOREMS = (
    zeroed_base_never_decreases.THEOREM,
    zeroed_base_stays_in_arena.THEOREM,
    overlap_throw_unreachable.THEOREM,
    alloc_needs_zero_terminates.THEOREM,
    needzero_false_is_already_zero.THEOREM,
    asked_for_zero_gets_zero.THEOREM,
    scavenged_pages_are_zero.THEOREM,
    counters_follow_the_pages.THEOREM,
    pages_are_told_to_the_index.THEOREM,
    index_words_follow_what_they_are_told.THEOREM,
    cursors_rise_where_they_may.THEOREM,
    find_passes_what_it_has_seen.THEOREM,
    grow_hands_pages_over_once.THEOREM,
    no_overlapping_spans.THEOREM,
    operations_refine_the_abstract_heap.THEOREM,
    set_spans_maps_exactly_the_region.THEOREM,
    in_use_bit_marks_a_built_span.THEOREM,
    a_word_leads_to_a_built_span.THEOREM,
    only_the_winner_sweeps.THEOREM,
    nothing_is_freed_while_marking.THEOREM,
    sweep_sets_turn_with_the_cycle.THEOREM,
    no_span_is_left_unswept.THEOREM,
    sweeping_is_done_when_nobody_sweeps.THEOREM,
    reclaim_chunk_touches_only_swept_or_claimed_spans.THEOREM,
    no_retry_loop_runs_for_ever.THEOREM,
)
BY_NAME = {theorem.name: theorem for theorem in THEOREMS}

PLAIN = (
    *words.THEOREMS,
    *summaries.THEOREMS,
    *addresses.THEOREMS,
    *caches.THEOREMS,
    *limits.THEOREMS,
    *first_fit.THEOREMS,
    *short_bitmaps.THEOREMS,
    *long_bitmaps.THEOREMS,
)
"""About the plain functions of the page allocator."""
PLAIN_BY_NAME = {theorem.name: theorem for theorem in PLAIN}


def plain_names(tier: str) -> list[str]:
    """Those of a tier: `long` has the quick ones too."""
    return [theorem.name for theorem in PLAIN if tier in ("long", theorem.tier)]
