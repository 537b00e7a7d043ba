"""Where the code of this thread runs: under which strategy, and whether in a replica."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _State(threading.local):
    strategy: Any = None  # None: the default one
    replica: Any = None   # the ReplicaContext, inside `Strategy.run`
    crosses = False       # in a strategy's scope, outside its replicas


state = _State()


@contextmanager
def entered(strategy: Any, replica: Any, crosses: bool) -> Iterator[None]:
    """Code runs under `strategy`: in `replica`, or outside the replicas."""
    before = state.strategy, state.replica, state.crosses
    state.strategy, state.replica, state.crosses = strategy, replica, crosses
    try:
        yield
    finally:
        state.strategy, state.replica, state.crosses = before


def key() -> Any:
    """What a trace depends on: it is another one where replicas add up what each computes."""
    return None if state.replica is None or state.replica.num_replicas_in_sync == 1 else state.replica.num_replicas_in_sync
