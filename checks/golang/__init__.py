"""The real Go runtime: its toolchains, its text, and that text run beside the reference heap. Begin at toolchains.py."""
