"""Where what was built or fetched is kept for this user."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder; whoever writes there makes it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "spanproof"
