"""The kill matrix: who catches what, evidence that an edit changes nothing, and what survives."""

import io
from dataclasses import replace

import pytest

from spanproof.checks.faults.edit import Edit
from spanproof.checks.faults.equivalence import all_proved, decided, evidence, plain
from spanproof.checks.faults.fault import Fault, Origin
from spanproof.checks.faults.layers import LAYERS, caught, is_shown_again
from spanproof.checks.faults.page import page
from spanproof.checks.faults.planting import PLANTABLE, named, subject
from spanproof.checks.faults.speaking import speaking_of, theorems_of
from spanproof.checks.faults.studied import EQUIVALENT
from spanproof.checks.faults.table import judge_fault, print_matrix, summary
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Report, Result, Verdict
from spanproof.impl.malloc import Runtime
from spanproof.impl.page_tree import PageTree, fresh_tree
from spanproof.model.geometry import CHUNKED


def never(done: int) -> str | None:  # noqa: ARG001  # the signature of Hurry
    """Nobody is in a hurry."""
    return None


FOUND_BY = {
    "summary_not_updated_by_free": {"explore", "tables", "histories", "traces", "compare"},
    "plain_store_for_cas": {"explore", "compare"},
    "index_mapped_again": {"histories", "tables"},
}


@pytest.mark.parametrize("name", FOUND_BY)
def test_layers_catch_what_they_can_see(name: str) -> None:
    """Each with a counterexample that is shown again; proofs are tried elsewhere."""
    fault, heap = PLANTABLE[name], subject(fault=name)
    layers = [layer for layer in LAYERS if layer != "prove"]
    kills = list(caught(fault, heap, never, layers, only_first=False))

    assert {kill.layer for kill in kills} >= FOUND_BY[name] - {"tables"}
    assert all(is_shown_again(kill, heap) for kill in kills)
    assert all(kill.record is not None or kill.layer == "tables" for kill in kills)


def test_the_reference_is_caught_by_nobody() -> None:
    """Nothing to show where nothing is planted."""
    fault = replace(PLANTABLE["summary_not_updated_by_free"], scenario="two_allocs_one_arena")
    layers = ("explore", "tables", "histories", "traces")
    assert not list(caught(fault, Subject(Runtime), never, layers, only_first=True))


def _made(name: str) -> Fault:
    found = named(name)
    assert found is not None
    return found


def test_an_edit_that_changes_nothing_is_equal() -> None:
    """Where its place is reached; where nobody comes, nothing is shown."""
    edit = Edit(
        "PageCache.alloc", "if self.cache == 0:\n    return self, 0, 0", "if self.cache <= 0:\n    return self, 0, 0"
    )
    same = Fault("same", "", "", "", "", (edit,), Origin.GENERATED)
    heap = Subject(_planted(same), fault="same")
    found = evidence(same, heap, never)
    assert not found.differs
    assert "from outside the same" in found.said
    nowhere = _made("pagealloc_free_bound_1")
    assert evidence(nowhere, subject(fault=nowhere.name), never).differs.startswith("no scenario reaches")


def _planted(fault: Fault) -> type[Runtime]:
    from spanproof.checks.faults.edit import planted  # noqa: PLC0415

    return planted(fault.edits)


def test_an_edit_that_changes_something_is_not_equal() -> None:
    """Whoever looks from outside sees another state."""
    fault = _made("heap_reclaim_negated_2")
    assert evidence(fault, subject(fault=fault.name), never).differs.startswith("differs in")


def test_what_only_the_edited_function_sees_changes_nothing() -> None:
    """Two writes to a span that nobody knows of yet, the other way round."""
    fault = _made("heap_mspan_init_swapped_1")
    assert evidence(fault, subject(fault=fault.name), never).said.startswith("from outside the same")


def test_a_theorem_decides_what_it_says_all_of() -> None:
    """A bound that is never met changes nothing, says the theorem; a wrong one makes it false, and nothing is shown."""
    fault = _made("pallocbits_find_large_n_bound_1")
    assert decided(fault, subject(fault=fault.name), never).startswith("find_is_first_fit_in_a_short_chunk says all")
    wrong = _made("pallocbits_find_small_n_negated_3")
    assert decided(wrong, subject(fault=wrong.name), never) == ""
    other = _made("heap_reclaim_negated_2")
    assert decided(other, subject(fault=other.name), never) == ""


