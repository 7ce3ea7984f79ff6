// Package project looks at a checkout and tells what a newcomer would want to
// know: which languages it is written in, how it is set up, built, tested and
// checked, what its authors wrote for those who work on it, and where in it a
// task is likely to be done.
//
// The idea to know: it is deterministic, runs nothing, and says nothing when it
// is not sure. A command that is wrong costs more trust than one that is
// missing, so whatever was seen and not used is told in [Project.Notes], and
// the user's own setup and verify commands take its place.
//
// It does not start commands, use a model, or write. The checkout is hostile
// until shown otherwise: only regular files are read, within bounds, and what a
// manifest says becomes at most one quoted word of a command.
//
// # What is detected
//
//	seen                    set-up                        build, test, lint, format
//	go.mod                  go mod download (go list      go build, go test (if there are tests), go vet,
//	                        -deps -test in a workspace),  gofmt -l; GOWORK=off for a module that a
//	                        unless vendored or needing    go.work above it does not name
//	                        nothing
//	package.json            npm ci, pnpm, yarn or bun by  scripts build, test (not npm's placeholder, run
//	                        packageManager, else by the   with CI=true), lint, typecheck, format:check …;
//	                        one lock file; npm install    node --test for tests of node:test without a
//	                        without any                   script; members of a workspace for the kinds
//	                                                      their root has no script for
//	pyproject.toml,         uv, poetry, pdm or pipenv by  pytest if configured, installed or what tests
//	setup.py, setup.cfg,    lock file, else python3 -m    are written for, else Django's runner, else
//	requirements*.txt,      venv .venv and its pip with   unittest; ruff, flake8, mypy, black if both
//	tox.ini, Pipfile        requirement files, the        configured and installed by set-up
//	                        project with its test extras,
//	                        groups, tox and hatch
//	Cargo.toml              cargo fetch, unless vendored  cargo build, test (if there are tests), clippy,
//	                        or needing nothing            fmt --check, all --offline
//	pom.xml                 mvn package with tests, red   mvn -o package and test, by mvnw if there
//	                        or green
//	gradlew and its build   assemble, test once           ./gradlew --offline assemble, test
//	Makefile at the root    none                          targets build, test, lint, fmt-check, see below
//
// A directory that is below another of the same kind, or that by its name holds
// examples, fixtures or templates, gets no commands of its own unless its
// language says otherwise (Go modules and packages of Node are units wherever
// they are). At most 16 directories of a kind get commands.
//
// The Makefile is taken for everything if no language told anything. If one did,
// its build or test target takes the place of the command for the root only if it
// is plainly the project's own door: README, CONTRIBUTING or AGENTS.md name
// "make test", its recipe does what the language's command does (go test ./...,
// pytest) and something besides, and every program it leads to is part of the
// usual toolchains or in the checkout. Targets and scripts that need containers,
// the network, an installation or other rights are never taken.
//
// # After set-up
//
// Every command but those of set-up is to run without a network. Set-up leaves
// its outcome in the caches of the package clients below HOME (modules, crates,
// the Maven repository), which have to be there afterwards, and in the places
// that [Project.Makes] names. [Project.Lock] tells when it has to run again.
//
// # The map
//
// [Map] and [Relevant] rank files by the words of a task: names of files and
// directories, then words in the text weighted by how rare they are. Go is
// outlined by its parser, other languages by a table of line patterns, which
// may miss a definition or show a line too many.
package project
