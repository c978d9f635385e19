"""Programs as workloads draw them, the same ones each time: what a strategy reaches is no matter of luck."""

from functools import cache

from hypothesis import HealthCheck, Phase, given, settings

from spanproof.checks.programs import Program
from spanproof.checks.workloads import programs

MANY = 1_000
"""Of 300 programs one in ten lacks something that is drawn seldom; of so many, none in thirty tries did."""


@cache
def many_programs() -> tuple[Program, ...]:
    """So many of them, from one seed."""
    seen: list[Program] = []

    @settings(
        max_examples=MANY, derandomize=True, database=None, deadline=None, phases=(Phase.generate,),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example),
    )  # fmt: skip
    @given(programs())
    def collect(program: Program) -> None:
        seen.append(program)

    collect()
    return tuple(seen)
