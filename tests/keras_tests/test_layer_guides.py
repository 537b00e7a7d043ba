"""Layers, models and losses of their own, as the guides of Keras teach to write them: the same program on Keras and here."""

import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, leaves, ours, theirs

rng = np.random.default_rng(3)
X = rng.normal(size=(4, 6)).astype(np.float32)
TOKENS = np.array([[3, 1, 4, 0, 0], [1, 5, 0, 0, 0], [2, 6, 5, 3, 5]], np.int32)


def on_both(program, *inputs, rtol=1e-5):
    """The results of `program(keras, *inputs)`, eagerly and (the layer calls of ours) compiled, are Keras' own."""
    expected = leaves(program(theirs, *map(jnp.asarray, inputs)))
    found = leaves(program(ours, *map(tf.constant, inputs)))
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        close(a, b, f"result {i}", rtol)


def same_weights(model):
    """Weights that depend on their place and shape only."""
    for i, v in enumerate(model.weights):
        values = np.random.default_rng(i).normal(size=tuple(v.shape)) * 0.5
        v.assign(values.astype(str(getattr(v.dtype, "name", v.dtype))))
    return model


# --- making layers --------------------------------------------------------------------------------------------------


def make_linear(k):
    class Linear(k.layers.Layer):
        def __init__(self, units=4, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

        def call(self, inputs):
            return k.ops.matmul(inputs, self.w) + self.b

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Linear


def test_linear_is_built_at_the_first_call():
    def program(k, x):
        layer = same_weights_after(make_linear(k)(3), x)
        again = type(layer).from_config(layer.get_config())
        assert again.units == 3 and not again.built and again.name == layer.name
        assert [v.name for v in layer.weights] == ["variable", "variable_1"] or k is ours
        return layer(x), len(layer.trainable_weights)

    on_both(program, X)


def same_weights_after(layer, x):
    layer(x)
    return same_weights(layer)


def test_a_layer_may_be_built_by_hand():
    def program(k, x):
        layer = make_linear(k)(3)
        layer.build((None, 6))
        assert layer.built and len(layer.weights) == 2
        same_weights(layer)
        assert len(layer.weights) == 2
        return layer(x)

    on_both(program, X)


def test_weights_that_are_not_trained():
    def program(k, x):
        class ComputeSum(k.layers.Layer):
            def __init__(self, input_dim):
                super().__init__()
                self.total = self.add_weight(initializer="zeros", shape=(input_dim,), trainable=False)

            def call(self, inputs):
                self.total.assign_add(k.ops.sum(inputs, axis=0))
                return self.total

        layer = ComputeSum(6)
        first = np.array(layer(x))
        assert (len(layer.weights), len(layer.non_trainable_weights), layer.trainable_weights) == (1, 1, [])
        return first, layer(x)

    on_both(program, X)


def test_layers_of_layers():
    def program(k, x):
        linear = make_linear(k)

        class Block(k.layers.Layer):
            def __init__(self):
                super().__init__()
                self.parts = [linear(5), linear(4)]
                self.heads = {"one": linear(1)}

            def call(self, inputs):
                for part in self.parts:
                    inputs = k.ops.relu(part(inputs))
                return self.heads["one"](inputs)

        block = Block()
        same_weights_after(block, x)
        assert len(block.weights) == 6 and len(list(block._flatten_layers())) == 4
        return block(x), [v.shape[0] for v in block.weights]

    on_both(program, X)


def test_losses_that_layers_add():
    def program(k, x):
        class Activity(k.layers.Layer):
            def call(self, inputs):
                self.add_loss(1e-2 * k.ops.mean(inputs))
                return inputs

        class Outer(k.layers.Layer):
            def __init__(self):
                super().__init__()
                self.activity = Activity()
                self.dense = k.layers.Dense(2, kernel_regularizer=k.regularizers.L2(1e-3))

            def call(self, inputs):
                return self.dense(self.activity(inputs))

        layer = Outer()
        assert layer.losses == []
        same_weights_after(layer, x)
        assert len(layer.losses) == 2
        layer(x)  # forgets those of the call before
        return list(layer.losses)

    on_both(program, X)


def test_training_is_passed_on():
    def program(k, x):
        seen = []

        class Inner(k.layers.Layer):
            def call(self, inputs, training=None):
                seen.append(training)
                return inputs

        class ByDefault(k.layers.Layer):
            def call(self, inputs, training=True):
                seen.append(training)
                return inputs

        class Outer(k.layers.Layer):
            def __init__(self):
                super().__init__()
                self.inner, self.by_default = Inner(), ByDefault()

            def call(self, inputs):
                return self.by_default(self.inner(inputs))

        class OuterByDefault(Outer):
            def call(self, inputs, training=True):
                return self.inner(inputs)

        class ByName(Inner):
            def call(self, inputs, *, training=None):
                seen.append(training)
                return inputs

        told = []
        for outer in (Outer(), OuterByDefault()):
            outer(x)
            seen.clear()  # Keras tries a call when it builds
            for given in ({}, {"training": True}, {"training": False}):
                outer(x, **given)
            told += seen
            seen.clear()
        ByName()(x, training=True)
        ByName()(x)
        told += seen
        return [t is True for t in told], [t is None for t in told]

    on_both(program, X)


def test_a_layer_with_a_loss_and_metrics():
    """The logistic endpoint: targets are an input; metrics of layers are those of the model."""

    def program(k, x):
        class Endpoint(k.layers.Layer):
            def __init__(self, name=None):
                super().__init__(name=name)
                self.loss_fn = k.losses.BinaryCrossentropy(from_logits=True)
                self.accuracy = k.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)

            def call(self, targets, logits, sample_weight=None):
                self.add_loss(self.loss_fn(targets, logits, sample_weight))
                self.accuracy.update_state(targets, logits, sample_weight)
                return k.ops.sigmoid(logits)

        layer = Endpoint()
        targets = k.ops.cast(x[:, :1] > 0, "float32")
        y = layer(targets, x[:, 1:2])
        assert [m.name for m in layer.metrics] == ["accuracy"] and len(layer.metrics_variables) == 2
        assert layer.variables == []
        return y, layer.losses, layer.accuracy.result()

    on_both(program, X)


