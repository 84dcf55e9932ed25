# Everything runs from a fresh clone with Python >= 3.11 and make: each target first makes
# the virtual environment .venv with what it needs, and reinstalls only when
# pyproject.toml or constraints.txt change.

PYTHON      ?= $(shell command -v python3.11 || command -v python3)
VENV        ?= .venv
WORKERS     ?= 2
PYTEST_ARGS ?=
SEED        ?= 0
DEMO_ARGS   ?=

BIN     := $(VENV)/bin
INPUTS  := pyproject.toml constraints.txt
INSTALL  = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# one thread for each of the parallel test workers
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help demo test test-deep bench docs lint format clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

demo: $(VENV)/.demo ## train on generated pictures, end with a table and pictures in demo/
	$(BIN)/hyperhier demo -o demo --overwrite $(DEMO_ARGS)

test: $(VENV)/.dev ## run the whole test suite, the doctests included
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not deep" $(PYTEST_ARGS)

test-deep: $(VENV)/.dev ## run the suite with more than 100,000 generated cases, and the long tests
	@echo "seed of the generated cases: $(SEED)"
	HYPERHIER_HYPOTHESIS_PROFILE=deep $(ONE_THREAD) \
	$(BIN)/python -m pytest -n $(WORKERS) --dist load --hypothesis-seed=$(SEED) $(PYTEST_ARGS)

bench: $(VENV)/.dev ## accuracy and speed of the geometry and of taxonomies, beside geoopt and networkx
	$(BIN)/python benchmarks/geometry_accuracy.py
	$(BIN)/python benchmarks/geometry_speed.py
	$(BIN)/python benchmarks/taxonomy_speed.py

docs: $(VENV)/.docs ## build the documentation site in site/
	$(BIN)/mkdocs build --strict --quiet
	@echo "documentation: site/index.html"

lint: $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## let ruff format and fix what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove everything that the other targets made
	rm -rf $(VENV) build dist demo site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "error: no python3 found; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is older than Python 3.11; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.python $(INPUTS)
	$(INSTALL) -e '.[cli,io,plot]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python $(INPUTS)
	$(INSTALL) -e '.[all,dev]'
	@touch $(VENV)/.demo $@

$(VENV)/.docs: $(VENV)/.python $(INPUTS)
	$(INSTALL) -e '.[docs]'
	@touch $@
