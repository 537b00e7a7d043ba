"""Optimizers against Keras: 20 steps on several variables, the slots too; clipping, averages, accumulation, loss scaling."""

import copy
import pickle
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs

STEPS = 20
SHAPES = [(3, 4), (4,), (), (5, 2), (4,)]
NAMES = ["dense/kernel", "dense/bias", "scale", "embedding/embeddings", "out/bias"]
OPTIMIZERS = [
    ("SGD", {}), ("SGD", dict(momentum=0.9)), ("SGD", dict(momentum=0.9, nesterov=True)), ("RMSprop", {}),
    ("RMSprop", dict(centered=True)), ("RMSprop", dict(momentum=0.5, rho=0.8)),
    ("RMSprop", dict(momentum=0.5, centered=True, epsilon=1e-3)), ("Adam", {}), ("Adam", dict(amsgrad=True)),
    ("Adam", dict(beta_1=0.5, beta_2=0.9, epsilon=1e-3)), ("AdamW", {}), ("AdamW", dict(amsgrad=True, weight_decay=0.1)),
    ("Adamax", {}), ("Adadelta", {}), ("Adadelta", dict(learning_rate=1.0, rho=0.8)), ("Adagrad", {}),
    ("Adagrad", dict(initial_accumulator_value=0.5)), ("Adafactor", {}), ("Adafactor", dict(relative_step=False)),
    ("Adafactor", dict(learning_rate=0.5, clip_threshold=0.5, beta_2_decay=-0.5)), ("Nadam", {}),
    ("Nadam", dict(beta_1=0.8)), ("Ftrl", {}), ("Ftrl", dict(learning_rate_power=-0.8, beta=0.1)),
    ("Ftrl", dict(l1_regularization_strength=0.01, l2_regularization_strength=0.02,
                  l2_shrinkage_regularization_strength=0.03)),
    ("Lion", {}), ("Lion", dict(beta_1=0.5, weight_decay=0.1)), ("Lamb", {}), ("Lamb", dict(learning_rate=0.1)),
    ("Muon", {}), ("Muon", dict(nesterov=False, rms_rate=None, exclude_embeddings=False, ns_steps=3)),
    ("Muon", dict(exclude_layers=["dense"], adam_lr_ratio=0.5, adam_weight_decay=None)), ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", dict(warmup_steps=5)),
]
OPTIONS = [
    dict(clipnorm=0.5), dict(clipvalue=0.1), dict(global_clipnorm=0.7), dict(weight_decay=0.1), dict(use_ema=True),
    dict(use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3), dict(loss_scale_factor=8.0),
    dict(gradient_accumulation_steps=3),
    dict(gradient_accumulation_steps=2, clipnorm=0.5, weight_decay=0.1, use_ema=True, ema_overwrite_frequency=2),
]


def initial(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=s).astype(np.float32) for s in SHAPES]


def gradients(step):
    """Gradients of all sizes; those of one variable are always zero, one step's are zero for all."""
    rng = np.random.default_rng(100 + step)
    grads = [(rng.normal(size=s) * 10.0 ** rng.integers(-2, 2)).astype(np.float32) for s in SHAPES]
    grads[-1] = np.zeros(SHAPES[-1], np.float32)
    return [g * 0 for g in grads] if step == 7 else grads


def make_ours(values):
    made = [ours.Variable(v, name=n.split("/")[-1]) for v, n in zip(values, NAMES)]
    for variable, name in zip(made, NAMES):
        variable.path = name
    return made


def make_theirs(values):
    made = [theirs.Variable(v, name=n.split("/")[-1]) for v, n in zip(values, NAMES)]
    for variable, name in zip(made, NAMES):
        variable._path = name
    return made