# --- masks ----------------------------------------------------------------------------------------------------------


def mask_of(tensor):
    return np.asarray(tensor._keras_mask)


def test_masks_are_made_split_and_used():
    def program(k, tokens):
        ops = k.ops

        class Split(k.layers.Layer):
            """Two halves of the time, with the halves of the mask."""

            def call(self, inputs):
                return ops.split(inputs, 2, axis=1)

            def compute_mask(self, inputs, mask=None):
                return None if mask is None else ops.split(mask, 2, axis=1)

        class Embed(k.layers.Layer):
            def __init__(self, n, size):
                super().__init__()
                self.embeddings = self.add_weight(shape=(n, size), initializer="uniform")

            def call(self, inputs):
                return ops.take(self.embeddings, inputs, axis=0)

            def compute_mask(self, inputs, mask=None):
                return ops.not_equal(inputs, 0)

        class Through(k.layers.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.supports_masking = True

            def call(self, inputs):
                return ops.relu(inputs)

        class Weighted(k.layers.Layer):
            def call(self, inputs, mask=None):
                mask = ops.expand_dims(ops.cast(mask, "float32"), -1)
                exps = ops.exp(inputs) * mask
                return inputs * exps / ops.sum(exps, axis=1, keepdims=True)

        embed = same_weights(Embed(8, 3))
        x = Through()(embed(tokens))
        first, second = Split()(embed(tokens[:, :4]))
        return x, mask_of(x), mask_of(first), mask_of(second), Weighted()(x)

    on_both(program, TOKENS)


def test_masks_of_several_arguments():
    def program(k, tokens):
        class Two(k.layers.Layer):
            def call(self, query, value, query_mask=None, value_mask=None):
                total = k.ops.sum(query * k.ops.cast(query_mask, "float32")[..., None])
                return total if value_mask is None else total + k.ops.sum(k.ops.cast(value_mask, "float32"))

        embed = same_weights(k.layers.Embedding(8, 3, mask_zero=True))
        embed.build()
        same_weights(embed)
        layer = Two()
        return layer(embed(tokens), embed(tokens[:, :2])), layer(embed(tokens), value=k.ops.ones((2, 3)))

    on_both(program, TOKENS)


def test_recurrent_layers_see_masks():
    def program(k, tokens):
        model = k.Sequential([k.layers.Embedding(8, 3, mask_zero=True), k.layers.LSTM(4, return_sequences=True),
                              k.layers.GRU(2)])
        model(tokens)
        return same_weights(model)(tokens)

    on_both(program, TOKENS)


def test_dropping_a_mask_is_told():
    embedded = ours.layers.Embedding(8, 3, mask_zero=True)(tf.constant(TOKENS))
    model = ours.Sequential([ours.layers.Embedding(8, 3, mask_zero=True), ours.layers.UpSampling1D(2)])
    for call in (lambda: ours.layers.UpSampling1D(2)(embedded), lambda: model(TOKENS),
                 lambda: tf.function(lambda x: ours.layers.UpSampling1D(2)(ours.layers.Masking()(x)))(tf.ones([2, 3, 4]))):
        with pytest.warns(UserWarning, match="drops the mask") as seen:
            call()
        assert seen[0].filename == __file__


def test_a_cell_of_ones_own():
    def program(k, x):
        class Cell(k.layers.Layer):
            def __init__(self, units, **kwargs):
                super().__init__(**kwargs)
                self.units = units
                self.state_size = units

            def build(self, input_shape):
                self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
                self.recurrent = self.add_weight(shape=(self.units, self.units), initializer="uniform", name="recurrent")

            def call(self, inputs, states):
                output = k.ops.tanh(k.ops.matmul(inputs, self.kernel) + k.ops.matmul(states[0], self.recurrent))
                return output, [output]

        x = k.ops.reshape(x, (4, 3, 2))
        layer = k.layers.RNN([Cell(3), Cell(2)], return_sequences=True)
        layer(x)
        same_weights(layer)
        twice = k.layers.Bidirectional(k.layers.LSTM(2, return_state=True))
        twice(x)
        return layer(x), same_weights(twice)(x), [tuple(v.shape) for v in layer.weights]

    on_both(program, X)


# --- freezing -------------------------------------------------------------------------------------------------------


def test_frozen_layers():
    """`trainable` goes down, order and counts stay, batch normalization runs on its averages."""

    def program(k, x):
        base = k.Sequential([k.Input((6,)), k.layers.Dense(5), k.layers.BatchNormalization(), k.layers.Dense(2)])
        same_weights(base)
        base.trainable = False
        inputs = k.Input((6,))
        model = k.Model(inputs, k.layers.Dense(1)(base(inputs, training=False)))
        same_weights(model)
        counts = [len(model.trainable_weights), len(model.non_trainable_weights), len(base.trainable_weights)]
        assert all(not v.trainable for v in base.weights)
        y = base(x, training=True)  # frozen: inference
        unchanged = np.array(base.layers[1].moving_mean)
        base.layers[2].trainable = True
        counts += [len(base.trainable_weights), len(model.trainable_weights), len(base.layers[2].trainable_weights)]
        base.trainable = True
        base.layers[0].trainable = False
        counts += [len(base.trainable_weights), len(model.trainable_weights), len(model.weights)]
        shapes = [tuple(v.shape) for v in model.weights]
        return counts, y, unchanged, shapes

    on_both(program, X)


def test_shared_layers_are_counted_once():
    def program(k, x):
        shared = k.layers.Dense(6)
        inner = k.Sequential([shared, k.layers.Dense(6)])
        inputs = k.Input((6,))
        model = k.Model(inputs, shared(k.layers.Dense(6)(inner(inputs))))
        return [tuple(v.shape) for v in model.weights], same_weights(model)(x), model.count_params()

    on_both(program, X)


# --- functional models ----------------------------------------------------------------------------------------------


def test_input_and_output_of_a_layer():
    dense = ours.layers.Dense(3)
    with pytest.raises(RuntimeError, match="called 0 times"):
        _ = dense.input
    x = ours.Input((6,))
    y = dense(x)
    assert dense.input is x and dense.output is y
    part = ours.Model(dense.input, dense.output)
    assert part(tf.constant(X)).shape == (4, 3)
    dense(ours.Input((6,)))
    with pytest.raises(RuntimeError, match="called 2 times"):
        _ = dense.output


def test_paths_are_those_of_keras():
    def paths(k):
        class Net(k.Model):
            def __init__(self):
                super().__init__(name="net")
                self.stack = k.Sequential([k.layers.Dense(2, name="a"), k.layers.BatchNormalization(name="b")], name="stack")
                self.rnn = k.layers.Bidirectional(k.layers.LSTM(2, name="lstm"), name="both")

            def call(self, x):
                return self.rnn(k.ops.expand_dims(self.stack(x), 1))

        model = Net()
        model(np.ones((2, 3), np.float32))
        plain = k.layers.Dense(2, name="plain")
        plain(k.Input((3,)))
        attention = k.layers.MultiHeadAttention(2, 2, name="attention")
        attention(np.ones((1, 2, 4), np.float32), np.ones((1, 2, 4), np.float32))
        return [v.path for layer in (model, plain, attention) for v in layer.weights], [
            x.path for x in (model, model.stack, model.stack.layers[0], plain)]

    assert paths(ours) == paths(theirs)


def test_stateless_call():
    def program(k, x):
        model = same_weights(k.Sequential([k.Input((6,)), k.layers.Dense(3), k.layers.BatchNormalization()]))
        trainable = [v + 1.0 for v in model.trainable_variables]
        rest = [v * 2.0 for v in model.non_trainable_variables]
        outputs, after = model.stateless_call(trainable, rest, x, training=True)
        return outputs, after, [v + 0.0 for v in model.weights]

    on_both(program, X)


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make,good,bad,message", [
    (lambda k: k.Dense(2), (2, 4), (2, 5), "last axis has the size 4"),
    (lambda k: k.Dense(2), (2, 4), (4,), "at least 2 axes"),
    (lambda k: k.Conv2D(2, 3), (1, 5, 5, 2), (1, 5, 5, 3), "last axis has the size 2"),
    (lambda k: k.Conv2D(2, 3), (1, 5, 5, 2), (5, 5, 2), "with 4 axes"),
    (lambda k: k.LSTM(2), (1, 3, 2), (1, 3, 4), r"of shape \(None, None, 2\)"),
    (lambda k: k.LSTM(2), (1, 3, 2), (3, 2), "of shape|with 3 axes"),
    (lambda k: k.BatchNormalization(), (2, 3), (2, 4), "has the size 3"),
    (lambda k: k.LayerNormalization(), (2, 3), (2, 4), "last axis has the size 3"),
    (lambda k: k.MaxPooling1D(), (1, 4, 2), (4, 2), "with 3 axes"),
    (lambda k: k.Permute((2, 1)), (1, 4, 2), (4, 2), "with 3 axes"),
    (lambda k: k.EinsumDense("ab,bc->ac", 3), (2, 4), (2, 5), "axis 1 has the size 4")])
