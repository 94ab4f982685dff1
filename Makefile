# make install   .venv with everything, pinned by constraints.txt
# make run       the main job: four runs on digits, one figure, one table; then Alice teaches Bob to push a puck
# make test      lint, types, layers and the whole test suite
# make bench     every benchmark suite
# make dist      builds wheel and sdist, with a compiler and without, and learns with each outside the checkout

PYTHON ?= python3
BIN := .venv/bin
# Also of what builds the kernels, which must be for the versions that run them. The second is the name from pip 25.3 on.
CONSTRAINED := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt

.PHONY: install run test bench dist
install: .venv/installed

.venv/installed: setup.py constraints.txt glns/native.cc glns/walk.h native/threads.h self_play/physics.cc $(wildcard glns/shared_density_native/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than 3.11; make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv
	$(CONSTRAINED) $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

run: install
	$(BIN)/python -m launch.sweep --config=experiments/configs/glns_digits.py --workdir=runs/glns_digits
	$(BIN)/python -m launch.sweep --config=experiments/configs/sgd_digits.py --workdir=runs/sgd_digits
	$(BIN)/python -m launch.plot runs/glns_digits/real runs/glns_digits/ideal runs/sgd_digits/real runs/sgd_digits/ideal --out=runs/figures
	$(BIN)/python -m launch.train --config=experiments/configs/self_play_puck.py:quick --workdir=runs/self_play_quick

test: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyrefly check
	$(BIN)/pytest

dist: install
	.ci/dist

bench: install
	$(BIN)/python -m launch.bench --suite=glns
	$(BIN)/python -m launch.bench --suite=bootstrap
	$(BIN)/python -m launch.bench --suite=blur
	$(BIN)/python -m launch.bench --suite=self_play
