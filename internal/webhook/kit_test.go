package webhook_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/outbound"
	"autonoma/internal/secret"
	"autonoma/internal/store"
	"autonoma/internal/webhook"
)

// A kit is a tenant, a sender and a receiver in a bubble of time, joined by pipes that
// speak HTTP.
type kit struct {
	t       *testing.T
	db      *store.DB
	log     *event.Log
	secrets *secret.Secrets
	tenant  autonoma.TenantID
	looks   atomic.Int64 // how often the sender has looked for something to do

	client *http.Client
	accept chan net.Conn
	// answer is what the receiver does; by default it accepts everything.
	answer func(http.ResponseWriter, *http.Request, arrival)

	mu       sync.Mutex
	arrivals []arrival
	at       map[string]int // attempts under way, by path and by path and run
	crowd    map[string]int // most of them at once
}

// An arrival is a delivery as the receiver saw it.
type arrival struct {
	path string
	id   string
	typ  autonoma.HookType
	at   time.Time
	run  autonoma.RunID
	data struct {
		TaskID autonoma.RunID  `json:"taskId"`
		Status autonoma.Status `json:"status"`
		Output *struct{ Summary string }
	}
	header http.Header
	body   []byte
}

// bubble runs a test with a kit.
func bubble(t *testing.T, test func(*testing.T, *kit)) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		db, err := store.Open(t.Context(), filepath.Join(dir, "a.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		k := &kit{t: t, db: db, log: event.NewLog(db, time.Second), accept: make(chan net.Conn), at: map[string]int{}, crowd: map[string]int{}}
		if k.secrets, err = secret.Open(filepath.Join(dir, "secret.key"), db); err != nil {
			t.Fatal(err)
		}
		k.tenant = k.newTenant("owner")
		receiver := &http.Server{Handler: k, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		go func() { _ = receiver.Serve(k) }()
		defer receiver.Close()
		k.client = new(outbound.Guard).Client()
		pipes := k.client.Transport.(*http.Transport)
		pipes.DialContext = k.dial
		defer pipes.CloseIdleConnections()
		test(t, k)
	})
}

func (k *kit) newTenant(name string) autonoma.TenantID {
	t := autonoma.Tenant{ID: autonoma.NewTenantID(), Name: name, Plan: autonoma.Startup, CreatedAt: time.Now()}
	k.update(func(tx *store.Tx) error { return tx.InsertTenant(t) })
	return t.ID
}

