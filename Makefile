# Everything runs in .venv, from versions and hashes that requirements-dev.lock pins; what is installed elsewhere, from
# those of requirements.lock, which are the same.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: run test test-long chaos bench load soak lint audit sbom lock clean

run: $(STAMP)  ## the product at work on a simulated tape: Redis, simulator, daemon, alerts
	$(BIN)/tapewatch demo

test: $(STAMP) lint  ## everything that takes less than five minutes
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder  # in their order: the longest files come early

test-long: $(STAMP)  ## soak, chaos and the like
	$(BIN)/pytest -m long -n 0

chaos: $(STAMP)  ## faults at random moments; writes the table of docs/reliability.md
	PYTHONPATH=tests $(BIN)/python -m chaos --page docs/reliability.md

bench: $(STAMP)  ## figures beside their peers
	$(BIN)/python benchmarks/bench.py

load: $(STAMP)  ## half a million ticks a second for a minute: is anything lost?
	$(BIN)/python benchmarks/load.py

soak: $(STAMP)  ## half an hour at 20,000 ticks a second: does anything grow?
	$(BIN)/python benchmarks/soak.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive daemon tools
	$(BIN)/python tools/secret_scan.py
	test ! -x $(BIN)/hadolint || $(BIN)/hadolint Dockerfile  # not every machine has a wheel
	test ! -x $(BIN)/shellcheck || $(BIN)/shellcheck .ci/run deploy/make-secrets
	$(BIN)/python tools/audit.py --if-reachable

audit: $(STAMP)  ## are there known vulnerabilities in what the lock pins? fails if nobody can be asked
	$(BIN)/python tools/audit.py

sbom: $(STAMP)  ## what the program is made of, as CycloneDX: dist/tapewatch-VERSION.cdx.json
	$(BIN)/python tools/sbom.py

$(STAMP): requirements-dev.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

PIN := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --no-emit-index-url pyproject.toml build-requirements.in

lock:  ## pin anew what pyproject.toml asks for; needs uv
	$(PIN) --output-file requirements.lock
	$(PIN) --all-extras --constraint requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
