"""docs/errors.md is the table: every block of code there is run, eagerly and compiled, and raises or works as it says."""

from __future__ import annotations

import linecache
import re
import subprocess
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
import pytest

import treadle as tf
from treadle.ir import errors, location

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "errors.md").read_text()
_BLOCK = re.compile(r"^```python ?(?P<what>[^\n]*)\n(?P<code>.*?)^```$", re.M | re.S)
HEADINGS = re.findall(r"^## (\S+)$", PAGE, re.M)


def blocks():
    """(heading, what the block says of itself, its code) of every block of the page."""
    for part in re.split(r"^## ", PAGE, flags=re.M)[1:]:
        heading = part.split("\n", 1)[0]
        for n, match in enumerate(_BLOCK.finditer(part)):
            yield pytest.param(heading, match["what"], match["code"], id=f"{heading}-{n}")


BAD = [b for b in blocks() if b.values[1]]
RAISES = [b for b in BAD if b.values[1].startswith("raises=")]
WARNS = [b for b in BAD if b.values[1].startswith("warns=")]
GOOD = [b for b in blocks() if not b.values[1]]


@pytest.fixture
def execute(tmp_path, request):
    """Runs a block as a file of its own, so that its source can be found; `eager` runs functions op by op."""
    count = iter(range(9))

    def run(code, eager=False):
        path = tmp_path / f"block{next(count)}.py"
        path.write_text(code)
        linecache.checkcache()
        tf.config.run_functions_eagerly(eager)
        try:
            exec(compile(code, str(path), "exec"), {"tf": tf, "__name__": "block"})
        finally:
            tf.config.run_functions_eagerly(False)
    return run


def marked(code):
    return next((n for n, line in enumerate(code.splitlines(), 1) if line.endswith("# <- here")), None)


def raised(execute, code, eager):
    try:
        execute(code, eager)
    except Exception as error:
        return error
    return None


def check(error, heading, kind, code):
    assert type(error).__name__ == kind or kind in [k.__name__ for k in type(error).__mro__], repr(error)
    frames = traceback.extract_tb(error.__traceback__)[2:]  # after those of this file
    assert frames and not [f for f in frames if location.is_internal(f.filename)], traceback.format_exception(error)
    line = marked(code)
    if isinstance(error, errors.OpError):
        assert error.entry == heading
        text = str(error)
        assert text.startswith(error.message) and text.endswith(f"\n  see docs/errors.md#{heading}")
        assert "docs/errors.md" not in error.message
        if line is not None:
            assert error.location.line == line and f"block0.py:{line}" in text.replace("block1", "block0")
            assert code.splitlines()[line - 1].strip() in text
    elif line is not None:
        assert frames[-1].lineno == line


@pytest.mark.parametrize("heading, what, code", RAISES)
def test_a_mistake_raises(execute, heading, what, code):
    kind, *both = what.removeprefix("raises=").split()
    compiled = raised(execute, code, False)
    check(compiled, heading, kind, code)
    eager = raised(execute, code, True)
    if both:
        check(eager, heading, kind, code)
        assert getattr(eager, "message", str(eager)) == getattr(compiled, "message", str(compiled))


@pytest.mark.parametrize("heading, what, code", WARNS)
def test_a_mistake_warns(execute, heading, what, code):
    with pytest.warns(UserWarning, match=what.removeprefix("warns=").strip('"')) as caught:
        execute(code)
    assert len(caught) == 1 and Path(caught[0].filename).name == "block0.py"
    assert f"docs/errors.md#{heading}" in str(caught[0].message)


@pytest.mark.parametrize("heading, what, code", GOOD)
def test_a_cure_works(execute, heading, what, code):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        execute(code)
        execute(code, eager=True)


