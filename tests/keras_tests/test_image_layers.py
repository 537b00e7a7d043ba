"""Image layers against real Keras: the same random numbers (drawn there) applied by both; configurations; ranges."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs
from treadle.keras_like.images.filters import elastic_transform, gaussian_blur
from treadle.keras_like.images.resizing import resize
from treadle.keras_like.images.sampling import affine_transform, map_coordinates, perspective_transform

RNG = np.random.default_rng(11)
PHOTOS = RNG.uniform(0, 255, (3, 6, 8, 3)).astype(np.float32)
MASKS = RNG.integers(0, 5, (3, 6, 8, 1)).astype(np.int32)
FIRST = {"data_format": "channels_first"}


def first(x):
    """Channels last -> channels first."""
    return np.moveaxis(x, -1, -3)


def both(name, config):
    """The layer here and in Keras."""
    return getattr(ours.layers, name)(**config), getattr(theirs.layers, name)(**config)


def here(structure):
    """Keras' random numbers as our tensors."""
    if isinstance(structure, dict):
        return {k: here(v) for k, v in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(here(v) for v in structure)
    return tf.constant(np.asarray(structure)) if hasattr(structure, "dtype") else structure


# --- the computations that layers share -----------------------------------------------------------------------------

_MATRICES = {  # no place half way between two pixels: which of them is nearest depends on rounding
    "turn": [0.8, -0.6, 2.13, 0.6, 0.8, -1.74, 0, 0],
    "zoom": [0.5, 0.0, 1.3, 0.0, 1.7, -2.23, 0, 0],
    "far": [1.0, 0.2, -20.53, -0.1, 1.0, 17.3, 0, 0],
}


@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_affine_transform(fill_mode, interpolation):
    transform = np.array([_MATRICES["turn"], _MATRICES["zoom"], _MATRICES["far"]], np.float32)
    options = {"interpolation": interpolation, "fill_mode": fill_mode, "fill_value": 7.0}
    for x, t, layout in ((PHOTOS, transform, {}), (first(PHOTOS), transform, FIRST), (PHOTOS[0], transform[1], {})):
        expected = theirs.ops.image.affine_transform(jnp.asarray(x), jnp.asarray(t), **options, **layout)
        close(affine_transform(x, t, **options, **layout), expected, f"{fill_mode} {interpolation}")
        compiled = tf.function(lambda x, t, layout=layout: affine_transform(x, t, **options, **layout))
        close(compiled(x, t), expected, f"{fill_mode} {interpolation}, compiled")


def test_affine_transform_of_integers_and_gradient():
    t = np.array(_MATRICES["turn"], np.float32)
    expected = theirs.ops.image.affine_transform(jnp.asarray(MASKS[0]), jnp.asarray(t), "nearest", "reflect")
    close(affine_transform(MASKS[0], t, "nearest", "reflect"), expected)
    x = tf.constant(PHOTOS[0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(affine_transform(x, t) ** 2)
    # Of a quadratic form: x . gradient = 2 y.
    np.testing.assert_allclose(float(tf.reduce_sum(x * tape.gradient(y, x))), 2 * float(y), rtol=1e-4)


def test_a_projective_transform_divides():
    x = np.arange(16, dtype=np.float32).reshape(4, 4, 1)
    found = affine_transform(x, [1.0, 0, 0, 0, 1, 0, 1, 0], fill_mode="nearest").numpy()[..., 0]
    column = np.arange(4)
    np.testing.assert_allclose(found, 4 * np.arange(4)[:, None] / (column + 1) + column / (column + 1), rtol=1e-6)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
def test_map_coordinates(order, fill_mode):
    x, places = PHOTOS[0, :, :, 0], RNG.uniform(-9, 14, (2, 5, 4)).astype(np.float32)
    expected = theirs.ops.image.map_coordinates(jnp.asarray(x), jnp.asarray(places), order, fill_mode, 3.0)
    close(map_coordinates(x, places, order, fill_mode, 3.0), expected)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_perspective_transform(interpolation):
    start = np.array([[0, 0], [7, 0], [0, 5], [7, 5]], np.float32)
    end = start + RNG.uniform(-1.5, 1.5, (3, 4, 2)).astype(np.float32)
    starts = np.tile(start, (3, 1, 1))
    expected = theirs.ops.image.perspective_transform(PHOTOS, starts, end, interpolation, 5.0)
    close(perspective_transform(PHOTOS, starts, end, interpolation, 5.0), expected, rtol=1e-4)


@pytest.mark.parametrize("layout", [{}, FIRST])
def test_gaussian_blur(layout):
    x = first(PHOTOS) if layout else PHOTOS
    options = {"kernel_size": (3, 5), "sigma": (0.8, 1.7), "data_format": "channels_first" if layout else "channels_last"}
    close(gaussian_blur(x, **options), theirs.ops.image.gaussian_blur(x, **options))


def test_elastic_transform_moves_pixels_by_smooth_steps():
    ramp = np.tile(np.arange(24, dtype=np.float32)[None, None, :, None], (1, 24, 1, 1))
    found = elastic_transform(ramp, alpha=4.0, sigma=2.0, fill_mode="nearest", seed=3).numpy()
    moved = (found - ramp)[0, :, 4:-4, 0]
    assert 0.05 < np.abs(moved).mean() < 4 and np.abs(np.diff(moved, axis=0)).mean() < np.abs(moved).mean()
    np.testing.assert_array_equal(found, elastic_transform(ramp, 4.0, 2.0, fill_mode="nearest", seed=3).numpy())


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("options", [{}, {"antialias": True}, {"crop_to_aspect_ratio": True},
                                     {"pad_to_aspect_ratio": True, "fill_value": 9.0}])
def test_resize(interpolation, options):
    for size in ((4, 9), (7, 3)):
        for x, layout in ((PHOTOS, {}), (first(PHOTOS[0]), FIRST)):
            expected = theirs.ops.image.resize(jnp.asarray(x), size, interpolation, **options, **layout)
            close(resize(x, size, interpolation, **options, **layout), expected, f"{size}")


# --- layers with random numbers drawn by Keras ----------------------------------------------------------------------

_RANDOM = [
    ("RandomFlip", {}),
    ("RandomFlip", {"mode": "vertical"}),
    ("RandomFlip", {"mode": "horizontal", **FIRST}),
    ("RandomRotation", {"factor": 0.3}),
    ("RandomRotation", {"factor": (-0.1, 0.4), "fill_mode": "constant", "fill_value": 3.0, "interpolation": "nearest"}),
    ("RandomRotation", {"factor": 0.2, "fill_mode": "wrap", **FIRST}),
    ("RandomTranslation", {"height_factor": 0.4, "width_factor": (-0.2, 0.7)}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.1, "fill_mode": "nearest", **FIRST}),
    ("RandomZoom", {"height_factor": 0.5}),
    ("RandomZoom", {"height_factor": (-0.3, 0.6), "width_factor": 0.4, "fill_mode": "constant", "fill_value": 1.0}),
    ("RandomZoom", {"height_factor": 0.2, "interpolation": "nearest", **FIRST}),
    ("RandomBrightness", {"factor": 0.5}),
    ("RandomBrightness", {"factor": (0.1, 0.3), "value_range": (0, 200)}),
    ("RandomContrast", {"factor": 0.6}),
    ("RandomContrast", {"factor": (0.3, 0.9), "value_range": (50, 180), **FIRST}),
    ("RandomShear", {"x_factor": 0.4, "y_factor": (0.1, 0.3)}),
    ("RandomShear", {"x_factor": 0.3, "fill_mode": "constant", "interpolation": "nearest", **FIRST}),
    ("RandomPerspective", {"scale": 0.4}),
    ("RandomPerspective", {"factor": (0.5, 0.9), "interpolation": "nearest", "fill_value": 4.0, **FIRST}),
    ("RandomHue", {"factor": 0.7}),
    ("RandomHue", {"factor": (0.2, 0.5), **FIRST}),
    ("RandomSaturation", {"factor": 0.8}),
    ("RandomSaturation", {"factor": (0.3, 0.6), **FIRST}),
    ("RandomGrayscale", {}),
    ("RandomGrayscale", {"factor": 0.7, **FIRST}),
    ("RandomInvert", {}),
    ("RandomInvert", {"factor": (0.4, 0.6), "value_range": (0, 300)}),
    ("RandomPosterization", {"factor": 5}),
    ("RandomPosterization", {"factor": (3, 3), "value_range": (-20, 280)}),
    ("RandomSharpness", {"factor": 0.9}),
    ("RandomSharpness", {"factor": (0.6, 1.0), **FIRST}),
    ("RandomColorDegeneration", {"factor": 0.6}),
    ("RandomColorDegeneration", {"factor": (-0.4, 0.6), **FIRST}),
    ("Solarization", {"addition_factor": 0.2, "threshold_factor": (0.3, 0.7)}),
    ("Solarization", {"threshold_factor": 0.9, "value_range": (-10, 260), **FIRST}),
    ("RandomGaussianBlur", {"kernel_size": (3, 5), "sigma": (0.3, 0.9)}),
    ("RandomGaussianBlur", {"factor": 0.8, **FIRST}),
    ("RandomErasing", {}),
    ("RandomErasing", {"factor": (0.5, 0.6), "scale": (0.2, 0.4), "fill_value": 9.0}),
    ("RandomErasing", {"fill_value": 5.0, **FIRST}),
    ("MixUp", {"alpha": 0.6}),
    ("MixUp", {**FIRST}),
    ("CutMix", {}),
    ("CutMix", {"factor": (0.5, 0.9), **FIRST}),
    ("RandAugment", {}),
    ("RandAugment", {"num_ops": 4, "factor": 0.3, **FIRST}),
]
# Keras mixes the wrong rows of masks; these arrays are larger there, though equal along some axes.
_OTHER_MASKS, _BROADCAST = {"MixUp"}, {"batch_masks", "fill_value", "mix_weight"}


def _label(row):
    return f"{row[0]}-{'-'.join(map(str, row[1].values()))}"


@pytest.mark.parametrize("name, config", _RANDOM, ids=map(_label, _RANDOM))
def test_the_same_random_numbers_give_the_same_images(name, config):
    mine, other = both(name, {**config, "seed": 4})
    x, masks = (first(PHOTOS), first(MASKS)) if config.get("data_format") else (PHOTOS, MASKS)
    drawn = other.get_random_transformation(jnp.asarray(x), training=True)
    expected = other.transform_images(jnp.asarray(x), drawn, training=True)
    close(mine.transform_images(x, here(drawn)), expected, name)
    if name != "RandAugment":
        compiled = tf.function(lambda x, drawn: mine.transform_images(x, drawn))
        close(compiled(tf.constant(x), _tensors(here(drawn))), expected, f"{name}, compiled")
    if name not in _OTHER_MASKS:
        wanted_masks = other.transform_segmentation_masks(jnp.asarray(masks), drawn, training=True)
        close(mine.transform_segmentation_masks(tf.constant(masks), here(drawn)), wanted_masks, f"{name}: masks")
    if name in ("MixUp", "CutMix"):
        labels = np.eye(3, dtype=np.float32)
        close(mine.transform_labels(tf.constant(labels), here(drawn)), other.transform_labels(labels, drawn), "labels")
    # Our own numbers have the same names, shapes and dtypes.
    own = mine.get_random_transformation(x)
    for key, value in drawn.items() if isinstance(drawn, dict) else ():
        if hasattr(value, "dtype") and not np.isscalar(value):
            assert own[key].dtype.name == value.dtype.name and (key in _BROADCAST or tuple(own[key].shape) == value.shape), key
    close(mine(x, training=False), x, f"{name}: without training")


def _tensors(drawn):
    return {k: v for k, v in drawn.items() if isinstance(v, tf.Tensor)} if isinstance(drawn, dict) else drawn


_EVERY = sorted({name: config for name, config in reversed(_RANDOM)}.items()) + [
    ("AugMix", {"num_chains": 1, "chain_depth": 1, "all_ops": False}), ("RandomElasticTransform", {"scale": (0.5, 0.9)}),
    ("RandomColorJitter", {"brightness_factor": 0.2, "contrast_factor": 0.3, "saturation_factor": 0.4, "hue_factor": 0.5}),
]
_MIXED_LABELS, _OWN_CONFIG = {"MixUp", "CutMix"}, {"x_factor", "y_factor"}


@pytest.mark.parametrize("name, config", _EVERY)
def test_calls(name, config):
    """A seed decides; compiled as eager; one image; a dict; open sizes; symbolic inputs; a copy from the configuration."""
    x = first(PHOTOS) if config.get("data_format") else PHOTOS
    masks = first(MASKS) if config.get("data_format") else MASKS
    layer = getattr(ours.layers, name)(**config, seed=5)
    start = layer.generator.state.numpy()

    def again(call):
        """The result of a call, with the layer's random numbers starting anew."""
        layer.generator.state.assign(start)
        return call()

    expected = again(lambda: layer(x, training=True)).numpy()
    assert expected.shape == x.shape
    drawn = [layer(x, training=True).numpy() for _ in range(6)]
    assert any((y != x).any() for y in drawn) and any((y != expected).any() for y in drawn)
    close(again(lambda: layer(x)), expected, "by default a layer called by itself is training")
    close(getattr(ours.layers, name)(**config, seed=5)(x), expected, "the seed decides")
    opened = tf.function(lambda x: layer(x, training=True), input_signature=[
        tf.TensorSpec([None, 3, None, None] if config.get("data_format") else [None, None, None, 3], "float32")])
    close(again(lambda: opened(tf.constant(x))), expected, "compiled, open sizes")
    assert layer(x[0], training=True).shape == x[0].shape
    assert layer(x.astype(np.uint8), training=True).dtype == tf.float32
    labels = np.eye(3, dtype=np.float32)
    found = again(lambda: layer({"images": x, "labels": labels, "segmentation_masks": masks, "name": "other"}, training=True))
    close(found["images"], expected, "dict")
    if name not in _MIXED_LABELS:
        np.testing.assert_array_equal(found["labels"].numpy(), labels)
    assert found["name"] == "other" and found["segmentation_masks"].shape == masks.shape
    inputs = ours.Input(shape=x.shape[1:])
    model = ours.Model(inputs, layer(inputs))
    close(again(lambda: model(x, training=True)), expected, "symbolic")
    close(model(x, training=False), x, "a model that is not training")
    mine, other = both(name, {**config, "seed": 5})
    got, wanted = mine.get_config(), other.get_config()
    assert wanted.keys() <= got.keys(), name
    for key in wanted.keys() - {"name", "dtype"} - _OWN_CONFIG:
        assert _plain(got[key]) == _plain(wanted[key]), key
    assert type(mine).from_config(got).get_config() == got
    assert type(mine).from_config({**wanted, "dtype": "float32"}).get_config().keys() == got.keys()
    type(other).from_config(got)
    assert tuple(mine.compute_output_shape(x.shape)) == tuple(other.compute_output_shape(x.shape))


def _plain(value):
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


# --- layers that are not random, and those of other sizes -----------------------------------------------------------

_FIXED = [
    ("Resizing", {"height": 4, "width": 9}),
    ("Resizing", {"height": 9, "width": 5, "interpolation": "bicubic", "antialias": True}),
    ("Resizing", {"height": 4, "width": 4, "crop_to_aspect_ratio": True, **FIRST}),
    ("Resizing", {"height": 4, "width": 4, "pad_to_aspect_ratio": True, "fill_value": 3.0, "interpolation": "nearest"}),
    ("CenterCrop", {"height": 3, "width": 5}),
    ("CenterCrop", {"height": 5, "width": 2, **FIRST}),
    ("CenterCrop", {"height": 9, "width": 5}),
    ("CenterCrop", {"height": 7, "width": 12, **FIRST}),
    ("AutoContrast", {}),
    ("AutoContrast", {"value_range": (-5, 260)}),
    ("Equalization", {}),
    ("Equalization", {"bins": 40, "value_range": (0, 300), **FIRST}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 4)}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (4, 3), "clip_limit": 0.0, **FIRST}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"value_range": (0, 300), "clip_limit": 1.5, "tile_grid_size": (3, 3)}),
]


