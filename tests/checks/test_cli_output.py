"""Where the output goes: full disks, readers that leave, devices, and processes that are killed or interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.jobs import Done, Task
from spanproof.checks.listing import SHOWN
from spanproof.checks.pool import given
from spanproof.checks.verdict import CHECKS, Verdict

SOURCE = Path(__file__).parents[2]
QUICK = "two_allocs_one_arena"
COMMANDS = (["list"], ["list", "--json", "-"], ["explore", QUICK], ["--help"])
FULL = Path("/dev/full")


def begun(command: list[str], folder: Path, stdout: int) -> subprocess.Popen[str]:
    """The command in a process, and a group, of its own."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE / "src")}
    line = [sys.executable, "-m", "spanproof.checks", *command]
    return subprocess.Popen(  # noqa: S603  # our own
        line, cwd=folder, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@pytest.mark.skipif(not FULL.is_char_device(), reason="there is no disk that is always full")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_full_output_is_one_line(command: list[str], tmp_path: Path) -> None:
    """Exit code 2, and one line that says why."""
    with FULL.open("w") as full:
        process = begun(command, tmp_path, full.fileno())
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (2, "spanproof: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_reader_that_leaves_is_no_violation(command: list[str], tmp_path: Path) -> None:
    """Exit code 2, not 1, and nothing is said."""
    read, write = os.pipe()
    os.close(read)
    process = begun(command, tmp_path, write)
    os.close(write)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (2, "")


@pytest.mark.parametrize("wait", [0.3, 1.0, 2.0])
def test_an_interrupt_of_the_whole_group_is_one_line(wait: float, tmp_path: Path) -> None:
    """Ctrl-C reaches every process, also those that are just beginning: exit code 130 and no traceback."""
    process = begun(["check", "--jobs", "2"], tmp_path, subprocess.PIPE)
    time.sleep(wait)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode in {130, -signal.SIGINT}  # Python may end as the signal itself would; a shell sees 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("jobs", "group"), [("1", False), ("2", False), ("2", True)])
def test_what_is_found_when_it_is_ended_is_kept(jobs: str, number: int, group: bool, tmp_path: Path) -> None:
    """However the command is ended, alone or with its processes: its results are printed and written, and no more.

    Exit code 130, nothing but one line on stderr, and nobody is left.
    """
    line = ["explore", "--fault", "plain_store_for_cas", "--walk", "plain"]  # all scenarios; the quick one is the first
    process = begun([*line, "--jobs", jobs, "--json", "r.json"], tmp_path, subprocess.PIPE)
    time.sleep(6)
    (os.killpg if group else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=60)
    said = [each for each in err.splitlines() if " so far" not in each]
    assert (process.returncode, len(said)) == (130, 1), err
    assert said[0].startswith("spanproof: interrupted; ")
    assert "zeroed_base_never_decreases" in out
    kept = {result["name"]: result["verdict"] for result in json.loads((tmp_path / "r.json").read_text())["results"]}
    assert kept[QUICK] == "violated"
    assert _gone(process.pid)


def _gone(group: int) -> bool:
    """Whether nobody of a process group is left, after a moment."""
    for _ in range(50):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("link", [False, True])
def test_what_is_no_plain_file_stays_what_it_is(link: bool, tmp_path: Path) -> None:
    """JSON is written into a pipe, not in its place; into what a link names, and the link stays."""
    place = tmp_path / "place"
    if link:
        (tmp_path / "file").touch()
        place.symlink_to("file")
        assert cli.main(["list", "--json", str(place)]) == 0
        assert place.is_symlink()
        assert "scenarios" in json.loads(place.read_text())
        return
    os.mkfifo(place)
    with subprocess.Popen(["cat", str(place)], stdout=subprocess.PIPE, text=True) as reader:  # noqa: S603, S607
        assert cli.main(["list", "--json", str(place)]) == 0
        out, _ = reader.communicate(timeout=60)
    assert place.is_fifo()
    assert "scenarios" in json.loads(out)


TASKS = (
    Task("explore", QUICK), Task("compare", "0"), Task("compare", "drawn histories"), Task("tables", "mranges"),
    Task("trace", "t.npz"), Task("prove", "sweepgen_may_wrap"), Task("faults", "second_fit"),
)  # fmt: skip


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_a_task_whose_process_is_killed_is_unknown(task: Task) -> None:
    """It is told in the result, and the command goes on."""
    future: Future[Done] = Future()
    future.set_exception(BrokenProcessPool())
    done = given(future, task)  # no process need be killed
    if done.part is not None:
        assert "was killed" in done.part.stopped
        return
    (result,) = done.results
    assert (result.verdict, result.name) == (Verdict.UNKNOWN, task.name)
    assert "was killed" in result.reason
    assert result.check in CHECKS


def test_a_proof_whose_process_is_killed_is_no_proof() -> None:
    """Its theorem says so."""
    future: Future[Done] = Future()
    future.set_exception(BrokenProcessPool())
    task = Task("prove", "grow", "go1.27", "int")
    proof = given(future, task).proof
    assert proof is not None
    assert "was killed" in proof.error


def test_a_heap_that_ends_the_program_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that exits with 0 when it is loaded makes nothing green."""
    (tmp_path / "heap.py").write_text("import sys\nsys.exit(0)\n")
    assert cli.main(["explore", QUICK, "--heap", f"{tmp_path}/heap.py:Heap"]) == 2
    assert "the file does not load: heap.py:2: SystemExit: 0" in capsys.readouterr().err


def test_a_list_of_one_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what was asked for, under the names that the whole list has."""
    assert set(cli.LISTS) == set(SHOWN)
    assert cli.main(["list", "faults", "releases"]) == 0
    said = capsys.readouterr().out
    assert "plain_store_for_cas" in said
    assert "go1.27" in said
    assert "two_allocs_one_arena, " not in said
    assert "sweeper_and_two_allocs" not in said
    assert cli.main(["list", "fault"]) == 2


def test_what_was_not_reached_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, beside the verdict of each."""
    assert cli.main(["explore", "sweeper_and_two_allocs", "two_allocs_one_arena", "--budget", "0.000001"]) == 3
    said = capsys.readouterr().err
    assert said.endswith("spanproof: not reached in time: 2 results; --budget SECONDS gives more\n")


def test_of_many_counterexamples_a_few_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of each claim, and how many more there are; the table has them all."""
    monkeypatch.chdir(tmp_path)
    names = ("dirty_and_fresh", "free_against_alloc", "scavenged_is_zero", "manual_against_heap", "caller_clears")
    assert cli.main(["explore", *names, "--fault", "need_zero_skips_zeroed_base"]) == 1
    out = capsys.readouterr().out
    told = [line.split()[1] for line in out.splitlines() if line.startswith("VIOLATED")]
    kept = list((tmp_path / "spanproof-report").glob("explore-*.json"))
    assert 0 < len(told) == len(set(told)) < len(kept)
    assert f"{len(kept) - len(told)} more counterexample" in out
    assert sum(line.startswith("violated ") for line in out.splitlines()) == len(kept)


def test_an_older_page_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody takes it for that of the run that found nothing, and wrote none."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["explore", QUICK]) == 0
    assert capsys.readouterr().err == ""
    assert cli.main(["explore", QUICK, "--fault", "plain_store_for_cas"]) == 1
    assert "earlier" not in capsys.readouterr().err
    assert cli.main(["explore", QUICK]) == 0
    assert capsys.readouterr().err == "spanproof: spanproof-report/report.html is of an earlier run\n"
