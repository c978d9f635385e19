"""How much is compared where nobody says: apart, so that who only passes the figure on need not load what compares."""

FEWEST_PROGRAMS = 300
"""Programs of a campaign; with fewer its verdict is unknown."""
SEEDED_CALLS = 30_000
"""Calls of a campaign of seeded histories."""
