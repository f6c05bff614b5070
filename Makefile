# Every task of this project; `make help` lists them. Needs Python 3.11 or later and make, nothing else.

VENV := .venv
BIN := $(VENV)/bin
# A changed pyproject.toml gives new stamps, so the environment follows it.
KEY := $(shell cksum < pyproject.toml | cut -d' ' -f1)
RUN_READY := $(VENV)/.ready-to-run-$(KEY)
DEV_READY := $(VENV)/.ready-to-develop-$(KEY)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
EXAMPLE ?= examples/sensor-data/blueprint-generator.yaml
ARGS ?=
# One waits for a node most of the time, and two share the rest.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench bench-kafka bench-operator bench-pods chaos chaos-cluster golden crds chart docs kafka-up kafka-down kubernetes-up kubernetes-down cluster-up cluster-down

help: ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '%-22s %s\n' "$$name" "$$text"; done

setup: $(DEV_READY) ## Make .venv with everything to develop: checks, tests, docs.

run: $(RUN_READY) ## Run the example application in the sandbox (EXAMPLE=folder or blueprint, ARGS=more words).
	@$(BIN)/kubectl-cloudflow sandbox $(EXAMPLE) $(ARGS)

test: $(DEV_READY) ## Run all tests, in WORKERS (ARGS=words for pytest: run those, in one).
	@$(BIN)/python -m pytest $(or $(ARGS),-n $(WORKERS))

check: $(DEV_READY) ## Format, lint, types, layers, generated pages and the fast contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell
	$(BIN)/python docs/generate.py --check
	$(BIN)/python -m cloudflow_operator.api.schema --check
	$(BIN)/python helm/generate.py --check
	$(BIN)/python -m pytest --quiet -m "not slow" tests/contract/house

kafka-up: $(DEV_READY) ## Start a real Kafka (Java, Maven) and say how tests and the sandbox find it.
	@PYTHONPATH=tests $(BIN)/python -m testbed.kafka up

kafka-down: $(DEV_READY) ## Stop it, and forget its records.
	@PYTHONPATH=tests $(BIN)/python -m testbed.kafka down

kubernetes-up: $(DEV_READY) ## Start a control plane of Kubernetes (Go) and say how tests and kubectl find it.
	@PYTHONPATH=tests $(BIN)/python -m testbed.kubernetes up

kubernetes-down: $(DEV_READY) ## Stop it, and forget what was in it.
	@PYTHONPATH=tests $(BIN)/python -m testbed.kubernetes down

cluster-up: $(DEV_READY) ## Start a whole cluster (as root: node, registry, Kafka) and say how tests and kubectl find it.
	@PYTHONPATH=tests $(BIN)/python -m testbed.cluster up

cluster-down: $(DEV_READY) ## Stop it, with all that is in it, and what a killed test run has left.
	@PYTHONPATH=tests $(BIN)/python -m testbed.cluster down

bench: $(DEV_READY) ## Measure what docs/benchmarks.md reports.
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

chaos: $(DEV_READY) ## Break a pipeline on a real Kafka, account for every record (SEED, SCENARIO, GUARANTEE).
	@PYTHONPATH=tests $(BIN)/python -m chaos $(if $(SEED),--seed $(SEED)) \
		$(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(GUARANTEE),--guarantee $(GUARANTEE))

chaos-cluster: $(DEV_READY) ## Disturb an application on a node while records flow, account for each (DISTURBANCES, RATE).
	@CLOUDFLOW_DISTURBANCES="$(DISTURBANCES)" $(if $(RATE),CLOUDFLOW_RATE=$(RATE)) CLOUDFLOW_REQUIRE=kafka,kubernetes,node \
		$(BIN)/python -m pytest --capture=no tests/end_to_end/test_nothing_lost.py

bench-kafka: $(DEV_READY) ## Measure throughput, latency and replicas on a real Kafka (ARGS=--quick, --soak).
	@CLOUDFLOW_REQUIRE=kafka PYTHONPATH=tests $(BIN)/python benchmarks/kafka $(ARGS)

bench-operator: $(DEV_READY) ## Measure the operator on a real API server and Kafka (ARGS=--quick).
	@CLOUDFLOW_REQUIRE=kafka,kubernetes PYTHONPATH=tests $(BIN)/python benchmarks/cluster $(ARGS)

bench-pods: $(DEV_READY) ## Measure builds, deployments and pods on a node, as root (ARGS=--quick).
	@CLOUDFLOW_REQUIRE=kafka,kubernetes,node PYTHONPATH=tests $(BIN)/python benchmarks/pods $(ARGS)

golden: $(DEV_READY) ## Rewrite the expected outputs that tests compare with; read the diff.
	@$(BIN)/python -m pytest --update-golden $(ARGS)

crds: $(DEV_READY) ## Rewrite crds/ from the operator's types, and the chart's copy.
	@$(BIN)/python -m cloudflow_operator.api.schema
	@$(BIN)/python helm/generate.py

chart: $(DEV_READY) ## Rewrite what the chart has from elsewhere.
	@$(BIN)/python helm/generate.py

docs: $(DEV_READY) ## Rewrite the generated pages in docs/reference.
	@$(BIN)/python docs/generate.py

# The environment. A stamp is written only when everything before it has worked.
$(RUN_READY):
	@$(make_venv)
	@$(PIP) install --upgrade "pip>=25.1"
	@echo "Installing what the application needs into $(VENV) ..." >&2
	@$(PIP) install --editable ".[cli]"
	@rm -f $(VENV)/.ready-to-run-*
	@touch $@

$(DEV_READY):
	@$(make_venv)
	@$(PIP) install --upgrade "pip>=25.1"
	@echo "Installing what development needs into $(VENV) ..." >&2
	@$(PIP) install --editable ".[cli]" --group dev
	@rm -f $(VENV)/.ready-*
	@touch $@ $(RUN_READY)

# Takes the first Python that is new enough; Debian ships some without what makes a venv.
define make_venv
	if $(BIN)/python -m pip --version >/dev/null 2>&1; then exit 0; fi; \
	old=; bare=; \
	for python in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3 python; do \
		command -v "$$python" >/dev/null 2>&1 || continue; \
		if ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then old=$$python; continue; fi; \
		if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then bare=$$python; continue; fi; \
		echo "Making $(VENV) with $$python ..." >&2; \
		exec "$$python" -m venv --clear $(VENV); \
	done; \
	if [ -n "$$bare" ]; then \
		echo "$$bare cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	elif [ -n "$$old" ]; then \
		echo "$$old is older than Python 3.11. Install 3.11 or later, or name one: make PYTHON=/path/to/python" >&2; \
	else \
		echo "No Python found. Install Python 3.11 or later, or name one: make PYTHON=/path/to/python" >&2; \
	fi; \
	exit 1
endef
