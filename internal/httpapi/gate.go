package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"autonoma"
	"autonoma/api"
)

// errPanic stands for what went wrong in a handler that panicked.
var errPanic = errors.New("the handler panicked")

// authenticated lets nobody pass to what is under /v1 without a key, not even to
// find out what is there.
func (s *server) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1" && !strings.HasPrefix(r.URL.Path, "/v1/") {
			next.ServeHTTP(w, r)
			return
		}
		by, err := s.Who(r.Context(), bearer(r))
		if err != nil {
			s.fail(w, r, err)
			return
		}
		n := noteOf(r.Context())
		n.actor = by
		if err := s.admit(w, r, by); err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// admit counts a request, and says in the header what the tenant may still do.
func (s *server) admit(w http.ResponseWriter, r *http.Request, by autonoma.Actor) error {
	if s.Admit == nil {
		return nil
	}
	left, err := s.Admit(r.Context(), by)
	if left.Limit > 0 {
		h := w.Header()
		h.Set("X-RateLimit-Limit", strconv.Itoa(left.Limit))
		h.Set("X-RateLimit-Remaining", strconv.Itoa(left.Remaining))
		h.Set("X-RateLimit-Reset", strconv.FormatInt(left.Reset.Unix(), 10))
	}
	if over, ok := errors.AsType[*autonoma.LimitError](err); ok {
		w.Header().Set("Retry-After", strconv.Itoa(over.Seconds()))
	}
	return err
}

// bearer returns the key that the request brings, or nothing.
func bearer(r *http.Request) string {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return ""
	}
	scheme, key, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// fail tells the client what went wrong, where no operation does.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.answer(r.Context(), err)
	if p.Code == api.Unauthorized {
		w.Header().Set("WWW-Authenticate", challenge(r))
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // if the client is gone there is nobody to tell
}

// challenge says how to prove who one is (RFC 6750).
func challenge(r *http.Request) string {
	const how = `Bearer realm="autonoma"`
	if r.Header.Get("Authorization") == "" {
		return how
	}
	return how + `, error="invalid_token"`
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, fmt.Errorf("there is nothing at this path; /v1/info lists what there is: %w", autonoma.ErrNotFound))
}

// notAllowed answers for a path that is there, but not for the method. It also
// answers OPTIONS.
func (s *server) notAllowed(mux *chi.Mux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		allow := strings.Join(allowed(mux, r), ", ")
		w.Header().Set("Allow", allow)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		s.fail(w, r, api.NewProblem(api.MethodNotAllowed, "this path answers "+allow))
	}
}

// allowed returns the methods that the path of the request answers.
func allowed(mux *chi.Mux, r *http.Request) []string {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	var methods []string
	if mux.Match(chi.NewRouteContext(), http.MethodGet, path) {
		methods = append(methods, http.MethodGet, http.MethodHead)
	}
	for _, m := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if mux.Match(chi.NewRouteContext(), m, path) {
			methods = append(methods, m)
		}
	}
	return append(methods, http.MethodOptions)
}
