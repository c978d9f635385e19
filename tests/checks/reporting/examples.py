"""Records built by hand, step by step, as an engine would write them."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from spanproof.checks.record import Access, Flip, Record, Step, Violated
from spanproof.checks.tracing.series import Series
from spanproof.checks.verdict import NotRun, Report, Result, Verdict
from spanproof.model.geometry import SMALL, Geometry

HEAP = replace(SMALL, spans=4)

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&\u2028\x1b[31m'\"{{ 7*7 }}"


@dataclass
class Run:
    """A heap as cells; every step changes one of them and is written down."""

    cells: dict[str, str]
    steps: list[Step] = field(default_factory=list[Step])
    start: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        """Keep the values at the start."""
        self.start = dict(self.cells)

    def step(
        self, thread: int, function: str, access: str, cell: str, after: object = None, result: object = ""
    ) -> None:
        """One access; without `after` it only reads."""
        before = self.cells[cell]
        value = before if after is None else str(after)
        shown = before if result == "" else str(result)
        self.steps.append(Step(thread, function, 400 + len(self.steps), access, cell, before, value, shown))
        self.cells[cell] = value


def cells_of(geometry: Geometry) -> dict[str, str]:
    """Every cell of a heap that nobody used yet."""
    cells = {"heap.lock": "0", "pages": "Pages(0b0)", "mheap.free_mspans": "15", "sweepgen": "4", "world": "0"}
    for arena in geometry.arena_indices:
        cells[f"zeroedBase[{arena}]"] = "0"
        for word in range((geometry.pages_per_arena + 7) // 8):
            cells |= {f"pageInUse[{arena}][{word}]": "0", f"pageMarks[{arena}][{word}]": "0"}
    for page in geometry.pages:
        cells |= {f"spans[{page}]": "nil", f"memory[{page}]": "0"}
    for span in range(geometry.spans):
        fields = ("state", "base", "npages", "needzero", "sweepgen", "spanclass", "allocCount")
        cells |= {f"mspan[{span}].{name}": "0" for name in fields}
    return cells


def geometry_json(geometry: Geometry) -> dict[str, Any]:
    """The geometry as a record's program holds it."""
    names = ("name", "page_size", "pages_per_chunk", "pages_per_arena", "arenas", "spans", "first_arena")
    return {name: getattr(geometry, name) for name in names}


def _take(run: Run, thread: int, span: int, page: int) -> None:
    run.step(thread, "alloc_span", "lock", "heap.lock", thread + 1)
    run.step(thread, "alloc_span", "update", "pages", f"Pages(0b{'1' * (page - 3)})", page * 8)
    run.step(thread, "alloc_mspan_locked", "update", "mheap.free_mspans", 15 & ~((2 << span) - 1), f"mspan[{span}]")
    run.step(thread, "alloc_span", "unlock", "heap.lock", 0)
    run.step(thread, "init_span", "write", f"mspan[{span}].base", page * 8)
    run.step(thread, "init_span", "write", f"mspan[{span}].npages", 1)
    run.step(thread, "init_span", "store", f"mspan[{span}].state", 0)


def _publish(run: Run, thread: int, span: int, page: int) -> None:
    run.step(thread, "init_span", "write", f"mspan[{span}].needzero", 0)
    run.step(thread, "init_span", "write", f"mspan[{span}].sweepgen", 4)
    run.step(thread, "init_span", "store", f"mspan[{span}].state", 1)
    run.step(thread, "set_spans", "write", f"spans[{page}]", f"mspan[{span}]")
    run.step(thread, "alloc_span", "or8", "pageInUse[1][0]", int(run.cells["pageInUse[1][0]"]) | 1 << page - 4)


def lost_raise() -> Record:
    """Two threads allocate a page each; the compare-and-swap of zeroedBase is a plain store, so 16 becomes 8."""
    cells = cells_of(HEAP)
    cells |= {"zeroedBase[2]": "16", "spans[8]": "mspan[3]", "spans[9]": "mspan[3]", "pageInUse[2][0]": "1"}
    cells |= {"mspan[3].state": "1", "mspan[3].base": "64", "mspan[3].npages": "2", "memory[8]": "7"}
    run = Run(cells)
    _take(run, 0, 0, 4)
    run.step(0, "alloc_needs_zero", "load", "zeroedBase[1]")
    _take(run, 1, 1, 5)
    run.step(1, "alloc_needs_zero", "load", "zeroedBase[1]")
    run.step(1, "alloc_needs_zero", "store", "zeroedBase[1]", 16)
    _publish(run, 1, 1, 5)
    run.step(1, "use", "write", "memory[5]", 3)
    run.step(0, "alloc_needs_zero", "store", "zeroedBase[1]", 8)
    ops = [[["MallocLarge", 1, True], ["Free", 0]], [["MallocLarge", 1, False]]]
    return Record(
        kind="run",
        name="two_allocs_one_arena",
        release="go1.14",
        fault="plain_store_for_cas",
        violated=Violated(
            "zeroed_base_never_decreases",
            "Between any two states, zeroedBase of an arena does not go down: memory below it may be dirty.",
            "mheap.go, heapArena.zeroedBase and allocNeedsZero",
            "zeroedBase[1] went from 16 to 8",
        ),
        program={"name": "two_allocs_one_arena", "release": "go1.14", "geometry": geometry_json(HEAP), "threads": ops},
        schedule=tuple(step.thread for step in run.steps),
        cells=run.start,
        steps=tuple(run.steps),
    )


