"""A search is stopped, kept and gone on with, as a user does it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from spanproof.checks import cli, performing
from spanproof.checks.exploring.keeping import container
from spanproof.checks.jobs import Setting

SCENARIO = "two_allocs_one_arena"
Hurry = Callable[[int], str | None]


def explore(tmp_path: Path, *options: str, scenario: str = SCENARIO) -> tuple[int, dict[str, Any]]:
    """The exit code, and the result."""
    place = tmp_path / "result.json"
    place.unlink(missing_ok=True)
    code = cli.main(["explore", scenario, "--walk", "plain", *options, "--json", str(place)])
    return code, json.loads(place.read_text())["results"][0] if place.exists() else {}


def stopping_with(act: Callable[[], str | None]) -> Callable[[Setting], Hurry]:
    """A clock that does something when it is looked at for the tenth time."""

    def hurrying(_: Setting) -> Hurry:
        looks = count(1)
        return lambda _: act() if next(looks) == 10 else None

    return hurrying


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What a search is kept in that was stopped."""
    place = tmp_path / "kept" / "c"
    place.parent.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(performing, "hurrying", stopping_with(lambda: "enough"))
        code, result = explore(tmp_path, "--checkpoint", str(place))
    assert (code, result["verdict"], result["reason"]) == (3, "unknown", "enough")
    return place


def test_it_goes_on_and_comes_to_the_same(stopped: Path, tmp_path: Path) -> None:
    """Exit code, verdict, bound and counts."""
    whole_code, whole = explore(tmp_path)
    code, result = explore(tmp_path, "--resume", str(stopped))
    assert (code, result | {"seconds": 0}) == (whole_code, whole | {"seconds": 0})


@pytest.mark.parametrize("options", [["--budget", "0.000001"], ["--max-memory", "1"]])
def test_a_budget_stops_it_and_it_is_said_how_to_go_on(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped again, it is kept in the same file."""
    place = tmp_path / "c"
    assert cli.main(["explore", SCENARIO, *options, "--checkpoint", str(place)]) == 3
    assert f"are kept in {place}; to go on, say the same again: spanproof explore {SCENARIO}" in capsys.readouterr().out
    before = container.read(place).header["gone_on_from"]
    while cli.main(["explore", SCENARIO, *options, "--resume", str(place)]) == 3:
        after = container.read(place).header["gone_on_from"]
        assert before <= after
        if after > 300 or after == before:
            break
        before = after
    assert cli.main(["explore", SCENARIO, "--resume", str(place)]) == 0


SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C is heard, also where tests run in the background; and a second SIGTERM does not end the tests."""
    before = [signal.signal(number, signal.default_int_handler) for number in SIGNALS]
    yield
    for number, by in zip(SIGNALS, before, strict=True):
        signal.signal(number, by)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", SIGNALS)
def test_interrupted_it_is_kept(
    number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 130 and the result so far; whoever heard of Ctrl-C and SIGTERM before hears of them again."""
    with monkeypatch.context() as patched:
        patched.setattr(performing, "hurrying", stopping_with(lambda: os.kill(os.getpid(), number)))
        code, result = explore(tmp_path, "--checkpoint", str(tmp_path / "c"))
    assert (code, result["reason"]) == (130, "interrupted")
    said = capsys.readouterr()
    assert f"are kept in {tmp_path / 'c'}; to go on, say the same again" in said.out
    assert said.err.endswith("spanproof: interrupted; kept: 1 result\n")
    assert all(signal.getsignal(each) is signal.default_int_handler for each in SIGNALS)
    assert explore(tmp_path, "--resume", str(tmp_path / "c"))[0] == 0


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("first", SIGNALS)
@pytest.mark.parametrize("then", SIGNALS)
def test_a_second_one_ends_it_at_once(first: int, then: int, stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept then, and what was kept before is there still."""

    def twice() -> None:
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), then)

    before = stopped.read_bytes()
    monkeypatch.setattr(performing, "hurrying", stopping_with(twice))
    assert cli.main(["explore", SCENARIO, "--walk", "plain", "--resume", str(stopped)]) == 130
    assert stopped.read_bytes() == before


