"""Second reading: tabulate. Each thread becomes a finite automaton on first use; all interleavings are look-ups."""
