# What a person, the README and the machine that checks changes all call. `make` lists it.

.DEFAULT_GOAL := help
.PHONY: help run demo test check openapi bench deny tools

CARGO ?= cargo
DENY := target/tools/bin/cargo-deny

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: tools ## serve the demo collection, or what ARGS says (make run ARGS="--collections ~/mine")
	$(CARGO) run --release --locked -p larder-cli -- serve $(or $(ARGS),--demo)

demo: ## serve the demo collection
	@$(MAKE) --no-print-directory run ARGS=--demo

test: tools ## run every test, with a PostgreSQL and a Prometheus of their own
	@tests/need git git
	tests/with-prometheus tests/with-postgres tests/all

check: tools ## check the format, the lints, the documentation and the dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked
	$(CARGO) test --quiet --locked -p larder-http --test spec
	@! $(CARGO) tree --locked -p larder-cli -e normal --prefix none | grep '^fail v' || \
		{ echo "the binary must not be built with fail points" >&2; exit 1; }
	@$(MAKE) --no-print-directory deny

# `advisories` asks the network for a database; the others need nothing but this directory.
deny: tools ## check the dependencies against deny.toml
	@command -v cargo-deny >/dev/null || [ -x $(DENY) ] || \
		$(CARGO) install cargo-deny --locked --version 0.20.2 --root target/tools
	PATH="$$PATH:$(CURDIR)/target/tools/bin" $(CARGO) deny --workspace --locked check bans licenses sources

openapi: tools ## write openapi/larder.json anew
	@mkdir -p target openapi
	$(CARGO) run --quiet --locked -p larder-cli -- openapi > target/larder.json
	mv target/larder.json openapi/larder.json

bench: tools ## measure the release binary, with a PostgreSQL of its own
	$(CARGO) build --release --locked -p larder-cli
	tests/with-postgres $(CARGO) bench --locked -p larder-tests --bench service
	LARDER_TEST_SAVES=1000 tests/with-postgres $(CARGO) test --locked -p larder-tests --test it a_save_that_truncates

# SQLite is compiled from C.
tools:
	@tests/need cc gcc libc6-dev
	@command -v $(CARGO) >/dev/null || \
		{ echo "cargo is missing: install Rust 1.95 or newer (https://rustup.rs)" >&2; exit 2; }
