"""What functions and loops of the page heap promise, and threads rely on: the annotations that the text does not carry.

One module a protocol, or two, with its functions and loops apart (`_calls`): growing (which pages there are), zeroing
(zeroedBase, contents, needzero), owning (pages, spans, the heap lock), sweeping (who may sweep a span), scavenging
(what was returned to the system, and what is counted), cursors (the scavenge index). Each speaks of one arbitrary byte,
page, span or chunk that is observed: what holds of an arbitrary one holds of all. Contracts take words and plain
integers alike, so they can be judged in ordinary runs too. Read next: contract.py.
"""
