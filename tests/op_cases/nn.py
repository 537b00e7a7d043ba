"""Activations, losses, convolution, pooling."""

import numpy as np

from op_cases import Case, integers, normal, uniform
from treadle.ir.ops.activations import (
    elu,
    elu_grad,
    leaky_relu,
    leaky_relu_grad,
    log_softmax,
    relu,
    relu6,
    relu6_grad,
    relu_grad,
    softmax,
)
from treadle.ir.ops.convolution import convolution, convolution_filter_gradient, convolution_input_gradient
from treadle.ir.ops.losses import sigmoid_cross_entropy_with_logits, sparse_softmax_cross_entropy_with_logits
from treadle.ir.ops.pooling import (
    avg_pool_gradient,
    avg_pool_op,
    max_pool_argmax,
    max_pool_gradient,
    max_pool_op,
    max_pool_select,
)


def _log_softmax(x, axis=-1):
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def _sparse(labels, logits):
    return -np.take_along_axis(_log_softmax(logits), labels[..., None], -1)[..., 0]


def _sigmoid(z, x):
    x, z = x.astype(np.float64), z.astype(np.float64)
    return (np.maximum(x, 0) - x * z + np.log1p(np.exp(-np.abs(x)))).astype(np.float32)


# --- windows, one by one --------------------------------------------------------------------------------------------


def _layout(x, channels_first):
    """The image with channels last, whatever it was."""
    return np.moveaxis(x, 1, -1) if channels_first else x


