"""A search is stopped, kept and gone on with, as a user does it."""

import json
import os
import signal
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


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C is heard, also where tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_interrupted_it_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit code 130 and the result so far; whoever heard of Ctrl-C before hears of it again."""
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patched:
        patched.setattr(performing, "hurrying", stopping_with(lambda: os.kill(os.getpid(), signal.SIGINT)))
        code, result = explore(tmp_path, "--checkpoint", str(tmp_path / "c"))
    assert (code, result["reason"]) == (130, "interrupted")
    assert signal.getsignal(signal.SIGINT) is before
    assert explore(tmp_path, "--resume", str(tmp_path / "c"))[0] == 0


@pytest.mark.usefixtures("heard")
def test_a_second_ctrl_c_ends_it_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is kept then, and what was kept before is there still."""

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    (tmp_path / "c").write_text("before")
    monkeypatch.setattr(performing, "hurrying", stopping_with(twice))
    assert cli.main(["explore", SCENARIO, "--walk", "plain", "--checkpoint", str(tmp_path / "c")]) == 130
    assert (tmp_path / "c").read_text() == "before"


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
        ([SCENARIO, "--checkpoint", "/proc/none/c"], "cannot be made"),
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
    monkeypatch.setattr(performing, "effect", str)
    assert explore(tmp_path, *options, "--resume", str(tmp_path / "c"))[0] == 2
    assert "what the fault plain_store_for_cas edits is changed" in capsys.readouterr().err
