"""`tf.image` against what real TensorFlow gave (tests/oracles), in the errors users meet, traced, and at random."""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest

import treadle as tf

ORACLES = Path(__file__).parent / "oracles"
sys.path.insert(0, str(ORACLES))
import image_cases  # noqa: E402

RECORDED = json.loads((ORACLES / "image.json").read_text())["cases"]


def restored(entry):
    return None if entry is None else np.array(entry["values"]).reshape(entry["shape"]).astype(entry["dtype"])


def close(found, expected, what, name):
    assert found.dtype == expected.dtype and found.shape == expected.shape, what
    # TensorFlow takes the cubic kernel from a table of 1,024 entries.
    tolerance = 2e-3 if expected.dtype == np.float16 or "bicubic" in name and "antialias" not in name else 5e-5
    scale = max(1.0, np.nanmax(np.abs(expected.astype(np.float64)), initial=0))
    np.testing.assert_allclose(found.astype(np.float64), expected.astype(np.float64), rtol=tolerance,
                               atol=tolerance * scale, err_msg=what)


def pytest_generate_tests(metafunc):
    """Each case compiles anew, which takes long: a run draws some of them, `--long` takes all."""
    if "case" in metafunc.fixturenames:
        cases = sorted(image_cases.CASES)
        draw = random.Random(os.environ["TREADLE_TEST_SEED"] + metafunc.function.__name__)
        metafunc.parametrize("case", cases if metafunc.config.getoption("--long") else draw.sample(cases, 30))


def test_as_tensorflow(case):
    results, gradients = image_cases.run(tf, case)
    assert len(results) == len(RECORDED[case]["results"])
    for i, (found, entry) in enumerate(zip(results, RECORDED[case]["results"])):
        close(found, restored(entry), f"result {i}", case)
    assert len(gradients) == len(RECORDED[case]["gradients"])
    for i, (found, entry) in enumerate(zip(gradients, RECORDED[case]["gradients"])):
        if entry is not None and found is not None:
            close(found, restored(entry), f"gradient {i}", case)


def test_traced_as_eager(case):
    """Traced for a batch whose size is not known yet: the same results."""
    function = image_cases.CASES[case][0]
    arrays = [tf.constant(a) for a in image_cases.inputs(case)]
    unknown = [tf.TensorSpec([None, *a.shape[1:]] if len(a.shape) == 4 else a.shape, a.dtype) for a in arrays]
    traced = tf.function(lambda *x: function(tf, *x), input_signature=unknown)
    tf.nest.map_structure(
        lambda a, b: np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-4, atol=2e-4), function(tf, *arrays),
        traced(*arrays))


# --- open sizes -----------------------------------------------------------------------------------------------------

