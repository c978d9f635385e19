"""First reading: run. Integers in, a schedule chooses which thread takes the next step."""
