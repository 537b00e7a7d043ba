"""`.keras` files of whole models, `.weights.h5` files of their weights: as Keras lays them out, both ways."""

from __future__ import annotations

import datetime
import json
import os
import warnings
from collections.abc import Mapping
from typing import Any, BinaryIO

import treadle as tf
from treadle.keras_like.core.descriptions import describe, from_description, sharing
from treadle.keras_like.core.registry import customs
from treadle.keras_like.core.variable import at_most
from treadle.keras_like.saving import old_h5, states
from treadle.keras_like.saving.archive import read_archive, write_archive
from treadle.keras_like.saving.errors import ModelFileError, refuse
from treadle.keras_like.saving.tensors import Group, check_tensors, is_small, read_tensors, write_tensors

KERAS_VERSION = "3.15.0"  # the version of the format
_METADATA, _CONFIG, _WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
_MOST_JSON_BYTES = 64 << 20
_MOST_NOT_IN_FILE = 16 << 20  # bytes of weights that a model may have beside those in its file


# --- whole models ---------------------------------------------------------------------------------------------------


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Save a model - what it is made of, weights, optimizer state - in one file, which Keras reads too. See `Model.save`.

    >>> import tempfile
    >>> from treadle import keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> keras.saving.save_model(model, tempfile.mkdtemp() + "/model.keras")
    """
    kwargs.pop("save_format", None)
    kwargs.pop("include_optimizer", None)
    if kwargs:
        raise tf.errors.InvalidArgumentError(f"`save` has no argument {next(iter(kwargs))!r}.")
    if not hasattr(filepath, "write"):
        path = os.fspath(filepath)
        if not path.endswith(".keras") or zipped is False:
            raise tf.errors.InvalidArgumentError(
                f"Models are saved in `.keras` files. Received: {path!r}{' with zipped=False' if zipped is False else ''}. Use "
                "a path that ends in '.keras'; `save_weights('....weights.h5')` saves the weights alone, `export` the "
                "computation.")
        _may_write(path, overwrite)
    if not model.built and not model.weights:
        warnings.warn(f"The model {model.name!r} has no weights yet, so none are saved. Call it on some data first.",
                      stacklevel=2)
    with sharing():
        config = json.dumps(describe(model))
    date = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = json.dumps({"keras_version": KERAS_VERSION, "date_saved": date, "treadle_version": tf.__version__})
    state = states.state_of(model)

    def weights(file: BinaryIO) -> None:
        write_tensors(file, state)

    write_archive(filepath, {_METADATA: metadata.encode(), _CONFIG: config.encode(), _WEIGHTS: weights,
                             **states.assets_of(model)}, _check, is_small(state))


def _check(path: str) -> None:
    """Raise ModelFileError if a file that was just written is not as it should be. The weights' checksum was made from what
    is in the file, so it says less than the tensors' digests, which were made from what is in memory."""
    with read_archive(path) as archive, read_archive(path) as again:
        for name in archive:
            if name != _WEIGHTS:
                archive.check(name)
        check_tensors(archive.part(_WEIGHTS), again.part(_WEIGHTS))


def load_model(filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True,
               safe_mode: bool = True) -> Any:
    """The model of a `.keras` file, with its weights and optimizer state, so that `fit` goes on. Keras' own files too, and
    its older `.h5` files.

    Nothing in the file is run, and only built-in classes, registered ones and those in `custom_objects` are made.

    Args:
        filepath: the path, or a file that is open for reading.
        custom_objects: your own classes and functions by name.
        compile: compile the model as it was. Default True.
        safe_mode: False: lambdas in the file are made from the Python bytecode in it. Default True: they are refused.

    Raises ModelFileError if the file is damaged, or asks for what is not allowed.

    >>> import tempfile
    >>> from treadle import keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> path = tempfile.mkdtemp() + "/model.keras"
    >>> model.save(path)
    >>> keras.models.load_model(path).output_shape
    (None, 2)
    """
    if not hasattr(filepath, "read") and os.fspath(filepath).endswith((".h5", ".hdf5")):
        return _load_old_model(filepath, custom_objects, compile, safe_mode)
    with read_archive(filepath) as archive:
        for name in (_CONFIG, _WEIGHTS):
            if name not in archive:
                raise refuse(filepath, f"is no model: it has no {name!r}.", "Give the path of a file that `model.save` wrote.")
        config = _json(filepath, archive, _CONFIG)
        with archive.open(_WEIGHTS) as file:
            state = _read(filepath, file)
        if not compile:
            config = {**config, "compile_config": None}
        model = _made(filepath, config, state, custom_objects, safe_mode)
        failed = states.load_state(model, state)
        if failed:
            raise _not_loaded(filepath, failed)
        if any(name.startswith("assets/") for name in archive):
            states.load_assets(model, archive)
    return model


