"""Go's text as it lies in a toolchain: found, parsed, and with a patch laid over it."""
