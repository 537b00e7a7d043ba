"""`keras.config`, `backend`, `mixed_precision`, `dtype_policies`, `tree`, the rest of `keras.utils`, top-level names."""

import io
import os
import tarfile
import zipfile

import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs


def test_settings_are_set_and_set_back():
    config = ours.config
    for name, value in (("epsilon", 1e-5), ("floatx", "float64"), ("image_data_format", "channels_first"),
                        ("max_epochs", 3), ("max_steps_per_epoch", 5)):
        before = getattr(config, name)()
        getattr(config, f"set_{name}")(value)
        try:
            assert getattr(config, name)() == value
        finally:
            getattr(config, f"set_{name}")(before)
        assert getattr(config, name)() == before
    config.set_floatx("float64")
    try:
        assert ours.ops.zeros(2).dtype == "float64" and ours.backend.standardize_dtype(None) == "float64"
    finally:
        config.set_floatx("float32")
    config.disable_interactive_logging()
    assert not ours.utils.is_interactive_logging_enabled()
    config.enable_interactive_logging()
    assert config.is_interactive_logging_enabled() and config.backend() == "jax"
    for call in (lambda: config.set_max_epochs(0), lambda: config.set_backend("torch"), lambda: config.set_floatx("int8")):
        with pytest.raises((tf.errors.InvalidArgumentError, tf.errors.UnimplementedError), match="Received"):
            call()


DTYPES = ["bool", "uint8", "uint16", "uint32", "int8", "int16", "int32", "float16", "bfloat16", "float32", "complex64", int,
          float]


@pytest.mark.parametrize("a", DTYPES, ids=str)
def test_result_type(a):
    """As Keras, but that 64 bits stay: Keras on JAX makes 32 of them."""
    for b in DTYPES:
        if {a, b} & {"complex64"} and {a, b} & {int, float}:
            continue  # Keras loses the imaginary part
        wide = "uint32" in (a, b) and {a, b} & {"int8", "int16", "int32"}
        expected = "int64" if wide else theirs.backend.result_type(a, b)
        assert ours.backend.result_type(a, b) == expected, (a, b)


def test_old_names_of_the_backend():
    backend, x = ours.backend, np.arange(6, dtype=np.float32).reshape(2, 3)
    variable = backend.variable(x)
    backend.set_value(variable, x + 1)
    np.testing.assert_array_equal(backend.get_value(variable), x + 1)
    backend.batch_set_value([(variable, x)])
    np.testing.assert_array_equal(backend.batch_get_value([variable])[0], x)
    assert backend.int_shape(ours.Input((3,))) == (None, 3)
    assert backend.argmax(x).numpy().tolist() == [2, 2]
    assert backend.concatenate([x, x]).shape == (2, 6)
    assert backend.batch_flatten(tf.ones([2, 3, 4])).shape == (2, 12)
    assert backend.repeat(x, 4).shape == (2, 4, 3)
    assert backend.switch(tf.constant(True), lambda: tf.constant(1), lambda: tf.constant(2)).numpy() == 1
    assert backend.random_normal((2, 3)).shape == backend.random_uniform((2, 3)).shape == (2, 3)
    assert backend.std(x).numpy() == pytest.approx(x.std())


def test_ctc_of_the_old_backend():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(5), (2, 7)).astype(np.float32)
    labels, lengths = np.array([[1, 2, 0], [3, 3, 1]], np.int32), np.array([[2], [3]], np.int32)
    time = np.array([[7], [6]], np.int32)
    cost = ours.backend.ctc_batch_cost(labels, probabilities, time, lengths)
    expected = theirs.ops.ctc_loss(jnp.asarray(labels), jnp.log(probabilities + 1e-7), lengths[:, 0], time[:, 0], mask_index=4)
    close(cost[:, 0], expected, rtol=1e-4)
    paths, scores = ours.backend.ctc_decode(probabilities, time[:, 0])
    assert len(paths) == 1 and paths[0].shape == (2, 7) and scores.shape == (2, 1)


