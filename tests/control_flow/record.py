"""Record what TensorFlow gives for the table, eagerly: `path/to/python/with/tensorflow tests/control_flow/record.py`.

`tensorflow.json` beside this file holds, for each program and call, the dtypes and values of the result, or the error.
"""

from __future__ import annotations

import json
import pathlib
import sys

FILE = pathlib.Path(__file__).with_name("tensorflow.json")


def recorded(tf, f, arguments) -> list | str:
    """The leaves of a result as [dtype, value], or the name of the exception."""
    try:
        result = f(*arguments)
    except Exception as error:
        return type(error).__name__
    leaves = [x.numpy() if isinstance(x, (tf.Tensor, tf.Variable)) else x for x in tf.nest.flatten(result)]
    return [[str(getattr(x, "dtype", type(x).__name__)), x.tolist() if hasattr(x, "tolist") else x] for x in leaves]


def main() -> None:
    import tensorflow as tf
    sys.modules["treadle"] = tf
    tf.errors.StagingError = TypeError
    sys.path.insert(0, str(FILE.parent.parent))
    from control_flow import PROGRAMS
    tf.config.run_functions_eagerly(True)
    found = {}
    for name, program in PROGRAMS.items():
        if program.oracle == "tf":
            f, _ = program.fresh()
            found[name] = [recorded(tf, f, a) for a in program.arguments()]
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in found.items())
    FILE.write_text(f"{{\n{rows}\n}}\n")


if __name__ == "__main__":
    main()
