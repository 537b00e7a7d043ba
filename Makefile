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

# Everything against hand-written JAX, into bench/README.md: under 20 minutes on 2 cores.
bench: $(VENV)/installed
	$(BIN)/python -m bench --write

# The same with TensorFlow, Keras, torch and flax beside it, each in an environment of its own.
PEERS := .venv-peers
PEER_NAMES := tensorflow jax torch
$(PEERS)/%/installed: bench/peers/%.txt
	$(PYTHON) -m venv $(PEERS)/$*
	$(PEERS)/$*/bin/python -m pip install --quiet --requirement $<
	touch $@

empty :=
bench-peers: $(VENV)/installed $(PEER_NAMES:%=$(PEERS)/%/installed)
	TREADLE_PEERS=$(subst $(empty) ,:,$(PEER_NAMES:%=$(CURDIR)/$(PEERS)/%/bin/python)) $(BIN)/python -m bench --write

# What got slower since a commit: make bench-compare BASE=main~5 QUESTIONS="training_steps eager"
bench-compare: $(VENV)/installed
	$(BIN)/python -m bench.compare $(BASE) $(QUESTIONS)

clean:
	rm -rf $(VENV) $(PEERS) build dist *.egg-info
