# Everything a newcomer needs: `make demo` shows it, `make test` proves it. Both make their own environment in .venv.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
ARGS   ?=

.PHONY: help demo test check browser bench soak lock clean

help:  ## say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(READY): requirements/dev.txt pyproject.toml scripts/make-environment
	@scripts/make-environment $(VENV) $(PYTHON)
	@touch $@

console: $(READY)  ## build the page (quick when nothing changed)
	@$(BIN)/python scripts/build_console.py

demo: $(READY) console  ## a webtoon service with simulated readers, and a page to watch it (ARGS=--once: bounded, no page)
	@$(BIN)/bandi demo $(ARGS)

test: $(READY) console check browser  ## lint, types, import contract, all tests
	OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n 2 tests  # two workers, a thread each

check: $(READY)  ## ruff, mypy --strict, import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

browser:
	@scripts/install-browser

bench: $(READY)  ## all benchmarks; the peers are installed beside the rest
	$(BIN)/pip install -q --require-hashes -r requirements/bench.txt
	for bench in rank chain delays linear seen position cascade fatigue nonstationary exploration content_priors journeys credit push funnel arm_memory recommend log fold start loading diet factors text image segments eligibility arrangement targeters services http http_events simulate off_policy off_policy_tuning coverage experiments assignment interference experiment_report own_log slates; do $(BIN)/python -m bench.$$bench || exit 1; done

soak: $(READY)  ## the long tests
	$(BIN)/pytest -m soak tests

lock: $(READY)  ## write the pins anew (hashes, no addresses)
	for name in run dev bench; do \
	  $(BIN)/uv pip compile -q --generate-hashes --python-version 3.11 requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

clean:  ## remove what was made
	rm -rf $(VENV) web/node_modules src/bandi/console/static dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
