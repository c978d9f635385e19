"""The real Go runtime: its toolchains, its text, and that text beside the reference heap. Begin at toolchains.py."""
