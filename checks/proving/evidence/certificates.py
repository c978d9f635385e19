"""Proofs as files: a script for each, and a manifest that says what was asked in it, by whom it was answered, and how.

Whoever has the folder and a solver can ask again (recheck.py); nothing of this project is needed to read it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import z3

from spanproof.checks.proving.evidence.script import Script
from spanproof.checks.record import write_atomically

_z3: Any = z3
MANIFEST = "manifest.json"
FORM = 1
"""Of the manifest; another number is refused."""


class CertificateError(ValueError):
    """A folder of certificates that cannot be written or read, or is not what it says."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One script, and what its check-sats are about, in order; each was answered with unsat."""

    proof: str
    file: str
    sha256: str
    about: tuple[str, ...]
    seconds: tuple[float, ...]
    work: tuple[int, ...]
    """In z3's own count."""


def write(folder: Path, proof: str, script: Script) -> Certificate:
    """Write a script, whole or not at all.

    Raises:
        CertificateError: it cannot be written.

    """
    text = script.text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    file = f"{_slug(proof)}-{hashlib.sha256(proof.encode()).hexdigest()[:6]}.smt2"
    try:
        write_atomically(folder / file, text)
    except OSError as e:
        raise CertificateError(f"{folder / file}: cannot be written: {e.strerror}") from e
    asked = script.asked
    return Certificate(
        proof,
        file,
        digest,
        tuple(a.about for a in asked),
        tuple(round(a.seconds, 6) for a in asked),
        tuple(a.work for a in asked),
    )


def _slug(name: str) -> str:
    """A file's name, whatever the system."""
    return re.sub(r"[^a-z0-9.]+", "_", name.lower()).strip("_")


def write_manifest(folder: Path, certificates: Iterable[Certificate], heap: str, fault: str | None) -> None:
    """Write what the scripts are.

    Raises:
        CertificateError: it cannot be written.

    """
    scripts = [asdict(certificate) for certificate in certificates]
    text = {"form": FORM, "heap": heap, "fault": fault, "solver": "z3", "version": _z3.get_version_string()}
    try:
        write_atomically(folder / MANIFEST, json.dumps({**text, "scripts": scripts}, indent=1) + "\n")
    except OSError as e:
        raise CertificateError(f"{folder / MANIFEST}: cannot be written: {e.strerror}") from e


def read_manifest(folder: Path) -> list[Certificate]:
    """The certificates of a folder; each script is there and is what it was.

    Raises:
        CertificateError: it is not so.

    """
    path = folder / MANIFEST
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise CertificateError(f"{path}: no manifest of certificates: {_short(e)}") from e
    manifest: Any = found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    if manifest.get("form") != FORM:
        raise CertificateError(f"{path}: no manifest of certificates, or of another version")
    try:
        certificates = [_certificate(entry) for entry in manifest["scripts"]]
    except (KeyError, TypeError, ValueError) as e:
        raise CertificateError(f"{path}: a damaged manifest: {_short(e)}") from e
    if not certificates:
        raise CertificateError(f"{path}: there are no scripts")
    for certificate in certificates:
        _looked_at(folder, certificate)
    return certificates


def _certificate(entry: Mapping[str, Any]) -> Certificate:
    """One entry, each value of the kind that it must have."""
    strings = {name: entry[name] for name in ("proof", "file", "sha256")}
    about, seconds, work = (list(_values(entry[name])) for name in ("about", "seconds", "work"))
    if not all(isinstance(value, str) for value in (*strings.values(), *about)):
        raise TypeError("a name is no text")
    if Path(strings["file"]).name != strings["file"]:
        raise ValueError(f"{strings['file']!r} is no file of this folder")
    if not len(about) == len(seconds) == len(work):
        raise ValueError("the lists differ in length")
    return Certificate(**strings, about=tuple(about), seconds=tuple(map(float, seconds)), work=tuple(map(int, work)))


def _values(given: Any) -> Iterator[Any]:
    if not isinstance(given, list):
        raise TypeError("a list is none")
    yield from given  # pyright: ignore[reportUnknownVariableType]


def _looked_at(folder: Path, certificate: Certificate) -> None:
    """A script must be what it was, and ask as often as the manifest says."""
    path = folder / certificate.file
    try:
        text = path.read_bytes()
    except OSError as e:
        raise CertificateError(f"{path}: cannot be read: {e.strerror}") from e
    if hashlib.sha256(text).hexdigest() != certificate.sha256:
        raise CertificateError(f"{path}: changed since it was written")
    if text.count(b"(check-sat)") != len(certificate.about):
        raise CertificateError(f"{path}: it does not ask what the manifest says")


def _short(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
