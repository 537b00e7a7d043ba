"""`tf.data`: against what real tf.data gives, and by property where chance is in play."""

import collections
import gc
import gzip
import json
import pathlib
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.data_cases import CASES, rows
from oracles.data_record import record

import treadle as tf

Dataset = tf.data.Dataset
ORACLE = json.loads(pathlib.Path(__file__).with_name("oracles").joinpath("data.json").read_text())


def values(dataset):
    return [np.asarray(element).tolist() for element in dataset.as_numpy_iterator()]


def in_json(result):
    return json.loads(json.dumps(result))


@pytest.mark.parametrize("name", CASES)
def test_as_tf_data(name):
    assert in_json(record(CASES[name](tf))) == ORACLE[name]


def test_every_case_has_an_oracle():
    assert set(CASES) == set(ORACLE)


# --- what the user holds --------------------------------------------------------------------------------------------


def test_elements_are_tensors():
    for x, text in Dataset.from_tensor_slices(([1.5, 2.5], ["a", "b"])):
        assert isinstance(x, tf.Tensor) and x.dtype == tf.float32 and x.shape == []
        assert text.dtype == tf.string and text.numpy() in (b"a", b"b")
    assert next(iter(Dataset.range(3))).dtype == tf.int64


def test_the_data_set_owns_its_data():
    array = np.zeros(3, np.float32)
    ds = Dataset.from_tensor_slices(array).batch(3)
    array[:] = 7
    assert values(ds) == [[0, 0, 0]]
    batch = next(ds.as_numpy_iterator())
    with pytest.raises(ValueError):
        batch[0] = 1
    assert values(ds) == [[0, 0, 0]]


def test_iterator():
    it = iter(Dataset.range(2))
    assert it.element_spec == tf.TensorSpec([], tf.int64)
    assert int(next(it)) == 0
    assert int(it.get_next()) == 1
    with pytest.raises(tf.errors.OutOfRangeError):
        it.get_next()
    assert not bool(it.get_next_as_optional().has_value())
    with pytest.raises(StopIteration):
        next(it)
    optional = iter(Dataset.range(2)).get_next_as_optional()
    assert bool(optional.has_value()) and int(optional.get_value()) == 0


def test_iterations_are_independent():
    ds = Dataset.range(3)
    a, b = iter(ds), iter(ds)
    assert [int(next(a)), int(next(a)), int(next(b))] == [0, 1, 0]


def test_length_and_truth():
    assert len(Dataset.range(10).batch(3)) == 4
    assert bool(Dataset.range(0))
    with pytest.raises(TypeError, match="infinite"):
        len(Dataset.range(3).repeat())
    with pytest.raises(TypeError, match="only known"):
        len(Dataset.range(3).filter(lambda x: x > 1))
    assert Dataset.range(3).repeat().cardinality().numpy() == tf.data.INFINITE_CARDINALITY
    assert Dataset.range(3).filter(lambda x: x > 1).cardinality().numpy() == tf.data.UNKNOWN_CARDINALITY


def test_repr():
    assert repr(Dataset.range(3).batch(2)) == (
        "<Dataset element_spec=TensorSpec(shape=(None,), dtype=tf.int64, name=None)>")


def test_spec_of_a_mapped_batch_keeps_its_size_open():
    ds = Dataset.from_tensor_slices(np.zeros((10, 3), np.float32)).batch(4).map(lambda x: (x + 1, x[:, 0]))
    assert ds.element_spec == (tf.TensorSpec([None, 3], tf.float32), tf.TensorSpec([None], tf.float32))


def test_specs_need_no_data_and_draw_no_random_numbers():
    empty = Dataset.from_tensor_slices((np.zeros((0, 3), np.float32), np.zeros(0, object).astype(str)))
    assert empty.map(lambda x, text: (x + 1, text)).element_spec == (
        tf.TensorSpec([3], tf.float32), tf.TensorSpec([], tf.string))
    assert Dataset.from_tensors(np.zeros((0, 2))).unbatch().map(lambda x: x).element_spec == (
        tf.TensorSpec([2], tf.float64))
    asked, not_asked = (Dataset.range(20).shuffle(20, seed=1).map(lambda x: x).batch(5) for _ in range(2))
    assert asked.element_spec == tf.TensorSpec([None], tf.int64)
    assert values(asked) == values(not_asked)


