"""What a person reads: counterexamples as lanes of text, the verdict table, one HTML page, and the JSON Schemas.

Everything here is a function of a `Report` and its `Record`s; nothing runs the heap. Read next: watch.py, lanes.py.
"""
