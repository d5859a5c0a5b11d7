# opsflow: build, run, test, deploy. `make help` says what each target does.

SHELL       := /bin/sh
GO          ?= go
TOOLS       := $(CURDIR)/.tools
VENV        := $(TOOLS)/venv
NODE        := $(TOOLS)/node
export PATH := $(TOOLS)/bin:$(VENV)/bin:$(NODE)/node_modules/.bin:$(PATH)

# Versions of everything that is not in go.mod.
GOLANGCI    := v2.15.0
GOFUMPT     := v0.12.0
SAM         := 1.170.0
CFNLINT     := 1.58.0
BOTO3       := 1.43.108
ASLVALIDATE := 4.0.0
DYNAMODB    := 2.9.30

# The SAM CLI reports nothing to anybody, and no check needs an AWS account.
export SAM_CLI_TELEMETRY      := 0
export AWS_DEFAULT_REGION     ?= us-east-1

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- Go only -------------------------------------------------------------------------------------------------------

.PHONY: run
run: build ## Build opsflow and run all of it on this machine (needs Go, nothing else)
	@.bin/opsflow dev

.PHONY: build
build: ## Build the command line with the local runtime into .bin
	@$(GO) build -trimpath -o .bin/opsflow ./shared/cmd/opsflow

.PHONY: generate
generate: ## Write the state machines again from the built-in templates
	$(GO) run ./shared/workflow/generate

.PHONY: permissions
permissions: ## Write again who may do what, with the stories that need it
	$(GO) test ./shared/local -run TestEveryPermissionIsUsedByAStory -update-permissions

.PHONY: bench
bench: ## Run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

SEEDS ?= 100

.PHONY: simulate
simulate: ## Simulate days of faults, by seeds 1 to SEEDS=100, or by SEED=n alone
	$(GO) test -count=1 -timeout 2h -run TestADayOfFaults -v ./shared/local -seeds=$(SEEDS) $(if $(SEED),-seed=$(SEED))

KILLS ?= 1000

.PHONY: kill
kill: ## Kill a running opsflow under load KILLS=1000 times, and check what is left
	$(GO) test -count=1 -timeout 2h -run TestEverythingAccepted -v ./shared/local -kills=$(KILLS) $(if $(SEED),-seed=$(SEED))

FUZZTIME ?= 60s

