PYTHON ?= python3
PORT ?= 6543
SIMULATOR_PORT ?= 8765
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
export PORT SIMULATOR_PORT

.PHONY: demo test bench lint clean

$(BIN)/python:
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip "setuptools<82" wheel

$(VENV)/.demo: $(BIN)/python setup.cfg pyproject.toml
	@echo "installing the middleware and the sample portal's framework"
	@$(PIP) install -e . django
	@touch $@

$(VENV)/.test: $(BIN)/python setup.cfg pyproject.toml
	@echo "installing what the tests need"
	@$(PIP) install -e ".[test,postgresql]"
	@touch $@

demo: $(VENV)/.demo
	@$(BIN)/python examples/demo.py

test: $(VENV)/.test
	@$(BIN)/python -m pytest

bench: $(VENV)/.test
	@$(BIN)/python -W ignore tests/bench/run.py

lint: $(VENV)/.test
	@$(BIN)/ruff check vneid_middleware tests
	@$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist var artifacts *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
