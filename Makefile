# The two main targets are `make demo` and `make test`. `make help` lists all of them.
PYTHON ?= python3
VENV := .venv
# For a machine without a GPU: make venv PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=
# Processes that run the tests: more than two cores can serve, as some tests wait. 0 runs them in this one, for a debugger.
TEST_PROCESSES ?= 3

.PHONY: help venv demo meld check test fuzz faults

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(VENV)/installed ## create the environment in .venv (PYTHON=python3.12 chooses the Python)

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable ".[test]"
	touch $@

# A corpus of synthetic voices and drawn faces is rendered, its features are extracted, a model is trained and shown.
demo: venv ## render a small corpus, train on it, and recognize a conversation of it
	$(VENV)/bin/amuse demo

# MELD's annotations and all-MiniLM-L6-v2 are fetched; AMUSE_MELD_DIR and AMUSE_ENCODERS_DIR name local copies.
meld: venv ## train a model of real conversations on the words of MELD, and score it
	$(VENV)/bin/amuse train --dataset_name meld --output_dir amuse-meld --resume_from_checkpoint latest

check: venv ## check format and lint with ruff
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .

# Tests of one file share what they train or render, so a file stays in one process. Each process uses one thread.
# The files start in the order of tests/conftest.py: those that take longest come first. A process that dies ends the run:
# pytest-xdist would replace it and could then wait forever. The tests start many processes, so the modules are compiled first.
test: venv ## run all tests and print the ten slowest
	$(VENV)/bin/python -m compileall -q modeling_amuse processing scripts hub_card tests
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --max-worker-restart 0 --durations=10

N ?= 1000
SEED ?= 0
fuzz: venv ## deal N damaged inputs, generated with SEED, to the functions that read input, and count the outcomes
	$(VENV)/bin/python -m tests.fuzz --examples $(N) --seed $(SEED)

KILLS ?= 50
faults: venv ## kill commands KILLS times, and run them on full and read-only disks, with SEED, and compare the results
	$(VENV)/bin/python -m tests.faults --kills $(KILLS) --seed $(SEED)
	unshare --user --map-root-user --mount $(VENV)/bin/python -m tests.faults --full_disk --kills $(KILLS) --seed $(SEED)
