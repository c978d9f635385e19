"""Why a conjunct stands in a contract though no question needs it: written by hand, and shown beside it in docs.

By its whole name, by its conjunct alone (": name"), or by the part of the contract that says it ("module.part: "), the
first of these that there is. Read next: pages.py.
"""

from collections.abc import Mapping

_BOUND = "a bound that each round shows; where the loop goes on its condition says as much, and nothing after it asks"
_IDENTITY = "what callers show; where the function itself is proved it is so by construction"
_TOGETHER = "of what alloc_span promises each is in cores with the others, and another says enough each time"
_CONSTRUCTED = "alloc_span promises it on to the user; a caller that takes init_span's word is handed this very span"
_GUARD = "a premise on what a step is given; what follows from the step is said by what the step does"
_RELIED_ON = "a callee keeps what everybody relies on, whole; what follows its call here needs only a part of it"
_HELD_BY_NONE = "for a caller that holds or keeps a span while it sweeps; those of the text that sweep so hold none"
_PROMISED = "a goal that users rest on: callers of this protocol ask only whether the memory is zero"
_WORDS = "needed in 64-bit words, which wrap around; in integers nothing does"
_OTHERS_SAY_IT = "in cores, of 64-bit words too, and never alone: what else is known of the same numbers says enough"
_IN_INTEGERS = "in cores of integers and never alone there; nobody has looked in 64-bit words"
_GOAL = "a goal that users rest on; no caller that is proved here asks for it"

WHY: Mapping[str, str] = {
    "owning_calls._mapped_so_far: count_is_in_the_region": _WORDS,
    ": no_more_than_it_can": _BOUND,
    ": count_is_in_the_chunk": _BOUND,
    ": bit_is_in_the_byte": _BOUND,
    ": arenas_so_far": _BOUND,
    ": bytes_so_far": _BOUND,
    ": spans_so_far": _BOUND,
    "owning_calls.alloc_span_ensures: no_page_is_left_in_hand": _TOGETHER,
    "owning_calls.alloc_span_ensures: the_span_owns_its_pages": _TOGETHER,
    "owning_calls.alloc_span_ensures: the_span_is_held": _CONSTRUCTED,
    "owning_calls.alloc_span_ensures: the_span_is_built_on_the_region": _CONSTRUCTED,
    "sweeping_calls.alloc_span_ensures: ": _CONSTRUCTED,
    "owning_calls.builds: ": _TOGETHER,
    "owning.from_cache: ": _GUARD,
    "owning.takes_region: ": _GUARD,
    "sweeping_calls.comes_from_the_pool: ": _GUARD,
    "owning_calls.init_span_requires: ": _IDENTITY,
    "owning_calls.set_spans_requires: ": _IDENTITY,
    "sweeping_calls.init_span_requires: the_span_is_held": _IDENTITY,
    "sweeping_calls.init_span_requires: the_span_is_dead": (
        "what callers show; a span that comes from the pool is dead, and that is known when init_span is proved"
    ),
    "zeroing._region_is_mine: ": _IDENTITY,
    "owning.is_place: ": _OTHERS_SAY_IT,
    "owning.refills: ": "filling a cache keeps what everybody relies on; the page's owner and its entry say it again",
    "owning_calls.set_spans_ensures: no_page_outside_changes": (
        "a goal that users rest on (set_spans_maps_exactly_the_region); callers ask only about pages of the region"
    ),
    "sweeping_calls.builds: ": _RELIED_ON,
    "sweeping_calls.published: ": "shown by the owning protocol together with the other in-use bit's, which is needed",
    "sweeping_calls.reclaims: the_chunk_begins_in_an_arena": (
        "what callers show: arenas are looked up at its index, which a list of them stands for here"
    ),
    "sweeping_calls.sweeps: ": _HELD_BY_NONE,
    "zeroing._cleared_so_far: ": _OTHERS_SAY_IT,
    "zeroing._is_in_hand: ": _PROMISED,
    "zeroing.init_span_ensures: the_span_covers_the_region": _PROMISED,
    "zeroing._pieces: cursor_is_at_a_page": _OTHERS_SAY_IT,
    "zeroing._pieces: no_more_pages_than_there_were": _WORDS,
    "zeroing._seen: what_was_read_is_in_the_arena": _OTHERS_SAY_IT,
    "zeroing.alloc_ensures: asked_for_zero_is_told_so": (
        "a promise to callers of Go 1.17, who look at what they are told; they are promised zero itself, too"
    ),
    "zeroing.init_span_requires: no_more_is_scavenged_than_there_is": (
        "what pages.alloc says of it: so the one case that matters, as much as there is, is the most"
    ),
    "zeroing.lies_in_an_arena: ": "z3 sees it by itself; cvc5, which is asked too, does not",
    "zeroing.raises_zeroed_base: non_zero_is_below_zeroed_base": (
        "follows from zeroed_base_never_decreases, as that step leaves memory alone: the world is sound at each write"
    ),
    "cursors._looked_so_far: it_begins_where_the_cursor_was": _IN_INTEGERS,
    "cursors._looked_so_far: the_heap_has_a_chunk": _IN_INTEGERS,
    "finishing.alone: nobody_else_has_the_span": _IN_INTEGERS,
    "finishing.idle: it_has_acquired_nothing": _IN_INTEGERS,
    "scavenging_calls._flushed_so_far: count_is_in_the_block": _BOUND,
    "scavenging_calls._flushed_so_far: scavenged_page_is_zero": _IN_INTEGERS,
    "scavenging_calls._zeroed_so_far: cursor_is_in_the_region": _BOUND,
    "scavenging_calls._zeroed_so_far: region_ends_where_it_is_held": _IN_INTEGERS,
    "scavenging_calls.is_chunk: is_below_2^48": _GUARD,
    "sweeping.alone: a_drained_set_is_empty": _IN_INTEGERS,
    "sweeping.gives_what_it_has: ": _GUARD,
    "sweeping_calls.sweep_ensures: the_span_is_handed_on": _GOAL,
}