@pytest.mark.usefixtures("heard")
def test_ctrl_c_while_it_is_written_does_not_lose_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The search had stopped by itself; what it found is written to the end."""
    sync = os.fsync

    def pressed(handle: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        sync(handle)

    monkeypatch.setattr(os, "fsync", pressed)
    monkeypatch.setattr(performing, "hurrying", stopping_with(lambda: "enough"))
    code, result = explore(tmp_path, "--checkpoint", str(tmp_path / "c"))
    assert (code, result["reason"]) == (130, "enough")
    assert len(container.read(tmp_path / "c").arrays["states"]) > 1


KILLED = """
import sys, time
from spanproof.checks import cli, performing
from spanproof.checks.exploring.keeping import checkpoint
checkpoint.EVERY = checkpoint.SHARE = 0
performing.hurrying = lambda setting: lambda states: time.sleep(0.02)
cli.main(sys.argv[1:])
"""


def test_killed_it_goes_on_from_what_was_kept_on_the_way(tmp_path: Path) -> None:
    """By a signal that nobody hears."""
    place = tmp_path / "c"
    command = [sys.executable, "-c", KILLED, "explore", SCENARIO, "--walk", "plain", "--checkpoint", str(place)]
    with subprocess.Popen(command) as process:  # noqa: S603  # our own
        while process.poll() is None and not place.exists():
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert explore(tmp_path, "--resume", str(place))[0] == 0


def test_a_file_that_is_no_checkpoint_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused before anything is searched, by a line; links are followed, and nothing else is written either."""
    mine, link, empty = tmp_path / "notes.txt", tmp_path / "link", tmp_path / "empty"
    mine.write_text("mine")
    empty.touch()
    link.symlink_to(mine)
    for place in (mine, link, empty):
        for options in ([], ["--budget", "0.000001"]):
            assert explore(tmp_path, "--checkpoint", str(place), *options) == (2, {})
            said = f"spanproof: --checkpoint {place}: is there already, and is no checkpoint; give another place\n"
            assert capsys.readouterr() == ("", said)
    assert (mine.read_text(), empty.read_text()) == ("mine", "")
    assert {*tmp_path.iterdir()} == {mine, link, empty}


