# `make demo` and `make test` set up what they need; `make help` lists the rest.

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
SEED ?= 1
# Tests wait for servers and processes a good part of their time: two more of them than cores.
# tests/conftest.py says in which order, and which go to one process together.
PYTEST := $(PY) -m pytest --numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2) --dist loadscope --no-loadscope-reorder
# How far pip is, by what it says and by what is there; the loop ends with the shell that runs pip.
SO_FAR = printf '\r  %s s: of %s packages, %s are fetched and %s installed ' $$((seconds += 1)) \
  $$(grep -c == requirements.lock) $$(grep -sc ^Collecting $(VENV)/setup.log) \
  $$(ls -d $(VENV)/lib/python*/site-packages/*.dist-info | wc -l)
COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.12 --no-emit-index-url \
  --no-emit-find-links
# What goes into images: the same versions as are tested here, each file by its digest.
IMAGE := --no-annotate --generate-hashes --constraint requirements.lock

.DEFAULT_GOAL := help
.PHONY: docs help setup demo replay test test-fast lint chaos chaos-thousand mutants container-trial cluster-trial bench minio sbom clean lock

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(READY)  ## Make the virtual environment

# A shim may stand on the PATH and fail, so each candidate has to run to be believed.
$(READY): requirements.lock pyproject.toml
	@for candidate in $(PYTHON) python3.13 python3.12 python3.14 python3 python \
	    $$(ls -dr $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.1[2-9]*/bin/python 2>/dev/null); do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
	    found="$$candidate"; break; \
	  fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "No Python 3.12 or newer (with venv) was found on the PATH or among pyenv's versions." >&2; \
	  echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.13" >&2; \
	  exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$found (a few minutes, once)"; \
	"$$found" -m venv --clear $(VENV)
	@if [ -t 1 ]; then seconds=0; while kill -0 $$$$ 2>/dev/null; do $(SO_FAR); sleep 1; done & fi; \
	$(VENV)/bin/python -m pip install --disable-pip-version-check --requirement requirements.lock >$(VENV)/setup.log
	@$(PIP) --no-deps --editable .
	@touch $@; if [ -t 1 ]; then echo; fi

demo: $(READY)  ## Observe a short simulated night
	@$(VENV)/bin/prompt-processing demo --seed $(SEED) $(ARGS)

replay: $(READY)  ## Observe the raw frames of DIR with the camera CAMERA
	@$(VENV)/bin/prompt-processing replay $(DIR) --camera $(CAMERA) $(ARGS)

lint: $(READY)  ## Check style, types and import contracts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

test: lint  ## Lint, then run all tests (about 20 minutes on two cores)
	@echo "All tests: about 20 minutes on two cores. The longest come first, so the percentage is slow to begin with."
	$(PYTEST) $(ARGS)

test-fast: $(READY)  ## Run the unit and contract tests only, with half as many examples of each property
	HYPOTHESIS_PROFILE=fast $(PYTEST) -m "not slow" tests/unit tests/contracts $(ARGS)

chaos: $(READY)  ## Break whole nights by 20 seeded plans, and count what is lost or done twice
	@$(PY) -m tests.chaos $(ARGS)

chaos-thousand: $(READY)  ## Play 1,000 nights in memory with outages of ten minutes (a quarter of an hour)
	@$(PY) -m tests.chaos.thousand $(ARGS)

mutants: $(READY)  ## Change the code in 200 places, one at a time, and count what no test notices (an hour)
	@$(PIP) --constraint requirements.lock 'cosmic-ray>=8.7'
	@nice $(PY) -m tests.mutants $(ARGS)

container-trial: $(READY)  ## Build the images with Podman, and observe a night in them (root, minutes)
	$(PY) -m tests.container $(ARGS)

cluster-trial: $(READY)  ## Play the chart in a real Kubernetes with KEDA on this machine (root, hours once, then minutes)
	$(PY) -m tests.cluster $(ARGS)

bench: $(READY)  ## Measure; prints the figures that docs/results.md records
	$(PY) -m benchmarks $(ARGS)

docs: $(READY)  ## Build the pages as a site, in site/; a link that leads nowhere is an error
	$(VENV)/bin/sphinx-build --fail-on-warning --keep-going --quiet --builder html docs site

lock: $(READY)  ## Resolve the dependencies anew
	$(PIP) uv
	$(COMPILE) --upgrade --extra dev pyproject.toml --output-file requirements.lock
	$(COMPILE) $(IMAGE) --extra postgresql pyproject.toml --output-file deploy/container/service.lock
	$(PY) deploy/container/imports.py > deploy/container/imports.txt
	echo 'hatchling>=1.27' | $(COMPILE) $(IMAGE) - --output-file deploy/container/build.lock

SBOM_VERSION ?= 7.5.0
sbom: $(READY)  ## List what the image is made of, by its lock, in sbom.json (CycloneDX)
	$(PIP) cyclonedx-bom==$(SBOM_VERSION)
	$(VENV)/bin/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible \
	  --of JSON --output-file sbom.json deploy/container/service.lock

# The tests of a real object store's notifications look for it there, and on the PATH.
MINIO_VERSION ?= v0.0.0-20260212201848-7aac2a2c5b7c
minio:  ## Build MinIO for its tests (needs Go; half an hour on one core)
	GOBIN="$${XDG_CACHE_HOME:-$$HOME/.cache}/prompt-processing/bin" GOMAXPROCS=1 \
	  nice -n 19 go install github.com/minio/minio@$(MINIO_VERSION)

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
