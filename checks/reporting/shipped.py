"""The files that ship with this package: the page's template, style and script, and the JSON Schemas."""

import json
from importlib.resources import files
from typing import Any

SCHEMAS = ("result", "record", "list")
"""Of `--json`, of a record file, and of `list --json`."""


def shipped(name: str) -> str:
    """The text of a file of this package."""
    return files("spanproof.checks.reporting").joinpath(name).read_text(encoding="utf-8")


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one of `SCHEMAS`."""
    loaded: dict[str, Any] = json.loads(shipped(f"{name}.schema.json"))
    return loaded
