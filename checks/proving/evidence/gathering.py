"""What is heard of proofs while they are done, by what was wanted: files, uses of conjuncts, answers that move.

Read next: ../../jobs.py.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from spanproof.checks.proving.evidence.certificates import Certificate, write
from spanproof.checks.proving.evidence.necessity import Necessity
from spanproof.checks.proving.evidence.script import Script
from spanproof.checks.proving.evidence.stability import Stability
from spanproof.checks.proving.heard import listening


class Wanted(StrEnum):
    """What is wanted beside the verdicts."""

    NOTHING = ""
    CERTIFICATES = "certificates"
    NECESSITY = "necessity"
    STABILITY = "stability"


Evidence = Certificate | Necessity | Stability


@contextmanager
def gathering(wanted: Wanted, folder: str, proof: str) -> Generator[Callable[[], Evidence | None]]:
    """Hear of a proof while it is done; what this gives has what was heard, and writes the file if one is wanted.

    Raises:
        CertificateError: it cannot be written.

    """
    if wanted is Wanted.NOTHING:
        yield lambda: None
    elif wanted is Wanted.CERTIFICATES:
        script = Script()
        with listening(script):
            yield lambda: write(Path(folder), proof, script)
    else:
        heard = Necessity(proof) if wanted is Wanted.NECESSITY else Stability(proof)
        with listening(heard):
            yield lambda: heard
