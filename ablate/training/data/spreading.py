"""One function over many items on all processors, the results in the items' order.

In processes where this one can be forked without danger: a third of the work on a small image is Python, which
threads do one after the other. Else in threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from ablate.errors import DataError

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 16
"""Items handed over at once."""
AHEAD = 3
"""Chunks a processor may be ahead of the reader: what is finished and not yet read lies in memory."""


def processors() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(
    work: Callable[[Item], Result], items: Sequence[Item], *, in_processes: bool, at_once: int = CHUNK
) -> Generator[Result, None, None]:
    """`work` of each item, in order; to be closed where it is not read to its end.

    in_processes: whether the items and what `work` needs survive a fork: no open files, no state that is written to.
    at_once: items handed over together; fewer where one of them is much work.
    Raises DataError where a process was ended from outside, which leaves the rest undone.
    """
    workers = min(processors(), -(-len(items) // at_once))
    if workers < 2:
        yield from map(work, items)
        return
    try:
        chunk_of = partial(_chunk, work, items, at_once)
        with _opened(chunk_of, workers, in_processes=in_processes and _may_fork()) as (pool, one_chunk):
            starts = iter(range(0, len(items), at_once))
            ahead = deque(pool.submit(one_chunk, start) for start in islice(starts, AHEAD * workers))
            while ahead:
                results = ahead.popleft().result()
                ahead.extend(pool.submit(one_chunk, start) for start in islice(starts, 1))
                yield from results
    except BrokenProcessPool as error:
        raise DataError(
            "a process that was reading images ended without a word",
            hint="The system does that where memory runs out; a broken file may crash a decoder, too. "
            "`taskset -c 0` before the command reads them in one process.",
        ) from error


@contextlib.contextmanager
def _opened(
    chunk_of: Callable[[int], list[Result]], workers: int, *, in_processes: bool
) -> Iterator[tuple[Executor, Callable[[int], list[Result]]]]:
    """A pool, and what does the chunk that begins at a place; what is not begun is dropped at the end."""
    pool: Executor
    if in_processes:
        import multiprocessing

        fork = multiprocessing.get_context("fork")
        pool = ProcessPoolExecutor(workers, fork, _become_reader, (chunk_of, os.getpid()))
        chunk_of = _chunk_of_this_process
    else:
        pool = ThreadPoolExecutor(workers)
    try:
        yield pool, chunk_of
    finally:
        pool.shutdown(cancel_futures=True)


def _chunk(work: Callable[[Item], Result], items: Sequence[Item], at_once: int, start: int) -> list[Result]:
    return [work(item) for item in items[start : start + at_once]]


def _may_fork() -> bool:
    """A lock that another thread holds would stay locked for ever in a fork; macOS does not survive one at all."""
    return sys.platform == "linux" and threading.active_count() == 1


_here: dict[str, Callable[[int], Any]] = {}
"""In a process that was forked to read: what it does. A pool can hand over no function that is made on the way."""


def _become_reader(chunk_of: Callable[[int], Any], starter: int) -> None:
    """Ctrl-C is for the process that started this one, whose end ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != starter:  # it died before the request
        os._exit(70)
    _here["chunk_of"] = chunk_of


def _chunk_of_this_process(start: int) -> Any:
    return _here["chunk_of"](start)
