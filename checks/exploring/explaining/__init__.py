"""A counterexample made small, and why it breaks its claim."""
