// Package goldentest plays each capability at each scope from the task to the result,
// and holds what came of it against a file: the whole log, the output and its gates.
// What an execution does is thereby written down where a reviewer sees it change. It
// also measures what a small task costs, and writes that into the documents.
//
//	go test ./internal/goldentest -update
//
// The package holds tests alone. What one part does by itself is tested beside that part.
package goldentest
