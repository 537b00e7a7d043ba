"""Programs as Keras' guides and examples write them, in small."""

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs
from treadle import keras
from treadle.keras import layers, ops

rng = np.random.default_rng(0)


def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)


def test_transfer_learning():
    """A frozen base, then fine-tuning."""
    base = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization(),
                             layers.GlobalAveragePooling2D()])
    base.trainable = False
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(layers.RandomFlip("horizontal")(inputs))
    outputs = layers.Dense(1)(layers.Dropout(0.2)(base(x, training=False)))
    model = keras.Model(inputs, outputs)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=[keras.metrics.BinaryAccuracy()])
    data = normal(8, 8, 8, 3), rng.integers(0, 2, (8, 1))
    before = base.get_weights()
    model.fit(*data, verbose=0)
    for was, weight in zip(before, base.get_weights()):
        assert np.array_equal(was, weight)
    base.trainable = True
    base.layers[1].trainable = False
    model.compile(keras.optimizers.Adam(1e-3), loss)
    model.fit(*data, verbose=0)
    same = [np.array_equal(was, weight) for was, weight in zip(before, base.get_weights())]
    assert same == [False, False, True, True, True, True]


def test_masks_on_symbolic_inputs():
    """The guide's softmax over time requires a mask; it comes through the layers between, and in calls on symbols too."""

    def program(k, np_like):
        class TemporalSoftmax(k.layers.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.supports_masking = True

            def call(self, inputs, mask=None):
                assert mask is not None
                mask = k.ops.expand_dims(k.ops.cast(mask, "float32"), -1)
                exp = k.ops.exp(inputs) * mask
                return exp / k.ops.sum(exp * mask, axis=1, keepdims=True)

        inputs = k.Input((None,), dtype="int32")
        x = k.layers.Embedding(10, 4, mask_zero=True, embeddings_initializer="ones")(inputs)
        assert tuple(x._keras_mask.shape) == (None, None)
        x = k.layers.Dense(1, kernel_initializer="ones")(k.layers.LSTM(3, return_sequences=True, kernel_initializer="ones",
                                                                      recurrent_initializer="zeros")(x))
        model = k.Model(inputs, TemporalSoftmax()(x))
        masked = k.Model(inputs, k.ops.cast(x._keras_mask, "int32"))
        given = np.array([[1, 2, 3, 0], [4, 0, 0, 0]], np.int32)
        return [np.asarray(m(given)) for m in (model, masked)]

    for a, b in zip(program(ours, tf), program(theirs, np)):
        close(a, b)


def test_vae_with_a_train_step_on_arrays():
    """`fit(images)` gives `train_step` the images themselves."""

    class Sampling(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seed_generator = keras.random.SeedGenerator(1)

        def call(self, inputs):
            mean, log_var = inputs
            noise = keras.random.normal((ops.shape(mean)[0], ops.shape(mean)[1]), seed=self.seed_generator)
            return mean + ops.exp(0.5 * log_var) * noise

    class VAE(keras.Model):
        def __init__(self, encoder, decoder, **kwargs):
            super().__init__(**kwargs)
            self.encoder, self.decoder = encoder, decoder
            self.total, self.kl = keras.metrics.Mean(name="loss"), keras.metrics.Mean(name="kl_loss")

        @property
        def metrics(self):
            return [self.total, self.kl]

        def train_step(self, data):
            with tf.GradientTape() as tape:
                mean, log_var, z = self.encoder(data)
                error = ops.mean(keras.losses.binary_crossentropy(data, self.decoder(z)))
                kl = ops.mean(-0.5 * ops.sum(1 + log_var - ops.square(mean) - ops.exp(log_var), axis=1))
                total = error + kl
            gradients = tape.gradient(total, self.trainable_weights)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
            self.total.update_state(total)
            self.kl.update_state(kl)
            return {m.name: m.result() for m in self.metrics}

    x = keras.Input((6,))
    h = layers.Dense(8, "relu")(x)
    mean, log_var = layers.Dense(2)(h), layers.Dense(2)(h)
    encoder = keras.Model(x, [mean, log_var, Sampling()([mean, log_var])])
    z = keras.Input((2,))
    vae = VAE(encoder, keras.Model(z, layers.Dense(6, activation="sigmoid")(z)))
    vae.compile(keras.optimizers.Adam(0.01))
    history = vae.fit(rng.random((16, 6)), epochs=4, batch_size=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] and set(history) == {"loss", "kl_loss"}


def test_what_a_train_step_is_given():
    """Batches as the data have them, whatever their form; x alone where only x was given."""
    seen = []

    class Model(keras.Model):
        def train_step(self, data):
            seen.append(tf.nest.map_structure(lambda t: tuple(t.shape), data))
            return {"loss": tf.reduce_sum(tf.nest.flatten(data)[0])}

    model = Model()
    model.compile("adam", run_eagerly=True)
    x, d = np.ones([4, 3], np.float32), (4, 3)
    slices = tf.data.Dataset.from_tensor_slices
    for data, form in [(x, d), ({"a": x}, {"a": d}), ([x, x], ((d, d),)), (slices(x).batch(4), d),
                       (slices((x,)).batch(4), (d,)), (slices((x, x, x, x)).batch(4), (d, d, d, d)),
                       (slices((x, {"b": x})).batch(4), (d, {"b": d}))]:
        seen.clear()
        model.fit(data, verbose=0)
        assert seen == [form]
    seen.clear()
    model.fit(x, x, verbose=0)
    model.fit(x, x, sample_weight=np.ones(4), verbose=0)
    model.train_on_batch(x)
    model.train_on_batch(x, x)
    assert seen == [(d, d), (d, d, (4,)), d, (d, d)]
    plain = keras.Sequential([layers.Dense(1)])
    plain.compile("sgd", "mse")
    with pytest.raises(ValueError, match="a tuple of 4"):
        plain.fit(slices((x, x, x, x)).batch(4), verbose=0)


def test_distillation_with_a_compute_loss():
    """One that does not take `training`."""

    class Distiller(keras.Model):
        def __init__(self, student, teacher):
            super().__init__()
            self.student, self.teacher = student, teacher

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
            soft = keras.losses.KLDivergence()(ops.softmax(self.teacher(x, training=False) / 3.0), ops.softmax(y_pred / 3.0))
            return 0.1 * keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, y_pred) + 0.9 * soft

        def call(self, x):
            return self.student(x)

    teacher, student = (keras.Sequential([keras.Input((6,)), layers.Dense(3)]) for _ in range(2))
    teacher.trainable = False
    model = Distiller(student, teacher)
    model.compile(keras.optimizers.Adam(0.05), metrics=[keras.metrics.SparseCategoricalAccuracy()])
    x, y, before = normal(12, 6), rng.integers(0, 3, 12), teacher.get_weights()
    losses = model.fit(x, y, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and "sparse_categorical_accuracy" in model.evaluate(x, y, return_dict=True, verbose=0)
    assert all(map(np.array_equal, before, teacher.get_weights()))


def test_endpoint_layer_with_losses_and_metrics():
    """A model whose loss and metric are made by a layer that takes the targets."""

    class Endpoint(layers.Layer):
        def __init__(self, name=None):
            super().__init__(name=name)
            self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
            self.accuracy = keras.metrics.BinaryAccuracy(name="accuracy")

        def call(self, targets, logits, sample_weight=None):
            self.add_loss(self.loss_fn(targets, logits, sample_weight))
            self.accuracy.update_state(targets, logits, sample_weight)
            return ops.softmax(logits)

    inputs, targets = keras.Input((3,), name="inputs"), keras.Input((4,), name="targets")
    model = keras.Model([inputs, targets], Endpoint(name="predictions")(targets, layers.Dense(4)(inputs)))
    model.compile("adam")
    found = model.fit({"inputs": normal(6, 3), "targets": rng.integers(0, 2, (6, 4))}, verbose=0).history
    assert set(found) == {"accuracy", "loss"}


def test_sequence_to_sequence_taken_apart_after_loading(tmp_path):
    """The trained model is saved; encoder and decoder are made from the layers of the loaded one."""
    size = 4
    given = keras.Input((None, 5))
    encoded, h, c = layers.LSTM(size, return_state=True)(given)
    said = keras.Input((None, 6))
    out, _, _ = layers.LSTM(size, return_sequences=True, return_state=True)(said, initial_state=[h, c])
    model = keras.Model([given, said], layers.Dense(6, activation="softmax")(out))
    model.compile("rmsprop", "categorical_crossentropy")
    x, y = normal(4, 3, 5), normal(4, 2, 6)
    model.fit([x, y], y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    _, h, c = loaded.layers[2].output
    encoder = keras.Model(loaded.input[0], [h, c])
    states = [keras.Input((size,)), keras.Input((size,))]
    said = loaded.input[1]
    out, h, c = loaded.layers[3](said, initial_state=states)
    decoder = keras.Model([said, *states], [loaded.layers[4](out), h, c])
    states = encoder.predict(x, verbose=0)
    found = []
    for i in range(2):
        out, *states = decoder.predict([y[:, i:i + 1], *states], verbose=0)
        found.append(out)
    close(np.concatenate(found, 1), model.predict([x, y], verbose=0))


def test_tied_weights_and_intermediate_features():
    class Tied(layers.Layer):
        def __init__(self, dense, **kwargs):
            super().__init__(**kwargs)
            self.dense = dense

        def call(self, x):
            return tf.matmul(x, self.dense.kernel, transpose_b=True)

    inputs = keras.Input((6,))
    dense = layers.Dense(3, name="code")
    model = keras.Model(inputs, Tied(dense)(dense(inputs)))
    model.compile("adam", "mse")
    x = normal(8, 6)
    model.fit(x, x, verbose=0)
    assert len(model.weights) == 2
    features = keras.Model(model.inputs, {layer.name: layer.output for layer in model.layers[1:]})
    found = features(x)
    close(found["code"], x @ dense.kernel.numpy() + dense.bias.numpy())


def test_gradient_accumulation_by_hand():
    class Accumulating(keras.Model):
        def __init__(self, every, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.every = tf.constant(every)
            self.count = tf.Variable(0, trainable=False)
            self.sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self.trainable_variables]

        def train_step(self, data):
            x, y = data
            self.count.assign_add(1)
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
            for total, gradient in zip(self.sums, tape.gradient(loss, self.trainable_variables)):
                total.assign_add(gradient)
            tf.cond(tf.equal(self.count, self.every), self.step, lambda: None)
            return {"loss": loss}

        def step(self):
            self.optimizer.apply_gradients(zip(self.sums, self.trainable_variables))
            self.count.assign(0)
            for total in self.sums:
                total.assign(tf.zeros_like(total))

    inputs = keras.Input((3,))
    model = Accumulating(4, inputs, layers.Dense(1, kernel_initializer="ones")(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x, y = normal(8, 3), normal(8, 1)
    plain = keras.Sequential([keras.Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    plain.compile(keras.optimizers.SGD(0.4), "mse")
    model.fit(x, y, batch_size=2, shuffle=False, verbose=0)
    plain.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    close(model.trainable_variables[0].numpy(), plain.trainable_variables[0].numpy(), rtol=1e-4)


def test_subclasses_of_built_in_layers_keep_their_configuration():
    """What `super().get_config()` holds follows from Keras' class, whatever the subclass's constructor takes."""

    def program(k):
        class Passing(k.layers.Dense):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)

        class Adding(k.layers.Dense):
            def __init__(self, units, scale=2.0, **kwargs):
                super().__init__(units, **kwargs)
                self.scale = scale

            def get_config(self):
                return {**super().get_config(), "scale": self.scale}

        class Settling(k.layers.Conv2D):
            def __init__(self, filters, **kwargs):
                super().__init__(filters, 3, **kwargs)

            def get_config(self):
                config = super().get_config()
                config.pop("kernel_size")
                return config

        found = []
        for layer in (Passing(3, activation="relu"), Adding(3, activation="tanh", scale=5.0), Settling(2, padding="same")):
            copy = type(layer).from_config(layer.get_config())
            assert copy.get_config() == layer.get_config()
            found.append({n: v for n, v in copy.get_config().items() if isinstance(v, (int, float, str, bool)) and n != "name"})
        return found

    assert program(ours) == program(theirs)

    class Strict(layers.Dense):  # without a `get_config` of its own
        def __init__(self, units):
            super().__init__(units, activation="relu")

    copy = Strict.from_config(Strict(3).get_config())
    assert copy.units == 3 and copy.activation is keras.activations.relu