def test_options():
    options = tf.data.Options()
    options.deterministic = False
    options.threading.private_threadpool_size = 4
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    other = tf.data.Options()
    other.threading.max_intra_op_parallelism = 1
    ds = Dataset.range(3).with_options(options).batch(2).with_options(other)
    assert ds.options().deterministic is False
    assert ds.options().threading.private_threadpool_size == 4
    assert ds.options().threading.max_intra_op_parallelism == 1
    assert ds.options().experimental_optimization.map_fusion is None
    with pytest.raises(AttributeError, match="detreministic"):
        options.detreministic = True


# --- clear errors ---------------------------------------------------------------------------------------------------

small = Dataset.range(10)

WRONG = {
    "different first sizes": (lambda: Dataset.from_tensor_slices({"x": np.zeros(3), "y": np.zeros(4)}),
                              ValueError, r"3 for \['x'\], 4 for \['y'\]"),
    "scalar": (lambda: Dataset.from_tensor_slices(5), ValueError, "at least one axis"),
    "nothing": (lambda: Dataset.from_tensors(None), ValueError, "needs a tensor"),
    "batch of zero": (lambda: small.batch(0), ValueError, "`batch_size` must be greater than zero. Received: 0"),
    "negative batch": (lambda: small.batch(-3), ValueError, "Received: -3"),
    "batch of a float": (lambda: small.batch(2.5), TypeError, "`batch_size` must be an integer"),
    "buffer of zero": (lambda: small.shuffle(0), ValueError, "`buffer_size`"),
    "window of zero": (lambda: small.window(0), ValueError, "`size`"),
    "step of zero": (lambda: Dataset.range(0, 3, 0), ValueError, "step"),
    "shard out of range": (lambda: small.shard(3, 3), ValueError, "from 0 to 2"),
    "no parallel calls": (lambda: small.map(lambda x: x, num_parallel_calls=0), ValueError, "num_parallel_calls"),
    "map of no function": (lambda: small.map(3), TypeError, "must be a function"),
    "concatenate dtypes": (lambda: small.concatenate(Dataset.from_tensors(1.0)), TypeError, "different kinds"),
    "concatenate no data set": (lambda: small.concatenate(5), TypeError, "must be a `tf.data.Dataset`"),
    "zip of a list": (lambda: Dataset.zip([small, small]), TypeError, "`zip`"),
    "apply": (lambda: small.apply(lambda ds: 5), TypeError, "must return"),
    "no signature": (lambda: Dataset.from_generator(lambda: [1]), TypeError, "output_signature"),
    "generator is no function": (lambda: Dataset.from_generator([1], output_types=tf.int32), TypeError, "generator"),
    "weights": (lambda: Dataset.sample_from_datasets([small, small], [1.0]), ValueError, "weights"),
    "choices of int32": (lambda: Dataset.choose_from_datasets([small], Dataset.from_tensors(0)), TypeError, "int64"),
    "padding of another dtype": (lambda: rows(tf, [1]).padded_batch(2, padding_values=1.5), TypeError, "int32"),
    "unknown rank": (lambda: Dataset.from_generator(lambda: [1], output_types=tf.int32).padded_batch(2),
                     ValueError, "padded_shapes"),
    "two elements": (lambda: small.get_single_element(), ValueError, "several"),
    "no elements": (lambda: small.take(0).get_single_element(), ValueError, "none"),
    "no file": (lambda: Dataset.list_files("/nowhere/*.txt"), ValueError, "/nowhere"),
    "a node of its own": (lambda: Dataset([1, 2]), TypeError, "from_tensor_slices"),
    # Found when the iteration gets there.
    "predicate": (lambda: list(small.filter(lambda x: x)), TypeError, "bool"),
    "flat_map": (lambda: list(small.flat_map(lambda x: x)), TypeError, "must be a `tf.data.Dataset`"),
    "ragged batch": (lambda: list(rows(tf, [1, 2]).batch(2)), ValueError, "padded_batch"),
    "too small to pad to": (lambda: list(rows(tf, [1, 2]).padded_batch(2, padded_shapes=[1])), ValueError, "padded"),
    "unbatch of scalars": (lambda: list(small.unbatch()), ValueError, "unbatch"),
    "choice out of range": (lambda: list(Dataset.choose_from_datasets([small, small], Dataset.range(3))),
                            ValueError, "from 0 to 1"),
    "generated shape": (lambda: list(Dataset.from_generator(
        lambda: [[1, 2]], output_signature=tf.TensorSpec([], tf.int32))), ValueError, r"shape \(2,\)"),
    "generated structure": (lambda: list(Dataset.from_generator(
        lambda: [(1, 2, 3)], output_signature=(tf.TensorSpec([], tf.int32),) * 2)), TypeError, "structure"),
    "generated kind": (lambda: list(Dataset.from_generator(
        lambda: ["a"], output_signature=tf.TensorSpec([], tf.int32))), TypeError, "int32"),
    "state of another dtype": (lambda: small.reduce(0, lambda total, x: x), TypeError, "initial_state"),
}


