# The two commands of the README: `make lab` opens the course, `make test` checks it.
# Both set up .venv first, with the exact versions of constraints.txt; after that they start at once.

PYTHON ?= python3
VENV ?= .venv
# How large the panels are: make lab SIZE=1.5 for a projector.
SIZE ?= 1
# Options for JupyterLab: make lab LAB="--no-browser --port=8890".
LAB ?=
# Two tests at a time; each with one thread, since two programs of two threads on two cores are
# slower than one.
WORKERS ?= 2

# Folders have names with spaces, umlauts and dollars. The shell takes them from its environment, as
# "$$VENV"; make only completes them, from their `value`, in which a dollar is a dollar. In
# make VENV=~/somewhere, zsh and dash leave the tilde to us.
override VENV := $(patsubst ~/%,$(value HOME)/%,$(value VENV))
override VENV := $(if $(filter /%,$(VENV)),,$(CURDIR)/)$(VENV)
override SIZE := $(value SIZE)
override LAB := $(value LAB)
export VENV SIZE LAB
# IPython would take modules from an environment that happens to be active.
unexport VIRTUAL_ENV
# The helpers of this folder, even in an environment that another copy of the course set up.
export PYTHONPATH := $(CURDIR)
# Not every home folder can be written to: what Matplotlib, IPython and Jupyter remember goes into
# the environment.
MEMORIES = MPLCONFIGDIR IPYTHONDIR JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR JUPYTER_RUNTIME_DIR
$(foreach name,$(MEMORIES),$(eval export $(name) := $$(VENV)/state))

PY = "$$VENV"/$(if $(filter Windows_NT,$(OS)),Scripts,bin)/python
# What tests remember goes there, too, or nowhere: it may be an environment of somebody else.
PYTEST = HYPOTHESIS_STORAGE_DIRECTORY="$$VENV/hypothesis" $(PY) -B -m pytest -p no:cacheprovider
NOTEBOOKS = $(sort $(wildcard notebooks/*.ipynb notebooks/*/*.ipynb))

DOUBT ?= --seeds 3

# What `make cifar` trains: make cifar RECIPE="--layers 110 --skip none --seed 3 --data cifar-10-binary.tar.gz"
RECIPE ?= --layers 20
# And `make study`: make study DATA=my/photographs STUDY="--layers 20 56 --epochs 5 --images 10000"
STUDY ?=
# Without DATA on the command line, digits; one that happens to be in the environment is not meant.
ifeq ($(origin DATA),command line)
override DATA := $(value DATA)
export DATA
STUDY_DATA = --data "$$DATA"
endif

.PHONY: help ready lab test test-all doubt lint notebooks links book handout slides teacher student portable pictures \
	class bench bench-panels bench-training cifar study clean

help:
	@echo "make lab        set up and open the course in JupyterLab (its options: LAB=..., size of panels: SIZE=1.5)"
	@echo "make test       set up and run the tests that every change has to pass (6 to 10 minutes on two cores, newer or older ones)"
	@echo "make test-all   set up and run every test, also what rarely breaks and takes long: the long trainings of the notebooks, other browsers"
	@echo "make doubt      run the notebooks with other seeds; which assertions fail? (DOUBT=\"4711 815 04\": seeds, notebooks)"
	@echo "make lint       ruff over code and notebooks"
	@echo "make notebooks  run all notebooks and store their outputs"
	@echo "make links      write the address in pyproject.toml into the README and the notebooks"
	@echo "make book       export the course to HTML pages whose sliders move, in build/book"
	@echo "make handout    the book as one PDF for paper, build/handout.pdf; Chromium prints it"
	@echo "make slides     a lecture for each notebook, in build/slides; after make book its sliders move"
	@echo "make teacher    the notebooks with solutions and expected answers, in build/teacher (FORCE=--force: over edits)"
	@echo "make student    the course for students, in build/student: no outputs, no solutions, stubs at their places"
	@echo "make class      30 students run a notebook at once on a hub of this machine (STUDENTS=30 NOTEBOOK=02)"
	@echo "make portable   strict nbval on other instruction sets and thread counts"
	@echo "make pictures   take the pictures of the README in a browser"
	@echo "make bench      measure imports, run times and memory on this machine"
	@echo "make bench-training  many nets against loops over single nets, and the cost by depth and number of nets"
	@echo "make bench-panels  measure sliders, from key to pixels, in a browser"
	@echo "make cifar      train a net of the paper on CIFAR-10, by its recipe (RECIPE=...)"
	@echo "make study      does the error rise with depth? 20 to 110 layers, five seeds, on digits (DATA=FOLDER: on photographs; STUDY=...)"
	@echo "make clean      remove .venv"

