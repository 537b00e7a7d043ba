"""`.keras` files whose archive is as it should be, and whose contents are not."""

from __future__ import annotations

import base64
import functools
import io
import json
import marshal
import zipfile

import numpy as np

from keras_tests.hostile import hdf5
from keras_tests.hostile.table import Table
from treadle import keras
from treadle.keras_like.saving.tensors import Group, read_tensors, write_tensors

MODELS = Table("model")
CONFIG, WEIGHTS = "config.json", "model.weights.h5"


@functools.cache
def _good() -> dict[str, bytes]:
    x = keras.Input((3,), name="x")
    model = keras.Model(x, keras.layers.Dense(2, name="e")(keras.layers.Dense(4, name="d")(x)), name="f")
    model.compile("sgd", "mse")
    file = io.BytesIO()
    model.save(file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)


def good(path):
    write(path, _good())


def with_config(says, name=None):
    """A row: the decorated function changes the configuration `found` of a model of layers x, d, e (or returns another)."""
    def add(change):
        def make(path):
            found = json.loads(_good()[CONFIG])
            changed = change(found) or found
            write(path, _good() | {CONFIG: changed if isinstance(changed, (bytes, str)) else json.dumps(changed)})
        MODELS.row(says, name or change.__name__)(make)
        return change
    return add


def layer(found, place=1):
    return found["config"]["layers"][place]


def of(module, name, /, **config):
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def row_of_layers(*layers):
    """A Sequential model's configuration."""
    return of("keras", "Sequential", name="s", layers=[of("keras.layers", "InputLayer", batch_shape=[None, 3], dtype="float32",
                                                          name="x"), *layers])


# --- the archive's members ------------------------------------------------------------------------------------------


@MODELS.row("no 'config.json'")
def no_config(path):
    write(path, _good() | {CONFIG: None})


@MODELS.row("no 'model.weights.h5'")
def no_weights(path):
    write(path, _good() | {WEIGHTS: None})


# --- JSON -----------------------------------------------------------------------------------------------------------


@with_config("no JSON")
def text(found):
    return "class_name: Dense"


@with_config("no JSON")
def other_bytes(found):
    return b"\xff\xfe\0" * 100


@with_config("no JSON")
def half(found):
    return json.dumps(found)[:300]


@with_config("no JSON|deep")
def deep_lists(found):
    return "[" * 200_000


@with_config("deep|no JSON")
def deep_layers(found):
    inner = of("keras.layers", "Dense", units=2)
    for _ in range(300):
        inner = of("keras.layers", "TimeDistributed", layer=inner)
    return row_of_layers(inner)


@with_config("no JSON|units")
def number_of_a_million_digits(found):
    return json.dumps(found).replace('"units": 4', '"units": ' + "9" * 1_000_000)


@with_config("describes no model")
def list_for_a_model(found):
    return "[1, 2]"


@with_config("describes no model|do not fit the model")
def layer_for_a_model(found):
    return layer(found)


# --- values ---------------------------------------------------------------------------------------------------------

for value in ("NaN", "Infinity", "-1", "0", "1e300", "true", '"many"', "null", "[4]", "{}", "2.5", str(10**30)):
    @with_config("units|cannot be made", f"units_{value}"[:30])
    def units(found, value=value):
        return json.dumps(found).replace('"units": 4', f'"units": {value}')


@with_config("more than the weights in the file can account for")
def weights_of_terabytes(found):
    layer(found)["config"]["units"] = 10**12


@with_config("more than the weights in the file can account for")
def weights_of_a_gigabyte(found):
    layer(found)["config"]["units"] = 10**8


@with_config("more than the weights in the file can account for|cannot be made")
def inputs_of_terabytes(found):
    layer(found, 0)["config"]["batch_shape"] = [None, 10**12]


@with_config("more than the weights in the file can account for|cannot be made")
def table_of_terabytes(found):
    return row_of_layers(of("keras.layers", "Embedding", input_dim=10**12, output_dim=8))


@with_config("cannot be made")
def negative_shape(found):
    layer(found, 0)["config"]["batch_shape"] = [None, -3]


@with_config("cannot be made")
def unknown_dtype(found):
    layer(found)["config"]["dtype"] = "object"


@with_config("cannot be made")
def unknown_argument(found):
    layer(found)["config"]["path"] = "/etc/passwd"


@with_config("cannot be made")
def missing_argument(found):
    del layer(found)["config"]["units"]


@with_config("cannot be made|damaged|describes")
def text_for_a_configuration(found):
    layer(found)["config"] = "units=4"


# --- code -----------------------------------------------------------------------------------------------------------


