"""Training steps around a Keras model, as people write them for each backend."""

from functools import partial

from bench.workloads import RATE


def on_tensorflow(model, metric=None):
    """step(x, y) -> loss: layers, tape, optimizer; for tf.function, or as it is."""
    import keras
    import tensorflow as tf
    optimizer, loss_of = keras.optimizers.Adam(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer.build(model.trainable_variables)

    def step(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = loss_of(y, logits)
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
        if metric is not None:
            metric.update_state(y, logits)
        return loss
    return step


def on_jax(model, metric=None, jit=True):
    """step(x, y) -> loss: Keras' stateless calls under jax.jit with donated state, or op by op."""
    import jax
    import keras
    optimizer, loss_of = keras.optimizers.Adam(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer.build(model.trainable_variables)
    state = [[v.value for v in variables] for variables in (model.trainable_variables, model.non_trainable_variables,
                                                            optimizer.variables)]

    def compute(trainable, rest, x, y):
        logits, rest = model.stateless_call(trainable, rest, x, training=True)
        return loss_of(y, logits), (rest, logits)

    def update(state, x, y):
        trainable, rest, slots = state
        (loss, (rest, logits)), gradients = jax.value_and_grad(compute, has_aux=True)(trainable, rest, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return (trainable, rest, slots), loss, logits
    if jit:
        update = partial(jax.jit, donate_argnums=0)(update)

    def step(x, y):
        nonlocal state
        state, loss, logits = update(state, x, y)
        if metric is not None:
            metric.update_state(y, logits)
        return loss
    return step