def test_what_is_put_there_meanwhile_is_not_written_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By somebody else."""

    def put() -> str:
        (tmp_path / "c").write_text("mine")
        return "enough"

    monkeypatch.setattr(performing, "hurrying", stopping_with(put))
    assert explore(tmp_path, "--checkpoint", str(tmp_path / "c"))[0] == 2
    assert (tmp_path / "c").read_text() == "mine"


def test_a_checkpoint_is_written_over(stopped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By a search of something else."""
    monkeypatch.setattr(performing, "hurrying", stopping_with(lambda: "enough"))
    assert explore(tmp_path, "--checkpoint", str(stopped), scenario="free_against_alloc")[0] == 3
    assert container.read(stopped).header["origin"]["options"]["scenario"] == "free_against_alloc"


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused, before anything is searched."""
    place = tmp_path / "none" / "deep" / "c"
    assert explore(tmp_path, "--checkpoint", str(place)) == (2, {})
    said = f"--checkpoint {place}: there is no folder {place.parent}; make it, or give another place\n"
    assert capsys.readouterr() == ("", f"spanproof: {said}")
    assert [*tmp_path.iterdir()] == []
    assert explore(tmp_path, "--resume", str(place))[0] == 2
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_cannot_be_written_to_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is searched: root may write anywhere, so it is only said to be so."""

    def refused(*_: Any) -> bool:
        return False

    monkeypatch.setattr(os, "access", refused)
    assert cli.main(["explore", SCENARIO, "--checkpoint", str(tmp_path / "c")]) == 2
    said = f"--checkpoint {tmp_path / 'c'}: {tmp_path} cannot be written to; give another place\n"
    assert capsys.readouterr() == ("", f"spanproof: {said}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--release", "go1.21"], "--release was go1.16, and is go1.21 now"),
        (["--fault", "plain_store_for_cas"], "--fault was none, and is plain_store_for_cas now"),
        (["--claim", "no_deadlock"], "--claim was none, and is no_deadlock now"),
    ],
)
def test_another_search_is_refused(
    options: list[str], said: str, stopped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As bad usage, in a line that names the option."""
    assert explore(tmp_path, "--resume", str(stopped), *options)[0] == 2
    line = f"spanproof: --resume {stopped}: a checkpoint of another search: {said}; search from the start\n"
    assert capsys.readouterr().err == line


def test_another_scenario_and_another_fault_are_refused(
    stopped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As above."""
    assert explore(tmp_path, "--resume", str(stopped), scenario="free_against_alloc")[0] == 2
    assert f"scenario was {SCENARIO}, and is free_against_alloc now" in capsys.readouterr().err


def test_what_cannot_be_read_is_refused(stopped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file, a folder, another file, half of one."""
    half = tmp_path / "half"
    half.write_bytes(stopped.read_bytes()[:-100])
    for place, said in (
        (tmp_path / "none", "no such file"), (tmp_path, "is no plain file"), (Path(__file__), "is no checkpoint"),
        (half, "a damaged checkpoint (it is not as long as it says)"),
    ):  # fmt: skip
        assert explore(tmp_path, "--resume", str(place))[0] == 2
        err = capsys.readouterr().err
        assert said in err
        assert err.startswith(f"spanproof: --resume {place}: ")
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--checkpoint", "c"], "name one scenario"),
        ([SCENARIO, "free_against_alloc", "--resume", "c"], "name one scenario"),
        ([SCENARIO, "--checkpoint", "c", "--grain", "lock"], "leave --sample, --reach and --grain out"),
        ([SCENARIO, "--checkpoint", "c", "--sample", "3"], "leave --sample, --reach and --grain out"),
        ([SCENARIO, "--resume", "c", "--reach", "locked"], "leave --sample, --reach and --grain out"),
        ([SCENARIO, "--resume", "c", "--export", "promela"], "leave --checkpoint and --resume out"),
        ([SCENARIO, "--checkpoint", ""], "'' names nothing"),
        ([SCENARIO, "--checkpoint", "/proc/none/c"], "there is no folder /proc/none"),
        ([SCENARIO, "--checkpoint", "/dev/full"], "is no plain file"),
    ],
)
def test_what_does_not_go_together_is_refused(
    line: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything runs."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["explore", *line]) == 2
    assert said in capsys.readouterr().err


def test_a_full_disk_is_told_and_loses_nothing(
    stopped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was found is told, the file is as it was, and the exit code says that the output is not there."""
    before = stopped.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        patched.setattr(performing, "hurrying", stopping_with(lambda: "enough"))
        code, result = explore(tmp_path, "--resume", str(stopped))
    assert (code, result["verdict"]) == (2, "unknown")
    said = f"spanproof: --checkpoint {stopped}: cannot be written: No space left on device"
    assert said in capsys.readouterr().err
    assert stopped.read_bytes() == before
    assert [*stopped.parent.iterdir()] == [stopped]
    assert explore(tmp_path, "--resume", str(stopped))[0] == 0


def test_a_fault_is_found_after_a_stop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the record that a search without a stop writes; refused, if what the fault edits has changed."""
    options, records = ["--fault", "plain_store_for_cas", "--out", str(tmp_path / "out")], list[bytes]()
    with monkeypatch.context() as patched:
        patched.setattr(performing, "hurrying", stopping_with(lambda: "enough"))
        assert explore(tmp_path, *options, "--checkpoint", str(tmp_path / "c"))[0] == 3
    for more in ([], ["--resume", str(tmp_path / "c")]):
        code, result = explore(tmp_path, *options, *more)
        assert (code, result["verdict"]) == (1, "violated")
        records.append(Path(result["record"]).read_bytes())
    assert records[0] == records[1]
    monkeypatch.setattr("spanproof.checks.faults.edit.effect", str)
    assert explore(tmp_path, *options, "--resume", str(tmp_path / "c"))[0] == 2
    assert "what the fault plain_store_for_cas edits is changed" in capsys.readouterr().err
