# Two commands suffice: `make run` (the hotline) and `make test` (every check and test).
# No root is needed; as root, missing Debian packages are installed, else they are unpacked below .venv.

.POSIX:
.PHONY: help setup run test lint corpus demo bench bench-recorded drill faults fuzz lock clean

BIN = .venv/bin

help:
	@echo 'make setup   everything the hotline needs, into .venv'
	@echo 'make run     set up and run the hotline in the foreground; Ctrl-C stops it'
	@echo 'make test    set up, check and test everything, real calls included'
	@echo 'make corpus  tell the call stories alone and print what was expected and what was got'
	@echo 'make demo    play a quarter of an hour of calls to the running hotline'
	@echo 'make lint    ruff, mypy, import contracts'
	@echo 'make bench   the figures in benchmarks/'
	@echo 'make bench-recorded  of these, what a recorded call costs; 20 minutes'
	@echo 'make drill   break everything under load for an hour and print what became of the calls'
	@echo 'make faults  calls with injected faults, 1,000 real and 100,000 simulated: is every fault found, none invented?'
	@echo 'make fuzz    ten minutes of fuzzing a part: tracker, journal reader, AMI codec'
	@echo 'make lock    choose dependencies anew and write requirements.lock'
	@echo 'make clean   remove .venv and caches; never var/ or recordings/'

setup:
	@sh src/callcenter/local/setup.sh

run:
	@sh src/callcenter/local/setup.sh
	@exec $(BIN)/callcenter run

test: lint
	@$(BIN)/callcenter setup --tests
	@$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder --durations=15

lint:
	@sh src/callcenter/local/setup.sh
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

corpus:
	@sh src/callcenter/local/setup.sh
	@$(BIN)/callcenter setup --tests
	@$(BIN)/python -m tests.acceptance.corpus

demo:
	@sh src/callcenter/local/setup.sh
	@exec $(BIN)/callcenter demo

bench:
	@sh src/callcenter/local/setup.sh
	@$(BIN)/callcenter setup --tests
	@for figure in benchmarks/*.py; do echo "== $$figure"; $(BIN)/python "$$figure" || exit 1; done

bench-recorded:
	@sh src/callcenter/local/setup.sh
	@$(BIN)/callcenter setup --tests
	@exec $(BIN)/python benchmarks/cpu_per_recorded_call.py

drill:
	@sh src/callcenter/local/setup.sh
	@$(BIN)/callcenter setup --tests
	@exec $(BIN)/python -m tests.drills

faults:
	@sh src/callcenter/local/setup.sh
	@$(BIN)/callcenter setup --tests
	@$(BIN)/python -m tests.faulty --real 1000
	@nice $(BIN)/python -m tests.faulty --calls 100000

fuzz:
	@sh src/callcenter/local/setup.sh
	@for part in tracker journal_lines follower ami_codec; do \
		echo "== $$part"; nice $(BIN)/python -m tests.fuzz $$part --minutes 10 || exit 1; done

lock:
	@sh src/callcenter/local/setup.sh
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
		--extra dev --extra local --python-version 3.11 pyproject.toml --output-file requirements.lock
	@! grep -n '://' requirements.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
