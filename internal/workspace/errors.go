package workspace

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of failure a caller can act on; test for them with [errors.Is].
var (
	// ErrOutside reports a path that would leave the workspace.
	ErrOutside = errors.New("path is outside the workspace")
	// ErrSpecial reports something that is neither a file nor a directory.
	ErrSpecial = errors.New("not a regular file")
	// ErrTooLarge reports more bytes or files than may be handled.
	ErrTooLarge = errors.New("too large")
	// ErrSlow reports a source that keeps git waiting.
	ErrSlow = errors.New("no answer")
	// ErrUnknownCommit reports a commit that is not in the run's repository.
	ErrUnknownCommit = errors.New("no such commit in the run's repository")
	// ErrNotPrepared reports a run whose repository was not prepared.
	ErrNotPrepared = errors.New("the run is not prepared")
	// ErrBranchTaken reports a branch in the source that points elsewhere. It is
	// never overwritten.
	ErrBranchTaken = errors.New("the branch exists and points elsewhere")
)

// A TreeError says why files cannot be recorded, or a recorded tree not be
// checked out. What is in the way was left by a command or is in a commit: to
// try again is of no use, to change the files is.
type TreeError struct {
	Path string // what is in the way, relative to the top of the checkout
	Why  string
	Err  error // the cause, if there is one
}

func (e *TreeError) Error() string { return e.Path + ": " + e.Why }

// Unwrap returns the cause.
func (e *TreeError) Unwrap() error { return e.Err }

// A Reason is the stable name of what is wrong with a source.
type Reason string

// The reasons why a source is refused.
const (
	ReasonForm        Reason = "form"         // not a path or URL that is understood
	ReasonTransport   Reason = "transport"    // a URL of a kind that is not allowed
	ReasonSecret      Reason = "secret"       // the URL carries a password or token
	ReasonOutside     Reason = "outside"      // not below an allowed root
	ReasonMissing     Reason = "missing"      // there is nothing there
	ReasonNoDirectory Reason = "no_directory" // something else than a directory
	ReasonInside      Reason = "inside"       // a directory within a repository
	ReasonBroken      Reason = "broken"       // a repository that cannot be read
	ReasonRef         Reason = "ref"          // no such branch, tag or commit
	ReasonUnreachable Reason = "unreachable"  // the remote refused or did not answer
	ReasonTooLarge    Reason = "too_large"    // more files than may be taken
	ReasonDenied      Reason = "denied"       // the operator does not let it be reached
)

// A SourceError says why a source cannot be used and what to do about it.
type SourceError struct {
	Reason Reason
	Detail string // what was found
	Hint   string // what to do
	Err    error  // the cause, if there is one
}

func (e *SourceError) Error() string {
	return strings.TrimSuffix("source: "+e.Detail+"; "+e.Hint, "; ")
}

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

func refuse(reason Reason, hint, format string, args ...any) *SourceError {
	return &SourceError{Reason: reason, Detail: fmt.Sprintf(format, args...), Hint: hint}
}
