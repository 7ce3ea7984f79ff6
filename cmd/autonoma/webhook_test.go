package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/model/modeltest"
)

// A receiver takes webhooks, but answers none until it is told to.
type receiver struct {
	*httptest.Server
	t      *testing.T
	opened chan struct{}

	mu      sync.Mutex
	arrived map[string][]arrived // by path, each delivery once
}

type arrived struct {
	id     string
	typ    autonoma.HookType
	status autonoma.Status
	header http.Header
	body   []byte
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, opened: make(chan struct{}), arrived: map[string][]arrived{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var said struct {
		Type autonoma.HookType
		Data struct{ Status autonoma.Status }
	}
	if err := errors.Join(err, json.Unmarshal(body, &said)); err != nil {
		r.t.Errorf("%s: %v", body, err)
	}
	r.mu.Lock()
	a := arrived{req.Header.Get("webhook-id"), said.Type, said.Data.Status, req.Header, body}
	known := slices.ContainsFunc(r.arrived[req.URL.Path], func(b arrived) bool { return a.id == b.id })
	if !known {
		r.arrived[req.URL.Path] = append(r.arrived[req.URL.Path], a)
	}
	r.mu.Unlock()
	select {
	case <-r.opened:
	case <-req.Context().Done():
	}
}

func (r *receiver) at(path string) []arrived {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.arrived[path])
}

// types returns what a path was told, in order.
func (r *receiver) types(path string) []autonoma.HookType {
	var types []autonoma.HookType
	for _, a := range r.at(path) {
		types = append(types, a.typ)
	}
	return types
}

// What happened before the process was killed is told after it has started again, as
// it was, to hooks and callbacks; and nothing is told to who lies within, unless the
// operator allows it.
func TestWebhooksSurviveKill(t *testing.T) {
	t.Parallel()
	to, repo := newReceiver(t), greeting(t)
	s, c := serve(t, modeltest.NewServer(t, coder(mend)), "--source-root", repo)
	wish := api.CreateHook{URL: to.URL + "/hook", Events: []autonoma.HookType{"task.started", "task.completed", "code.generated"}}
	if _, err := c.CreateWebhook(t.Context(), wish); !errors.Is(err, autonoma.ErrInvalid) || !strings.Contains(err.Error(), "callbackAllow") {
		t.Fatalf("a webhook within: %v", err)
	}
	s.kill()
	s.args = append(s.args, "--callback-allow", "127.0.0.0/8")
	s.start()
	c = s.ready()
	hook, err := c.CreateWebhook(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	task := slip(repo, autonoma.Demo)
	task.CallbackURL = to.URL + "/callback"
	completed(t, c, submit(t, c, task))
	eventually(t, "the receiver is told", func() bool { return len(to.at("/hook")) > 0 && len(to.at("/callback")) > 0 })
	secret, err := c.CallbackSecret(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.kill() // while the receiver has answered nothing
	close(to.opened)
	s.start()
	s.ready()
	eventually(t, "the receiver is told all", func() bool { return len(to.at("/hook")) == 3 })
	if diff := cmp.Diff(wish.Events, to.types("/hook")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := to.types("/callback"); !slices.Equal(got, []autonoma.HookType{"task.completed"}) {
		t.Errorf("the callback is told %v", got)
	}
	for path, secret := range map[string]string{"/hook": *hook.Secret, "/callback": secret.Secret} {
		theirs, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range to.at(path) {
			if err := theirs.Verify(a.body, a.header); err != nil {
				t.Errorf("%s to %s: %v", a.typ, path, err)
			}
			if started := a.typ == "task.started"; (a.status == autonoma.InProgress) != started {
				t.Errorf("%s tells of a task that is %s", a.typ, a.status)
			}
		}
	}
}
