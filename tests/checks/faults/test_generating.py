"""Faults made from the syntax tree: each applies, each is another text, and each kind of change is among them."""

import ast
import random
import textwrap

import pytest

from spanproof.checks.faults.change import REACHED
from spanproof.checks.faults.edit import functions, planted
from spanproof.checks.faults.fault import Origin
from spanproof.checks.faults.generating import LEFT_OUT, generated
from spanproof.checks.faults.mutators import changes
from spanproof.checks.faults.planting import PLANTABLE, corpus, every_fault, looked_among, named
from spanproof.checks.faults.reload_mutators import bodies_and_loads
from spanproof.impl.malloc import Runtime

FAULTS = generated()
SOME = random.Random(0).sample(FAULTS, 40)


def test_there_are_many_of_each_kind() -> None:
    """In all the files of the heap; names are told apart, also from those that are written down."""
    kinds = {fault.kind for fault in FAULTS}
    assert kinds >= {"negated", "chosen", "filtered", "bound", "one", "swapped", "stored", "plain", "parted"}
    assert kinds >= {"unlocked", "never_locked", "split", "opened", "kept", "not reloaded", "read_once"}
    assert len(FAULTS) > 400
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert not {fault.name for fault in FAULTS} & set(PLANTABLE)
    assert all(fault.origin is Origin.GENERATED for fault in FAULTS)


@pytest.mark.parametrize("fault", SOME, ids=lambda fault: fault.name)
def test_it_applies(fault: object) -> None:
    """Exactly once, and the reference stays as it is."""
    assert fault in FAULTS
    edit = next(f for f in FAULTS if f is fault).edits[0]
    assert edit.old != edit.new
    assert planted((edit,)) is not Runtime


CHANGES = {
    "if a < b:\n    pass": {"negated", "bound"},
    "while a:\n    pass": {"negated"},
    "x = n - 1": {"one"},
    "await a.write(1)\nawait b.store(2)": {"swapped", "plain"},
    "await l.lock()\nawait a.write(1)\nn = 1\nawait l.unlock()": {"unlocked", "split"},
    "x = await a.load()\nn = 1\nx = await a.load()": {"not reloaded", "plain"},
    "if await a.compare_and_swap(1, 2):\n    x = 1": {"negated", "stored"},
    "if not await a.compare_and_swap(1, 2):\n    x = 1": {"negated", "stored"},
    "await a.compare_and_swap(1, 2)": {"stored"},
    "await l.unlock()\nn = 1\nawait l.lock()": {"kept"},
    "await s.l.lock()\nn = 1\nm = 2\nif n:\n    await s.l.unlock()": {"opened", "negated"},
    "if n:\n    await s.l.lock()\nawait a.read()\nawait s.l.unlock()": {"opened", "negated"},
    "while True:\n    x = await a.load()\n    n = 1": {"read_once"},
    "while n:\n    n = 1\n    x = await a.at(n).load()": {"negated"},
    "x = [a for a in b if a]": {"filtered"},
    "x = await self.load(1)": set[str](),
    "x = await self.index.gen.read()": set[str](),
}


@pytest.mark.parametrize("text", CHANGES)
def test_what_is_changed(text: str) -> None:
    """Conditions, bounds, order, locks, reloads, swaps and atomics; methods that are named so are left alone."""
    body = ast.parse(f"async def f():\n{textwrap.indent(text, '    ')}").body[0]
    assert isinstance(body, ast.AsyncFunctionDef)
    found = {change.kind for i in range(len(body.body)) for change in changes(body.body, i)}
    assert found == CHANGES[text]


def test_a_corpus_is_drawn_by_its_seed() -> None:
    """All that are written down, then some of the others: the same for the same seed."""
    few = corpus(3, 1)
    assert few[:-3] == list(PLANTABLE)
    assert few == corpus(3, 1) != corpus(3, 2)
    assert set(corpus(10**6, 0)) == set(every_fault())


