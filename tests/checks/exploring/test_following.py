"""The ghosts' trees lead from each memory to the very memory to which the search came."""

import pytest

from spanproof.checks.exploring.spin.following import Asked, Tree, trees
from spanproof.checks.exploring.spin.promela import tables_for
from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK, Tables
from spanproof.checks.scenarios import BY_NAME
from spanproof.impl.malloc import Runtime

NAMES = ("two_forced_scavengers", "two_cycles", "flush_against_refill", "alloc_against_sweeper", "aligned_stacks")


def searched(name: str) -> Tables:
    """Tables that a search has filled."""
    return tables_for(BY_NAME[name].program, Runtime)[0]


def written(tree: Tree, row: str) -> str:
    """A row after what the tree writes."""
    while isinstance(tree, Asked):
        tree = tree.then[row[tree.cell]]
    chars = list(row)
    for n, char in tree:
        chars[n] = char
    return "".join(chars)


def by_trees(tables: Tables) -> list[tuple[str, str]]:
    """For each step of the search: the row after it as the search has it, and as the edge and its tree have it."""
    found, rows = trees(tables), list[tuple[str, str]]()
    for automaton in tables.automata:
        t = automaton.thread
        for key, delta in tables.deltas[t].items():
            number = key >> NODE_BITS * t & NODE_MASK
            node = automaton.nodes[number]
            if node is None or not delta:
                continue
            row = tables.memories[key >> tables.shift]
            char = row[node.number]
            after = written(found.get((t, number, char), ()), row)
            after = after[: node.number] + node.edges[char][0] + after[node.number + 1 :]
            rows.append((tables.memories[key + delta >> tables.shift], after))
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_trees_lead_where_the_search_went(name: str) -> None:
    """Every step that the search has done, from every memory."""
    rows = by_trees(searched(name))
    assert len(rows) > 500
    assert sum(theirs != ours for theirs, ours in rows) == 0


def test_trees_ask_for_little() -> None:
    """A tree asks no cell twice, none that has one value, and none whose values all lead to one place."""
    tables = searched("two_forced_scavengers")
    asked = list[Asked]()

    def walk(tree: Tree, above: tuple[int, ...]) -> None:
        if isinstance(tree, Asked):
            assert tree.cell not in above
            assert len(tables.values[tree.cell]) > 1
            assert len({id(then) for then in tree.then.values()}) > 1
            asked.append(tree)
            for then in tree.then.values():
                walk(then, (*above, tree.cell))

    for tree in trees(tables).values():
        walk(tree, ())
    assert asked


def test_equal_parts_are_one() -> None:
    """Trees that are the same are one object, so they are written once."""
    found = trees(searched("two_allocs_one_arena"))
    leaves = [tree for tree in found.values() if not isinstance(tree, Asked)]
    assert len({id(tree) for tree in leaves}) == len(set(leaves)) < len(leaves)
