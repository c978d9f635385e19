"""Shows that a page heap is right: Go's mheap, run, exhaustively interleaved and proved from one text.

`spanproof.model` is what must hold, `spanproof.impl` the reference heap, `spanproof.checks` confronts the two.
"""

__version__ = "0.1.0"
