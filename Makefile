# Two commands do all the set-up: `make run` and `make test`. PYTHON may name another interpreter, 3.11 or newer.
PYTHON ?= python3
VENV   ?= .venv
ROOT   ?= out
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
EXAMPLES := examples/txt examples/page.html examples/articles.jsonl examples/feed.xml

.PHONY: run test check format lint types docs clean
.DELETE_ON_ERROR:

run: $(VENV)/.installed
	$(BIN)/knipsel run $(EXAMPLES) --root $(ROOT)
	$(BIN)/knipsel show --root $(ROOT)
	$(BIN)/knipsel explain examples/txt/haven.txt

test: $(VENV)/.tested
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile -m "not paced"
	$(BIN)/python -m pytest -m paced

check: $(VENV)/.checked format lint types docs test

format: $(VENV)/.checked
	$(BIN)/ruff format --check .

lint: $(VENV)/.checked
	$(BIN)/ruff check .

types: $(VENV)/.checked
	$(BIN)/mypy

# The site, in site/; a link that leads nowhere is an error.
docs: $(VENV)/.checked
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --nitpicky --quiet docs site

clean:
	rm -rf $(VENV) $(ROOT) site build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Knipsel needs Python 3.11 or newer; name one with PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade -c constraints.txt pip

$(VENV)/.installed: setup.py constraints.txt $(BIN)/python
	@echo "installing Knipsel and its libraries into $(VENV) (once, about a minute)"
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.tested: setup.py constraints.txt $(VENV)/.installed
	$(PIP) install -c constraints.txt -e '.[test]'
	@touch $@

$(VENV)/.checked: setup.py constraints.txt $(VENV)/.tested
	$(PIP) install -c constraints.txt -e '.[test,check,docs]'
	@touch $@
