"""Recurrent networks over a whole sequence."""

import numpy as np

from op_cases import Case, normal, uniform
from treadle.ir.ops.recurrent import lstm, lstm_gradient


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _lstm(x, w, h, c):
    every = np.zeros((len(x), *h.shape), h.dtype)
    for t, row in enumerate(x):
        i, f, g, o = np.split(row + h @ w, 4, axis=1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = every[t] = _sigmoid(o) * np.tanh(c)
    return every, h, c


def _lstm_gradient(g, gh, gc, w, c, carries, gates):
    found = np.zeros_like(gates)
    for t in reversed(range(len(g))):
        i, f, a, o = np.split(gates[t], 4, axis=1)
        before, squashed, gh = carries[t - 1] if t else c, np.tanh(carries[t]), gh + g[t]
        gc = gc + gh * o * (1 - squashed ** 2)
        found[t] = np.concatenate([gc * a * i * (1 - i), gc * before * f * (1 - f), gc * i * (1 - a ** 2),
                                   gh * squashed * o * (1 - o)], axis=1)
        gh, gc = found[t] @ w.T, gc * f
    return found, gh, gc


def _forward(time, batch, units, dtype=np.float32):
    return [normal(*shape, dtype=dtype) for shape in (
        (time, batch, 4 * units), (units, 4 * units), (batch, units), (batch, units))]


def _backward(time, batch, units):
    states = [normal(*shape) for shape in ((time, batch, units), (batch, units), (batch, units), (units, 4 * units),
                                           (batch, units), (time, batch, units))]
    return [*states, uniform(time, batch, 4 * units)]


CASES = [
    *(Case(lstm, *_forward(*sizes), reference=_lstm) for sizes in ((3, 2, 2), (1, 1, 3), (2, 3, 1))),
    Case(lstm, *_forward(2, 2, 2, np.float64), reference=_lstm),
    *(Case(lstm, *_forward(*sizes), reference=_lstm, symbolic=False) for sizes in ((0, 2, 2), (2, 0, 2))),
    *(Case(lstm_gradient, *_backward(*sizes), reference=_lstm_gradient) for sizes in ((3, 2, 2), (1, 1, 2))),
]
