"""Where functions come from: cells, zipped modules, edited files, import hooks, many threads at once."""

import importlib
import importlib.util
import linecache
import os
import sys
import threading
import time
import zipfile

import pytest

import treadle as tf

TEXT = """import treadle as tf

def f(x):
    if x > 0:
        return x * {}
    return x

g = lambda x: x * {} if x > 0 else x
"""


def call(f, x=1.0):
    return float(tf.function(f)(tf.constant(x)))


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cell(name, text):
    """A notebook's cell, as IPython runs it: its text is in `linecache`."""
    linecache.cache[name] = len(text), None, text.splitlines(True), name
    names = {"tf": tf}
    exec(compile(text, name, "exec"), names)
    return names


def test_cells_of_a_notebook():
    first = cell("<ipython-input-1>", TEXT.format(2, 3))
    assert (call(first["f"]), call(first["g"]), call(first["f"], -1.0)) == (2.0, 3.0, -1.0)
    linecache.checkcache()
    assert call(cell("<ipython-input-2>", TEXT.format(4, 5))["f"]) == 4.0


def test_a_cell_whose_text_was_replaced_is_refused():
    first = cell("<the cell>", TEXT.format(2, 3))
    second = cell("<the cell>", TEXT.format(4, 5))
    assert (call(second["f"]), call(second["g"])) == (4.0, 5.0)
    for f in first["f"], first["g"]:
        with pytest.raises(tf.errors.StagingError, match="<the cell> has changed since it was imported"):
            call(f)


def test_a_file_edited_after_its_import_is_refused(tmp_path):
    path = tmp_path / "edited.py"
    path.write_text(TEXT.format(2, 3))
    module = load(path)
    path.write_text(TEXT.format(20, 30))  # the same lines and names: nothing else tells
    os.utime(path, (time.time() + 5,) * 2)
    for f in module.f, module.g:
        with pytest.raises(tf.errors.StagingError, match="has changed since it was imported"):
            call(f)


def test_a_file_edited_elsewhere_than_here(tmp_path):
    path = tmp_path / "edited_below.py"
    path.write_text(TEXT.format(2, 3))
    module = load(path)
    path.write_text(TEXT.format(2, 3) + "\nMORE = 1\n")
    os.utime(path, (time.time() + 5,) * 2)
    assert (call(module.f), call(module.g)) == (2.0, 3.0)


