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

.PHONY: demo test style wheel clean

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

clean:
	rm -rf $(VENV) build runs