func (k *kit) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case k.accept <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept, Close and Addr make the kit a [net.Listener].
func (k *kit) Accept() (net.Conn, error) {
	conn, ok := <-k.accept
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (k *kit) Close() error   { close(k.accept); return nil }
func (k *kit) Addr() net.Addr { return &net.TCPAddr{} }

func (k *kit) update(fn func(*store.Tx) error) {
	k.t.Helper()
	if err := k.db.Update(k.t.Context(), fn); err != nil {
		k.t.Fatal(err)
	}
}

// start starts a sender and returns what stops it, which reports how long that took.
func (k *kit) start() (stop func() time.Duration) {
	s := webhook.New(webhook.Config{
		DB: k.db, Client: k.client, Log: slog.New(slog.DiscardHandler),
		Woken: func() <-chan struct{} { k.looks.Add(1); return k.log.Woken() },
		Secrets: func(ctx context.Context, owner string) ([]autonoma.HookSecret, error) {
			l, err := k.secrets.Of(ctx, owner)
			return l.All(), err
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	return func() time.Duration {
		began := time.Now()
		cancel()
		<-done
		return time.Since(began)
	}
}

// hook makes a hook at a path of the receiver's.
func (k *kit) hook(path string, types ...autonoma.HookType) autonoma.Hook {
	k.t.Helper()
	h := autonoma.Hook{ID: autonoma.NewHookID(), Tenant: k.tenant, URL: "http://receiver.example" + path, Events: types, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	k.update(func(tx *store.Tx) error {
		if err := tx.PutHook(h); err != nil {
			return err
		}
		return k.secrets.Put(tx, string(h.ID), autonoma.NewHookSecret())
	})
	return h
}

// submit stores a run, with a callback if path is not empty.
func (k *kit) submit(path string) autonoma.RunID {
	k.t.Helper()
	req := autonoma.Request{Task: "do it", Capabilities: []autonoma.Capability{autonoma.Build}}
	if path != "" {
		req.CallbackURL = "http://receiver.example" + path
	}
	if err := req.Normalize(); err != nil {
		k.t.Fatal(err)
	}
	run, first := autonoma.NewRun(autonoma.KindTask, k.tenant, req, []autonoma.Step{{ID: "code", Agent: "coder-ai", Round: 1}}, time.Minute, time.Now())
	k.update(func(tx *store.Tx) error { return tx.InsertRun(run, first) })
	k.log.Wake("")
	return run.ID
}

// become moves a run on, as a worker does.
func (k *kit) become(id autonoma.RunID, next autonoma.Status) {
	k.t.Helper()
	k.update(func(tx *store.Tx) error {
		run, err := tx.Run(id)
		if err != nil {
			return err
		}
		if next == autonoma.Completed {
			run.Output = &autonoma.Output{Summary: "done", BaseCommit: "a", HeadCommit: "b"}
		}
		told, err := run.Become(next, "", nil, time.Now())
		if err != nil {
			return err
		}
		return tx.SaveRun(run, told)
	})
	k.log.Wake("")
}

// ServeHTTP is the receiver. It notes what arrives, and who is there at once.
func (k *kit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a := arrival{path: r.URL.Path, id: r.Header.Get("webhook-id"), header: r.Header, body: body}
	said := struct {
		Type      *autonoma.HookType
		Timestamp *time.Time
		Data      any
	}{&a.typ, &a.at, &a.data}
	if err := json.Unmarshal(body, &said); err != nil {
		k.t.Errorf("%s: %v", body, err)
	}
	a.run = a.data.TaskID
	k.mu.Lock()
	k.arrivals = append(k.arrivals, a)
	for _, who := range []string{a.path, a.path + " " + string(a.run)} {
		k.at[who]++
		k.crowd[who] = max(k.crowd[who], k.at[who])
	}
	answer := k.answer
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.at[a.path]--
		k.at[a.path+" "+string(a.run)]--
	}()
	if answer != nil {
		answer(w, r, a)
	}
}

// seen returns what has arrived at a path, and forgets nothing.
func (k *kit) seen(path string) []arrival {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []arrival
	for _, a := range k.arrivals {
		if a.path == path {
			all = append(all, a)
		}
	}
	return all
}

// types returns of what a path was told about a run, in order, each delivery once.
func (k *kit) types(path string, run autonoma.RunID) []autonoma.HookType {
	var types []autonoma.HookType
	var ids []string
	for _, a := range k.seen(path) {
		if a.run == run && !slices.Contains(ids, a.id) {
			ids, types = append(ids, a.id), append(types, a.typ)
		}
	}
	return types
}

// verify checks an arrival with the code of others.
func (k *kit) verify(a arrival, secret autonoma.HookSecret) {
	k.t.Helper()
	w, err := standardwebhooks.NewWebhook(string(secret))
	if err == nil {
		err = w.VerifyIgnoringTimestamp(a.body, a.header)
	}
	if err != nil {
		k.t.Errorf("%s to %s: %v", a.typ, a.path, err)
	}
}

// secret returns what signs for somebody.
func (k *kit) secret(owner string) autonoma.HookSecret {
	k.t.Helper()
	l, err := k.secrets.Of(k.t.Context(), owner)
	if err != nil {
		k.t.Fatal(err)
	}
	return l.Newest
}

// deliveries returns those to a hook, or of callbacks, oldest first.
func (k *kit) deliveries(hook autonoma.HookID) []autonoma.HookDelivery {
	k.t.Helper()
	all, err := k.db.Deliveries(k.t.Context(), store.DeliveryFilter{Tenant: k.tenant, Hook: hook, Limit: 10_000})
	if err != nil {
		k.t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// status is what the receiver answers.
func status(code int) func(http.ResponseWriter, *http.Request, arrival) {
	return func(w http.ResponseWriter, _ *http.Request, _ arrival) { w.WriteHeader(code) }
}

// hang never answers.
func hang(_ http.ResponseWriter, r *http.Request, _ arrival) { <-r.Context().Done() }

func (k *kit) answers(how func(http.ResponseWriter, *http.Request, arrival)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = how
}

// statusOf is the status that a run has when it is told of by that type.
func statusOf(t autonoma.HookType) autonoma.Status {
	_, name, _ := strings.Cut(string(t), ".")
	switch name {
	case "started", "resumed":
		return autonoma.InProgress
	case "generated":
		return autonoma.Completed
	}
	return autonoma.Status(name)
}
