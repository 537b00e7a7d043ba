"""Lambdas as Python bytecode, as Keras' files hold them. Loading one can run any code: only what is trusted may get here."""

from __future__ import annotations

import base64
import binascii
import marshal
import types
from typing import Any

import numpy as np

import treadle as tf


def dump(function: Any) -> list[Any]:
    """[code, defaults, values of the closure] of a function; the code as text."""
    code = base64.encodebytes(marshal.dumps(function.__code__)).decode("ascii")
    closure = [cell.cell_contents for cell in function.__closure__] if function.__closure__ else None
    return [code, list(function.__defaults__) if function.__defaults__ else None, closure]


def load(dumped: Any) -> Any:
    """The function that was dumped, by the same version of Python. The names it may use are `tf`, `keras` and `np`.

    Raises InvalidArgumentError for what is no bytecode of this Python.
    """
    try:
        text, defaults, closure = dumped if isinstance(dumped, (list, tuple)) else (dumped, None, None)
        code = marshal.loads(base64.decodebytes(text.encode("ascii")))
        if not isinstance(code, types.CodeType):
            raise ValueError("it is no code")
        cells = tuple(types.CellType(value) for value in closure) if closure else None
        known = {"tf": tf, "keras": tf.keras, "np": np, "__builtins__": __builtins__}
        return types.FunctionType(code, known, code.co_name, tuple(defaults) if defaults else None, cells)
    except (ValueError, TypeError, EOFError, AttributeError, binascii.Error) as error:
        raise tf.errors.InvalidArgumentError(
            f"This is no lambda that this version of Python can read: {error}. Save the model with a named function in place "
            "of the lambda.") from None
