# `make demo` runs the main job on a real head; `make test` runs every test. Both make .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A file for each extra that is installed. What the tests need holds what the demonstration needs.
DEMO := $(VENV)/.installed-demo
TEST := $(VENV)/.installed-test
SCAN ?=
ONLY ?=
INDEX ?=
KEEP ?=

# The folders of tests, side by side. Those with Qt run in a process of their own: its bindings choke on modules that torch has put into theirs.
ENGINE := Testing/engine
WITH_QT := Testing/gui Testing/mrml Testing/standin
PACKAGED := Testing/packaging Testing/packages

export QT_QPA_PLATFORM ?= offscreen
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Several sets of tests share the cores: their threads sleep soon, as in `mrisr` (see compute/threads.py).
export GOMP_SPINCOUNT ?= 10000

.PHONY: demo test coverage fuzz bench lint screenshots docs publishable clean

demo: $(DEMO)
	$(BIN)/python Testing/demo.py $(if $(SCAN),"$(SCAN)")

test: $(TEST)
	$(BIN)/python Testing/side_by_side.py "$(ENGINE)" "$(WITH_QT)" "$(PACKAGED)"

coverage: $(TEST)
	$(BIN)/python -m pytest Testing/engine --cov
	$(BIN)/python -m coverage report

fuzz: $(TEST)
	$(BIN)/python -m engine.fuzz 5000

bench: $(TEST)
	$(BIN)/python -m benchmarks $(ONLY)

lint: $(TEST)
	$(BIN)/python -m pip install --quiet --constraint Testing/constraints.txt --editable '.[lint]'
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

screenshots: $(TEST)
	$(BIN)/python Testing/screenshots.py
	$(BIN)/python Testing/frontispiece.py
	$(BIN)/python Testing/rims.py
	$(BIN)/python Testing/fused_prostate.py

# The theme announces its successor with each build unless told not to.
docs: export NO_MKDOCS_2_WARNING = 1
docs: $(VENV)/.installed-docs
	$(BIN)/python -m mkdocs build --strict
	@echo "Open build/docs/index.html"

# INDEX: a checkout of Slicer/ExtensionsIndex, whose own checks run, too; KEEP: a new folder for what is to be pushed.
publishable:
	$(PYTHON) Testing/publishable.py $(if $(INDEX),--index "$(INDEX)") $(if $(KEEP),--keep "$(KEEP)")

bench fuzz: export PYTHONPATH = Testing:MRISuperResolution

$(VENV)/.installed-%: pyproject.toml Testing/constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint Testing/constraints.txt --editable '.[$*]'
	touch $@ $(if $(filter test,$*),$(DEMO))

clean:
	rm -rf $(VENV) out build dist