def compare(mine, my_variables, other, their_variables, what, rtol=1e-5):
    for a, b, name in zip(my_variables, their_variables, NAMES):
        close(a.numpy(), np.asarray(b), f"{what}: {name}", rtol)
    assert len(mine.variables) == len(other.variables), what
    for a, b in zip(mine.variables, other.variables):
        if not a.name.startswith("variable"):
            assert (a.name, tuple(a.shape)) == (b.name, tuple(b.shape)), what
            assert a.path.split("/")[1:] == b.path.split("/")[1:], what
        close(a.numpy().astype(b.dtype), np.asarray(b), f"{what}: {a.path}", rtol)


def run_both(make, steps=STEPS, compiled=False, constraint=False):
    """Take the same steps in both; `make(keras)` makes the optimizer."""
    mine, other = make(ours), make(theirs)
    mine_vars, their_vars = make_ours(initial()), make_theirs(initial())
    if constraint:
        mine_vars[0].constraint = ours.constraints.UnitNorm()
        their_vars[0].constraint = theirs.constraints.UnitNorm()
    step = tf.function(lambda *gs: mine.apply(gs, mine_vars)) if compiled else lambda *gs: mine.apply(gs, mine_vars)
    for i in range(steps):
        step(*[tf.constant(g) for g in gradients(i)])
        other.apply([jnp.asarray(g) for g in gradients(i)], their_vars)
    assert int(mine.iterations) == int(other.iterations)
    return mine, mine_vars, other, their_vars


@pytest.mark.parametrize("name,config", OPTIMIZERS)
def test_twenty_steps(name, config):
    made = run_both(lambda keras: getattr(keras.optimizers, name)(**config))
    compare(*made, f"{name}{config}")


@pytest.mark.parametrize("name,config", [
    ("SGD", dict(momentum=0.9)), ("Adam", {}), ("Adafactor", {}), ("Nadam", {}), ("Muon", {})])
def test_inside_a_function(name, config):
    """The slots are made on the function's first call; the steps are those of the eager optimizer."""
    optimizer = getattr(ours.optimizers, name)
    eager, compiled = optimizer(**config), optimizer(**config)
    a, b = make_ours(initial()), make_ours(initial())
    step = tf.function(lambda *gs: compiled.apply_gradients(zip(gs, b)))
    for i in range(5):
        eager.apply_gradients(zip([tf.constant(g) for g in gradients(i)], a))
        step(*[tf.constant(g) for g in gradients(i)])
    for x, y in zip([*a, *eager.variables], [*b, *compiled.variables]):
        close(y.numpy(), x.numpy(), f"{name}{config}", 1e-6)
    assert int(compiled.iterations) == 5


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name,compiled", [("Adam", True), ("SGD", False)])
def test_options(name, compiled, options):
    mine, a, other, b = run_both(lambda keras: getattr(keras.optimizers, name)(0.01, **options), 7, compiled)
    compare(mine, a, other, b, f"{name}{options}")
    mine.finalize_variable_values(a)
    other.finalize_variable_values(b)
    compare(mine, a, other, b, f"{name}{options}, final values")


@pytest.mark.parametrize("name,options", [
    ("Muon", dict(clipnorm=0.5, weight_decay=0.1)), ("Nadam", dict(gradient_accumulation_steps=3, use_ema=True)),
    ("Adafactor", dict(global_clipnorm=0.7)), ("Lamb", dict(gradient_accumulation_steps=2))])
def test_options_of_others(name, options):
    compare(*run_both(lambda keras: getattr(keras.optimizers, name)(**options), steps=7), f"{name}{options}")


def test_constraints_hold_after_the_update():
    made = run_both(lambda keras: keras.optimizers.Adam(0.1), constraint=True)
    compare(*made, "constraint")
    close(np.linalg.norm(made[1][0].numpy(), axis=0), np.ones(4, np.float32), "the norms")


@pytest.mark.parametrize("schedule", [
    lambda k: k.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5),
    lambda k: k.optimizers.schedules.CosineDecay(0.1, 10, warmup_target=0.2, warmup_steps=4), lambda k: lambda: 0.25])
def test_rates_that_change(schedule):
    for compiled in (False, True):
        mine, a, other, b = run_both(lambda k: k.optimizers.SGD(schedule(k), weight_decay=0.1), 8, compiled)
        compare(mine, a, other, b, "schedule")
        assert np.isclose(float(mine.learning_rate), float(other.learning_rate), rtol=1e-5)


class Reciprocal(ours.optimizers.schedules.LearningRateSchedule):
    """As Keras' documentation writes a schedule."""

    def __init__(self, initial_learning_rate):
        self.initial_learning_rate = initial_learning_rate

    def __call__(self, step):
        return self.initial_learning_rate / (step + 1)

    def get_config(self):
        return {"initial_learning_rate": self.initial_learning_rate}


def test_a_schedule_of_the_users_own():
    w = tf.Variable(1.0)
    optimizer = ours.optimizers.SGD(Reciprocal(0.5))
    for _ in range(3):
        optimizer.apply_gradients([(tf.constant(1.0), w)])
    assert np.isclose(w.numpy(), 1 - 0.5 * (1 + 1 / 2 + 1 / 3))
    config = ours.optimizers.serialize(optimizer)
    again = ours.optimizers.deserialize(config, custom_objects={"Reciprocal": Reciprocal})
    assert float(again.learning_rate) == 0.5
    with pytest.raises(ValueError, match="Reciprocal"):
        ours.optimizers.deserialize(config)


def test_a_function_as_learning_rate_is_asked_each_step():
    rates = iter([1.0, 0.5, 0.25])
    w, optimizer = tf.Variable(0.0), ours.optimizers.SGD(lambda: next(rates))
    for expected in (-1.0, -1.5, -1.75):
        optimizer.apply_gradients([(tf.constant(1.0), w)])
        assert w.numpy() == expected


def test_a_new_learning_rate_needs_no_retracing():
    w, optimizer, traces = tf.Variable(0.0), ours.optimizers.SGD(1.0), []

    @tf.function
    def step(g):
        traces.append(1)
        optimizer.apply_gradients([(g, w)])

    step(tf.constant(1.0))
    count = len(traces)
    optimizer.learning_rate = 0.5
    step(tf.constant(1.0))
    optimizer.lr.assign(0.25)
    step(tf.constant(1.0))
    assert w.numpy() == -1.75 and len(traces) == count
    eager = ours.optimizers.SGD(1.0)
    eager.apply_gradients([(tf.constant(1.0), w)])
    eager.lr = 0.5
    eager.apply_gradients([(tf.constant(1.0), w)])
    assert w.numpy() == -3.25 and len(eager._programs) == 1


def test_learning_rate_is_a_schedule_or_a_number():
    optimizer = ours.optimizers.Adam(lr=0.5)
    assert float(optimizer.learning_rate) == 0.5 and len(optimizer.variables) == 2
    optimizer.learning_rate = ours.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    assert np.isclose(float(optimizer.learning_rate), 0.1) and len(optimizer.variables) == 1
    with pytest.raises(TypeError, match="cannot be set to a number"):
        optimizer.learning_rate = 0.1
    with pytest.raises(TypeError, match="learning_rate"):
        ours.optimizers.Adam("fast")


def test_hyperparameters_may_change_between_steps():
    w, optimizer = tf.Variable(0.0), ours.optimizers.SGD(1.0, momentum=0.5)
    optimizer.apply_gradients([(tf.constant(1.0), w)])
    optimizer.momentum = 1.0
    optimizer.apply_gradients([(tf.constant(1.0), w)])
    assert w.numpy() == -3.0
    scaled = ours.optimizers.LossScaleOptimizer(ours.optimizers.SGD(1.0, momentum=0.5), initial_scale=1.0)
    w.assign(0.0)
    scaled.apply_gradients([(tf.constant(1.0), w)])
    scaled.inner_optimizer.momentum = 1.0
    scaled.apply_gradients([(tf.constant(1.0), w)])
    assert w.numpy() == -3.0