@pytest.mark.parametrize("name", WRONG)
def test_clear_errors(name):
    make, kind, message = WRONG[name]
    with pytest.raises(kind, match=message) as caught:
        make()
    assert isinstance(caught.value, tf.errors.InvalidArgumentError)


class Broken(Exception):
    pass


def fails_at_6(x):
    if int(x) == 6:
        raise Broken("six")
    return x


def slowly(x):
    time.sleep(0.002)
    return x


def slowly_fails(x):
    time.sleep(0.002)
    return fails_at_6(x)


PIPELINES = {
    "map": lambda: Dataset.range(9).map(fails_at_6),
    "parallel map": lambda: Dataset.range(9).map(slowly_fails, num_parallel_calls=4),
    "prefetch": lambda: Dataset.range(9).map(fails_at_6).prefetch(2),
    "parallel map of prefetch": lambda: Dataset.range(9).map(fails_at_6).prefetch(1).map(slowly, num_parallel_calls=2),
    "filter": lambda: Dataset.range(9).filter(lambda x: fails_at_6(x) > -1),
    "generator": lambda: Dataset.from_generator(
        lambda: (fails_at_6(i) for i in range(9)), output_signature=tf.TensorSpec([], tf.int64)),
    "parallel interleave": lambda: Dataset.range(1).interleave(
        lambda _: Dataset.range(9).map(fails_at_6), num_parallel_calls=2),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_an_exception_surfaces_where_the_iteration_gets_there(name):
    seen = []
    with pytest.raises(Broken) as caught:
        for x in PIPELINES[name]():
            seen.append(int(x))
    assert seen == [0, 1, 2, 3, 4, 5]
    assert caught.traceback[-1].name == "fails_at_6"


# --- shuffle --------------------------------------------------------------------------------------------------------


def elementwise(dataset):
    """The same elements, but in a form that the fast path does not recognise."""
    return dataset.map(lambda x: x)


@given(st.integers(0, 60), st.integers(1, 70), st.integers(0, 2**40))
@settings(max_examples=60, deadline=None)
def test_shuffle_is_a_permutation_within_the_buffer(count, buffer, seed):
    order = [int(x) for x in Dataset.range(count).shuffle(buffer, seed=seed).as_numpy_iterator()]
    assert sorted(order) == list(range(count))
    # Before the element can come out, the buffer must have reached it.
    assert all(element - place < buffer for place, element in enumerate(order))


@given(st.integers(0, 700), st.integers(1, 800), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_fast_path_shuffles_like_the_slow_one(count, buffer, seed):
    source = Dataset.from_tensor_slices(np.arange(count, dtype=np.int32))
    fast = source.shuffle(buffer, seed).batch(7)
    slow = Dataset.from_generator(
        lambda: np.arange(count), output_signature=tf.TensorSpec([], tf.int32)).shuffle(buffer, seed).batch(7)
    for _ in range(2):  # reshuffled alike
        assert values(fast) == values(slow)
    assert values(source.shuffle(buffer, seed)) == [x for batch in values(
        Dataset.from_tensor_slices(np.arange(count, dtype=np.int32)).shuffle(buffer, seed).batch(7)) for x in batch]


FAST = {
    "repeat before": lambda ds: ds.repeat(3).shuffle(5, 1).batch(4),
    "repeat for ever before": lambda ds: ds.repeat().shuffle(50, 1).batch(4).take(9),
    "repeat between": lambda ds: ds.shuffle(5, 1).repeat(2).batch(4),
    "repeat after": lambda ds: ds.shuffle(5, 1).batch(4, drop_remainder=True).repeat(2),
    "take and skip": lambda ds: ds.shuffle(30, 1).skip(3).take(6).batch(4),
    "twice": lambda ds: ds.shuffle(5, 1).shuffle(9, 2).batch(4),
    "cached": lambda ds: ds.cache().shuffle(9, 2).prefetch(2).batch(4).prefetch(2),
    "finite but long": lambda ds: ds.repeat(10**9).shuffle(50, 1).batch(4).take(9),
    "same order": lambda ds: ds.shuffle(9, 2, reshuffle_each_iteration=False).repeat(2).batch(5),
}


@pytest.mark.parametrize("name", FAST)
def test_the_fast_path_with_other_steps(name):
    transform = FAST[name]
    fast = Dataset.from_tensor_slices(np.arange(23, dtype=np.int32))
    slow = Dataset.from_generator(lambda: np.arange(23), output_signature=tf.TensorSpec([], tf.int32))
    assert fast._node.rows() is not None and slow._node.rows() is None
    fast, slow = transform(fast), transform(slow)
    for _ in range(2):
        assert values(fast) == values(slow)


def test_shuffle_is_uniform():
    # Each element is equally often in each place, with a full buffer: chi-squared with 16 degrees of freedom.
    counts = np.zeros((5, 5))
    ds = Dataset.range(5).shuffle(5, seed=0)
    for _ in range(3000):
        counts[np.arange(5), [int(x) for x in ds.as_numpy_iterator()]] += 1
    assert ((counts - 600) ** 2 / 600).sum() < 45


def test_reshuffle():
    again = Dataset.range(50).shuffle(50, seed=3)
    assert values(again) != values(again)
    assert values(Dataset.range(50).shuffle(50, seed=3)) == values(Dataset.range(50).shuffle(50, seed=3))
    same = Dataset.range(50).shuffle(50, seed=3, reshuffle_each_iteration=False)
    assert values(same) == values(same)
    epochs = values(Dataset.range(50).shuffle(50, seed=3).repeat(2).batch(50))
    assert epochs[0] != epochs[1] and sorted(epochs[0]) == sorted(epochs[1])
    assert values(Dataset.range(50).shuffle(tf.data.UNKNOWN_CARDINALITY, seed=1)) != list(range(50))


def test_seeds_hold_in_every_process():
    program = ("import treadle as tf; print([int(x) for x in "
               "tf.data.Dataset.range(20).shuffle(8, seed=5).as_numpy_iterator()])")
    outputs = {subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
               for _ in range(2)}
    assert outputs == {f"{values(Dataset.range(20).shuffle(8, seed=5))}\n"}


def test_the_global_seed():
    def order():
        tf.random.set_seed(11)
        return values(Dataset.range(40).shuffle(40)) + values(Dataset.random().take(3))
    assert order() == order()
    assert values(Dataset.range(40).shuffle(40)) != values(Dataset.range(40).shuffle(40))


def test_random_and_sampled():
    assert values(Dataset.random(seed=4).take(5)) == values(Dataset.random(seed=4).take(5))
    numbers = Dataset.random(seed=4).take(300)
    assert values(numbers) == values(numbers)
    assert all(0 <= n < 2**32 for n in values(numbers)) and len(set(values(numbers))) > 290
    a, b = Dataset.range(1000), Dataset.range(1000, 2000)
    mixed = values(Dataset.sample_from_datasets([a, b], [0.8, 0.2], seed=1).take(500))
    assert 350 < sum(x < 1000 for x in mixed) < 450
    assert [x for x in mixed if x < 1000] == list(range(sum(x < 1000 for x in mixed)))
    assert sorted(values(Dataset.sample_from_datasets([a, b], seed=1))) == list(range(2000))
    assert len(values(Dataset.sample_from_datasets([a, b.take(5)], seed=1, stop_on_empty_dataset=True))) < 100


# --- threads --------------------------------------------------------------------------------------------------------


def treadle_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("treadle-")]


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


@pytest.mark.parametrize("make", [
    lambda: Dataset.range(10**6).map(lambda x: x).prefetch(3),
    lambda: Dataset.range(10**6).map(slowly, num_parallel_calls=3).skip(5),
    lambda: Dataset.range(9).interleave(
        lambda n: Dataset.range(10**6).map(lambda x: x), cycle_length=3, num_parallel_calls=3),
    lambda: Dataset.range(10**6).map(slowly, num_parallel_calls=2).prefetch(1).batch(2).prefetch(2).skip(2),
], ids=["prefetch", "map", "interleave", "several"])
def test_no_thread_is_left_when_the_iterator_is_dropped(make):
    assert wait_until(lambda: not treadle_threads())
    it = iter(make())
    next(it)
    assert treadle_threads()
    del it
    gc.collect()
    assert wait_until(lambda: not treadle_threads())


def test_no_thread_is_left_at_the_end():
    assert values(Dataset.range(50).map(slowly, num_parallel_calls=3).prefetch(2)) == list(range(50))
    assert wait_until(lambda: not treadle_threads())


def test_prefetch_runs_ahead_and_no_further():
    made = []
    it = iter(Dataset.range(100).map(lambda x: made.append(0) or x).prefetch(3))
    next(it)
    assert wait_until(lambda: len(made) >= 4)
    time.sleep(0.05)
    assert len(made) <= 5  # one read, three waiting, one in the thread's hand


def test_no_thread_for_batches_of_arrays():
    assert wait_until(lambda: not treadle_threads())
    it = iter(Dataset.from_tensor_slices(np.zeros(100)).shuffle(10).batch(10).prefetch(tf.data.AUTOTUNE))
    next(it)
    assert not treadle_threads()


def test_a_program_may_end_in_the_middle_of_an_iteration():
    program = ("import treadle as tf; it = iter(tf.data.Dataset.range(10**9).map(lambda x: x + 1, num_parallel_calls=2)"
               ".prefetch(2)); print(int(next(it)))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)


def test_parallel_map_keeps_the_order_and_overlaps():
    barrier = threading.Barrier(4, timeout=10)

    def meet(x):
        if int(x) >= 2:  # the first two show that calls are slow
            barrier.wait()  # passes only when four calls are under way at once
        time.sleep(0.002 * (4 - int(x) % 4))
        return x
    assert values(Dataset.range(10).map(meet, num_parallel_calls=4)) == list(range(10))


def test_parallel_map_out_of_order():
    release = threading.Event()

    def third_is_last(x):
        if int(x) == 2:
            release.wait(10)
        return slowly(x)
    it = Dataset.range(8).map(third_is_last, num_parallel_calls=3, deterministic=False).skip(2).as_numpy_iterator()
    first = next(it)
    release.set()
    assert first != 2
    assert sorted([first, *it]) == [2, 3, 4, 5, 6, 7]


# --- cache ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [lambda x: x, lambda x: tf.zeros([int(x)])], ids=["columns", "ragged"])
def test_cache_runs_what_is_before_it_once(shape):
    calls = []
    ds = Dataset.range(5).map(lambda x: calls.append(0) or shape(x)).cache()
    list(ds.take(2))
    assert len(calls) == 2  # an iteration that was broken off is not kept
    first = values(ds)
    assert len(calls) == 7
    assert values(ds) == first and len(calls) == 7


def test_cache_freezes_a_shuffle_before_it():
    ds = Dataset.range(50).shuffle(50).cache()
    assert values(ds) == values(ds)
    ds = Dataset.range(50).cache().shuffle(50)
    assert values(ds) != values(ds)


def test_cached_elements_are_gathered_in_the_same_order():
    def make():
        return Dataset.range(50).map(lambda x: (x, tf.cast(x, tf.float32))).cache().shuffle(9, seed=4).batch(7)
    ds, uncached = make(), Dataset.range(50).map(lambda x: x).shuffle(9, seed=4).batch(7)
    for _ in range(3):
        assert [x.tolist() for x, _ in ds.as_numpy_iterator()] == values(uncached)


# --- files ----------------------------------------------------------------------------------------------------------


def test_text_lines(tmp_path):
    text = b"one\r\ntwo\n\nlast"
    lines = [b"one", b"two", b"", b"last"]
    plain, zipped, deflated = tmp_path / "a.txt", tmp_path / "a.gz", tmp_path / "a.z"
    plain.write_bytes(text)
    zipped.write_bytes(gzip.compress(text))
    deflated.write_bytes(zlib.compress(text))
    TextLineDataset = tf.data.TextLineDataset
    assert isinstance(TextLineDataset(str(plain)), Dataset)
    assert list(TextLineDataset(str(plain)).as_numpy_iterator()) == lines
    assert list(TextLineDataset([str(plain), str(plain)]).as_numpy_iterator()) == lines * 2
    assert list(TextLineDataset(str(zipped), "GZIP").as_numpy_iterator()) == lines
    assert list(TextLineDataset(str(deflated), compression_type="ZLIB").as_numpy_iterator()) == lines
    files = Dataset.list_files(str(tmp_path / "*.txt"))
    assert list(files.interleave(TextLineDataset).skip(1).take(1).as_numpy_iterator()) == [b"two"]
    with pytest.raises(tf.errors.NotFoundError, match="nowhere"):
        list(TextLineDataset("/nowhere"))


def test_list_files(tmp_path):
    for name in "bca":
        (tmp_path / f"{name}.txt").write_text("")
    pattern = str(tmp_path / "*.txt")
    names = [str(tmp_path / f"{name}.txt").encode() for name in "abc"]
    assert list(Dataset.list_files(pattern, shuffle=False).as_numpy_iterator()) == names
    assert sorted(Dataset.list_files(pattern).as_numpy_iterator()) == names
    assert len(Dataset.list_files([pattern])) == 3


# --- with the rest of treadle ---------------------------------------------------------------------------------------


def test_feeds_a_function_without_retracing():
    traces = []

    @tf.function
    def total(x, y):
        traces.append(x.shape)
        return tf.reduce_sum(x) + tf.reduce_sum(y)

    x, y = np.ones((10, 2), np.float32), np.ones(10, np.float32)
    ds = Dataset.from_tensor_slices((x, y)).shuffle(10).batch(4).repeat(3)
    assert sum(float(total(a, b)) for a, b in ds) == 90
    assert len(traces) == 2  # full batches, and the short last one


def test_inside_a_function():
    @tf.function
    def total():
        result = tf.constant(0, tf.int64)
        for x in ds:
            result += x + ds.reduce(tf.constant(0, tf.int64), lambda s, y: s + y)
        return result

    ds = Dataset.range(3).map(lambda x: x * int(x)).shuffle(3)  # `int` needs a value, which a trace would not have
    assert total().numpy() == (0 + 1 + 4) + 3 * 5


def test_structures_survive():
    ordered = collections.OrderedDict([("b", [1, 2]), ("a", [3, 4])])
    element = next(Dataset.from_tensor_slices(ordered).batch(2).as_numpy_iterator())
    assert isinstance(element, collections.OrderedDict) and list(element) == ["b", "a"]
    assert element["b"].tolist() == [1, 2]


def test_reduce():
    zero = tf.constant(0, tf.int64)
    assert Dataset.range(5).reduce(zero, lambda total, x: total + x).numpy() == 10
    count, last = Dataset.zip(Dataset.range(5), Dataset.range(5, 10)).reduce(
        (0, zero), lambda state, pair: (state[0] + 1, pair[1]))
    assert (int(count), int(last)) == (5, 9)
    assert int(Dataset.range(0).reduce(7, lambda total, x: total)) == 7


def test_assert_cardinality():
    assert_cardinality = tf.data.experimental.assert_cardinality
    few = Dataset.range(9).filter(lambda x: x < 3)
    assert len(few.apply(assert_cardinality(3))) == 3
    assert values(few.apply(assert_cardinality(3))) == [0, 1, 2]
    for wrong in (2, 4):
        with pytest.raises(tf.errors.FailedPreconditionError, match=f"should have {wrong}"):
            list(few.apply(assert_cardinality(wrong)))
