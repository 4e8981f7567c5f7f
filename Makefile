# Everything a developer types. `make demo` and `make test` need only Python 3.11 and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PARALLEL := -n $(WORKERS) --maxprocesses 8 --dist loadfile

.PHONY: setup demo test coverage slow evidence check format golden docs site links sample up secrets lock digests

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@echo "Installing torch and the rest: some minutes and 6 GB, once."
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $(READY)

demo: $(READY)
	$(BIN)/ablate demo

# All that takes seconds, one process more than there are cores: WORKERS=4 for another number. `make slow` has the rest.
# What starts Ray comes after the others, alone: its cluster counts on all processors. COVERAGE=1 carries the unit and
# property tests out as `make coverage` does, once for both.
test: $(READY)
	@status=0; \
	$(if $(COVERAGE),$(MAKE) --no-print-directory coverage || status=1;) \
	$(BIN)/python -m pytest -m "not slow and not serial" $(PARALLEL) \
		$(if $(COVERAGE),--ignore=tests/unit --ignore=tests/property) || status=1; \
	$(BIN)/python -m pytest -m "not slow and serial" || status=1; \
	exit $$status

# Lines and branches that the unit and property tests run, against the floors of .ci/coverage_floors.py.
# In a fixed order and with fixed examples: a floor that chance can break holds nobody to anything.
coverage: $(READY)
	$(BIN)/python -m pytest -m "not slow" -p no:randomly --hypothesis-seed=0 --cov --cov-report=json $(PARALLEL) \
		tests/unit tests/property
	$(BIN)/python .ci/coverage_floors.py coverage.json

slow: $(READY)
	$(BIN)/python -m pytest -m slow

# Calibration, the sweeps of the fault matrix (FAULT_SHARE=0.1: a seeded tenth of them), searches in PostgreSQL, a
# team's MLflow server, a work folder of an older version, verdicts in an environment without torch, and a newcomer's
# walk through README. Of the studies not the small version that takes minutes; `make slow` has it.
evidence: $(READY)
	$(BIN)/python -m pytest -m slow $(PARALLEL) tests/calibration tests/integration/test_fault_matrix.py \
		tests/integration/test_search_storages.py tests/integration/test_team_server.py \
		tests/integration/test_older_work_folder.py tests/integration/test_verdicts_without_torch.py \
		tests/e2e/test_walk.py tests/e2e/test_studies.py tests/docs/test_pages.py \
		--deselect tests/e2e/test_studies.py::test_a_small_version_is_trained_on_a_stand_in_and_says_so_first

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy -p ablate
	$(BIN)/codespell --dictionary - --dictionary .ci/house_words.txt .

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Write the golden files again; review the diff like code.
golden: $(READY)
	$(BIN)/python -m tests.golden.regenerate
	$(BIN)/python -m tests.golden.regenerate_study

docs: $(READY)
	$(BIN)/python -m tests.docs.generate

# The documentation as a site, in build/site; every warning is an error.
site: $(READY)
	$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site

# Do other people's pages answer? Needs a network; what is wrong is listed in build/links/output.txt.
links: $(READY)
	$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/python -m sphinx -q -b linkcheck -D nb_execution_mode=off docs build/links

# The quick start's report, as the repository shows it.
sample: $(READY)
	work=$$(mktemp -d) && $(BIN)/ablate demo --work "$$work" && rm -rf reports/sample \
		&& cp -r "$$work/reports/quickstart" reports/sample && rm -rf "$$work"

up:
	docker compose up --build --detach --wait

# What the team's server needs of random secrets, into .env.
secrets:
	sh docker/secrets.sh

# What a developer and the MLflow image install, by hash, in the versions of constraints.txt.
lock: $(READY)
	$(BIN)/python .ci/lock.py

# Pin the images of docker-compose.yml by digest, in .env.
digests:
	sh docker/digests.sh
