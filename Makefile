# make install   .venv with everything, pinned by constraints.txt
# make run       the main job: the four papers in some minutes, runs/collage/collage.png and a table of their numbers
# make test      lint, types, layers and the whole test suite
# make bench     every benchmark suite but streams and tables, which set models beside others and want data sets
# make notebooks the tours of experiments/tours as executed notebooks: runs/notebooks
# make dist      builds wheel and sdist, with a compiler and without, and learns with each outside the checkout
# make versions  a part of the tests with the least versions that setup.py allows, and with the newest that there are

PYTHON ?= python3
BIN := .venv/bin
# Also of what builds the kernels, which must be for the versions that run them. The second is the name from pip 25.3 on.
CONSTRAINED := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt

.PHONY: install run test bench dist notebooks versions
install: .venv/installed

.venv/installed: setup.py constraints.txt glns/native.cc glns/neurons.h glns/walk.h self_play/physics.cc $(wildcard native/* glns/shared_density_native/* blur/unroll_native/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than 3.11; make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv
	$(CONSTRAINED) $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

run: install
	$(BIN)/python -m launch.sweep --config=experiments/configs/collage.py --workdir=runs/collage --parallel=2
	$(BIN)/python -m launch.collage runs/collage

test: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyrefly check
	$(BIN)/pytest

NOTEBOOKS := runs/notebooks
TOURS := $(filter-out $(if $(COLLAGE_DATA),,%/glns_density.py),$(wildcard experiments/tours/*.py)) # it needs data

notebooks: $(TOURS:experiments/tours/%.py=$(NOTEBOOKS)/%.ipynb)

$(NOTEBOOKS)/%.ipynb: experiments/tours/%.py | .venv/installed
	@mkdir -p $(@D)
	$(BIN)/jupytext --quiet --set-kernel python3 --execute --run-path $(@D) --output $@ $<

dist: install
	.ci/dist

versions: install
	.ci/versions

bench: install
	$(BIN)/python -m launch.bench --suite=glns
	$(BIN)/python -m launch.bench --suite=bootstrap
	$(BIN)/python -m launch.bench --suite=blur
	$(BIN)/python -m launch.bench --suite=self_play
	$(BIN)/python -m launch.bench --suite=scaling
