# The words that people, hooks and CI share. Plain go build, go test and go run
# work without it.
.PHONY: check test lint golden

check: lint test # what has to pass before a change is merged
	go mod tidy -diff
	cd oracle && go mod tidy -diff && go test ./...

test: # the race detector needs cgo; the program does not
	CGO_ENABLED=1 go test -race -shuffle=on ./...

lint:
	golangci-lint run

golden: # rewrite generated files, in the packages that have some; then read the diff
	go test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -update
