package model

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// An Error is the way in which a model did not answer. Its text never holds a
// key, and what it quotes from a provider is cut to a few hundred bytes.
type Error struct {
	Kind     Kind
	Provider string
	Model    string
	Status   int // of HTTP; 0 if there was none, or if it was good
	// RetryAfter is how long the provider asked us to wait; 0 if it did not.
	RetryAfter time.Duration
	Message    string // in the provider's words, or in ours if it had none
	Err        error  // what lies beneath, may be nil
	// Usage is what the failed turn was billed, where the provider told: a
	// refusal in the middle of an answer costs what was said before it.
	Usage Usage
}

// A Kind of error is what a caller can act on.
type Kind string

// The kinds of error. Those in the first group may pass by themselves.
const (
	Overloaded  Kind = "overloaded"   // the provider is in trouble: 5xx, 529
	RateLimited Kind = "rate_limited" // too much was asked in too short a time
	Unreachable Kind = "unreachable"  // no connection, or no answer to the request
	Cut         Kind = "cut"          // the stream ended without its terminal event
	Stalled     Kind = "stalled"      // nothing was heard for too long
	Conflict    Kind = "conflict"     // the provider asks to try again (408, 409)

	Unauthorized   Kind = "unauthorized"    // the key is missing or wrong
	Forbidden      Kind = "forbidden"       // the key may not use this model
	NotFound       Kind = "not_found"       // no such model, or no such door
	Quota          Kind = "quota"           // the account has no money left
	TooLong        Kind = "too_long"        // the conversation does not fit the model
	Refused        Kind = "refused"         // the model or the provider's filter will not answer this
	InvalidRequest Kind = "invalid_request" // the request broke the provider's rules
	Malformed      Kind = "malformed"       // the answer broke the protocol
)

// Error tells who failed, how, and what the provider said.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Provider != "" {
		b.WriteString(e.Provider)
		if e.Model != "" {
			b.WriteString("/" + e.Model)
		}
		b.WriteString(": ")
	}
	b.WriteString(string(e.Kind))
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns what lies beneath.
func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the same request may succeed a little later.
func (e *Error) Retryable() bool {
	switch e.Kind {
	case Overloaded, RateLimited, Unreachable, Cut, Stalled, Conflict, Malformed:
		return true
	default:
		return false
	}
}

// Unavailable reports whether it is the model that cannot be used, rather than
// the request that cannot be answered: another model may do.
func (e *Error) Unavailable() bool {
	switch e.Kind {
	case TooLong, Refused, InvalidRequest:
		return false
	default:
		return true
	}
}

// KindOf returns the kind of the [Error] in err's chain, or "" if there is
// none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}