def test_wrong_sizes_name_the_layer(make, good, bad, message):
    layer = make(ours.layers)
    layer(tf.ones(good))
    for call in (layer, tf.function(layer.__call__)):
        with pytest.raises(ValueError, match=f"{layer.name}.*{type(layer).__name__}.*{message}.*Received: .*shape") as caught:
            call(tf.ones(bad))
        assert all("keras_like" not in str(entry.path) for entry in caught.traceback)


def make_checked(k):
    class Checked(k.layers.Layer):
        def __init__(self, **spec):
            super().__init__()
            self.input_spec = k.InputSpec(**spec)

        def call(self, inputs):
            return inputs

    return Checked


def test_input_spec():
    for k in (ours, theirs):
        Checked = make_checked(k)
        Checked(shape=(None, 3))(X[:, :3])
        Checked(shape=(None, 6, 1), allow_last_axis_squeeze=True)(X)
        for spec in (dict(shape=(None, 3)), dict(ndim=3), dict(min_ndim=3), dict(max_ndim=1), dict(axes={1: 2}),
                     dict(dtype="int32")):
            with pytest.raises(ValueError):
                Checked(**spec)(X)
        with pytest.raises(TypeError):
            k.InputSpec(axes="x")
        with pytest.raises(ValueError):
            k.InputSpec(ndim=2, axes={2: 1})
    assert repr(ours.InputSpec(ndim=2, axes={1: 3})) == repr(theirs.InputSpec(ndim=2, axes={1: 3}))
    assert ours.InputSpec(ndim=2).get_config() == theirs.InputSpec(ndim=2).get_config()