_OPEN = {
    "resize": lambda x: tf.image.resize(x, [4, 9], "bicubic"),
    "resize nearest": lambda x: tf.image.resize(x, [4, 9], "nearest"),
    "half": lambda x: tf.image.resize(x, tf.shape(x)[1:3] // 2, antialias=True),
    "crop or pad": lambda x: tf.image.resize_with_crop_or_pad(x, 4, 9),
    "pad": lambda x: tf.image.pad_to_bounding_box(x, 1, 1, 9, 9),
    "patches": lambda x: tf.image.extract_patches(x, [1, 2, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME"),
    "patches inside": lambda x: tf.image.extract_patches(x, [1, 2, 3, 1], [1, 2, 1, 1], [1, 2, 1, 1], "VALID"),
    "standardized": tf.image.per_image_standardization,
    "turned": tf.image.rot90,
    "edges": tf.image.sobel_edges,
}


@pytest.mark.parametrize("name", _OPEN)
def test_sizes_that_are_open_while_tracing(name):
    function = _OPEN[name]
    traced = tf.function(function, input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)])
    for shape in ((2, 6, 7, 3), (1, 5, 4, 3)):
        x = tf.constant(np.random.default_rng(1).uniform(size=shape).astype(np.float32))
        np.testing.assert_allclose(traced(x).numpy(), function(x).numpy(), rtol=1e-5, atol=1e-6)


def test_a_crop_at_a_place_known_only_when_it_runs():
    x = tf.reshape(tf.range(60), [5, 4, 3])
    crop = tf.function(lambda x, top: tf.image.crop_to_bounding_box(x, top, 1, 2, 2))
    np.testing.assert_array_equal(crop(x, tf.constant(2)).numpy(), x.numpy()[2:4, 1:3])


# --- at random ------------------------------------------------------------------------------------------------------

_STATELESS = {
    "flip_left_right": (), "flip_up_down": (), "brightness": (0.3,), "contrast": (0.5, 1.5), "hue": (0.4,),
    "saturation": (0.5, 1.5), "crop": ((4, 2, 3, 3),),
}
PHOTOS = np.random.default_rng(3).uniform(size=(4, 5, 6, 3)).astype(np.float32)


@pytest.mark.parametrize("name", _STATELESS)
def test_a_seed_decides(name):
    stateless, drawing = getattr(tf.image, f"stateless_random_{name}"), getattr(tf.image, f"random_{name}")
    x, arguments = tf.constant(PHOTOS), _STATELESS[name]
    first = stateless(x, *arguments, seed=(1, 2)).numpy()
    np.testing.assert_array_equal(first, stateless(x, *arguments, seed=(1, 2)).numpy())
    compiled = tf.function(lambda x: stateless(x, *arguments, seed=(1, 2)))(x).numpy()
    np.testing.assert_allclose(compiled, first, rtol=1e-5, atol=1e-6)
    assert any((stateless(x, *arguments, seed=(1, k)).numpy() != first).any() for k in range(3, 9))
    tf.random.set_seed(7)
    drawn = [drawing(x, *arguments).numpy() for _ in range(4)]
    assert any((d != drawn[0]).any() for d in drawn[1:])
    tf.random.set_seed(7)
    np.testing.assert_array_equal(drawn[0], drawing(x, *arguments).numpy())


def test_each_image_of_a_batch_is_flipped_by_itself():
    x = tf.constant(np.tile(PHOTOS[:1], (200, 1, 1, 1)))
    found = tf.image.random_flip_left_right(x, seed=5).numpy()
    flipped = (found == PHOTOS[0, :, ::-1]).all((1, 2, 3))
    assert (flipped | (found == PHOTOS[0]).all((1, 2, 3))).all() and 60 < flipped.sum() < 140


def test_crops_are_parts_and_reach_every_place():
    x = np.arange(20, dtype=np.int32).reshape(5, 4, 1)
    seen = set()
    for k in range(60):
        part = tf.image.stateless_random_crop(x, [4, 2, 1], seed=(k, 0)).numpy()
        top, left = divmod(int(part[0, 0, 0]), 4)
        np.testing.assert_array_equal(part, x[top:top + 4, left:left + 2])
        seen.add((top, left))
    assert seen == {(i, j) for i in range(2) for j in range(3)}


# --- errors ---------------------------------------------------------------------------------------------------------

_WRONG = [
    (lambda: tf.image.resize(tf.ones([3, 3]), [2, 2]), "one image"),
    (lambda: tf.image.resize(PHOTOS, [2, 2], "cubic"), "`method` is one of"),
    (lambda: tf.image.resize(PHOTOS, [2, 2, 2]), "height and width"),
    (lambda: tf.image.resize(PHOTOS, [0, 2]), "at least 1"),
    (lambda: tf.image.crop_to_bounding_box(PHOTOS, 3, 0, 4, 2), "size"),
    (lambda: tf.image.pad_to_bounding_box(PHOTOS, 3, 0, 6, 9), "must fit"),
    (lambda: tf.image.central_crop(PHOTOS, 0.0), "central_fraction"),
    (lambda: tf.image.rgb_to_hsv(tf.ones([2, 2])), "3 channels"),
    (lambda: tf.image.random_hue(PHOTOS, 0.7), "max_delta"),
    (lambda: tf.image.random_contrast(PHOTOS, 1.0, 0.5), "lower < upper"),
    (lambda: tf.image.random_crop(PHOTOS, [9, 9, 9, 3]), "`size`"),
    (lambda: tf.image.ssim(PHOTOS, PHOTOS, 1.0), "filter_size"),
    (lambda: tf.image.adjust_gamma(PHOTOS, -1.0), "gamma"),
]


@pytest.mark.parametrize("call, words", _WRONG)
def test_errors_say_what_is_wrong(call, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match="(?i)" + words):
        call()
