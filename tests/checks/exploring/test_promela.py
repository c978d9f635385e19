"""Spin, which has the tables and nothing of the search, stores as many states, takes as many steps, finds as much."""

import re
from pathlib import Path
from time import monotonic, sleep

import pytest

from spanproof.checks.cli import main
from spanproof.checks.exploring.spin import promela as module
from spanproof.checks.exploring.spin.counting import GOES_ON, SpinCount, SpinError, counted_by_spin, missing
from spanproof.checks.exploring.spin.promela import Expected, ExportError, expected, promela, tables_for
from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.planting import subject
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.verdict import EXIT_USAGE, Verdict
from spanproof.impl.malloc import Runtime

NEEDS_SPIN = pytest.mark.skipif(bool(missing()), reason=missing())
QUICKLY = ("-O0", "-DSAFETY", "-DNOREDUCE")
SMALL = (
    "two_allocs_one_arena",
    "two_cycles",
    "no_memory_for_pages",  # the system refuses: runs end, and nobody waits
    "word_into_a_span_being_built",  # ghosts alone make states here, and in the next
    "two_forced_scavengers",
    "ensure_swept_before_1_17",  # a thread spins while another sweeps
)
LARGE = ("three_threads_reuse", "sweeper_reclaimer_allocator", "sweeper_and_two_allocs")


def both(name: str, fault: str | None = None, flags: tuple[str, ...] = QUICKLY) -> tuple[Expected, SpinCount]:
    """What our search finds with all claims off, and what Spin finds."""
    tables, found = tables_for(BY_NAME[name].program, subject(fault=fault).heap_class)
    return expected(tables, found), counted_by_spin(promela(name, tables), flags)


def seen(count: SpinCount) -> Expected:
    """The part of what Spin says that we say too."""
    return Expected(count.states, count.transitions, count.errors)


@NEEDS_SPIN
@pytest.mark.parametrize("name", SMALL)
def test_two_threads(name: str) -> None:
    """As many states as the catalogue has, ghosts included, and as many transitions as our search."""
    ours, count = both(name)
    assert count.states == BY_NAME[name].states
    assert seen(count) == ours
    assert count.errors == 0


@NEEDS_SPIN
def test_three_threads() -> None:
    """The same of three."""
    ours, count = both("two_arenas_three_threads")
    assert count.states == BY_NAME["two_arenas_three_threads"].states
    assert seen(count) == ours


@NEEDS_SPIN
@pytest.mark.long
@pytest.mark.parametrize("flags", [QUICKLY, ("-O2", "-DSAFETY", "-DNOREDUCE")], ids=lambda flags: flags[0])
@pytest.mark.parametrize("name", LARGE)
def test_the_largest(name: str, flags: tuple[str, ...]) -> None:
    """The same of the largest scenarios, however the search is compiled."""
    ours, count = both(name, None, flags)
    assert count.states == BY_NAME[name].states
    assert seen(count) == ours


@NEEDS_SPIN
def test_nothing_is_reduced_here() -> None:
    """Spin's reduction of partial orders finds nothing to leave out: every step is a guard on shared words."""
    assert both("two_allocs_one_arena", None, ("-O0", "-DSAFETY"))[1].states == BY_NAME["two_allocs_one_arena"].states


@NEEDS_SPIN
@pytest.mark.parametrize(
    ("name", "fault", "said"),
    [
        ("two_allocs_one_arena", "throw_on_equal_base", "assertion violated  !(throws)"),
        ("two_allocs_one_arena", "grow_forgets_the_pages", "assertion violated  !(throws)"),
        ("traced_reclaim", "traced_under_the_lock", "invalid end state"),
    ],
)
def test_what_a_fault_breaks_is_broken_in_both(name: str, fault: str, said: str) -> None:
    """A throw or a deadlock is Spin's to judge too: it finds one, and as many as there are."""
    ours, count = both(name, fault)
    assert judge(BY_NAME[name], subject(fault=fault)).result.verdict is Verdict.VIOLATED
    assert count.errors > 0
    assert seen(count) == ours
    assert count.said == (said,)


@NEEDS_SPIN
def test_spin_stops_at_the_first_error_by_itself() -> None:
    """Without -c0 its verdict comes sooner, and its count is none of all states."""
    tables, found = tables_for(BY_NAME["two_allocs_one_arena"].program, subject(fault="throw_on_equal_base").heap_class)
    count = counted_by_spin(promela("x", tables), QUICKLY, options=())
    assert count.errors == 1
    assert count.states < found.states


