# make demo · make test · make docs · make bench · make lint · make coverage: each sets up a private environment first.
PYTHON ?= python3
# Test processes; `make test JOBS=1` for one. `worksteal` keeps the tests of a file together: its fixtures are made once.
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
# Tests write many small files and flush them to disk, which takes a fifth of their time: in memory, where it has 2 GB.
TEST_TMPDIR ?= $(shell test -w /dev/shm && df -Pk /dev/shm | awk 'NR == 2 && $$4 > 2097152 { print "/dev/shm" }')
IN_MEMORY := $(if $(TEST_TMPDIR),TMPDIR=$(TEST_TMPDIR))
# Bytecode is kept, whatever the environment says: else every process that a test starts compiles the project again.
PYTEST := $(IN_MEMORY) PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist worksteal
INSTALLED := $(VENV)/.installed
DOCS_INSTALLED := $(VENV)/.installed-docs
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint coverage docs bench clean

demo: $(INSTALLED)
	@$(BIN)/cli demo

test: lint
	@$(PYTEST)

coverage: $(INSTALLED)
	@$(PYTEST) --cov --cov-report=term --cov-report=html

# not --quiet: --strict does not count the warnings that --quiet hides
docs: $(DOCS_INSTALLED)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --clean
	@echo "open site/index.html"

bench: $(INSTALLED)
	@$(BIN)/python -m benchmarks.speed

lint: $(INSTALLED)
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary

$(INSTALLED): setup.cfg pyproject.toml constraints.txt
	@echo "setting up $(VENV) (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) -e '.[egemaps,handmade,audformat,parquet,video,demo,asr,lora,tensorboard,dask,test,dev]'
	@touch $@

$(DOCS_INSTALLED): $(INSTALLED)
	@$(PIP) -e '.[docs]'
	@touch $@

clean:
	@rm -rf $(VENV) build site htmlcov .coverage* *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
