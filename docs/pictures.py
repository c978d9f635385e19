"""Writes docs/pictures: the report of the README's bug, light and dark: `python docs/pictures.py` (seconds).

It needs the extra `test` and a Chromium (`chromium`, `chromium-browser` or `google-chrome`), as the page's tests do.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import FloatRect, Playwright, sync_playwright

from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.planting import subject
from spanproof.checks.reporting.page import render_page
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.verdict import Report

PICTURES = Path(__file__).parent / "pictures"
SCENARIO, FAULT = "two_allocs_one_arena", "plain_store_for_cas"
SCHEMES: tuple[Literal["dark", "light"], ...] = ("light", "dark")
WIDTH, TALL = 1060, 540
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def report_page() -> str:
    """The page that `spanproof explore two_allocs_one_arena --fault plain_store_for_cas` writes, without times."""
    judged = judge(BY_NAME[SCENARIO], subject(fault=FAULT))
    if judged.record is None:
        raise SystemExit(f"{SCENARIO} does not catch {FAULT} any more")
    name = f"explore-{SCENARIO}-{judged.record.violated.claim}.json"
    report = Report("explore", judged.record.release, 0, (judged.result,))
    return render_page(report, {name: judged.record}, "", folder="spanproof-report", reproducible=True)


def picture(playwright: Playwright, browser: str, page: Path, scheme: Literal["dark", "light"], to: Path) -> None:
    """The first counterexample of a page, from the order that would have saved it to the last step."""
    chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
    try:
        window = chromium.new_page(viewport={"width": WIDTH, "height": TALL}, color_scheme=scheme)
        window.goto(page.as_uri())
        window.locator("article .map polyline").first.wait_for(state="attached")
        title, lanes = (window.locator(part).first.bounding_box() for part in ("article .flip h3", "article .keys"))
        if title is None or lanes is None:
            raise SystemExit("the page shows no counterexample")
        top, bottom = title["y"] - 16, lanes["y"] + lanes["height"] + 12
        whole: FloatRect = {"x": 0.0, "y": top, "width": float(WIDTH), "height": bottom - top}
        window.screenshot(path=to, full_page=True, clip=whole)
    finally:
        chromium.close()


def main() -> None:
    """Write both."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"none of {', '.join(BROWSERS)} is installed")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        page.write_text(report_page(), encoding="utf-8")
        for scheme in SCHEMES:
            picture(playwright, browser, page, scheme, PICTURES / f"report-{scheme}.png")


if __name__ == "__main__":
    main()
