"""Pipelines whose results do not depend on chance, run by real tf.data (`make_data.py`) and treadle (`test_data.py`).

Each case is a function of the module under the name `tf` that returns a data set.
"""

import collections

Point = collections.namedtuple("Point", "x y")
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def rows(tf, lengths, dtype="int32"):
    """A data set of vectors of the given lengths."""
    def generate():
        for length in lengths:
            yield list(range(1, length + 1))
    return tf.data.Dataset.from_generator(generate, output_signature=tf.TensorSpec([None], dtype))


def int64(tf, value):
    return tf.constant(value, tf.int64)


@case
def slices_list(tf):
    return tf.data.Dataset.from_tensor_slices([1, 2, 3])


@case
def slices_empty(tf):
    return tf.data.Dataset.from_tensor_slices([])


@case
def slices_matrix(tf):
    return tf.data.Dataset.from_tensor_slices([[1.0, 2.0], [3.0, 4.0]])


@case
def slices_dict(tf):
    return tf.data.Dataset.from_tensor_slices({"b": [1, 2], "a": ([1.5, 2.5], ["x", "y"])})


@case
def slices_named_tuple(tf):
    return tf.data.Dataset.from_tensor_slices(Point([1, 2], [3.0, 4.0]))


@case
def tensors_list(tf):
    return tf.data.Dataset.from_tensors([1, 2, 3])


@case
def tensors_none(tf):
    return tf.data.Dataset.from_tensors((1, None))


@case
def strings(tf):
    return tf.data.Dataset.from_tensor_slices(["a", "bc", ""]).batch(2)


@case
def range_one(tf):
    return tf.data.Dataset.range(4)


@case
def range_down(tf):
    return tf.data.Dataset.range(5, 0, -2)


@case
def range_empty(tf):
    return tf.data.Dataset.range(5, 2)


@case
def range_int32(tf):
    return tf.data.Dataset.range(2, output_type=tf.int32)


@case
def batch(tf):
    return tf.data.Dataset.range(10).batch(4)


@case
def batch_divisible(tf):
    return tf.data.Dataset.range(10).batch(5)


@case
def batch_drop(tf):
    return tf.data.Dataset.range(10).batch(4, drop_remainder=True)


@case
def batch_of_batches(tf):
    return tf.data.Dataset.range(10).batch(2).batch(2)


