.DEFAULT_GOAL := help
# Any Python from 3.11 on: make demo PYTHON3=python3.12
PYTHON3 ?= python3
UV_VERSION = $(shell sed -n 's/.*"uv==\([0-9.]*\)".*/\1/p' pyproject.toml)
RUN = .venv/bin/python
SAM = .venv-sam/bin/sam

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

.PHONY: test
test: check ## Everything that must pass: check, then the tests on moto and on the local AWS
	$(RUN) -m pytest --numprocesses=auto --cov --cov-report=term

.PHONY: publish
publish: install ## Publish a version: make publish PREFIX=acme-launch REGIONS="eu-west-1 us-east-1"
	@$(RUN) -m publish --prefix "$(PREFIX)" --regions $(REGIONS) $(OPTIONS)

.PHONY: verify
verify: install ## Fetch everything that was published last, and compare
	@$(RUN) -m publish.verify

.PHONY: screenshot
screenshot: install ## Take docs/launch-page.png again
	@$(RUN) -m docs.build.screenshot

.PHONY: check
check: install .venv-audit/installed ## Format, lint, types, templates, dependencies and unsafe constructs
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/cfn-lint template.yaml publish/bucket.yaml examples/*.yaml
	$(SAM) validate --lint --template template.yaml
	for example in examples/*.yaml; do $(SAM) validate --lint --template $$example || exit 1; done
	.venv/bin/uv pip check --python .venv
	.venv-audit/bin/bandit --quiet --recursive src
	.venv-audit/bin/checkov --framework cloudformation --file template.yaml --compact --quiet --skip-download

.PHONY: fix
fix: install ## Format, and mend what lint can mend
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

.PHONY: docs
docs: install ## Write the tables of docs/policies.md and docs/security.md again
	$(RUN) -m docs.build.policy_reference
	$(RUN) -m docs.build.security_reference

.PHONY: lock
lock: install ## Lock the versions again after pyproject.toml has changed
	.venv/bin/uv lock
	.venv/bin/uv export --quiet --frozen --no-default-groups --no-annotate --no-header \
		--format requirements-txt --output-file src/requirements.txt

.PHONY: clean
clean: ## Remove what the other targets have made
	rm -rf .venv .venv-* .aws-sam .coverage .hypothesis .*_cache
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: install
install: .venv/installed .venv-sam/installed ## Set up .venv and .venv-sam

.venv/installed: pyproject.toml uv.lock
	@echo "Setting up .venv and .venv-sam, once; this takes a minute or two."
	@$(PYTHON3) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@.venv/bin/uv sync --quiet --frozen
	@touch $@

.venv-audit/installed: .venv/installed
	@UV_PROJECT_ENVIRONMENT=.venv-audit .venv/bin/uv sync --quiet --frozen --only-group audit
	@touch $@

.venv-sam/installed: .venv/installed
	@UV_PROJECT_ENVIRONMENT=.venv-sam .venv/bin/uv sync --quiet --frozen --only-group sam
	@touch $@
