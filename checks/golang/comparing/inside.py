"""The page allocator inside the real runtime, driven over pipes: what confirms that Go's text, taken out, is Go's.

Two files are laid over the runtime: harness/pages.go as it is, and what gives it the runtime's own locks. The rest is
the comparison of compare.py. A throw ends the process, which is told as a difference.
Read next: ../recording/patching.py.
"""

import time
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from spanproof.checks.comparing.plans import REAL, Shape
from spanproof.checks.golang.comparing.compare import Compared, GoSide, Hurry, compared
from spanproof.checks.golang.extracted.driving import DONE
from spanproof.checks.golang.reading.toolchains import Toolchain
from spanproof.checks.golang.recording.programs import built_in, supported
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict

SERVER = files("spanproof.checks.golang.comparing") / "server"
HARNESS = files("spanproof.checks.golang.extracted") / "harness"
SHARED = ("ops.go", "pages.go")
"""Files of the harness that stand in the runtime too."""
HUGE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
"""Where the runtime reads the size of huge pages."""
COMMANDS = 5_000


def program_inside(toolchain: Toolchain) -> Path:
    """The server, built with a toolchain's own runtime.

    Raises:
        GoError: it cannot be built, or not on this system.

    """
    supported()
    laid = dict(toolchain.laid) | {"zz_spanproof_standing.go": (SERVER / "inside" / "standing.go").read_bytes()}
    for name in SHARED:
        text = (HARNESS / name).read_text(encoding="utf-8")
        laid[f"zz_spanproof_{name}"] = text.replace("package main", "package runtime", 1).encode()
    return built_in(toolchain, Path(str(SERVER)), laid)


def shape_here() -> Shape:
    """A heap where the system's pages are as they are on this machine: the runtime's cannot be told otherwise."""
    import resource  # noqa: PLC0415  # not on every system

    try:
        huge = int(HUGE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        huge = 0
    geometry = replace(REAL, phys_page_size=resource.getpagesize(), phys_huge_page_size=huge)
    return Shape(geometry, 600, 24)


def judge_inside(toolchain: Toolchain, subject: Subject, seed: int, commands: int, hurry: Hurry) -> Compared:
    """Compare so many calls with the page allocator inside a toolchain's runtime.

    Raises:
        GoError: the server cannot be built.

    """
    started = time.perf_counter()
    side = GoSide(program_inside(toolchain), toolchain.release)
    name, shape = f"inside {toolchain.version}", shape_here()
    sizes = shape.geometry.phys_page_size, shape.geometry.phys_huge_page_size
    if int(side.driven.ask("new", *sizes)["status"]) != DONE:
        side.driven.end()
        return Compared(Result("go", name, Verdict.UNKNOWN, f"the runtime's pages are not of {sizes} bytes"))
    return compared(name, toolchain, subject, side, (shape,), seed, commands, hurry, started)
