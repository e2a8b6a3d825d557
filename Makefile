# The commands of the project. Each works on a fresh machine with Python 3.10 or newer, and says what it does.
PYTHON ?= python3
PORT ?= 6543
SIMULATOR_PORT ?= 8765
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# one more than there are cores, since some always wait for something; worksteal: a module's tests stay together as long as all
# have some, and share what is made for the module
PYTEST_ARGS ?= -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist worksteal
SOURCES := setup.cfg pyproject.toml MANIFEST.in README.md LICENSE \
	$(shell find vneid_middleware -type f -not -name '*.pyc')
export PORT SIMULATOR_PORT

.PHONY: demo test bench lint docs threats conformance fuzz mutants storm decoder clean
.DELETE_ON_ERROR:

# The demonstration: a sample portal behind the middleware, and the VNeID simulator.
demo: $(VENV)/.demo
	@$(BIN)/python examples/demo.py

# All tests, against the wheel as users install it and never against the source tree.
test: $(VENV)/.test $(VENV)/.node $(VENV)/.canaille
	@echo "testing"
	@env -u PYTHONDONTWRITEBYTECODE VNEID_TEST_WHEEL=1 $(BIN)/pytest $(PYTEST_ARGS)

# What the middleware costs, as a table of ratios.
bench: $(VENV)/.test
	@PYTHONPATH=tests $(BIN)/python -W ignore tests/bench/run.py

# Style, types, floors, and whether the reference page is what the code says.
lint: $(VENV)/.test
	@echo "ruff: style"
	@$(BIN)/ruff check .
	@echo "mypy: types"
	@$(BIN)/mypy
	@echo "import-linter: floors"
	@$(BIN)/lint-imports --no-cache
	@echo "docs/settings.md: up to date?"
	@$(BIN)/python docs/make_settings.py --check

# Which rows of the threat model are held, and by how many tests.
threats: $(VENV)/.test $(VENV)/.node $(VENV)/.canaille
	@$(BIN)/python tests/threats.py

# Which modules of the OpenID Foundation's relying-party tests are held, and by how many tests.
conformance: $(VENV)/.test $(VENV)/.node $(VENV)/.canaille
	@$(BIN)/python tests/threats.py conformance

# Fuzzing of what reads other people's input: FUZZ_INPUTS (1,000,000) inputs over all targets, at most FUZZ_SECONDS a target.
fuzz: $(VENV)/.security
	@nice -n 10 $(BIN)/python -W ignore tests/fuzz/run.py $(FUZZ_TARGETS)

# Mutation testing of the security core: which changes of a line no test notices.
mutants: $(VENV)/.security
	@nice -n 10 $(BIN)/python -W ignore tests/mutants.py

# Writes docs/settings.md from the tables in the code.
docs: $(VENV)/.test
	@$(BIN)/python docs/make_settings.py

# Brings the QR decoder of the counter's page in again from npm and checks it. VERSION=0.8.0 changes to another release.
decoder:
	@$(PYTHON) docs/bring_decoder.py $(VERSION)

# Workers that are killed and stopped while documents change, on SQLite and PostgreSQL: STORM_SECONDS (20), STORM_SEED,
# STORM_POSTGRESQL (a URL). STORM_BACKLOG=100000: so many wait for a receiver that was away.
storm: $(VENV)/.test
	@$(BIN)/python -W ignore tests/storm.py

clean:
	rm -rf $(VENV) build dist var artifacts mutants *.egg-info tests/providers/node_modules .coverage
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.ready:
	@echo "making $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed") if sys.version_info < (3, 10) else None'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip "setuptools>=68,<82" wheel build
	@touch $@

# The wheel is made from the source distribution, so that what that lacks is missed here.
dist/.built: $(VENV)/.ready $(SOURCES)
	@echo "building the wheel"
	@rm -rf build dist && mkdir dist
	@$(BIN)/python -m build --no-isolation --outdir dist . > dist/build.log 2>&1 || { cat dist/build.log; exit 1; }
	@touch $@

$(VENV)/.demo: dist/.built
	@echo "installing the middleware and the sample portal's framework"
	@$(PIP) install --force-reinstall --no-deps dist/*.whl
	@$(PIP) install dist/*.whl django
	@touch $@

$(VENV)/.test: dist/.built
	@echo "installing the wheel and what the tests need"
	@$(PIP) install --force-reinstall --no-deps dist/*.whl
	@$(PIP) install "$$(ls dist/*.whl)[test,postgresql]"
	@touch $@

$(VENV)/.security: $(VENV)/.test tests/requirements-security.txt
	@echo "installing the fuzzer and the mutation tester"
	@$(PIP) install -r tests/requirements-security.txt
	@touch $@

# A third OpenID provider, in an environment of its own: its libraries are its own affair.
$(VENV)/.canaille: $(VENV)/.ready
	@echo "installing the OpenID provider canaille"
	@$(PYTHON) -m venv $(VENV)/canaille
	@$(VENV)/canaille/bin/python -m pip --disable-pip-version-check --quiet install "canaille[front,oidc]==0.3.6" waitress
	@touch $@

# The second OpenID provider that sign-on is tried against is a Node package.
$(VENV)/.node: $(VENV)/.ready $(wildcard tests/providers/package-lock.json)
	@if command -v npm > /dev/null && [ -f tests/providers/package-lock.json ]; then \
		echo "installing the OpenID provider that the tests run against"; \
		npm ci --prefix tests/providers --no-audit --no-fund --loglevel=error; \
	else echo "no npm: the tests against a second OpenID provider are skipped"; fi
	@touch $@
