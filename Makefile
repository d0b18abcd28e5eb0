# The project's commands. `make` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo check test crash fuzz bench bench-ipc format clean

# `make check test` runs every test once: then `check` leaves the unit tests to `test`.
unit_tests := $(if $(filter test,$(MAKECMDGOALS)),,unit)

# Tests run in several processes; those of the lab, which wait a lot, in one more than there are
# CPUs, each with a lab of its own. What one file holds stays together. PYTEST_ARGS=-n0: in one.
workers := $(shell echo $$(($$(nproc) + 1)))

# Which cases `make crash` plays: the same seed, the same cases.
crash_seed := $(or $(GREENDOCK_CRASH_SEED),$(shell echo $$RANDOM$$RANDOM))

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 10

demo: ## run a container from a recipe on this machine, and clean up
	@scripts/bootstrap demo
	@scripts/demo

check: ## format, lint, types, import contract, unit tests
	@scripts/bootstrap check
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(if $(unit_tests),.venv/bin/python -m pytest -n auto --dist loadfile -m "not lab and not root" $(PYTEST_ARGS))

test: ## every test, with a Docker Engine of its own (root, or sudo)
	@scripts/bootstrap test
	scripts/lab-python -m pytest -n $(workers) --dist loadfile $(PYTEST_ARGS)

crash: ## kill cores at 200 random moments, and look for containers that are lost (long)
	@scripts/bootstrap test
	@echo "GREENDOCK_CRASH_SEED=$(crash_seed)"
	@GREENDOCK_CRASH_SEED=$(crash_seed) scripts/lab-python -m pytest -n $(workers) tests/crash/random_cases.py $(PYTEST_ARGS)

fuzz: ## a million frames of a hostile client against the IPC server
	@scripts/bootstrap check
	GREENDOCK_FUZZ_FRAMES=1000000 .venv/bin/python -m pytest tests/ipc/test_fuzzed_traffic.py -q -s

bench: ## measure, against the docker command
	@scripts/bootstrap test
	scripts/lab-python -m bench $(BENCH_ARGS)

bench-ipc: ## measure the IPC server alone
	@scripts/bootstrap test
	scripts/lab-python -m bench --only ipc $(BENCH_ARGS)

format: ## put the code into its form
	@scripts/bootstrap check
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

clean: ## remove what the other commands made here
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
