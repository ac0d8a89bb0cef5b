# `make demo` serves the demo; `make test` runs the tests, `make test-examples` those that download bundlers. All install what they miss
# (scripts/bootstrap.sh).
# MIRRORGAN_CACHE=DIR keeps the builds outside the checkout, as continuous integration does.

SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help demo pkg test lint test-native test-web test-demo test-examples bench fuzz fmt

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: ## Serve the demo from pkg/ and models/; rebuild pkg/ first when the sources are newer
	@scripts/demo.sh

pkg: ## Build the npm package into pkg/
	@scripts/build-pkg.sh

test: ## Run every test but those of test-examples
	@scripts/test.sh lint native web demo

lint: ## Check formatting, lints, that pkg/ is of these sources, and the types of the JavaScript
	@scripts/test.sh lint

test-native: ## Run the native tests
	@scripts/test.sh native

test-web: ## Run the wasm tests in headless Chromium
	@scripts/test.sh web

test-demo: ## Run the demo in headless Chromium and compare it with the command line
	@scripts/test.sh demo

test-examples: ## Build the package into projects of every bundler and framework, which are downloaded, and draw with them
	@scripts/test.sh examples

bench: ## Compare with onnxruntime-web in the same browser
	@benches/web/run.sh

fuzz: ## Run each fuzz target, or those of TARGETS, for SECONDS (60) or RUNS
	@scripts/fuzz.sh $(or $(SECONDS),$(if $(RUNS),-,60)) $(or $(RUNS),-) $(TARGETS)

fmt: ## Format the Rust sources
	@cargo fmt
