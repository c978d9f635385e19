"""Hypothesis profiles: `dev` here, `ci` in CI, another by HYPOTHESIS_PROFILE; and who does what side by side."""

import os

import pytest
from hypothesis import settings

import spanproof.checks.comparing.campaign  # noqa: F401  # pyright: ignore[reportUnusedImport]  # registers the profiles

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Have tests of one group done by one process, which does once what they share."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadgroup"
