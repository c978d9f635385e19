"""Proofs as files: another solver reads the same questions, and whatever is not as it was is seen."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from spanproof.checks import cli
from spanproof.checks.proving import building
from spanproof.checks.proving.evidence import asked as asking
from spanproof.checks.proving.evidence.asked import asked
from spanproof.checks.proving.evidence.certificates import (
    MANIFEST,
    Certificate,
    CertificateError,
    read_manifest,
    write,
    write_manifest,
)
from spanproof.checks.proving.evidence.narrowing import narrowed
from spanproof.checks.proving.evidence.recheck import SolverError, command, judge_again
from spanproof.checks.proving.evidence.script import Script, alone
from spanproof.checks.proving.evidence.solvers import installed
from spanproof.checks.proving.heard import Question, listening
from spanproof.checks.proving.theorem import JOBS, prove, units
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from tests.checks.proving.evidence.programs import Z3, runs, says

_z3: Any = z3
X, Y = _z3.Ints("x y")


@pytest.fixture(scope="module")
def script() -> Script:
    """The questions of alloc_needs_zero."""
    (unit,) = units(JOBS["alloc_needs_zero"], Runtime)
    heard = Script()
    with listening(heard):
        assert not prove(unit, Runtime, "int").failed
    return heard


@pytest.fixture
def folder(script: Script, tmp_path: Path) -> Path:
    """A folder of certificates."""
    write_manifest(tmp_path, [write(tmp_path, "alloc_needs_zero, whole", script)], "reference", None)
    return tmp_path


def only(folder: Path) -> Certificate:
    """The certificate of a folder that has one."""
    (certificate,) = read_manifest(folder)
    return certificate


def test_another_process_gives_the_same_answers(folder: Path) -> None:
    """All of them."""
    result = judge_again(folder, only(folder), [Z3])
    assert result.verdict is Verdict.HOLDS, result.reason
    assert result.counts["agreed"] == result.counts["by_z3"] == result.counts["questions"] > 100


@pytest.mark.parametrize("name", installed())
def test_another_solver_agrees(name: str, tmp_path: Path) -> None:
    """On questions of bits."""
    x = _z3.BitVec("x", 8)
    heard = Script()
    heard(Question((_z3.ULT(x, 5),), ("",), (_z3.UGT(x, 9),), "less is not more", "unsat", 0.0, 0))
    certificate = write(tmp_path, "bits", heard)
    assert judge_again(tmp_path, certificate, [name]).verdict is Verdict.HOLDS


def test_one_that_agrees_is_enough(folder: Path) -> None:
    """It is said who; who knows nothing takes nothing away, and counts for nothing."""
    certificate = only(folder)
    count = len(certificate.about)
    result = judge_again(folder, certificate, [says(*["unknown"] * count), Z3])
    assert result.verdict is Verdict.HOLDS, result.reason
    assert result.counts == {"questions": count, "agreed": count, "disagreed": 0, "open": 0, "by_z3": count}


def test_what_nobody_answers_is_asked_alone(folder: Path) -> None:
    """A solver that knows nothing of many questions may know each by itself; what it does not is named."""
    certificate = only(folder)
    count = len(certificate.about)
    text = "import sys; n = open(sys.argv[1]).read().count('check-sat'); print('unsat' if n == 1 else 'unknown\\n' * n)"
    one_by_one = judge_again(folder, certificate, [runs(text)])
    assert one_by_one.verdict is Verdict.HOLDS, one_by_one.reason
    never = judge_again(folder, certificate, [says(*["unsat"] * (count - 1), "unknown")])
    assert never.verdict is Verdict.UNKNOWN
    assert never.reason == f"nobody answers 1 of {count}: {count - 1}: {certificate.about[-1]}"
    assert never.counts["open"] == 1


def test_a_question_alone_is_the_same_question(script: Script, tmp_path: Path) -> None:
    """With all that is known at it, or it would have another answer; and nothing that is asked beside it."""
    standing = list(_standing(script.text()))
    for number in range(0, len(script.asked), 10):
        text = alone(script.text(), number).text()
        assert [line for line in text.splitlines() if line.startswith("(assert")] == standing[number]
        (tmp_path / "alone.smt2").write_text(text)
        assert text.count("(check-sat)") == 1
        assert "(push" not in text
        assert asked([Z3], tmp_path / "alone.smt2").given == ("unsat",)
    with pytest.raises(ValueError, match="no question"):
        alone(script.text(), len(script.asked))


def test_a_question_is_made_easier_goal_by_goal() -> None:
    """Each with the hypotheses that it needs, and no others."""
    heard = Script()
    goals = _z3.And(X > 1, Y > 2)
    heard(Question((X > 3, X < Y, Y < 50), ("",) * 3, (_z3.Not(goals),), "q", "unsat", 0.0, 0))
    one, other = map(_assertions, narrowed(alone(heard.text(), 0)))
    assert one == ["(assert (> x 3))", "(assert (not (> x 1)))"]
    assert sorted(other) == ["(assert (< x y))", "(assert (> x 3))", "(assert (not (> y 2)))"]


def test_what_our_solver_does_not_see_is_not_made_easier() -> None:
    """Goal by goal it would say something else."""
    heard = Script()
    heard(Question((X > 3,), ("",), (_z3.Not(_z3.And(X > 1, Y > 2)),), "q", "unsat", 0.0, 0))
    assert narrowed(alone(heard.text(), 0)) == []


def test_what_is_said_of_an_easier_question_is_no_disagreement(tmp_path: Path) -> None:
    """Only "unsat" counts; else the question itself is asked."""
    heard = Script()
    heard(Question((X < Y, Y < 0, Y < 9), ("",) * 3, (X > 0,), "q", "unsat", 0.0, 0))
    (tmp_path / "q.smt2").write_text(heard.text())
    certificate = Certificate("q", "q.smt2", "", ("q",), (0.0,), (0,))
    read = "import sys; t = open(sys.argv[1]).read()"
    whole = judge_again(
        tmp_path, certificate, [runs(f"{read}; print('unsat' if '9' in t and 'push' not in t else 'unknown')")]
    )
    easy = judge_again(tmp_path, certificate, [runs(f"{read}; print('unsat' if '9' not in t else 'unknown')")])
    never = judge_again(tmp_path, certificate, [runs(f"{read}; print('sat' if '9' not in t else 'unknown')")])
    assert [r.verdict for r in (whole, easy, never)] == [Verdict.HOLDS, Verdict.HOLDS, Verdict.UNKNOWN]
    assert never.counts["disagreed"] == 0


def _assertions(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("(assert")]


def test_a_script_is_not_true_of_itself(folder: Path) -> None:
    """Without its hypotheses the questions have other answers: they are in it, and they are needed."""
    path = folder / only(folder).file
    lines = path.read_text().splitlines()
    kept = [line for n, line in enumerate(lines) if not line.startswith("(assert") or _in_a_question(lines, n)]
    path.write_text("\n".join(kept))
    answers = Counter(asked([Z3], path).given)
    assert answers["sat"] > 50


def _in_a_question(lines: list[str], n: int) -> bool:
    """Whether an assertion is what is asked: a line of comment stands before its push."""
    while lines[n].startswith("(assert"):
        n -= 1
    return lines[n] == "(push 1)" and lines[n - 1].startswith("; ")


def test_one_name_may_have_two_sorts() -> None:
    """In two lemmas; the script begins anew between them."""
    heard = Script()
    b = _z3.BitVec("x", 4)
    heard(Question((X > 0,), ("",), (X < 0,), "numbers", "unsat", 0.0, 0))
    heard(Question((_z3.ULT(b, 3),), ("",), (_z3.UGT(b, 7),), "bits", "unsat", 0.0, 0))
    heard(Question((), (), (X < X - 1,), "numbers again", "unsat", 0.0, 0))
    heard(Question((), (), (X < Y,), "left out", "sat", 0.0, 0))
    assert heard.text().count("(reset)") == 2
    assert [a.about for a in heard.asked] == ["numbers", "bits", "numbers again"]
    assert heard.left_out == 1


def test_lemmas_that_were_made_afresh_have_sections_of_their_own() -> None:
    """Terms have the same numbers in each, so what one declares says nothing of the other."""
    script = Script()
    for name in ("x", "y"):
        with building.afresh():
            term: Any = z3.Int(name)
            script(Question([term > 0], [""], [term < 0], "", "unsat", 0.0, 0))
    for number in range(2):
        assert len(_z3.parse_smt2_string(alone(script.text(), number).text())) == 2


def test_hypotheses_are_taken_back() -> None:
    """What is known at a question is what stands in the script at that place, and no more."""
    heard = Script()
    for known in ((X > 0, Y > 0), (X > 0,), (X > 0, Y < 0), ()):
        heard(Question(known, ("",) * len(known), (z3.BoolVal(False),), "q", "unsat", 0.0, 0))
    standing = list(_standing(heard.text()))
    assert [len(assertions) for assertions in standing] == [3, 2, 3, 1]
    assert "(assert (> x 0))" in standing[2]
    assert "(assert (> y 0))" not in standing[2]


def _standing(text: str) -> Iterator[list[str]]:
    levels: list[list[str]] = [[]]
    for line in text.splitlines():
        match line.partition(" ")[0].strip("()"):
            case "push":
                levels.append([])
            case "pop":
                levels.pop()
            case "assert":
                levels[-1].append(line)
            case "check-sat":
                yield [assertion for level in levels for assertion in level]
            case _:
                pass


@pytest.mark.parametrize(
    ("solver", "reason"),
    [
        (says(), "answered 0 of"),
        (says(*["unsat"] * 5), "answered 5 of"),
        (says("(error)", code=3), "it ended with code 3"),
        ("/nowhere/solver", "cannot be run"),
    ],
)
def test_less_than_all_is_unknown(folder: Path, solver: str, reason: str) -> None:
    """Never green."""
    result = judge_again(folder, only(folder), [solver])
    assert result.verdict is Verdict.UNKNOWN
    assert reason in result.reason
    assert result.counts["open"] > 100


def test_a_disagreement_is_loud(folder: Path) -> None:
    """It names the first question that both see otherwise, also where another agrees."""
    certificate = only(folder)
    count = len(certificate.about)
    for beside in ([], [Z3]):
        result = judge_again(folder, certificate, [*beside, says(*["unsat"] * (count - 2), "sat", "sat")])
        assert result.verdict is Verdict.UNKNOWN
        assert "DISAGREE" in result.reason
        assert certificate.about[-2] in result.reason
        assert result.counts["disagreed"] == 2
    too_many = judge_again(folder, certificate, [says(*["unsat"] * (count + 1))])
    assert "answers to" in too_many.reason


def test_a_solver_that_does_not_end_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time, or when there is a reason to stop."""
    monkeypatch.setattr(asking, "SECONDS", 0.3)
    sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]
    assert "are over" in asked(sleeps, folder / only(folder).file).ended
    assert asked(sleeps, folder / only(folder).file, lambda _: "enough").ended == "enough"


