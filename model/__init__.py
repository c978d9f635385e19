"""What must hold. Reading order: geometry, releases, words, state, invariants, contracts, spec.

Nothing here knows the reference heap; `spanproof.checks` confronts the two.
"""
