"""A theorem told: in columns that stand below one another, and in a hundred of them."""

import re

from spanproof.checks.faults.planting import subject
from spanproof.checks.jobs import Setting, Task, Work
from spanproof.checks.task_lists import proof_tasks
from spanproof.checks.working import run


def told(fault: str | None) -> list[str]:
    """The lines of a theorem with many functions, long names and long premises."""
    theorem = "zeroed_base_never_decreases"
    tasks: list[Task] = list(proof_tasks([theorem], subject(fault=fault).heap_class, "go1.27", ["int"]))
    work: Work = run(tasks, Setting(fault=fault, release="go1.27", theorems=(theorem,)), 1)
    return work.told[theorem].splitlines()


def test_a_theorem_is_told_within_a_page() -> None:
    """Where it holds, and where it does not and a counterexample is told."""
    for fault in (None, "plain_store_for_cas"):
        lines = told(fault)
        assert max(map(len, lines)) <= 100
        assert all(line == line.rstrip() for line in lines if line.strip())
    assert any("a counterexample to induction" in line for line in lines)
    assert any(line.endswith("NOT MET") for line in lines)


def test_columns_stand_below_one_another() -> None:
    """Where a contract is discharged, whatever the names are; and in each proof how often a step is met."""
    lines = told(None)
    begin = next(i for i, line in enumerate(lines) if line.startswith("  contracts in place"))
    named = [line for line in lines[begin + 1 : lines.index("", begin)] if re.match(r"    \S", line)]
    assert len({line.index(line.split()[1]) for line in named}) == 1
    assert len(named) > 1
    proofs = "\n".join(lines[lines.index("  proofs:") + 1 :])
    for proof in re.split(r"\n    (?=\S)", proofs):
        assert len({len(line) for line in proof.splitlines() if re.match(r"      (line|lemma) .* \d+$", line)}) <= 1
