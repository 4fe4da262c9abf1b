# Everything from a fresh checkout, with Python 3.11 or newer, make and a C compiler:
#   make demo    own virtual environment, install, build, run the demonstration
#   make test    the same, then the tests
# Steps that are done leave a stamp in .venv/, so that a second run starts at once.

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
INTEROP ?= $(VENV)-interop
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check
SITE = -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
PYTEST_ARGS ?=
TEST_JOBS ?= auto

KERNELS = $(wildcard ext/*.pyx ext/*.pxd)
STAMP_VENV = $(VENV)/.made
STAMP_TOOLS = $(VENV)/.build-tools
STAMP_INSTALL = $(VENV)/.installed
STAMP_TEST = $(VENV)/.installed-test
STAMP_DEV = $(VENV)/.installed-dev
STAMP_INTEROP = $(INTEROP)/.installed
STAMP_BUILD = ext/_build_info.json

.PHONY: help demo test test-slow test-interop lint types check checked bench build install dev clean
.DEFAULT_GOAL := help

help:            ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: build      ## A campaign over every searcher: front printed and drawn, one design exported
	$(BIN)/python examples/demo.py

test: $(STAMP_TEST) build  ## The tests, but for the slow ones, on every core (TEST_JOBS=1: one at a time)
	$(BIN)/python -m pytest -n $(TEST_JOBS) --maxprocesses 8 --dist loadfile $(PYTEST_ARGS)

test-slow: $(STAMP_TEST) build  ## The tests that take more than five seconds each
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

test-interop: $(STAMP_INTEROP) build  ## The environments with other libraries, in an environment of their own
	DSE_INTEROP=all $(INTEROP)/bin/python -m pytest -n $(TEST_JOBS) --maxprocesses 4 $(PYTEST_ARGS) tests/interop

lint: dev        ## Style of Python and Cython
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH=$(abspath $(BIN)):$$PATH cython-lint ext

types: dev build ## mypy, strict
	$(BIN)/mypy

check: lint types test  ## What to run before a commit

checked: $(STAMP_TEST)  ## The kernels' tests against a build with bounds, initialisation and overflow checks
	BIN=$(abspath $(BIN)) .ci/checked $(PYTEST_ARGS)

bench: build     ## Speed of the engine and of the campaign, as ratios to a fixed loop
	$(BIN)/python -m tests.benchmarks

install: $(STAMP_INSTALL)  ## Virtual environment with marl-dse and what it needs

dev: $(STAMP_DEV)  ## The same with the tools of development

build: $(STAMP_INSTALL) $(STAMP_BUILD)  ## Compile the kernels that changed

clean:           ## Forget what was built; the virtual environment goes too
	rm -rf $(VENV) $(INTEROP) build *.egg-info ext/*.so ext/_build_info.json .mypy_cache .ruff_cache .pytest_cache

$(STAMP_VENV):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found: set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "could not make $(VENV): on Debian, apt-get install python3-venv"; exit 1; }
	@touch $@

$(STAMP_TOOLS): $(STAMP_VENV) constraints.txt
	$(PIP) install -q -c constraints.txt setuptools Cython numpy
	@touch $@

# The kernels are compiled in the next step, where what did not change is not compiled again.
$(STAMP_INSTALL): $(STAMP_TOOLS) pyproject.toml setup.py
	DSE_SKIP_EXT=1 $(PIP) install -q -c constraints.txt --no-build-isolation -e .
	@touch $@

$(STAMP_TEST): $(STAMP_INSTALL)
	DSE_SKIP_EXT=1 $(PIP) install -q -c constraints.txt --no-build-isolation -e '.[test,browser]'
	@touch $@

$(STAMP_DEV): $(STAMP_TEST)
	DSE_SKIP_EXT=1 $(PIP) install -q -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

# What .venv has is not installed twice: the second environment sees it, and nothing in it reaches .venv.
$(STAMP_INTEROP): $(STAMP_TEST)
	$(BIN)/python -m venv --without-pip $(INTEROP)
	echo "import site; site.addsitedir('$$($(BIN)/python $(SITE))')" > "$$($(INTEROP)/bin/python $(SITE))/below.pth"
	DSE_SKIP_EXT=1 $(INTEROP)/bin/python -m pip --disable-pip-version-check install -q -c constraints.txt \
	    --no-build-isolation -e '.[interop]'
	@touch $@

$(STAMP_BUILD): $(STAMP_TOOLS) $(KERNELS) setup.py
	$(BIN)/python setup.py -q build_ext --inplace