def test_a_fault_is_found_by_its_name() -> None:
    """Whether it is written down or made."""
    assert named("plain_store_for_cas") is PLANTABLE["plain_store_for_cas"]
    assert named(FAULTS[0].name) == FAULTS[0]
    assert named("nothing_of_the_kind") is None


def test_functions_of_modules_can_be_edited() -> None:
    """Those too that the heap's methods call by name."""
    owners = {owner for owner, _, _ in functions()}
    assert {"growth", "mspans", "heap_pages", "sweep", "page_alloc", "Heap", "PageTree", "OsMemory"} <= owners


def test_a_reload_in_a_loop_is_one() -> None:
    """Where the word was read before the loop; not where it was read on one way of two."""
    tree = ast.parse("x = await a.load()\nwhile x:\n    n = 1\n    x = await a.load()").body
    body, loaded = list(bodies_and_loads(ast.Module(tree, [])))[1]
    assert loaded == {"x"}
    assert [c.kind for c in changes(body, 1, loaded)].count("not reloaded") == 1
    (change,) = [c for c in changes(body, 1, loaded) if c.kind == "not reloaded"]
    assert REACHED in ast.unparse(change.probe[2])
    arm = ast.parse("if n:\n    x = await a.load()\nx = await a.load()").body
    assert not [c for c in changes(arm, 1) if c.kind == "not reloaded"]


def test_a_probe_throws_where_a_change_is_felt() -> None:
    """At a bound where both sides are equal; at a compare-and-swap where it fails."""
    (loop,) = ast.parse("while a < b:\n    pass").body
    bound = next(c for c in changes([loop], 0) if c.kind == "bound")
    assert ast.unparse(bound.probe[0]).startswith("while ((_ for _ in ()).throw(")
    assert "if a == b else a < b) is True" in ast.unparse(bound.probe[0])
    (swap,) = ast.parse("await a.compare_and_swap(1, 2)").body
    stored = next(c for c in changes([swap], 0) if c.kind == "stored")
    assert ast.unparse(stored.probe[0]).startswith("if not await a.compare_and_swap(1, 2):\n    raise ")


def test_a_lock_that_is_let_go_in_another_list_is_never_taken() -> None:
    """Then nothing of it is left; a lock whose unlock stands beside it is left to another mutator."""
    text = "async def f():\n    await s.l.lock()\n    if n:\n        await s.l.unlock()\n        return\n    {}"
    for end, kinds in (("m = 2", ["never_locked"]), ("await s.l.unlock()", [])):
        found = list(changes(ast.parse(text.format(end)).body, 0))
        assert [change.kind for change in found] == kinds
        assert not any(word in ast.unparse(change.new[0]) for change in found for word in (".lock()", ".unlock()"))


def test_without_a_lock_nothing_is_let_go() -> None:
    """Not on an early way out either."""
    body = ast.parse("await s.l.lock()\nif n:\n    await s.l.unlock()\n    return\nm = 1\nawait s.l.unlock()").body
    (change,) = [change for change in changes(body, 0) if change.kind == "unlocked"]
    assert "lock()" not in "\n".join(map(ast.unparse, change.new))


def test_every_change_finds_its_place() -> None:
    """Also where nothing before it tells it from another place: what comes after it does."""
    assert {"sweep_ensure_swept_plain_1", "sweep_ensure_swept_plain_2"} <= {fault.name for fault in FAULTS}
    made = sum(
        len(list(changes(body, i, loaded)))
        for _, name, tree in functions()
        if name not in LEFT_OUT
        for body, loaded in bodies_and_loads(tree)
        for i in range(len(body))
    )
    assert made == len(FAULTS)


def test_no_fault_is_looked_for_in_vain() -> None:
    """Names of those that are made end with a number; no other name is looked for among them: it takes seconds."""
    assert all(name in looked_among(name) for name in every_fault())
    assert looked_among("plain_store") is PLANTABLE
