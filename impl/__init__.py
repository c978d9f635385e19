"""The reference heap: Go's page heap, written once, as coroutines that read like the Go source.

Reading order: access (what an await is), span, heap_cells (the words that threads share), os_memory, page_alloc,
sweep, heap, malloc. Nothing here knows who reads the text: it is run, tabulated and proved from outside.
"""
