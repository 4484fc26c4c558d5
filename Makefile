# make chat | test | lint | doctor: each makes what it needs, and is quick the second time.
#
#   PYTHON       the interpreter to make .venv with (3.11 or newer)
#   TORCH_INDEX  where to take PyTorch from; unset: pip's own choice. On a machine without a GPU
#                TORCH_INDEX=https://download.pytorch.org/whl/cpu saves gigabytes on Linux.

PYTHON ?= python3
TORCH_INDEX ?=
TORCH := $(shell grep '^torch==' constraints.txt)

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
RUNS := .venv/.runs
DEVELOPS := .venv/.develops

.PHONY: help chat doctor test test-slow lint bench-descriptions bench-latency bench-training bench-routing bench-pubmedqa bench-feedback bench-tracing bench-page clean
.DEFAULT_GOAL := help

help:  ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

chat: $(RUNS)  ## serve the chat page on http://127.0.0.1:8501 until Ctrl-C
	@exec $(BIN)/cytoscribe chat

doctor: $(RUNS)  ## check this installation and say how to mend it
	@$(BIN)/cytoscribe doctor

test: $(DEVELOPS)  ## run the tests (unit, database, and browser where Chromium is found)
	$(BIN)/python -m pytest -m "not slow" $(PYTEST)

test-slow: $(DEVELOPS)  ## run the tests that take minutes
	$(BIN)/python -m pytest -m slow $(PYTEST)

# The SDK of the other major version that is supported, beside the installed one.
OTHER_LANGFUSE := $(if $(shell grep '^langfuse==5' constraints.txt),4.18.0,5.0.4)

.PHONY: test-langfuse
test-langfuse: $(DEVELOPS)  ## run the tracing tests under the other Langfuse SDK that is supported
	$(PIP) --no-deps --upgrade --target .venv/other-langfuse langfuse==$(OTHER_LANGFUSE) backoff
	PYTHONPATH=.venv/other-langfuse $(BIN)/python -m pytest tests/unit/test_tracing.py tests/db/test_traces.py $(PYTEST)

lint: $(DEVELOPS)  ## check style, types and the order of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: eval-quick
eval-quick: $(RUNS)  ## compare with the stored baselines in minutes (DATA=DIR: on real images, too)
	$(BIN)/cytoscribe eval quick $(if $(DATA),--data "$(DATA)") $(QUICK)

bench-latency: $(RUNS)  ## measure seconds a description on one core (docs/benchmarks/latency.md)
	$(BIN)/python docs/scripts/latency.py

bench-descriptions: $(RUNS)  ## measure descriptions on the held-out images below DATA=DIR
	@test -n "$(DATA)" || { echo 'Name the folder of the sets: make bench-descriptions DATA=DIR'; exit 2; }
	$(BIN)/python docs/scripts/bench_descriptions.py "$(DATA)" $(BENCH)

bench-training: $(DEVELOPS)  ## measure training beside the plain Trainer on DATA=DIR (docs/benchmarks/training.md)
	@test -n "$(DATA)" || { echo 'Name the folder of the sets: make bench-training DATA=DIR'; exit 2; }
	$(BIN)/python docs/scripts/bench_training.py "$(DATA)" $(BENCH)

bench-feedback: $(DEVELOPS)  ## measure what corrections teach on DATA=DIR (docs/benchmarks/feedback.md)
	@test -n "$(DATA)" || { echo 'Name the folder of chula_rbc12: make bench-feedback DATA=DIR'; exit 2; }
	$(BIN)/python docs/scripts/bench_feedback.py "$(DATA)" $(BENCH)

bench-tracing: $(DEVELOPS)  ## measure what tracing to a dead server costs a turn (docs/benchmarks/tracing.md)
	$(BIN)/python docs/scripts/bench_tracing.py $(BENCH)

bench-page: $(DEVELOPS)  ## measure how long a user waits on the page (docs/benchmarks/latency.md)
	$(BIN)/python docs/scripts/first_evidence.py $(BENCH)

.PHONY: bench-ingest
bench-ingest: $(DEVELOPS)  ## measure the ingest of the literature below DATA=DIR (docs/benchmarks/ingest.md)
	@test -n "$(DATA)" || { echo 'Name a folder of literature: make bench-ingest DATA=DIR'; exit 2; }
	$(BIN)/python docs/scripts/bench_ingest.py "$(DATA)" $(BENCH)

# What PGVectorStore needs lies apart: it wants an older SQLAlchemy than the rest.
PEERS := .venv/peers
PGVECTORSTORE := llama-index-vector-stores-postgres==0.9.0 sqlalchemy==2.0.58 asyncpg==0.32.0 psycopg2-binary==2.9.13 greenlet==3.5.6

$(PEERS): Makefile | $(RUNS)
	$(PIP) --no-deps --upgrade --target $@ $(PGVECTORSTORE)
	@touch $@

.PHONY: bench-retrieval
bench-retrieval: $(DEVELOPS) $(PEERS)  ## measure search beside bm25s, hnswlib, PGVectorStore on scifact below DATA=DIR
	@test -n "$(DATA)" || { echo 'Name the folder of scifact: make bench-retrieval DATA=DIR'; exit 2; }
	$(PIP) -c constraints.txt -e '.[bench]'
	OMP_NUM_THREADS=1 $(BIN)/python docs/scripts/bench_retrieval.py "$(DATA)/corpus.jsonl" "$(DATA)/beir/queries.jsonl" $(BENCH)

bench-routing: $(RUNS)  ## measure which tools questions go to (docs/benchmarks/routing.md)
	$(BIN)/cytoscribe eval routing eval/data/routing/test2.jsonl
	$(BIN)/cytoscribe eval routing eval/data/routing/test.jsonl

bench-pubmedqa: $(RUNS)  ## answer PubMedQA below DATA=DIR (docs/benchmarks/pubmedqa.md)
	@test -n "$(DATA)" || { echo 'Name the folder of ori_pqal.json: make bench-pubmedqa DATA=DIR'; exit 2; }
	$(BIN)/cytoscribe eval pubmedqa --data "$(DATA)/ori_pqal.json" --ids "$(DATA)/test_ground_truth.json" --out runs/pubmedqa.json

clean:  ## remove the environment and the caches; your data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# The stamps: newer than what they were installed from, or pip runs again.

.venv/bin/pip:  # the last thing that venv makes
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Cytoscribe needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv

$(RUNS): pyproject.toml constraints.txt | .venv/bin/pip
	@echo "Installing Cytoscribe into .venv (some minutes the first time) …"
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	$(PIP) -c constraints.txt -e .
	@touch $@

$(DEVELOPS): $(RUNS)
	$(PIP) -c constraints.txt -e '.[dev]'
	@touch $@
