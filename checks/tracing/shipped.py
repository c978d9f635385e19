"""The traces that come with this package; recorded/README.md says where they are from."""

from pathlib import Path

RECORDED = tuple(sorted((Path(__file__).parent / "recorded").glob("*.npz")))