for module, name in (("os", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("keras.utils", "get_file"),
                     ("keras.models", "load_model"), ("numpy", "load"), ("treadle.keras_like.saving.atomic", "open_regular"),
                     ("keras.layers", "__class__"), ("keras.layers.Dense.__init__", "__globals__"), ("..", "x"), (None, None)):
    @with_config("cannot be made", f"class_{module}.{name}")
    def foreign_class(found, module=module, name=name):
        found["config"]["layers"][1] |= {"module": module, "class_name": name}

for name in ("eval", "os.system", "load_model", "__import__", "print"):
    @with_config("cannot be made", f"function_{name}")
    def foreign_function(found, name=name):
        layer(found)["config"]["activation"] = {"module": "builtins", "class_name": "function", "config": name,
                                                "registered_name": "function"}


def bytecode():
    return base64.b64encode(marshal.dumps((lambda x: x).__code__)).decode()


@with_config("safe_mode|bytecode")
def lambda_layer(found):
    code = {"class_name": "__lambda__", "config": {"code": bytecode(), "defaults": None, "closure": None}}
    return row_of_layers(of("keras.layers", "Lambda", function=code))


@with_config("safe_mode|bytecode")
def lambda_for_an_activation(found):
    layer(found)["config"]["activation"] = {"class_name": "__lambda__", "config": {"value": bytecode()}}


@with_config("cannot be made")
def lambda_as_keras_2_had_it(found):
    return row_of_layers(of("keras.layers", "Lambda", function=[bytecode(), None, None], function_type="lambda"))


@with_config("cannot be made")
def lambda_of_a_module(found):
    return row_of_layers(of("keras.layers", "Lambda", function="system", function_type="function", module="os"))


@with_config("cannot be made|not loaded|compile")
def loss_that_is_code(found):
    found["compile_config"]["loss"] = {"class_name": "__lambda__", "config": {"value": bytecode()}}


for name in ("StringLookup", "IntegerLookup", "TextVectorization"):
    @with_config("cannot be made", f"{name}_that_reads_a_file")
    def table_in_another_file(found, name=name):
        return row_of_layers(of("keras.layers", name, vocabulary="/etc/passwd"))


# --- graphs ---------------------------------------------------------------------------------------------------------


def history(found, place, *history):
    layer(found, place)["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = list(history)


@with_config("cannot be made")
def layer_that_feeds_itself(found):
    history(found, 1, "d", 0, 0)


@with_config("cannot be made")
def layers_in_a_circle(found):
    history(found, 1, "e", 0, 0)


@with_config("cannot be made")
def input_that_is_not_there(found):
    history(found, 1, "z", 0, 0)


@with_config("cannot be made")
def call_that_is_not_there(found):
    history(found, 2, "d", 7, 0)


@with_config("cannot be made")
def result_that_is_not_there(found):
    history(found, 2, "d", 0, 7)


@with_config("cannot be made")
def history_that_is_none(found):
    history(found, 2, {"d": 0})


@with_config("cannot be made")
def outputs_that_are_not_there(found):
    found["config"]["output_layers"] = ["z", 0, 0]


@with_config("cannot be made")
def no_layers(found):
    found["config"]["layers"] = []


@with_config("cannot be made")
def two_layers_of_one_name(found):
    found["config"]["layers"].append(layer(found))


# --- weights --------------------------------------------------------------------------------------------------------


def with_weights(says):
    """A row: the decorated function changes the tree of weights `layers/dense/vars/0` ... (or returns other bytes)."""
    def add(change):
        def make(path):
            tree = read_tensors(_good()[WEIGHTS])
            file = io.BytesIO()
            changed = change(tree)
            if not isinstance(changed, bytes):
                write_tensors(file, changed or tree)
            write(path, _good() | {WEIGHTS: changed if isinstance(changed, bytes) else file.getvalue()})
        MODELS.row(says, change.__name__)(make)
        return change
    return add


@with_weights("not an HDF5 file")
def weights_that_are_text(tree):
    return b"weights"


@with_weights("cut off")
def weights_cut_off(tree):
    return _good()[WEIGHTS][:3000]


@with_weights("do not fit")
def weights_of_another_model(tree):
    return hdf5.good()


@with_weights("do not fit")
def weights_of_another_shape(tree):
    tree.at("layers/dense/vars")["0"] = np.ones((4, 3), np.float32)


@with_weights("do not fit")
def weights_missing(tree):
    del tree["layers"]["dense"]


@with_weights("do not fit")
def weight_missing(tree):
    del tree.at("layers/dense/vars")["1"]


@with_weights("do not fit")
def group_for_a_weight(tree):
    tree.at("layers/dense/vars")["0"] = Group({"x": np.ones(3)})


@with_weights("do not fit")
def weight_for_a_group(tree):
    tree["layers"]["dense"] = np.ones(3)


# --- what is as large as the configuration says ---------------------------------------------------------------------


def metric(name, **config):
    @with_config("more than the weights in the file can account for", f"metric_{name}_of_gigabytes")
    def large_metric(found):
        found["compile_config"]["metrics"] = [of("keras.metrics", name, **config)]


def sized(name, shape, **config):
    @with_config("more than the weights in the file can account for", f"layer_{name}_of_gigabytes")
    def large_layer(found):
        found = row_of_layers(of("keras.layers", name, **config))
        layer(found, 0)["config"]["batch_shape"] = shape
        return found


metric("AUC", num_thresholds=10**9)
metric("SensitivityAtSpecificity", specificity=0.5, num_thresholds=10**9)
metric("MeanIoU", num_classes=10**6)
sized("MelSpectrogram", [None, 16_000], num_mel_bins=10**5, fft_length=2**14)
sized("STFTSpectrogram", [None, 10**7, 1], fft_length=10**5, frame_length=10**5)
sized("AdaptiveAveragePooling1D", [None, 10**6, 3], output_size=10**5)
sized("AdaptiveMaxPooling1D", [None, 10, 3], output_size=10**9)
sized("UpSampling2D", [None, 10**5, 2, 3], size=10, interpolation="bilinear")
sized("GRU", [None, 10**6, 3], units=2, unroll=True)
sized("Conv2D", [None, 10**7, 10**7, 3], filters=4, kernel_size=[10**6, 10**6])
