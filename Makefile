# Everything is set up in .venv, from python3 and make alone.
PYTHON ?= python3
VENV := .venv
# Modules are compiled when they are first imported, since most of what is installed never is. Python
# must be free to write bytecode for that, whatever the environment says, as in many containers.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(VENV)/bin/pip --disable-pip-version-check --quiet install --no-compile --constraint constraints.txt

.PHONY: demo test quick quick-tests check docs format clean compile compile-mathematics compile-clients

demo: $(VENV)/ready
	$(VENV)/bin/tfgrpo demo

test: check
	$(VENV)/bin/pytest --numprocesses auto --dist loadfile

# Without the tests that need a process, a server, a browser or attacks.
quick: $(VENV)/ready-dev
	$(MAKE) --jobs 2 --output-sync check quick-tests

quick-tests: $(VENV)/ready-dev
	$(VENV)/bin/pytest --quick --numprocesses auto --dist loadfile

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
	$(MAKE) --no-print-directory --jobs 2 compile
	touch $@

# Sandboxes may not write bytecode, and the demo does not import all that real models need.
compile: compile-mathematics compile-clients

compile-mathematics:
	$(VENV)/bin/python tools/python_sandbox/forkserver/mathematics.py
	$(VENV)/bin/python -c 'import latex2sympy2_extended.latex2sympy2'

compile-clients:
	$(VENV)/bin/python -c 'import langchain_openai, langchain.chat_models, genai_prices'
	$(VENV)/bin/python -c 'import trafilatura, pypdf'

$(VENV)/ready-dev: $(VENV)/ready
	$(PIP) --editable '.[dev]'
	touch $@
