"""A proof's questions as one SMT-LIB 2 script that any solver can read: only those that were answered with unsat.

Hypotheses are asserted as they stand and taken back with push and pop, so a script is hardly longer than what a proof
knows. What came out satisfiable, or was only a hint, is left out: nothing rests on it. Read next: certificates.py.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import z3

from spanproof.checks.proving.evidence.standing import Standing
from spanproof.checks.proving.heard import Question

_z3: Any = z3


@dataclass(frozen=True, slots=True)
class Asked:
    """One check-sat of a script."""

    about: str
    seconds: float
    work: int


@dataclass(slots=True)
class _Section:
    """A part of a script in which each name has one sort."""

    lines: list[str] = field(default_factory=list[str])
    declared: dict[str, str] = field(default_factory=dict[str, str])
    seen: dict[int, Any] = field(default_factory=dict[int, Any])
    """Terms whose symbols are declared, kept so that their numbers are not given to others."""
    standing: Standing = field(default_factory=Standing)
    """The hypotheses that are asserted."""

    def declares(self, terms: Sequence[Any]) -> bool:
        """Declare what these terms have: whether that can be; a name of another sort wants another section."""
        todo, new = list(terms), dict[str, str]()
        while todo:
            each = todo.pop()
            if each.get_id() in self.seen:
                continue
            self.seen[each.get_id()] = each
            todo += [each.body()] if _z3.is_quantifier(each) else each.children()
            new |= {name: _one_line(text) for name, text in _declarations(each)}
        if any(self.declared.get(name, text) != text for name, text in new.items()):
            return False
        self.declared |= new
        return True

    def stand_on(self, known: Sequence[Any]) -> None:
        """Take back what is not known any more, and assert what is new."""
        taken, kept = self.standing.turn_to(known, [""] * len(known))
        self.lines += ["(pop 1)"] * taken
        if len(known) > kept:
            self.lines += ["(push 1)", *map(_asserted, known[kept:])]


@dataclass(slots=True)
class Script:
    """Hears the questions of one proof and writes them down."""

    asked: list[Asked] = field(default_factory=list[Asked])
    """The questions in it, in order; all were answered with unsat."""
    left_out: int = 0
    """Questions with another answer."""
    _sections: list[_Section] = field(default_factory=lambda: [_Section()])

    def __call__(self, question: Question) -> None:
        """Write a question down, if it was answered with unsat."""
        if question.answer != "unsat":
            self.left_out += 1
            return
        section = self._section((*question.known, *question.asked))
        section.stand_on(question.known)
        section.lines += [f"; {len(self.asked)}: {_one_line(question.about)}", "(push 1)"]
        section.lines += [*map(_asserted, question.asked), "(check-sat)", "(pop 1)"]
        self.asked.append(Asked(question.about, question.seconds, question.work))

    def _section(self, terms: Sequence[Any]) -> _Section:
        """Where a question with these terms is written."""
        section = self._sections[-1]
        same = all(seen.ctx is terms[0].ctx for seen in itertools.islice(section.seen.values(), 1))
        if not (same and section.declares(terms)):  # terms of lemmas that were made afresh have numbers of their own
            section = _Section()
            section.declares(terms)
            self._sections.append(section)
        return section

    def text(self, seed: int | None = None) -> str:
        """The whole script; with a seed, one that sets it and asks after each answer what was done by then."""
        seeded = [f"(set-option :random-seed {seed})", "(get-info :version)"]
        head = [*(seeded if seed is not None else ()), "(set-logic ALL)"]
        parts = ("\n".join([*head, *s.declared.values(), *s.lines]) for s in self._sections)
        text = "\n(reset)\n".join(parts) + "\n(exit)\n"
        return text if seed is None else text.replace("(check-sat)", "(check-sat)\n(get-info :rlimit)")


def _declarations(term: Any) -> Iterator[tuple[str, str]]:
    """What a term itself brings with it: (name, declaration), a sort before what is of it."""
    if not _z3.is_app(term):
        return
    declaration = term.decl()
    for sort in (declaration.range(), *(declaration.domain(n) for n in range(declaration.arity()))):
        if sort.kind() == _z3.Z3_UNINTERPRETED_SORT:
            yield f"sort {sort.name()}", f"(declare-sort {sort.sexpr()} 0)"
    if declaration.kind() == _z3.Z3_OP_UNINTERPRETED:
        yield declaration.name(), declaration.sexpr()


def _asserted(term: Any) -> str:
    return f"(assert {_one_line(term.sexpr())})"


def _one_line(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Alone:
    """One question of a script, with what stands at it and nothing to be taken back: the most a solver can use."""

    declared: tuple[str, ...]
    known: tuple[str, ...]
    asked: tuple[str, ...]

    def text(self) -> str:
        """As a script."""
        return "\n".join(["(set-logic ALL)", *self.declared, *self.known, *self.asked, "(check-sat)"]) + "\n"


def alone(text: str, number: int) -> Alone:
    """One question of a script.

    Raises:
        ValueError: it is not there.

    """
    declared, here = list[str](), False
    levels: list[list[str]] = [[]]
    for line in text.splitlines():
        match line.partition(" ")[0].strip("()"):
            case "reset":
                declared, levels = list[str](), [list[str]()]
            case "declare-sort" | "declare-fun" | "declare-const":
                declared.append(line)
            case "push":
                levels.append([])
            case "pop":
                levels.pop()
            case "assert":
                levels[-1].append(line)
            case ";":
                here = line.startswith(f"; {number}: ")
            case "check-sat" if here:
                known = tuple(line for level in levels[:-1] for line in level)
                return Alone(tuple(declared), known, tuple(levels[-1]))
            case _:
                pass
    raise ValueError(f"there is no question {number}")
