"""Reductions: fewer states, the same verdicts."""
