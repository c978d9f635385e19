"""What can be heard of proofs while they are done. Read next: gathering.py."""

from enum import StrEnum


class Wanted(StrEnum):
    """What is wanted beside the verdicts."""

    NOTHING = ""
    CERTIFICATES = "certificates"
    NECESSITY = "necessity"
    STABILITY = "stability"
