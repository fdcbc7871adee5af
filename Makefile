# Two commands do everything on a fresh machine: make demo, make test.
PYTHON ?= python3.11
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: setup demo test check faults fuzz bench lock clean
.DEFAULT_GOAL := demo

setup: .venv/.ready

.venv/.ready: pyproject.toml requirements/dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "Opsbell needs Python 3.11 or newer: make setup PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/pip install -qq --no-deps --no-build-isolation --editable .
	sh scripts/browser.sh
	touch $@

demo: setup        ## the whole desk on this machine: open http://127.0.0.1:8700
	$(BIN)/opsbell demo

test: setup        ## every test, on SQLite and PostgreSQL, in random order
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest $(PYTEST_ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --skip-empty --sort=cover

check: setup       ## every linter
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-timeout 2>/dev/null || $(BIN)/lint-imports

faults: setup      ## the machines that try to break it, at full length; ONLY="simulator kills" for some
	$(BIN)/python -m tests.faults $(ONLY)

fuzz: setup        ## a million inputs for every way in
	$(BIN)/python -m tests.fuzz $(ONLY)

bench: setup       ## the benchmarks, each as a ratio to a named baseline
	for file in bench/*.py; do echo "== $$file"; PYTHONPATH=. $(BIN)/python $$file || exit 1; done

lock: setup        ## bring the pinned versions up to date (no registry's address in the files)
	sh scripts/lock.sh

clean:
	rm -rf .venv build *.egg-info .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache
