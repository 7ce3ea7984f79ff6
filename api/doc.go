// Package api defines what travels between the server and its clients: the
// bodies of requests, answers, events and problems.
//
// The types here are a promise to people we do not know, so they change only by
// addition; openapi.yaml beside them is the same promise for other languages,
// and a test keeps the two in step. Every key of an answer is there, null when
// there is nothing to say. Times are RFC 3339 in UTC.
//
// The package serves and calls nothing. Package client does the calling.
package api

// Version is the version of the contract, which all paths begin with.
const Version = "v1"
