"""`ImageDataGenerator` and its functions against those of `tf.keras` 2, which Keras keeps; random sizes; skipgrams."""

import importlib
import random
import warnings

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours

mine = ours.preprocessing.image
their_image = importlib.import_module("keras.src.legacy.preprocessing.image")
their_sequence = importlib.import_module("keras.src.legacy.preprocessing.sequence")
rng = np.random.default_rng(2)
IMAGES = (rng.random((7, 12, 9, 3)) * 255).astype(np.float32)
LABELS = np.arange(7) % 2

GENERATORS = [
    dict(rotation_range=30, width_shift_range=0.2, height_shift_range=0.3, fill_mode="reflect"),
    dict(shear_range=20, zoom_range=0.3, horizontal_flip=True, vertical_flip=True, fill_mode="constant", cval=7.0),
    dict(zoom_range=[0.5, 0.9], channel_shift_range=40.0, rescale=1 / 255, fill_mode="wrap", interpolation_order=0),
    dict(width_shift_range=3, height_shift_range=[1, 2, 5], brightness_range=(0.4, 1.6)),
    dict(samplewise_center=True, samplewise_std_normalization=True, rotation_range=90, preprocessing_function=np.abs),
    dict(featurewise_center=True, featurewise_std_normalization=True, rescale=0.1),
    dict(zca_whitening=True, zca_epsilon=1e-3, dtype="float64")]


def pair(config):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs says what an argument overrides
        return mine.ImageDataGenerator(**config), their_image.ImageDataGenerator(**config)


@pytest.mark.parametrize("config", GENERATORS)
@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_batches(config, layout):
    """The same seed gives the same images."""
    if layout == "channels_first" and "brightness_range" in config:
        pytest.skip("theirs takes the channels to be last there")
    a, b = pair(config | {"data_format": layout})
    x = IMAGES if layout == "channels_last" else IMAGES.transpose(0, 3, 1, 2)
    for generator in (a, b):
        generator.fit(x, augment=True, rounds=2, seed=5)
    flows = [g.flow(x, LABELS, batch_size=3, sample_weight=np.arange(7.0), seed=1) for g in (a, b)]
    for flow in flows:
        assert len(flow) == 3
    for _ in range(5):
        for found, wanted in zip(*map(next, flows), strict=True):
            close(found, wanted, rtol=1e-4)
    for flow in flows:
        np.random.seed(6)
        flow.on_epoch_end()
    for index in (2, 0):
        found, wanted = (flow[index] for flow in flows)
        close(found[0], wanted[0], rtol=1e-4)
    close(a.random_transform(x[0], seed=3), b.random_transform(x[0], seed=3))


def test_functions():
    for name, args in [("random_rotation", (30,)), ("random_shift", (0.3, 0.2)), ("random_shear", (25,)),
                       ("random_zoom", ((0.5, 1.5),)), ("random_zoom", ((1, 1),))]:
        for axes in ((1, 2, 0), (0, 1, 2), (1, 0, 2)):
            x = IMAGES[0] if axes[2] == 2 else IMAGES[0].transpose(2, 0, 1)
            found = []
            for module in (mine, their_image):
                np.random.seed(4)
                found.append(getattr(module, name)(x, *args, *axes))
            close(*found, name)
    for x in (IMAGES[0], IMAGES[0] - 20, IMAGES[0] * 2, IMAGES[0, ..., :1]):
        for scale in (True, False):
            for factor in (0.0, 0.3, 1.7):
                close(mine.apply_brightness_shift(x, factor, scale), their_image.apply_brightness_shift(x, factor, scale))
        close(mine.apply_channel_shift(x, 30.0, 2), their_image.apply_channel_shift(x, 30.0, 2))


@pytest.fixture
def folder(tmp_path):
    for name, count in (("cats", 5), ("dogs", 4), ("eels", 3)):
        (tmp_path / "in" / name).mkdir(parents=True)
        for i in range(count):
            mine.save_img(tmp_path / "in" / name / f"{i}.png", (rng.random((8, 6, 3)) * 255).astype(np.uint8), scale=False)
    (tmp_path / "in" / "cats" / "note.txt").write_text("no image")
    return tmp_path / "in"


