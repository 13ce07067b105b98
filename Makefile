# Every target sets up what it needs: Python 3.11+, make and git are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: install demo test check format bench docs screenshots matrices soak lock clean

# What a real installation needs, and nothing else: then .venv/bin/vibe doctor, .venv/bin/vibe up.
install: $(VENV)/.run-ready

demo: $(VENV)/.run-ready
	@$(BIN)/vibe demo $(ARGS)

test: $(VENV)/.dev-ready
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder --durations 12 $(ARGS)

check: $(VENV)/.dev-ready
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.support.definitions_load
	@$(BIN)/python -m tests.support.dependency_audit

format: $(VENV)/.dev-ready
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.dev-ready
	@$(BIN)/python -m tests.benchmarks $(ARGS)

# The documents as a site in site/: open site/index.html. A link that leads nowhere fails it.
docs: $(VENV)/.dev-ready
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet $(ARGS)

# The pictures in docs/pictures, taken anew from the running demo; needs Chromium on the PATH.
screenshots: $(VENV)/.dev-ready
	@$(BIN)/python -m tests.screenshots $(ARGS)

# Every crash in a whole installation, and every bad answer: an hour. ARGS="faults GET /search" plays some.
matrices: $(VENV)/.dev-ready
	@$(BIN)/python -m tests.matrices $(ARGS)

# Sixty nights of thirty people, with faults and kills: some hours. ARGS="--people 5 --within 240" for a piece.
# For two hundred people within a minute: python -m tests.matrices.load
soak: $(VENV)/.dev-ready
	@$(BIN)/python -W ignore -m tests.soak $(ARGS)

# Needs uv on the PATH. The locks name no index, so they install from whichever one pip is set up for.
lock:
	@for extra in demo,postgres,shared:requirements.lock dev:requirements-dev.lock; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	    --no-emit-index-url --no-annotate --no-header --constraint constraints.txt \
	    $$(printf -- ' --extra %s' $$(echo $${extra%%:*} | tr , ' ')) --output-file $${extra##*:} pyproject.toml build-requirements.in; \
	done

clean:
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Vibe needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11 $@"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages into $(VENV) (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $(1)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
endef

$(VENV)/.run-ready: requirements.lock pyproject.toml
	$(call install,requirements.lock)

$(VENV)/.dev-ready: requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock)
	@touch $(VENV)/.run-ready