@NEEDS_SPIN
def test_cells_of_many_values_and_long_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of more values than a byte has, and tables in pieces: no scenario here needs either, so limits are low."""
    monkeypatch.setattr(module, "NARROW", 3)
    monkeypatch.setattr(module, "BLOCK", 16)
    ours, count = both("two_forced_scavengers")
    assert seen(count) == ours


@NEEDS_SPIN
def test_a_step_that_our_search_left_out_is_an_error_in_spin() -> None:
    """All steps of a thread from one node are forgotten: Spin comes there, and says so."""
    tables, found = tables_for(BY_NAME["two_allocs_one_arena"].program, Runtime)
    assert expected(tables, found).errors == 0
    tables.deltas[0] = {key: delta for key, delta in tables.deltas[0].items() if key & NODE_MASK != 7}
    count = counted_by_spin(promela("x", tables), QUICKLY)
    assert count.said == ("assertion violated  !(untold)",)
    assert count.states < found.states


@NEEDS_SPIN
def test_a_wrong_table_gives_another_count() -> None:
    """One edge leads elsewhere than it did."""
    name = "two_allocs_one_arena"
    tables, found = tables_for(BY_NAME[name].program, Runtime)
    node = tables.automata[1].nodes[12]
    assert node is not None
    for char, (after, events, target) in node.edges.items():
        node.edges[char] = after, events, target + 1
    assert counted_by_spin(promela(name, tables), QUICKLY).states != found.states


@NEEDS_SPIN
@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ((20, 6_000, 600.0), "max search depth too small"),
        ((1_000_000, 100, 600.0), "DMEMLIM"),
        ((1_000_000, 6_000, 0.05), "not done in the time"),
    ],
)
def test_what_spin_does_not_get_through_is_no_count(limits: tuple[int, int, float], said: str) -> None:
    """Depth, memory and time have limits, and to meet one is to know nothing."""
    tables, _ = tables_for(BY_NAME["two_allocs_one_arena"].program, Runtime)
    depth, megabytes, seconds = limits
    with pytest.raises(SpinError, match=said):
        counted_by_spin(promela("x", tables), QUICKLY, depth=depth, megabytes=megabytes, seconds=seconds)


@NEEDS_SPIN
def test_phases_and_flags_are_told() -> None:
    """Each phase takes some time, and what was asked for is said."""
    count = both("two_cycles")[1]
    assert min(count.seconds.spin, count.seconds.cc, count.seconds.pan) > 0
    assert count.seconds.total > max(count.seconds.cc, count.seconds.pan)
    assert count.flags == QUICKLY
    assert count.options[: len(GOES_ON)] == GOES_ON
    assert count.megabytes > 1
    assert count.depth > 50


def test_the_text_is_the_same_each_time() -> None:
    """Nothing of the order in which Python happened to keep things is in it."""
    first, second = (promela("x", tables_for(BY_NAME["two_cycles"].program, Runtime)[0]) for _ in range(2))
    assert first == second


def test_every_cell_that_varies_is_a_variable() -> None:
    """Ghosts too; cells that nobody changes are left out unless a thread reads one."""
    tables, _ = tables_for(BY_NAME["two_allocs_one_arena"].program, Runtime)
    text = promela("x", tables)
    names = set(re.findall(r"/\* cell \d+: (.*) \*/", text))
    vary = {tables.numbering.names[n] for n, values in enumerate(tables.values) if len(values) > 1}
    assert vary <= names
    assert any(name.startswith("ghost") for name in names)
    assert len(names) < len(tables.values)


def test_too_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In words, before Spin chokes on it."""
    monkeypatch.setattr(module, "MOST_VALUES", 5)
    tables, _ = tables_for(BY_NAME["two_allocs_one_arena"].program, Runtime)
    with pytest.raises(ExportError, match="more than 5"):
        promela("x", tables)


def test_the_first_state_is_all_zeros() -> None:
    """So that no process is needed to make it: the entries of the first nodes are those of number 0."""
    tables, _ = tables_for(BY_NAME["two_cycles"].program, Runtime)
    export = module.Export(tables)
    row = tables.row_of(tables.start)
    assert {export.value(n, char) for n, char in enumerate(row)} == {0}
    nodes = [tables.start >> NODE_BITS * t & NODE_MASK for t in range(2)]
    assert [export.node(t, number) for t, number in enumerate(nodes)] == [0, 0]


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line, and no verdict."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing() == "not installed: spin and cc"
    with pytest.raises(SpinError, match="not installed: spin and cc"):
        counted_by_spin("")


def test_whatever_a_phase_began_is_ended_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A phase that takes too long is ended with its children, and its folder goes."""
    spin, pid, place = tmp_path / "spin", tmp_path / "pid", tmp_path / "place"
    spin.write_text(f"#!/bin/sh\n/bin/pwd > {place}\n/bin/sleep 60 &\necho $! > {pid}\nwait\n")
    spin.chmod(0o755)
    (tmp_path / "cc").symlink_to(spin)
    monkeypatch.setenv("PATH", str(tmp_path))
    began = monotonic()
    with pytest.raises(SpinError, match="spin: not done"):
        counted_by_spin("", seconds=0.5)
    assert monotonic() - began < 30
    child = Path("/proc") / pid.read_text().strip() / "stat"
    for _ in range(100):  # whoever inherited it may have to collect it first
        if not child.exists() or child.read_text().split(")")[1].split()[0] == "Z":
            break
        sleep(0.05)
    else:
        pytest.fail("the child lives on")
    assert not Path(place.read_text().strip()).exists()


def test_command_writes_the_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """To stdout, or to a file; it is the same."""
    file = tmp_path / "x.pml"
    assert main(["explore", "two_cycles", "--export", "promela"]) == 0
    text = capsys.readouterr().out
    assert main(["explore", "two_cycles", "--export", "promela", "--out", str(file)]) == 0
    assert file.read_text() == text == promela("two_cycles", tables_for(BY_NAME["two_cycles"].program, Runtime)[0])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name one scenario"),
        (["two_cycles", "two_allocs_one_arena"], "name one scenario"),
        (["two_cycles", "--claim", "no_deadlock"], "leave --claim"),
        (["two_cycles", "--out", "/dev/null/x.pml"], "cannot be written"),
    ],
)
def test_command_refuses(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be written, in one line."""
    assert main(["explore", "--export", "promela", *arguments]) == EXIT_USAGE
    assert said in capsys.readouterr().err
