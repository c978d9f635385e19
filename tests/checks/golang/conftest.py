"""What the tests with the real Go share: the toolchain of the extra `go`, and one folder for what is built."""

import importlib.util
from dataclasses import replace

import pytest

from spanproof.checks.golang.reading.toolchains import Toolchain, installed


def newest() -> Toolchain:
    """The newest Go that is here; without one, the test that asks is skipped."""
    if importlib.util.find_spec("tree_sitter_go") is None:
        pytest.skip("the extra `go` is not installed")
    found = [each for each in installed() if each.go.is_file()]
    if not found:
        pytest.skip("no Go is here: the extra `go` is not installed")
    return found[-1]


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The newest Go that is here."""
    return newest()


def edited(toolchain: Toolchain, file: str, old: str, new: str) -> Toolchain:
    """A toolchain with one change of a file, which it must have a place for."""
    text = (toolchain.runtime / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has {text.count(old)} times {old!r}"
    return replace(toolchain, laid=((file, text.replace(old, new).encode()),))