def test_missing_gradients():
    a, b = tf.Variable(1.0), tf.Variable(1.0, name="unused")
    optimizer = ours.optimizers.SGD(0.5)
    with pytest.warns(UserWarning, match="unused"):
        optimizer.apply_gradients([(tf.constant(1.0), a), (None, b)])
    assert (a.numpy(), b.numpy()) == (0.5, 1.0)
    with pytest.raises(ValueError, match="No gradients provided for any variable"):
        optimizer.apply_gradients([(None, a), (None, b)])
    with pytest.raises(ValueError, match="Unknown variable"):
        optimizer.apply_gradients([(tf.constant(1.0), tf.Variable(1.0))])
    with pytest.raises(ValueError, match="one gradient for each"):
        optimizer.apply([tf.constant(1.0)])
    with pytest.raises(ValueError, match="must|needs"):
        ours.optimizers.SGD().apply([tf.constant(1.0)])
    assert int(optimizer.iterations) == 1


@pytest.mark.parametrize("wrong", [
    dict(clipnorm=1.0, clipvalue=1.0), dict(gradient_accumulation_steps=1), dict(use_ema=True, ema_momentum=2.0),
    dict(use_ema=True, ema_overwrite_frequency=0.5), dict(momentum=2.0), dict(wrong=1)])
def test_wrong_arguments(wrong):
    for keras in (ours, theirs):
        with pytest.raises(ValueError):
            keras.optimizers.SGD(**wrong)


def test_weight_decay_may_leave_variables_out():
    def make(keras, variables):
        optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_list=variables[2:3], var_names=["bias"])
        return optimizer

    a, b = make_ours(initial()), make_theirs(initial())
    mine, other = make(ours, a), make(theirs, b)
    for i in range(3):
        mine.apply([tf.constant(g) for g in gradients(i)], a)
        other.apply([jnp.asarray(g) for g in gradients(i)], b)
    compare(mine, a, other, b, "exclude_from_weight_decay")
    assert len(mine.variables) == len(other.variables)


def test_sparse_gradients():
    w, dense = tf.Variable(tf.ones([4, 2])), tf.Variable(tf.ones([4, 2]))
    sparse = tf.IndexedSlices(tf.ones([3, 2]), tf.constant([0, 2, 2]), dense_shape=tf.constant([4, 2]))
    ours.optimizers.Adam(0.1).apply_gradients([(sparse, w)])
    ours.optimizers.Adam(0.1).apply_gradients([(tf.constant([[1.0] * 2, [0.0] * 2, [2.0] * 2, [0.0] * 2]), dense)])
    close(w.numpy(), dense.numpy())


def test_minimize():
    w = tf.Variable([1.0, 2.0])
    optimizer = ours.optimizers.SGD(0.1)
    steps = optimizer.minimize(lambda: tf.reduce_sum(w * w), [w])
    assert int(steps) == 1
    close(w.numpy(), np.float32([0.8, 1.6]))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(w * w)
    optimizer.minimize(loss, [w], tape=tape)
    close(w.numpy(), np.float32([0.64, 1.28]))
    with pytest.raises(ValueError, match="tape"):
        optimizer.minimize(loss, [w])


# --- mixed precision ---


@pytest.mark.parametrize("name,dtype", [("SGD", "float16"), ("Adam", "bfloat16"), ("Muon", "float64")])
def test_gradients_of_other_dtypes(name, dtype):
    w, expected = tf.Variable(tf.ones([2, 2])), tf.Variable(tf.ones([2, 2]))
    g = tf.constant([[1.0, -2.0], [0.5, 4.0]])
    getattr(ours.optimizers, name)(0.1).apply_gradients([(tf.cast(g, dtype), w)])
    getattr(ours.optimizers, name)(0.1).apply_gradients([(g, expected)])
    close(w.numpy(), expected.numpy())


