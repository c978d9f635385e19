"""A Go program in a process, asked over pipes: numbers there and back, with a time limit.

A program that dies is a finding, not a failure of ours: it is told with the end of what it wrote. Read next:
beside.py.
"""

import os
import select
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from spanproof.checks.golang.extracted.covering import VARIABLE

REQUEST = np.dtype([("op", "<u8"), ("a", "<u8"), ("b", "<u8"), ("c", "<u8")])
ANSWER = np.dtype([("status", "<u8"), ("r0", "<u8"), ("r1", "<u8"), ("r2", "<u8"), ("digest", "<u8")])
OPS = (
    "new", "grow", "alloc", "free", "to_cache", "cache_alloc", "flush", "scavenge", "next_gen", "pad", "dump", "thrown",
    "interleave",
)  # fmt: skip
"""What can be asked, in the order of their numbers, which begin at 1 (harness/ops.go)."""
CODE = {name: number for number, name in enumerate(OPS, 1)}
DONE, THROWN, UNKNOWN = range(3)
"""An answer's status."""
MOST = 1_200
"""Requests that are sent before answers are read: both fit into a pipe, so neither side waits for the other."""
PATIENCE = 60.0
"""Seconds that an answer may take."""
GRACE = 5.0
"""Seconds that it has to write what of it was run."""
SHOWN = 1_000
"""Letters that are shown of the beginning, and of the end, of what a program wrote before it died."""


class DiedError(Exception):
    """The program is gone, or does not answer: with the end of what it wrote."""


class Driven:
    """A program that answers."""

    def __init__(self, program: Path, patience: float = PATIENCE, covering: Path | None = None) -> None:
        """Start it. covering: where it writes, when it ends, what of it was run (covering.py)."""
        self.patience, self.covering = patience, covering
        variables = os.environ | ({} if covering is None else {VARIABLE: str(covering)})
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(  # noqa: S603  # a program that building.py made
            [str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, bufsize=0, env=variables
        )

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def __enter__(self) -> Self:
        """While this lasts the program runs."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it."""
        self.end()

    def end(self) -> None:
        """End the program, whatever it is at."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        if self.covering is not None:  # it ends by itself when nobody asks any more, and writes
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=GRACE)
        process.kill()
        process.wait()
        self._said.close()

    def batch(self, requests: Any) -> Any:
        """The answers to an array of requests.

        Raises:
            DiedError: it is gone.

        """
        parts = list[Any]()
        for first in range(0, len(requests), MOST):
            some = requests[first : first + MOST]
            self.send(some.tobytes())
            parts.append(np.frombuffer(self.receive(len(some) * ANSWER.itemsize), ANSWER))
        return np.concatenate(parts) if parts else np.empty(0, ANSWER)

    def ask(self, op: str, a: int = 0, b: int = 0, c: int = 0) -> Any:
        """The answer to one request. Raises as `batch` does."""
        return self.batch(np.array([(CODE[op], a, b, c)], REQUEST))[0]

    def text(self, op: str) -> str:
        """The answer to a request that is answered with text. Raises as `batch` does."""
        self.send(np.array([(CODE[op], 0, 0, 0)], REQUEST).tobytes())
        (length,) = np.frombuffer(self.receive(8), "<u8")
        return self.receive(int(length)).decode()

    def send(self, data: bytes) -> None:
        """Write these bytes. Raises as `batch` does."""
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pipe.write(data)
        except OSError as e:
            raise self._died() from e

    def receive(self, size: int) -> bytes:
        """Read so many bytes. Raises as `batch` does."""
        pipe, got = self._process.stdout, bytearray()
        assert pipe is not None
        stop = time.monotonic() + self.patience
        while len(got) < size:
            ready, _, _ = select.select([pipe], [], [], max(stop - time.monotonic(), 0))
            if not ready:
                raise DiedError(f"no answer in {self.patience:g} s")
            data = os.read(pipe.fileno(), size - len(got))
            if not data:
                raise self._died()
            got += data
        return bytes(got)

    def _died(self) -> DiedError:
        code = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()
        if len(said) > 2 * SHOWN:
            said = f"{said[:SHOWN]}\n...\n{said[-SHOWN:]}"
        return DiedError(f"the program ended with {code}: {said}")