@pytest.mark.parametrize("name, config", _FIXED, ids=map(_label, _FIXED))
def test_the_same_images(name, config):
    mine, other = both(name, config)
    x = first(PHOTOS) if config.get("data_format") else PHOTOS
    for images in (x, x[0]):
        expected = other(jnp.asarray(images), training=True)
        close(mine(images, training=True), expected, name)
        assert tuple(mine.compute_output_shape(images.shape)) == tuple(other.compute_output_shape(images.shape))
    close(tf.function(lambda x: mine(x, training=True))(tf.constant(x[0])), expected, f"{name}, compiled")
    flat = np.full_like(x, 7.0)
    close(mine(flat, training=True), other(jnp.asarray(flat), training=True), f"{name} of flat images")
    if name in ("Resizing", "CenterCrop"):
        small = x.astype(np.uint8)
        close(mine(small), other(jnp.asarray(small)), f"{name} of integers")
        masks = first(MASKS) if config.get("data_format") else MASKS
        if name == "Resizing":
            close(mine({"images": x, "segmentation_masks": masks})["segmentation_masks"],
                  other({"images": jnp.asarray(x), "segmentation_masks": jnp.asarray(masks)})["segmentation_masks"], "masks")
        opened = tf.function(mine, input_signature=[tf.TensorSpec(
            [None, 3, None, None] if config.get("data_format") else [None, None, None, 3], "float32")])
        if not (name == "CenterCrop" and config["height"] > 6):
            close(opened(tf.constant(x)), mine(x), "open sizes")
    got, wanted = mine.get_config(), other.get_config()
    assert wanted.keys() <= got.keys() and type(mine).from_config(got).get_config() == got
    type(other).from_config(got)


