"""Proofs about plain functions of the page allocator, read as formulas of their arguments. Start with lemma.py."""
