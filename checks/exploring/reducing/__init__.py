"""Fewer states, the same verdict: accesses that are steps of their own no more, and threads that are alike."""
