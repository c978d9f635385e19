"""The report folder."""

import errno
import json
import os
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.record import load
from spanproof.checks.reporting import write
from spanproof.checks.reporting.write import ReportError, result_json, write_report
from tests.checks.reporting.examples import lost_raise, mixed_report, told_trace

RECORDS = {"lost-raise.json": lost_raise(), "trace.json": told_trace()}

DIRTY = Path(__file__).parents[3] / "docs" / "records" / "dirty-memory-as-zero.json"


def test_the_folder_holds_page_results_and_records(tmp_path: Path) -> None:
    """The folder is made; records load as they were, report.json is the report, nothing else is left behind."""
    out = tmp_path / "new" / "folder"
    write_report(out, mixed_report(), RECORDS, "0.1.0")

    assert {path.name for path in out.iterdir()} == {"report.html", "report.json", *RECORDS}
    assert all(load(out / name) == record for name, record in RECORDS.items())
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == mixed_report().as_json("0.1.0")
    assert f"spanproof replay {out}/lost-raise.json" in (out / "report.html").read_text(encoding="utf-8")


def test_reproducible_folders_are_identical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written twice, every file has the same bytes, and report.json holds no seconds."""
    monkeypatch.chdir(tmp_path)
    written: list[dict[str, bytes]] = []
    for _ in range(2):
        write_report(Path("out"), mixed_report(), RECORDS, "0.1.0", reproducible=True)
        written.append({path.name: path.read_bytes() for path in Path("out").iterdir()})

    assert written[0] == written[1]
    assert {result["seconds"] for result in json.loads(written[0]["report.json"])["results"]} == {0.0}


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """An unusable folder is one line with the path, the reason and what to do."""
    (tmp_path / "taken").write_text("", encoding="utf-8")

    with pytest.raises(ReportError) as caught:
        write_report(tmp_path / "taken" / "report", mixed_report(), {}, "0.1.0")

    reason = "not a directory; check the folder, or name another folder with --out"
    assert str(caught.value) == f"{tmp_path}/taken/report/report.json: cannot be written: {reason}"


@pytest.mark.parametrize(
    ("number", "reason", "advice"),
    [
        (errno.ENOSPC, "no space left on device", "make room, or name another folder with --out"),
        (errno.EACCES, "permission denied", "check the folder, or name another folder with --out"),
        (errno.EROFS, "read-only file system", "check the folder, or name another folder with --out"),
    ],
)
def test_what_the_system_refuses(
    number: int, reason: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk and a forbidden folder are told apart, and nothing half-written stays."""

    def refuse(path: Path, text: str) -> None:
        raise OSError(number, os.strerror(number), str(path), len(text))

    monkeypatch.setattr(write, "write_atomically", refuse)

    with pytest.raises(ReportError) as caught:
        write_report(tmp_path, mixed_report(), RECORDS, "0.1.0")

    assert str(caught.value) == f"{tmp_path}/lost-raise.json: cannot be written: {reason}; {advice}"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../x.json", "/x.json", "", "report.json", "a/../../x.json"])
def test_records_stay_in_the_folder(name: str, tmp_path: Path) -> None:
    """A record's file name that leads out of the folder, or to the report's own files, is refused before writing."""
    with pytest.raises(ValueError, match="is no name for a record's file"):
        write_report(tmp_path, mixed_report(), {name: lost_raise()}, "0.1.0")

    assert not list(tmp_path.iterdir())


def test_the_json_is_one_object_in_ascii() -> None:
    """What `--json` writes is one JSON object in plain ASCII, ending in a newline."""
    text = result_json(mixed_report(), "0.1.0")

    assert text.isascii()
    assert text.endswith("}\n")
    assert json.loads(text)["verdict"] == "violated"


@pytest.mark.parametrize(
    ("asked", "ends", "files"),
    [
        ("explore two_allocs_one_arena --fault plain_store_for_cas", 1, 3),
        ("explore two_allocs_one_arena --sample 300 --seed 3", 0, 2),
        ("faults second_fit", 0, 3),
        ("compare --histories 500 --fault second_fit", 1, 4),
        ("prove find1_finds_the_lowest_free_page", 0, 2),
        (f"replay {DIRTY}", 1, 3),
    ],
)
def test_the_command_line_writes_the_same_bytes_twice(
    asked: str, ends: int, files: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --reproducible, a run in one folder and the same in another: no time, no pace, nothing of the machine."""
    written: list[dict[str, bytes]] = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert cli.main([*asked.split(), "--reproducible", "--out", "r"]) == ends
        written.append({path.name: path.read_bytes() for path in Path("r").iterdir()})
    assert len(written[0]) == files
    assert written[0] == written[1]
