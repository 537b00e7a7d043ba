"""`keras.ops`: NumPy-like functions of tensors, and those that neural networks are made of."""

from treadle.keras.ops import image, linalg, nn, numpy
from treadle.keras.ops.linalg import *  # noqa: F403
from treadle.keras.ops.nn import *  # noqa: F403
from treadle.keras.ops.numpy import *  # noqa: F403
from treadle.keras_like.core.registry import publish
from treadle.keras_like.ops.control import (
    associative_scan,
    cond,
    custom_gradient,
    fori_loop,
    map,
    scan,
    switch,
    vectorized_map,
    while_loop,
)
from treadle.keras_like.ops.core import (
    cast,
    convert_to_numpy,
    convert_to_tensor,
    dtype,
    is_tensor,
    saturate_cast,
    scatter,
    scatter_update,
    shape,
    slice,
    slice_update,
    stop_gradient,
    unstack,
)
from treadle.keras_like.ops.einops import rearrange
from treadle.keras_like.ops.math import (
    cdist,
    erf,
    erfc,
    erfinv,
    extract_sequences,
    in_top_k,
    logdet,
    logsumexp,
    rsqrt,
    segment_max,
    segment_min,
    segment_prod,
    segment_sum,
    top_k,
    view_as_complex,
    view_as_real,
)
from treadle.keras_like.ops.spectral import fft, fft2, ifft2, irfft, istft, rfft, stft

__all__ = linalg.__all__ + nn.__all__ + numpy.__all__ + [
    "associative_scan", "cast", "cdist", "cond", "convert_to_numpy", "convert_to_tensor", "custom_gradient", "dtype",
    "erf", "erfc", "erfinv", "extract_sequences", "fft", "fft2", "fori_loop", "ifft2", "in_top_k", "irfft",
    "is_tensor", "istft", "logdet", "logsumexp", "map", "rearrange", "rfft", "rsqrt", "saturate_cast", "scan",
    "scatter", "scatter_update", "segment_max", "segment_min", "segment_prod", "segment_sum", "shape", "slice",
    "slice_update", "stft", "stop_gradient", "switch", "top_k", "unstack", "vectorized_map", "view_as_complex",
    "view_as_real", "while_loop", "image", "linalg", "nn", "numpy",
]

publish(__name__)
