"""The pictures of the report that docs show."""

import importlib.util
import struct
from pathlib import Path
from types import ModuleType

import pytest

from tests.checks.reporting.chromium import BROWSER

ROOT = Path(__file__).parents[1]
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    """docs/pictures.py."""
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "docs" / "pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    start = picture.read_bytes()[:24]
    assert start.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", start[16:])
    return width, height


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pictures_of_docs_are_small_and_used(scheme: str, pictures: ModuleType) -> None:
    """Each is a PNG as wide as the command makes it, and the README shows it under its bug."""
    picture = ROOT / "docs" / "pictures" / f"report-{scheme}.png"

    assert size_of(picture)[0] == pictures.WIDTH
    assert picture.stat().st_size < MOST_BYTES
    assert f"docs/pictures/report-{scheme}.png" in (ROOT / "README.md").read_text()


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_the_command_takes_them(pictures: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both, of another look each, and of the report as it is: near the height of those in docs, whatever the fonts."""
    monkeypatch.setattr(pictures, "PICTURES", tmp_path)
    pictures.main()

    light, dark = (tmp_path / f"report-{scheme}.png" for scheme in ("light", "dark"))
    kept = size_of(ROOT / "docs" / "pictures" / "report-light.png")[1]
    assert light.read_bytes() != dark.read_bytes()
    assert size_of(light) == size_of(dark)
    assert abs(size_of(light)[1] - kept) < kept / 5
