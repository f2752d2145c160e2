# Shanhuo: `make help` lists the targets; a target that runs a program hands it ARGS.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PACKAGES := contracts chassis services/catalog services/broadcast services/orders services/notify deploy
DISTRIBUTIONS := $(addprefix shanhuo-,$(notdir $(PACKAGES)))
PYPROJECTS := $(addsuffix /pyproject.toml,$(PACKAGES))

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: .venv/.ready ## make the virtual environment with everything in it
.venv/.ready: requirements.txt $(PYPROJECTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@touch $@

.PHONY: lock
lock: ## compile the pinned requirements.txt anew
	$(BIN)/pip install --quiet uv
	printf './%s\n' $(PACKAGES) | cat requirements.in - | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links $(addprefix --no-emit-package ,$(DISTRIBUTIONS)) -o requirements.txt -

.PHONY: test
test: setup ## all tests: units, contracts, chassis and every flow against the embedded engines
	$(BIN)/pytest $(ARGS)

.PHONY: check
check: setup ## linters, types, import walls, contract drift and compatibility
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m contracts generate --check
	$(BIN)/python -m contracts compat
	$(BIN)/python -m stack.openapi --check

.PHONY: contracts
contracts: setup ## generate schemas, AsyncAPI and OpenAPI anew; ARGS=--check only compares
	$(BIN)/python -m contracts generate $(ARGS)
	$(BIN)/python -m stack.openapi $(ARGS)

.PHONY: fmt
fmt: setup ## format and mend what the linter can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: demo
demo: setup ## play the evening: two shows, a crowd, a report, an audit from outside
	@$(BIN)/python -m evening $(ARGS)

.PHONY: up
up: setup ## start everything here and stay up, printing the addresses
	@$(BIN)/python -m stack.up $(ARGS)

.PHONY: bench
bench: setup ## measure how many orders a second are placed, beside ceilings; ARGS=--quick within a minute
	@$(BIN)/python tests/load/bench_orders.py $(ARGS)
