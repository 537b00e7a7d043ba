# Two commands do everything on a fresh machine with Python >= 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench bench-peers bench-compare clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

demo: $(VENV)/installed
	$(BIN)/treadle demo

test: $(VENV)/installed
	$(BIN)/python -m pytest -n 2 $(TESTS)

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/mypy -p treadle

# Everything against hand-written JAX, into bench/README.md and bench/results.svg: under 20 minutes on 2 cores.
bench: $(VENV)/installed
	$(BIN)/python -m bench --write

# The same with TensorFlow, Keras, torch and flax beside it, each in an environment of its own (.venv-peers).
bench-peers: $(VENV)/installed
	$(BIN)/python -m bench --peers --write

# What got slower since a commit: make bench-compare BASE=main~5 QUESTIONS="training_steps eager"
bench-compare: $(VENV)/installed
	$(BIN)/python -m bench.compare $(BASE) $(QUESTIONS)

clean:
	rm -rf $(VENV) .venv-peers build dist *.egg-info