def test_mixed_precision_and_policies():
    ours.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        layer = ours.layers.Dense(2)
        assert layer(tf.ones([1, 3])).dtype == "bfloat16" and layer.kernel.dtype == "float32"
        assert ours.mixed_precision.global_policy() == ours.mixed_precision.Policy("mixed_bfloat16")
    finally:
        ours.mixed_precision.set_global_policy("float32")
    policies = ours.dtype_policies.DTypePolicyMap("float32", {"a": "bfloat16", "b/.*": "mixed_float16"})
    assert [policies[k].name for k in ("a", "b/c", "d")] == ["bfloat16", "mixed_float16", "float32"]
    again = ours.dtype_policies.DTypePolicyMap.from_config(policies.get_config())
    assert dict(again) == dict(policies) and again.default_policy == policies.default_policy
    policies["b/c+"] = "float32"
    with pytest.raises(tf.errors.InvalidArgumentError, match="several"):
        policies["b/cc"]
    policy = ours.DTypePolicy("mixed_float16")
    assert ours.dtype_policies.deserialize(ours.dtype_policies.serialize(policy)) == policy


def test_tree():
    nested = {"b": [1, (2, 3)], "a": 4}
    for name in ("flatten", "flatten_with_path", "is_nested", "lists_to_tuples"):
        assert getattr(ours.tree, name)(nested) == getattr(theirs.tree, name)(nested), name
    for top_down in (True, False):
        arguments = (lambda part: sum(part) if isinstance(part, tuple) else None, nested, top_down)
        assert ours.tree.traverse(*arguments) == theirs.tree.traverse(*arguments)
    assert ours.tree.traverse(lambda p: ours.tree.MAP_TO_NONE if p == 1 else None, [1, 2]) == [None, 2]
    assert ours.tree.map_structure_up_to({"a": 0}, len, {"a": [1, 2]}) == {"a": 2}
    assert ours.tree.map_shape_structure(lambda s: len(s), {"a": (None, 2), "b": [(3,)]}) == {"a": 2, "b": [1]}
    ours.tree.assert_same_paths({"a": 1}, {"a": 2})
    with pytest.raises(ValueError, match="different places"):
        ours.tree.assert_same_paths({"a": 1}, {"b": 2})


def test_seeds_and_names():
    def draw():
        ours.utils.set_random_seed(5)
        return np.random.rand(), float(ours.random.normal(())), ours.initializers.GlorotUniform()((2, 2)).numpy().tolist()

    assert draw() == draw()
    with pytest.raises(tf.errors.InvalidArgumentError, match="seed"):
        ours.utils.set_random_seed(-1)
    ours.backend.clear_session()
    assert [ours.layers.Dense(1).name for _ in range(2)] == ["dense", "dense_1"]
    assert [ours.backend.get_uid("a"), ours.backend.get_uid("a")] == [1, 2]


class Batches(ours.utils.PyDataset):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.ends = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        x = np.full((4, 1), index, np.float32)
        return x, 2 * x

    def on_epoch_end(self):
        self.ends += 1


