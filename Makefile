# One target per act. A fresh clone needs python3 >= 3.11 with headers, g++ and make; uv is used when it is on the PATH.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
UV := $(shell command -v uv 2>/dev/null)
# One more than two processors: end-to-end tests mostly wait for the two servers that each of them runs.
TEST_WORKERS ?= 3
TESTS ?=

native_sources := $(wildcard CMakeLists.txt pyproject.toml native/* native/*/* native/*/*/*)
verify_project := $(wildcard verify/pyproject.toml)

.PHONY: help
help:
	@echo 'make .venv           build the environment (automatic for every other target)'
	@echo 'make check           lint, types, import contracts, protos, dependencies, systemd unit'
	@echo 'make test            the whole test suite; TESTS="tests/unit -k cohort" narrows it'
	@echo 'make demo            two gateways on loopback, MATCH, ENRICH and AGGREGATE; KEEP=1 leaves them running'
	@echo 'make verify          the tests of the offline verifiers'
	@echo 'make js              the libraries of the JavaScript verifier, by npm ci'
	@echo 'make format          let ruff sort and format'
	@echo 'make protos          regenerate the stubs from proto/'
	@echo 'make lock            resolve requirements.lock again'
	@echo 'make wheel           build the abi3 wheel into dist/'
	@echo 'make release-protos  take the present protos as the released ones (at a release only)'
	@echo 'make clean           remove builds and caches; make distclean removes .venv too'

# ---- environment -------------------------------------------------------------------------------------------------

.PHONY: .venv
.venv: $(VENV)/.installed

$(VENV)/.locked: requirements.lock
ifneq ($(UV),)
	test -x $(PY) || uv venv --quiet --python '$(PYTHON)' $(VENV)
	uv pip install --quiet --compile-bytecode --python $(PY) --require-hashes -r requirements.lock
else
	test -x $(PY) || '$(PYTHON)' -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
endif
	touch $@

# Editable: Python sources are read in place, the native module is built once and again when its sources change.
$(VENV)/.installed: export PATH := $(CURDIR)/$(BIN):$(PATH)
$(VENV)/.installed: $(VENV)/.locked $(native_sources) $(verify_project)
ifneq ($(UV),)
	uv pip install --quiet --compile-bytecode --python $(PY) --no-build-isolation --no-deps -e . $(if $(verify_project),-e ./verify)
else
	$(PY) -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e . $(if $(verify_project),-e ./verify)
endif
	touch $@

# ---- check -------------------------------------------------------------------------------------------------------

.PHONY: check lint types imports buf dependencies security unused unit-file
check: lint types imports buf dependencies security unused unit-file

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv
	$(BIN)/mypy consent gateway $(wildcard verify/assent_verify)

imports: .venv
	$(BIN)/lint-imports --no-logo

buf: .venv
	$(BIN)/buf lint
	mkdir -p build
	# Image against image: a workspace of two modules is not compared with one image.
	$(BIN)/buf build -o build/present.binpb
	$(BIN)/buf breaking build/present.binpb --against proto/released.binpb

dependencies: .venv
	$(BIN)/deptry .
	$(if $(verify_project),cd verify && ../$(BIN)/deptry .)

security: .venv
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml consent gateway $(wildcard verify/assent_verify)

unused: .venv
	$(BIN)/vulture

unit-file: .venv
	$(PY) scripts/unit_file.py deploy/systemd/assent.service

# ---- test, demo --------------------------------------------------------------------------------------------------

.PHONY: test verify demo
test: .venv
	$(PY) -m pytest --numprocesses $(TEST_WORKERS) --dist worksteal $(TESTS)

verify: .venv
	$(PY) -m pytest $(wildcard tests/unit/verify tests/conformance/test_*_vectors.py)

.PHONY: js
js: verify/js/node_modules/.installed

# The lock names versions and hashes and no address: they come from wherever npm is set to look.
verify/js/node_modules/.installed: verify/js/package-lock.json
	cd verify/js && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

demo: .venv
	$(BIN)/assent demo $(if $(KEEP),--keep)

# ---- upkeep ------------------------------------------------------------------------------------------------------

.PHONY: format protos release-protos lock wheel clean distclean
format: .venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: $(VENV)/.locked
	$(PY) scripts/protos.py

release-protos: .venv
	$(BIN)/buf build -o proto/released.binpb

lock:
	scripts/lock.sh

wheel: export PATH := $(CURDIR)/$(BIN):$(PATH)
wheel: .venv
ifneq ($(UV),)
	uv build --quiet --wheel --no-build-isolation --python $(PY) --out-dir dist .
else
	$(PY) -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir dist .
endif

clean:
	rm -rf build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	find consent gateway verify tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