def explained_raise() -> Record:
    """The same, with the pair whose order matters, the least change, and a program that can be printed."""
    record = lost_raise()
    order = (*record.schedule[:16], 0, 1, *(1,) * 12)
    pair = (
        Access(17, 1, "alloc_needs_zero", "store", "zeroedBase[1]"),
        Access(24, 0, "alloc_needs_zero", "store", "zeroedBase[1]"),
    )
    program: dict[str, Any] = {**record.program, "geometry": asdict(HEAP), "before": [[], []]}
    flip = Flip(pair, order, "1 step of T0 moved before step 17 (T1's store)", alone=False)
    return replace(record, program=program, why="T1's store comes between", flip=flip)


def cached_heap() -> Record:
    """A P fills its page cache: free pages, some scavenged, become its own; then it gives one of them to a span."""
    free, taken = (
        f"alloc {{{runs}}} of {{[0x20, 0x40)}}, scavenged {{{rest}}}"
        for runs, rest in (("[0, 1)", "[2, 4)"), ("[0, 4)", ""))
    )
    cells = {**cells_of(HEAP), "pages": free, "pcache[0]": "PageCache(base=0, cache=0, scav=0)"}
    run = Run({**cells, "spans[4]": "mspan[0]", "mspan[0].state": "1", "mspan[0].base": "32", "mspan[0].npages": "1"})
    run.step(0, "alloc_to_cache", "update", "pages", taken)
    run.step(0, "alloc_span", "write", "pcache[0]", "PageCache(base=32, cache=14, scav=12)")
    run.step(0, "alloc_span", "write", "pcache[0]", "PageCache(base=32, cache=12, scav=12)")
    geometry = {**geometry_json(HEAP), "ps": 1}
    ops = [[["MallocLarge", 1, True]]]
    program = {"geometry": geometry, "threads": ops}
    return replace(lost_raise(), program=program, schedule=(0, 0, 0), cells=run.start, steps=tuple(run.steps))