@pytest.mark.parametrize("mode", ["categorical", "sparse", "input", None])
def test_folders(folder, mode, capsys):
    a, b = pair(dict(horizontal_flip=True, validation_split=0.4, rescale=1 / 255))
    for subset in (None, "training", "validation"):
        flows = [g.flow_from_directory(str(folder), target_size=(5, 4), class_mode=mode, batch_size=4, seed=2, subset=subset)
                 for g in (a, b)]
        assert flows[0].filenames == flows[1].filenames and flows[0].class_indices == flows[1].class_indices
        assert flows[0].classes.tolist() == flows[1].classes.tolist() and flows[0].samples == flows[1].samples
        first, second, *_ = capsys.readouterr().out.splitlines()
        assert first == second == f"Found {flows[0].samples} images belonging to 3 classes."
        found, wanted = map(next, flows)
        for x, y in zip(*((v if isinstance(v, tuple) else (v,)) for v in (found, wanted)), strict=True):
            close(x, y)


def test_tables(folder, tmp_path):
    """A dict of lists in place of a DataFrame."""
    files = [f"cats/{i}.png" for i in range(5)] + [f"dogs/{i}.png" for i in range(4)] + ["dogs/none.png"]
    table = {"filename": files, "class": ["cat"] * 5 + ["dog"] * 5, "tags": [["cat", "soft"]] * 5 + [["dog"]] * 5,
             "n": list(range(10)), "w": [0.5] * 10}
    generator = mine.ImageDataGenerator(validation_split=0.3)
    options = dict(directory=folder, target_size=(4, 4), shuffle=False, batch_size=9)
    with pytest.warns(UserWarning, match="1 of the 10 files") as seen:
        flow = generator.flow_from_dataframe(table, weight_col="w", class_mode="binary", **options)
    assert seen[0].filename == __file__
    x, y, w = flow[0]
    assert y.tolist() == [0.0] * 5 + [1.0] * 4 and x.shape == (9, 4, 4, 3) and w.tolist() == [0.5] * 9
    close(x[0], mine.img_to_array(mine.load_img(folder / "cats/0.png", target_size=(4, 4))))
    options["validate_filenames"] = False
    assert generator.flow_from_dataframe(table, y_col="tags", **options)[0][1][[0, 8]].tolist() == [[1, 0, 1], [0, 1, 0]]
    assert generator.flow_from_dataframe(table, classes=["dog"], **options | {"batch_size": 2})[1][1].tolist() == [[1], [1]]
    assert generator.flow_from_dataframe(table, y_col="n", class_mode="raw", **options)[0][1].tolist() == list(range(9))
    both = generator.flow_from_dataframe(table, y_col=["n", "w"], class_mode="multi_output", **options)[0][1]
    assert [v.tolist() for v in both] == [list(range(9)), [0.5] * 9]
    assert [generator.flow_from_dataframe(table, subset=s, **options).samples for s in ("training", "validation")] == [7, 3]
    for kind, column, text in [("sparse", "n", "strings"), ("binary", "tags", "strings"), ("much", "n", "class_mode")]:
        with pytest.raises((TypeError, ValueError), match=text):
            generator.flow_from_dataframe(table, y_col=column, class_mode=kind, **options)


def test_a_model_learns_from_it(tmp_path):
    x = np.zeros([40, 6, 6, 1], np.float32)
    y = np.arange(40) % 2
    x[y == 1, :3] = 200
    generator = mine.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True, width_shift_range=0.2, validation_split=0.2)
    keras = ours
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(generator.flow(x, y, batch_size=8, subset="training"), epochs=8, verbose=0,
                        validation_data=generator.flow(x, y, batch_size=8, subset="validation"))
    assert history.history["val_accuracy"][-1] == 1.0
    assert model.predict(generator.flow(x, batch_size=7, shuffle=False), verbose=0).shape == (40, 1)
    next(generator.flow(x, y, batch_size=3, save_to_dir=tmp_path, save_prefix="a", save_format="png"))
    assert len(list(tmp_path.glob("a_*_*.png"))) == 3