@case
def batch_tuple(tf):
    return tf.data.Dataset.from_tensor_slices(([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [1, 2, 3])).batch(2)


@case
def batch_larger_than_data(tf):
    return tf.data.Dataset.range(3).batch(10)


@case
def repeat_then_batch(tf):
    return tf.data.Dataset.range(5).repeat(3).batch(4)


@case
def batch_then_repeat(tf):
    return tf.data.Dataset.range(5).batch(4).repeat(2)


@case
def repeat_zero(tf):
    return tf.data.Dataset.range(5).repeat(0)


@case
def repeat_of_nothing(tf):
    return tf.data.Dataset.range(0).repeat()


@case
def repeat_forever_take(tf):
    return tf.data.Dataset.range(3).repeat().take(8).batch(3)


@case
def take_more_than_there_is(tf):
    return tf.data.Dataset.range(3).take(8)


@case
def take_all(tf):
    return tf.data.Dataset.range(3).take(-1)


@case
def skip(tf):
    return tf.data.Dataset.range(10).skip(7)


@case
def skip_all(tf):
    return tf.data.Dataset.range(10).skip(-1)


@case
def skip_after_repeat(tf):
    return tf.data.Dataset.range(3).repeat(3).skip(4).take(4).batch(3)


@case
def shard(tf):
    return tf.data.Dataset.range(10).shard(3, 1)


@case
def shard_then_batch(tf):
    return tf.data.Dataset.range(10).shard(3, 0).batch(3)


@case
def concatenate(tf):
    return tf.data.Dataset.range(2).concatenate(tf.data.Dataset.range(7, 9))


@case
def concatenate_shapes(tf):
    return tf.data.Dataset.from_tensors([1, 2]).concatenate(tf.data.Dataset.from_tensors([1, 2, 3]))


@case
def zip_two(tf):
    return tf.data.Dataset.zip((tf.data.Dataset.range(4), tf.data.Dataset.range(10, 13)))


@case
def zip_dict(tf):
    return tf.data.Dataset.zip({"b": tf.data.Dataset.range(4), "a": tf.data.Dataset.range(10, 13)}).batch(2)


@case
def zip_nested(tf):
    pairs = tf.data.Dataset.from_tensor_slices({"z": [1, 2], "y": [3, 4]})
    return tf.data.Dataset.zip((pairs, tf.data.Dataset.range(5))).batch(2)


@case
def zip_method(tf):
    return tf.data.Dataset.range(3).zip(tf.data.Dataset.range(3, 6))


@case
def zip_uneven_orders(tf):
    return tf.data.Dataset.zip((tf.data.Dataset.range(2).repeat(), tf.data.Dataset.range(5))).batch(2)


@case
def enumerate_from(tf):
    return tf.data.Dataset.from_tensor_slices([[7], [8], [9]]).enumerate(start=5).batch(2)


@case
def map_plus(tf):
    return tf.data.Dataset.range(4).map(lambda x: x + 1)


@case
def map_list(tf):
    return tf.data.Dataset.range(2).map(lambda x: [x, x + 1])


@case
def map_constant_list(tf):
    return tf.data.Dataset.range(2).map(lambda x: (x, [1.0, 2.0]))


@case
def map_dict(tf):
    return tf.data.Dataset.range(2).map(lambda x: {"b": x, "a": 1})


@case
def map_arguments(tf):
    return tf.data.Dataset.from_tensor_slices(([1, 2], [10, 20])).map(lambda x, y: x + y)


@case
def map_named_tuple(tf):
    return tf.data.Dataset.from_tensor_slices(Point([1, 2], [10, 20])).map(lambda p: p.x + p.y)


@case
def map_nested_tuple(tf):
    return tf.data.Dataset.from_tensor_slices(([1, 2], ([3, 4], [5, 6]))).map(lambda x, pair: x + pair[0] + pair[1])


@case
def map_parallel(tf):
    return tf.data.Dataset.range(20).map(lambda x: x * x, num_parallel_calls=4)


@case
def map_after_batch(tf):
    return tf.data.Dataset.range(5).batch(2).map(lambda x: x * 2, num_parallel_calls=tf.data.AUTOTUNE)


@case
def filter_even(tf):
    return tf.data.Dataset.range(7).filter(lambda x: x % 2 == 0).batch(3)


@case
def take_while(tf):
    return tf.data.Dataset.range(7).take_while(lambda x: x < 3)


@case
def flat_map(tf):
    return tf.data.Dataset.range(4).flat_map(lambda n: tf.data.Dataset.from_tensors(n).repeat(2))


@case
def interleave_cycle(tf):
    return tf.data.Dataset.range(1, 6).interleave(
        lambda n: tf.data.Dataset.from_tensors(n).repeat(6), cycle_length=2, block_length=4)


@case
def interleave_uneven(tf):
    return tf.data.Dataset.range(7).interleave(
        lambda n: tf.data.Dataset.from_tensors(n).repeat(n), cycle_length=3, block_length=2)


@case
def interleave_parallel(tf):
    return tf.data.Dataset.range(7).interleave(
        lambda n: tf.data.Dataset.from_tensors(n).repeat(n), cycle_length=3, block_length=1, num_parallel_calls=3)


@case
def scan(tf):
    return tf.data.Dataset.range(5).scan(int64(tf, 0), lambda total, x: (total + x, total))


@case
def unbatch(tf):
    return tf.data.Dataset.range(5).batch(2).unbatch()


@case
def unbatch_dropped(tf):
    return tf.data.Dataset.range(5).batch(2, drop_remainder=True).unbatch()


@case
def unbatch_tuple(tf):
    return tf.data.Dataset.from_tensors(([[1, 2], [3, 4]], ["a", "b"])).unbatch()


@case
def rebatch(tf):
    return tf.data.Dataset.range(7).batch(3).rebatch(2)


@case
def padded_batch(tf):
    return rows(tf, [1, 3, 2, 0, 4]).padded_batch(2)


@case
def padded_batch_drop(tf):
    return rows(tf, [1, 3, 2]).padded_batch(2, drop_remainder=True)


@case
def padded_batch_shapes(tf):
    return rows(tf, [1, 3, 2]).padded_batch(2, padded_shapes=[5], padding_values=-1)


@case
def padded_batch_open_shapes(tf):
    return rows(tf, [1, 3, 2]).map(lambda x: (x, 1)).padded_batch(2, padded_shapes=([None], []))


@case
def padded_batch_dict(tf):
    return rows(tf, [1, 3, 2]).map(lambda x: {"x": x, "y": tf.size(x)}).padded_batch(2)


@case
def padded_batch_float(tf):
    return rows(tf, [1, 3], "float32").padded_batch(2, padding_values=0.5)


@case
def padded_batch_constant_size(tf):
    return tf.data.Dataset.range(3).padded_batch(2)


@case
def window(tf):
    return tf.data.Dataset.range(7).window(3, shift=2, stride=2)


@case
def window_default(tf):
    return tf.data.Dataset.range(7).window(3)


@case
def window_drop(tf):
    return tf.data.Dataset.range(7).window(3, shift=1, stride=2, drop_remainder=True)


@case
def window_shift_beyond_size(tf):
    return tf.data.Dataset.range(11).window(2, shift=4)


@case
def window_batch(tf):
    return tf.data.Dataset.range(7).window(3, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(3))


@case
def window_tuple(tf):
    pairs = tf.data.Dataset.from_tensor_slices(([1, 2, 3, 4], [5.0, 6.0, 7.0, 8.0]))
    return pairs.window(2).flat_map(lambda x, y: tf.data.Dataset.zip((x.batch(2), y.batch(2))))


@case
def group_by_window(tf):
    return tf.data.Dataset.range(10).group_by_window(lambda x: x % 3, lambda key, group: group.batch(2), window_size=2)


@case
def buckets(tf):
    return rows(tf, [1, 5, 2, 7, 3, 1, 9, 4]).bucket_by_sequence_length(
        lambda x: tf.size(x), bucket_boundaries=[3, 6], bucket_batch_sizes=[2, 2, 1])


@case
def buckets_to_boundary(tf):
    return rows(tf, [1, 5, 2, 3, 1, 4]).bucket_by_sequence_length(
        lambda x: tf.size(x), bucket_boundaries=[3, 6], bucket_batch_sizes=[2, 2, 1], pad_to_bucket_boundary=True)


@case
def choose(tf):
    choices = tf.data.Dataset.from_tensor_slices(int64(tf, [0, 1, 1, 0, 1, 1, 0, 0]))
    return tf.data.Dataset.choose_from_datasets([tf.data.Dataset.range(3), tf.data.Dataset.range(10, 13)], choices)


@case
def choose_all(tf):
    choices = tf.data.Dataset.from_tensor_slices(int64(tf, [0, 1, 1, 0, 1, 1, 0, 0]))
    return tf.data.Dataset.choose_from_datasets(
        [tf.data.Dataset.range(2), tf.data.Dataset.range(10, 13)], choices, stop_on_empty_dataset=False)


@case
def unique(tf):
    return tf.data.Dataset.from_tensor_slices([1, 37, 2, 37, 2, 1]).unique()


@case
def unique_strings(tf):
    return tf.data.Dataset.from_tensor_slices(["a", "b", "a"]).unique()


@case
def counter(tf):
    return tf.data.Dataset.counter(start=2, step=5).take(3)


@case
def generator_structure(tf):
    def generate():
        yield 1, {"x": [1.0, 2.0]}
        yield 2, {"x": [3.0, 4.0]}
    signature = (tf.TensorSpec([], tf.int32), {"x": tf.TensorSpec([2], tf.float32)})
    return tf.data.Dataset.from_generator(generate, output_signature=signature)


@case
def generator_types(tf):
    return tf.data.Dataset.from_generator(lambda: [1, 2], output_types=tf.int64)


@case
def generator_types_and_shapes(tf):
    return tf.data.Dataset.from_generator(
        lambda: [([1], "a"), ([2, 3], "b")], output_types=(tf.int64, tf.string), output_shapes=([None], []))


@case
def generator_arguments(tf):
    return tf.data.Dataset.from_generator(
        lambda stop, step: range(0, stop, step), args=(7, 3), output_signature=tf.TensorSpec([], tf.int32))


@case
def generator_casts(tf):
    return tf.data.Dataset.from_generator(lambda: [1.5, 2], output_signature=tf.TensorSpec([], tf.int32))


@case
def cache_prefetch(tf):
    return tf.data.Dataset.range(5).map(lambda x: x + 1).cache().batch(2).prefetch(1)


@case
def shuffle_of_one(tf):
    return tf.data.Dataset.range(5).shuffle(1).batch(2)


@case
def shuffle_spec(tf):
    return tf.data.Dataset.from_tensors([3, 4]).shuffle(10, seed=3).repeat(2).batch(2, drop_remainder=True)
