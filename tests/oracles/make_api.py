"""Record what real TensorFlow gives for the cases of `api_cases.py`: python tests/oracles/make_api.py (needs tensorflow)."""

import json
from pathlib import Path

import api_cases
import numpy as np
import tensorflow as tf


def number(value):
    if isinstance(value, (np.bool_, bool, np.integer)):
        return int(value)
    if np.isfinite(value) and abs(value) < 1e15 and float(value) == int(value) and str(value)[0] != "-":
        return int(value)
    return float(f"{float(value):.7g}")


def listed(leaf):
    if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biufc":
        flat = leaf.ravel()
        flat = np.stack([flat.real, flat.imag], 1).ravel() if leaf.dtype.kind == "c" else flat
        return [leaf.dtype.name, list(leaf.shape), [number(v) for v in flat]]
    return leaf if not isinstance(leaf, np.ndarray) else repr(leaf)


if __name__ == "__main__":
    recorded = {}
    for key in api_cases.CASES:
        try:
            recorded[key] = [listed(leaf) for leaf in api_cases.plain(api_cases.run(tf, key))]
        except Exception as error:
            recorded[key] = "error"
            print(key, type(error).__name__, str(error).splitlines()[0][:110])
    lines = ",\n".join(json.dumps(k) + ":" + json.dumps(v, separators=(",", ":")) for k, v in recorded.items())
    Path(__file__).with_name("api.json").write_text("{" + lines + "}\n")