def test_mistakes():
    make = mine.ImageDataGenerator
    for call, text in [
            (lambda: make(zoom_range="a"), "zoom_range"), (lambda: make(fill_mode="mirror"), "fill_mode"),
            (lambda: make(validation_split=2), "validation_split"), (lambda: make(brightness_range=3), "brightness_range"),
            (lambda: make().flow(IMAGES[0]), "rank 4"), (lambda: make().flow(IMAGES, LABELS[:2]), "2 rows of y"),
            (lambda: make(validation_split=0.2).flow(IMAGES, LABELS, subset="test"), "subset"),
            (lambda: make(validation_split=0.5).flow(IMAGES, np.arange(7), subset="training"), "different labels"),
            (lambda: make().flow(IMAGES)[9], "index 9"), (lambda: make().fit(IMAGES[0]), "rank 4")]:
        with pytest.raises((ValueError, IndexError), match=text):
            call()
    with pytest.warns(UserWarning, match="fit") as seen:
        make(featurewise_center=True).standardize(IMAGES[0])
    assert seen[0].filename == __file__


@pytest.mark.parametrize("config", [{}, dict(window_size=1, negative_samples=2.5), dict(categorical=True, shuffle=False),
                                    dict(negative_samples=0, seed=3), dict(sampling_table=np.linspace(0.1, 0.9, 20))])
def test_skipgrams(config, monkeypatch):
    randint = random.randint  # Keras asks for one up to 10e6, which Python 3.12 and later refuse
    monkeypatch.setattr(random, "randint", lambda a, b: randint(int(a), int(b)))
    words = [3, 0, 5, 7, 7, 2, 9, 0, 11, 4]
    found = []
    for module in (ours.preprocessing.sequence, their_sequence):
        random.seed(7)
        found.append(module.skipgrams(words, 20, **config))
    assert found[0] == found[1] and found[0][0]
    close(ours.preprocessing.sequence.make_sampling_table(50), their_sequence.make_sampling_table(50))
    with pytest.raises(ValueError, match="vocabulary_size=1"):
        ours.preprocessing.sequence.skipgrams(words, 1)


def test_random_sizes():
    """Each call another size; unchanged in inference; in `dataset.map`; an error in a program."""
    height, width = ours.layers.RandomHeight((0.2, 0.9), seed=1), ours.layers.RandomWidth(0.4, "nearest", seed=2)
    x = tf.constant(IMAGES)
    sizes = {tuple(width(height(x, training=True), training=True).shape) for _ in range(12)}
    assert len(sizes) > 4 and all(14 <= h <= 22 and 5 <= w <= 12 and (n, c) == (7, 3) for n, h, w, c in sizes)
    close(height(x, training=False), IMAGES)
    fixed = ours.layers.RandomHeight((-0.5, -0.5))
    close(fixed(x[0], training=True), tf.image.resize(x[0], (6, 9)))
    halves = tf.data.Dataset.from_tensor_slices(IMAGES).map(lambda v: fixed(v, training=True))
    assert tuple(next(iter(halves)).shape) == (6, 9, 3)
    assert height.compute_output_shape((None, 4, 5, 3)) == (None, None, 5, 3)
    assert type(width).from_config(width.get_config()).get_config() == width.get_config()
    with pytest.raises(tf.errors.UnimplementedError, match="run_eagerly=True"):
        tf.function(lambda v: height(v, training=True))(x)
    close(tf.function(lambda v: height(v, training=False))(x), IMAGES)
    for factor in (-1.0, (0.5, 0.1)):
        with pytest.raises(ValueError, match="factor"):
            ours.layers.RandomWidth(factor)
