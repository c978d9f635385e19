"""Invariants that nobody wrote: found from templates, on the same text that is proved."""
