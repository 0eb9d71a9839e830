# Every command of the project. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

UV_VERSION := 0.13.9
UV := .tools/bin/uv
RUN := $(UV) run --frozen --no-sync
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(CURDIR)/.tools/bin:$(PATH)
# One interpreter for everything: the first of these that starts. The redis-server that comes along ends at 3.12.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import venv' >/dev/null 2>&1 && echo $$python && break; done)

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.ready node_modules/.ready .venv/.kernel  ## install everything the project needs into this folder

$(UV):
	@echo "setup: uv $(UV_VERSION) into .tools"
	@$(PYTHON) -m venv .tools || { echo "setup: python's venv module is missing; on Debian: apt install python3-venv"; exit 1; }
	@.tools/bin/pip install -q --disable-pip-version-check uv==$(UV_VERSION)

.venv/.ready: pyproject.toml uv.lock | $(UV)
	@echo "setup: Python packages into .venv"
	@$(UV) sync --frozen --quiet --python "$(PYTHON)"
	@ln -sf ../../.tools/bin/uv .venv/bin/uv
	@touch $@

.venv/.kernel: $(wildcard backend/core/c/*.h backend/ingest/kernel*.[ch] backend/serving/kernel.c) scripts/kernel.py .venv/.ready
	@$(RUN) python -m scripts.kernel
	@touch $@

node_modules/.ready: package.json package-lock.json
	@command -v npm >/dev/null || { echo "setup: Node 20 or newer is missing: https://nodejs.org"; exit 1; }
	@echo "setup: anvil into node_modules"
	@npm ci --loglevel=error --no-audit --no-fund
	@touch $@

demo: setup  ## the whole money path on a local chain, then a live page on http://127.0.0.1:8000
	@$(RUN) sightline demo

up: setup  ## start PostgreSQL, Redis, anvil and all our processes, and keep them running
	@$(RUN) sightline up

test: setup  ## all tests (real chain, PostgreSQL, Redis)
	@$(RUN) python -m pytest -q -n 2 --dist loadscope --no-loadscope-reorder tests

test-rules: setup  ## only the pure rules, in seconds
	@$(RUN) python -m pytest -q tests/rules

soak: setup  ## kill every process under load, then ten minutes at 70 % of capacity (SOAK_SECONDS=600)
	@$(RUN) python -m scripts.soak

fuzz: setup  ## random calls against the contracts (FUZZ_SECONDS=3600), parsers and routes (FUZZ_OUTSIDE_SECONDS=1200)
	@$(RUN) python -m scripts.fuzz
	@$(RUN) python -m scripts.fuzz_outside

mutants: setup  ## plant deliberate faults in the contracts and see the tests catch each
	@$(RUN) python -m scripts.mutants

coverage: setup  ## which branches of the contracts the tests take; fails below 98 %
	@$(RUN) python -m scripts.coverage

builds: setup  ## the contract tests on every build of the compiler: none, gas, codesize, venom
	@$(RUN) python -m scripts.builds

check: setup  ## formatting, types, import directions, schemas, generated files
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) lint-imports --config .importlinter.toml
	@$(RUN) python -m scripts.generated --check
	@$(RUN) python -m scripts.clients --check
	@$(RUN) npx --no-install tsc -p sdk/clients/typescript
	@$(RUN) check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@$(RUN) check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

fix: setup  ## let ruff repair what it can
	@$(RUN) ruff check --fix .

bench: setup  ## speed as ratios against a baseline of the same run
	@$(RUN) python -m bench

generated: setup  ## rewrite the pages that are made from code
	@$(RUN) python -m scripts.generated

clients: setup  ## write the OpenAPI document and the clients that are generated from it
	@$(RUN) python -m scripts.clients

abi: setup  ## compile the contracts and write contracts/abi
	@$(RUN) python scripts/export_abi.py

migration: setup  ## write an Alembic revision from backend/db/tables/; MESSAGE="why"
	@$(RUN) python -m backend.db.revision "$(MESSAGE)"

clean:  ## remove local data and caches, keep the installed packages
	@rm -rf .sightline .pytest_cache .mypy_cache .ruff_cache .hypothesis .build

.PHONY: help setup demo up test test-rules soak fuzz mutants coverage builds check fix bench generated clients abi migration clean
