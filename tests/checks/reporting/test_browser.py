"""The page in a real browser, where one is installed: its script runs, a record's does not."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from spanproof.checks.record import Record
from spanproof.checks.reporting.page import render_page
from tests.checks.reporting.examples import crowded, hostile, lost_raise, mixed_report

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser installed")


def shown(record: Record, folder: Path) -> str:
    """The page as the browser has it after its script ran."""
    path = folder / "report.html"
    path.write_text(
        render_page(mixed_report(), {"lost-raise.json": record}, "0.1.0", reproducible=True), encoding="utf-8"
    )
    command = [str(BROWSER), *OPTIONS.split(), f"--user-data-dir={folder / 'profile'}", "--dump-dom", path.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout  # noqa: S603 - our own command


def test_the_page_opens_at_the_violation(tmp_path: Path) -> None:
    """The last step is selected and marked; the strip shows what zeroedBase fell to, and who owns which page."""
    dom = shown(lost_raise(), tmp_path)

    assert 'data-ready="true"' in dom
    assert "alloc_needs_zero: store \u2190 violated here" in dom
    assert "<b>zeroedBase 8</b> of 32 bytes" in dom
    assert "page 4: mspan[0] (being built); zero; in-use bit 0; spans entry nil" in dom
    assert "page 5: mspan[1]; dirty (3); in-use bit 1; spans entry mspan[1]" in dom


def test_ten_thousand_steps_draw_a_few_rows(tmp_path: Path) -> None:
    """Only the rows in sight exist, however long the record is."""
    dom = shown(crowded(3, 10_000), tmp_path)

    assert "step 10,000 of 10,000" in dom
    assert len(re.findall(r'role="option"', dom)) < 100


def test_a_hostile_record_runs_nothing(tmp_path: Path) -> None:
    """Texts of a record become neither scripts nor images in the living page."""
    dom = shown(hostile(), tmp_path)

    assert 'data-ready="true"' in dom
    assert dom.count("<script") == 2
    assert "<img" not in dom
