// Package oracle compares the project's own wires with the official SDKs.
//
// The same conversations go through both to the same server, which enforces the
// protocols: what is sent has to mean the same, and so has what comes back. The
// differences that are meant are listed in the tests, each with its reason.
//
// It is a module of its own, because the SDKs weigh more than all of the
// project; nothing imports it. Run its tests with go test ./... in this folder,
// after a change of a wire and before taking a new version of an SDK.
package oracle