def test_what_is_no_command_is_refused() -> None:
    """An empty one, and one with an open quotation mark."""
    for wrong in ("", "'"):
        with pytest.raises(SolverError):
            command(wrong)


def test_what_changed_is_refused(folder: Path) -> None:
    """A script, the manifest, or both."""
    path = folder / only(folder).file
    before = path.read_bytes()
    path.write_bytes(before.replace(b"(assert (not", b"(assert (and", 1))
    with pytest.raises(CertificateError, match="changed since"):
        read_manifest(folder)
    path.unlink()
    with pytest.raises(CertificateError, match="cannot be read"):
        read_manifest(folder)
    path.write_bytes(before)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["scripts"][0]["file"] = "../" + path.name
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(CertificateError, match="no file of this folder"):
        read_manifest(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
)
NAMES = st.sampled_from(("proof", "file", "sha256", "about", "seconds", "work"))
MANIFESTS = JSON | st.fixed_dictionaries({"form": st.just(1), "scripts": st.lists(st.dictionaries(NAMES, JSON))})


@settings(max_examples=200, deadline=None)
@given(MANIFESTS)
def test_any_manifest_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: object) -> None:
    """With a clear error, and no other."""
    folder = tmp_path_factory.mktemp("manifest")
    (folder / MANIFEST).write_text(json.dumps(text))
    with pytest.raises(CertificateError):
        read_manifest(folder)


def test_the_command_writes_and_reads_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One theorem about plain functions, and back."""
    where = str(tmp_path / "certificates")
    assert cli.main(["prove", "sweepgen_may_wrap", "--certificates", where]) == 0
    assert "1 proofs with" in capsys.readouterr().err
    assert cli.main(["prove", "--recheck", where, "--solver", Z3]) == 0
    assert cli.main(["prove", "--recheck", where, "--solver", says("sat")]) == 3
    assert cli.main(["prove", "--recheck", str(tmp_path / "nothing")]) == 2
    assert cli.main(["prove", "sweepgen_may_wrap", "--recheck", where]) == 2
    assert cli.main(["prove", "--solver", Z3]) == 2
    assert cli.main(["prove", "--necessity", "--stability"]) == 2
