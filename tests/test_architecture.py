"""The folders are the argument: who may import whom, what is shipped, and what no file may name."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("model", "impl", "checks")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]
HOSTS = r"pypi\.org|pythonhosted\.org|npmjs\.(org|com)|deb\.debian\.org|proxy\.golang\.org|-{2}(extra-)?index-url"
PLACES = r"(?<![\w.])/(work|root|farm|tmp)/"
NAMES_WHERE_WE_ARE = re.compile(f"{HOSTS}|{PLACES}")
TOLD_WHY = "a path on purpose"
"""A line with these words may name a place; they are followed by the reason."""


def shipped_files() -> set[str]:
    """Every file of the three folders, as it is named inside the package."""
    files = {"__init__.py", "py.typed"}
    for part in PARTS:
        files |= {str(p.relative_to(ROOT)) for p in (ROOT / part).rglob("*") if p.is_file() and p.suffix != ".pyc"}
    return files


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    """Judge the import rules on a tree."""
    tool = str(Path(sys.executable).with_name("lint-imports"))
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "COLUMNS": "200"}
    return subprocess.run([tool, "--no-cache"], cwd=tree, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # our own


def test_import_rules_are_kept() -> None:
    """The contracts of pyproject.toml hold, and every module of checks has its floor."""
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("impl/span.py", "import spanproof.model.invariants", "the heap takes nothing of the checks"),
        ("impl/span.py", "import spanproof.checks.record", "the heap takes nothing of the checks"),
        ("model/words.py", "import z3", "the heap runs without z3"),
        ("model/spec.py", "import spanproof.impl.heap", "model knows neither the heap nor the checks"),
        ("checks/verdict.py", "import spanproof.checks.scenarios", "the floors inside checks"),
        ("checks/running/machine.py", "import spanproof.checks.exploring.tables", "the floors inside checks"),
    ],
)
def test_a_forbidden_import_is_caught(tmp_path: Path, file: str, line: str, broken: str) -> None:
    """One import too many, in a copy, breaks the contract that forbids it."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in ("src", *PARTS):
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True, ignore=shutil.ignore_patterns("*.npz"))
    changed = tmp_path / file
    changed.write_text(f"{changed.read_text()}\n{line}\n")

    done = lint_imports(tmp_path)

    assert done.returncode == 1, done.stderr
    assert re.search(rf"^{broken}.*BROKEN", done.stdout, re.MULTILINE | re.DOTALL), done.stdout


def test_links_stand() -> None:
    """src/spanproof holds a link to each of the three folders."""
    for part in PARTS:
        link = ROOT / "src" / "spanproof" / part
        assert link.is_symlink()
        assert link.resolve() == ROOT / part


def test_what_is_to_be_read_next_is_there() -> None:
    """Each module's docstring leads to a file, as seen from where it lies."""
    led = 0
    for part in PARTS:
        for path in (ROOT / part).rglob("*.py"):
            for name in re.findall(r"Read next: ([\w./]+\.[a-z]+)", path.read_text()):
                led += 1
                assert (path.parent / name).exists(), f"{path.relative_to(ROOT)}: {name}"
    assert led > 100


def test_every_package_is_shipped() -> None:
    """The list of packages in pyproject.toml is the list of folders with an __init__.py, and there are no others."""
    folders = {p.parent for part in PARTS for p in (ROOT / part).rglob("__init__.py")}
    with_code = {p.parent for part in PARTS for p in (ROOT / part).rglob("*.py")}
    names = {"spanproof", *("spanproof." + ".".join(f.relative_to(ROOT).parts) for f in folders)}

    assert with_code == folders
    assert set(SETUPTOOLS["packages"]) == names
    assert len(SETUPTOOLS["packages"]) == len(names)


def test_every_file_is_shipped() -> None:
    """What lies beside the code is package data."""
    patterns = [
        "/".join((*package.split(".")[1:], pattern))
        for package, found in SETUPTOOLS["package-data"].items()
        for pattern in found
    ]
    data = {file for file in shipped_files() if not file.endswith(".py")}
    assert not {file for file in data if not any(fnmatch(file, pattern) for pattern in patterns)}


def test_installed_package_is_whole(tmp_path: Path) -> None:
    """The installed package has the files of the folders, and every module imports from an empty folder and HOME."""
    script = tmp_path / "import_all.py"
    script.write_text(
        "import importlib, pkgutil, pathlib, spanproof\n"
        "print(*spanproof.__path__)\n"
        "for m in pkgutil.walk_packages(spanproof.__path__, 'spanproof.'):\n"
        "    if not m.name.endswith('__main__'):\n"
        "        importlib.import_module(m.name)\n"
    )
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-I", str(script)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    if done.returncode and "No module named 'spanproof'" in done.stderr:
        pytest.skip("spanproof is not installed here, these are its sources alone")
    assert done.returncode == 0, done.stderr

    where = Path(done.stdout.strip())
    installed = {str(p.relative_to(where)) for p in where.rglob("*") if p.is_file() and p.suffix != ".pyc"}
    if not (where / "model").is_symlink():  # an editable install is the tree itself
        assert installed == shipped_files(), "remove build/ and install again"


def test_wheel_adds_one_name() -> None:
    """Nothing but spanproof stands at the top of the wheel."""
    assert {package.split(".")[0] for package in SETUPTOOLS["packages"]} == {"spanproof"}


def test_constraints_are_names_and_versions() -> None:
    """No address, no option, no marker; sorted; and all that the install pulls in directly is pinned."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = [re.fullmatch(r"([\w.-]+)==[\w.]+", line) for line in lines]
    assert all(pinned), [line for line, match in zip(lines, pinned, strict=True) if not match]
    names = [match[1].lower().replace("_", "-") for match in pinned if match]
    assert names == sorted(set(names))

    project = PROJECT["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    assert {re.split(r"[\[<>=~ ]", requirement)[0].lower() for requirement in wanted} <= set(names)


def test_all_names_every_extra() -> None:
    """The extra `all` is every other one but `test`."""
    extras = PROJECT["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    assert set(re.findall(r"\w+", everything)) == {"spanproof", *extras} - {"all", "test"}


def test_no_file_names_where_it_was_written() -> None:
    """Neither the host of a package registry nor a place on somebody's machine stands in any file."""
    folders = (*PARTS, "tests", "docs", "src", ".ci")
    files = [*ROOT.iterdir(), *(p for folder in folders for p in (ROOT / folder).rglob("*"))]
    found: list[str] = []
    for path in files:
        made_here = any(part.endswith(("_cache", "__pycache__", ".hypothesis", ".egg-info")) for part in path.parts)
        if made_here or not path.is_file() or path.suffix in {".npz", ".png"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if NAMES_WHERE_WE_ARE.search(line) and TOLD_WHY not in line:
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not found