def test_every_entry_is_on_the_page_and_every_heading_is_used():
    classes = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, errors.OpError)]
    named = {c.entry for c in classes if c is not errors.OpError}
    warned = set()
    for room in ("ir", "lowering", "runtime", "tracer", "keras_like"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text()
            named |= set(re.findall(r'see="([\w-]+)"', text)) | set(re.findall(r'\bentry = "([\w-]+)"', text))
            warned |= set(re.findall(r"docs/errors\.md#([\w-]+)", text))
    assert len(set(HEADINGS)) == len(HEADINGS)
    # A variable without a value is Python's own UnboundLocalError, which has no link.
    assert (named | warned) - {"errors"} == set(HEADINGS) - {"variable-without-a-value"}
    assert all(any(b.values[0] == h for b in BAD) and any(b.values[0] == h for b in GOOD)
               for h in HEADINGS if h != "internal-error")


def outermost(run):
    """The files and lines of the traceback that leaves `run`, without this file's own frames of pytest."""
    with pytest.raises(Exception) as caught:
        run()
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert not [f for f in frames if location.is_internal(f.filename)], traceback.format_exception(caught.value)
    return [f.name for f in frames if f.filename == __file__][1:]


def scaled(x):
    return x + tf.ones([3])


class Model:
    @tf.function
    def step(self, x):
        return scaled(x)


v, x = tf.Variable([1.0, 2.0]), tf.constant([1.0, 2.0])


@pytest.mark.parametrize("run", [
    lambda: x + tf.ones([3]), lambda: tf.add(x, tf.ones([3])), lambda: 1.5 // tf.constant([1, 2]), lambda: tf.split(x, 3),
    lambda: x[5], lambda: x[0, 0], lambda: bool(x), lambda: int(x), lambda: len(tf.constant(1.0)), lambda: x.reshape(2),
    lambda: tf.einsum("ij", x), lambda: tf.nn.conv2d(x, x, 1, "SAME"), lambda: v.assign([1.0]), lambda: v.assign_add([1.0]),
    lambda: v[:1].assign([1.0, 2.0, 3.0]), lambda: tf.Variable(None), lambda: tf.convert_to_tensor("a", tf.float32),
    lambda: tf.constant([[1], [1, 2]]), lambda: tf.zeros([-1]), lambda: tf.debugging.assert_equal(x, [1.0, 3.0]),
    lambda: tf.reshape(x, [3]), lambda: tf.random.uniform([2], dtype=tf.bool), lambda: tf.norm(x, ord="no"),
    lambda: tf.GradientTape().gradient(x, "v"), lambda: tf.nest.assert_same_structure([1], {"a": 1}),
])
def test_no_frame_of_the_library_leaves_an_eager_call(run):
    assert outermost(run) == ["<lambda>"]


def test_no_frame_of_the_library_leaves_compiled_functions_and_data_sets():
    assert outermost(lambda: tf.function(scaled)(x)) == ["<lambda>", "scaled"]
    assert outermost(lambda: Model().step(x)) == ["<lambda>", "step", "scaled"]
    assert outermost(lambda: tf.function(scaled).get_concrete_function(x)) == ["<lambda>", "scaled"]
    nested = tf.function(lambda y: tf.function(scaled)(y) * 2.0)
    assert outermost(lambda: nested(x)) == ["<lambda>", "<lambda>", "scaled"]
    data = tf.data.Dataset.from_tensors(x).map(scaled)
    assert outermost(lambda: list(data))[:1] == ["<lambda>"]


def test_causes_stay_and_contexts_of_the_library_do_not():
    @tf.function
    def f(x):
        try:
            return {}["no"]
        except KeyError as error:
            raise ValueError("mine") from error

    with pytest.raises(ValueError, match="mine") as caught:
        f(x)
    assert isinstance(caught.value.__cause__, KeyError)
    assert not [t for t in traceback.extract_tb(caught.value.__cause__.__traceback__) if location.is_internal(t.filename)]
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        x + tf.ones([3])
    assert "During handling" not in "".join(traceback.format_exception(caught.value))


def test_the_filter_can_be_turned_off():
    tf.debugging.disable_traceback_filtering()
    try:
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            tf.add(x, tf.ones([3]))
    finally:
        tf.debugging.enable_traceback_filtering()
    assert [t for t in traceback.extract_tb(caught.value.__traceback__) if location.is_internal(t.filename)]


def test_what_the_terminal_shows(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import treadle as tf\n\n@tf.function\ndef f(x, y):\n    return x + y\n\nf(tf.ones([2]), tf.ones([3]))\n")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=ROOT,
                          env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})
    shown = re.sub(r"^\s*[~^]+\n", "", done.stderr, flags=re.M)
    assert shown == f"""Traceback (most recent call last):
  File "{script}", line 7, in <module>
    f(tf.ones([2]), tf.ones([3]))
  File "{script}", line 5, in f
    return x + y
treadle.ir.errors.InvalidArgumentError: `add`: The shapes (2,) and (3,) do not fit together: counted from the right, \
axis -1 has sizes 2 and 3; they must be equal, or one of them 1.
  at {script}:5, in f
    return x + y
  see docs/errors.md#shapes-do-not-fit
"""


def test_a_failure_of_a_later_call_is_at_that_call_s_line():
    """Where the line of the operation is not in the function, but called it: `fit`, or a function of the library's."""
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])
    model.compile("sgd", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    gather = tf.function(tf.gather)

    @tf.function
    def own(table, place):
        return tf.gather(table, place)  # in the function

    x, y, table = np.zeros((8, 4), np.float32), np.ones(8, np.int32), tf.range(3.0)
    model.fit(x, y, verbose=0)
    gather(table, tf.constant([1]))
    own(table, tf.constant([1]))

    def line_of(fails):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            fails()
        assert caught.value.location.file == __file__
        return linecache.getline(__file__, caught.value.location.line)

    assert "this fit" in line_of(lambda: model.fit(x, y + 8, verbose=0))  # this fit
    assert "this gather" in line_of(lambda: gather(table, tf.constant([7])))  # this gather
    assert "in the function" in line_of(lambda: own(table, tf.constant([7])))
