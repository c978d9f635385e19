"""Puts Python's collector of cyclic garbage off while a table of states grows, as nothing in one is garbage."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Generator[None]:
    """Until the block is left nothing is looked through for cycles; what became garbage in it is collected after it.

    A quarter of the time of the workloads went into looking through tables in vain.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
