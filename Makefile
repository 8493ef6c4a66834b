# Two commands do all the set-up: `make run` and `make test`. PYTHON may name another interpreter, 3.11 or newer.
PYTHON ?= python3
VENV   ?= .venv
ROOT   ?= out
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
EXAMPLES := examples/txt examples/page.html examples/articles.jsonl examples/feed.xml

# What the other engines need: Beam's portable runner, of the version of Beam that is pinned, and an environment for
# workers into which nothing but the built source distribution is installed.
ENGINES := .engines
BEAM    := $(shell sed -n 's|^apache-beam==||p' constraints.txt)

.PHONY: run test check format lint types docs engines engines-test clean
.DELETE_ON_ERROR:

run: $(VENV)/.installed
	$(BIN)/knipsel run $(EXAMPLES) --root $(ROOT)
	$(BIN)/knipsel show --root $(ROOT)
	$(BIN)/knipsel explain examples/txt/haven.txt

test: $(VENV)/.tested
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m "not paced" --ignore tests/engines
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

engines: $(ENGINES)/bin/prism $(ENGINES)/worker/.installed

# With what is there of them; a skip names what is missing.
engines-test: $(VENV)/.tested
	$(BIN)/python -m pytest tests/engines -rs

clean:
	rm -rf $(VENV) $(ENGINES) $(ROOT) site build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

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

$(ENGINES)/bin/prism: constraints.txt
	@go version >/dev/null || { echo "Prism is built from source: install Go 1.25 or newer, https://go.dev/dl" >&2; exit 1; }
	GOBIN=$(CURDIR)/$(ENGINES)/bin go install github.com/apache/beam/sdks/v2/go/cmd/prism@v$(BEAM)
	@touch $@

$(ENGINES)/worker/.installed: setup.py constraints.txt $(VENV)/.tested
	rm -rf $(ENGINES)/dist $(ENGINES)/worker
	$(PIP) install -c constraints.txt -e '.[engines]'
	$(BIN)/python -m build --sdist --outdir $(ENGINES)/dist .
	$(PYTHON) -m venv $(ENGINES)/worker
	$(ENGINES)/worker/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt $(ENGINES)/dist/*.tar.gz
	@touch $@
