"""Random numbers: distributions, streams and seeds, eager = compiled, generators, initializers."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import scipy.stats as stats

import treadle as tf
from treadle import initializers

N = 20_000


@pytest.fixture(autouse=True)
def _fixed_seed():
    tf.random.set_seed(1234)


def agrees(sample, distribution) -> None:
    """Kolmogorov-Smirnov: the sample is not unlikely (p < 1e-4) under the distribution. The seed is fixed."""
    assert stats.kstest(np.asarray(sample, np.float64).ravel(), distribution.cdf).pvalue > 1e-4


def agrees_discrete(sample, distribution) -> None:
    """Chi-squared over the values that are expected at least 20 times."""
    values, counts = np.unique(np.asarray(sample).ravel(), return_counts=True)
    found = dict(zip(values.tolist(), counts.tolist()))
    support = np.arange(0, int(values.max()) + 1)
    expected = distribution.pmf(support) * np.asarray(sample).size
    common = support[expected >= 20]
    observed = np.array([found.get(int(v), 0) for v in common] + [np.asarray(sample).size - sum(
        found.get(int(v), 0) for v in common)])
    wanted = np.append(expected[expected >= 20], np.asarray(sample).size - expected[expected >= 20].sum())
    if wanted[-1] < 1:
        observed, wanted = observed[:-1], wanted[:-1] * observed[:-1].sum() / wanted[:-1].sum()
    assert stats.chisquare(observed, wanted).pvalue > 1e-4


# --- distributions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_continuous_distributions(dtype):
    agrees(tf.random.uniform([N], -1, 3, dtype), stats.uniform(-1, 4))
    agrees(tf.random.normal([N], 2.0, 3.0, dtype), stats.norm(2, 3))
    agrees(tf.random.truncated_normal([N], 1.0, 2.0, dtype), stats.truncnorm(-2, 2, 1, 2))
    for alpha in (0.3, 1.0, 7.5):
        agrees(tf.random.gamma([N], alpha, beta=2.0, dtype=dtype), stats.gamma(alpha, scale=0.5))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_moments(dtype):
    numbers = tf.cast(tf.random.normal([N], dtype=dtype), tf.float64).numpy()
    assert abs(numbers.mean()) < 4 / np.sqrt(N) and abs(numbers.std() - 1) < 0.02
    numbers = tf.cast(tf.random.uniform([N], dtype=dtype), tf.float64).numpy()
    assert numbers.min() >= 0 and numbers.max() < 1 and abs(numbers.mean() - 0.5) < 0.01


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_integers_are_uniform(dtype):
    numbers = tf.random.uniform([N], 5, 12, dtype).numpy()
    assert stats.chisquare(np.bincount(numbers.astype(int), minlength=12)[5:]).pvalue > 1e-4
    full = tf.random.stateless_uniform([N], [1, 2], None, None, dtype).numpy()
    limits = np.iinfo(dtype)
    agrees(full.astype(np.float64) + stats.uniform.rvs(size=N, random_state=0),
           stats.uniform(float(limits.min), float(limits.max) - float(limits.min) + 1))


def test_integers_over_wide_ranges():
    low, high = -2**62, 2**62 + 2**61
    numbers = tf.random.uniform([N], low, high, tf.int64).numpy()
    assert numbers.min() >= low and numbers.max() < high
    agrees(numbers.astype(np.float64), stats.uniform(low, high - low))
    assert set(tf.random.uniform([100], 2**31 - 2, 2**31 - 1, tf.int32).numpy()) == {2**31 - 2}


def test_discrete_distributions():
    for rate in (0.4, 4.0, 40.0):
        agrees_discrete(tf.random.poisson([N], rate), stats.poisson(rate))
    for count, p in ((1, 0.5), (10, 0.2), (60, 0.7)):
        agrees_discrete(tf.random.stateless_binomial([N], [1, 2], count, p), stats.binom(count, p))
    logits = np.log([0.1, 0.2, 0.7]).astype(np.float32)
    numbers = tf.random.categorical([logits], N).numpy()
    assert stats.chisquare(np.bincount(numbers[0]), [0.1 * N, 0.2 * N, 0.7 * N]).pvalue > 1e-4


def test_shuffle_is_a_uniform_permutation():
    orders = [tuple(tf.random.shuffle([0, 1, 2]).numpy()) for _ in range(600)]
    assert len(set(orders)) == 6
    assert stats.chisquare([orders.count(o) for o in set(orders)]).pvalue > 1e-4
    assert tf.random.shuffle(tf.reshape(tf.range(6), [3, 2])).shape == [3, 2]


def test_draws_are_independent():
    a, b = tf.random.normal([N]).numpy(), tf.random.normal([N]).numpy()
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(N)
    assert abs(np.corrcoef(a[:-1], a[1:])[0, 1]) < 4 / np.sqrt(N)
    rows = [tf.random.stateless_uniform([1000], [0, i]).numpy() for i in range(10)]
    assert abs(np.corrcoef(rows) - np.eye(10)).max() < 0.2


def test_uniform_excludes_the_upper_end():
    numbers = tf.random.uniform([100_000], 0.0, 1.0).numpy()
    assert numbers.max() < 1 and numbers.min() >= 0
    above = np.nextafter(np.float32(1), np.float32(2))
    assert (tf.random.uniform([1000], 1.0, above).numpy() == 1).all()


# --- gradients ------------------------------------------------------------------------------------------------------


def test_gradients_flow_to_the_parameters():
    mean, stddev = tf.Variable(2.0), tf.Variable([[1.0], [3.0]])
    for draw in (tf.random.stateless_normal, tf.random.stateless_truncated_normal):
        with tf.GradientTape() as tape:
            numbers = draw([2, 3], [1, 2], mean, stddev)
        d_mean, d_stddev = tape.gradient(numbers, [mean, stddev])
        assert float(d_mean) == 6
        unit = draw([2, 3], [1, 2]).numpy()
        np.testing.assert_allclose(d_stddev, unit.sum(1, keepdims=True), rtol=1e-5)
    low, high = tf.Variable(1.0), tf.Variable(5.0)
    with tf.GradientTape() as tape:
        numbers = tf.random.stateless_uniform([1000], [3, 4], low, high)
    d_low, d_high = tape.gradient(numbers, [low, high])
    np.testing.assert_allclose(float(d_low) + float(d_high), 1000, rtol=1e-5)
    np.testing.assert_allclose(d_high, ((numbers.numpy() - 1) / 4).sum(), rtol=1e-4)


def test_gamma_gradient_is_that_of_the_quantile():
    alpha = tf.Variable([0.5, 2.0, 9.0], dtype=tf.float64)
    with tf.GradientTape() as tape:
        numbers = tf.random.stateless_gamma([3], [5, 6], alpha, dtype=tf.float64)
    found = tape.gradient(numbers, alpha).numpy()
    a, x, h = alpha.numpy(), numbers.numpy(), 1e-5
    p = stats.gamma(a).cdf(x)
    np.testing.assert_allclose(found, (stats.gamma(a + h).ppf(p) - stats.gamma(a - h).ppf(p)) / (2 * h), rtol=1e-4)


# --- streams and seeds ----------------------------------------------------------------------------------------------


def _draws(seed=None):
    return [f().numpy() for f in (
        lambda: tf.random.uniform([3], seed=seed), lambda: tf.random.normal([3], 1.0, 2.0, seed=seed),
        lambda: tf.random.truncated_normal([3], seed=seed), lambda: tf.random.uniform([3], 0, 9, tf.int32, seed=seed),
        lambda: tf.random.gamma([3], 2.0, seed=seed), lambda: tf.random.poisson([3], 2.0, seed=seed),
        lambda: tf.random.categorical([[0.0, 1.0]], 3, seed=seed), lambda: tf.random.shuffle([1, 2, 3], seed=seed),
        lambda: tf.nn.dropout(tf.ones([3]), 0.5, seed=seed))]


@pytest.mark.parametrize("seed", [None, 7])
def test_set_seed_starts_the_streams_again(seed):
    tf.random.set_seed(1)
    first = [*_draws(seed), *_draws(seed)]
    tf.random.set_seed(1)
    second = [*_draws(seed), *_draws(seed)]
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a, b)
    tf.random.set_seed(2)
    assert any((a != b).any() for a, b in zip(first, _draws(seed)))
    assert (first[1] != first[1 + len(first) // 2]).any()


def test_streams_of_different_seeds_differ():
    numbers = [tf.random.normal([4], seed=s).numpy().tobytes() for s in (None, 0, 1, -1, 2**40)]
    assert len(set(numbers)) == 5


def test_without_a_seed_runs_differ():
    tf.random.set_seed(None)
    a = tf.random.normal([4]).numpy()
    tf.random.set_seed(None)
    assert (a != tf.random.normal([4]).numpy()).all()


@pytest.mark.parametrize("bad", [float("nan"), 1.5, "seed", True, [1]])
def test_seeds_that_are_no_integers_are_refused(bad):
    for use in (tf.random.set_seed, tf.random.Generator.from_seed, lambda s: tf.random.normal([1], seed=s),
                lambda s: initializers.RandomNormal(seed=s)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="seed"):
            use(bad)
    with pytest.raises(tf.errors.InvalidArgumentError, match="64 bits"):
        tf.random.set_seed(2**70)


def test_invalid_arguments_are_refused():
    for call, message in (
            (lambda: tf.random.uniform([2], 5, 3, tf.int32), "minval"),
            (lambda: tf.random.uniform([2], dtype=tf.int32), "maxval"),
            (lambda: tf.random.uniform([2], dtype=tf.string), "dtype"),
            (lambda: tf.random.normal([2], mean=tf.zeros([3])), "shape"),
            (lambda: tf.random.stateless_normal([2], [1, 2, 3]), "seed"),
            (lambda: tf.random.stateless_normal([2], [1.0, 2.0]), "seed"),
            (lambda: tf.random.categorical([0.0, 1.0], 2), "logits"),
            (lambda: tf.random.shuffle(3), "scalar"),
            (lambda: tf.nn.dropout(tf.ones([2]), 1.0), "rate"),
            (lambda: tf.nn.dropout([1, 2], 0.5), "floating")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            call()


# --- eager = compiled -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [None, 3])
def test_compiled_draws_equal_eager_ones_bit_for_bit(seed):
    def step():
        mean = tf.constant([0.1, 0.2, 0.3])
        return [tf.random.normal([2, 3], mean, 1.7, seed=seed), tf.random.uniform([4], -1.3, 2.9, seed=seed),
                tf.random.truncated_normal([4], 0.3, 0.7, seed=seed),
                tf.random.uniform([4], 0, 100, tf.int64, seed=seed),
                tf.random.gamma([3], [0.5, 2.0], seed=seed), tf.random.poisson([3], 3.3, seed=seed),
                tf.random.categorical([[0.1, 0.2]], 5, seed=seed), tf.random.shuffle(tf.range(9), seed=seed),
                tf.nn.dropout(tf.ones([20]), 0.3, seed=seed)]

    compiled = tf.function(step)
    tf.random.set_seed(5)
    eager = [r for _ in range(3) for r in step()]
    tf.random.set_seed(5)
    traced = [r for _ in range(3) for r in compiled()]
    for a, b in zip(eager, traced):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_compiled_function_follows_set_seed():
    draw = tf.function(lambda: tf.random.normal([2]))
    tf.random.set_seed(8)
    first = [draw().numpy(), draw().numpy()]
    assert (first[0] != first[1]).all()
    tf.random.set_seed(8)
    np.testing.assert_array_equal(first, [draw().numpy(), tf.random.normal([2]).numpy()])


# --- generators -----------------------------------------------------------------------------------------------------


def test_generators_repeat_and_restore():
    g = tf.random.Generator.from_seed(1)
    first = g.normal([3]).numpy()
    state = g.state.numpy()
    second = g.uniform([3]).numpy()
    for other in (tf.random.Generator.from_state(state), tf.random.Generator(state=state),
                  tf.random.Generator.from_key_counter(1, [1, 0])):
        np.testing.assert_array_equal(other.uniform([3]).numpy(), second)
    g.reset_from_seed(1)
    np.testing.assert_array_equal(g.normal([3]).numpy(), first)
    g.reset(state)
    np.testing.assert_array_equal(tf.random.Generator(copy_from=g).uniform([3]).numpy(), second)
    g.reset_from_key_counter(1, 0)
    g.skip(1)
    np.testing.assert_array_equal(g.uniform([3]).numpy(), second)
    assert int(g.key) == 1 and g.algorithm == 2
    assert (tf.random.Generator.from_non_deterministic_state().normal([3]).numpy() != first).all()


def test_generators_draw_and_split():
    g = tf.random.Generator.from_seed(2)
    agrees(g.normal([N], 1.0, 2.0), stats.norm(1, 2))
    agrees(g.truncated_normal([N]), stats.truncnorm(-2, 2))
    agrees(g.uniform([N]), stats.uniform())
    agrees_discrete(g.binomial([N], 10, 0.3), stats.binom(10, 0.3))
    assert g.uniform_full_int([3]).dtype == tf.uint64 and g.make_seeds(4).shape == [2, 4]
    parts = [h.normal([4]).numpy().tobytes() for h in g.split(3)]
    assert len(set(parts)) == 3


def test_a_generator_advances_inside_a_function():
    g, h = (tf.random.Generator.from_seed(4) for _ in range(2))
    draw = tf.function(lambda: g.normal([2]))
    np.testing.assert_array_equal([draw().numpy() for _ in range(3)], [h.normal([2]).numpy() for _ in range(3)])
    np.testing.assert_array_equal(g.state.numpy(), h.state.numpy())


def test_the_global_generator():
    mine = tf.random.Generator.from_seed(9)
    before = tf.random.get_global_generator()
    try:
        tf.random.set_global_generator(mine)
        assert tf.random.get_global_generator() is mine
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.random.set_global_generator(3)
    finally:
        tf.random.set_global_generator(before)


def test_generator_arguments_are_checked():
    for bad in (lambda: tf.random.Generator(), lambda: tf.random.Generator.from_state([1, 2, 3]),
                lambda: tf.random.Generator.from_seed(1, alg="dice"),
                lambda: tf.random.Generator.from_key_counter(1, [0, 5])):
        with pytest.raises(tf.errors.InvalidArgumentError):
            bad()


def test_threads_never_draw_the_same_numbers():
    g = tf.random.Generator.from_seed(6)
    drawn: list[bytes] = []

    def work():
        for _ in range(40):
            drawn.append(g.uniform([2]).numpy().tobytes())
            drawn.append(tf.random.uniform([2]).numpy().tobytes())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drawn) == len(set(drawn)) == 480
    assert int(g.state.numpy()[0]) == 240


# --- seeds from seeds -----------------------------------------------------------------------------------------------


def test_stateless_functions_repeat():
    for draw in (tf.random.stateless_normal, tf.random.stateless_uniform, tf.random.stateless_truncated_normal):
        np.testing.assert_array_equal(draw([5], [1, 2]).numpy(), draw([5], tf.constant([1, 2], tf.int64)).numpy())
        assert (draw([5], [1, 2]).numpy() != draw([5], [2, 1]).numpy()).any()
    values = tf.random.stateless_shuffle(tf.range(10), [1, 2]).numpy()
    assert sorted(values) == list(range(10))
    kept = [tf.nn.stateless_dropout(tf.ones([9]), 0.5, [1, 2]).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*kept)


def test_split_and_fold_in():
    seeds = tf.random.split([1, 2], 3)
    assert seeds.shape == [3, 2] and seeds.dtype == tf.int32 and len({tuple(s) for s in seeds.numpy()}) == 3
    assert tf.random.split(tf.constant([1, 2], tf.int64)).dtype == tf.int64
    folded = [tuple(tf.random.fold_in([1, 2], i).numpy()) for i in range(3)]
    assert len(set(folded)) == 3
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.random.split([1.0, 2.0])


# --- initializers ---------------------------------------------------------------------------------------------------


_SHAPE = (3, 3, 20, 30)  # 180 inputs, 270 outputs


@pytest.mark.parametrize("initializer, distribution", [
    (initializers.GlorotUniform, stats.uniform(-np.sqrt(6 / 450), 2 * np.sqrt(6 / 450))),
    (initializers.HeUniform, stats.uniform(-np.sqrt(6 / 180), 2 * np.sqrt(6 / 180))),
    (initializers.LecunUniform, stats.uniform(-np.sqrt(3 / 180), 2 * np.sqrt(3 / 180))),
    (initializers.RandomNormal, stats.norm(0, 0.05)),
    (initializers.RandomUniform, stats.uniform(-0.05, 0.1)),
    (initializers.TruncatedNormal, stats.truncnorm(-2, 2, 0, 0.05)),
    (lambda **k: initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", **k),
     stats.norm(0, np.sqrt(2 / 270))),
])
def test_initializers_draw_from_their_distribution(initializer, distribution):
    made = initializer(seed=3)
    agrees(made(_SHAPE), distribution)
    np.testing.assert_array_equal(made(_SHAPE).numpy(), made(_SHAPE).numpy())
    again = type(made).from_config(made.get_config())
    np.testing.assert_array_equal(made(_SHAPE).numpy(), again(_SHAPE).numpy())
    free = initializer()
    assert (free([3, 4]).numpy() != free([3, 4]).numpy()).any()


@pytest.mark.parametrize("initializer, variance", [
    (initializers.GlorotNormal, 2 / 450), (initializers.HeNormal, 2 / 180), (initializers.LecunNormal, 1 / 180)])
def test_truncated_initializers_keep_the_variance(initializer, variance):
    numbers = initializer(seed=1)(_SHAPE, tf.float64).numpy()
    np.testing.assert_allclose(numbers.var(), variance, rtol=0.05)
    assert abs(numbers).max() <= 2 * np.sqrt(variance) / 0.87962566103423978


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (2, 3, 5)])
def test_orthogonal(shape):
    weight = initializers.Orthogonal(2.0, seed=1)(shape).numpy().reshape(-1, shape[-1])
    gram = weight @ weight.T if weight.shape[0] < weight.shape[1] else weight.T @ weight
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_constant_initializers():
    assert initializers.Zeros()([2], tf.int32).numpy().tolist() == [0, 0]
    assert initializers.Ones()([2]).dtype == tf.float32
    assert initializers.Constant([1, 2])([3, 2]).numpy().tolist() == [[1, 2]] * 3
    assert initializers.Identity(2.0)([2, 3]).numpy().tolist() == [[2, 0, 0], [0, 2, 0]]
    for bad in (lambda: initializers.Identity()([2]), lambda: initializers.Orthogonal()([2]),
                lambda: initializers.VarianceScaling(0.0), lambda: initializers.VarianceScaling(mode="fan")):
        with pytest.raises(tf.errors.InvalidArgumentError):
            bad()
