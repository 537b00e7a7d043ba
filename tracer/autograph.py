"""The public names of the front end: what is converted, what a conversion looks like, and hints for loops."""

from __future__ import annotations

import enum
import functools
import logging
import sys
import types
from collections.abc import Callable
from typing import Any

from treadle.ir import errors
from treadle.ir.interpreter import state
from treadle.runtime import nest
from treadle.runtime.interpreter import current
from treadle.tracer.frontend import (
    convert,
    python_functions,  # noqa: F401  calls of Python's own functions are replaced from now on
)
from treadle.tracer.frontend.operators import converted
from treadle.tracer.frontend.source import NoSource
from treadle.tracer.functional.common import described
from treadle.tracer.staging.block import Block


class Feature(enum.Enum):
    """Optional features of conversion in TensorFlow. Accepted for compatibility: here all of them are always on."""

    ALL = "ALL"
    AUTO_CONTROL_DEPS = "AUTO_CONTROL_DEPS"
    ASSERT_STATEMENTS = "ASSERT_STATEMENTS"
    BUILTIN_FUNCTIONS = "BUILTIN_FUNCTIONS"
    EQUALITY_OPERATORS = "EQUALITY_OPERATORS"
    LISTS = "LISTS"
    NAME_SCOPES = "NAME_SCOPES"


def do_not_convert(func: Callable | None = None) -> Callable:
    """Decorate a function whose Python control flow must stay Python's in compiled functions, with what it calls.

    >>> import treadle as tf
    >>> @tf.autograph.experimental.do_not_convert
    ... def twice_if(x, flag):
    ...     return x * 2 if flag else x
    >>> tf.function(lambda x: twice_if(x, True))(tf.constant(3)).numpy()
    np.int32(6)
    """
    if func is None:
        return do_not_convert
    as_written = convert.as_written(func)

    @functools.wraps(func)
    def plain(*args: Any, **kwargs: Any) -> Any:
        return as_written(*args, **kwargs)

    plain._treadle_do_not_convert = True  # type: ignore[attr-defined]
    return plain


def tf_convert(f: Callable, ctx: Any = None) -> Callable:
    """`f` as a library should call it: inside a trace with its control flow staged, eagerly as it is."""
    return current().converted(f)


def set_loop_options(parallel_iterations: Any = None, swap_memory: Any = None, maximum_iterations: Any = None,
                     shape_invariants: Any = None) -> None:
    """Inside a loop: hints for how it is compiled.

    Args:
        maximum_iterations: in a compiled function, a loop that is staged ends after so many iterations at the latest. An
            unrolled loop, and eager execution, take no notice, as in TensorFlow.
        parallel_iterations, swap_memory, shape_invariants: accepted for compatibility; a `for` loop of known length whose
            shapes change is unrolled without being told.

    >>> import treadle as tf
    >>> @tf.function
    ... def count(n):
    ...     i = 0
    ...     while i < n:
    ...         tf.autograph.experimental.set_loop_options(maximum_iterations=3)
    ...         i += 1
    ...     return i
    >>> count(tf.constant(100)).numpy()
    np.int32(3)
    """
    if maximum_iterations is None:
        return
    trace = state.interpreter
    while isinstance(trace, Block) and trace.counter is None:
        trace = trace.outer
    if isinstance(trace, Block):
        trace.limit = maximum_iterations


def _function_of(entity: Any) -> types.FunctionType:
    """The Python function in a function, method, partial, or callable object."""
    entity = getattr(entity, "python_function", entity)
    if isinstance(entity, functools.partial):
        return _function_of(entity.func)
    if isinstance(entity, types.MethodType):
        return entity.__func__  # type: ignore[return-value]
    if isinstance(entity, types.FunctionType):
        return entity
    call = next((k.__dict__["__call__"] for k in type(entity).__mro__ if "__call__" in k.__dict__), None)
    if not isinstance(entity, type) and isinstance(call, types.FunctionType):
        return call
    raise errors.DtypeError(f"Only Python functions, methods and callable objects can be converted. Received: {entity!r}.")


def to_code(entity: Any, recursive: bool = True, experimental_optional_features: Any = None) -> str:
    """The converted function as source text. `_treadle` stands for the operators that decide what is staged.

    Args:
        entity: a function, a `tf.function`, a method.
        recursive, experimental_optional_features: accepted for compatibility; calls are always converted when they happen.

    Raises:
        StagingError: it cannot be converted; the text says why.

    >>> import treadle as tf
    >>> def f(x):
    ...     if x > 0:
    ...         x = x * 2
    ...     return x
    >>> "_treadle.if_" in tf.autograph.to_code(f)
    True
    """
    function = _function_of(entity)
    try:
        _require_convertible(function)
        return convert.converted_text(function)
    except NoSource as error:
        raise _refused(function, str(error)) from None


def to_graph(entity: Any, recursive: bool = True, experimental_optional_features: Any = None) -> Callable:
    """The converted function: Python's own meaning eagerly, staged control flow in a compiled function.

    Arguments and errors are those of `to_code`.

    >>> import treadle as tf
    >>> def f(x):
    ...     return x * 2 if x > 0 else x
    >>> tf.autograph.to_graph(f)(3)
    6
    """
    _require_convertible(_function_of(entity))
    return converted(getattr(entity, "python_function", entity))


def _require_convertible(function: types.FunctionType) -> None:
    conversion = convert.conversion_of(function)
    if conversion.code is None:
        raise _refused(function, conversion.reason)


def _refused(function: types.FunctionType, reason: str) -> errors.StagingError:
    return errors.StagingError(f"`{function.__qualname__}` cannot be converted because {reason}. "
                               "Write it as a `def` in a source file.")


def set_verbosity(level: int, alsologtostdout: bool = False) -> None:
    """Log conversions (level 1 and above) to the logger "treadle.autograph", or to the standard output too.

    >>> import treadle as tf
    >>> tf.autograph.set_verbosity(0)
    """
    convert.LOG.setLevel(logging.INFO if level > 0 else logging.NOTSET)
    for handler in [h for h in convert.LOG.handlers if isinstance(h, _ToStdout)]:
        convert.LOG.removeHandler(handler)
    if alsologtostdout:
        convert.LOG.addHandler(_ToStdout())


class _ToStdout(logging.Handler):
    """Writes to whatever the standard output is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stdout.write(self.format(record) + "\n")


def trace(*args: Any) -> None:
    """Print the arguments while tracing, once for each trace: tensors as their types.

    >>> import treadle as tf
    >>> tf.autograph.trace("x is", tf.constant([1.0, 2.0]))
    x is f32[2]
    """
    sys.stdout.write(" ".join(_shown(a) for a in args) + "\n")


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return described(value) if nest.is_nested(value) or hasattr(value, "type") else repr(value)

