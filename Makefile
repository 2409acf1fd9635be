# The two commands of the README: `make lab` opens the course, `make test` checks all of it.
# Both set up .venv first, with the exact versions of constraints.txt; the second time there is nothing to do.

PYTHON ?= python3
VENV ?= .venv
# In make VENV=~/somewhere, zsh and dash leave the tilde to us.
override VENV := $(patsubst ~/%,$(HOME)/%,$(VENV))
# Linux: set TORCH_INDEX=https://download.pytorch.org/whl/cpu for PyTorch's small CPU build instead of the CUDA one.
TORCH_INDEX ?=
# How large the panels are: make lab SIZE=1.5 for a projector.
SIZE ?= 1
# Two tests at a time; each with one thread, since two programs of two threads on two cores are slower than one.
WORKERS ?= 2
BIN = $(VENV)/bin
READY = $(VENV)/ready
# What tests remember goes beside the environment, so that nothing is written into the course.
PYTEST = HYPOTHESIS_STORAGE_DIRECTORY=$(abspath $(VENV))/hypothesis $(BIN)/python -B -m pytest -o cache_dir=$(abspath $(VENV))/pytest
# Sliders answer at once: see helpers/setup/server.py.
PROMPT = --ServerApp.kernel_websocket_connection_class=helpers.setup.server.PromptConnection
NOTEBOOKS = $(sort $(wildcard notebooks/*.ipynb))

# What `make cifar` trains: make cifar RECIPE="--layers 110 --skip none --seed 3 --data cifar-10-binary.tar.gz"
RECIPE ?= --layers 20

.PHONY: help lab test test-all lint notebooks book slides teacher portable pictures bench bench-panels bench-training cifar \
	study clean

help:
	@echo "make lab        set up and open the course in JupyterLab"
	@echo "make test       set up and run the tests (6 minutes)"
	@echo "make test-all   set up and run every test, also what rarely breaks and takes long"
	@echo "make lint       ruff over code and notebooks"
	@echo "make notebooks  run all notebooks and store their outputs"
	@echo "make book       export the course to HTML pages whose sliders move, in build/book"
	@echo "make slides     a deck of slides for each notebook, in build/slides; nothing is run"
	@echo "make teacher    the notebooks with solutions and expected answers, in build/teacher (FORCE=--force: over edits)"
	@echo "make portable   strict nbval on other instruction sets and thread counts"
	@echo "make pictures   take the pictures of the README in a browser"
	@echo "make bench      measure imports, run times and memory on this machine"
	@echo "make bench-training  training against a plain loop, and its cost by depth and number of nets (20 minutes)"
	@echo "make bench-panels  measure sliders, from key to pixels, in a browser"
	@echo "make cifar      train a net of the paper on CIFAR-10, by its recipe (RECIPE=...)"
	@echo "make study      does the error rise with depth? 20 to 110 layers, five seeds, on digits"
	@echo "make clean      remove .venv"

# A course folder that cannot be written to gets its packages without the editable install, which writes beside
# pyproject.toml; the helpers are then found through a path file in the environment.
DEPENDENCIES = import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*p["dependencies"], *p["optional-dependencies"]["test"])
PATH_FILE = import os, pathlib, sysconfig; \
	pathlib.Path(sysconfig.get_path("purelib"), "course.pth").write_text(os.getcwd())

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (a few minutes the first time) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "This course needs Python 3.11 or newer: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	if test -w .; then packages='--editable .[test]'; else packages=$$($(BIN)/python -c '$(DEPENDENCIES)'); fi; \
		PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $$packages
	test -w . || $(BIN)/python -c '$(PATH_FILE)'
	@touch $(READY)
	@echo "Ready."

lab: $(READY)
	@echo "Opening the course; stop it with Ctrl+C."
	EXPLORE_SIZE=$(SIZE) $(BIN)/jupyter lab $(PROMPT) $(firstword $(NOTEBOOKS))

# One call for tests and notebooks: nbval starts a kernel for each notebook and compares every stored output. Who
# runs what: tests/conftest.py.
NBVAL = --nbval --nbval-current-env --nbval-cell-timeout=600
TEST = OMP_NUM_THREADS=1 $(PYTEST) tests notebooks $(NBVAL) -n $(WORKERS) --durations=25

test: $(READY)
	$(TEST) -m "not slow"

test-all: $(READY)
	$(TEST)

lint: $(READY)
	$(BIN)/ruff check --cache-dir $(VENV)/ruff .
	$(BIN)/ruff format --check --cache-dir $(VENV)/ruff .

notebooks: $(READY)
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False \
		--ExecutePreprocessor.store_widget_state=False $(NOTEBOOKS)

book: $(READY)
	$(BIN)/python -B -m helpers.press.book build/book
	@echo "Open build/book/index.html in a browser."

slides: $(READY)
	$(BIN)/python -B -m helpers.press.slides build/slides
	@echo "Open a deck in build/slides in a browser; space and the arrow keys lead through it."

# What a teacher wrote into these is kept; make teacher FORCE=--force makes them anew.
teacher: $(READY)
	$(BIN)/python -B -m helpers.press.teacher $(FORCE) build/teacher

portable: $(READY)
	ATEN_CPU_CAPABILITY=default OMP_NUM_THREADS=1 $(PYTEST) $(NBVAL) notebooks
	ATEN_CPU_CAPABILITY=avx2 OMP_NUM_THREADS=2 $(PYTEST) $(NBVAL) notebooks

pictures: $(READY)
	mkdir -p notebooks/pictures
	$(PYTEST) -q tests/browser/pictures.py

bench: $(READY)
	$(BIN)/python tests/benchmarks/imports.py
	$(BIN)/python tests/benchmarks/notebooks.py
	$(BIN)/python tests/benchmarks/memory.py

bench-training: $(READY)
	$(BIN)/python tests/benchmarks/training.py

bench-panels: $(READY)
	PYTHONPATH=tests:tests/browser $(BIN)/python tests/benchmarks/panels.py

cifar: $(READY)
	$(BIN)/python -m helpers.studies.recipe $(RECIPE)

study: $(READY)
	$(BIN)/python -m helpers.studies.depths

clean:
	! test -e $(VENV)/pyvenv.cfg || rm -rf $(VENV)
