"""Elements made by a background thread, a few ahead of the reader."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from treadle.keras_like.data.node import AUTOTUNE, Node, RowBatches, Rows, Unary

_AUTOTUNED = 4


class Channel:
    """A bounded queue between one producer and one consumer that either side can end."""

    def __init__(self, size: int):
        self._items: deque[Any] = deque()
        self._size = size
        self._changed = threading.Condition()
        self._finished = False
        self._closed = False
        self._failure: BaseException | None = None
        _open_channels.add(self)

    def put(self, item: Any) -> bool:
        """Add an item, waiting for room. False if the consumer has gone."""
        with self._changed:
            while len(self._items) >= self._size and not self._closed:
                self._changed.wait()
            self._items.append(item)
            self._changed.notify_all()
            return not self._closed

    def finish(self, failure: BaseException | None = None) -> None:
        """The producer's last word: no more items come. The consumer gets `failure` after the items."""
        with self._changed:
            self._finished, self._failure = True, failure
            self._changed.notify_all()

    def close(self) -> None:
        """The consumer's last word: no more items are wanted."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()

    def drain(self) -> Iterator[Any]:
        """The items until the producer has finished."""
        while True:
            with self._changed:
                while not self._items and not self._finished:
                    self._changed.wait()
                if not self._items:
                    break
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
        if self._failure is not None:
            raise self._failure


# At exit the threads must not be in the middle of a computation while the interpreter is taken down.
_open_channels: weakref.WeakSet[Channel] = weakref.WeakSet()
_running: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    for channel in list(_open_channels):
        channel.close()
    for thread in list(_running):
        thread.join(timeout=1.0)


def relayed(elements: Callable[[], Iterator[Any]], size: int) -> Iterator[Any]:
    """The elements, made in a thread that ends when this iterator is used up or dropped."""
    channel = Channel(size)
    thread = threading.Thread(target=_produce, args=(channel, elements), name="treadle-prefetch", daemon=True)
    _running.add(thread)
    thread.start()
    try:
        yield from channel.drain()
    finally:
        channel.close()


def _produce(channel: Channel, elements: Callable[[], Iterator[Any]]) -> None:
    # The thread holds no reference to the consumer, so that dropping the consumer ends it.
    try:
        for element in elements():
            if not channel.put(element):
                return
    except BaseException as error:
        channel.finish(error)
    else:
        channel.finish()


_BURST = 64
_BURST_SECONDS = 1e-3


def relayed_in_bursts(elements: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """The elements, made in a thread and handed over many at a time where they come quickly."""
    return chain.from_iterable(relayed(lambda: _bursts(elements()), 2))


def _bursts(elements: Iterator[Any]) -> Iterator[list[Any]]:
    burst: list[Any] = []
    start = time.perf_counter()
    try:
        for element in elements:
            burst.append(element)
            if len(burst) == _BURST or time.perf_counter() - start > _BURST_SECONDS:
                yield burst
                burst = []
                start = time.perf_counter()
    except Exception:  # what came before it is handed over first
        yield burst
        raise
    yield burst


class Prefetch(Unary):
    """The same elements, made ahead in a background thread; in place where making them costs less than a thread."""

    def __init__(self, source: Node, size: int):
        super().__init__(source)
        self._size = _AUTOTUNED if size == AUTOTUNE else size

    def runs(self) -> Any:
        return self.source.runs()

    def elements(self) -> Iterator[Any]:
        if self._size == 0 or self.source.is_cheap():
            return self.source.elements()
        return relayed(self.source.elements, self._size)

    def rows(self) -> Rows | None:
        return self.source.rows()

    def row_batches(self) -> RowBatches | None:
        return self.source.row_batches()

    def is_cheap(self) -> bool:
        return self.source.is_cheap()
