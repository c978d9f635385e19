"""How much memory this process has in use, so that a search can end in time."""

import resource
import sys
from pathlib import Path

STATM = Path("/proc/self/statm")
"""Where Linux tells, in pages."""
MEGABYTE = 1 << 20


def resident() -> int:
    """Bytes that are in memory; where the system does not tell, the most that ever were."""
    try:
        pages = int(STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * resource.getpagesize()
