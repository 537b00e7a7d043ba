"""`keras.utils.bounding_boxes`: boxes around objects, [..., 4], in the formats that people use.

    xyxy         left, top, right, bottom             xywh         left, top, width, height
    yxyx         top, left, bottom, right             center_xywh  the middle, width, height
    rel_...      as shares of the image's size        center_yxhw  the middle (y, x), height, width
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon

Columns = tuple[Any, Any, Any, Any]

# From a format's four columns to left, top, right, bottom.
_TO_CORNERS: dict[str, Callable[..., Columns]] = {
    "xyxy": lambda x1, y1, x2, y2: (x1, y1, x2, y2),
    "yxyx": lambda y1, x1, y2, x2: (x1, y1, x2, y2),
    "xywh": lambda x, y, w, h: (x, y, x + w, y + h),
    "center_xywh": lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
    "center_yxhw": lambda y, x, h, w: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
}
_FROM_CORNERS: dict[str, Callable[..., Columns]] = {
    "xyxy": lambda x1, y1, x2, y2: (x1, y1, x2, y2),
    "yxyx": lambda x1, y1, x2, y2: (y1, x1, y2, x2),
    "xywh": lambda x1, y1, x2, y2: (x1, y1, x2 - x1, y2 - y1),
    "center_xywh": lambda x1, y1, x2, y2: (x1 + (x2 - x1) / 2, y1 + (y2 - y1) / 2, x2 - x1, y2 - y1),
    "center_yxhw": lambda x1, y1, x2, y2: (y1 + (y2 - y1) / 2, x1 + (x2 - x1) / 2, y2 - y1, x2 - x1),
}
FORMATS = (*_TO_CORNERS, "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def _columns(boxes: Any) -> Columns:
    return tuple(tf.split(boxes, 4, axis=-1))  # type: ignore[return-value]


def _joined(columns: Sequence[Any]) -> Any:
    return tf.concat(list(columns), axis=-1)


def require_format(name: Any) -> str:
    """The name of a format in lower case, or InvalidArgumentError."""
    if str(name).lower() not in FORMATS:
        raise tf.errors.InvalidArgumentError(
            f"A format of boxes is one of {', '.join(map(repr, FORMATS))}. Received: {name!r}.")
    return str(name).lower()


def convert_format(boxes: Any, source: str, target: str, height: Any = None, width: Any = None,
                   dtype: Any = "float32") -> Any:
    """Boxes in another format.

    Args:
        boxes: [..., 4], or a dict with such "boxes", of which a new dict is made.
        source, target: "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh",
            "rel_center_xywh".
        height, width: of the image, for formats with "rel_".

    >>> import treadle as tf
    >>> from treadle.keras_like.utils.bounding_boxes import convert_format
    >>> convert_format([[16.0, 0.0, 48.0, 32.0]], "xyxy", "rel_xywh", height=32, width=64).numpy().tolist()
    [[0.25, 0.0, 0.5, 1.0]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    source, target = require_format(source), require_format(target)
    boxes = tf.cast(boxes, dtype)
    if not boxes.shape.rank or boxes.shape[-1] != 4:
        raise tf.errors.InvalidArgumentError(f"Boxes have four numbers each, [..., 4]. Received: shape {boxes.shape}.")
    relative = source.startswith("rel_"), target.startswith("rel_")
    if any(relative) and (height is None or width is None):
        raise tf.errors.InvalidArgumentError(
            f"Formats with 'rel_' need the image's `height` and `width`. Received: source={source!r}, target={target!r}, "
            f"height={height}, width={width}.")
    if source == target:
        return boxes
    corners = _TO_CORNERS[source.removeprefix("rel_")](*_columns(boxes))
    if relative[0] != relative[1]:
        w, h = tf.cast(width, dtype), tf.cast(height, dtype)
        corners = tuple(c * s if relative[0] else c / s for c, s in zip(corners, (w, h, w, h)))  # type: ignore[assignment]
    return _joined(_FROM_CORNERS[target.removeprefix("rel_")](*corners))


def _require_corners(bounding_box_format: str, allowed: tuple[str, ...] = ("xyxy",)) -> None:
    if bounding_box_format not in allowed:
        raise tf.errors.UnimplementedError(
            f"`bounding_box_format` can be {' or '.join(map(repr, allowed))} here. Received: {bounding_box_format!r}. Use "
            "`convert_format` first.")


def clip_to_image_size(bounding_boxes: dict[str, Any], height: Any = None, width: Any = None,
                       bounding_box_format: str = "xyxy") -> dict[str, Any]:
    """Boxes cut off at the image's edges; the labels of those with no area left become -1.

    Args:
        bounding_boxes: {"boxes": [..., 4], "labels": [...]}; a new dict is returned.
        bounding_box_format: "xyxy" (default), or "rel_xyxy", which needs no size.
    """
    _require_corners(bounding_box_format, ("xyxy", "rel_xyxy"))
    boxes, labels = bounding_boxes["boxes"], bounding_boxes.get("labels")
    if bounding_box_format == "rel_xyxy":
        height = width = 1
    if height is None or width is None:
        raise tf.errors.InvalidArgumentError("`height` and `width` must be given for the format 'xyxy'. Received: None.")
    x1, y1, x2, y2 = clipped = _clipped(_columns(boxes), height, width)
    result = {**bounding_boxes, "boxes": _joined(clipped)}
    if labels is not None:
        result["labels"] = tf.where(tf.squeeze((x2 - x1) * (y2 - y1), axis=[-1]) > 0, labels, -tf.ones_like(labels))
    return result


def _clipped(columns: Columns, height: Any, width: Any) -> Columns:
    x1, y1, x2, y2 = columns
    w, h = tf.cast(width, x1.dtype), tf.cast(height, x1.dtype)
    return tuple(tf.minimum(tf.maximum(c, 0), limit)  # type: ignore[return-value]
                 for c, limit in ((x1, w), (y1, h), (x2, w), (y2, h)))


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Any:
    """Boxes as they stand in the part of an image of the size (height, width) at (top, left), cut off at its edges."""
    _require_corners(bounding_box_format)
    x1, y1, x2, y2 = _columns(tf.convert_to_tensor(boxes))
    return _joined(_clipped((x1 - left, y1 - top, x2 - left, y2 - top), height, width))


def pad(boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy") -> Any:
    """Boxes as they stand in an image with `top` rows and `left` columns in front of it."""
    _require_corners(bounding_box_format)
    x1, y1, x2, y2 = _columns(tf.convert_to_tensor(boxes))
    return _joined((x1 + left, y1 + top, x2 + left, y2 + top))


def around(boxes: Any, move: Callable[[Any, Any], tuple[Any, Any]]) -> Any:
    """The smallest boxes "xyxy" around the corners of boxes, moved by a function of (x, y), each [batch, n, 4]."""
    x1, y1, x2, y2 = _columns(boxes)
    x, y = move(_joined((x1, x2, x2, x1)), _joined((y1, y1, y2, y2)))
    return tf.stack([tf.reduce_min(x, -1), tf.reduce_min(y, -1), tf.reduce_max(x, -1), tf.reduce_max(y, -1)], axis=-1)


def affine_transform(boxes: Any, angle: Any, translate_x: Any, translate_y: Any, scale: Any, shear_x: Any, shear_y: Any,
                     height: Any, width: Any, center_x: Any = None, center_y: Any = None,
                     bounding_box_format: str = "xyxy") -> Any:
    """The smallest boxes around boxes [batch, n, 4] that were turned, moved, scaled and sheared, as their images were.

    Args:
        angle, shear_x, shear_y: in degrees, [batch].
        translate_x, translate_y: as shares of the size, [batch].
        scale: [batch].
        height, width: of the images.
        center_x, center_y: what stays in place, as shares of the size. Default: the middle.
    """
    _require_corners(bounding_box_format)
    angle = tf.convert_to_tensor(angle, dtype="float32")
    kind, degree = angle.dtype, math.pi / 180
    right, bottom = tf.cast(width, kind) - 1, tf.cast(height, kind) - 1
    cx, cy = ((0.5 if c is None else c) * n for c, n in ((center_x, right), (center_y, bottom)))
    turn, sx, sy = (-tf.convert_to_tensor(v, kind) * degree for v in (angle, shear_x, shear_y))
    from_x = cx - tf.convert_to_tensor(translate_x, kind) * right
    from_y = cy - tf.convert_to_tensor(translate_y, kind) * bottom
    scale = tf.convert_to_tensor(scale, kind)
    a = tf.cos(turn - sy) / tf.cos(sy)
    c = -tf.sin(turn - sy) / tf.cos(sy)
    a0, a1 = (tf.cos(turn) - c * tf.tan(sx)) * scale, -(a * tf.tan(sx) + tf.sin(turn)) * scale
    b0, b1 = -c * scale, a * scale
    a2, b2 = cx - a0 * from_x - a1 * from_y, cy - b0 * from_x - b1 * from_y
    a0, a1, a2, b0, b1, b2 = (v[:, None, None] for v in (a0, a1, a2, b0, b1, b2))
    return around(tf.cast(boxes, kind), lambda x, y: (a0 * x + a1 * y + a2, b0 * x + b1 * y + b2))


# --- boxes relative to others ---------------------------------------------------------------------------------------


def _size(image_shape: Any) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else tuple(image_shape)[:2]  # type: ignore[return-value]


def _variance(variance: Any) -> Any:
    if variance is None:
        return 1.0
    found = tf.convert_to_tensor(variance, "float32")
    if found.shape[-1] != 4:
        raise tf.errors.InvalidArgumentError(f"`variance` has four numbers. Received: variance={variance!r}.")
    return found


def _require_encoding(name: str, value: str) -> None:
    if value not in ("center_xywh", "center_yxhw"):
        raise tf.errors.InvalidArgumentError(f"`{name}` is 'center_xywh' or 'center_yxhw'. Received: {name}={value!r}.")


def encode_box_to_deltas(anchors: Any, boxes: Any, anchor_format: str, box_format: str,
                         encoding_format: str = "center_yxhw", variance: Any = None, image_shape: Any = None) -> Any:
    """Boxes relative to anchors: ((middle - anchor's) / anchor's size, log(size / anchor's size)) / variance.

    >>> from treadle.keras_like.utils.bounding_boxes import encode_box_to_deltas
    >>> encode_box_to_deltas([[0.0, 0, 2, 2]], [[1.0, 0, 3, 2]], "xyxy", "xyxy").numpy().tolist()
    [[0.0, 0.5, 0.0, 0.0]]
    """
    _require_encoding("encoding_format", encoding_format)
    height, width = _size(image_shape)
    anchors = convert_format(anchors, anchor_format, encoding_format, height, width)
    boxes = convert_format(boxes, box_format, encoding_format, height, width)
    anchor_size, size = (tf.maximum(b[..., 2:], epsilon()) for b in (anchors, boxes))
    deltas = tf.concat([(boxes[..., :2] - anchors[..., :2]) / anchor_size, tf.math.log(size / anchor_size)], axis=-1)
    return deltas / _variance(variance)


def decode_deltas_to_boxes(anchors: Any, boxes_delta: Any, anchor_format: str, box_format: str,
                           encoded_format: str = "center_yxhw", variance: Any = None, image_shape: Any = None) -> Any:
    """The inverse of `encode_box_to_deltas`. Dicts of anchors and deltas give a dict."""
    _require_encoding("encoded_format", encoded_format)
    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {k: decode_deltas_to_boxes(a, boxes_delta[k], anchor_format, box_format, encoded_format, variance, image_shape)
                for k, a in anchors.items()}
    height, width = _size(image_shape)
    anchors = convert_format(anchors, anchor_format, encoded_format, height, width)
    deltas = tf.cast(boxes_delta, "float32") * _variance(variance)
    boxes = tf.concat([deltas[..., :2] * anchors[..., 2:] + anchors[..., :2], tf.exp(deltas[..., 2:]) * anchors[..., 2:]], -1)
    return convert_format(boxes, encoded_format, box_format, height, width)


# --- how far boxes overlap ------------------------------------------------------------------------------------------


def compute_iou(boxes1: Any, boxes2: Any, bounding_box_format: str, use_masking: bool = False, mask_val: Any = -1,
                image_shape: Any = None) -> Any:
    """Intersection over union of every box of one set with every box of another: [(batch,) n, 4], [(batch,) m, 4] ->
    [(batch,) n, m].

    Args:
        use_masking: `mask_val` for boxes with negative coordinates, which fill up batches.
        image_shape: (height, width, channels), for formats with "rel_".

    >>> from treadle.keras_like.utils.bounding_boxes import compute_iou
    >>> round(float(compute_iou([[0.0, 0, 2, 2]], [[1.0, 0, 3, 2]], "xyxy")[0, 0]), 4)
    0.3333
    """
    height, width = _size(image_shape)
    first, second = (convert_format(b, bounding_box_format, "xyxy", height, width) for b in (boxes1, boxes2))
    for boxes in (first, second):
        if boxes.shape.rank not in (2, 3):
            raise tf.errors.InvalidArgumentError(f"Boxes have the shape [(batch,) n, 4]. Received: shape {boxes.shape}.")
    x1, y1, x2, y2 = _columns(first)
    u1, v1, u2, v2 = (tf.squeeze(c, axis=[-1])[..., None, :] for c in _columns(second))
    shared = tf.maximum(tf.minimum(x2, u2) - tf.maximum(x1, u1), 0) * tf.maximum(tf.minimum(y2, v2) - tf.maximum(y1, v1), 0)
    found = shared / ((x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - shared + epsilon())
    if not use_masking:
        return found
    empty = tf.logical_or(tf.reduce_max(first, -1)[..., :, None] < 0, tf.reduce_max(second, -1)[..., None, :] < 0)
    return tf.where(empty, tf.cast(mask_val, found.dtype), found)


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> Any:
    """Complete intersection over union of boxes, pair by pair: also less for distant middles and other proportions.

    Source: arXiv:1911.08287.
    """
    height, width = _size(image_shape)
    first, second = (convert_format(b, bounding_box_format, "xyxy", height, width) for b in (boxes1, boxes2))
    (x1, y1, x2, y2), (u1, v1, u2, v2) = ([tf.squeeze(c, axis=[-1]) for c in _columns(b)] for b in (first, second))
    tiny = epsilon()
    w, h, s, t = x2 - x1, y2 - y1 + tiny, u2 - u1, v2 - v1 + tiny
    shared = tf.maximum(tf.minimum(x2, u2) - tf.maximum(x1, u1), 0) * tf.maximum(tf.minimum(y2, v2) - tf.maximum(y1, v1), 0)
    iou = shared / (w * h + s * t - shared + tiny + tiny)
    diagonal = (tf.maximum(x2, u2) - tf.minimum(x1, u1)) ** 2 + (tf.maximum(y2, v2) - tf.minimum(y1, v1)) ** 2 + tiny
    distance = ((x1 + x2) / 2 - (u1 + u2) / 2) ** 2 + ((y1 + y2) / 2 - (v1 + v2) / 2) ** 2
    v = 4 / math.pi**2 * (tf.atan(s / t) - tf.atan(w / h)) ** 2
    return iou - (distance / diagonal + v * v / (v - iou + (1 + tiny)))


# --- boxes of different numbers -------------------------------------------------------------------------------------


def densified(bounding_boxes: Any) -> dict[str, Any]:
    """{"boxes", "labels"} as tensors. Lists of different lengths, one for each image, are filled up with boxes of zeros
    whose label is -1."""
    if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= bounding_boxes.keys():
        raise tf.errors.InvalidArgumentError(
            "Bounding boxes are a dict with \"boxes\", [..., n, 4], and \"labels\", [..., n]. Received: "
            f"{list(bounding_boxes) if isinstance(bounding_boxes, dict) else bounding_boxes!r}.")
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    if isinstance(boxes, list) and isinstance(labels, list) and all(isinstance(b, list) for b in labels):
        most = max(map(len, labels))
        boxes = tf.constant([list(b) + [[0.0] * 4] * (most - len(b)) for b in boxes], "float32")
        labels = tf.constant([b + [-1] * (most - len(b)) for b in labels], "int32")
    return {**bounding_boxes, "boxes": tf.convert_to_tensor(boxes), "labels": tf.convert_to_tensor(labels)}
