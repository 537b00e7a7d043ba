"""`Trainer`: what a model can do besides being called - `compile`, `fit`, `evaluate`, `predict`, and their single steps."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.callbacks.callback import History
from treadle.keras_like.callbacks.callback_list import CallbackList
from treadle.keras_like.callbacks.progress import ProgbarLogger
from treadle.keras_like.core import layouts, settings
from treadle.keras_like.core.overrides import convert_overrides, shield
from treadle.keras_like.metrics.aggregates import Mean
from treadle.keras_like.optimizers import registry as optimizers
from treadle.keras_like.optimizers.loss_scale import LossScaleOptimizer
from treadle.keras_like.training.compiling import CompiledLoss, CompiledMetrics
from treadle.keras_like.training.data import Batches, as_data, batches, split_off, unpack_x_y_sample_weight, without_none
from treadle.keras_like.training.execution import Execution, Portion, eager_portions, holds_text, splitting


class Trainer:
    """Mixed into `Model`."""

    _optimizer: Any = None
    _compiled_loss: CompiledLoss | None = None
    _compiled_metrics: CompiledMetrics | None = None
    _loss_tracker: Any = None
    compiled = False
    stop_training = False
    # While `fit` runs; a callback that restores a run says in `on_train_begin` where it goes on.
    _fit_data: Any = None
    _initial_epoch = _initial_batch = 0
    run_eagerly = False
    steps_per_execution: Any = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        convert_overrides(cls, ("compute_loss", "compute_metrics"))

    _strategy: Any = None  # the `tf.distribute` strategy in whose scope the model was made or compiled

    # --- on which devices ---

    @property
    def distribute_strategy(self) -> Any:
        """The `tf.distribute` strategy that the model is trained with."""
        return self._strategy or tf.distribute.get_strategy()

    def _note_strategy(self) -> None:
        if tf.distribute.has_strategy():
            self.__dict__["_strategy"] = tf.distribute.get_strategy()

    def _split_batch(self) -> Callable | None:
        """What splits a batch over devices inside a step; None if there is one device."""
        strategy = self._strategy or layouts.strategy()
        return None if strategy is None or len(strategy.devices) == 1 else strategy.split_batch

    # --- compile ---

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, metrics: Any = None,
                weighted_metrics: Any = None, run_eagerly: bool = False, steps_per_execution: Any = 1,
                jit_compile: Any = "auto", auto_scale_loss: bool = True) -> None:
        """Say how to train.

        Args:
            optimizer, loss, metrics, weighted_metrics: names, objects, or functions; for several outputs a list or a dict
                of them. "accuracy" means the accuracy that fits the outputs.
            loss_weights: factors for the outputs' losses.
            run_eagerly: run steps op by op, for debugging.
            steps_per_execution: steps in one program. Default 1.
            jit_compile: accepted; steps are always compiled by XLA.
            auto_scale_loss: with a float16 policy, scale the loss so that gradients do not vanish.
        """
        self._note_strategy()
        self._optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16" and self._optimizer is not None:  # type: ignore[attr-defined]
            if not isinstance(self._optimizer, LossScaleOptimizer):
                self._optimizer = LossScaleOptimizer(self._optimizer, name="loss_scale_optimizer")
        names = getattr(self, "output_names", None)
        self._compiled_loss = None if loss is None else CompiledLoss(loss, loss_weights, names)
        self._compiled_metrics = CompiledMetrics(metrics, weighted_metrics, names) if metrics or weighted_metrics else None
        self._loss_tracker = Mean(name="loss")
        self.run_eagerly, self.steps_per_execution = run_eagerly, steps_per_execution
        self._compile_config = {"optimizer": optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics,
                                "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly,
                                "steps_per_execution": steps_per_execution, "jit_compile": jit_compile}
        self.compiled, self.stop_training = True, False
        self._functions: dict[str, Callable] = {}

    @property
    def optimizer(self) -> Any:
        """The optimizer."""
        return self._optimizer

    @optimizer.setter
    def optimizer(self, value: Any) -> None:
        self._optimizer = value

    @property
    def loss(self) -> Any:
        """The loss that `compile` was given."""
        return self._compiled_loss.loss if self._compiled_loss is not None else None

    @property
    def metrics(self) -> list[Any]:
        """The loss tracker, the metrics of `compile`, and those that the model and its layers hold."""
        found: list[Any] = []
        if self._loss_tracker is not None:
            found.append(self._loss_tracker)
        if self._compiled_metrics is not None:
            found.append(self._compiled_metrics)
        if self._compiled_loss is not None:
            found.extend(self._compiled_loss.trackers)
        found.extend(super().metrics)  # type: ignore[misc]
        return list({id(m): m for m in found}.values())

    # As a `train_step` written for tf.keras uses them.

    @property
    def compiled_loss(self) -> Callable:
        """(y, y_pred, sample_weight=None, regularization_losses=None) -> the loss of a batch, which is tracked too."""
        return self._tracked_loss

    @property
    def compiled_metrics(self) -> CompiledMetrics | None:
        """The metrics of `compile`; `update_state(y, y_pred, sample_weight=None)` takes a batch into them."""
        return self._compiled_metrics

    def _tracked_loss(self, y: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Any = None) -> Any:
        if self._compiled_loss is None:
            raise tf.errors.FailedPreconditionError("There is no loss. Received: compile(loss=None). Pass `loss` to `compile`.")
        loss = self._compiled_loss(y, y_pred, sample_weight)
        for one in regularization_losses or []:
            loss = loss + tf.cast(one, loss.dtype)
        self._loss_tracker.update_state(loss, sample_weight=_count(y))
        return loss

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [m.name for m in self.metrics]

    def reset_metrics(self) -> None:
        """Begin the metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    # --- steps ---

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
                     training: bool = True) -> Any:
        """The loss of a batch: that of `compile`, plus what layers added. May be overridden."""
        losses = []
        if self._compiled_loss is not None and y is not None:
            loss = self._compiled_loss(y, y_pred, sample_weight)
            if loss is not None:
                losses.append(loss)
        losses += [tf.cast(one, tf.float32) for one in self.losses]  # type: ignore[attr-defined]
        if not losses:
            raise tf.errors.InvalidArgumentError(
                "There is no loss to train on. Received: compile(loss=None), and no layer added one with `add_loss`. Pass "
                "`loss` to `compile`, or targets to `fit`.")
        total = losses[0]
        for one in losses[1:]:
            total = total + tf.cast(one, total.dtype)
        return total

    def _compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        """`compute_loss`; one of the user's need not take `training`."""
        taken = inspect.signature(self.compute_loss).parameters
        told = {"training": training} if "training" in taken or any(p.kind is p.VAR_KEYWORD for p in taken.values()) else {}
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **told)
        if loss is None:
            raise tf.errors.DtypeError(
                f"`compute_loss` of {type(self).__name__} gave no loss. Received: None. Return a scalar tensor at its end.")
        return loss

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Take a batch into the metrics and return all their values. May be overridden."""
        if self._compiled_metrics is not None and y is not None:
            self._compiled_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """The metrics' values by name."""
        return _flat({metric.name: metric.result() for metric in self.metrics})

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of training on a batch; returns the logs. May be overridden, with `GradientTape` as in the guides."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)  # type: ignore[operator]
            loss = self._compute_loss(x, y, y_pred, sample_weight, training=True)
            self._loss_tracker.update_state(loss, sample_weight=_count(x))
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_weights  # type: ignore[attr-defined]
        if variables:
            self.optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables))
        else:
            warnings.warn("The model has no trainable weights.", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """One step of evaluation on a batch; returns the logs. May be overridden."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)  # type: ignore[operator]
        if y is not None or self.losses:  # type: ignore[attr-defined]
            loss = self._compute_loss(x, y, y_pred, sample_weight, training=False)
            self._loss_tracker.update_state(loss, sample_weight=_count(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data: Any) -> Any:
        """The model's outputs for a batch. May be overridden."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)  # type: ignore[operator]

    def _step(self, kind: str) -> Callable[[Any], Any]:
        """`train_step` and its like, compiled."""
        step = getattr(self, f"{kind}_step")
        functions = self.__dict__.setdefault("_functions", {})
        if self.run_eagerly or tf.config.functions_run_eagerly():
            return step
        if kind not in functions:
            split = self._split_batch()
            functions[kind] = tf.function(step if split is None else splitting(step, split), reduce_retracing=False)
        return functions[kind]

    def _steps(self, kind: str, data: Batches, limit: int | None, run: CallbackList,
               done: int = 0) -> Iterator[tuple[int, Any]]:
        """Take the step for an epoch's batches; yields (how many are done, the last one's logs) now and then.

        `done` of them were taken before, in another process.

        A callback that looks at single batches is called for each one, and each is a program of its own then.
        """
        begin, end = getattr(run, f"on_{kind}_batch_begin"), getattr(run, f"on_{kind}_batch_end")
        each = run.needs_batch(kind)
        count = done
        for portion in self._portions(kind, data, limit and limit - done, each):
            if each:
                begin(count)
            logs = portion.run()
            count += portion.count
            if each:
                end(count - 1, _Logs(_flat(logs)))
            run.on_progress(kind, count, _Logs(sorted(_flat(logs).items())))
            yield count, logs

    def _portions(self, kind: str, data: Batches, limit: int | None, each: bool) -> Iterator[Portion]:
        step = getattr(self, f"{kind}_step")
        fixed = None if self.steps_per_execution in (1, "auto", None) else int(self.steps_per_execution)
        if self.run_eagerly or tf.config.functions_run_eagerly():
            return eager_portions(step, data, limit)
        functions = self.__dict__.setdefault("_functions", {})
        execution: Any = functions.get(f"{kind} many")
        if execution is None:
            execution = functions[f"{kind} many"] = Execution(self._step(kind), fixed, self._split_batch())
        return execution.portions(data, limit, each and fixed is None)

    def _release_data(self) -> None:
        for kind in ("train", "test"):
            execution: Any = self._functions.get(f"{kind} many")
            if execution is not None:
                execution.release()

    def make_train_function(self, force: bool = False) -> Callable:
        """The compiled step of training."""
        if force:
            self.__dict__.get("_functions", {}).pop("train", None)
        return self._step("train")

    def make_test_function(self, force: bool = False) -> Callable:
        """The compiled step of evaluation."""
        if force:
            self.__dict__.get("_functions", {}).pop("test", None)
        return self._step("test")

    def make_predict_function(self, force: bool = False) -> Callable:
        """The compiled step of prediction."""
        if force:
            self.__dict__.get("_functions", {}).pop("predict", None)
        return self._step("predict")

    # --- fit ---

    def fit(self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto",
            callbacks: Any = None, validation_split: float = 0.0, validation_data: Any = None, shuffle: bool = True,
            class_weight: Any = None, sample_weight: Any = None, initial_epoch: int = 0, steps_per_epoch: int | None = None,
            validation_steps: int | None = None, validation_batch_size: int | None = None, validation_freq: Any = 1,
            **kwargs: Any) -> History:
        """Train for some epochs; returns a `History`.

        Args:
            x, y, sample_weight: arrays or structures of them; or x a `tf.data.Dataset`, generator, `PyDataset` or torch
                DataLoader of (x, y) or (x, y, sample_weight).
            batch_size: for arrays. Default 32.
            epochs, initial_epoch: train from the one to the other.
            verbose: 0 nothing, 1 a progress bar, 2 a line an epoch; "auto" is 1.
            callbacks: a list of `keras.callbacks.Callback`.
            validation_split, validation_data, validation_steps, validation_batch_size, validation_freq: what to evaluate on
                after epochs, and how.
            shuffle: shuffle arrays before each epoch. Default True.
            class_weight: {class: factor} for the samples' weights.
            steps_per_epoch: default: until the data end.
        """
        self._require_compiled("fit")
        if self._optimizer is None:
            raise tf.errors.FailedPreconditionError("`fit` needs an optimizer. Received: compile(optimizer=None).")
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split_off((x, y, sample_weight), validation_split)
        data = batches(x, y, sample_weight, batch_size, shuffle, class_weight, steps_per_epoch)
        verbose = _verbosity(verbose)
        epochs = _at_most(epochs, settings.max_epochs())
        steps_per_epoch = _at_most(steps_per_epoch, settings.max_steps_per_epoch())
        steps = steps_per_epoch or data.steps
        run = self._callbacks(callbacks, verbose, {"verbose": verbose, "epochs": epochs, "steps": steps})
        self.stop_training = False
        self._fit_data, self._initial_epoch, self._initial_batch = data, initial_epoch, 0
        try:
            run.on_train_begin()
            logs: dict[str, Any] = {}
            for epoch in range(self._initial_epoch, epochs):
                logs = self._train_epoch(epoch, data, steps_per_epoch, run)
                epoch_logs = _by_name(logs)
                if validation_data is not None and _is_due(epoch, validation_freq):
                    found = self._validate(validation_data, validation_batch_size or batch_size, validation_steps, run)
                    epoch_logs.update((f"val_{k}", v) for k, v in _by_name(found).items())
                run.on_epoch_end(epoch, epoch_logs)
                if self.stop_training:
                    break
            if epochs > self._initial_epoch:
                self._optimizer.finalize_variable_values(self.trainable_weights)  # type: ignore[attr-defined]
            run.on_train_end(logs=_plain(logs))
        finally:
            self._fit_data = None
            self._release_data()
        return self.history

    def _train_epoch(self, epoch: int, data: Batches, limit: int | None, run: CallbackList) -> dict[str, Any]:
        done = self._initial_batch if epoch == self._initial_epoch else 0
        if not done:
            self.reset_metrics()
        run.on_epoch_begin(epoch)
        if data.on_epoch_begin is not None:
            data.on_epoch_begin()
        count, logs = done, self.get_metrics_result() if done else {}
        for count, logs in self._steps("train", data, limit, run, done):  # noqa: B007
            if self.stop_training:
                break
        if count == 0:
            raise tf.errors.InvalidArgumentError("The data have no batches (left). Received: nothing to train on.")
        if data.steps is None and run.params.get("steps") is None:
            run.set_params({**run.params, "steps": count})
        if data.on_epoch_end is not None:
            data.on_epoch_end()
        return logs

    def _make_variables(self) -> None:
        """Make the weights, the optimizer's state and the metrics', for the data of `fit`: a step is traced and not run."""
        step = tf.function(self.train_step)
        specs = tf.nest.map_structure(lambda v: tf.TensorSpec(v.shape, v.dtype), without_none(self._fit_data.example()))
        step.get_concrete_function(specs)

    def _validate(self, given: Any, batch_size: int | None, steps: int | None, run: CallbackList) -> dict[str, Any]:
        kept = self.__dict__.setdefault("_validation_batches", {})
        known = kept.get(id(given))
        if known is None or known[0] is not given:
            x, y, sample_weight = unpack_x_y_sample_weight(given) if isinstance(given, (tuple, list)) else (given, None, None)
            kept.clear()
            kept[id(given)] = known = (given, batches(x, y, sample_weight, batch_size))
        return self._evaluate(known[1], steps, run)

    def evaluate(self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto",
                 sample_weight: Any = None, steps: int | None = None, callbacks: Any = None, return_dict: bool = False,
                 **kwargs: Any) -> Any:
        """The loss and metrics on some data: a number, a list in the order of `metrics_names`, or a dict."""
        self._require_compiled("evaluate")
        data = batches(x, y, sample_weight, batch_size)
        verbose, steps = _verbosity(verbose), _at_most(steps, settings.max_steps_per_epoch())
        params = {"verbose": verbose, "epochs": 1, "steps": steps or data.steps}
        run = self._callbacks(callbacks, verbose, params, history=False)
        try:
            logs = self._evaluate(data, steps, run)
        finally:
            self._release_data()
        if return_dict:
            return _by_name(logs)
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

    def _evaluate(self, data: Batches, steps: int | None, run: CallbackList) -> dict[str, Any]:
        logs: dict[str, Any] = {}
        self.reset_metrics()
        run.on_test_begin()
        for _, logs in self._steps("test", data, steps, run):  # noqa: B007
            pass
        found = _plain(logs)
        run.on_test_end(found)
        return found

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None,
                callbacks: Any = None) -> Any:
        """The outputs for all of `x`, as NumPy arrays in the structure of the outputs."""
        data = batches(x, None, None, batch_size)
        verbose, steps = _verbosity(verbose), _at_most(steps, settings.max_steps_per_epoch())
        params = {"verbose": verbose, "epochs": 1, "steps": steps or data.steps}
        run = self._callbacks(callbacks, verbose, params, history=False)
        step = self.make_predict_function()
        run.on_predict_begin()
        found: list[Any] = []
        for count, batch in enumerate(data.epoch(steps)):
            run.on_predict_batch_begin(count)
            given = without_none(batch)
            outputs = self.predict_step(given) if holds_text(given) else step(given)
            found.append(outputs)
            run.on_predict_batch_end(count, {"outputs": outputs})
            run.on_progress("predict", count + 1)
        run.on_predict_end()
        if not found:
            raise tf.errors.InvalidArgumentError("The data have no batches. Received: nothing to predict for.")
        columns = zip(*(tf.nest.flatten(f) for f in found))
        return tf.nest.pack_sequence_as(found[0], [np.concatenate([np.asarray(v) for v in column]) for column in columns])

    # --- single batches ---

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None,
                       return_dict: bool = False) -> Any:
        """One step of training on one batch; returns its metrics."""
        self._require_compiled("train_on_batch")
        self.reset_metrics()
        return _logged(self.make_train_function()(self._batch(x, y, sample_weight, class_weight)), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """One step of evaluation on one batch; returns its metrics."""
        self._require_compiled("test_on_batch")
        self.reset_metrics()
        return _logged(self.make_test_function()(self._batch(x, y, sample_weight, None)), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        outputs = self.make_predict_function()(self._batch(x, None, None, None))
        return tf.nest.map_structure(np.asarray, outputs)

    def _batch(self, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> tuple:
        given = tf.nest.map_structure(
            lambda v: v if v is None or isinstance(v, tf.Tensor) else as_data(v), (x, y, sample_weight))
        data = Batches(lambda: iter([given]), 1)
        if class_weight is not None:
            data = batches(data, class_weight=class_weight)
        return without_none(next(data.epoch()))

    # --- helpers ---

    def _require_compiled(self, what: str) -> None:
        if not self.compiled:
            raise tf.errors.FailedPreconditionError(f"Call `compile()` before `{what}()`, to say how to train.")

    def _callbacks(self, given: Any, verbose: int, params: dict[str, Any], history: bool = True) -> CallbackList:
        if isinstance(given, CallbackList):
            return given
        found = list(given) if isinstance(given, (list, tuple)) else [] if given is None else [given]
        if history:
            self.history = next((c for c in found if isinstance(c, History)), None) or History()
            if self.history not in found:
                found.append(self.history)
        if verbose:
            found.append(ProgbarLogger())
        return CallbackList(found, model=self, **params)


def _verbosity(verbose: Any) -> int:
    return int(verbose) if verbose != "auto" else int(settings.is_interactive_logging_enabled())


def _at_most(value: Any, limit: int | None) -> Any:
    return value if limit is None else limit if value is None else min(value, limit)


def _count(x: Any) -> Any:
    """How many samples a batch has."""
    first = tf.nest.flatten(x)[0]
    return tf.cast(tf.shape(first)[0], tf.float32)


def _is_due(epoch: int, frequency: Any) -> bool:
    return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else (epoch + 1) in frequency


def _by_name(logs: Any) -> dict[str, Any]:
    """`_plain` logs sorted by name, as Keras shows them."""
    return dict(sorted(_plain(logs).items()))


def _plain(logs: Any) -> dict[str, Any]:
    """Logs with Python floats in place of scalar tensors."""
    return {k: float(v) if np.ndim(v) == 0 else np.asarray(v) for k, v in _flat(logs or {}).items()}


def _flat(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Logs with the values of a metric that has several, by their own names, in the place of it."""
    found: dict[str, Any] = {}
    for name, value in logs.items():
        found.update(_flat(value) if isinstance(value, Mapping) else {name: value})
    return found


class _Logs(dict):
    """A batch's logs: a value is read from the device when it is asked for."""

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        return float(value) if np.ndim(value) == 0 else np.asarray(value)

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default

    def items(self) -> Any:
        return [(k, self[k]) for k in self]

    def values(self) -> Any:
        return [self[k] for k in self]


def _logged(logs: Any, return_dict: bool) -> Any:
    found = _plain(logs)
    if return_dict:
        return found
    values = list(found.values())
    return values[0] if len(values) == 1 else values


shield(Trainer)
