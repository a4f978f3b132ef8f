# Hedgerow's commands. `make` alone lists them.
PYTHON ?= python3
NPM ?= npm
ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

PIP := .venv/bin/python -m pip -qq --disable-pip-version-check
LOCK := .venv/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11
WEB_SOURCES = $(shell find web -name node_modules -prune -o -type f -print 2>/dev/null)
# What Vite asks for.
NODE_WILL_DO := node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)'

.PHONY: help
help: ## List these commands
	@echo "make COMMAND [ARGS='…'] [PYTHON=python3.12]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: run
run: setup ## Start everything with a simulated county of sensors (ARGS='--http 127.0.0.1:9000')
	@.venv/bin/hedgerow up --demo $(ARGS)

.PHONY: test
test: dev ## Run all tests; as root this installs their servers first (ARGS='tests/unit -x')
	@tests/install-servers.sh
	@.venv/bin/pytest -n 2 --dist loadfile $(ARGS)

.PHONY: check
check: dev ## Check style, types and who imports whom
	@echo "== ruff" && .venv/bin/ruff check . && .venv/bin/ruff format --check .
	@echo "== mypy" && .venv/bin/mypy
	@echo "== import-linter" && .venv/bin/lint-imports

.PHONY: bench
bench: setup ## Measure this machine: ingest, or ARGS=drain, latency, growth, steps, naive
	@.venv/bin/hedgerow bench $(if $(filter-out -%,$(firstword $(ARGS))),,ingest) $(ARGS)

.PHONY: faults
faults: dev ## Run the fault tests at full size and show their figures (ARGS='-k postgres')
	@tests/install-servers.sh
	@HEDGEROW_FAULTS=full .venv/bin/pytest -s --timeout=3600 tests/faults $(ARGS)

.PHONY: setup
setup: .venv/.run console ## Install Hedgerow into .venv and build its console

.PHONY: dev
dev: setup .venv/.dev ## Install the tools for tests and checks too

.PHONY: lock
lock: dev ## Resolve the locked versions again (ARGS=--upgrade takes newer ones)
	@$(LOCK) $(ARGS) pyproject.toml -o requirements/run.lock
	@$(LOCK) $(ARGS) --extra dev pyproject.toml -o requirements/dev.lock
	@$(LOCK) $(ARGS) --constraints requirements/dev.lock requirements/build.in -o requirements/build.lock

.PHONY: clean
clean: ## Remove what was installed and built here; your data in .hedgerow/ stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@rm -rf web/node_modules api/static/built test-artefacts dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Hedgerow needs Python 3.11 or newer; name one: make PYTHON=python3.11 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory python3-venv
	@echo "== making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv
	@touch $@

# Debian keeps the part of Python that makes environments in a package of its own.
.PHONY: python3-venv
python3-venv:
	@[ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null \
		|| { echo "$(PYTHON) cannot make environments; as root: apt-get install python3-venv" >&2; exit 1; }
	@echo "== installing python3-venv from Debian"
	@apt-get -qq update
	@DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends python3-venv >/dev/null

.venv/.run: .venv/.made pyproject.toml requirements/run.lock requirements/build.lock
	@echo "== installing what Hedgerow runs on (requirements/run.lock)"
	@$(PIP) install --require-hashes -r requirements/run.lock -r requirements/build.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.run requirements/dev.lock
	@echo "== installing the tools for tests and checks (requirements/dev.lock)"
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@

.PHONY: console
console:
	@if [ ! -f web/package.json ]; then \
		echo "== no charts in the console: web/ is not in this checkout"; \
	elif ! command -v "$(NPM)" >/dev/null; then \
		echo "== no charts in the console: npm is missing; install it with Node.js 18 or newer, then: make setup"; \
	elif ! $(NODE_WILL_DO); then \
		echo "== no charts in the console: Node.js $$(node --version) is too old; install 18 or newer, then: make setup"; \
	else \
		$(MAKE) --no-print-directory --silent api/static/built/.made; \
	fi

api/static/built/.made: $(WEB_SOURCES)
	@echo "== building the console (web/)"
	@(cd web && $(NPM) ci --no-audit --no-fund && $(NPM) run build) >.venv/console.log 2>&1 \
		|| { head -n 20 .venv/console.log >&2; echo "the console was not built (all of it: .venv/console.log);" \
			"to go on without charts: make NPM= …" >&2; exit 1; }
	@touch $@
