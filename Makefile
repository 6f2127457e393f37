# The recipes that CI calls, and developers with it. `make help` lists them.

CARGO ?= cargo
# Warnings are errors here and not in the sources: a newer compiler must not break older commits.
export RUSTFLAGS_CI := -D warnings

.PHONY: help demo test lint fmt clippy docs docs-data core e2e page bench ci

help: ## List the recipes
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: ## Build, start the real server on loopback and send it the built-in pods
	$(CARGO) run --release --locked -- demo

test: ## All tests that need nothing but a Rust toolchain
	$(CARGO) test --locked

lint: fmt clippy core docs ## Formatting, clippy, the pure core alone, documentation

fmt:
	$(CARGO) fmt --check

clippy:
	$(CARGO) clippy --locked --all-targets --features e2e -- $(RUSTFLAGS_CI)

docs-data: ## Write docs/matrix.md, docs/library.md and docs/profiles/ anew from policies/
	$(CARGO) build --locked
	mkdir -p docs/profiles
	rm -f docs/profiles/*.md
	target/debug/loadline matrix -o markdown > docs/matrix.md
	target/debug/loadline policy docs > docs/library.md
	for name in $$(target/debug/loadline profile list -o name); do \
		target/debug/loadline profile show $$name -o markdown > docs/profiles/$$name.md || exit 1; \
	done

core: ## The pure floors compile without the runtime
	$(CARGO) clippy --locked --lib --no-default-features -- $(RUSTFLAGS_CI)

docs: ## Documentation, private items too
	RUSTDOCFLAGS="$(RUSTFLAGS_CI)" $(CARGO) doc --locked --no-deps --document-private-items

e2e: ## End to end on a real control plane; needs Go
	$(CARGO) test --locked --features e2e --test e2e -- --nocapture

page: ## The page of `loadline matrix -o html` in headless Chromium; installs it where it is missing
	tests/page/setup.sh
	$(CARGO) test --locked --features e2e --test page

bench: ## Benchmarks of a decision
	$(CARGO) bench --locked

ci: test lint e2e page ## What CI runs