def test_random_crop():
    layer = ours.layers.RandomCrop(3, 5, seed=1)
    ramp = np.arange(48, dtype=np.float32).reshape(1, 6, 8, 1)
    seen = set()
    for _ in range(80):
        part = layer(ramp, training=True).numpy()[0, ..., 0]
        top, left = divmod(int(part[0, 0]), 8)
        np.testing.assert_array_equal(part, ramp[0, top:top + 3, left:left + 5, 0])
        seen.add((top, left))
    assert seen == {(i, j) for i in range(4) for j in range(4)}
    # Without training: the middle, resized.
    close(layer(ramp, training=False), resize(ramp, (3, 5), crop_to_aspect_ratio=True))
    same = ours.layers.RandomCrop(6, 8)
    close(same(ramp, training=False), theirs.layers.RandomCrop(6, 8)(ramp, training=False))
    wide = ours.layers.RandomCrop(10, 8)
    # As Keras says of smaller images: the largest part with the ratio of the target. (It takes another part.)
    close(wide(PHOTOS, training=True), resize(PHOTOS, (10, 8), crop_to_aspect_ratio=True), "smaller images")
    step = tf.function(lambda x: layer(x, training=True), input_signature=[tf.TensorSpec([None, None, None, 1], "float32")])
    assert step(tf.constant(ramp)).shape == (1, 3, 5, 1)


