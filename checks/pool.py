"""Tasks done in processes side by side, or one by one; Ctrl-C ends them and loses nothing. Read next: working.py."""

import signal
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from spanproof.checks.jobs import Done, Setting, Task, Work
from spanproof.checks.performing import perform, unknown
from spanproof.checks.stopping import begin


def done_by(tasks: list[Task], setting: Setting, jobs: int, work: Work) -> Iterator[tuple[Task, Done]]:
    """Each task with what it gave, as soon as it is done, at most `jobs` at a time; `work` hears of an interrupt."""
    if jobs > 1 and len(tasks) > 1:
        return _side_by_side(tasks, setting, jobs, work)
    return _one_by_one(tasks, setting, work)


def _side_by_side(tasks: list[Task], setting: Setting, jobs: int, work: Work) -> Iterator[tuple[Task, Done]]:
    context = get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=begin, initargs=(stop,)) as pool:
        with _unheard():
            waiting: dict[Future[Any], Task] = {pool.submit(perform, t, setting): t for t in sorted(tasks, key=_last)}
        while waiting:
            try:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
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


def _last(task: Task) -> bool:
    """Whether it may come at the end: theorems about plain functions are the longest tasks of all, and begin early."""
    return task.check != "prove" or bool(task.domain)


@contextmanager
def _unheard() -> Generator[None]:
    """Leave Ctrl-C for later; processes that begin in between never hear of it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
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


def _one_by_one(tasks: list[Task], setting: Setting, work: Work) -> Iterator[tuple[Task, Done]]:
    for task in tasks:
        try:
            yield task, perform(task, setting)
        except KeyboardInterrupt:
            work.interrupted = True
            return
