"""A text that goes round without an access comes to an end in every engine, and the result says where it goes round."""

import signal
import threading
from collections.abc import Iterator

import pytest

from spanproof.checks.broken import EndlessError
from spanproof.checks.comparing.campaign import draw, judge_campaign
from spanproof.checks.comparing.go_tables import judge_file
from spanproof.checks.comparing.history_campaign import judge_seeded
from spanproof.checks.comparing.living import replay_history
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.faults.planting import PLANTABLE
from spanproof.checks.jobs import Setting, Task
from spanproof.checks.performing import perform
from spanproof.checks.proofs.catalogue import BY_NAME as THEOREMS
from spanproof.checks.proofs.catalogue import PLAIN_BY_NAME
from spanproof.checks.proofs.script import proved
from spanproof.checks.proving.lifted.judging import judge_plain, replay_inputs
from spanproof.checks.running import endless
from spanproof.checks.running.alone import Alone
from spanproof.checks.running.endless import watched
from spanproof.checks.running.replaying import replay, survey
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.subject import Subject
from spanproof.checks.tracing.replaying import replay_trace
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.tracing.verdicts import judge_trace
from spanproof.checks.verdict import Verdict
from spanproof.impl.access import Cell
from spanproof.impl.malloc import Runtime

COROUTINE = Subject(
    planted((Edit("Heap.alloc_needs_zero", "need_zero = True", "while npage > 0: need_zero = True"),)), fault="loop"
)
"""Goes round between two accesses, where a region begins below zeroedBase."""
PLAIN = Subject(planted((Edit("PageTree.update", "level -= 1", "changed = True"),)), fault="loop")
"""Goes round within one access, when summaries change."""
FIRST = Subject(
    planted((Edit("Growth.grow", "g = self.geometry", "while npage >= 0: g = self.geometry"),)), fault="loop"
)
"""Goes round when the heap has no memory yet, before the program begins."""


class NeverMade(Runtime):
    """Its constructor goes round."""

    def __init__(self, *_: object, **__: object) -> None:
        """Go round."""
        while True:
            pass


@pytest.fixture(autouse=True)
def _watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test is watched, with short looks."""
    monkeypatch.setattr(endless, "LOOK", 0.02)
    with watched():
        yield


@pytest.mark.parametrize(("heap", "said"), [(COROUTINE, "alloc_needs_zero"), (PLAIN, "update"), (FIRST, "grow")])
def test_a_scenario_ends_with_a_record_that_replays(heap: Subject, said: str) -> None:
    """Explore finds no_deadlock violated; the record replays to the same bytes, and a pin finds the same."""
    judged = judge(BY_NAME["two_allocs_one_arena"], heap)

    assert judged.result.verdict is Verdict.VIOLATED
    assert judged.result.reason.startswith(f"no_deadlock: {said} goes round without an access: ")
    assert judged.record is not None
    assert replay(judged.record, heap.heap_class).difference == ""
    result, again = survey(judged.record, heap, "x.json")
    assert (result.verdict, again) == (Verdict.VIOLATED, judged.record)


def test_the_loop_is_named_by_its_line() -> None:
    """The line is that of the outermost loop of the function that goes round."""
    judged = judge(BY_NAME["two_allocs_one_arena"], PLAIN)
    line = next(n for n, text in enumerate(_lines("page_tree"), 1) if "while level >= 0 and changed:" in text)
    assert judged.result.reason.endswith(f"page_tree.py, from line {line} on")


def _lines(module: str) -> list[str]:
    import importlib  # noqa: PLC0415  # for this test alone
    import inspect  # noqa: PLC0415  # as above

    return inspect.getsource(importlib.import_module(f"spanproof.impl.{module}")).splitlines()


def test_another_claim_is_unknown() -> None:
    """Where no_deadlock is not judged, nothing is said of a claim whose runs do not come to an end."""
    with pytest.raises(EndlessError, match="alloc_needs_zero goes round"):
        judge(BY_NAME["two_allocs_one_arena"], COROUTINE, only="no_page_in_two_spans")


@pytest.mark.parametrize(("heap", "claim"), [(Subject(NeverMade), None), (COROUTINE, "no_page_in_two_spans")])
def test_a_task_says_unknown(monkeypatch: pytest.MonkeyPatch, heap: Subject, claim: str | None) -> None:
    """A heap that cannot be made, or a claim of which nothing can be said, gives a result with the reason."""

    def given(*_: str | None) -> Subject:
        return heap

    monkeypatch.setattr("spanproof.checks.performing.subject", given)
    (result,) = perform(Task("explore", "two_allocs_one_arena"), Setting(claim=claim)).results
    assert result.verdict is Verdict.UNKNOWN
    assert "goes round without an access: " in result.reason


def test_workloads_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign finds it, and its record replays."""
    monkeypatch.setattr("spanproof.checks.comparing.campaign.SHRINK_SECONDS", 1)
    part = draw(PLAIN, 0, examples=40)
    assert part.broken.startswith("no_deadlock: update goes round")
    assert part.record is not None
    assert replay(part.record, PLAIN.heap_class).difference == ""


