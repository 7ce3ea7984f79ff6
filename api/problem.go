package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"autonoma"
)

// A Problem tells why a request failed (RFC 9457). It is the body of every
// answer whose status is 400 or more, as application/problem+json.
type Problem struct {
	Type      string  `json:"type" doc:"Always about:blank: branch on code."`
	Title     string  `json:"title" doc:"The status in words."`
	Status    int     `json:"status" doc:"The HTTP status."`
	Detail    string  `json:"detail" doc:"What went wrong and what to do about it, for people."`
	Code      Code    `json:"code" doc:"Stable name of the kind of problem, for programs."`
	RequestID string  `json:"requestId" doc:"Names the request in the server's log."`
	Errors    []Field `json:"errors,omitempty" doc:"All that is wrong with the fields of the request, with the code validation_failed."`
}

// A Field tells what is wrong with one field of a request.
type Field struct {
	Field   string `json:"field" doc:"The field, as in capabilities[1]; empty for the body as a whole."`
	Message string `json:"message" doc:"What is wrong with it."`
}

// A Code is the stable name of a kind of problem.
type Code string

// The kinds of problems.
const (
	InvalidJSON          Code = "invalid_json"           // 400
	Unauthorized         Code = "unauthorized"           // 401
	Forbidden            Code = "forbidden"              // 403
	NotFound             Code = "not_found"              // 404
	MethodNotAllowed     Code = "method_not_allowed"     // 405
	Timeout              Code = "timeout"                // 408: the body did not arrive in time
	Conflict             Code = "conflict"               // 409
	BudgetExceeded       Code = "budget_exceeded"        // 409: the month's budget of the tenant is used up
	PayloadTooLarge      Code = "payload_too_large"      // 413
	UnsupportedMediaType Code = "unsupported_media_type" // 415
	ValidationFailed     Code = "validation_failed"      // 422
	RateLimited          Code = "rate_limited"           // 429
	Internal             Code = "internal"               // 500
	Unavailable          Code = "unavailable"            // 503
)

// kinds pairs each code with its status and the kind of error it stands for.
// The server reads it from right to left and the client from left to right, so
// errors.Is gives the same answer on both sides of the wire. Where several codes
// stand for one kind of error, the first is what the server says.
var kinds = []struct {
	code   Code
	status int
	err    error
}{
	{ValidationFailed, http.StatusUnprocessableEntity, autonoma.ErrInvalid},
	{InvalidJSON, http.StatusBadRequest, autonoma.ErrInvalid},
	{MethodNotAllowed, http.StatusMethodNotAllowed, autonoma.ErrInvalid},
	{Timeout, http.StatusRequestTimeout, autonoma.ErrInvalid},
	{PayloadTooLarge, http.StatusRequestEntityTooLarge, autonoma.ErrInvalid},
	{UnsupportedMediaType, http.StatusUnsupportedMediaType, autonoma.ErrInvalid},
	{Unauthorized, http.StatusUnauthorized, autonoma.ErrUnauthenticated},
	{Forbidden, http.StatusForbidden, autonoma.ErrForbidden},
	{NotFound, http.StatusNotFound, autonoma.ErrNotFound},
	{Conflict, http.StatusConflict, autonoma.ErrConflict},
	{BudgetExceeded, http.StatusConflict, autonoma.ErrBudget},
	{RateLimited, http.StatusTooManyRequests, autonoma.ErrLimited},
	{Unavailable, http.StatusServiceUnavailable, autonoma.ErrUnavailable},
	{Internal, http.StatusInternalServerError, nil},
}

// Codes returns all codes.
func Codes() []Code {
	codes := make([]Code, len(kinds))
	for i, k := range kinds {
		codes[i] = k.code
	}
	return codes
}

// NewProblem returns a problem of the given kind.
func NewProblem(code Code, detail string) *Problem {
	for _, k := range kinds {
		if k.code == code {
			return &Problem{Type: "about:blank", Title: http.StatusText(k.status), Status: k.status, Detail: detail, Code: code}
		}
	}
	return NewProblem(Internal, faultOfOurs)
}

// faultOfOurs is all that strangers are told about an error of no known kind.
const faultOfOurs = "something went wrong on our side; the operator finds it in the log under this requestId"

// ProblemOf turns an error into what the client is told about it. The text of
// an error of no known kind is not for strangers.
func ProblemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	for _, k := range kinds {
		if k.err == nil || !errors.Is(err, k.err) {
			continue
		}
		if all, ok := errors.AsType[autonoma.FieldErrors](err); ok {
			return problemOfFields(all)
		}
		if one, ok := errors.AsType[*autonoma.FieldError](err); ok {
			return problemOfFields(autonoma.FieldErrors{one})
		}
		return NewProblem(k.code, strings.TrimSuffix(err.Error(), ": "+k.err.Error()))
	}
	return NewProblem(Internal, faultOfOurs)
}

// problemOfFields tells what is wrong with fields: the first few in words, and
// no more than can be of use to anybody.
func problemOfFields(faults autonoma.FieldErrors) *Problem {
	const inWords, inAll = 3, 50
	p := NewProblem(ValidationFailed, faults[:min(inWords, len(faults))].Error())
	if more := len(faults) - inWords; more > 0 {
		p.Detail += fmt.Sprintf("; and %d more", more)
	}
	for _, f := range faults[:min(inAll, len(faults))] {
		p.Errors = append(p.Errors, Field{f.Field, f.Reason})
	}
	return p
}

// Error makes a Problem an error, for clients.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

// Unwrap returns what the problem stands for: [autonoma.FieldErrors], if it
// names fields, or the kind of error, if it is a known one.
func (p *Problem) Unwrap() error {
	if len(p.Errors) > 0 {
		all := make(autonoma.FieldErrors, len(p.Errors))
		for i, f := range p.Errors {
			all[i] = &autonoma.FieldError{Field: f.Field, Reason: f.Message}
		}
		return all
	}
	for _, k := range kinds {
		if k.code == p.Code {
			return k.err
		}
	}
	return nil
}
