"""Images looked up at other places: coordinates, affine and perspective transforms.

Between pixels a value is interpolated from the four around it ("bilinear") or taken from the nearest one ("nearest").
Beyond the edges, `fill_mode` says what an image a b c d goes on with:

    constant   k k k | a b c d | k k k      k: fill_value
    nearest    a a a | a b c d | d d d
    wrap       b c d | a b c d | a b c
    mirror     d c b | a b c d | c b a
    reflect    c b a | a b c d | d c b
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.images.layout import channels_last, size_of


def _mirror(i: Any, n: Any) -> Any:
    last = tf.convert_to_tensor(n, "int32") - 1
    return tf.abs((i + last) % tf.maximum(2 * last, 1) - last)


FILL_MODES: dict[str, Callable[[Any, Any], Any]] = {  # the place inside that stands for place i of an axis of n
    "constant": lambda i, n: tf.minimum(tf.maximum(i, 0), n - 1),
    "nearest": lambda i, n: tf.minimum(tf.maximum(i, 0), n - 1),
    "wrap": lambda i, n: i % n,
    "mirror": _mirror,
    "reflect": lambda i, n: (_mirror(2 * i + 1, 2 * n + 1) - 1) // 2,
}
INTERPOLATIONS = ("nearest", "bilinear")
_FAR = 1e9  # coordinates are cut off there, so that they are integers of 32 bits


def require_one_of(value: Any, allowed: Sequence[str], name: str) -> str:
    """The value, if it is allowed; else InvalidArgumentError."""
    if value not in allowed:
        raise tf.errors.InvalidArgumentError(
            f"`{name}` is one of {', '.join(map(repr, allowed))}. Received: {name}={value!r}.")
    return value


def _looked_up(x: Any, coordinates: Sequence[Any], batch_dims: int, linear: bool, fill_mode: str, fill_value: Any) -> Any:
    """x [*batch, n1, ..., nk, channels] at k coordinates, each [*batch, *places]: [*batch, *places, channels]."""
    rank, batch = len(coordinates), batch_dims
    sizes = [size_of(x, batch + i) for i in range(rank)]
    total = sizes[0]
    for n in sizes[1:]:
        total = total * n
    flat = tf.reshape(x, [*[size_of(x, i) for i in range(batch)], total, size_of(x, batch + rank)])

    def at(places: Sequence[Any]) -> Any:
        """The values at whole places, each an integer for each axis."""
        index, inside = None, None
        for place, n in zip(places, sizes):
            fixed = FILL_MODES[fill_mode](place, n)
            index = fixed if index is None else index * n + fixed
            if fill_mode == "constant":
                fits = tf.logical_and(place >= 0, place < n)
                inside = fits if inside is None else tf.logical_and(inside, fits)
        found = tf.gather(flat, index, axis=batch, batch_dims=batch)
        return found if inside is None else tf.where(inside[..., None], found, tf.cast(fill_value, x.dtype))

    coordinates = [tf.clip_by_value(tf.cast(c, "float32"), -_FAR, _FAR) for c in coordinates]
    if not linear:
        # Halves are rounded away from 0.
        return at([tf.cast(tf.sign(c) * tf.floor(tf.abs(c) + 0.5), "int32") for c in coordinates])
    below = [tf.floor(c) for c in coordinates]
    parts = [tf.cast(c - low, x.dtype)[..., None] for c, low in zip(coordinates, below)]
    lows = [tf.cast(low, "int32") for low in below]
    total_value: Any = 0
    for corner in itertools.product((0, 1), repeat=rank):
        value = at([low + step for low, step in zip(lows, corner)])
        for step, part in zip(corner, parts):
            value = value * (part if step else 1 - part)
        total_value = value if isinstance(total_value, int) else total_value + value
    return total_value


def looked_up(x: Any, coordinates: Sequence[Any], batch_dims: int, interpolation: str, fill_mode: str,
              fill_value: Any) -> Any:
    """`_looked_up` for every dtype: integers between others are rounded."""
    require_one_of(interpolation, INTERPOLATIONS, "interpolation")
    require_one_of(fill_mode, tuple(FILL_MODES), "fill_mode")
    linear = interpolation == "bilinear"
    if not linear or x.dtype.is_floating:
        return _looked_up(x, coordinates, batch_dims, linear, fill_mode, fill_value)
    found = _looked_up(tf.cast(x, "float32"), coordinates, batch_dims, linear, fill_mode, fill_value)
    return tf.cast(tf.round(found), x.dtype)


def map_coordinates(inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: Any = 0.0) -> Any:
    """`inputs` at `coordinates`: one row of coordinates [...] for each axis of `inputs` gives values [...].

    Args:
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode, fill_value: what is beyond the edges; see `affine_transform`.

    >>> import treadle as tf
    >>> from treadle.keras_like.images.sampling import map_coordinates
    >>> map_coordinates([1.0, 2.0, 4.0], [[0.5, 2.0]], order=1).numpy().tolist()
    [1.5, 4.0]
    """
    x, places = tf.convert_to_tensor(inputs), tf.convert_to_tensor(coordinates)
    if order not in (0, 1):
        raise tf.errors.InvalidArgumentError(f"`order` is 0 or 1. Received: order={order!r}.")
    rank = x.shape.rank or 0
    if (places.shape.rank or 0) < 2 or places.shape[0] != rank:
        raise tf.errors.InvalidArgumentError(
            f"`coordinates` has a row for each axis of `inputs`. Received: coordinates of shape {tuple(places.shape)} for "
            f"inputs of shape {tuple(x.shape)}.")
    rows = [places[i] for i in range(rank)]
    return looked_up(x[..., None], rows, 0, INTERPOLATIONS[order], fill_mode, fill_value)[..., 0]


def affine_transform(images: Any, transform: Any, interpolation: str = "bilinear", fill_mode: str = "constant",
                     fill_value: Any = 0, data_format: str | None = None) -> Any:
    """Images whose pixel (x, y) is the input's at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1.

    Args:
        images: one image or a batch.
        transform: [a0, a1, a2, b0, b1, b2, c0, c1], one for all or one for each image.
        interpolation: "bilinear" (default) or "nearest".
        fill_mode: what is beyond the edges: "constant" (default, `fill_value`), "nearest" (the edge's pixel), "wrap"
            (the other side), "mirror" and "reflect" (the image backwards, without and with the edge).
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle.keras_like.images.sampling import affine_transform
    >>> image = tf.constant([[[1.0], [2.0], [3.0]]])
    >>> affine_transform(image, [1.0, 0, 1, 0, 1, 0, 0, 0]).numpy().ravel().tolist()  # one pixel to the left
    [2.0, 3.0, 0.0]
    """
    t = tf.convert_to_tensor(transform)
    t = tf.cast(t[None] if t.shape.rank == 1 else t, "float32")
    if t.shape.rank != 2 or t.shape[1] != 8:
        raise tf.errors.InvalidArgumentError(
            f"`transform` has 8 numbers, or 8 for each image. Received: shape {tuple(t.shape)}.")
    return channels_last(lambda x: _projected(x, t, interpolation, fill_mode, fill_value), images, data_format)


def _projected(x: Any, t: Any, interpolation: str, fill_mode: str, fill_value: Any) -> Any:
    batch, height, width = (size_of(x, i) for i in range(3))
    column, row = tf.cast(tf.range(width), "float32")[None, None, :], tf.cast(tf.range(height), "float32")[None, :, None]
    a0, a1, a2, b0, b1, b2, c0, c1 = (t[:, i][:, None, None] for i in range(8))
    k = c0 * column + c1 * row + 1
    places = [tf.broadcast_to((b0 * column + b1 * row + b2) / k, [batch, height, width]),
              tf.broadcast_to((a0 * column + a1 * row + a2) / k, [batch, height, width])]
    return looked_up(x, places, 1, interpolation, fill_mode, fill_value)


def homography(start_points: Any, end_points: Any) -> Any:
    """The transforms, [batch, 8], that take four `end_points` [batch, 4, 2] of (x, y) to four `start_points`."""
    (u, v), (x, y) = ((p[..., 0], p[..., 1]) for p in (start_points, end_points))
    one, zero = tf.ones_like(x), tf.zeros_like(x)
    of_x = tf.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=-1)
    of_y = tf.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=-1)
    return tf.linalg.solve(tf.concat([of_x, of_y], axis=1), tf.concat([u, v], axis=-1)[..., None])[..., 0]


def perspective_transform(images: Any, start_points: Any, end_points: Any, interpolation: str = "bilinear",
                          fill_value: Any = 0, data_format: str | None = None) -> Any:
    """Images pulled so that the four `start_points` (x, y) come to lie on the four `end_points`.

    Both are [4, 2], or [batch, 4, 2] with points for each image. Other arguments as for `affine_transform`; beyond the
    edges is `fill_value`.
    """
    start, end = (tf.cast(tf.convert_to_tensor(p), "float32") for p in (start_points, end_points))
    if start.shape.rank not in (2, 3) or tuple(start.shape)[-2:] != (4, 2) or tuple(start.shape) != tuple(end.shape):
        raise tf.errors.InvalidArgumentError(
            "`start_points` and `end_points` have the shape [4, 2], or [batch, 4, 2]. Received: shapes "
            f"{tuple(start.shape)} and {tuple(end.shape)}.")
    transform = homography(*((p[None] if p.shape.rank == 2 else p) for p in (start, end)))
    return affine_transform(images, transform, interpolation, "constant", fill_value, data_format)