def test_workloads_of_a_heap_that_is_never_made_are_unknown() -> None:
    """It is tried once, and not again while Hypothesis shrinks."""
    part = draw(Subject(NeverMade), 0, examples=40)
    result = judge_campaign([part], 0).result
    assert result.verdict is Verdict.UNKNOWN
    assert result.reason.startswith("the heap cannot be run: __init__ goes round without an access: ")


def test_histories_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A history finds it, and its record replays."""
    monkeypatch.setattr("spanproof.checks.comparing.history_campaign.SHRINK_SECONDS", 1)
    judged = judge_seeded(PLAIN, calls=1_000)
    assert judged.record is not None
    assert judged.record.violated.detail.startswith("call 1: update goes round without an access: ")
    assert replay_history(judged.record, PLAIN).difference == ""


def test_tables_end() -> None:
    """The first call of Go's tests that does not come back is the last that is made."""
    result = judge_file("mpagealloc", PLAIN.heap_class)
    assert result.verdict is Verdict.VIOLATED
    assert result.reason.count("update goes round without an access: ") == 1


def test_a_trace_ends() -> None:
    """Nothing is predicted from the row on where the text does not come to an end, and the record replays."""
    results, records = judge_trace(RECORDED[0], heap=PLAIN)
    assert results[-1].verdict is Verdict.VIOLATED
    assert "the reference does not come to an end: update goes round" in results[-1].reason
    assert replay_trace(records[-1], PLAIN) == ""


def test_a_proof_ends() -> None:
    """A theorem that fails, and whose counterexamples do not come to an end when they are run, is unknown."""
    fault = PLANTABLE["plain_store_for_cas"]
    judged, _ = proved(THEOREMS["zeroed_base_never_decreases"], Subject(planted(fault.edits, PLAIN.heap_class)))
    assert judged.result.verdict is Verdict.UNKNOWN
    assert judged.result.reason.startswith("not reached in 0 states of 0 programs; update goes round without an access")


def test_a_theorem_about_plain_functions_ends() -> None:
    """Numbers that go round break it, and their record replays."""
    heap = Subject(planted((Edit("scavenge.fill_aligned", "return x", "while m == 1: x = x"),)), fault="loop")
    judged, _ = judge_plain(PLAIN_BY_NAME["fill_aligned_fills_whole_groups"], heap)
    assert judged.result.verdict is Verdict.VIOLATED
    assert "fill_aligned goes round without an access: " in judged.result.reason
    assert judged.record is not None
    assert replay_inputs(judged.record, PLAIN_BY_NAME, heap).difference == ""


COUNTER: Cell[int] = Cell("counter")


async def _busy(rounds: int) -> int:
    """Many accesses, and no end in sight for a look."""
    n = 0
    while n < rounds:
        n += 1
        await COUNTER.write(n)
    return n


def test_what_moves_on_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long call whose accesses are answered one by one is no endless one."""
    monkeypatch.setattr(endless, "LOOKS", 2)
    assert Alone(lambda _: 0).run(_busy(300_000)) == 300_000


def test_signals_are_left_as_they_were() -> None:
    """Watching within watching changes nothing; in another thread nothing is watched, and nothing fails."""
    assert signal.getitimer(signal.ITIMER_VIRTUAL)[1] > 0
    with watched():
        pass
    assert signal.getitimer(signal.ITIMER_VIRTUAL)[1] > 0
    seen: list[bool] = []

    def other() -> None:
        with watched():
            seen.append(True)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [True]


def test_calls_without_an_access_come_to_an_end() -> None:
    """A loop that calls what makes no access: each call is told, so the engine around it does move."""
    edit = Edit("PageAlloc.enable_chunk_huge_pages", "group += 1", "pass")
    found = judge(BY_NAME["huge_pages_asked_for"], Subject(planted((edit,)), fault="loop"), only="no_deadlock")
    assert found.result.verdict is Verdict.VIOLATED
    assert "called again and again" in found.result.reason
