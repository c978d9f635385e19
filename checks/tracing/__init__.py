"""Confronts real Go programs with the claims, and with the reference: traces recorded by a patched runtime.

reading.read_trace reads a file, checking.check_trace judges every claim of claims.py on it, findings.findings tells
what is violated; predicted.predict_trace steps the reference page allocator through it. verdicts.judge_trace does all
of it, replaying.replay_trace judges the rows in a record again.
"""
