# Shorthand for the ordinary go commands. `make` lists what there is.

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build ./exporter
	go build ./cmd/exporter

.PHONY: test
test: ## run the tests with the race detector
	go test -race ./...

.PHONY: vet
vet: ## vet, staticcheck and formatting
	gofmt -l .
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

.PHONY: demo
demo: ## three nights of a simulated tenant, reports in ./reports/demo
	go run ./cmd/exporter demo

.PHONY: bench
bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: ci
ci: ## all that has to hold before a change is merged
	.ci/run
