# The two commands are `make demo` and `make test`; `make venv` makes their environment alone.
PYTHON ?= python3
VENV := .venv
# For a machine without a GPU: make venv PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=
DATA := amuse-sample-data

.PHONY: venv demo test

venv: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable ".[test]"
	touch $@

# A corpus of synthetic voices and drawn faces is rendered, heard and seen, learned from, and recognized.
demo: venv
	$(VENV)/bin/python scripts/render_sample.py --output_dir $(DATA)
	$(VENV)/bin/python scripts/extract_features.py --data_dir $(DATA) --extractors prosody faces --output_dir $(DATA)/features
	$(VENV)/bin/accelerate launch scripts/train.py --dataset_name folder --data_dir $(DATA) \
		--audio_features $(DATA)/features/prosody --vision_features $(DATA)/features/faces --output_dir amuse-sample \
		--preset small --num_train_epochs 30 --early_stopping_patience 12 --learning_rate 2e-3 \
		--per_device_train_batch_size 4 --resume_from_checkpoint latest
	$(VENV)/bin/python scripts/demo.py --model amuse-sample --data_dir $(DATA)

test: venv
	$(VENV)/bin/python -m pytest -q
