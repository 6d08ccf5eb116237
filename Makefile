# Everything on a fresh machine with Python and pip:
#   make demo   environment, install, then fine-tune on embedded defaults
#   make test   environment, install, tests

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# In two parts: TensorFlow keeps the memory of what a process has compiled.
# The longest file comes first, or one process would end with it alone.
RUNS := tests/test_readme.py tests/tasks
PARALLEL := --numprocesses 2 --dist loadfile --durations 15

.PHONY: demo test style wheel results clean

$(VENV)/installed: setup.py pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(VENV)/installed
	$(BIN)/python run_classifier.py --task_name=MRPC

test: $(VENV)/installed
	$(BIN)/python -m pytest $(PARALLEL) $(RUNS)
	$(BIN)/python -m pytest $(PARALLEL) tests $(RUNS:%=--ignore=%)

style: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Installs the built wheel into an environment of its own and imports it from elsewhere.
wheel: $(VENV)/installed
	$(BIN)/python -m build --wheel --outdir build/wheel .
	$(BIN)/python tests/check_wheel.py build/wheel

# Makes every run of docs/results.md, or goes on with them: days of a CPU core.
# DATA holds glue/, longdoc/, squad/, race/ and corpus/.
RESULTS := runs/results
TINY := albert_lsh_tf/embedded/albert_lsh_tiny/spiece.model
results: $(VENV)/installed
	@test -d "$(DATA)/glue" || { echo "error: give DATA=, the folder of glue/"; exit 1; }
	for part in train valid; do \
	  $(BIN)/python create_pretraining_data.py --online --spm_model_file=$(TINY) \
	    --input_file="$(DATA)/corpus/$$part*.txt.gz" \
	    --output_dir=$(RESULTS)/pretraining/$$part || exit; \
	done
	for attention in dense lsh; do \
	  $(BIN)/python run_pretraining.py --attention=$$attention \
	    --config_file=configs/pretraining/albert_lsh_tiny_lsh.yaml \
	    --input_file=$(RESULTS)/pretraining/train \
	    --eval_input_file=$(RESULTS)/pretraining/valid \
	    --output_dir=runs/tiny_$$attention || exit; \
	done
	$(BIN)/python run_squad.py --config_file=configs/squad/newwiki.yaml \
	  --train_file=$(DATA)/squad/squadshifts-newwiki-train-v1.1.json \
	  --predict_file=$(DATA)/squad/xquad-en-dev-v1.1.json --output_dir=runs/newwiki
	for plan in albert_lsh_tiny albert_lsh_tiny_long squad covidqa_long race; do \
	  $(BIN)/albert-lsh compare configs/comparison/$$plan.yaml \
	    --data_dir=$(DATA)/glue,$(DATA)/longdoc,$(DATA)/squad,$(DATA)/race \
	    --output_dir=$(RESULTS)/$$plan || exit; \
	done

clean:
	rm -rf $(VENV) build runs