@pytest.mark.parametrize("name,dtype", [
    (n, ("float16", "bfloat16", "float64")[i % 3]) for i, (n, c) in enumerate(OPTIMIZERS) if not c])
def test_variables_of_other_dtypes(name, dtype):
    w = tf.Variable(tf.ones([2, 2], dtype))
    optimizer = getattr(ours.optimizers, name)(0.1, global_clipnorm=1.0)
    for _ in range(2):
        optimizer.apply_gradients([(tf.constant([[1.0, -2.0], [0.5, 4.0]], dtype), w)])
    assert w.dtype == dtype and np.all(np.isfinite(w.numpy().astype(np.float64)))
    # With a second moment in 8 bits, 1 - beta_2 is 0: nothing moves, in Keras too.
    assert dtype == "bfloat16" or np.any(w.numpy() != 1)


def scaled_steps(optimizer, variables, convert, compiled=False):
    def apply(*gs):
        optimizer.apply(gs, variables)

    step = tf.function(apply) if compiled else apply
    for i in range(12):
        grads = gradients(i)
        if i in (2, 3, 9):
            grads[1] = np.float32([1, np.inf if i == 9 else np.nan, 0, 0])
        step(*[convert(g) for g in grads])


@pytest.mark.parametrize("name,compiled", [("SGD", False), ("SGD", True)])
def test_loss_scale(name, compiled):
    def make(keras):
        return keras.optimizers.LossScaleOptimizer(getattr(keras.optimizers, name)(0.1), 16.0, dynamic_growth_steps=3)

    mine, other = make(ours), make(theirs)
    a, b = make_ours(initial()), make_theirs(initial())
    assert float(mine.scale_loss(tf.constant(2.0))) == 32.0
    # Keras' own `apply` cannot run a `cond` that assigns on JAX; its stateless form can.
    other.build(b)
    for i in range(12):
        grads = gradients(i)
        if i in (2, 3, 9):
            grads[1] = np.float32([1, np.inf if i == 9 else np.nan, 0, 0])
        values, state = other.stateless_apply(
            [v.value for v in other.variables], [jnp.asarray(g) for g in grads], [v.value for v in b])
        for variable, value in zip([*b, *other.variables], [*values, *state]):
            variable.assign(value)
    scaled_steps(mine, a, tf.constant, compiled)
    compare(mine, a, other, b, f"LossScaleOptimizer({name})")
    assert int(mine.iterations) == 9 and float(mine.learning_rate) == float(other.learning_rate)
    assert float(mine.scale_loss(tf.constant(1.0))) == float(mine.dynamic_scale)
    mine.learning_rate = 0.5
    assert float(mine.inner_optimizer.lr) == 0.5


def test_loss_scale_in_sixteen_bits():
    w = tf.Variable(tf.ones([2], tf.float16))
    optimizer = ours.optimizers.LossScaleOptimizer(ours.optimizers.SGD(1.0), initial_scale=2.0**17)
    optimizer.apply_gradients([(tf.constant([2.0**15, 0.0], tf.float16), w)])
    assert w.numpy().tolist() == [0.75, 1.0]


# --- optimizers of the user's own, copies, configurations ---


