"""A heap that forgets to await is refused, with the line; one that only uses sets and lists is not."""

import textwrap
from pathlib import Path

import pytest

from spanproof.checks.subject import SubjectError, load_heap
from spanproof.checks.unawaited import FOLDER, awaited_names, forgotten

HEAP = """
from spanproof.impl.malloc import Runtime

class Mine(Runtime):
    async def free_manual(self, s, typ):
        await s.needzero.write(1)
        {lock}
        await self.free_span_locked(s, typ)
        await self.lock.unlock()

    async def helped(self):
        return 1
"""


def written(tmp_path: Path, lock: str) -> str:
    """The place of a heap that takes the lock in this way."""
    file = tmp_path / "mine.py"
    file.write_text(textwrap.dedent(HEAP).format(lock=lock))
    return f"{file}:Mine"


@pytest.mark.parametrize(
    ("lock", "name"),
    [
        ("self.lock.lock()", "lock"),
        ("x = s.state.load()", "load"),
        ("if self.helped(): await self.lock.lock()", "helped"),
        ("await self.lock.lock(); self.free_span_locked(s, typ)", "free_span_locked"),
    ],
)
def test_a_call_that_is_not_awaited_is_refused(tmp_path: Path, lock: str, name: str) -> None:
    """With its line and its name, before anything runs."""
    with pytest.raises(SubjectError, match=f"line 7 calls {name} and does not await it"):
        load_heap(written(tmp_path, lock))


@pytest.mark.parametrize("lock", ["await self.lock.lock()", "seen = set(); seen.add(s); await self.lock.lock()"])
def test_other_calls_are_not(tmp_path: Path, lock: str) -> None:
    """Python's own values are asked without await."""
    assert load_heap(written(tmp_path, lock)).__name__ == "Mine"


def test_the_reference_forgets_nothing() -> None:
    """Its own text passes; what it awaits are accesses and its own functions."""
    assert [file.name for file in FOLDER.glob("*.py") if forgotten(file.read_text())] == []
    always, _ = awaited_names()
    assert {"lock", "unlock", "load", "store", "compare_and_swap", "free_span_locked", "sweep"} <= always
