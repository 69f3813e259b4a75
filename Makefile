# Everything is set up in .venv, from python3 and make alone.
PYTHON ?= python3
VENV := .venv
# Modules compile when they are first imported: most of what is installed never is.
PIP := $(VENV)/bin/pip --disable-pip-version-check --quiet install --no-compile --constraint constraints.txt

.PHONY: demo test check docs format clean

demo: $(VENV)/ready
	$(VENV)/bin/tfgrpo demo

test: check
	$(VENV)/bin/pytest --numprocesses auto --dist loadfile

check: $(VENV)/ready-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(VENV)/ready-dev
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict

format: $(VENV)/ready-dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/ready-dev: $(VENV)/ready
	$(PIP) --editable '.[dev]'
	touch $@