def test_py_dataset_trains():
    data = Batches(workers=2, max_queue_size=3)
    model = ours.Sequential([ours.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(data, epochs=2, verbose=0)
    assert history.history["loss"][1] < history.history["loss"][0] and data.ends == 2
    assert model.predict(data, verbose=0).shape == (12, 1)
    assert ours.utils.Sequence is ours.utils.PyDataset and len(list(data)) == 3
    with pytest.raises(tf.errors.UnimplementedError, match="getitem"):
        ours.utils.PyDataset()[0]


def test_config_object():
    config = ours.utils.Config(a=1)
    config["b"] = [2]
    assert config.b == [2] and "a" in config and config.to_json() == '{"a": 1, "b": [2]}'
    assert config == ours.utils.Config(a=1, b=[2])
    config.freeze()
    with pytest.raises(tf.errors.FailedPreconditionError, match="frozen"):
        config.a = 2
    with pytest.raises(AttributeError, match="nothing"):
        config.nothing  # noqa: B018


def _archive(kind, name, content):
    packed = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_get_file(tmp_path, kind):
    source = tmp_path / "source"
    source.write_bytes(_archive(kind, "inner/a.txt", b"hello"))
    origin = source.as_uri()
    path = ours.utils.get_file("data.bin", origin, cache_dir=tmp_path / "cache")
    assert path == str(tmp_path / "cache" / "datasets" / "data.bin")
    source.unlink()
    assert ours.utils.get_file("data.bin", origin, cache_dir=tmp_path / "cache") == path  # from the cache
    source.write_bytes(_archive(kind, "inner/a.txt", b"hello"))
    folder = ours.utils.get_file("data.arc", origin, extract=True, cache_dir=tmp_path / "cache")
    assert folder.endswith("data_extracted") and open(os.path.join(folder, "inner", "a.txt")).read() == "hello"
    folder = ours.utils.get_file("flowers", origin, untar=True, cache_dir=tmp_path / "cache")
    assert folder.endswith("flowers") and os.path.isdir(os.path.join(folder, "inner"))


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_get_file_keeps_archives_in_their_folder(tmp_path, kind):
    source = tmp_path / "source"
    source.write_bytes(_archive(kind, "../../evil.txt", b"!"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="outside"):
        ours.utils.get_file("bad.arc", source.as_uri(), extract=True, cache_dir=tmp_path / "cache")
    assert not list(tmp_path.rglob("evil.txt")) and not list((tmp_path / "cache" / "datasets").glob(".bad*"))


def test_get_file_errors(tmp_path):
    missing = (tmp_path / "missing").as_uri()
    with pytest.raises(FileNotFoundError, match="Put the file"):
        ours.utils.get_file("x.bin", missing, cache_dir=tmp_path)
    source = tmp_path / "there"
    source.write_bytes(b"abc")
    with pytest.raises(tf.errors.InvalidArgumentError, match="checksum"):
        ours.utils.get_file("x.bin", source.as_uri(), file_hash="0" * 64, cache_dir=tmp_path)
    for name in ("../x", "a/b"):
        with pytest.raises(tf.errors.InvalidArgumentError, match="bare file name"):
            ours.utils.get_file(name, source.as_uri(), cache_dir=tmp_path)


def test_symbolic_helpers():
    x, y = ours.Input((2,)), ours.Input((2,))
    z = ours.layers.Dense(3)(x) + ours.ops.sum(y, axis=-1, keepdims=True)
    assert ours.utils.get_source_inputs(z) == [x, y] or {id(t) for t in ours.utils.get_source_inputs(z)} == {id(x), id(y)}
    assert ours.utils.is_keras_tensor(z) and not ours.utils.is_keras_tensor(tf.ones(1)) and isinstance(z, ours.KerasTensor)
    assert ours.Function([x, y], {"z": z})([tf.ones([4, 2]), tf.ones([4, 2])])["z"].shape == (4, 3)

    class Scaled(ours.Operation):
        def call(self, x):
            return x * 3

    assert Scaled().compute_output_spec(x).shape.as_list() == [None, 2]
    assert ours.Model(x, Scaled()(x))(tf.ones([1, 2])).numpy().tolist() == [[3.0, 3.0]]


def test_scopes():
    with ours.name_scope("a"), ours.device("cpu:0"):
        assert ours.remat(lambda x: x * 2)(tf.ones(1)).numpy() == 2
    for scope in (ours.StatelessScope, ours.SymbolicScope, ours.RematScope):
        with pytest.raises(tf.errors.UnimplementedError, match="not needed"):
            scope()
    assert ours.version() == tf.__version__


def test_names():
    missing = {name: {n for n in dir(getattr(theirs, name)) if not n.startswith("_")} - set(dir(getattr(ours, name)))
               for name in ("config", "backend", "mixed_precision", "tree", "preprocessing", "utils", "dtype_policies")}
    quantized = {"AWQDTypePolicy", "GPTQDTypePolicy", "Int4DTypePolicy", "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy"}
    assert missing.pop("dtype_policies") <= quantized and missing.pop("utils") <= {"legacy"}
    assert not any(missing.values()), missing
