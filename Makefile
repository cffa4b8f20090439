# Lockmate: the commands of the project. `make help` prints this list, from the comments after `##`.

SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
TARGET ?= sim

.PHONY: help setup run test smoke bench faults lint hil lock

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)$$/\1\t\2/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-8s %s\n' "$$name" "$$text"; done

setup: ## Bring in all that is needed (Debian 12 or 13; as root installs Debian packages, else says which)
	@if command -v python3 >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ]; then apt-get -q update && apt-get -q install --no-install-recommends -y python3 python3-venv; \
	else echo 'Python is missing. Please run: sudo apt-get install --no-install-recommends -y python3 python3-venv'; exit 1; fi
	@python3 -m tools.setup

run: setup ## Run a demo hotel with doors to open; FRESH=1 starts anew
	@$(BIN)/lockmate demo $(if $(FRESH),--fresh)

test: setup ## Run all tests, three at a time; prints the seconds of each layer
	@$(PYTEST) -q -n 3 --dist worksteal $(ARGS)

smoke: setup ## Walk through every journey on real parts, headless, in about half a minute
	@$(BIN)/python -m tools.smoke

bench: setup ## Measure; writes build/bench.json (ONLY=verify|gate|door|mint|ingest|rotate|fleet|pages for a part)
	@$(BIN)/python -m tools.bench $(if $(ONLY),--only $(ONLY))

faults: setup ## Break things on purpose (ONLY=flash|network|clock|processes|signatures|truth|installer for a part)
	@$(BIN)/python -m tools.faults $(if $(ONLY),--only $(ONLY))

lint: setup ## Check style, types, the house's arrows and the tree itself
	@$(BIN)/python -m tools.checks

hil: setup ## Test a door in the loop (TARGET=sim, or serial:/dev/ttyUSB0 with JIG=PORT and PINS=NAME)
	@$(PYTEST) -q hil_tests --target $(TARGET) $(if $(JIG),--jig $(JIG)) $(if $(PINS),--pins $(PINS))

lock: setup ## Compile requirements/*.lock anew from setup.cfg
	@$(BIN)/python -m tools.checks.lock