def test_a_module_edited_and_loaded_again(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "treadle_edited_module.py"
    path.write_text(TEXT.format(2, 3))
    module = importlib.import_module(path.stem)
    assert call(module.f) == 2.0
    path.write_text(TEXT.format(20, 30))
    os.utime(path, (time.time() + 5,) * 2)
    module = importlib.reload(module)
    assert (call(module.f), call(module.g)) == (20.0, 30.0)


def test_a_zipped_module(tmp_path, monkeypatch):
    archive = tmp_path / "modules.zip"
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("treadle_zipped_module.py", TEXT.format(2, 3))
    monkeypatch.syspath_prepend(archive)
    module = importlib.import_module("treadle_zipped_module")
    assert (call(module.f), call(module.g)) == (2.0, 3.0)


def test_a_file_that_an_import_hook_compiled(tmp_path):
    path = tmp_path / "hooked.py"
    path.write_text(TEXT.format(2, 3))

    class Hook(importlib.machinery.SourceFileLoader):
        """Compiles something else than the text, as pytest does for `assert`."""

        def source_to_code(self, data, path, *, _optimization=-1):
            return super().source_to_code(data.replace(b"x > 0", b"(x > 0) is not None and x > 0"), path)

    spec = importlib.util.spec_from_file_location("hooked", path, loader=Hook("hooked", str(path)))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert call(module.f) == 2.0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax came with Python 3.12")
def test_type_parameters():
    names = cell("<ipython-input-3>", """
def first[T](x: T, k: int = 2) -> list[T]:
    found: list[T] = []
    if x > 0:
        found = [x * k, T]
    else:
        found = [x, T]
    return found[0]

class Box[T]:
    def __init__(self, v: T):
        self.v = v

    def get[U](self, other: U) -> T:
        if other > 0:
            return self.v
        return other

def f(x):
    def inner[T](y: T) -> T:
        type Pair = tuple[T, T]
        return y if y > 1 else -y
    return first(x) + Box(x).get(x) + inner(x) + float(f"{f"{1}"}.5")
""")
    for x in 2.0, -2.0:
        assert call(names["f"], x) == float(names["f"](tf.constant(x)))
        assert call(names["first"], x) == float(names["first"](tf.constant(x)))


def test_code_without_text():
    names = {}
    exec(compile(TEXT.format(2, 3), "<made>", "exec"), names)  # from 3.13 on, "<string>" has the text of `python -c`
    with pytest.raises(tf.errors.StagingError, match="because its source file is not there"):
        call(names["f"])


def test_while_a_tracer_and_a_profiler_watch():
    def f(x):
        if x > 0:
            x = x * 2.0
        while x < 3.0:
            x = x + 1.0
        return x

    seen = set()

    def trace(frame, event, argument):
        if frame.f_code.co_name == "f":
            seen.add(frame.f_lineno - f.__code__.co_firstlineno)
        return trace

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(trace)
    sys.setprofile(lambda *event: None)
    try:
        assert call(f) == 3.0
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
    assert {1, 2, 3, 4, 5} <= seen


def test_fifty_threads_call_it_first():
    def helper(x):
        for _ in tf.range(3):
            if x > 2:
                x = x - 1.0
            else:
                x = x * 2.0
        return x

    f = tf.function(lambda x: helper(x) + 1.0)
    start, found = threading.Barrier(50), []

    def work(k):
        start.wait()
        own = tf.function(lambda x: helper(x) + 1.0)
        found.append((k % 3, float(f(tf.constant(float(k % 3)))), float(own(tf.constant(float(k % 3)))) if k < 4 else None))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [float(helper(tf.constant(float(k)))) + 1.0 for k in range(3)]
    assert len(found) == 50
    assert all(one == expected[k] and other in (None, expected[k]) for k, one, other in found)


def test_two_thousand_lines(tmp_path):
    lines = ["def f(x):"]
    for k in range(500):
        lines += [f"    if x > {k}.0:", "        x = x + 0.5", "    else:", "        x = x - 0.25"]
    path = tmp_path / "long_module.py"
    path.write_text("\n".join([*lines, "    return x", ""]))
    f = load(path).f
    graph = tf.function(f).get_concrete_function(tf.TensorSpec([], tf.float32)).graph
    assert sum(o.op.name == "cond" for o in graph.walk()) == 500


def test_functions_and_conditions_nested_to_the_parsers_limit(tmp_path):
    text, indent = "def f0(x):\n", "    "
    for k in range(1, 12):
        text += indent * k + f"def f{k}(x):\n"
    for k in range(12, 18):
        text += indent * k + f"if x > {k}.0:\n"
    text += indent * 18 + "x = x * 2\n" + indent * 12 + "return x\n"
    for k in range(11, 0, -1):
        text += indent * k + f"return f{k}(x) + 1 if x > -5 else x\n"
    path = tmp_path / "deep_module.py"
    path.write_text(text)
    f = load(path).f0
    for x in (2.0, -7.0, 40.0):
        assert call(f, x) == float(f(tf.constant(x)))


def test_a_function_inside_that_is_not_to_be_converted():
    plain = tf.autograph.experimental.do_not_convert

    def g(x):
        @plain
        def condition(y):
            return y if y > 0 else -y
        return condition(x)

    def h(x):
        return plain(lambda y: y if y > 0 else -y)(x)

    for function in g, h:
        with pytest.raises(tf.errors.StagingError, match="Python condition"):
            tf.function(function)(tf.constant(1.0))

    def free(x):
        scale = 2.0

        @plain
        def scaled(y):
            return y * scale if scale > 2 else y
        scale = 3.0
        return scaled(x)

    assert call(free) == 3.0
