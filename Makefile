# archivecolor: what to type.
#
#   make demo     colour a small archive made of scikit-image's pictures, and draw a before/after sheet
#   make test     run the tests
#   make check    linters, types and floors: what has to pass before a commit
#   make faults   the whole fault suite, a quarter of an hour: kills, full disks, mutated files, attacks, a real cron
#   make install-test   build wheel and sdist, use the wheel in an environment without torch (needs the package index)
#   make coverage   branch coverage of the tests by room; nothing under 80 % without a sentence why
#   make bench    the benchmarks behind README's numbers
#   make graph    the ONNX graph of the package anew, after a change of the default network
#   make venv     only install: .venv with everything, ffmpeg and exiftool where they are missing

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
# The version that tests and weights were made with; its CPU build serves.
TORCH := torch==2.13.0
PACKAGES := python3-venv ffmpeg libimage-exiftool-perl

.PHONY: help venv demo test coverage check faults bench graph install-test

help:
	@sed -n 's/^#   //p' Makefile

venv: .venv/ready

.venv/ready: pyproject.toml Makefile
	@bash .ci/system-packages $(PACKAGES)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet '$(TORCH)'
	$(BIN)/python -m pip install --quiet --editable '.[dev,all]'
	touch $@

demo: .venv/ready
	$(BIN)/python examples/demo_archive.py demo/in
	@# 3: some items failed, as the broken file of the demo must.
	$(BIN)/archivecolor dir demo/in demo/out --sheet demo/before-after.png || test $$? -eq 3
	$(BIN)/python examples/manifest_table.py demo/out

test: .venv/ready
	$(BIN)/python -m pytest -n 2 -m 'not fault and not install'

coverage: .venv/ready
	$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest -n 2 -m 'not fault and not install' --cov --cov-report=
	$(BIN)/python -m coverage json --quiet -o coverage.json
	$(BIN)/python tests/coverage_by_room.py coverage.json

install-test: .venv/ready
	$(BIN)/python -m pytest -m install tests/install

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
