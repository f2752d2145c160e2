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
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

.PHONY: setup
setup: .venv/.ready ## make the virtual environment with everything in it
.venv/.ready: requirements.txt $(PYPROJECTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@touch $@

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	$(addprefix --no-emit-package ,$(DISTRIBUTIONS))
LOCK_IMAGE := $(LOCK) --constraint requirements.txt
IMAGE_LOCKS := $(addprefix services/,catalog broadcast orders notify) deploy/engines/mongodb deploy/engines/issuer deploy/engines/evening deploy/engines/load

.PHONY: lock
lock: ## compile the pinned requirements.txt anew, and from it those of the images, each with what it needs
	$(BIN)/pip install --quiet uv
	printf './%s\n' $(PACKAGES) | cat requirements.in - | $(LOCK) -o requirements.txt -
	for image in $(IMAGE_LOCKS); do \
		if [ -f $$image/requirements.in ]; then cat $$image/requirements.in; else printf './%s\n' contracts chassis $$image; fi \
			| $(LOCK_IMAGE) -o $$image/requirements.txt - || exit; \
	done
	$(LOCK) -o deploy/schemas/checkov.txt deploy/schemas/checkov.in

.PHONY: test
test: setup ## all tests, on containers where a Docker engine answers, else on embedded engines; SHANHUO_ENGINES=embedded|containers says which
	@$(WITH_IMAGES)
	$(BIN)/pytest $(ARGS)

.PHONY: test-containers
test-containers: export SHANHUO_ENGINES = containers
test-containers: setup ## tests/integration, and what only containers can show, with engines and services in containers
	@$(WITH_IMAGES)
	$(BIN)/pytest -m "integration or containers" $(ARGS)

.PHONY: test-kube
test-kube: setup ## tests/kube, on the cluster that KUBECONFIG names; KUBE_LOAD="command" brings it the images (kind and k3d: known)
	@PATH="$$PATH$${KUBECONFIG:+:$$(dirname "$$($(BIN)/python -m manifests helm)")}" $(BIN)/python -m tests.kube $(ARGS)

SERVICES := catalog broadcast orders notify
FOR_COMPOSE := kafka mongodb prometheus $(SERVICES) issuer
FOR_TESTS := $(FOR_COMPOSE)
FOR_CHAOS := kafka mongodb toxiproxy $(SERVICES)

# Images are made when containers are to be used; where that fails, tests that may have embedded engines go on with those, and say so.
WITH_IMAGES = $(BIN)/python -m stack.choosing; case $$? in \
	0) $(MAKE) --no-print-directory images ARGS= IMAGES="$(FOR_TESTS)" || [ "$$SHANHUO_ENGINES" != containers ];; \
	1) ;; \
	*) exit 2;; esac

.PHONY: check
check: setup ## linters, types, import walls, contract drift and compatibility, dashboards, charts, alert rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m contracts generate --check
	$(BIN)/python -m contracts compat
	$(BIN)/python -m stack.openapi --check
	$(BIN)/python -m dashboards --check
	$(BIN)/python -m manifests generate --check
	$(BIN)/python -m manifests check
	SHANHUO_ENGINES=embedded $(BIN)/pytest tests/unit/prometheus

.PHONY: contracts
contracts: setup ## generate schemas, AsyncAPI and OpenAPI anew; ARGS=--check only compares
	$(BIN)/python -m contracts generate $(ARGS)
	$(BIN)/python -m stack.openapi $(ARGS)

.PHONY: charts-check
charts-check: setup ## lint, render and validate every chart with every set of values, without a cluster; part of check
	$(BIN)/python -m manifests generate --check
	$(BIN)/python -m manifests check

.PHONY: manifests
manifests: setup ## write anew what the charts have from the contracts (topics, users) and the services (names of settings)
	@$(BIN)/python -m manifests generate

.PHONY: dashboards
dashboards: setup ## write Grafana's dashboards anew from deploy/dashboards; ARGS="--docs https://… --out DIR" for your own address
	@$(BIN)/python -m dashboards $(ARGS)

.PHONY: fmt
fmt: setup ## format and mend what the linter can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: demo
demo: setup ## play the evening: two shows, a crowd, a report, an audit from outside
	@$(BIN)/python -m evening $(ARGS)

.PHONY: watch
watch: setup ## play the evening with a Prometheus watching; what every panel and alert showed; ARGS="--viewers 2000 --json build/watch.json"
	@$(BIN)/python -m watch $(ARGS)

.PHONY: up
up: setup ## start everything here and stay up, printing the addresses
	@$(BIN)/python -m stack.up $(ARGS)

.PHONY: bench
bench: setup ## measure how many orders a second are placed, beside ceilings; ARGS=--quick within a minute
	@$(BIN)/python tests/load/bench_orders.py $(ARGS)

.PHONY: drill
drill: setup ## turn every fault on under load: is it seen on its panel, does its alert fire?
	@$(BIN)/python -m watch.drill $(ARGS)

# `make load HEADLESS=` has Locust's web page instead, on 127.0.0.1:8089.
HEADLESS ?= --headless --only-summary --loglevel ERROR
.PHONY: load
load: setup ## make a crowd come to what `make up` or `make compose-up` started; ARGS="--buyers 2000 --recording FILE"; docs/load.md
	@$(BIN)/locust -f deploy/load/locustfile.py --web-host 127.0.0.1 $(HEADLESS) $(ARGS)

.PHONY: chaos
chaos: IMAGES := $(FOR_CHAOS)
chaos: images ## kill, stop, freeze, cut and fill while orders come; audit after each; ARGS="--seed 7 --minutes 3"
	@$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: images
images: setup ## have the images of engines and services (build/images.env says which); IMAGES="kafka orders" only these
	@$(BIN)/python -m images $(IMAGES)

.PHONY: compose-up
compose-up: IMAGES := $(FOR_COMPOSE)
compose-up: images ## start the whole system in containers (deploy/compose.yaml), open the market; ARGS=--empty does not
	@deploy/compose/compose up --detach --remove-orphans
	@$(BIN)/python -m stack.composed $(ARGS)

.PHONY: compose-down
compose-down: ## stop it and keep its data; ARGS=--volumes removes them too
	@deploy/compose/compose down $(ARGS)
