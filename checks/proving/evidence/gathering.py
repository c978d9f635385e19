"""What is heard of proofs while they are done, by what was wanted: files, uses of conjuncts, answers that move.

Read next: ../../performing.py.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from spanproof.checks.proving.evidence.certificates import Certificate, write
from spanproof.checks.proving.evidence.necessity import Necessity, Uses
from spanproof.checks.proving.evidence.other_solver import steadiness_of
from spanproof.checks.proving.evidence.script import Script
from spanproof.checks.proving.evidence.stability import Stability, Steadiness
from spanproof.checks.proving.evidence.wanted import Wanted
from spanproof.checks.proving.heard import listening
from spanproof.checks.proving.inferring.infer import Inferred
from spanproof.checks.proving.inferring.spacer import Found
from spanproof.checks.proving.stopping import Hurry, patient

Evidence = Certificate | Uses | Steadiness | Inferred | Found


@contextmanager
def gathering(
    wanted: Wanted, folder: str, proof: str, solvers: Sequence[str] = (), hurry: Hurry = patient
) -> Generator[Callable[[], Evidence | None]]:
    """Hear of a proof while it is done; what this gives has what was heard, and writes the file if one is wanted.

    solvers: for stability, who is asked in place of our own solver.

    Raises:
        CertificateError: it cannot be written.

    """
    if wanted is Wanted.NOTHING:
        yield lambda: None
    elif wanted is Wanted.CERTIFICATES or (wanted is Wanted.STABILITY and solvers):
        script = Script()
        with listening(script):
            if wanted is Wanted.CERTIFICATES:
                yield lambda: write(Path(folder), proof, script)
            else:
                yield lambda: steadiness_of(proof, script, solvers[0], hurry)
    else:
        heard = Necessity(proof) if wanted is Wanted.NECESSITY else Stability(proof)
        with listening(heard):
            yield heard.found
