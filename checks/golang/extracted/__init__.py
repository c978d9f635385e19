"""Go's text as a program of its own, and how it is asked."""
