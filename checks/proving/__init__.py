"""The third reading: the same coroutines resumed with Z3 terms, for any number of threads, arenas and steps."""
