package wire

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"autonoma/internal/model"
)

// Bounds of what is read and of what is told of a server's complaint.
const (
	maxProblem = 64 << 10
	maxMessage = 600
)

// A Problem is what a server says is wrong: in the body of a refusal, or in an
// event in the middle of a stream. All providers and the servers that imitate
// them are understood.
type Problem struct {
	Type    string // such as overloaded_error
	Code    string // such as context_length_exceeded, or a number
	Message string
}

// ReadProblem finds the problem in a body. What is not JSON is the message.
func ReadProblem(body []byte) Problem {
	body = bytes.TrimSpace(body)
	var list []json.RawMessage // Google's servers wrap it in a list
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		body = list[0]
	}
	var outer struct {
		Error   json.RawMessage
		Detail  json.RawMessage
		Message string
		Type    string
		Code    json.RawMessage
		Status  string
	}
	if json.Unmarshal(body, &outer) != nil {
		return Problem{Message: cut(string(body))}
	}
	if text := ""; json.Unmarshal(outer.Error, &text) == nil && text != "" {
		return Problem{Message: cut(text)}
	}
	if bytes.HasPrefix(outer.Error, []byte("{")) {
		return ReadProblem(outer.Error)
	}
	p := Problem{Type: outer.Type, Code: strings.Trim(string(outer.Code), `"`), Message: cut(outer.Message)}
	if p.Type == "" {
		p.Type = outer.Status
	}
	if p.Message == "" {
		p.Message = cut(string(outer.Detail))
	}
	return p
}

// Error is the error that p means when it came with an HTTP status. If neither
// says what is wrong, its kind is empty.
func (p Problem) Error(status int) *model.Error {
	e := &model.Error{Kind: p.kind(status), Message: p.Message}
	if status != http.StatusOK {
		e.Status = status
	}
	if e.Message == "" {
		e.Message = strings.TrimSpace(p.Type + " " + p.Code)
	}
	if e.Message == "" && status != http.StatusOK {
		e.Message = "the server answered " + strings.ToLower(http.StatusText(status))
	}
	return e
}

// kinds are the words of the providers.
var kinds = map[string]model.Kind{
	// Anthropic
	"overloaded_error":      model.Overloaded,
	"api_error":             model.Overloaded,
	"timeout_error":         model.Overloaded,
	"rate_limit_error":      model.RateLimited,
	"authentication_error":  model.Unauthorized,
	"permission_error":      model.Forbidden,
	"not_found_error":       model.NotFound,
	"billing_error":         model.Quota,
	"request_too_large":     model.TooLong,
	"invalid_request_error": model.InvalidRequest,
	// OpenAI and its kin
	"server_error":                  model.Overloaded,
	"rate_limit_exceeded":           model.RateLimited,
	"insufficient_quota":            model.Quota,
	"invalid_api_key":               model.Unauthorized,
	"model_not_found":               model.NotFound,
	"context_length_exceeded":       model.TooLong,
	"exceed_context_size_error":     model.TooLong,
	"string_above_max_length":       model.TooLong,
	"content_filter":                model.Refused,
	"content_policy_violation":      model.Refused,
	"bio_policy":                    model.Refused,
	"cyber_policy":                  model.Refused,
	"misalignment_policy_violation": model.Refused,
	"invalid_prompt":                model.Refused,
	// Google
	"RESOURCE_EXHAUSTED": model.RateLimited,
	"UNAVAILABLE":        model.Overloaded,
	"PERMISSION_DENIED":  model.Forbidden,
	"UNAUTHENTICATED":    model.Unauthorized,
}

// tellTales are parts of messages that say more than the words beside them.
var tellTales = []struct {
	part string
	kind model.Kind
}{
	{"prompt is too long", model.TooLong},
	{"maximum context length", model.TooLong},
	{"context length exceeded", model.TooLong},
	{"context window", model.TooLong},
	{"exceed context limit", model.TooLong}, // together with the longest answer
	{"exceeds the available context size", model.TooLong},
	{"input token count", model.TooLong},
	{"credit balance is too low", model.Quota},
	{"exceeded your current quota", model.Quota},
	{"api key not valid", model.Unauthorized},
}

// kind is the most exact reading: the code says more than the message, the
// message more than the type, and the type more than the status. In the middle
// of a stream, where there is no status, a number in the code stands for it.
func (p Problem) kind(status int) model.Kind {
	if k, ok := kinds[p.Code]; ok {
		return k
	}
	k := kinds[p.Type]
	if k == "" || k == model.InvalidRequest || k == model.RateLimited {
		lower := strings.ToLower(p.Message)
		for _, t := range tellTales {
			if strings.Contains(lower, t.part) {
				return t.kind
			}
		}
	}
	if code, err := strconv.Atoi(p.Code); err == nil && status == http.StatusOK {
		status = code
	}
	if k == "" || k == model.InvalidRequest {
		if s := model.KindOfStatus(status); s != "" {
			return s
		}
	}
	return k
}

// retryAfter is how long the server wants us to wait.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		return seconds(ms / 1000)
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		return seconds(s)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// seconds bounds what a server may ask for: a day is as good as forever, and
// what is no number is nothing.
func seconds(s float64) time.Duration {
	const day = 24 * 60 * 60
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s, day) * float64(time.Second))
}

// cut shortens what a server says, without leaving half a character.
func cut(s string) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD")
	if len(s) <= maxMessage {
		return s
	}
	n := maxMessage
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
