"""The shortest run to a state that was asked for, as text: lanes as for a counterexample, though no claim is broken."""

from spanproof.checks.record import Record
from spanproof.checks.reporting.grid import grid
from spanproof.checks.reporting.words import printable
from spanproof.checks.running.printing import in_words


def told_reached(run: Record) -> str:
    """The text of a run, ending without a newline."""
    place = f"scenario {run.name}, {run.release}"
    if run.fault is not None:
        place += f", fault {run.fault}"
    heading = [f"REACHED  {printable(run.violated.detail)}", f"         {printable(place)}"]
    lanes = grid(run, "<-- holds here", "it holds at the start, before any step")
    schedule = [f"  schedule: {in_words(run.schedule)}"] if run.schedule else []
    return "\n\n".join("\n".join(part) for part in (heading, lanes, schedule) if part)
