"""The loops of summarize that look inside of a word, cut by invariants.

In them x is the word with all runs of zeros shrunk, and with what was looked at shifted out. Two things are shown, each
with the same loops: that no run is overlooked, and that no longer one is found than there is. Read next: plain.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from spanproof.model.contracts.bitmaps import Bitmap, between_ones
from spanproof.model.contracts.plain import Known, Names, Number, PlainLoop
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, ite, negate, same
from spanproof.model.words import complement, leading_zeros, trailing_zeros


@dataclass(frozen=True, slots=True)
class LongestInside(ABC):
    """What the loops of longest_inside keep, whichever of the two is shown."""

    word: Bitmap
    """One word: the one that is looked into."""
    known: Number
    """The longest run that was known before."""
    length: Number
    """Of the run that is spoken of."""

    @abstractmethod
    def looked_at(self, n: Names) -> Claims:
        """What is known of the part that was shifted out."""

    @abstractmethod
    def place(self, n: Names) -> Number | None:
        """The place of the run that is spoken of, in x; None if there is none."""

    @abstractmethod
    def run_shrunk(self, n: Names, now: Names, b: Number) -> Claims:
        """What a round of shrinking makes of the run at place b."""

    @abstractmethod
    def shifted(self, n: Names, now: Names) -> Claims:
        """What is known after a round of the outer loop, step by step."""

    @abstractmethod
    def shifted_places(self, n: Names, now: Names) -> Iterable[Number]:
        """The places of which that speaks."""

    @property
    def width(self) -> int:
        """Bits of the word."""
        return self.word.width

    @property
    def original(self) -> Number:
        """The word as it was given."""
        return self.word.words[0]

    def one_at(self, x: Number, b: Number) -> Truth:
        """Whether bit b of x is one."""
        return Bitmap((x,), self.width).is_allocated(b)

    def highest(self, x: Number) -> Number:
        """The place of the highest one."""
        return self.width - 1 - leading_zeros(x, self.width)

    def loops(self) -> dict[tuple[str, int], PlainLoop]:
        """Both loops: the outer finds a longer run in each round, the inner shrinks all runs."""
        width = self.width
        places, most, ones = (0, width - 1), (0, width - 2), (1 << width) - 1
        shrink = {"x": (0, ones), "p": most, "k": (1, width), "shrunk": most}
        return {
            ("longest_inside", 1): PlainLoop(
                {**shrink, "most": most, "out": (0, width - 1)},
                Known(self._outer, lambda n, b: self._shrunk_at(n, b, n.shrunk)),
                rank=lambda n: width - leading_zeros(n.x, width),
                places=places,
                told={
                    "out": (lambda _: trailing_zeros(self.original, width), lambda n, now: self.by(now) + n.out),
                    "shrunk": (lambda _: 0, lambda n, _: n.most),
                },
                steps=self._shifting_steps,
                uses=self._shifting,
            ),
            ("longest_inside", 2): PlainLoop(
                shrink,
                Known(self._inner, lambda n, b: self._shrunk_at(n, b, n.shrunk)),
                Known(self._left, lambda n, b: self._shrunk_at(n, b, n.most)),
                rank=lambda n: n.p,
                told={"shrunk": (lambda n: n.shrunk, lambda n, _: n.shrunk + n.k)},
                places=places,
                steps=self._shrinking_steps,
                uses=self._shrinking,
            ),
        }

    # Invariants.

    def _state(self, n: Names, shrunk: Number) -> Claims:
        yield "a one is lowest", n.x & 1 == 1
        yield "there are zeros between ones", n.x & n.x + 1 != 0
        yield "no shorter than was known", n.most >= self.known
        yield "the next shift", all_of(n.k >= 1, n.k <= shrunk + 1)

    def _outer(self, n: Names) -> Claims:
        width = self.width
        yield "its highest one", leading_zeros(n.x, width) == leading_zeros(self.original, width) + n.out
        yield from self.looked_at(n)
        yield "what is left to shrink", n.shrunk + n.p == n.most
        yield from self._state(n, n.shrunk)

    def _inner(self, n: Names) -> Claims:
        yield "its highest one stays", leading_zeros(n.x, self.width) == leading_zeros(n.entry.x, self.width)
        yield "what is left to shrink", n.shrunk + n.p == n.most
        yield from self._state(n, n.shrunk)

    def _left(self, n: Names) -> Claims:
        yield "its highest one stays", leading_zeros(n.x, self.width) == leading_zeros(n.entry.x, self.width)
        yield from self._state(n, n.most)

    def _shrunk_at(self, n: Names, b: Number, shrunk: Number) -> Claims:
        at = b + n.out
        zeros = self.word.all_free(at, at + shrunk + 1)
        yield "runs are shrunk", same(negate(self.one_at(n.x, b)), zeros)

    # A round of the inner loop.

    def _next_shift(self, n: Names) -> Number:
        return ite(n.p <= n.k, n.p, n.k)

    def _shrinking_steps(self, n: Names, now: Names, place: Number | None) -> Claims:
        if place is None:
            yield "its highest one stays", leading_zeros(now.x, self.width) == leading_zeros(n.x, self.width)
        b = self.place(n) if place is None else place
        if b is None:
            return
        yield from self._shrunk_further(n, now, b)
        if place is None:
            yield from self.run_shrunk(n, now, b)

    def _shrunk_further(self, n: Names, now: Names, b: Number) -> Claims:
        far = self._next_shift(n)
        shrunk, at = n.shrunk + far, b + n.out
        zeros = self.word.all_free(at, at + shrunk + 1)
        next_at = b + far + n.out
        here, there = self.word.all_free(at, at + n.shrunk + 1), self.word.all_free(next_at, next_at + n.shrunk + 1)
        yield "so far it is shrunk", all_of(shrunk <= n.most, far <= n.shrunk + 1)
        inside = all_of(b >= 0, b < self.width)
        either = any_of(self.one_at(n.x, b), self.one_at(n.x, b + far))
        yield "a one is of two", implies(inside, same(self.one_at(now.x, b), either))
        yield "zeros add up", implies(inside, same(zeros, all_of(here, there)))
        yield "runs are shrunk", implies(inside, same(negate(self.one_at(now.x, b)), zeros))

    def _shrinking(self, n: Names, _: Names, place: Number | None) -> Iterable[Number]:
        at = self.place(n) if place is None else place
        return () if at is None else (at, at + self._next_shift(n))

    # A round of the outer loop.

    def by(self, now: Names) -> Number:
        """How far it is shifted in a round: over the lowest ones, and the zeros above them."""
        return now.j + self.lowest_ones(now)

    def lowest_ones(self, now: Names) -> Number:
        """How many ones are lowest, before it is shifted."""
        return trailing_zeros(complement(now.after_2.x, self.width), self.width)

    def _shifting_steps(self, n: Names, now: Names, place: Number | None) -> Claims:
        if not hasattr(now, "after_2"):
            return
        was, far, width = now.after_2.x, self.by(now), self.width
        if place is not None:
            each = same(self.one_at(now.x, place), self.one_at(was, place + far))
            yield "so is each one", implies(place + far < width, each)
            return
        yield "it is shifted", all_of(far < width, now.x == was >> far)
        yield "so is its highest one", leading_zeros(now.x, width) == leading_zeros(was, width) + far
        yield "a one comes next", self.one_at(was, far)
        yield from self.shifted(n, now)

    def _shifting(self, n: Names, now: Names, place: Number | None) -> Iterable[Number]:
        if not hasattr(now, "after_2"):
            return ()
        return self.shifted_places(n, now) if place is None else (place + self.by(now),)


@dataclass(frozen=True, slots=True)
class NoneIsOverlooked(LongestInside):
    """No run is longer than what is found: not the one at place j, if there is one."""

    j: Number
    """Any place of the word."""

    @property
    def run(self) -> Truth:
        """Whether there is a run of that length."""
        return between_ones(self.word, self.j, self.length)

    def looked_at(self, n: Names) -> Claims:
        """It is no longer if it was shifted out."""
        yield "what was looked at is no longer", implies(all_of(self.run, self.j < n.out), self.length <= n.most)

    def place(self, n: Names) -> Number | None:
        """Where it begins."""
        return self.j - n.out

    def run_shrunk(self, n: Names, now: Names, b: Number) -> Claims:
        """A longer one is still there."""
        shrunk, one = n.shrunk + self._next_shift(n), self.one_at(now.x, b)
        yield "where a one is the run is short", implies(all_of(self.run, one), self.length <= shrunk)
        yield "a one is above", implies(self.run, b <= self.highest(now.x))
        lost = all_of(b >= 0, negate(one), now.x & now.x + 1 == 0)
        yield "zeros are above all ones", implies(lost, b > self.highest(now.x))

    def shifted(self, n: Names, now: Names) -> Claims:
        """What is shifted out is no longer, and what stays is where it was."""
        j, run, was, far, b = self.j, self.run, now.after_2.x, self.by(now), self.j - n.out
        low = n.out + self.lowest_ones(now)
        yield "where a one is the run is short", implies(all_of(run, self.one_at(was, b)), self.length <= n.most)
        begin = far + n.out
        end = begin + n.most + 1
        yield "ones are lowest", implies(all_of(j >= n.out, j < low), self.one_at(was, b))
        late = all_of(run, j >= low, j < begin, self.length > now.most)
        yield "a longer one covers the next", implies(late, all_of(j <= begin, end <= j + self.length))
        yield "so it is all zeros", implies(late, self.word.all_free(begin, end))
        yield "none is that long", negate(late)
        yield "what was before is no longer", implies(all_of(run, j < n.out), self.length <= now.most)
        yield "what was looked at is no longer", implies(all_of(run, j < begin), self.length <= now.most)
        yield "a one is above", implies(run, b <= self.highest(was))
        here = j >= begin
        yield "the rest is shifted", implies(here, same(self.one_at(now.x, b - far), self.one_at(was, b)))
        lost = all_of(here, negate(self.one_at(now.x, b - far)), now.x & now.x + 1 == 0)
        yield "zeros are above all ones", implies(lost, b - far > self.highest(now.x))

    def shifted_places(self, n: Names, now: Names) -> Iterable[Number]:
        """Its own, and those around the next run."""
        far = self.by(now)
        return self.j - n.out, far, far - 1


@dataclass(frozen=True, slots=True)
class NoneIsInvented(LongestInside):
    """No place has so many zeros, and so many are not found."""

    def looked_at(self, n: Names) -> Claims:
        """So many were not found."""
        yield "it is no longer", n.most < self.length

    def place(self, n: Names) -> Number | None:  # noqa: ARG002  # there is none
        """None."""
        return None

    def run_shrunk(self, n: Names, now: Names, b: Number) -> Claims:  # noqa: ARG002  # there is none
        """Nothing."""
        yield from ()

    def _first_one(self, n: Names, now: Names) -> tuple[Number, Number]:
        """Where the zeros begin that are shifted out, and the lowest one of the word above."""
        begin = self.lowest_ones(now) + n.out
        return begin, begin + trailing_zeros(self.original >> begin, self.width)

    def shifted(self, n: Names, now: Names) -> Claims:
        """The zeros that are shifted out, and those that they were shrunk by, are zeros of the word."""
        word, original, was, far = self.word, self.original, now.after_2.x, self.by(now)
        begin, one = self._first_one(n, now)
        end = far - 1 + n.out + n.most + 1
        yield "zeros are shifted out", all_of(now.j >= 1, negate(self.one_at(was, far - 1)))
        there = all_of(one >= begin, one - n.out < far)
        yield "where a one is none was left", implies(there, negate(self.one_at(was, one - n.out)))
        yield "its last zeros", word.all_free(far - 1 + n.out, end)
        last = self.highest(original)
        yield "a one is behind them", all_of(far <= self.highest(was), self.one_at(original, last))
        yield "it is in the word", all_of(end <= last, last < self.width)
        yield "up to a one are zeros", all_of(one >= begin, word.all_free(begin, one))
        yield "it is a one", implies(one < self.width, self.one_at(original, one))
        yield "it does not come before", negate(there)
        yield "it does not come among the last", negate(all_of(one >= far - 1 + n.out, one < end))
        yield "it comes after", all_of(one >= end, end == begin + now.most)
        yield "so many zeros are no more", now.most < self.length

    def shifted_places(self, n: Names, now: Names) -> Iterable[Number]:
        """Around the zeros that are shifted out."""
        begin, one = self._first_one(n, now)
        return one - n.out, self.by(now) - 1, begin
