"""Functions that give something else at each call, or read the world outside: traced, they are called once."""

from __future__ import annotations

import datetime
import os
import random
import secrets
import time
import uuid
from typing import Any

import numpy as np

_CLOCKS = (time.time, time.time_ns, time.perf_counter, time.perf_counter_ns, time.monotonic, time.monotonic_ns,
           time.process_time, time.process_time_ns, time.thread_time, time.localtime, time.gmtime, time.ctime,
           datetime.datetime.now, datetime.datetime.utcnow, datetime.datetime.today, datetime.date.today)
_RANDOM = (os.urandom, uuid.uuid1, uuid.uuid4, secrets.token_bytes, secrets.token_hex, secrets.token_urlsafe,
           secrets.randbelow, secrets.randbits, secrets.choice)
_GENERATORS = (random.Random, np.random.RandomState, np.random.Generator)
_GLOBAL_GENERATORS = (random.random.__self__, np.random.uniform.__self__)  # type: ignore[attr-defined]
_CURE = {
    **dict.fromkeys(_CLOCKS, "Measure outside and pass the time as an argument, or use `tf.timestamp`."),
    **dict.fromkeys(_RANDOM, "Use `tf.random`, or pass the value as an argument."),
    input: "Ask outside and pass the answer as an argument.",
    open: "Read the file outside and pass what it holds as an argument.",
}


def cure(function: Any, guards: Any) -> str | None:
    """What to do instead of calling the function while tracing; None for all but impure functions."""
    try:
        found = _CURE.get(function)
    except TypeError:
        return None
    if found is not None:
        return found
    owner = getattr(function, "__self__", None)
    if isinstance(owner, _GENERATORS) and (any(owner is g for g in _GLOBAL_GENERATORS) or guards.is_from_outside(owner)):
        return "Use `tf.random`, or draw outside and pass the value as an argument."
    return None


def environment_reader(function: Any) -> bool:
    """True for `os.getenv` and `os.environ.get`."""
    return function is os.getenv or getattr(function, "__self__", None) is os.environ and function.__name__ == "get"
