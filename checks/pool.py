"""Tasks done in processes side by side, or one by one; Ctrl-C and SIGTERM end them and lose nothing.

Read next: working.py.
"""

import signal
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import Any

from spanproof.checks.exploring.keeping.hearing import HEARD
from spanproof.checks.jobs import Done, Setting, Task, Work
from spanproof.checks.performing import perform, unknown
from spanproof.checks.progress import Progress
from spanproof.checks.stopping import begin, listen
from spanproof.checks.wholes import whole

TICK = 0.5
"""Seconds after which it is looked how far the tasks are."""


def done_by(
    tasks: list[Task], setting: Setting, jobs: int, work: Work, progress: Progress
) -> Iterator[tuple[Task, Done]]:
    """Each task with what it gave, as soon as it is done, at most `jobs` at a time; `work` hears of an interrupt."""
    if jobs > 1 and len(tasks) > 1:
        return _side_by_side(tasks, setting, jobs, work, progress)
    return _one_by_one(tasks, setting, work, progress)


def _side_by_side(
    tasks: list[Task], setting: Setting, jobs: int, work: Work, progress: Progress
) -> Iterator[tuple[Task, Done]]:
    context = get_context("spawn")
    stop, shares, places = context.Event(), context.Array("d", jobs), context.Value("i", 0)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(stop, shares, places)) as pool:
        with _unheard():
            waiting: dict[Future[Any], Task] = {pool.submit(_beside, t, setting): t for t in sorted(tasks, key=_last)}
        while waiting:
            try:
                done, _ = wait(waiting, timeout=TICK, return_when=FIRST_COMPLETED)
                progress.beside(next((t for f, t in waiting.items() if not f.done()), tasks[-1]), shares[:])
                for future in done:
                    task = waiting.pop(future)
                    if not future.cancelled():
                        yield task, given(future, task)
            except KeyboardInterrupt:
                # The tasks under way stop soon and say how far they came; the others are not begun.
                work.interrupted = True
                stop.set()
                for future in waiting:
                    future.cancel()


_shares: Any = ()
"""How much is done of the task that is at each place; others read it."""
_place = 0


def _begin(stop: Event, shares: Any, places: Any) -> None:
    """In a process of the pool: take a place among the shares, for the task that is done here."""
    global _shares, _place  # what a process of the pool is given once
    begin(stop)
    with places.get_lock():
        _shares, _place = shares, places.value % len(shares)
        places.value += 1


def _beside(task: Task, setting: Setting) -> Done:
    """Do a task, and let the process that waits for it see how much of it is done."""
    of = whole(task, setting)

    def heard(count: int) -> None:
        _shares[_place] = of.share(count)

    listen(heard)
    try:
        return perform(task, setting)
    finally:
        _shares[_place] = 0.0


def _last(task: Task) -> bool:
    """Whether it may come at the end: theorems about plain functions are the longest tasks of all, and begin early."""
    return task.check != "prove" or bool(task.domain)


@contextmanager
def _unheard() -> Generator[None]:
    """Leave Ctrl-C and SIGTERM for later; processes that begin in between hear of neither as they begin."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def given(future: Future[Done], task: Task) -> Done:
    """What a task gave; if its process was killed, that nothing is known."""
    try:
        return future.result()
    except BrokenProcessPool:
        return unknown(task, "its process, or another beside it, was killed: give fewer --jobs if memory ran out")


def _one_by_one(tasks: list[Task], setting: Setting, work: Work, progress: Progress) -> Iterator[tuple[Task, Done]]:
    listen(progress.counted)
    try:
        for task in tasks:
            progress.begun(task)
            yield task, perform(task, setting)
    except KeyboardInterrupt:
        work.interrupted = True
    finally:
        listen(None)
