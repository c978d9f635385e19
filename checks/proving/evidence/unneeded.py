"""Why a conjunct stands in a contract though no question needs it: written by hand, and shown beside it in docs.

By its whole name, by its conjunct alone (": name"), or by the part of the contract ("module.part: "). Read next:
pages.py.
"""

from collections.abc import Mapping

WHY: Mapping[str, str] = {}
