package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/api"
)

// An error keeps its kind on the way to the client, and a fault of ours keeps its
// secrets.
func TestProblemRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		status int
		code   api.Code
		detail string
		kind   error
	}{
		{"not there", fmt.Errorf("task_1: %w", autonoma.ErrNotFound), 404, api.NotFound, "task_1", autonoma.ErrNotFound},
		{"bare", autonoma.ErrUnauthenticated, 401, api.Unauthorized, "unauthenticated", autonoma.ErrUnauthenticated},
		{"forbidden", fmt.Errorf("no: %w", autonoma.ErrForbidden), 403, api.Forbidden, "no", autonoma.ErrForbidden},
		{"conflict", fmt.Errorf("cancel: it is over: %w", autonoma.ErrConflict), 409, api.Conflict, "cancel: it is over", autonoma.ErrConflict},
		{"limited", autonoma.ErrLimited, 429, api.RateLimited, "rate limited", autonoma.ErrLimited},
		{"unavailable", fmt.Errorf("set a key: %w", autonoma.ErrUnavailable), 503, api.Unavailable, "set a key", autonoma.ErrUnavailable},
		{"one field", fmt.Errorf("submit: %w", &autonoma.FieldError{Field: "source", Reason: "is no repository"}), 422, api.ValidationFailed, "source: is no repository", autonoma.ErrInvalid},
		{"a problem", fmt.Errorf("read: %w", api.NewProblem(api.PayloadTooLarge, "too much")), 413, api.PayloadTooLarge, "too much", autonoma.ErrInvalid},
		{"a fault of ours", errors.New("dial tcp 10.0.0.7:5432: refused"), 500, api.Internal,
			"something went wrong on our side; the operator finds it in the log under this requestId", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body, err := json.Marshal(api.ProblemOf(tt.err))
			if err != nil {
				t.Fatal(err)
			}
			got := new(api.Problem)
			if err := json.Unmarshal(body, got); err != nil {
				t.Fatal(err)
			}
			if got.Status != tt.status || got.Code != tt.code || got.Error() != tt.detail {
				t.Errorf("%s", body)
			}
			for _, kind := range []error{
				autonoma.ErrInvalid, autonoma.ErrUnauthenticated, autonoma.ErrForbidden, autonoma.ErrNotFound,
				autonoma.ErrConflict, autonoma.ErrLimited, autonoma.ErrUnavailable,
			} {
				if errors.Is(got, kind) != errors.Is(tt.kind, kind) {
					t.Errorf("errors.Is(%v) is %v", kind, !errors.Is(got, kind))
				}
			}
		})
	}
}

// Problems are a promise, so they are tested as bytes.
func TestProblemForm(t *testing.T) {
	p := api.ProblemOf(autonoma.FieldErrors{{Field: "capabilities[1]", Reason: "repeats BUILD"}})
	p.RequestID = "req_1"
	body, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"capabilities[1]: repeats BUILD",` +
		`"code":"validation_failed","requestId":"req_1","errors":[{"field":"capabilities[1]","message":"repeats BUILD"}]}`
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Error(diff)
	}
}
