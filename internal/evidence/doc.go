// Package evidence writes down what the platform found out about a commit, signed,
// so that a stranger can check it without asking anybody.
//
// A record is the predicate of an in-toto statement whose subject is the commit and
// its tree; the statement is the payload of a DSSE envelope, signed with Ed25519.
// Both are formats that other tools read. What is signed is the bytes of the
// statement, so nothing depends on how JSON is written.
//
// The package makes and checks records. It reads and writes nothing: who holds the
// keys, where records are kept, and whether a repository still is as they say is
// for others.
package evidence
