"""The browser of the tests: the system's Chromium driven by Playwright, and a page that is open in it."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, sync_playwright

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
TALL = 900


@dataclass
class Opened:
    """A page, with all that it asked for and said."""

    page: Page
    requests: list[str] = field(default_factory=list[str])
    said: list[str] = field(default_factory=list[str])

    def open(self, text: str, folder: Path) -> None:
        """Open this HTML as a file."""
        path = folder / "report.html"
        path.write_text(text, encoding="utf-8")
        self.page.goto(path.as_uri())

    @property
    def now(self) -> str:
        """What the page says of the step of its first counterexample."""
        return self.page.locator(".now").first.inner_text()


@contextmanager
def window(width: int = 1280, scheme: Literal["dark", "light"] = "light", scale: float = 1) -> Generator[Opened]:
    """An empty page in a browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(OPTIONS))
        context = browser.new_context(
            viewport={"width": width, "height": TALL}, color_scheme=scheme, device_scale_factor=scale
        )
        page = context.new_page()
        opened = Opened(page)
        page.on("request", lambda request: opened.requests.append(request.url))
        page.on("console", lambda message: opened.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: opened.said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: opened.said.append(f"dialog: {dialog.message}"))
        yield opened
        browser.close()