.PHONY: fuzz
fuzz: ## Fuzz each parser and decoder for a minute (FUZZTIME=60s)
	@grep -rl '^func Fuzz' --include='*_test.go' shared | while read -r file; do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\)(.*/\1/p' "$$file"); do \
			$(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" || exit 1; \
		done; \
	done

.PHONY: clean
clean: ## Remove what was built (.tools and .opsflow stay)
	rm -rf .bin .aws-sam

.PHONY: screenshots
screenshots: tools ## Play the tour, and write a picture of each page of the console into .screenshots
	@mkdir -p .screenshots
	$(GO) test -count=1 -timeout 300s -run TestEveryPageFits ./shared/httpapi/console -screenshots=$(CURDIR)/.screenshots

# --- Checks --------------------------------------------------------------------------------------------------------

# Each check runs even if an earlier one failed, so that one run shows everything; the tests come last.
CHECKS := vet lint template machines sam-build unit

.PHONY: test
test: tools ## Check everything: vet, lint, template, state machines, sam build, tests
	@failed=; for check in $(CHECKS); do \
		if [ $$check = unit ] && [ -n "$$failed" ]; then echo "failed before the tests:$$failed"; fi; \
		$(MAKE) --no-print-directory $$check || failed="$$failed $$check"; \
	done; [ -z "$$failed" ]

.PHONY: vet
vet:
	$(GO) vet ./...

.PHONY: lint
lint: tools ## Lint and check the formatting
	golangci-lint run ./...

.PHONY: template
template:
	cfn-lint template.yaml
	sam validate # transforms it, as a deploy does: --lint alone does not
	sam validate --lint

.PHONY: machines
machines:
	@mkdir -p .bin && $(GO) run ./shared/cmd/opsflow templates compile shared/workflow/testdata/templates/everything.json > .bin/everything.asl.json
	@for f in statemachines/*.asl.json .bin/everything.asl.json; do \
		[ -e "$$f" ] || continue; asl-validator --json-path "$$f" || exit 1; \
	done

.PHONY: sam-build
sam-build: tools ## Build the functions for AWS (arm64) into .aws-sam
	sam build

.PHONY: unit
unit:
	$(GO) test $(TESTFLAGS) ./...

# --- The functions, as `sam build` asks for them: build-<logical id> ---------------------------------------------------

build-MatchBookings build-MatchPayments build-MatchServices build-MatchVendors build-MatchOthers: FUNCTION = match-rules
build-RunSteps: FUNCTION = run-steps
build-OpenTask: FUNCTION = open-task
build-RecordOutcome: FUNCTION = record-outcome
build-SweepDue: FUNCTION = sweep-due
build-ProcessBulk: FUNCTION = process-bulk
build-DeliverNotification: FUNCTION = deliver-notification
build-ScoreVendor: FUNCTION = score-vendor
build-KeepUndelivered: FUNCTION = keep-undelivered
build-Api: FUNCTION = api

# Rules count by the day of a time zone, and deadlines by the hours of business in one. Lambda's image need not hold the
# zones: every function carries them.
# AWS's endpoints are spoken to in HTTP/1.1: the other one would be dead weight in each cold start.
TAGS := lambda.norpc,timetzdata,nethttpomithttp2

build-%:
	$(if $(FUNCTION),,$(error no function is called $*))
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -tags $(TAGS) -ldflags "-s -w" \
		-o "$(ARTIFACTS_DIR)/bootstrap" ./functions/$(FUNCTION)

# --- Tools ---------------------------------------------------------------------------------------------------------

# Every tool has a stamp that carries its version: nothing is done again until a version above changes.
STAMPS := $(TOOLS)/golangci-lint-$(GOLANGCI) $(TOOLS)/gofumpt-$(GOFUMPT) $(TOOLS)/python-$(SAM)-$(CFNLINT)-$(BOTO3) \
	$(TOOLS)/asl-validator-$(ASLVALIDATE) $(TOOLS)/dynamodb-local-$(DYNAMODB)

.PHONY: tools
tools: $(STAMPS) ## Install what the checks need into .tools
	@.ci/need java
	@.ci/need chromium

$(TOOLS)/golangci-lint-$(GOLANGCI):
	GOBIN=$(TOOLS)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	@touch $@

$(TOOLS)/gofumpt-$(GOFUMPT):
	GOBIN=$(TOOLS)/bin $(GO) install mvdan.cc/gofumpt@$(GOFUMPT)
	@touch $@

$(TOOLS)/python-$(SAM)-$(CFNLINT)-$(BOTO3):
	@.ci/need python3
	rm -rf $(VENV)
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check \
		aws-sam-cli==$(SAM) cfn-lint==$(CFNLINT) boto3==$(BOTO3)
	@touch $@

$(TOOLS)/asl-validator-$(ASLVALIDATE):
	@.ci/need npm
	@mkdir -p $(NODE)
	npm install --prefix $(NODE) --silent --no-save --no-audit --no-fund asl-validator@$(ASLVALIDATE)
	@touch $@

# DynamoDB Local itself, as it ships inside a package of AWS Amplify.
$(TOOLS)/dynamodb-local-$(DYNAMODB):
	@.ci/need npm
	@mkdir -p $(TOOLS)/unpack
	cd $(TOOLS)/unpack && npm pack --silent amplify-dynamodb-simulator@$(DYNAMODB) && tar -xzf *.tgz package/emulator
	rm -rf $(TOOLS)/dynamodb-local
	mv $(TOOLS)/unpack/package/emulator $(TOOLS)/dynamodb-local
	rm -rf $(TOOLS)/unpack
	@touch $@