class Momentum(ours.optimizers.Optimizer):
    """As Keras' guides write one."""

    def __init__(self, learning_rate=0.1, momentum=0.9, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum

    def build(self, variables):
        super().build(variables)
        self.momentums = []
        for variable in variables:
            self.momentums.append(self.add_variable_from_reference(reference_variable=variable, name="momentum"))

    def update_step(self, gradient, variable, learning_rate):
        learning_rate = tf.cast(learning_rate, variable.dtype)
        gradient = tf.cast(gradient, variable.dtype)
        m = self.momentums[self._get_variable_index(variable)]
        self.assign(m, m * self.momentum - gradient * learning_rate)
        self.assign_add(variable, m)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


@pytest.mark.parametrize("compiled", [False, True])
def test_a_subclass(compiled):
    mine, built_in = Momentum(0.1, use_ema=True, name="own"), ours.optimizers.SGD(0.1, momentum=0.9, use_ema=True)
    a, b = make_ours(initial()), make_ours(initial())
    step = lambda *gs: mine.apply_gradients(zip(gs, a))
    step = tf.function(step) if compiled else step
    for i in range(5):
        step(*[tf.constant(g) for g in gradients(i)])
        built_in.apply_gradients(zip([tf.constant(g) for g in gradients(i)], b))
    for x, y in zip([*a, *mine.variables], [*b, *built_in.variables]):
        close(x.numpy(), y.numpy(), "subclass", 1e-6)
    assert [v.path for v in mine.variables[-2:]] == ["own/embedding_embeddings_momentum", "own/out_bias_momentum"]
    again = ours.optimizers.get(ours.optimizers.deserialize(
        ours.optimizers.serialize(mine), custom_objects={"Momentum": Momentum}))
    assert again.get_config() == mine.get_config()


def test_a_subclass_must_call_super_first():
    class Forgetful(ours.optimizers.Optimizer):
        def __init__(self):
            self.momentum = 0.9

    with pytest.raises(RuntimeError, match="super"):
        Forgetful()
    with pytest.raises(NotImplementedError, match="update_step"):
        ours.optimizers.Optimizer(0.1).apply_gradients([(tf.constant(1.0), tf.Variable(1.0))])


@pytest.mark.parametrize("name,config", OPTIMIZERS)
def test_configurations(name, config):
    mine, other = getattr(ours.optimizers, name)(**config), getattr(theirs.optimizers, name)(**config)
    a, b = mine.get_config(), other.get_config()
    a.pop("name"), b.pop("name")
    assert a == b
    assert ours.optimizers.get(ours.optimizers.serialize(mine)).get_config() == mine.get_config()
    assert ours.optimizers.serialize(mine).keys() == theirs.optimizers.serialize(other).keys()
    assert ours.optimizers.serialize(mine)["module"] == "keras.optimizers"
    theirs.optimizers.deserialize(ours.optimizers.serialize(mine))
    assert type(ours.optimizers.deserialize(theirs.optimizers.serialize(other))) is type(mine)


def test_configuration_of_loss_scale_and_schedule():
    mine = ours.optimizers.LossScaleOptimizer(ours.optimizers.Adam(ours.optimizers.schedules.CosineDecay(0.1, 10)))
    again = theirs.optimizers.deserialize(ours.optimizers.serialize(mine))
    back = ours.optimizers.deserialize(theirs.optimizers.serialize(again))
    assert back.get_config() == mine.get_config()


def test_get():
    assert isinstance(ours.optimizers.get("rmsprop"), ours.optimizers.RMSprop)
    assert isinstance(ours.optimizers.get("AdamW"), ours.optimizers.AdamW)
    assert ours.optimizers.get(None) is None
    assert ours.optimizers.legacy.Adam is ours.optimizers.Adam
    optimizer = ours.optimizers.SGD()
    assert ours.optimizers.get(optimizer) is optimizer
    for wrong in ("fast", 3):
        with pytest.raises(ValueError):
            ours.optimizers.get(wrong)


def test_every_optimizer_of_keras_is_here():
    public = {n for n in dir(theirs.optimizers) if n[0].isupper()}
    assert public <= set(ours.optimizers.__all__)


def test_several_optimizers():
    """`MultiOptimizer`: the values, the state and the configuration are those of Keras, eagerly and compiled."""
    def make(k):
        o = k.optimizers
        chosen = o.OptimizerMap(o.SGD(0.1, momentum=0.9), {"dense/.*": o.Adam(0.01), "scale": o.RMSprop(0.1)})
        return o.MultiOptimizer(chosen, loss_scale_factor=2.0)

    for compiled in (False, True):
        mine, a, other, b = run_both(make, 5, compiled)
        compare(mine, a, other, b, "several optimizers")
        assert float(mine.scale_loss(1.0)) == 2.0 and len(mine.optimizers) == len(other.optimizers)
    config = ours.optimizers.serialize(mine)
    assert config.keys() == theirs.optimizers.serialize(other).keys()
    assert ours.optimizers.deserialize(config).get_config() == mine.get_config()
    assert theirs.optimizers.deserialize(config).get_config().keys() == mine.get_config().keys()
    with pytest.raises(AttributeError, match="no learning rate"):
        _ = mine.learning_rate
    with pytest.raises(TypeError, match="made of optimizers"):
        ours.optimizers.OptimizerMap(mine)
    chosen = ours.optimizers.OptimizerMap(ours.optimizers.SGD(), {"a.*": ours.optimizers.SGD()})
    chosen[".*b"] = ours.optimizers.Adam()
    with pytest.raises(ValueError, match="Several patterns"):
        _ = chosen["ab"]
    with pytest.raises(ValueError, match="not in the map yet"):
        chosen["a.*"] = ours.optimizers.Adam()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_copies(duplicate):
    w, optimizer = tf.Variable([1.0, 2.0]), ours.optimizers.Adam(0.1)
    optimizer.apply_gradients([(tf.constant([1.0, -1.0]), w)])
    other, theirs_w = duplicate((optimizer, w))
    for o, v in ((optimizer, w), (other, theirs_w)):
        o.apply_gradients([(tf.constant([3.0, -2.0]), v)])
    close(w.numpy(), theirs_w.numpy())
    assert int(optimizer.iterations) == int(other.iterations) == 2


def test_state_goes_to_keras_and_back():
    mine, a, other, b = run_both(lambda keras: keras.optimizers.Adam(0.1), steps=3)
    store = {}
    other.save_own_variables(store)
    fresh, c = ours.optimizers.Adam(0.7), make_ours([v.numpy() for v in a])
    with pytest.warns(UserWarning, match="not built"):
        fresh.load_own_variables(store)
    fresh.build(c)
    fresh.load_own_variables(store)
    fresh.apply([tf.constant(g) for g in gradients(5)], c)
    other.apply([jnp.asarray(g) for g in gradients(5)], b)
    compare(fresh, c, other, b, "loaded")
    store = {}
    fresh.save_own_variables(store)
    other.load_own_variables(store)
    fresh.set_weights(fresh.get_weights())
    compare(fresh, c, other, b, "saved")


def test_no_warnings_in_a_plain_loop():
    w, optimizer = tf.Variable([1.0]), ours.optimizers.Adam(use_ema=True, ema_overwrite_frequency=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(4):
            optimizer.apply_gradients([(tf.constant([1.0]), w)])


@pytest.mark.parametrize("name", ["SGD", "Adam", "Lion"])
def test_a_step_of_values(name):
    """`stateless_apply`, against Keras; the variables themselves stay."""
    values, gradient = np.array([1.0, -2.0, 3.0], np.float32), np.array([0.5, 0.1, -1.0], np.float32)
    found = []
    for k, variable in ((ours, tf.Variable(values)), (theirs, theirs.Variable(values))):
        optimizer = getattr(k.optimizers, name)(0.1)
        optimizer.build([variable])
        trained, state = [values], [np.asarray(v) for v in optimizer.variables]
        for _ in range(3):
            trained, state = optimizer.stateless_apply(state, [k.ops.convert_to_tensor(gradient)], trained)
        found.append([np.asarray(v) for v in (*trained, *state)])
        assert np.array_equal(np.asarray(variable), values)
    for a, b in zip(*found, strict=True):
        close(a, b.astype(a.dtype) if b.ndim == 0 else b)
    optimizer = ours.optimizers.SGD(0.1)
    with pytest.raises(tf.errors.FailedPreconditionError, match="build"):
        optimizer.stateless_apply([], [], [])
    optimizer.build([tf.Variable(values)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="1 variables"):
        optimizer.stateless_apply([], [gradient], [values])