def test_names_are_checked_by_compile():
    model = ours.Sequential([ours.Input((3,)), ours.layers.Dense(1)])
    for wrong, message in ((dict(loss="mze"), "Did you mean 'mse'"), (dict(optimizer="adm"), "'adam'"),
                           (dict(metrics=["acuracy"]), "'accuracy'"), (dict(loss=["mse", "no"]), "no loss"),
                           (dict(metrics={"a": ["mae", "no"]}), "no metric"), (dict(loss=3), "Received: 3")):
        with pytest.raises(ValueError, match=message):
            model.compile(**wrong)


# --- overrides with Python control flow on tensors ------------------------------------------------------------------


@pytest.mark.parametrize("eager", [False, True])
def test_overrides_with_control_flow(eager):
    """Loss, metric, optimizer, schedule, constraint and regularizer with `if` on tensors, in both modes."""

    class Halved(ours.constraints.Constraint):
        def __call__(self, w):
            if tf.reduce_sum(w) > 1.0:
                return w / 2.0
            return w

    class Steps(ours.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            if step < 2:
                return 0.5
            return 0.1

    class Bounded(ours.optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            if tf.norm(gradient) > 1.0:
                gradient = gradient / tf.norm(gradient)
            self.assign_sub(variable, learning_rate * gradient)

    class Positive(ours.regularizers.Regularizer):
        def __call__(self, w):
            if tf.reduce_sum(w) > 0:
                return tf.reduce_sum(w)
            return tf.constant(0.0)

    class Count(ours.metrics.Metric):
        def __init__(self, name="count", **kwargs):
            super().__init__(name=name, **kwargs)
            self.count = self.add_weight(name="n")

        def update_state(self, y_true, y_pred, sample_weight=None):
            if tf.reduce_mean(y_pred) > 0.5:
                self.count.assign_add(1.0)
            else:
                self.count.assign_add(100.0)

        def result(self):
            if self.count > 100.0:
                return self.count - 100.0
            return tf.convert_to_tensor(self.count)

    class Doubled(ours.losses.Loss):
        def call(self, y_true, y_pred):
            error = y_true - y_pred
            if tf.reduce_mean(error) > 0:
                error = 2.0 * error
            return tf.square(error)

    model = ours.Sequential([ours.Input((3,)), ours.layers.Dense(
        1, kernel_constraint=Halved(), kernel_regularizer=Positive(), kernel_initializer="ones")])
    model.compile(Bounded(Steps()), loss=Doubled(), metrics=[Count()], run_eagerly=eager)
    history = model.fit(np.ones((8, 3), np.float32), np.ones((8, 1), np.float32), batch_size=4, epochs=3, verbose=0).history

    # By hand, in NumPy.
    w, b, losses, counts, step = np.ones(3), 0.0, [], [], 0
    for _ in range(3):
        total, count = 0.0, 0.0
        for _ in range(2):
            y = w.sum() + b
            error = 1.0 - y
            factor = 2.0 if error > 0 else 1.0
            total += (factor * error) ** 2 + max(w.sum(), 0.0)
            count += 1.0 if y > 0.5 else 100.0
            g = -2.0 * factor**2 * error
            gw, gb = np.full(3, g) + (w.sum() > 0), g
            rate = 0.5 if step < 2 else 0.1
            w = w - rate * gw / max(np.linalg.norm(gw), 1.0)
            b = b - rate * gb / max(abs(gb), 1.0)
            w = w / 2.0 if w.sum() > 1.0 else w
            step += 1
        losses.append(total / 2)
        counts.append(count - 100.0 if count > 100.0 else count)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(history["count"], counts)


def test_metrics_that_layers_add():
    """`add_metric`, as `tf.keras` 2 has it: the mean over the epoch is in the logs."""

    class Noted(ours.layers.Layer):
        def call(self, inputs):
            self.add_metric(tf.reduce_mean(inputs), name="input_mean")
            return inputs

    layer = Noted()
    layer(tf.constant([1.0, 3.0]))
    layer(tf.constant([6.0, 6.0]))
    assert [m.name for m in layer.metrics] == ["input_mean"] and float(layer.metrics[0].result()) == 4.0
    with pytest.raises(ValueError, match="its `name`"):
        layer.add_metric(tf.constant(1.0))


def test_what_is_not_offered_says_so():
    dense = ours.layers.Dense(2)
    dense.build((None, 3))
    with pytest.raises(NotImplementedError, match="bfloat16"):
        dense.quantize("int8")
