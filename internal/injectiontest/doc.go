// Package injectiontest shows that what strangers write stays what they wrote: data.
//
// The audit plants a word of its own in every place whose text reaches a prompt, has
// every capability carried out at every scope, and looks for the words in all that the
// model was asked: they may stand in blocks of data and in outcomes of calls, and nowhere
// else. The suite (testdata/cases) goes on from there: it has a model that obeys whatever
// it reads, and shows that the platform holds all the same, or says where a human has to
// look. The list of cases is part of docs/guide/untrusted-text.md.
//
//	go test ./internal/injectiontest -update
//
// Whoever adds a case: the attacks are real. What they write outside of the run must lie
// in directories of the test ({{outside}}), so that nothing of the machine is harmed should
// a control fail, and nobody plays them without a sandbox.
//
// The package holds tests alone.
package injectiontest