# --- ranges of what is drawn ----------------------------------------------------------------------------------------

MANY = np.zeros((400, 10, 20, 3), np.float32)
_RANGES = [
    ("RandomRotation", {"factor": (-0.1, 0.3)}, "angle", -36, 108),
    ("RandomTranslation", {"height_factor": 0.2, "width_factor": (0.1, 0.3)}, "translations", [2, -2], [6, 2]),
    ("RandomZoom", {"height_factor": (-0.5, 0.2)}, "height_zoom", 0.5, 1.2),
    ("RandomZoom", {"height_factor": 0.1, "width_factor": 0.4}, "width_zoom", 0.6, 1.4),
    ("RandomShear", {"x_factor": (0.1, 0.3), "y_factor": 0.2}, "shear_factor", [-0.3, -0.2], [0.3, 0.2]),
    ("RandomBrightness", {"factor": (-0.2, 0.4), "value_range": (0, 10)}, "rgb_delta", -2, 4),
    ("RandomContrast", {"factor": (0.3, 0.6)}, "contrast_factor", 0.7, 1.6),
    ("RandomHue", {"factor": 0.4}, "factor", -0.2, 0.2),
    ("RandomSharpness", {"factor": (0.2, 0.9)}, "factor", 0.2, 0.9),
    ("RandomColorDegeneration", {"factor": 0.4}, "factor", -0.4, 0.4),
    ("Solarization", {"addition_factor": 0.4}, "additions", 0, 102),
    ("MixUp", {"alpha": 1.0}, "mix_weight", 0, 1),
]


