"""The batches of a `PyDataset`, made ahead by threads or processes, in order."""

from __future__ import annotations

import atexit
import itertools
import multiprocessing
import queue
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any


def batches_in_order(dataset: Any, order: Iterable[int]) -> Iterator[Any]:
    """dataset[i] for each i of `order`, as its `workers`, `use_multiprocessing` and `max_queue_size` say.

    What a worker raises is raised here, when its batch is due. Dropping the iterator (the end of `fit`, an exception, Ctrl-C)
    cancels the batches that are not begun.
    """
    workers = getattr(dataset, "workers", 1)  # a subclass may not have called `super().__init__()`
    processes = getattr(dataset, "use_multiprocessing", False)
    if workers < 2 and not (workers and processes):
        return (dataset[int(i)] for i in order)
    return _made_ahead(dataset, iter(order), workers, processes, max(getattr(dataset, "max_queue_size", 10), 1))


def _made_ahead(dataset: Any, order: Iterator[int], workers: int, processes: bool, size: int) -> Iterator[Any]:
    pool: Any = Processes(dataset, workers) if processes else Threads(dataset, workers)
    due: deque[Future] = deque()
    try:
        while True:
            due.extend(pool.begin(int(i)) for i in itertools.islice(order, size - len(due)))
            if not due:
                return
            yield due.popleft().result()
    finally:
        pool.stop()


class Threads:
    """Threads that make batches. Nobody waits for the end of a batch that was begun when it is no longer wanted."""

    def __init__(self, dataset: Any, workers: int):
        self._tasks: queue.SimpleQueue[tuple[Future, int] | None] = queue.SimpleQueue()
        self._begun: list[Future] = []
        self.threads = [threading.Thread(target=_work, args=(dataset, self._tasks), name=f"treadle-batches-{i}", daemon=True)
                        for i in range(workers)]
        for thread in self.threads:
            thread.start()
        _open.add(self)

    def begin(self, index: int) -> Future:
        """Have a batch made."""
        future: Future = Future()
        self._begun = [f for f in self._begun if not f.done()] + [future]
        self._tasks.put((future, index))
        return future

    def stop(self) -> None:
        """No more batches are wanted."""
        for future in self._begun:
            future.cancel()
        for _ in self.threads:
            self._tasks.put(None)


# At exit the threads must not be in the middle of a computation while the interpreter is taken down.
_open: weakref.WeakSet[Threads] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    for pool in list(_open):
        pool.stop()
        for thread in pool.threads:
            thread.join(timeout=1.0)


def _work(dataset: Any, tasks: queue.SimpleQueue) -> None:
    while (task := tasks.get()) is not None:
        future, index = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(dataset[index])
            except BaseException as error:
                future.set_exception(error)
        del task, future  # a batch that was handed over is no longer held here


class Processes:
    """The same with processes. They begin anew: copies of this one, with JAX's threads cut off, could hang."""

    def __init__(self, dataset: Any, workers: int):
        self._pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _receive, (dataset,))

    def begin(self, index: int) -> Future:
        """Have a batch made."""
        return self._pool.submit(_made_by_process, index)

    def stop(self) -> None:
        """No more batches are wanted."""
        self._pool.shutdown(wait=False, cancel_futures=True)


_dataset: Any = None  # in a worker process: the data set as it was when the epoch began


def _receive(dataset: Any) -> None:
    global _dataset
    _dataset = dataset


def _made_by_process(index: int) -> Any:
    return _dataset[index]
