"""Calls of `tf.distribute` on two devices. `make_distribute.py` records what TensorFlow gives; the tests import this too.

Each case is a function of the library `tf` and a strategy with two replicas; it returns a structure of numbers (or raises).
"""

import numpy as np


def _parts(tf, strategy):
    return next(iter(strategy.experimental_distribute_dataset(tf.data.Dataset.range(8).batch(4))))


def _numbers(tf, strategy):
    return strategy.experimental_distribute_values_from_function(
        lambda context: tf.cast(context.replica_id_in_sync_group, tf.float32) + 1.0)


def _run(tf, strategy, fn, args=()):
    return strategy.experimental_local_results(strategy.run(fn, args=args))


def _reduced(how, axis):
    return lambda tf, strategy: strategy.reduce(how, strategy.run(lambda x: tf.cast(x, tf.float32) * 2.0,
                                                                  args=(_parts(tf, strategy),)), axis=axis)


def _all_reduce(tf, strategy):
    def step(x):
        context = tf.distribute.get_replica_context()
        return context.all_reduce("SUM", x), context.all_reduce(tf.distribute.ReduceOp.MEAN, [x, 2.0 * x])
    total, (mean, twice) = strategy.run(step, args=(_numbers(tf, strategy),))
    return [strategy.experimental_local_results(v) for v in (total, mean, twice)]


def _assigned(aggregation, update, synchronization="AUTO"):
    def case(tf, strategy):
        with strategy.scope():
            # From 0: TensorFlow counts what a SUM variable begins with once for each replica.
            v = tf.Variable(0.0 if aggregation == "SUM" else 1.0, aggregation=tf.VariableAggregation[aggregation],
                            synchronization=tf.VariableSynchronization[synchronization])
        strategy.run(lambda x: update(v, x), args=(_numbers(tf, strategy),))
        return v.read_value()
    return case


def _datasets_from_function(tf, strategy):
    def dataset(context):
        assert (context.num_input_pipelines, context.num_replicas_in_sync) == (1, 2)
        return tf.data.Dataset.range(8).batch(context.get_per_replica_batch_size(4))
    found = strategy.distribute_datasets_from_function(dataset)
    return [strategy.experimental_local_results(x) for x in found]


def _batches(tf, strategy):
    data = tf.data.Dataset.from_tensor_slices({"a": np.arange(8), "b": np.arange(16.0).reshape(8, 2)}).batch(4)
    return [[strategy.experimental_local_results(x[k]) for k in ("a", "b")]
            for x in strategy.experimental_distribute_dataset(data)]


def _trained(tf, strategy, normalized=True, rounds=2):
    """A step of one's own: losses, weights and metrics after some batches. Batch normalization sees each replica's part."""
    keras = tf.keras
    x = np.cos(np.arange(48.0)).reshape(16, 3).astype("float32")
    y = np.sin(np.arange(16.0)).reshape(16, 1).astype("float32")
    with strategy.scope():
        layers = [keras.layers.Dense(4, kernel_initializer=keras.initializers.Constant(0.3), activation="tanh")]
        layers += [keras.layers.BatchNormalization(momentum=0.8)] if normalized else []
        layers += [keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(-0.2))]
        model = keras.Sequential([keras.Input((3,)), *layers])
        update = keras.optimizers.SGD(0.1)  # its own slots TensorFlow's Keras cannot make here
        error, count = keras.metrics.MeanSquaredError(), keras.metrics.Sum()

    def step(batch):
        x, y = batch
        with tf.GradientTape() as tape:
            p = model(x, training=True)
            loss = tf.nn.compute_average_loss(tf.reduce_sum(tf.square(p - y), -1), global_batch_size=8)
        variables = model.trainable_variables
        update.apply_gradients(zip(tape.gradient(loss, variables), variables))
        error.update_state(y, p)
        count.update_state(1.0)
        return loss

    @tf.function
    def train(batch):
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(step, args=(batch,)), axis=None)

    data = strategy.experimental_distribute_dataset(tf.data.Dataset.from_tensor_slices((x, y)).batch(8))
    losses = [train(batch) for _ in range(rounds) for batch in data]
    # Without the moving averages: Keras keeps those of the first replica, treadle their mean.
    return [losses, error.result(), count.result(), [w.numpy() for w in model.trainable_weights]]


CASES = {
    "parts": lambda tf, s: s.experimental_local_results(_parts(tf, s)),
    "batches": _batches,
    "datasets_from_function": _datasets_from_function,
    "local_results_of_a_tensor": lambda tf, s: s.experimental_local_results(tf.constant(3)),
    "run": lambda tf, s: _run(tf, s, lambda x: x + 1, (_parts(tf, s),)),
    "run_same_argument": lambda tf, s: _run(tf, s, lambda x, y: x * y, (_parts(tf, s), tf.constant(3, tf.int64))),
    "run_in_function": lambda tf, s: s.experimental_local_results(
        tf.function(lambda x: s.run(lambda y: y * y, args=(x,)))(_parts(tf, s))),
    "replica_ids": lambda tf, s: _run(tf, s, lambda: tf.distribute.get_replica_context().replica_id_in_sync_group + 0),
    "reduce_sum": _reduced("SUM", None),
    "reduce_sum_axis": _reduced("SUM", 0),
    "reduce_mean": _reduced("MEAN", None),
    "reduce_mean_axis": _reduced("MEAN", 0),
    "reduce_tensor_sum": lambda tf, s: s.reduce("SUM", tf.constant(3.0), axis=None),
    "reduce_tensor_mean": lambda tf, s: s.reduce("MEAN", tf.constant(3.0), axis=None),
    "gather": lambda tf, s: s.gather(s.run(lambda x: x * 2, args=(_parts(tf, s),)), axis=0),
    "all_reduce": _all_reduce,
    "assign_mean": _assigned("MEAN", lambda v, x: v.assign(x)),
    "assign_add_mean": _assigned("MEAN", lambda v, x: v.assign_add(x)),
    "assign_sum": _assigned("SUM", lambda v, x: v.assign_add(x), "ON_READ"),
    "assign_sum_same": _assigned("SUM", lambda v, x: v.assign_add(1.0), "ON_READ"),
    "assign_sum_again": _assigned("SUM", lambda v, x: v.assign(x * 0.0), "ON_READ"),
    "assign_first": _assigned("ONLY_FIRST_REPLICA", lambda v, x: v.assign(x)),
    "assign_same": _assigned("NONE", lambda v, x: v.assign_add(1.0)),
    "in_cross_replica_context": lambda tf, s: [tf.distribute.in_cross_replica_context(), tf.distribute.has_strategy()],
    "trained_sgd": _trained,
    "trained_without_normalization": lambda tf, s: _trained(tf, s, False),
}
