"""Mirrors checks/tracing."""
