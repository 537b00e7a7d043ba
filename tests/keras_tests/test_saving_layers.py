"""Every built-in layer in files: real Keras makes ours from its configuration, we make Keras' own; weights have one place."""

from __future__ import annotations

import json

import numpy as np
import pytest

from keras_tests.oracle import ours, theirs
from keras_tests.test_layer_table import HERE
from treadle.keras_like.saving.tensors import read_tensors

VECTORS, STEPS, IMAGES, VIDEOS = (6,), (5, 6), (8, 8, 3), (4, 4, 4, 3)
INTEGERS = ((5,), "int32")
# name -> (arguments, shapes of the inputs without the batch)
ROWS = {
    "Dense": ({"units": 3, "activation": "relu", "kernel_regularizer": "l2", "bias_constraint": "non_neg"}, VECTORS),
    "EinsumDense": ({"equation": "abc,cd->abd", "output_shape": (None, 4), "bias_axes": "d"}, STEPS),
    "Embedding": ({"input_dim": 9, "output_dim": 3, "mask_zero": True}, INTEGERS),
    "ReversibleEmbedding": ({"input_dim": 9, "output_dim": 3}, INTEGERS),
    "Lambda": ({"function": "relu"}, VECTORS), "Activation": ({"activation": "tanh"}, VECTORS),
    "Masking": ({"mask_value": 1.0}, STEPS), "Dropout": ({"rate": 0.5, "seed": 1, "noise_shape": (None, 1)}, VECTORS),
    "AlphaDropout": ({"rate": 0.5}, VECTORS), "GaussianDropout": ({"rate": 0.5}, VECTORS),
    "GaussianNoise": ({"stddev": 0.5}, VECTORS), "ActivityRegularization": ({"l1": 0.1}, VECTORS),
    "Permute": ({"dims": (2, 1)}, STEPS), "RepeatVector": ({"n": 3}, VECTORS), "Reshape": ({"target_shape": (2, 3)}, VECTORS),
    "Conv1D": ({"filters": 3, "kernel_size": 2}, STEPS), "Conv2D": ({"filters": 3, "kernel_size": 2}, IMAGES),
    "Conv3D": ({"filters": 3, "kernel_size": 2}, VIDEOS), "Conv1DTranspose": ({"filters": 3, "kernel_size": 2}, STEPS),
    "Conv2DTranspose": ({"filters": 3, "kernel_size": (2, 3), "strides": 2}, IMAGES),
    "Conv3DTranspose": ({"filters": 3, "kernel_size": 2}, VIDEOS), "DepthwiseConv1D": ({"kernel_size": 2}, STEPS),
    "DepthwiseConv2D": ({"kernel_size": 2}, IMAGES), "SeparableConv1D": ({"filters": 3, "kernel_size": 2}, STEPS),
    "SeparableConv2D": ({"filters": 3, "kernel_size": 2}, IMAGES),
    "LSTM": ({"units": 3, "recurrent_activation": "hard_sigmoid", "dropout": 0.1}, STEPS),
    "GRU": ({"units": 3, "reset_after": False}, STEPS), "SimpleRNN": ({"units": 3, "return_sequences": True}, STEPS),
    "ConvLSTM1D": ({"filters": 2, "kernel_size": 2}, IMAGES), "ConvLSTM2D": ({"filters": 2, "kernel_size": 2}, VIDEOS),
    "ConvLSTM3D": ({"filters": 2, "kernel_size": 2}, (2, 4, 4, 4, 2)),
    "MultiHeadAttention": ({"num_heads": 2, "key_dim": 3}, [STEPS, STEPS]),
    "GroupQueryAttention": ({"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2}, [STEPS, STEPS]),
    "CategoryEncoding": ({"num_tokens": 9}, INTEGERS), "Discretization": ({"bin_boundaries": [0.0, 1.0]}, VECTORS),
    "Normalization": ({"mean": 1.0, "variance": 2.0}, VECTORS), "Rescaling": ({"scale": 0.1, "offset": 1.0}, VECTORS),
    "GroupNormalization": ({"groups": 3}, VECTORS), "UpSampling1D": ({"size": 3}, STEPS),
    "Cropping1D": ({"cropping": 1}, STEPS), "ZeroPadding1D": ({"padding": 2}, STEPS),
    "CenterCrop": ({"height": 3, "width": 3}, IMAGES), "Resizing": ({"height": 3, "width": 3}, IMAGES),
    "RandomCrop": ({"height": 3, "width": 3, "seed": 1}, IMAGES), "ELU": ({"alpha": 0.5}, VECTORS),
    "LeakyReLU": ({"negative_slope": 0.1}, VECTORS), "PReLU": ({"shared_axes": [1]}, STEPS),
    "ReLU": ({"max_value": 2.0}, VECTORS), "ContrastLimitedAdaptiveHistogramEqualization": ({}, IMAGES),
}
WRAPPERS = {
    "Bidirectional": lambda k: (k.layers.Bidirectional(k.layers.GRU(2), merge_mode="sum"), STEPS),
    "TimeDistributed": lambda k: (k.layers.TimeDistributed(k.layers.Dense(2)), STEPS),
    "SpectralNormalization": lambda k: (k.layers.SpectralNormalization(k.layers.Dense(2)), VECTORS),
    "RNN": lambda k: (k.layers.RNN([k.layers.LSTMCell(2), k.layers.GRUCell(3)]), STEPS),
    "StackedRNNCells": lambda k: (k.layers.RNN(k.layers.StackedRNNCells([k.layers.SimpleRNNCell(2)])), STEPS),
    "LSTMCell": lambda k: (k.layers.RNN(k.layers.LSTMCell(2, unit_forget_bias=False), go_backwards=True), STEPS),
    "GRUCell": lambda k: (k.layers.RNN(k.layers.GRUCell(2), return_state=True), STEPS),
    "SimpleRNNCell": lambda k: (k.layers.RNN(k.layers.SimpleRNNCell(2)), STEPS),
    "Pipeline": lambda k: (k.layers.Pipeline([k.layers.Rescaling(0.5), k.layers.CenterCrop(2, 2)]), IMAGES),
}
# Layers without a row take no arguments and one of these inputs.
INPUTS = {"1D": STEPS, "2D": IMAGES, "3D": VIDEOS, "Random": IMAGES, "Aug": IMAGES, "Mix": IMAGES, "Equal": IMAGES,
          "AutoContrast": IMAGES, "Solarization": IMAGES, "CLAHE": IMAGES, "Limited": IMAGES}
MERGING = ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract")
# Abstract, without an input, or with a function or a file in place of arguments; test_text.py has the lookups.
LEFT_OUT = {"Layer", "Wrapper", "InputLayer", "TextVectorization", "StringLookup", "IntegerLookup", "Hashing", "HashedCrossing",
            "MelSpectrogram", "STFTSpectrogram", "MaxNumBoundingBoxes", "JaxLayer", "FlaxLayer", "TorchModuleWrapper",
            "TFSMLayer", "CutMix", "MixUp"}
ONLY_EAGER = {"Equalization", "ContrastLimitedAdaptiveHistogramEqualization"}  # the first in Keras, the second here
NAMES = [n for n in HERE if n not in LEFT_OUT and getattr(theirs.layers, n).__name__ == n or n == "GroupQueryAttention"]


def made(k, name):
    """(the layer, the shapes of its inputs)."""
    if name in WRAPPERS:
        return WRAPPERS[name](k)
    if name in ROWS:
        arguments, shapes = ROWS[name]
        arguments = {n: k.activations.get(v) if n == "function" else v for n, v in arguments.items()}
        return getattr(k.layers, name)(**arguments), shapes
    shapes = [VECTORS, VECTORS] if name in MERGING else [STEPS, STEPS] if "Attention" in name else next(
        (shape for part, shape in INPUTS.items() if part in name), VECTORS)
    required = {"Adaptive": {"output_size": 2}, "Dot": {"axes": 1}, "AveragePooling1D": {"pool_size": 2},
                "AveragePooling2D": {"pool_size": 2}, "AveragePooling3D": {"pool_size": 2},
                "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}, "RandomSharpness": {"factor": 0.1},
                "RandomColorDegeneration": {"factor": 0.1},
                "RandomZoom": {"height_factor": 0.1}, "RandomRotation": {"factor": 0.1}, "RandomContrast": {"factor": 0.1},
                "RandomBrightness": {"factor": 0.1}, "RandomPosterization": {"factor": 2}, "RandomHue": {"factor": 0.1},
                "RandomSaturation": {"factor": 0.1}, "SpatialDropout": {"rate": 0.1}}
    arguments = next((a for part, a in required.items() if part in name and "Global" not in name), {})
    return getattr(k.layers, name)(**arguments), shapes


def model_of(k, layer, shapes):
    several = isinstance(shapes, list)
    inputs = [_input(k, shape) for shape in (shapes if several else [shapes])]
    outputs = layer(*inputs) if "Attention" in type(layer).__name__ and several and "Additive" not in type(
        layer).__name__ and type(layer).__name__ != "Attention" else layer(inputs if several else inputs[0])
    return k.Model(inputs, outputs)


def _input(k, shape):
    shape, dtype = shape if isinstance(shape[-1], str) else (shape, "float32")
    return k.Input(shape, dtype=dtype)


def plain(value):
    """A configuration for comparison: without names that are numbered, what is None, and what is written in several ways."""
    if isinstance(value, dict):
        left_out = ("name", "shared_object_id", "build_config", "dtype", "data_format", "x_factor", "y_factor")
        return {k: plain(v) for k, v in value.items() if k not in left_out and v is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return float(np.float32(value)) if isinstance(value, (float, int)) else value


def tensors(tree, path=""):
    """{path: shape} of a tree."""
    found = {}
    for name, value in tree.items():
        found.update(tensors(value, f"{path}/{name}") if isinstance(value, dict) else {f"{path}/{name}": value.shape})
    return found


@pytest.mark.parametrize("name", NAMES)
def test_configurations(name):
    mine, other = made(ours, name)[0], made(theirs, name)[0]
    first, second = (json.loads(json.dumps(k.layers.serialize(layer))) for k, layer in ((ours, mine), (theirs, other)))
    assert plain(first) == plain(second)
    assert plain(ours.layers.serialize(ours.layers.deserialize(first))) == plain(first)
    assert plain(ours.layers.serialize(ours.layers.deserialize(second))) == plain(first)
    assert type(theirs.layers.deserialize(first)) is type(other)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ONLY_EAGER])
def test_weights(name, tmp_path):
    models = [model_of(k, *made(k, name)) for k in (ours, theirs)]
    paths = [str(tmp_path / f"{i}.weights.h5") for i in range(2)]
    for model, path in zip(models, paths):
        model.save_weights(path)
    assert tensors(read_tensors(paths[0])) == tensors(read_tensors(paths[1]))
    models[0].load_weights(paths[1])
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
