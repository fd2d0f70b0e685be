# The commands of the house. `make demo` and `make test` do everything on a fresh Debian 12 machine.
PYTHON := /usr/bin/python3
JOBS ?= $(shell nproc)

# Read by the demo (DATA, MAP, ARGS) and the benchmarks (ONLY, FULL, PEERS).
export DATA MAP ARGS ONLY FULL PEERS

.PHONY: setup build demo test test-all bench format clean

build: setup
	@test -f build/release/build.ninja || cmake --preset release
	@cmake --build build/release -j $(JOBS)

setup:
	@tools/setup.sh

demo: build
	@tools/demo.sh

test: setup
	@$(PYTHON) tools/run_tests.py --jobs $(JOBS)

test-all:
	@tools/setup.sh clang-19
	@$(PYTHON) tools/run_tests.py --jobs $(JOBS) --all

bench: build
	@$(PYTHON) tools/bench.py

format:
	@tools/setup.sh clang-format-19
	@git ls-files '*.cpp' '*.hpp' '*.h' '*.c' | xargs clang-format-19 -i

clean:
	rm -rf build
