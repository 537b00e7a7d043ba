"""Checks, prints and Python functions: compiled code raises, writes and calls exactly what eager code does."""

import io
import sys
import threading
import traceback

import numpy as np
import pytest

import treadle as tf
from treadle.ir import errors, location
from treadle.ir.builder import GraphBuilder
from treadle.ir.graph import Graph
from treadle.ir.interpreter import interpreting
from treadle.ir.ops.control import cond, scan, while_
from treadle.ir.ops.effects import Failure, check, print_
from treadle.ir.ops.structure import vectorized_call
from treadle.ir.passes.effects import thread_effects

c = tf.constant
MATRIX = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def failing_on_negative(text="x is {}"):
    return Failure(lambda x: tf.errors.InvalidArgumentError(text.format(x)), "x is negative")


def graph(function, *types):
    """A graph of what `function` does with inputs of the tensors' types."""
    made = Graph(function.__name__)
    inputs = [made.add_input(c(t).type) for t in types]
    with interpreting(GraphBuilder(made, location.user_location())):
        outputs = function(*inputs)
    made.outputs = list(outputs)
    return made


def outcome(function, *args):
    """What a call returns, or raises: type, message, and the user's line."""
    try:
        return "returned", str(function(*args))
    except Exception as error:
        last = [f for f in traceback.extract_tb(error.__traceback__) if not location.is_internal(f.filename)][-1]
        place = getattr(error, "location", None)
        return type(error), getattr(error, "message", str(error)), place and (place.file, place.line), last.lineno


