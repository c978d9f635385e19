"""A proof's questions as one SMT-LIB 2 script that any solver can read: only those that were answered with unsat.

Hypotheses are asserted as they stand and taken back with push and pop, so a script is hardly longer than what a proof
knows. What came out satisfiable, or was only a hint, is left out: nothing rests on it. Read next: certificates.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import z3

from spanproof.checks.proving.heard import Question

_z3: Any = z3


@dataclass(frozen=True, slots=True)
class Asked:
    """One check-sat of a script."""

    about: str
    seconds: float
    work: int


@dataclass(slots=True)
class Script:
    """Hears the questions of one proof and writes them down."""

    asked: list[Asked] = field(default_factory=list[Asked])
    """The questions in it, in order; all were answered with unsat."""
    left_out: int = 0
    """Questions with another answer."""
    _lines: list[str] = field(default_factory=list[str])
    _declared: dict[str, str] = field(default_factory=dict[str, str])
    _seen: dict[int, Any] = field(default_factory=dict[int, Any])
    """Terms whose symbols are declared, kept so that their numbers are not given to others."""
    _standing: list[Any] = field(default_factory=list[Any])
    """The hypotheses that are asserted."""
    _levels: list[int] = field(default_factory=list[int])
    """How many hypotheses stand below each push."""

    def __call__(self, question: Question) -> None:
        """Write a question down, if it was answered with unsat."""
        if question.answer != "unsat":
            self.left_out += 1
            return
        self._stand_on(question.known)
        self._lines += [f"; {len(self.asked)}: {_one_line(question.about)}", "(push 1)"]
        self._lines += [self._asserted(term) for term in question.asked]
        self._lines += ["(check-sat)", "(pop 1)"]
        self.asked.append(Asked(question.about, question.seconds, question.work))

    def text(self) -> str:
        """The whole script."""
        head = ["(set-logic ALL)", *self._declared.values()]
        return "\n".join([*head, *self._lines, "(exit)", ""])

    def _stand_on(self, known: Sequence[Any]) -> None:
        """Take back what is not known any more, and assert what is new."""
        same = _common(self._standing, known)
        while self._levels and len(self._standing) > same:
            self._lines.append("(pop 1)")
            del self._standing[self._levels.pop() :]
        new = known[len(self._standing) :]
        if new:
            self._levels.append(len(self._standing))
            self._lines += ["(push 1)", *map(self._asserted, new)]
            self._standing += new

    def _asserted(self, term: Any) -> str:
        self._declare(term)
        return f"(assert {_one_line(term.sexpr())})"

    def _declare(self, term: Any) -> None:
        todo = [term]
        while todo:
            each = todo.pop()
            if each.get_id() in self._seen:
                continue
            self._seen[each.get_id()] = each
            if _z3.is_quantifier(each):
                todo.append(each.body())
            elif _z3.is_app(each):
                declaration = each.decl()
                if declaration.kind() == _z3.Z3_OP_UNINTERPRETED:
                    self._declared.setdefault(declaration.name(), declaration.sexpr())
                todo += each.children()


def _common(a: Sequence[Any], b: Sequence[Any]) -> int:
    """How many terms both begin with."""
    n = 0
    for x, y in zip(a, b, strict=False):
        if x is not y and not x.eq(y):
            break
        n += 1
    return n


def _one_line(text: str) -> str:
    return " ".join(text.split())


def questions_of(text: str) -> Iterator[str]:
    """What each check-sat of a script is about."""
    for line in text.splitlines():
        if line.startswith("; ") and ": " in line:
            yield line.partition(": ")[2]