def _pads(sizes, window, strides, padding, dilations):
    if padding == "VALID":
        return [(0, 0)] * len(sizes)
    if padding != "SAME":
        return padding
    found = []
    for n, w, s, d in zip(sizes, window, strides, dilations):
        total = max((-(-n // s) - 1) * s + (w - 1) * d + 1 - n, 0)
        found.append((total // 2, total - total // 2))
    return found


def _windows(x, window, strides, padding, dilations, fill):
    """Yields (place, window's elements [batch, *window, channels]) for an image with channels last."""
    sizes = x.shape[1:-1]
    pads = _pads(sizes, window, strides, padding, dilations)
    padded = np.pad(x.astype(np.float64), [(0, 0), *pads, (0, 0)], constant_values=fill)
    outs = [(n + a + b - (w - 1) * d - 1) // s + 1 for n, (a, b), w, s, d in zip(sizes, pads, window, strides, dilations)]
    for place in np.ndindex(*outs):
        cut = tuple(slice(p * s, p * s + (w - 1) * d + 1, d) for p, s, w, d in zip(place, strides, window, dilations))
        yield place, padded[(slice(None), *cut, slice(None))], outs


def _convolved(x, w, strides, padding, dilations, groups, channels_first):
    x = _layout(x, channels_first)
    result = None
    for place, seen, outs in _windows(x, w.shape[:-2], strides, padding, dilations, 0.0):
        if result is None:
            result = np.zeros((x.shape[0], *outs, w.shape[-1]))
        for group in range(groups):
            i, o = w.shape[-2], w.shape[-1] // groups
            axes = list(range(1, seen.ndim)), list(range(w.ndim - 1))
            result[(slice(None), *place, slice(group * o, group * o + o))] = np.tensordot(
                seen[..., group * i:group * i + i], w[..., group * o:group * o + o].astype(np.float64), axes)
    return np.moveaxis(result, -1, 1) if channels_first else result


def _pooled(function, fill):
    def reference(x, window, strides, padding, dilations, channels_first):
        x = _layout(x, channels_first)
        result = None
        for place, seen, outs in _windows(x, window, strides, padding, dilations, fill):
            if result is None:
                result = np.zeros((x.shape[0], *outs, x.shape[-1]))
            result[(slice(None), *place)] = function(seen, tuple(range(1, seen.ndim - 1)))
        return np.moveaxis(result, -1, 1) if channels_first else result
    return reference


def _how(strides, padding="SAME", dilations=None, channels_first=False, **more):
    return {"strides": strides, "padding": padding, "dilations": dilations or (1,) * len(strides),
            "channels_first": channels_first, **more}


def _shapes(x, w, how):
    """The output's shape, for the transposes."""
    return _convolved(x, w, **how).shape


def _convolutions():
    rows = [
        ((1, 4, 3, 2), (2, 2, 2, 3), _how((1, 1), groups=1)),
        ((1, 5, 4, 2), (3, 2, 2, 2), _how((2, 1), "VALID", groups=1)),
        ((2, 5, 1), (2, 1, 2), _how((1,), "SAME", (2,), groups=1)),
        ((1, 3, 4, 4), (2, 2, 2, 4), _how((1, 1), groups=2)),
        ((1, 4, 4, 3), (2, 2, 1, 6), _how((2, 2), groups=3)),
        ((1, 2, 4, 4), (3, 3, 2, 2), _how((2, 2), channels_first=True, groups=1)),
        ((1, 4, 4, 1), (3, 3, 1, 1), _how((2, 2), ((1, 2), (0, 1)), groups=1)),
        ((1, 3, 2, 3, 1), (2, 2, 2, 1, 2), _how((1, 1, 1), groups=1)),
        ((1, 6, 1), (2, 1, 1), _how((3,), "VALID", groups=1)),  # elements that no window sees
        ((1, 3, 2, 1), (2, 1, 1, 2), _how((1, 2), ((4, 1), (3, 2)), groups=1)),  # windows that see no element
        ((1, 1, 2, 1), (1, 2, 1, 2), _how((5, 1), ((4, 0), (0, 0)), groups=1)),
    ]
    for shape, filters, how in rows:
        x, w = normal(*shape), normal(*filters)
        out = normal(*_shapes(x, w, how))
        yield Case(convolution, x, w, attributes=how, reference=_convolved, tolerance=1e-5)
        yield Case(convolution_input_gradient, w, out, attributes={"shape": shape, **how}, symbolic=False)
        yield Case(convolution_filter_gradient, x, out, attributes={"shape": filters, **how}, symbolic=False)


def _distinct(*shape, dtype=np.float32):
    """Numbers that differ by more than a finite difference's step."""
    n = int(np.prod(shape))
    return (np.random.default_rng(3).permutation(n).reshape(shape) - n / 2).astype(dtype) / 8


def _pools():
    rows = [
        ((1, 4, 4, 2), (2, 2), _how((2, 2), "VALID")),
        ((1, 5, 4, 1), (3, 2), _how((2, 1))),
        ((1, 5, 5, 1), (3, 3), _how((1, 1))),
        ((1, 2, 4, 5), (2, 3), _how((2, 2), channels_first=True)),
        ((2, 7, 1), (2,), _how((1,), "VALID", (3,))),
        ((1, 5, 1), (2,), _how((3,), "VALID")),
        ((1, 6, 1), (3,), _how((2,), ((1, 2),))),
        ((1, 3, 3, 3, 1), (2, 2, 2), _how((1, 2, 1))),
        ((1, 20, 11, 1), (5, 2), _how((11, 6), dilations=(2, 3))),  # large steps, windows apart
    ]
    for shape, window, how in rows:
        how = {"window": window, **how}
        x = _distinct(*shape)
        mean = _pooled(np.nanmean, np.nan)
        out = normal(*mean(x, **how).shape)
        yield Case(max_pool_op, x, attributes=how, reference=_pooled(np.max, -np.inf))
        yield Case(avg_pool_op, x, attributes=how, reference=mean)
        yield Case(max_pool_gradient, x, out, attributes=how, second=False, gradient=False, symbolic=False)
        yield Case(max_pool_select, x, x, attributes=how, reference=lambda x, v, **how: _pooled(np.max, -np.inf)(x, **how),
                   gradient=False)
        yield Case(avg_pool_gradient, out, attributes={"shape": shape, **how}, symbolic=False)


def _argmax(x, include_batch, dtype, **how):
    places = np.arange(np.prod(x.shape if include_batch else x.shape[1:])).reshape(
        x.shape if include_batch else (1, *x.shape[1:]))
    places = np.broadcast_to(places, x.shape)
    place_of = dict(zip(x.ravel().tolist(), places.ravel().tolist()))  # the elements differ from each other
    return np.vectorize(place_of.get)(_pooled(np.max, -np.inf)(x, **how)).astype(dtype)


CASES = [
    Case(relu, normal(3, 4), reference=lambda x: np.maximum(x, 0)),
    Case(relu, integers(3, 4, low=-3), reference=lambda x: np.maximum(x, 0)),
    Case(relu_grad, normal(3, 4), normal(3, 4), reference=lambda g, x: np.where(x > 0, g, 0)),
    Case(relu6, normal(3, 4) * 5, reference=lambda x: np.clip(x, 0, 6)),
    Case(relu6_grad, normal(3, 4), normal(3, 4) * 5, reference=lambda g, x: np.where((x > 0) & (x < 6), g, 0)),
    Case(leaky_relu, normal(3, 4), attributes={"alpha": 0.3}, reference=lambda x, alpha: np.where(x > 0, x, x * alpha)),
    Case(leaky_relu_grad, normal(3, 4), normal(3, 4), attributes={"alpha": 0.3},
         reference=lambda g, x, alpha: np.where(x > 0, g, g * alpha)),
    Case(elu, normal(3, 4), reference=lambda x: np.where(x > 0, x, np.expm1(x))),
    Case(elu_grad, normal(3, 4), normal(3, 4), reference=lambda g, y: np.where(y > 0, g, g * (y + 1))),
    *[Case(softmax, normal(3, 4), attributes={"axis": axis},
           reference=lambda x, axis: np.exp(_log_softmax(x, -1 if axis is None else axis))) for axis in (None, 0, -1)],
    *[Case(log_softmax, normal(3, 4), attributes={"axis": axis},
           reference=lambda x, axis: _log_softmax(x, -1 if axis is None else axis)) for axis in (None, 0, -1)],
    Case(softmax, normal(2, 3) + np.float32(1e4), attributes={"axis": -1}, gradient=False,
         reference=lambda x, axis: np.exp(_log_softmax(x))),
    Case(sparse_softmax_cross_entropy_with_logits, integers(3, high=4), normal(3, 4), reference=_sparse),
    Case(sparse_softmax_cross_entropy_with_logits, integers(2, 3, high=4, dtype=np.int64), normal(2, 3, 4),
         reference=_sparse),
    Case(sigmoid_cross_entropy_with_logits, uniform(3, 4), normal(3, 4), reference=_sigmoid),
    Case(sigmoid_cross_entropy_with_logits, np.float32([0, 1, 0, 1]), np.float32([-90, 90, 90, -90]), reference=_sigmoid,
         gradient=False),
    *_convolutions(),
    *_pools(),
    *[Case(max_pool_argmax, _distinct(2, 4, 5, 2), reference=_argmax,
           attributes={"include_batch": on, "dtype": np.int64, "window": (2, 2), **_how((2, 1))})
      for on in (False, True)],
]
