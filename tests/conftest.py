"""Hypothesis profiles: `dev` here, `ci` in CI, another by HYPOTHESIS_PROFILE."""

import os

from hypothesis import settings

import spanproof.checks.comparing.campaign  # noqa: F401  # pyright: ignore[reportUnusedImport]  # registers the profiles

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))