# There is nothing to do for an environment that was made of these two files as they are now, and
# whose Python is still there; an upgrade of the system may have removed or replaced it.
ready:
	@cat pyproject.toml constraints.txt | cmp -s - "$$VENV/ready" && $(PY) -c "import pip" 2>/dev/null \
		|| $(PYTHON) -B helpers/setup/environment.py

# With an environment that belongs to somebody else, settings stay in the home folder, or in one for
# now: a container may run as a user who has none.
lab: ready
	@test -w "$$VENV" || unset $(MEMORIES); test -w "$$VENV" || test -w "$$HOME" || export HOME="$$(mktemp -d)"; \
		EXPLORE_SIZE="$$SIZE" $(PY) -m helpers.setup.server

# One call for tests and notebooks: nbval starts a kernel for each notebook and compares the stored outputs. Who
# runs what: tests/conftest.py.
NBVAL = --nbval --nbval-current-env --nbval-cell-timeout=600
TEST = OMP_NUM_THREADS=1 $(PYTEST) tests notebooks $(NBVAL) -n $(WORKERS) --durations=25

test: ready
	$(TEST) -m "not slow"

test-all: ready
	$(TEST)

# Are the claims true for other seeds, too? make doubt DOUBT="4711 815 04" names seeds and notebooks.
doubt: ready
	OMP_NUM_THREADS=1 $(PY) -B tests/doubt.py --at-once $(WORKERS) $(DOUBT)

lint: ready
	$(PY) -m ruff check --no-cache .
	$(PY) -m ruff format --check --no-cache .

notebooks: ready
	$(PY) -m nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False \
		--ExecutePreprocessor.store_widget_state=False \
		--NotebookExporter.preprocessors=nbconvert.preprocessors.CoalesceStreamsPreprocessor $(NOTEBOOKS)
	$(PY) -B tests/ran.py $(NOTEBOOKS)

links: ready
	$(PY) -B -m helpers.press.links

book: ready
	$(PY) -B -m helpers.press.book build/book
	@echo "Open build/book/index.html in a browser."

handout: book
	$(PY) -B -m helpers.press.handout build/book build/handout.pdf

slides: ready
	$(PY) -B -m helpers.press.slides build/slides
	@echo "Open a deck in build/slides in a browser; arrow keys lead through it, S opens the speaker's window."

# What a teacher wrote into these is kept; make teacher FORCE=--force makes them anew.
teacher: ready
	$(PY) -B -m helpers.press.teacher $(FORCE) build/teacher

student: ready
	$(PY) -B -m helpers.exercises.student build/student

# Does a class fit on this machine? Needs pip's jupyterhub and npm's configurable-http-proxy.
STUDENTS ?= 30
NOTEBOOK ?= 02
class: ready
	$(PY) -B tests/benchmarks/classroom.py --students $(STUDENTS) --notebook $(NOTEBOOK)

portable: ready
	ATEN_CPU_CAPABILITY=default OMP_NUM_THREADS=1 $(PYTEST) $(NBVAL) notebooks
	ATEN_CPU_CAPABILITY=avx2 OMP_NUM_THREADS=2 $(PYTEST) $(NBVAL) notebooks

pictures: ready
	mkdir -p notebooks/pictures
	$(PYTEST) -q tests/browser/pictures.py

bench: ready
	$(PY) tests/benchmarks/imports.py
	$(PY) tests/benchmarks/notebooks.py
	$(PY) tests/benchmarks/memory.py
	$(PY) tests/benchmarks/readme.py

bench-training: ready
	$(PY) tests/benchmarks/training.py
	$(PY) tests/benchmarks/readme.py

bench-panels: ready
	PYTHONPATH="$$PYTHONPATH:tests:tests/browser" $(PY) tests/benchmarks/panels.py
	PYTHONPATH="$$PYTHONPATH:tests:tests/browser" $(PY) tests/benchmarks/distance.py
	$(PY) tests/benchmarks/readme.py

cifar: ready
	$(PY) -m helpers.studies.recipe $(RECIPE)

study: ready
	$(PY) -m helpers.studies.depths $(STUDY_DATA) $(STUDY)

clean:
	! test -e "$$VENV/pyvenv.cfg" || rm -rf "$$VENV"
