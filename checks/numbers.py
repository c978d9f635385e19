"""Numbers of things as people write them."""


def how_many(number: int, things: str) -> str:
    """1 step, 2 steps, 1,000 switches: the name of several things, without its ending where there is one alone."""
    one = things.removesuffix("es") if things.endswith("ches") else things.removesuffix("s")
    return f"{number:,} {one if number == 1 else things}"
