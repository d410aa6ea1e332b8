# make run: install, read the example documents, serve.  make test: install and check everything.
PYTHON ?= python3
AION := .venv/bin/aion
EXAMPLES ?= examples/sintra

.PHONY: help run test lint install install-dev clean

help:
	@echo "make run    install AION, read $(EXAMPLES), serve on http://127.0.0.1:8008"
	@echo "make test   install what the tests need and run ruff, mypy and pytest"
	@echo "make clean  remove .venv and caches (never aion.db)"

install:
	@$(PYTHON) scripts/install.py

install-dev:
	@$(PYTHON) scripts/install.py dev

run: install
	@$(AION) ingest $(EXAMPLES)
	@exec $(AION) serve

lint: install-dev
	.venv/bin/ruff check aion tests scripts benchmarks
	.venv/bin/ruff format --check aion tests scripts benchmarks
	.venv/bin/mypy

test: lint
	.venv/bin/pytest

clean:
	rm -rf .venv build tests/clients/node/node_modules .mypy_cache .ruff_cache .pytest_cache
