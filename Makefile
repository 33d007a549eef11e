# `make run` and `make test` are the two that a newcomer needs; both install first, into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PORT ?= 8000

.PHONY: help run test test-fast lint types install clean

help:
	@echo "make run     install, search a little on the built-in weapons, choose an ensemble, serve it (PORT=8000)"
	@echo "make test    install, then every test that needs no GPU and no network"
	@echo "make lint    ruff;  make types  mypy, strict;  make test-fast  tests without the slow ones"
	@echo "make clean   remove .venv and ./runs"

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ganvil needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

# ONCE=1 stops the service after one request has been answered.
run: install
	$(BIN)/python search/run.py --data armory --name armory --resolution 32 --recipe dcgan-small stylegan2-small --trials 4 --kimg 64 $(if $(wildcard runs/search/armory),--resume)
	$(BIN)/python ops/refresh.py --search armory
	$(BIN)/python -m serve.app --ensemble models:/weapons@live --port $(PORT) $(if $(ONCE),--once)

# Two processes at most: some tests begin a Ray cluster or a browser of their own.
TESTS = $(BIN)/python -m pytest -n auto --maxprocesses 2 --dist loadfile

test: install
	$(TESTS) -m "not gpu"

test-fast: install
	$(TESTS) -m "not gpu and not slow"

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

clean:
	rm -rf $(VENV) runs
