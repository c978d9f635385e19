"""The theorems, one short script each: `python -m spanproof.checks.proofs.no_overlapping_spans` proves one by itself.

catalogue.py has them in reading order.
"""
