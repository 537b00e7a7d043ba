"""`keras.utils` for images and boxes, against Keras; images in folders as a data set; `tf.image`'s files."""

from __future__ import annotations

import builtins
import io

import numpy as np
import pytest
from PIL import Image

import treadle as tf
from keras_tests.oracle import close, ours, theirs
from treadle.keras_like.utils.images import resized_array

RNG = np.random.default_rng(5)
PHOTO = RNG.integers(0, 256, (7, 9, 3)).astype(np.uint8)


# --- arrays, Pillow's images, files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 5, 1), (4, 5, 4), (3, 4, 5)])
@pytest.mark.parametrize("scale", [True, False])
def test_arrays_and_images(shape, scale):
    layout = {"data_format": "channels_first" if shape[0] == 3 else "channels_last"}
    x = RNG.uniform(0, 200, shape)
    mine, other = (k.utils.array_to_img(x, scale=scale, **layout) for k in (ours, theirs))
    assert mine.mode == other.mode and mine.tobytes() == other.tobytes()
    close(ours.utils.img_to_array(mine, **layout), theirs.utils.img_to_array(other, **layout))
    assert ours.utils.img_to_array(mine, dtype="uint8").dtype == np.uint8


def test_sixteen_bits():
    x = np.array([[[0.0], [1000.0]]])
    assert ours.utils.array_to_img(x, scale=False).mode == theirs.utils.array_to_img(x, scale=False).mode == "I"


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp"])
def test_files(tmp_path, name):
    ours.utils.save_img(tmp_path / name, PHOTO)
    theirs.utils.save_img(tmp_path / f"their_{name}", PHOTO)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"their_{name}").read_bytes()
    for options in ({}, {"color_mode": "grayscale"}, {"color_mode": "rgba", "target_size": (4, 5)},
                    {"target_size": (12, 4), "interpolation": "bilinear", "keep_aspect_ratio": True}):
        mine, other = (k.utils.load_img(str(tmp_path / name), **options) for k in (ours, theirs))
        assert mine.mode == other.mode and mine.size == other.size and mine.tobytes() == other.tobytes(), options
    assert ours.utils.load_img(io.BytesIO((tmp_path / name).read_bytes())).size == (9, 7)


@pytest.mark.parametrize("call", [
    lambda: ours.utils.array_to_img(np.ones([2, 2])), lambda: ours.utils.array_to_img(np.ones([2, 2, 2])),
    lambda: ours.utils.img_to_array(np.ones([2])), lambda: ours.utils.load_img(3),
    lambda: ours.utils.load_img(io.BytesIO(b""), color_mode="cmyk")])
def test_errors(call):
    with pytest.raises(tf.errors.OpError, match="Received"):
        call()


def test_without_pillow(monkeypatch):
    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *rest: (_ for _ in ()).throw(ImportError(name)) if name == "PIL"
                        else real(name, *rest))
    for call in (lambda: ours.utils.load_img("x.png"), lambda: tf.image.decode_png(b""),
                 lambda: ours.utils.image_dataset_from_directory(".")):
        with pytest.raises(tf.errors.FailedPreconditionError, match="pip install"):
            call()


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp", "gif"])
def test_decoding(kind):
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, kind)
    expected = np.asarray(Image.open(file).convert("RGB"))
    contents = tf.constant(file.getvalue())
    found = getattr(tf.image, f"decode_{kind}")(contents)
    np.testing.assert_array_equal(found.numpy(), expected[None] if kind == "gif" else expected)
    assert found.dtype == tf.uint8
    np.testing.assert_array_equal(tf.image.decode_image(contents, expand_animations=False).numpy(), expected)
    assert tf.image.decode_image(contents, channels=1, expand_animations=False).shape == (7, 9, 1)
    floats = tf.image.decode_image(contents, dtype="float32", expand_animations=False).numpy()
    np.testing.assert_allclose(floats, expected / np.float32(255), rtol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Received: 40 bytes"):
        tf.image.decode_image(file.getvalue()[:40])
    with pytest.raises(tf.errors.InvalidArgumentError, match="no image"):
        (tf.image.decode_png if kind != "png" else tf.image.decode_bmp)(contents)


def test_encoding():
    for channels in (1, 2, 3, 4):
        x = tf.constant(RNG.integers(0, 256, (3, 5, channels)).astype(np.uint8))
        np.testing.assert_array_equal(tf.image.decode_png(tf.image.encode_png(x)).numpy(), x.numpy())
    smooth = tf.constant(np.full((16, 16, 3), 77, np.uint8))
    np.testing.assert_allclose(tf.image.decode_jpeg(tf.image.encode_jpeg(smooth)).numpy(), 77, atol=2)
    assert tf.image.decode_jpeg(tf.image.encode_jpeg(smooth), ratio=2).shape == (8, 8, 3)
    assert len(tf.image.encode_jpeg(PHOTO, quality=10).numpy()) < len(tf.image.encode_jpeg(PHOTO, quality=95).numpy())


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "area", "lanczos3"])
def test_arrays_resized_on_the_host_are_as_tensors(method):
    for size in ((4, 5), (12, 9), (7, 20)):
        close(resized_array(PHOTO, size, method), tf.image.resize(PHOTO, size, method).numpy(), rtol=2e-6)


