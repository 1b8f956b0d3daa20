# Everything runs in .venv, from versions and hashes that requirements-dev.lock pins; what is installed elsewhere, from
# those of requirements.lock, which are the same.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

# The live page's chart library. Where npm or its registry is not there, the page shows the server's picture in its place.
LIBRARY := daemon/tapewatch/web/static/vendor/lightweight-charts.js
EXAMPLES := docs/examples/node_modules/.package-lock.json
NPM_CI := npm ci --silent --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=20000

.PHONY: run test test-long chaos bench load soak lint page page-if-possible examples examples-if-possible audit sbom lock clean

run: $(STAMP) page-if-possible  ## the product at work on a simulated tape: Redis, simulator, daemon, alerts
	$(BIN)/tapewatch demo

test: $(STAMP) page-if-possible examples-if-possible lint  ## everything that takes less than five minutes
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder  # in their order: the longest files come early

test-long: $(STAMP)  ## soak, chaos and the like
	TAPEWATCH_THOROUGH=1 $(BIN)/pytest -m "long or random" -n 0

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
	test ! -x node_modules/.bin/tsc || node_modules/.bin/tsc --project tsconfig.json  # the page's modules, by their JSDoc

page: $(LIBRARY)  ## the live page's chart library, from npm

$(LIBRARY): package.json package-lock.json
	$(NPM_CI)
	mkdir -p $(@D)
	cp node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.mjs $@

page-if-possible:
	@$(MAKE) --silent page >/dev/null 2>&1 || echo "no chart library (npm, or its registry, is not there): the live page shows pictures"

examples: $(EXAMPLES)  ## what docs/examples/subscriber.mjs and the tests of it need, from npm

$(EXAMPLES): docs/examples/package.json docs/examples/package-lock.json
	cd docs/examples && $(NPM_CI)

examples-if-possible:
	@$(MAKE) --silent examples >/dev/null 2>&1 || echo "no npm, or no registry: the subscriber for Node is not tested"

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
	rm -rf $(VENV) node_modules docs/examples/node_modules $(dir $(LIBRARY)) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
