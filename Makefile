# What a developer does with Simyard. `make help` lists it. Everything lives in this checkout: .venv, .demo, build.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:

BIN := .venv/bin
PYTHON_FILES := src tests bench tools

.PHONY: help demo up test check lint types imports vermin bench lock format clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

demo:  ## install, run MAD-X on the built-in ring, show where the report is, stop
	@tools/venv runtime
	exec $(BIN)/python tools/demo.py

up:  ## install, and start Simyard (Ctrl-C stops it; runs go on)
	@tools/venv runtime
	exec $(BIN)/simyard up

test:  ## install what is missing, then lint, types, import contracts, and every test
	@tools/debian
	tools/venv dev
	$(MAKE) --no-print-directory check
	# three at a time keep two cores busy; a fourth was no gain
	exec $(BIN)/pytest -n 3

check: lint types imports vermin  ## lint, types, import contracts, oldest Python of each part

lint:
	@tools/venv dev
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/ruff format --check $(PYTHON_FILES)

types:  ## types: mypy for Python, tsc for the page's scripts (jsconfig.json)
	@tools/venv dev
	$(BIN)/mypy
	tools/tsc

imports:
	@tools/venv dev
	NO_COLOR=1 $(BIN)/lint-imports --no-logo

vermin:
	@tools/venv dev
	$(BIN)/vermin --quiet --no-tips --violations -t=2.7- -t=3.6- src/simyard/job_cmd
	$(BIN)/vermin --quiet --no-tips --violations -t=3.9- \
	  src/simyard/agent src/simyard/protocol src/simyard/__init__.py src/simyard/clock.py src/simyard/contents.py src/simyard/errors.py src/simyard/processes.py

bench:  ## measure, each figure beside its limit, and write docs/benchmarks.md
	@tools/venv dev
	exec $(BIN)/python -m bench

lock:  ## make the lock files again from pyproject.toml (needs uv)
	@tools/lock

format:  ## format, and mend what can be mended by itself
	@tools/venv dev
	$(BIN)/ruff format $(PYTHON_FILES)
	$(BIN)/ruff check --fix $(PYTHON_FILES)
	$(BIN)/python tools/cli_reference.py
	$(BIN)/python tools/code_pages.py

clean:  ## remove what was made here
	rm -rf .venv .demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