def long_life(steps: int) -> Record:
    """Two threads that allocate, dirty and free pages for a long time, on a heap with a map."""
    run = Run(cells_of(HEAP))
    for n in range(steps):
        page, turn = HEAP.pages[n // 5 % len(HEAP.pages)], n // 40
        span = page % HEAP.spans
        match n % 5:
            case 0:
                run.step(turn % 2, "init_span", "write", f"mspan[{span}].base", page * HEAP.page_size)
            case 1:
                run.step(turn % 2, "init_span", "write", f"mspan[{span}].npages", 1)
            case 2:
                run.step(turn % 2, "init_span", "store", f"mspan[{span}].state", turn % 2)
            case 3:
                run.step(turn % 2, "use", "write", f"memory[{page}]", n)
            case _:
                run.step(turn % 2, "alloc_needs_zero", "store", f"zeroedBase[{1 + turn % 2}]", page % 4 * 8)
    schedule = tuple(step.thread for step in run.steps)
    return replace(lost_raise(), schedule=schedule, cells=run.start, steps=tuple(run.steps))


def told_trace() -> Record:
    """A record of kind trace: two allocations of one page in a recorded trace."""
    story = [
        "event 17: P0 allocates pages [4, 6) as a heap span",
        "event 29: P3 allocates pages [5, 6) as a heap span, while event 17 still holds them " + "very long " * 12,
    ]
    says = "No page is in two spans at once."
    violated = Violated("no_page_in_two_spans", says, "mheap.go, allocSpan", "page 5 is in two spans")
    return Record("trace", "gc-heavy.npz", "go1.22", violated, trace={"story": story, "row": 29})


def hostile() -> Record:
    """A record all of whose texts try to break out of the page or of the terminal."""
    record = lost_raise()
    bad = Access(0, 1, HOSTILE, HOSTILE, HOSTILE)
    steps = tuple(replace(step, function=HOSTILE, result=HOSTILE) for step in record.steps)
    return replace(
        record,
        name=HOSTILE,
        fault=HOSTILE,
        heap=HOSTILE,
        release=HOSTILE,
        violated=Violated(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        program={**record.program, "threads": [[[HOSTILE, HOSTILE]], HOSTILE]},
        cells={**record.cells, HOSTILE: HOSTILE},
        steps=(*steps[:-1], replace(steps[-1], cell=HOSTILE, after=HOSTILE)),
        why=HOSTILE,
        flip=Flip((bad, replace(bad, step=17)), record.schedule[:-2], HOSTILE, alone=True),
    )


def crowded(threads: int, steps: int) -> Record:
    """Many threads that write the same few cells in turn, and long private stretches in between."""
    run = Run({"pages": f"Pages({'01' * 40})", **{f"mspan[{n}].allocCount": "0" for n in range(12)}})
    for n in range(steps):
        thread = n // 7 % threads
        cell = "pages" if n % 7 == 3 else f"mspan[{n % 12}].allocCount"
        value = f"{run.cells[cell]}{n % 10}"[-60:]
        run.step(thread, "free_span_locked_and_then_some_more", "compare_and_swap", cell, value)
    return replace(
        lost_raise(),
        program={"threads": [[["MallocLarge", n, True]] * 5 for n in range(threads)]},
        schedule=tuple(step.thread for step in run.steps),
        cells=run.start,
        steps=tuple(run.steps),
    )


def mixed_report(record: str | None = "lost-raise.json") -> Report:
    """One result of each verdict, in an order that no reader wants, and something that could not run."""
    results = (
        Result("explore", "two_allocs", Verdict.HOLDS, "", "all 29,233 states", (), 1.25, {"states": 29233}),
        Result(
            "prove",
            "alloc_needs_zero[red]",
            Verdict.UNKNOWN,
            reason="time limit of 10 s reached",
            bound="any number of threads",
            assumptions=("pages.alloc returns pages nobody owns",),
            seconds=10.0,
            counts={"obligations": 350},
        ),
        Result(
            "explore",
            "two_allocs_one_arena",
            Verdict.VIOLATED,
            reason="zeroed_base_never_decreases: zeroedBase[1] went from 16 to 8",
            bound="all 1,581 states",
            assumptions=("sequentially consistent atomics", "disjoint regions"),
            seconds=0.014,
            counts={"states": 1581, "transitions": 2926},
            record=record,
        ),
    )
    return Report("check", "go1.14", 7, results, (NotRun("go", "go tool :smile:", "no Go on this machine", 12),))


def faults_report() -> Report:
    """A faults run of two layers: one fault caught by one of them, one by neither, one that was not asked about."""
    found = {"explore_found": 1, "explore_milliseconds": 2612, "explore_steps": 36, "explore_switches": 2}
    missed = {"tables_found": 0, "tables_milliseconds": 0, "tables_steps": 0, "tables_switches": 0}
    calls = {"tables_found": 1, "tables_milliseconds": 40, "tables_steps": 1100, "tables_switches": 0}
    none = {"explore_found": 0, "explore_milliseconds": 0, "explore_steps": 0, "explore_switches": 0}
    bound = "explore 2.61 s, aligned_stacks: zeroed_base_never_decreases, 36 steps, 2 switches"
    results = (
        Result("faults", "plain_store_for_cas", Verdict.HOLDS, "", bound, seconds=7.4, counts=found | missed),
        Result("faults", "survivor", Verdict.VIOLATED, "survived: no layer catches it", counts=none | missed),
        Result("faults", "second_fit", Verdict.HOLDS, "", "tables 0.04 s, TestFind, 1100 calls", counts=calls),
    )
    return Report("faults", "go1.27", 0, results)


def checked_report() -> Report:
    """What `check` says of planted faults: caught, missed, and not asked for lack of time."""
    caught = "caught by tables 2.13 s, TestFind/Chunks8, 11 calls"
    results = (
        Result("faults", "second_fit", Verdict.HOLDS, "", caught, seconds=2.5),
        Result("faults", "not_capped", Verdict.UNKNOWN, "the budget of 55 s is used up"),
        Result("faults", "lost_update", Verdict.VIOLATED, "explore does not catch it any more"),
    )
    return Report("check", "go1.27", 0, results)


def proved_report(*names: str) -> Report:
    """A run of proofs of these theorems, all of which hold."""
    results = (Result("prove", name, Verdict.HOLDS, "", "4 paths", ("any input",), counts={"own": 3}) for name in names)
    return Report("prove", "go1.27", 0, tuple(results))


def traced_report(*names: str) -> Report:
    """A trace run over traces of these names, a claim judged on each."""
    results = (
        Result("trace", f"{name}: no_page_in_two_spans", Verdict.HOLDS, "", "all 40 events", counts={"grow": 1})
        for name in names
    )
    return Report("trace", "go1.27", 0, tuple(results))


def counted(name: str) -> Series:
    """A heap of 2 MiB, then 4, over 40 events: up to 2 MiB in spans, and at the end 1 MiB with the OS."""
    events = {"alloc_span": (6, 3, 0, 6), "pages_alloc": (4, 2, 0, 4), "free_span": (0, 5, 10, 0)}
    return Series(name, 40, (10, 20, 30, 40), (256, 256, 512, 512), (0, 128, 256, 0), (256, 128, 256, 128), events)
