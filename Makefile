# Two commands do everything on a fresh machine with Python >= 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench clean

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

bench: $(VENV)/installed
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build dist *.egg-info