def test_a_word_that_only_the_holder_of_the_lock_sees_may_be_plain() -> None:
    """One that a scavenger reads without it may not: that is a race, and search finds it."""
    fault = _made("scavengeindex_sys_grow_plain_2")
    assert "without the heap lock" in evidence(fault, subject(fault=fault.name), never).said
    racing = _made("atomicoffaddr_store_marked_plain_1")
    kills = list(caught(racing, subject(fault=racing.name), never, ["explore"], only_first=True))
    assert [kill.claim for kill in kills] == ["plain_accesses_are_ordered"]


def test_histories_are_evidence_too() -> None:
    """For what no scenario reaches: the state is the same after every few calls."""
    fault = _made("scavengeindex_sys_grow_bound_4")
    assert "all state is the same" in evidence(fault, subject(fault=fault.name), never).said


def test_values_are_compared_without_their_classes() -> None:
    """A copy of a module has classes of its own."""
    tree = fresh_tree(CHUNKED, test=False)
    assert plain(tree) == plain(replace(tree))
    assert plain(tree) != plain(tree.with_search_addr(8))
    assert plain((PageTree, 1)) == ("PageTree", 1)


def test_theorems_that_hold_are_evidence() -> None:
    """Of an edit that breaks nothing; of one that does there is none."""
    fault = next(f for f in EQUIVALENT if f.name == "dirty_where_zeroed_base_begins")
    assert "theorems" in all_proved(fault, subject(fault=fault.name), never)
    broken = PLANTABLE["plain_store_for_cas"]
    assert all_proved(broken, subject(fault=broken.name), never) == ""


def test_theorems_speak_of_what_they_call() -> None:
    """Plain ones of functions that they call; the others of those that their proofs run."""
    fault = Fault("f", "", "", "", "", (Edit("palloc_bits.find_bit_range64", "", ""),))
    assert "find_bit_range64_is_first_fit" in {theorem.name for theorem in speaking_of(fault)}
    assert not theorems_of(fault)
    assert theorems_of(PLANTABLE["plain_store_for_cas"])[0].name == "zeroed_base_never_decreases"


def test_a_result_says_what_came_out() -> None:
    """Caught, and how; survived, and that nobody saw it; stopped."""
    bound = _made("heap_reclaim_bound_1")
    survived = judge_fault(bound, never).result  # who comes when all is claimed looks once more: no claim forbids it
    assert survived.verdict is Verdict.VIOLATED
    assert survived.reason.startswith("survived: no layer catches it; differs in")
    made = judge_fault(_made("pagetree_find_negated_1"), never).result
    assert made.verdict is Verdict.HOLDS
    assert sum(made.counts[f"{layer}_found"] for layer in LAYERS if f"{layer}_found" in made.counts) == 1
    stopped = judge_fault(bound, lambda _: "enough").result
    assert (stopped.verdict, stopped.reason) == (Verdict.UNKNOWN, "enough")

    lines = summary([survived, made])
    assert lines[0].startswith("generated: 1 of 2 caught, 0 equivalent, 1 survived")
    out = io.StringIO()
    print_matrix(Report("faults", "each its own", 0, (survived, made)), out, "out/report.html")
    assert "heap_reclaim_bound_1: survived" in out.getvalue()
    assert out.getvalue().endswith("\nviolated: 1 of 2, see out/report.html\n")
    assert "## Made from the syntax tree" in page([survived, made])
    assert "`heap_reclaim_bound_1`" in page([survived, made])


def test_the_matrix_breaks_no_name_and_fits_a_page() -> None:
    """A hundred columns, no blanks at the ends, and names that can be copied, whatever was found."""
    asked = {f"{layer}_{what}": n for layer in LAYERS for what, n in _FOUND.items()}
    slow = Result("faults", "plain_store_for_cas", Verdict.HOLDS, "", "explore", counts=asked)
    quick = {f"explore_{what}": n for what, n in _FOUND.items()} | {"explore_milliseconds": 290}
    long = Result("faults", max(PLANTABLE, key=len), Verdict.HOLDS, "", "explore", counts=quick)
    equal = Result("faults", "second_fit", Verdict.HOLDS, "", "equivalent: " + 30 * "nothing differs, ")
    for results in ((slow,), (slow, long, equal), (long,), (equal,)):
        out = io.StringIO()
        print_matrix(Report("faults", "each its own", 0, results), out)
        lines = out.getvalue().splitlines()
        assert max(map(len, lines)) <= 100
        assert all(line == line.rstrip() for line in lines)
        assert all(result.name in out.getvalue() for result in results)
    assert "12.35 s" in " ".join(summary([slow]))
    assert "12.35 s at the median, 12.35 s at most" in " ".join(summary([slow]))


_FOUND = {"found": 1, "milliseconds": 12_346, "steps": 1_234, "switches": 3}
