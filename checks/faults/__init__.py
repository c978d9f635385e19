"""Planted faults: edits of the reference text, never copies. A tester is worth what it finds."""
