"""The room boundaries of DESIGN section 2: who may import whom, and how."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {
    "ir": {"treadle": {"ir"}, "outside": {"numpy", "ml_dtypes"}},
    "lowering": {"treadle": {"ir", "lowering"}, "outside": {"numpy", "jax", "ml_dtypes"}},
    "runtime": {"treadle": {"ir", "lowering", "runtime"}, "outside": {"numpy", "jax", "ml_dtypes", "PIL"}},
    "tracer": {"treadle": {"ir", "lowering", "runtime", "tracer"}, "outside": {"numpy", "jax"}},
    "keras_like": {"treadle": {"", "keras", "keras_like"},
                   "outside": {"numpy", "jax", "matplotlib", "h5py", "ml_dtypes", "PIL", "scipy"}},
}
STANDARD = set(sys.stdlib_module_names)
# jax in keras_like: the demo shows a hand-written step beside ours. `from_host` makes batches without a copy.
EXCEPTIONS = {("keras_like", "treadle.runtime.tensor")}


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports(path: Path):
    """(module, line, inside a function) of every import in a file."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):  # what only a type checker imports is no import
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    inner = {id(n) for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef))
             for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) in inner
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module, node.lineno, id(node) in inner


@pytest.mark.parametrize("room", ROOMS)
def test_imports_stay_within_the_rooms(room):
    assert files(room), room
    wrong = []
    for path in files(room):
        for module, line, _ in imports(path):
            top, _, rest = module.partition(".")
            if top == "treadle":
                part = rest.partition(".")[0]
                public = room == "keras_like" and (ROOT / "treadle" / f"{part}.py").exists()
                if part not in ROOMS[room]["treadle"] and not public and (room, module) not in EXCEPTIONS:
                    wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
            elif top not in STANDARD and top not in ROOMS[room]["outside"] and top != "__future__":
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_no_function_imports_treadle():
    wrong = [f"{p.relative_to(ROOT)}:{line}" for room in ROOMS for p in files(room)
             for module, line, inside in imports(p) if inside and module.partition(".")[0] == "treadle"]
    assert not wrong, "\n".join(wrong)


def test_the_short_spelling_is_not_used():
    wrong = [f"{p.relative_to(ROOT)}:{line} imports {module}"
             for folder in [*ROOMS, "treadle", "tests", "bench", "examples"] for p in (ROOT / folder).rglob("*.py")
             for module, line, _ in imports(p) if module.partition(".")[0] in ROOMS]
    assert not wrong, "\n".join(wrong)


def test_there_are_no_import_cycles():
    """Each module can be imported first: a cycle would show as an import error for some order."""
    graph: dict[str, set[str]] = {}
    for room in [*ROOMS, "treadle"]:
        for path in (ROOT / room).rglob("*.py"):
            if room == "treadle" and path.parent != ROOT / "treadle":
                continue
            name = ".".join(("treadle", *path.relative_to(ROOT).with_suffix("").parts)).replace(".__init__", "")
            name = name.replace("treadle.treadle", "treadle")
            # A package that names its own submodules is no cycle.
            graph[name] = {m for m, _, _ in imports(path) if m.startswith("treadle.") and m != name}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name):], name))
        if name in done or name not in graph:
            return
        for other in graph[name]:
            visit(other, (*path, name))
        done.add(name)

    for name in graph:
        if name.split(".")[1:2] != ["keras_like"]:  # keras_like uses the front door, which names keras_like
            visit(name, ())


def test_tests_are_outside_the_rooms():
    assert not [p for room in ROOMS for p in (ROOT / room).rglob("test_*.py")]
    assert not (ROOT / "__init__.py").exists()


def test_h5py_is_imported_when_a_file_needs_it():
    """12 MB, of the 14 by which a small training process may exceed one of hand-written JAX."""
    subprocess.run([sys.executable, "-c", "import sys, treadle; assert 'h5py' not in sys.modules"], cwd=ROOT, check=True)
