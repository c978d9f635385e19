"""One schedule: a walk from the start to where nobody can go on, by a sampler's rule. Read next: sample.py."""

from random import Random

from spanproof.checks.sampling.sampler import Rule, Sampler
from spanproof.checks.sampling.space import Space
from spanproof.checks.sampling.uniform import Uniform

LONGEST = 100_000
"""Steps after which a schedule is given up."""
STRETCH = 500
"""Steps after which a walk is looked at: does it only go round?"""
ENDED, GOES_ON = -1, -2
"""How a walk may end, besides with the thread whose step breaks a claim: nobody can go on, or somebody can."""


def walk(sampler: Sampler, space: Space, draw: Random, path: list[int]) -> int:
    """Draw one schedule: the thread whose step breaks a claim, ENDED, or GOES_ON if it was given up.

    One that only goes round, as where one thread spins for another that a sampler holds back, goes on uniformly.
    """
    rule = sampler.begin(space, draw)
    while (end := _stretch(rule, space, path)) == GOES_ON and len(path) <= LONGEST:
        if 2 * len(set(path[-STRETCH:])) < STRETCH:
            rule = Uniform().begin(space, draw)
    return end


def _stretch(rule: Rule, space: Space, path: list[int]) -> int:
    """Walk on for at most STRETCH steps: the thread whose step breaks a claim, ENDED or GOES_ON."""
    options, look, append, state = space.options.get, space.look, path.append, path[-1]
    for _ in range(STRETCH):
        there = options(state)
        if there is None:
            there = look(state)
        if not there:
            return ENDED
        option = rule(there)
        state = option[1]
        if state < 0:
            return option[0]
        append(state)
    return GOES_ON