# --- folders --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes with 5, 4 and 3 images; each image's first pixel is its number."""
    root, number = tmp_path_factory.mktemp("images"), 0
    for name, count in (("cats", 5), ("dogs", 4), ("eels", 3)):
        for i in range(count):
            pixels = RNG.integers(0, 256, (6 + i, 8, 3)).astype(np.uint8)
            (root / name / "more").mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / name / ("more" if i % 2 else ".") / f"{number:02}.png")
            number += 1
    (root / "cats" / "note.txt").write_text("no image")
    return root


_FOLDERS = [
    {}, {"label_mode": "categorical", "batch_size": 5}, {"label_mode": None}, {"labels": None},
    {"class_names": ["eels", "cats"], "label_mode": "binary"}, {"batch_size": None, "interpolation": "nearest"},
    {"color_mode": "grayscale", "crop_to_aspect_ratio": True, "interpolation": "bicubic"},
    {"color_mode": "rgba", "data_format": "channels_first", "interpolation": "area"},
    {"validation_split": 0.3, "subset": "validation"}, {"validation_split": 0.3, "subset": "both"},
]


def _read(folder, config):
    """What the data set should hold: (images, labels) from the files it names, resized by `tf.image`."""
    size = (6, 5)
    data = ours.utils.image_dataset_from_directory(folder, image_size=size, **config)
    return data if isinstance(data, list) else [data], size


@pytest.mark.parametrize("config", _FOLDERS, ids=str)
def test_images_in_folders(folder, config):
    datasets, size = _read(folder, {"shuffle": False, "verbose": False, **config})
    names = config.get("class_names", ["cats", "dogs", "eels"])
    count = 0
    for data in datasets:
        elements = list(data)
        labelled = isinstance(elements[0], tuple)
        images = [e[0] if labelled else e for e in elements]
        batched = config.get("batch_size", 32) is not None
        images = np.concatenate(images) if batched else np.stack(images)
        assert len(images) == len(data.file_paths)
        count += len(images)
        for image, path in zip(images, data.file_paths):
            mode = {"grayscale": "L", "rgba": "RGBA"}.get(config.get("color_mode"), "RGB")
            pixels = np.asarray(Image.open(path).convert(mode))
            pixels = pixels[..., None] if pixels.ndim == 2 else pixels
            if config.get("crop_to_aspect_ratio"):
                expected = theirs.ops.image.resize(pixels.astype("float32"), size, "bicubic", crop_to_aspect_ratio=True)
            else:
                expected = tf.image.resize(pixels, size, config.get("interpolation", "bilinear")).numpy()
            expected = np.moveaxis(expected, -1, 0) if config.get("data_format") else np.asarray(expected)
            close(image, expected, path)
        if labelled:
            labels = np.concatenate([e[1] for e in elements]) if batched else np.stack([e[1] for e in elements])
            classes = np.array([names.index(p[len(str(folder)) + 1:].split("/")[0]) for p in data.file_paths])
            mode = config.get("label_mode", "int")
            close(labels, classes.astype(np.int32) if mode == "int" else np.eye(3, dtype=np.float32)[classes]
                  if mode == "categorical" else classes[:, None].astype(np.float32))
            assert data.class_names == names
    wanted = 8 if "class_names" in config else 3 if config.get("subset") == "validation" else 12
    assert count == wanted