@pytest.mark.parametrize("name, config, key, low, high", _RANGES)
def test_random_numbers_fill_their_range_evenly(name, config, key, low, high):
    drawn = getattr(ours.layers, name)(**config, seed=2).get_random_transformation(MANY)[key].numpy()
    values = drawn.reshape(400, -1)
    low, high = np.broadcast_to(low, values.shape[1]), np.broadcast_to(high, values.shape[1])
    assert (values >= low - 1e-5).all() and (values <= high + 1e-5).all()
    span = high - low
    np.testing.assert_allclose(values.min(0), low, atol=0.05 * span.max())
    np.testing.assert_allclose(values.max(0), high, atol=0.05 * span.max())
    np.testing.assert_allclose(values.mean(0), (low + high) / 2, atol=0.12 * span.max())


@pytest.mark.parametrize("name, config, share", [
    ("RandomFlip", {}, 0.5), ("RandomGrayscale", {"factor": 0.3}, 0.3), ("RandomInvert", {"factor": (0.2, 0.2)}, 0.2),
    ("RandomErasing", {"factor": (0.7, 0.7), "fill_value": 9.0}, 0.7),
    ("RandomGaussianBlur", {"factor": (0.4, 0.4), "sigma": (0.8, 1)}, 0.4)])
def test_how_many_images_are_changed(name, config, share):
    x = np.tile(RNG.uniform(0, 255, (1, 8, 8, 3)).astype(np.float32), (400, 1, 1, 1))
    found = getattr(ours.layers, name)(**config, seed=1)(x, training=True).numpy()
    assert abs(np.mean((np.abs(found - x) > 1e-3).any((1, 2, 3))) - share) < 0.1


