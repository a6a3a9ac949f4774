# The two commands of the README: `make demo` and `make test`. CI runs `test-slow`, too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-slow check install benchmark clean

install: $(STAMP)

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

demo: $(STAMP)
	$(BIN)/qkdlab run bb84 --seed 7

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

test-slow: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m slow

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy qkdlab drivers/qkdlab_drivers sims/qkdlab_sims experiments/qkdlab_experiments configs/qkdlab_configs
	$(BIN)/basedpyright

benchmark: $(STAMP)
	$(BIN)/qkdlab benchmark

clean:
	rm -rf $(VENV) dist build
