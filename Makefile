# The two commands are `make demo` and `make test`; `make venv` makes their environment alone.
PYTHON ?= python3
VENV := .venv
# For a machine without a GPU: make venv PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=

.PHONY: venv demo test

venv: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable ".[test]"
	touch $@

demo: venv
	$(VENV)/bin/accelerate launch scripts/train.py --dataset_name sample --output_dir amuse-sample --hidden_size 128 \
		--num_train_epochs 30 --learning_rate 1e-3 --per_device_train_batch_size 4 --resume_from_checkpoint latest
	$(VENV)/bin/python scripts/demo.py --model amuse-sample

test: venv
	$(VENV)/bin/python -m pytest -q