def _load_old_model(filepath: Any, custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Any:
    description, root = old_h5.read_old_model(filepath)
    model = _made(filepath, description, root, custom_objects, safe_mode, family="layers")
    if not model.built:
        raise refuse(filepath, "does not say what the model's inputs are, so its weights cannot be loaded.",
                     "Make the model, call it on some data, and load the weights with `load_weights`.")
    old_h5.load_old_weights(filepath, model, root["model_weights"])
    if compile:
        try:
            old_h5.compile_old_model(filepath, model, root, custom_objects)
        except ModelFileError:
            raise
        except Exception as error:
            raise refuse(filepath, f"says in a way that cannot be followed how the model is trained: {first_line(error)}",
                         "Load the model with `compile=False`, and compile it.") from error
    return model


def _json(source: Any, archive: Any, name: str) -> dict[str, Any]:
    if archive.size(name) > _MOST_JSON_BYTES:
        raise refuse(source, f"has a {name!r} of {archive.size(name)} bytes; at most {_MOST_JSON_BYTES} are read.")
    try:
        found = json.loads(archive[name])
    except (ValueError, RecursionError) as error:
        raise refuse(source, f"has a {name!r} that is no JSON: {error}.") from None
    if not isinstance(found, dict) or "class_name" not in found:
        raise refuse(source, f"has a {name!r} that describes no model.")
    return found


def _read(source: Any, file: Any) -> Group:
    try:
        return read_tensors(file)
    except ModelFileError as error:
        raise refuse(source, f"has a member, {_WEIGHTS!r}, that {error.problem}") from None


def _made(source: Any, config: Mapping[str, Any], state: Group, custom_objects: Mapping[str, Any] | None,
          safe_mode: bool, family: str | None = None) -> Any:
    """The model of a configuration, none of whose weights can be larger than what the file has for it."""
    limit = 4 * states.size_of(state) + _MOST_NOT_IN_FILE
    try:
        with sharing(), at_most(limit):
            model = from_description(config, custom_objects, safe_mode=safe_mode, family=family)
    except ModelFileError:
        raise
    except Exception as error:  # a class of the user's may raise anything, and so may ours for arguments of wrong types
        where = " in ".join(vars(error).get("where", [])[::-1])
        raise refuse(source, f"describes a model that cannot be made{f', at {where}' if where else ''}: {first_line(error)}",
                     "If it needs classes of your own, pass them in `custom_objects`.") from error
    if not hasattr(model, "load_own_variables"):
        raise refuse(source, f"describes no model, but a {type(model).__name__}.")
    return model


def first_line(error: BaseException) -> str:
    """An error's message, without where in the code it happened."""
    return str(error.args[0] if error.args else error).partition("\n")[0] or type(error).__name__


def _not_loaded(source: Any, failed: Mapping[int, tuple[str, Any, Exception]]) -> ModelFileError:
    path, value, error = next(iter(failed.values()))
    others = [p or "the model itself" for p, _, _ in list(failed.values())[1:9]]
    more = f" The same holds for {', '.join(others)}." if others else ""
    return refuse(source, f"has weights that do not fit the model, at {path or 'the model itself'!r} "
                          f"({type(value).__name__}): {first_line(error)}{more}",
                  "Load weights into a model of the same layers, or pass `skip_mismatch=True` to `load_weights`.")


def _may_write(path: str, overwrite: bool) -> None:
    if not overwrite and os.path.exists(path):
        raise tf.errors.InvalidArgumentError(
            f"There is a file already. Received: {path!r} with overwrite=False. Remove it, or choose another path.")


# --- weights --------------------------------------------------------------------------------------------------------


def save_weights(model: Any, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
    """Save a model's weights (and its optimizer's state) in a `.weights.h5` file. See `Model.save_weights`."""
    skipped = kwargs.pop("objects_to_skip", None) or ()
    if kwargs.pop("max_shard_size", None) is not None or kwargs:
        raise tf.errors.InvalidArgumentError(f"Weights are saved in one file. Received: {kwargs or 'max_shard_size'}.")
    path = os.fspath(filepath)
    if not path.endswith(".weights.h5"):
        raise tf.errors.InvalidArgumentError(f"The path of weights must end in '.weights.h5'. Received: {path!r}.")
    if not model.built and not model.weights:
        raise tf.errors.FailedPreconditionError(
            f"The model {model.name!r} has no weights yet. Call it on some data, or `build(input_shape)`, first.")
    _may_write(path, overwrite)
    write_tensors(path, states.state_of(model, skipped))


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Load weights that `save_weights` saved, or those of a `.keras` file. See `Model.load_weights`."""
    skipped = kwargs.pop("objects_to_skip", None) or ()
    if kwargs:
        raise tf.errors.InvalidArgumentError(f"`load_weights` has no argument {next(iter(kwargs))!r}. Received: {kwargs}.")
    path = os.fspath(filepath)
    if not path.endswith((".h5", ".hdf5", ".keras")):
        raise tf.errors.InvalidArgumentError(
            f"Weights are loaded from '.weights.h5', '.h5' or '.keras' files. Received: {path!r}.")
    if not model.built and not model.weights:
        raise tf.errors.FailedPreconditionError(
            f"The model {model.name!r} has no weights yet that could be loaded. Call it on some data, or "
            "`build(input_shape)`, first.")
    if path.endswith(".keras"):
        with read_archive(path) as archive:
            if _WEIGHTS not in archive:
                raise refuse(path, f"is no model: it has no {_WEIGHTS!r}.")
            with archive.open(_WEIGHTS) as file:
                state = _read(path, file)
    else:
        state = read_tensors(path)
    if "layer_names" in state.attributes or "model_weights" in state:
        old_h5.load_old_weights(path, model, state.get("model_weights", state))
        return
    before = [(v, v.read_value()) for _, one in states.objects_of(model) for v in one.variables]
    failed = states.load_state(model, state, skipped)
    if failed and skip_mismatch:
        warnings.warn(f"Not loaded from {path!r}: {'; '.join(f'{p!r}: {first_line(e)}' for p, _, e in failed.values())}",
                      stacklevel=2)
    elif failed:
        for variable, value in before:
            variable.assign(value)
        raise _not_loaded(path, failed)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that `to_json` described, with new weights.

    >>> from treadle import keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> keras.models.model_from_json(model.to_json()).output_shape
    (None, 2)
    """
    try:
        config = json.loads(json_string)
    except (ValueError, RecursionError) as error:
        raise tf.errors.InvalidArgumentError(f"This is no JSON: {error}. Received: {str(json_string)[:80]!r}.") from None
    with customs(custom_objects), sharing():
        return from_description(config, custom_objects)
