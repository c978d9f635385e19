"""Faults that no layer finds, and what would find them: read and explained, one by one."""

from collections.abc import Mapping

WOULD_FIND: Mapping[str, str] = {}
