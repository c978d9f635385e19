"""Confronting the reference heap with the model: run, tabulate, compare, trace, report; the command line."""
