// Package benchtest measures how fast the whole of Autonoma is: the speeds its
// users wait for, each beside the bare operation that no program could avoid.
//
//	go test -run '^$' -bench . ./internal/benchtest
//
// The two are measured in turns within one run, so that a busy machine slows
// both; the ratio between them says more than the milliseconds. A table of
// all figures is printed last.
//
// The package holds benchmarks alone. What one package does by itself is measured
// beside that package, and whether results are right is tested elsewhere.
package benchtest