def test_bits_and_rectangles():
    bits = ours.layers.RandomPosterization((2, 5), seed=1).get_random_transformation(MANY)["shift_factor"].numpy()
    assert set(bits.tolist()) == {4, 5, 6}
    x = np.ones((300, 20, 20, 3), np.float32)
    erased = (ours.layers.RandomErasing((1, 1), scale=(0.25, 0.25), fill_value=(7.0, 8.0, 9.0), seed=1)(
        x, training=True).numpy())
    assert set(erased[..., 1].ravel().tolist()) == {1.0, 8.0} and set(erased[..., 2].ravel().tolist()) == {1.0, 9.0}
    covered = (erased[..., 0] == 7).sum((1, 2))
    assert ((covered >= 81) & (covered <= 121)).all()  # 10 x 10 at a place between pixels
    assert len(set(np.argmax(erased[..., 0].max(2) == 7, 1).tolist())) > 8


def test_cut_mix():
    x = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1) * np.ones((1, 16, 16, 3), np.float32)
    found = ours.layers.CutMix(seed=2)({"images": x, "labels": np.eye(4, dtype=np.float32)}, training=True)
    images, labels = found["images"].numpy(), found["labels"].numpy()
    for image, label in zip(images, labels):
        shares = np.bincount(image[..., 0].astype(int).ravel(), minlength=4) / 256
        np.testing.assert_allclose(label, shares, atol=0.15)
        assert (shares > 0).sum() <= 2 and np.isclose(label.sum(), 1)


def test_rand_augment_computes_what_was_chosen():
    layer = ours.layers.RandAugment(seed=1)
    drawn = layer.get_random_transformation(PHOTOS)
    assert drawn["layer_idxes"].shape == (2,)
    contrast = ours.layers.AutoContrast()(PHOTOS)
    close(layer.transform_images(PHOTOS, {**drawn, "layer_idxes": tf.constant([9, 9])}), ours.layers.AutoContrast()(contrast))
    seen = {int(i) for _ in range(60) for i in layer.get_random_transformation(PHOTOS[:1])["layer_idxes"]}
    assert seen == set(range(11))


