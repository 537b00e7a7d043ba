"""Bounding boxes that go with images through layers: as Keras moves them, and around what they were around."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs
from keras_tests.test_image_layers import here

RNG = np.random.default_rng(8)
IMAGES = RNG.uniform(0, 255, (2, 20, 30, 3)).astype(np.float32)
BOXES = np.array([[[3, 2, 12, 9], [20, 5, 29, 19], [10, 11, 13, 18]],
                  [[0, 0, 30, 20], [7, 3, 9, 16], [0, 0, 0, 0]]], np.float32)
LABELS = np.array([[1, 2, 3], [4, 5, -1]], np.int32)

_AS_KERAS = [
    ("Resizing", {"height": 10, "width": 40}), ("Resizing", {"height": 24, "width": 24, "crop_to_aspect_ratio": True}),
    ("Resizing", {"height": 24, "width": 24, "pad_to_aspect_ratio": True}),
    ("CenterCrop", {"height": 12, "width": 14}), ("CenterCrop", {"height": 24, "width": 20}),
    ("RandomFlip", {"mode": "horizontal"}), ("RandomFlip", {}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.4}), ("RandomZoom", {"height_factor": 0.4}),
    ("RandomZoom", {"height_factor": (-0.5, -0.2), "width_factor": 0.3}), ("RandomRotation", {"factor": 0.1}),
    ("RandomPerspective", {"scale": 0.4}), ("RandomBrightness", {"factor": 0.1}), ("MaxNumBoundingBoxes", {"max_number": 2}),
    ("MaxNumBoundingBoxes", {"max_number": 5}), ("RandomErasing", {}), ("AutoContrast", {}),
]


@pytest.mark.parametrize("kind", ["xyxy", "rel_xywh"])
@pytest.mark.parametrize("name, config", _AS_KERAS, ids=str)
def test_as_keras(name, config, kind):
    if name in ("RandomRotation", "RandomPerspective") and kind != "xyxy":
        pytest.skip("Keras takes and gives other formats as if they were xyxy")
    config = {**config, "bounding_box_format": kind}
    mine, other = getattr(ours.layers, name)(**config), getattr(theirs.layers, name)(**config)
    boxes = ours.utils.bounding_boxes.convert_format(BOXES, "xyxy", kind, 20, 30).numpy()
    drawn = other.get_random_transformation(jnp.asarray(IMAGES), training=True)
    expected = other.transform_bounding_boxes({"boxes": jnp.asarray(boxes), "labels": jnp.asarray(LABELS)}, drawn)
    if isinstance(drawn, dict):
        drawn = {**here(drawn), "image_height": 20, "image_width": 30, "input_height": 20, "input_width": 30}
    found = mine.transform_bounding_boxes({"boxes": tf.constant(boxes), "labels": tf.constant(LABELS)}, drawn)
    close(found["boxes"], expected["boxes"], "boxes", rtol=1e-4)
    np.testing.assert_array_equal(found["labels"].numpy(), np.asarray(expected["labels"]))


_MOVING = [
    ("RandomCrop", {"height": 30, "width": 36}), ("CenterCrop", {"height": 30, "width": 36}),
    ("Resizing", {"height": 60, "width": 30}), ("RandomFlip", {}), ("RandomFlip", {"mode": "vertical"}),
    ("RandomRotation", {"factor": 0.1}), ("RandomTranslation", {"height_factor": 0.2, "width_factor": 0.3}),
    ("RandomZoom", {"height_factor": 0.3, "width_factor": 0.2}), ("RandomShear", {"x_factor": 0.4, "y_factor": 0.3}),
    ("RandomPerspective", {"scale": 0.3}), ("RandAugment", {"factor": 0.2}),
]


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name, config", _MOVING, ids=str)
def test_boxes_are_around_the_same_pixels(name, config, layout):
    """A light rectangle on a dark image: its box and its mask move as it moves."""
    fill = {"fill_mode": "constant"} if name in ("RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear") else {}
    seed = {} if name in ("CenterCrop", "Resizing") else {"seed": 3}
    layer = getattr(ours.layers, name)(**config, **fill, **seed, data_format=layout, bounding_box_format="rel_yxyx")
    x = np.zeros((4, 40, 50, 1), np.float32)
    boxes = np.array([[[12, 14, 24, 33]], [[5, 10, 20, 20]], [[18, 17, 30, 40]], [[14, 20, 22, 31]]], np.float32)  # y, x
    for image, ((top, left, bottom, right),) in zip(x, boxes.astype(int)):
        image[top:bottom, left:right] = 200.0
    x = np.repeat(x, 3, -1)
    masks = x[..., :1].astype(np.int32)
    data = {"images": x, "segmentation_masks": masks, "labels": np.arange(4),
            "bounding_boxes": {"boxes": boxes / [40, 50, 40, 50], "labels": np.array([[1], [2], [3], [4]])}}
    if layout == "channels_first":
        data.update(images=np.moveaxis(x, -1, 1), segmentation_masks=np.moveaxis(masks, -1, 1))
    found = layer(data, training=True)
    seen = found["segmentation_masks"].numpy()
    seen = np.moveaxis(seen, 1, -1) if layout == "channels_first" else seen
    shown = found["images"].numpy()
    shown = np.moveaxis(shown, 1, -1) if layout == "channels_first" else shown
    size = np.array([*seen.shape[1:3], *seen.shape[1:3]])
    for mask, image, box, label in zip(seen[..., 0], shown[..., 0], found["bounding_boxes"]["boxes"].numpy()[:, 0],
                                       found["bounding_boxes"]["labels"].numpy()[:, 0]):
        rows, columns = np.flatnonzero((mask > 100).any(1)), np.flatnonzero((mask > 100).any(0))
        if len(rows) == 0:
            assert label == -1 or (box[2:] - box[:2]).min() * 40 < 2
            continue
        extent = np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1])
        np.testing.assert_allclose(box * size, extent, atol=2.1)
        if name != "RandAugment":
            assert np.mean((image > 100) != (mask > 100)) < 0.05
    np.testing.assert_array_equal(found["labels"].numpy(), np.arange(4))


def test_one_image_and_lists_of_boxes():
    layer = ours.layers.RandomFlip("horizontal", seed=1, bounding_box_format="xyxy")
    one = {"images": IMAGES[0], "bounding_boxes": {"boxes": BOXES[0], "labels": LABELS[0]}}
    for _ in range(6):
        found = layer(one, training=True)
        flipped = (found["images"].numpy() != IMAGES[0]).any()
        wanted = BOXES[0][:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [30, 0, 30, 0] if flipped else BOXES[0]
        np.testing.assert_allclose(found["bounding_boxes"]["boxes"].numpy(), wanted)
    ragged = {"boxes": [[[1.0, 2, 3, 4]], [[1.0, 2, 3, 4], [2.0, 3, 4, 5]]], "labels": [[1], [2, 3]]}
    found = layer({"images": IMAGES, "bounding_boxes": ragged}, training=True)["bounding_boxes"]
    assert found["boxes"].shape == (2, 2, 4) and found["labels"].numpy().tolist() == [[1, -1], [2, 3]]
    mixed = ours.layers.MixUp(bounding_box_format="xyxy")(
        {"images": IMAGES, "bounding_boxes": {"boxes": BOXES, "labels": LABELS}}, training=True)["bounding_boxes"]
    assert mixed["boxes"].shape == (2, 6, 4) and mixed["labels"].shape == (2, 6)


def test_errors():
    data = {"images": IMAGES, "bounding_boxes": {"boxes": BOXES, "labels": LABELS}}
    for call, words in (
            (lambda: ours.layers.RandomFlip()(data), "bounding_box_format"),
            (lambda: ours.layers.RandomFlip(bounding_box_format="xy"), "format of boxes"),
            (lambda: ours.layers.RandomFlip(bounding_box_format="xyxy")({"images": IMAGES, "bounding_boxes": {}}), "dict with"),
            (lambda: ours.layers.RandomFlip()({"labels": LABELS}), "\"images\"")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=words):
            call()
    for name in ("CutMix", "RandomElasticTransform"):
        with pytest.raises(tf.errors.UnimplementedError, match="bounding boxes"):
            getattr(ours.layers, name)(bounding_box_format="xyxy")(data, training=True)