# Each row: what is computed, good arguments, bad arguments, and the error's text.
CHECKS = {
    "gather": (lambda i: tf.gather(c(MATRIX), i), [c([0, 2])], [c([0, 7])], "indices[1] = 7 is not in [0, 3)"),
    "gather of a scalar": (lambda i: tf.gather(c(MATRIX), i), [c(2)], [c(-1)], "indices = -1 is not in [0, 3)"),
    "gather along an axis": (lambda i: tf.gather(c(MATRIX), i, axis=1), [c([[1]])], [c([[0], [2]])],
                             "indices[1,0] = 2 is not in [0, 2)"),
    "gather in batches": (lambda i: tf.gather(c(MATRIX), i, batch_dims=1), [c([[0], [1], [1]])], [c([[0], [1], [9]])],
                          "indices[2,0] = 9 is not in [0, 2)"),
    "gather with small indices": (lambda i: tf.gather(tf.zeros([300]), i), [c([127], tf.int8)], [c([-1], tf.int8)],
                                  "indices[0] = -1 is not in [0, 300)"),
    "gather_nd": (lambda i: tf.gather_nd(c(MATRIX), i), [c([[0, 1]])], [c([[0, 0], [3, 1]])],
                  "indices[1] = [3, 1] does not index into param shape [3,2]"),
    "gather_nd of rows": (lambda i: tf.gather_nd(c(MATRIX), i), [c([[0]])], [c([[-4]])],
                          "indices[0] = [-4] does not index into param shape [3,2]"),
    "scatter_nd": (lambda i: tf.scatter_nd(i, c([1.0]), [3]), [c([[2]])], [c([[5]])],
                   "indices[0] = [5] does not index into shape [3]"),
    **{f"tensor_scatter_nd_{kind}": (
        lambda i, kind=kind: getattr(tf, f"tensor_scatter_nd_{kind}")(c(MATRIX), i, c([1.0, 2.0])),
        [c([[1, 0], [2, 1]])], [c([[1, 0], [-5, 0]])], "indices[1] = [-5, 0] does not index into shape [3,2]")
       for kind in ("update", "add", "sub", "max", "min")},
    "x[i]": (lambda i: c(MATRIX)[i], [c(-3)], [c(3)], "slice index 3 of dimension 0 out of bounds."),
    "x[-i]": (lambda i: c(MATRIX)[i], [c(2)], [c(-9)], "slice index -6 of dimension 0 out of bounds."),
    "x[0, i]": (lambda i: c(MATRIX)[0, i], [c(1)], [c(2)], "slice index 2 of dimension 1 out of bounds."),
    "slice": (lambda i: tf.slice(c(MATRIX), i, [2, 2]), [c([1, 0])], [c([2, 0])], "Expected size[0] in [0, 1], but got 2"),
    "slice at a negative place": (lambda i: tf.slice(c(MATRIX), i, [2, 2]), [c([0, 0])], [c([-1, 0])],
                                  "Expected begin[0] in [0, 3], but got -1"),
    "//": (lambda y: c([4, 5]) // y, [c([1, 2])], [c([1, 0])], "Integer division by zero"),
    "%": (lambda y: c([4, 5]) % y, [c([1, 2])], [c([0, 1])], "Integer division by zero"),
    "// unsigned": (lambda y: c([4, 5], tf.uint8) // y, [c([1, 2], tf.uint8)], [c([0, 1], tf.uint8)],
                    "Integer division by zero"),
    "truncatediv": (lambda y: tf.truncatediv(c([4, 5]), y), [c([1, 2])], [c([0, 1])], "Integer division by zero"),
    "truncatemod": (lambda y: tf.truncatemod(c([4, 5]), y), [c([1, 2])], [c([0, 1])], "Integer division by zero"),
    "**": (lambda y: c([4, 5]) ** y, [c([0, 2])], [c([0, -1])], "Integers to negative integer powers are not allowed"),
    "sparse cross entropy": (
        lambda y: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=tf.zeros([3, 2])), [c([0, 1, 1])],
        [c([0, 5, -1])], "Received a label value of 5 which is outside the valid range of [0, 2).  Label values: 0 5 -1"),
    **{f"unsorted_segment_{kind}": (
        lambda i, kind=kind: getattr(tf.math, f"unsorted_segment_{kind}")(c([1.0, 2.0, 3.0]), i, 2),
        [c([0, 1, -1])], [c([0, 5, -1])], "segment_ids[1] = 5 is out of range [0, 2)")
       for kind in ("sum", "max", "min", "prod", "mean", "sqrt_n")},
    "embedding_lookup": (lambda i: tf.nn.embedding_lookup(c(MATRIX), i), [c([0, 2])], [c([0, 3])],
                         "indices[1] = 3 is not in [0, 3)"),
    "check": (lambda x: check([x >= 0, x], failure=failing_on_negative()), [c(1)], [c(-1)], "x is -1"),
    "check_numerics": (lambda x: tf.debugging.check_numerics(tf.math.log(x), "log"), [c([1.0])], [c([1.0, 0.0, -1.0])],
                       "log : Tensor had Inf and NaN values"),
    "assert_all_finite": (lambda x: tf.debugging.assert_all_finite(x, "x"), [c([1.0])], [c([np.nan])],
                          "x : Tensor had NaN values"),
    "assert_equal": (lambda x: tf.debugging.assert_equal(x, c([1, 2])), [c([1, 2])], [c([1, 3])],
                     "Condition x == y did not hold.\nIndices of first 1 different values:\n[[1]]\nCorresponding x values:"
                     "\n[3]\nCorresponding y values:\n[2]\nFirst 2 elements of x:\n[1 3]\nFirst 2 elements of y:\n[1 2]"),
    "assert_less": (lambda x: tf.debugging.assert_less(x, 3, message="too large", summarize=1), [c([1, 2])], [c([1, 3])],
                    "too large\nCondition x < y did not hold.\nFirst 1 elements of x:\n[1]\nFirst 1 elements of y:\n[3]"),
    "assert_positive": (lambda x: tf.debugging.assert_positive(x), [c([1])], [c([0])],
                        "Condition x > 0 did not hold element-wise:\nx (shape=(1,) dtype=int32) = \n[0]"),
    "assert_near": (lambda x: tf.debugging.assert_near(x, c([1.0]), rtol=0.5, atol=0.0), [c([1.4])], [c([1.6])],
                    "x and y not equal to tolerance rtol = 0.5, atol = 0.0\nx (shape=(1,) dtype=float32) = \n[1.6]\n"
                    "y (shape=(1,) dtype=float32) = \n[1.]"),
    "Assert": (lambda x: tf.Assert(tf.reduce_all(x > 0), ["x:", x, 1.5], summarize=2), [c([1])], [c([0, 1, 2])],
               "Expected 'tf.Tensor(False, shape=(), dtype=bool)' to be true. Summarized data: b'x:'\n0, 1, ...\n1.5"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_raises_the_same_eagerly_and_compiled(name):
    function, good, bad, text = CHECKS[name]
    compiled = tf.function(function)
    zero = tf.Variable(tf.zeros([], bad[0].dtype))
    computed = tf.function(lambda x: function(x + zero))  # not a check of an argument, which is done before the program
    assert outcome(function, *good) == outcome(compiled, *good) == outcome(computed, *good)
    assert outcome(function, *good)[0] == "returned"
    eager, staged = outcome(function, *bad), outcome(compiled, *bad)
    assert eager == staged == outcome(computed, *bad)
    assert eager[0] is tf.errors.InvalidArgumentError and eager[1] == text
    assert eager[2] == (__file__, eager[3])
    assert outcome(compiled, *good)[0] == "returned"


@pytest.mark.parametrize("name", ["gather", "//", "check", "assert_equal"])
def test_the_traceback_ends_at_the_users_line_without_the_librarys(name):
    function, _, bad, _ = CHECKS[name]
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.function(function)(*bad)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert not any(location.is_internal(f.filename) for f in frames)
    assert frames[-1].filename == __file__ and frames[-1].name == "<lambda>"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("size", [3, 3000], ids=["packed", "donated"])
def test_a_failed_step_changes_no_variable(size):
    v, w, seen = tf.Variable(tf.ones([size])), tf.Variable(tf.zeros([size])), []

    @tf.function
    def step(i):
        v.assign_add(w + 1.0)
        w.assign_add(v)
        return tf.gather(v, i)

    seen = [step(c(1)).numpy()]
    before = v.numpy(), w.numpy()
    for _ in range(2):
        with pytest.raises(tf.errors.InvalidArgumentError, match="is not in"):
            step(c(size))
        np.testing.assert_array_equal((v.numpy(), w.numpy()), before)
    seen += [step(c(1)).numpy(), step(c(0)).numpy()]
    x, y, expected = 1.0, 0.0, []
    for _ in range(3):
        x += y + 1.0
        y += x
        expected.append(x)
    assert seen == expected


def test_a_variable_keeps_its_value_when_a_scatter_into_it_fails():
    v = tf.Variable([1.0, 2.0, 3.0])
    for call in (lambda i: v.scatter_nd_update(i, c([9.0])), lambda i: v.scatter_nd_add(i, c([9.0])),
                 lambda i: v[i[0, 0]].assign(4.0)):
        for function in (call, tf.function(lambda i, call=call: (call(i), None)[1])):
            with pytest.raises(tf.errors.InvalidArgumentError):
                function(c([[3]]))
            assert v.numpy().tolist() == [1.0, 2.0, 3.0]


def test_a_result_nobody_uses_is_checked_too():
    def f(x, i):
        tf.gather(x, i)
        return x
    args = c([1.0, 2.0]), c(5)
    assert outcome(f, *args) == outcome(tf.function(f), *args)
    assert outcome(f, *args)[1] == "indices = 5 is not in [0, 2)"


def test_the_first_failure_counts():
    def f(i, y):
        a = tf.gather(c([1, 2]), i)
        return a // y
    for args in ((c(5), c(0)), (c(1), c(0)), (c(5), c(1))):
        assert outcome(f, *args) == outcome(tf.function(f), *args)


def test_a_program_without_checks_is_left_as_it_is():
    plain = tf.function(lambda x: tf.gather(x, [1]) // 2).get_concrete_function(c([1, 2])).pipeline().graph
    threaded = thread_effects(plain)
    assert threaded.graph is plain and not threaded.has_code


def test_equal_checks_are_made_once():
    def f(x, i):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.gather_nd(x, i) * tf.gather_nd(x, i)
        return tape.gradient(y, x)
    plain = tf.function(f).get_concrete_function(c([1.0, 2.0]), c([[0]])).pipeline().graph
    assert len(thread_effects(plain).sites) == 1


def threaded(function, *args):
    return tf.function(function).get_concrete_function(*args).compiled().program.threaded


def test_checks_of_small_integer_arguments_are_done_before_the_program():
    table, v = c([1.0, 2.0]), tf.Variable(0)
    early = threaded(lambda i: tf.gather(table, i), c([0]))
    assert early.early and not early.has_code and len(early.sites) == 1
    assert [o.op.name for o in early.graph.operations] == ["gather_rows"]
    narrowed = threaded(lambda i: tf.gather(table, tf.reshape(tf.cast(i, tf.int32), [-1])), c([[0], [1]], tf.int64))
    assert narrowed.early and not narrowed.has_code
    assert narrowed.early.failed([np.array([[0], [2**32 + 1]])]) == 0  # XLA cuts such numbers off, too
    assert narrowed.early.failed([np.array([[0], [2]])]) == 1
    for late, arg in ((lambda i: tf.gather(table, i + v), c([0])), (lambda x: tf.debugging.assert_positive(x), c([1.0])),
                      (lambda i: tf.gather(table, i), c([0] * 5000))):
        assert not threaded(late, arg).early and threaded(late, arg).has_code


def test_a_check_of_an_argument_waits_for_what_comes_before_it(capsys):
    v = tf.Variable(7)

    def f(i):
        tf.print("before")
        v.assign(i)
        return tf.gather(c([1, 2]), i)

    def g(i):
        a = tf.gather(c([1, 2]), v)
        return a + tf.gather(c([1, 2]), i)
    for function in (f, tf.function(f)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="indices = 5 is"):
            function(c(5))
        assert capsys.readouterr().err == "before\n"
        v.assign(7)
    for function in (g, tf.function(g)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="indices = 7 is"):
            function(c(5))


def test_the_state_stays_if_a_check_of_an_argument_fails():
    v = tf.Variable([1.0, 2.0])

    @tf.function
    def step(i):
        v.assign_add([1.0, 1.0])
        return tf.gather(v, i)
    for _ in range(3):
        with pytest.raises(tf.errors.InvalidArgumentError, match="indices = 2 is"):
            step(c(2))
    assert v.numpy().tolist() == [1.0, 2.0]
    assert float(step(c(1))) == 3.0


# --- nested graphs --------------------------------------------------------------------------------------------------


def body(i, x):
    check([x < 3, x], failure=failing_on_negative("x became {}"))
    return i + 1, x + 1


def less_than(limit):
    def condition(i, x):
        return [i < limit]
    return condition


def test_a_check_in_a_loop_ends_it():
    def f(i, x):
        return while_([i, x], condition=graph(less_than(1000000000), 0, 0), body=graph(body, 0, 0), carried=2)
    for function in (f, tf.function(f)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="x became 3"):
            function(c(0), c(0))


def test_a_check_in_the_condition_of_a_loop():
    table = c([1, 1, 1, 0])

    def condition(i, t):
        return [tf.gather(t, i) > 0]

    def advance(i, t):
        return i + 1, t

    def f(i, t):
        loop = graph(condition, 0, [1, 1, 1, 0]), graph(advance, 0, [1, 1, 1, 0])
        return while_([i, t], condition=loop[0], body=loop[1], carried=2)[0]

    for function in (f, tf.function(f)):
        assert int(function(c(0), table)) == 3
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices = 4 is not in \[0, 4\)"):
            function(c(0), c([1, 1, 1, 1]))
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices = -1 is not in \[0, 4\)"):
            function(c(-1), table)


def test_a_check_in_a_branch_counts_if_the_branch_is_taken():
    def yes(x):
        check([x >= 0, x], failure=failing_on_negative())
        return [x]

    def no(x):
        return [x * 2]

    def f(p, x):
        return cond([p, x], branches=(graph(yes, 0), graph(no, 0)))[0]
    for function in (f, tf.function(f)):
        assert int(function(c(False), c(-1))) == -2
        assert int(function(c(True), c(4))) == 4
        with pytest.raises(tf.errors.InvalidArgumentError, match="x is -1"):
            function(c(True), c(-1))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_check_in_a_scan(reverse):
    def step(total, row):
        check([row >= 0, row], failure=failing_on_negative())
        return total + row, total

    def f(total, rows):
        return scan([total, rows], body=graph(step, 0, 0), carried=1, scanned=1, length=4, reverse=reverse)[0]
    for function in (f, tf.function(f)):
        assert int(function(c(0), c([1, 2, 3, 4]))) == 10
        with pytest.raises(tf.errors.InvalidArgumentError, match="x is -3" if reverse else "x is -2"):
            function(c(0), c([1, -2, -3, 4]))


def test_a_check_for_each_row():
    def row(x):
        check([x >= 0, x], failure=failing_on_negative())
        return [x + 1]

    def f(x):
        return vectorized_call([x], graph=graph(row, 0), mapped=(True,))[0]
    for function in (f, tf.function(f)):
        assert function(c([1, 2])).numpy().tolist() == [2, 3]
        with pytest.raises(tf.errors.InvalidArgumentError, match="x is -2"):
            function(c([1, -2, -3]))


def test_checks_in_called_functions_and_under_tapes():
    v = tf.Variable([1.0, 2.0])

    @tf.function
    def inner(i):
        return tf.gather(v, i) * 2.0

    def outer(i):
        with tf.GradientTape() as tape:
            y = inner(i)
        return tape.gradient(y, v)

    for function in (outer, tf.function(outer)):
        assert function(c(1)).numpy().tolist() == [0.0, 2.0]
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices = 2 is not in \[0, 2\)") as caught:
            function(c(2))
        assert caught.value.location.function == "inner"


def test_check_numerics_looks_at_the_gradient():
    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.sqrt(tf.debugging.check_numerics(x, "x"))
        return tape.gradient(y, x)
    assert outcome(f, c(0.0)) == outcome(tf.function(f), c(0.0))
    assert outcome(f, c(0.0))[1] == "Inf or NaN detected in gradient. x : Tensor had Inf values"


# --- prints ---------------------------------------------------------------------------------------------------------


def written(function, *args):
    stream = io.StringIO()
    try:
        function(stream)(*args)
    except tf.errors.InvalidArgumentError as error:
        stream.write(error.message)
    return stream.getvalue()


def both(make, *args):
    eager, compiled = written(make, *args), written(lambda stream: tf.function(make(stream)), *args)
    assert eager == compiled
    return eager


def test_prints_come_in_program_order_and_stop_at_a_failure():
    def make(stream):
        def f(x):
            for i in range(5):
                tf.print(i, x * i, output_stream=stream)
            tf.debugging.assert_positive(x, message="no")
            tf.print("after", output_stream=stream)
        return f
    assert both(make, c([1])) == "0 [0]\n1 [1]\n2 [2]\n3 [3]\n4 [4]\nafter\n"
    assert both(make, c([-1])).startswith("0 [0]\n1 [-1]\n2 [-2]\n3 [-3]\n4 [-4]\nno.  \nCondition x > 0")


def test_prints_in_loops_branches_and_rows():
    stream = io.StringIO()

    def say(i, x):
        print_([i, x], writer=lambda *a: stream.write(f"{a[0]}:{a[1]} "))
        return i + 1, x * 2

    def each(x):
        print_([x], writer=lambda a: stream.write(f"row {a} "))
        return [x]

    def f(x):
        x = while_([c(0), x], condition=graph(less_than(3), 0, 0), body=graph(say, 0, 0), carried=2)[1]
        x = cond([x > 5, c(7), x], branches=(graph(say, 0, 0), graph(lambda i, x: (i, x), 0, 0)))[1]
        return vectorized_call([tf.stack([x, x + 1])], graph=graph(each, 0), mapped=(True,))[0]

    expected = "0:1 1:2 2:4 7:8 row 16 row 17 "
    for function in (f, tf.function(f)):
        assert function(c(1)).numpy().tolist() == [16, 17]
        assert stream.getvalue() == expected
        stream.truncate(0)
        stream.seek(0)


FORMATS = [  # what TensorFlow 2.21 writes
    ((c(1.0), c(1.5), c(True), 1, "a", None, 2.0), {}, "1 1.5 1 1 a None 2.0\n"),
    ((c([1.1, 1e10, 1e-7, np.pi, 123456789.0, np.nan, -np.inf]),), {"summarize": -1},
     "[1.1 1e+10 1e-07 3.14159274 123456792 nan -inf]\n"),
    ((c([1e10, np.pi], tf.float64), c([1.1], tf.float16)), {}, "[10000000000 3.1415926535897931] [1.09960938]\n"),
    ((np.arange(10),), {}, "array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])\n"),
    ((c(np.arange(7)),), {}, "[0 1 2 ... 4 5 6]\n"),
    ((c(np.arange(10)),), {"summarize": 1}, "[0 ... 9]\n"),
    ((c(np.arange(8).reshape(2, 2, 2)),), {}, "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]\n"),
    ((c(np.arange(16).reshape(4, 4)),), {"summarize": 1}, "[[0 ... 3]\n ...\n [12 ... 15]]\n"),
    ((c(["a", "b\n"]), c("c")), {}, '["a" "b\\n"] "c"\n'),
    (({"b": 1, "a": c([1, 2])}, [c(1), (2, "s")]), {"sep": "; ", "end": "."}, "{'a': [1 2], 'b': 1}; [1, (2, 's')]."),
    ((), {}, "\n"),
]


@pytest.mark.parametrize("inputs, options, text", FORMATS)
def test_the_format_of_print(inputs, options, text):
    assert both(lambda stream: lambda: tf.print(*inputs, output_stream=stream, **options)) == text


def test_where_print_writes(capsys, tmp_path):
    for f in (tf.print, tf.function(tf.print)):
        f("to stderr", c(1))
    tf.print(2, output_stream=sys.stdout)
    tf.print(3, output_stream=f"file://{tmp_path / 'log'}")
    assert capsys.readouterr() == ("2\n", "to stderr 1\nto stderr 1\n")
    assert (tmp_path / "log").read_text() == "3\n"
    for wrong in ("log", 3):
        with pytest.raises(ValueError):
            tf.print(1, output_stream=wrong)


# --- Python functions -----------------------------------------------------------------------------------------------


class Mine(Exception):
    pass


def test_an_exception_in_python_comes_out_as_it_is():
    v = tf.Variable(1.0)

    def fail(x):
        if x < 0:
            raise Mine("negative")
        return x

    @tf.function
    def step(x):
        v.assign_add(1.0)
        return tf.py_function(fail, [x], tf.TensorSpec([], tf.float32)) + v

    assert float(step(c(1.0))) == 3.0
    for _ in range(2):
        with pytest.raises(Mine, match="negative") as caught:
            step(c(-1.0))
        assert float(v) == 2.0
        assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "fail"
    assert float(step(c(1.0))) == 4.0


@pytest.mark.parametrize("dtype", [tf.bool, tf.int8, tf.int64, tf.uint64, tf.float16, tf.bfloat16, tf.float64, tf.complex64,
                                   tf.complex128], ids=lambda d: d.name)
def test_every_dtype_goes_to_python_and_back(dtype):
    x = tf.cast(c([[1, 0], [3, 100]]), dtype)

    def f(x):
        return tf.numpy_function(lambda a: a[:1], [x], tf.TensorSpec([1, 2], dtype))
    for function in (f, tf.function(f)):
        np.testing.assert_array_equal(function(x).numpy(), x.numpy()[:1])


@pytest.mark.parametrize("result, spec, text", [
    (lambda x: x, tf.TensorSpec([3], tf.float32), r"was to have the shape \(3,\). Received: \(2,\)"),
    (lambda x: x.astype("f8"), tf.TensorSpec([2], tf.float32), "was to have the dtype float32. Received: float64"),
    (lambda x: (x, x), tf.TensorSpec([2], tf.float32), "was to return 1 tensors. Received: 2"),
    (lambda x: None, tf.TensorSpec([2], tf.float32), "was to return 1 tensors. Received: 0")])
def test_a_result_of_another_type_is_an_error(result, spec, text):
    def f(x):
        return tf.numpy_function(result, [x], spec)
    seen = [outcome(function, c([1.0, 2.0])) for function in (f, tf.function(f))]
    assert seen[0] == seen[1] and seen[0][0] is tf.errors.InvalidArgumentError
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        f(c([1.0, 2.0]))


def test_py_function_is_differentiable():
    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y, z = tf.py_function(lambda v: (v ** 3, tf.reduce_sum(v)), [x],
                                  [tf.TensorSpec([2], tf.float32), tf.TensorSpec([], tf.float32)])
            y = tf.reduce_sum(y) + z
        return tape.gradient(y, x)
    for function in (f, tf.function(f)):
        assert function(c([1.0, 2.0])).numpy().tolist() == [4.0, 13.0]


def test_a_shape_is_needed_inside_a_function_only():
    def f(x):
        return tf.py_function(lambda v: v[:1], [x], tf.float32)
    assert f(c([1.0, 2.0])).numpy().tolist() == [1.0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="TensorSpec"):
        tf.function(f)(c([1.0, 2.0]))


def test_python_called_from_a_program_may_use_treadle():
    v = tf.Variable(tf.ones([300, 300]))
    inner = tf.function(lambda x: tf.reduce_sum(x @ x))

    def work(x):
        return inner(x) + tf.reduce_sum(tf.sort(x)) + tf.reduce_sum(v)

    @tf.function
    def step(x):
        v.assign_add(tf.ones_like(v))
        return tf.py_function(work, [x @ x], tf.TensorSpec([], tf.float32)), tf.reduce_sum(v)

    done = []
    thread = threading.Thread(target=lambda: done.extend(step(tf.ones([300, 300]))), daemon=True)
    thread.start()
    thread.join(60)
    x = np.full((300, 300), 300.0)
    assert done, "the call hangs"
    np.testing.assert_allclose(float(done[0]), (x @ x).sum() + x.sum() + 90000, rtol=1e-5)  # v as before the step
    assert float(done[1]) == 180000


# --- switches -------------------------------------------------------------------------------------------------------


def test_checks_can_be_left_out():
    def f(i):
        tf.debugging.assert_less(i, 3)
        return tf.gather(c([1, 2, 3]), i)
    required = tf.function(lambda x: check([x >= 0, x], failure=failing_on_negative()))
    compiled = tf.function(f)
    for function in (f, compiled):
        for _ in range(2):
            with pytest.raises(tf.errors.InvalidArgumentError):
                function(c(5))
            tf.debugging.disable_checks()
            try:
                assert not tf.debugging.checks_enabled()
                assert int(function(c(5))) == 0
                with pytest.raises(tf.errors.InvalidArgumentError, match="x is -1"):
                    required(c(-1))
            finally:
                tf.debugging.enable_checks()


def test_check_numerics_of_every_operation():
    def f(x):
        y = tf.math.log(x)
        return tf.where(tf.math.is_finite(y), y, 0.0)
    compiled = tf.function(f)
    assert compiled(c([0.0, 1.0])).numpy().tolist() == [0.0, 0.0]
    tf.debugging.enable_check_numerics()
    try:
        assert outcome(f, c([0.0, 1.0])) == outcome(compiled, c([0.0, 1.0]))
        with pytest.raises(tf.errors.InvalidArgumentError, match="`log` gave -Inf. Its result is a float32 tensor"):
            compiled(c([0.0, 1.0]))
    finally:
        tf.debugging.disable_check_numerics()
    assert compiled(c([0.0, 1.0])).numpy().tolist() == [0.0, 0.0]


# --- known while tracing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call, kind, text", [
    (lambda: tf.debugging.assert_rank(c([1]), 2), ValueError, "must have rank 2.  Received rank 1"),
    (lambda: tf.debugging.assert_rank_at_least(c([1]), 2, message="m"), ValueError, "m.  Tensor must have rank at least 2"),
    (lambda: tf.debugging.assert_rank_in(c([1]), [0, 2]), ValueError, r"rank in \(0, 2\)"),
    (lambda: tf.debugging.assert_scalar(c([1])), ValueError, "Expected scalar shape"),
    (lambda: tf.debugging.assert_type(c(1), tf.float32), TypeError, "must be of type tf.float32"),
    (lambda: tf.debugging.assert_integer(c(1.0)), TypeError, "integer type"),
    (lambda: tf.debugging.assert_same_float_dtype([c(1.0), c(1.0, tf.float64)]), TypeError, "to be of type tf.float32"),
    (lambda: tf.debugging.assert_proper_iterable(c([1])), TypeError, "proper"),
    (lambda: tf.debugging.assert_shapes([(c([1, 2]), ("N",)), (c([[1]]), ("N", 1))]), ValueError, "must have size 2"),
    (lambda: tf.debugging.assert_equal(c([1, 2]), c([1, 2, 3])), ValueError, "do not fit together")])
def test_what_is_known_while_tracing_fails_at_once(call, kind, text):
    for function in (call, lambda: tf.function(call).get_concrete_function()):
        with pytest.raises(kind, match=text):
            function()


def test_raise_at_shows_the_users_line():
    where = location.Location(__file__, 1, "somewhere")
    with pytest.raises(KeyError) as caught:
        errors.raise_at(KeyError("k"), where)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.name) == (__file__, 1, "somewhere")


def test_order_needs_no_control_dependencies():
    with tf.control_dependencies([c(1)]):
        assert tf.group(c(1), [c(2)]) is None and tf.no_op() is None
