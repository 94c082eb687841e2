# Each command alone does everything on a fresh machine with Python 3.11 or later.
# Node.js 20 or later is used where it is needed; without it the command says so and goes on.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup page demo test check bench frameworks faults docs up down compose clean

RECENT := import sys; sys.exit(sys.version_info < (3, 11))
FOUND = $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,$(if $(shell $(p) -c '$(RECENT)' 2>/dev/null && echo yes),$(p))))
# PYTHON= chooses another one; left empty it chooses nothing.
CHOSEN = $(or $(PYTHON),$(FOUND),python3)
BIN := .venv/bin
READY := .venv/.ready
RUN := VIRTUAL_ENV= $(BIN)
NODE_READY := $(shell node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null && echo yes)
PAGES := $(wildcard examples/browser/package.json)

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 17

setup: $(READY) page ## .venv with the locked dependencies
	@:

$(READY): pyproject.toml uv.lock
	@if ! $(CHOSEN) -c '$(RECENT)' 2>/dev/null; then \
		echo "Tailrace needs Python 3.11 or later; $(CHOSEN) is $$($(CHOSEN) --version 2>/dev/null || echo not there)." >&2; \
		echo "Install a newer one, or name it: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@if ! $(CHOSEN) -c 'import venv, ensurepip' 2>/dev/null; then \
		echo "$(CHOSEN) has no venv. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; fi
	@echo "Setting up .venv with the locked packages; up to a minute the first time."
	@test -x $(BIN)/python || $(CHOSEN) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	@$(RUN)/uv sync --locked --all-extras --inexact --compile-bytecode --quiet
	@touch $@

# The page's script is TypeScript; what it compiles to is committed, so that Python alone can serve it.
page:
ifneq ($(PAGES),)
ifeq ($(NODE_READY),yes)
	@if [ examples/browser/package-lock.json -nt examples/browser/node_modules/.ready ]; then \
		npm ci --prefix examples/browser --no-audit --no-fund --silent && \
		npm run --prefix examples/browser --silent build && touch examples/browser/node_modules/.ready; fi
else
	@echo "Node.js 20 or later is missing: the page's own build and tests are left out."
endif
endif

# Ctrl-C is how it is meant to end, at any time.
demo: $(READY) ## Kafka, the gateway and a page on http://127.0.0.1:8484
	@$(BIN)/tailrace dev $(ARGS) || test $$? -eq 130

test: setup ## all tests (make test ARGS='-k cursor')
	$(BIN)/pytest $(ARGS)

check: $(READY) ## lint, format, types, import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## measure, beside a raw limit, on this machine
	$(BIN)/python -m benchmarks $(ARGS)

frameworks: $(READY) ## measure what was not chosen too, in an environment of its own
	$(RUN)/uv run --isolated --locked --all-extras --no-default-groups --group bench-frameworks \
		python -m benchmarks.frameworks $(ARGS)

faults: $(READY) ## kill real processes and count what is lost; search long for counterexamples
	$(BIN)/pytest -m "faults or hypothesis" --hypothesis-profile thorough $(ARGS)

docs: $(READY) ## the manual, in site/, and its reference from the code
	$(BIN)/python scripts/generate_reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The manual is in site/index.html"

up: compose ## Kafka and the gateway in containers
	docker compose up --detach --build --wait

down: compose ## stop the containers; their data stays
	docker compose down

compose:
	@docker compose version >/dev/null 2>&1 || { \
		echo "Docker with its compose plugin is missing. On Ubuntu: apt-get install docker.io docker-compose-v2;" >&2; \
		echo "elsewhere see https://docs.docker.com/compose/install" >&2; exit 1; }

clean: ## take away what the other commands made, but not your Kafka data
	rm -rf .venv site build dist .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
	rm -rf examples/browser/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