def test_shuffled_folders(folder):
    orders = []
    for seed in (1, 1, 2):
        data = ours.utils.image_dataset_from_directory(folder, image_size=4, seed=seed, verbose=False)
        orders.append([np.concatenate([x.numpy().sum((1, 2, 3)) for x, _ in data]) for _ in range(2)])
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0][0] != orders[2][0]).any() and (orders[0][0] != orders[0][1]).any()
    np.testing.assert_allclose(np.sort(orders[0][0]), np.sort(orders[2][1]))
    halves = [ours.utils.image_dataset_from_directory(folder, seed=3, validation_split=0.5, subset=s, verbose=False).file_paths
              for s in ("training", "validation")]
    assert len(set(halves[0]) | set(halves[1])) == 12


def test_a_model_is_trained_on_a_folder(folder):
    data = ours.utils.image_dataset_from_directory(folder, image_size=(8, 8), batch_size=4, verbose=False)
    model = ours.Sequential([ours.layers.RandomFlip("horizontal"), ours.layers.Flatten(), ours.layers.Dense(3)])
    model.compile("sgd", ours.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert len(model.fit(data, epochs=2, verbose=0).history["loss"]) == 2


# --- boxes ----------------------------------------------------------------------------------------------------------

BOXES = np.sort(RNG.uniform(0, 30, (2, 5, 2, 2)), axis=2).reshape(2, 5, 4).astype(np.float32)  # x1, y1, x2, y2
FORMATS = ["xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh"]


def boxes_utils(keras):
    return keras.utils.bounding_boxes


@pytest.mark.parametrize("source", FORMATS)
def test_formats_of_boxes(source):
    boxes = boxes_utils(theirs).convert_format(BOXES, "xyxy", source, height=32, width=48)
    for target in FORMATS:
        mine, other = (boxes_utils(k).convert_format(np.asarray(boxes), source, target, height=32, width=48)
                       for k in (ours, theirs))
        close(mine, other, target)


def test_functions_of_boxes():
    mine, other = boxes_utils(ours), boxes_utils(theirs)
    labels = np.arange(10, dtype=np.int32).reshape(2, 5)
    a, b = (u.clip_to_image_size({"boxes": u.convert_format(BOXES, "xyxy", "xyxy"), "labels": labels}, 14, 11)
            for u in (mine, other))
    close(a["boxes"], b["boxes"])
    np.testing.assert_array_equal(a["labels"].numpy(), np.asarray(b["labels"]))
    turn = [np.array(v, np.float32) for v in ([20.0, -70.0], [0.1, 0.0], [-0.2, 0.1], [1.2, 0.8], [5.0, 0.0], [0.0, -9.0])]
    close(mine.affine_transform(BOXES, *turn, 32, 48), other.affine_transform(BOXES, *turn, 32, 48), rtol=1e-4)
    close(mine.crop(BOXES, 3, 5, 14, 11), other.crop(BOXES, 3, 5, 14, 11))
    close(mine.pad(BOXES, 3, 5), other.pad(BOXES, 3, 5))
    anchors = BOXES[:, ::-1] + 1
    for config in ({}, {"variance": [0.1, 0.1, 0.2, 0.2]}):
        deltas = [u.encode_box_to_deltas(anchors, BOXES, "xyxy", "xyxy", **config) for u in (mine, other)]
        close(*deltas, rtol=1e-4)
        back = [u.decode_deltas_to_boxes(anchors, d, "xyxy", "xywh", **config) for u, d in zip((mine, other), deltas)]
        close(*back, rtol=1e-4)
    for config in ({}, {"use_masking": True}):
        close(mine.compute_iou(BOXES, anchors[:, :3], "xyxy", **config),
              other.compute_iou(BOXES, anchors[:, :3], "xyxy", **config))
        close(mine.compute_iou(BOXES[0], anchors[1], "xywh", **config),
              other.compute_iou(BOXES[0], anchors[1], "xywh", **config))
    close(mine.compute_ciou(BOXES, anchors, "xyxy"), other.compute_ciou(BOXES, anchors, "xyxy"), rtol=1e-4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="rel_"):
        mine.convert_format(BOXES, "xyxy", "rel_xyxy")
    with pytest.raises(tf.errors.InvalidArgumentError, match="format of boxes"):
        mine.convert_format(BOXES, "xyxy", "corners")
