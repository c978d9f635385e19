"""Lets Python's collector of cyclic garbage run seldom while a table of states grows, as little in one is garbage."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

SELDOM = (200_000, 20, 100)


@contextmanager
def seldom_collected() -> Generator[None]:
    """Until the block is left young objects are looked through for cycles every 200,000 of them, not every 700.

    A fifth of the time of the workloads went into looking through tables in vain. A text with a fault may leave cycles
    without end, so the collector is not put off altogether.
    """
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