def test_aug_mix_mixes():
    layer = ours.layers.AugMix(num_chains=2, chain_depth=2, seed=1)
    drawn = layer.get_random_transformation(PHOTOS)
    assert drawn["layer_idxes"].shape == (4,) and drawn["transforms"]["random_rotation"]["angle"].shape == (12,)
    close(float(tf.reduce_sum(drawn["chain_mixing_weights"])) * np.ones(1), np.ones(1))
    none = tf.constant([11] * 4)
    close(layer.transform_images(PHOTOS, {**drawn, "layer_idxes": none}), PHOTOS, "chains without augmentations")
    # One chain holds a contrast, the other nothing.
    stretched = ours.layers.AutoContrast()(PHOTOS)
    some = {**drawn, "layer_idxes": tf.constant([11, 5, 11, 11]), "chain_mixing_weights": tf.constant([0.25, 0.75]),
            "weight_sample": tf.constant(0.5)}
    close(layer.transform_images(PHOTOS, some), 0.5 * PHOTOS + 0.5 * (0.25 * stretched + 0.75 * PHOTOS))
    # Each place has numbers of its own for each image.
    turned = [layer.transform_images(PHOTOS, {**drawn, "layer_idxes": tf.constant([11] * k + [2] + [11] * (3 - k))}).numpy()
              for k in range(2)]
    assert (turned[0] != turned[1]).any()


def test_in_a_data_set_and_while_training():
    layer = ours.layers.RandomRotation(0.2, seed=1)
    data = tf.data.Dataset.from_tensor_slices(np.tile(PHOTOS, (4, 1, 1, 1))).batch(6)
    found = [x.numpy() for x in data.map(lambda x: layer(x, training=True))]
    assert [x.shape for x in found] == [(6, 6, 8, 3)] * 2 and (found[0] != found[1]).any()
    singles = tf.data.Dataset.from_tensor_slices((PHOTOS, np.arange(3))).map(lambda x, y: (ours.layers.Resizing(4, 4)(x), y))
    assert [x.shape.as_list() for x, _ in singles] == [[4, 4, 3]] * 3
    model = ours.Sequential([ours.Input((6, 8, 3)), ours.layers.RandomCrop(4, 4), ours.layers.RandomFlip(),
                             ours.layers.Flatten(), ours.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(PHOTOS / 255, np.ones((3, 1)), epochs=1, verbose=0)
    assert model.predict(PHOTOS / 255, verbose=0).shape == (3, 1)
    close(model.predict(PHOTOS / 255, verbose=0), model.predict(PHOTOS / 255, verbose=0), "no change without training")


_WRONG = [
    ("RandomFlip", {"mode": "diagonal"}, "`mode`"), ("RandomRotation", {"factor": 2}, "`factor`"),
    ("RandomRotation", {"factor": "a lot"}, "`factor`"),
    ("RandomRotation", {"factor": 0.1, "fill_mode": "mirror"}, "`fill_mode`"),
    ("RandomTranslation", {"height_factor": (0.1, 1.2), "width_factor": 0}, "`height_factor`"),
    ("RandomZoom", {"height_factor": (-1.0, 0.2)}, "over -1"), ("RandomZoom", {"height_factor": 1.5}, "`height_factor`"),
    ("RandomZoom", {"height_factor": 0.1, "interpolation": "bicubic"}, "`interpolation`"),
    ("RandomBrightness", {"factor": 0.1, "value_range": 255}, "`value_range`"),
    ("RandomContrast", {"factor": -0.1}, "`factor`"), ("RandomGrayscale", {"factor": 2}, "`factor`"),
    ("RandomPerspective", {"scale": 1.5}, "`scale`"), ("RandomGaussianBlur", {"kernel_size": 4}, "`kernel_size`"),
    ("RandomErasing", {"fill_value": (1, 2)}, "`fill_value`"), ("Resizing", {"height": 0, "width": 2}, "`height`"),
    ("Resizing", {"height": 2, "width": 2, "data_format": "NHWC"}, "`data_format`"),
]


@pytest.mark.parametrize("name, config, words", _WRONG)
def test_wrong_arguments(name, config, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match=words + ".*Received" if "`" in words else words):
        getattr(ours.layers, name)(**config)


def test_wrong_images():
    both = {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}
    for call, words in ((lambda: ours.layers.RandomFlip()(np.ones([2, 2])), "rank 3"),
                        (lambda: ours.layers.Resizing(2, 2, interpolation="cubic")(PHOTOS), "method"),
                        (lambda: ours.layers.Resizing(2, 2, **both)(PHOTOS), "one of"),
                        (lambda: ours.layers.RandomGrayscale()(PHOTOS[..., :2], training=True), "3 channels")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=words):
            call()
