"""Other solvers, each as a command that reads a script and answers each check-sat on a line of its own.

cvc5 and bitwuzla come as Python packages (the extra `recheck`), and run in a process of their own, where they may use
so much time and memory and no more: `python -m spanproof.checks.proving.evidence.solvers cvc5 5000 FILE`. Read next:
recheck.py.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spanproof.checks.proving.evidence.script import alone

CHECK = "(check-sat)"
MILLISECONDS = 5_000
"""For one question among others."""
PATIENT = 120_000
"""For one that is asked alone, as no solver has answered it."""


def _cvc5(file: str, milliseconds: int) -> None:
    text = Path(file).read_text(encoding="utf-8")
    if _is_of_bits(text):
        # As one question to a SAT solver: what it does not find lazily in minutes it finds so in a second.
        for number in range(text.count(CHECK)):
            question = alone(text, number).text().replace("(set-logic ALL)", "(set-logic QF_UFBV)")
            _put_to_cvc5(question, milliseconds, incremental="false", bitblast="eager")
    else:
        _put_to_cvc5(text, milliseconds, incremental=str(_takes_back(text)).lower())


def _put_to_cvc5(text: str, milliseconds: int, **options: str) -> None:
    cvc5: Any = importlib.import_module("cvc5")  # of the extra

    solver: Any = cvc5.Solver(cvc5.TermManager())
    solver.setOption("tlimit-per", str(milliseconds))
    for name, value in options.items():
        solver.setOption(name, value)
    symbols = cvc5.SymbolManager(solver.getTermManager())
    parser = cvc5.InputParser(solver, symbols)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "script")
    while True:
        command = parser.nextCommand()
        if command.isNull():
            return
        said = str(command.invoke(solver, symbols)).strip()
        if said:
            sys.stdout.write(said.split()[0] + "\n")
            sys.stdout.flush()


def _bitwuzla(file: str, milliseconds: int) -> None:
    bitwuzla: Any = importlib.import_module("bitwuzla")  # of the extra

    options = bitwuzla.Options()
    options.set(bitwuzla.Option.TIME_LIMIT_PER, milliseconds)
    parser = bitwuzla.Parser(bitwuzla.TermManager(), options)
    parser.parse(file, parse_only=False)


def _is_of_bits(text: str) -> bool:
    """Whether a script speaks of bits and of functions of bits alone."""
    return not any(word in text for word in (" Int", "declare-sort", "(forall", "(exists"))


def _takes_back(text: str) -> bool:
    """Whether a script has more than one question; of one alone more can be made."""
    return "(push" in text


PACKAGES: Mapping[str, Callable[[str, int], None]] = {"cvc5": _cvc5, "bitwuzla": _bitwuzla}


def installed() -> list[str]:
    """Those that are there."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is not None]


def command_of(name: str, milliseconds: int = MILLISECONDS) -> list[str]:
    """How one of these is called, with so much time for a question; the script's file comes last."""
    return [sys.executable, "-m", "spanproof.checks.proving.evidence.solvers", name, str(milliseconds)]


def reads(name: str, script: Path) -> bool:
    """Whether a solver can read a script: bitwuzla knows of no integers."""
    return name != "bitwuzla" or " Int" not in script.read_text(encoding="utf-8")


if __name__ == "__main__":
    PACKAGES[sys.argv[1]](sys.argv[3], int(sys.argv[2]))
