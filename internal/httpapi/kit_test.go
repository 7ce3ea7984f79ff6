package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
	"autonoma/internal/blob"
	"autonoma/internal/catalog"
	"autonoma/internal/event"
	"autonoma/internal/httpapi"
	"autonoma/internal/queue"
	"autonoma/internal/secret"
	"autonoma/internal/service"
	"autonoma/internal/store"
	"autonoma/internal/store/storetest"
)

// A kit is a server on real parts where nothing runs by itself, and two tenants
// with keys.
type kit struct {
	*httptest.Server
	t     testing.TB
	dir   string
	db    *store.DB
	log   *event.Log
	blobs *blob.Store
	tasks *service.Tasks
	steps service.Steps
	hooks *service.Hooks
	doc   *openapi3.T
	lines *lines

	secrets  *secret.Secrets
	branches map[string]string // where branches of sources stand

	ann, bob, reader string // keys: two tenants, and one that may only read ann's
	chief            string // ann's with the scope admin
	level            string // at which commands would run
	operator         string // the key of whoever runs the installation
	cfg              httpapi.Config
}

func newKit(t testing.TB) *kit {
	t.Helper()
	k := newParts(t)
	k.serve()
	return k
}

// newParts returns a kit without a server.
func newParts(t testing.TB) *kit {
	t.Helper()
	dir, ctx := t.TempDir(), t.Context()
	db := storetest.Open(t, filepath.Join(dir, "a.db"))
	k := &kit{t: t, dir: dir, db: db, level: "namespaces", log: event.NewLog(db, time.Second), blobs: must(blob.Open(filepath.Join(dir, "blobs")))(t), lines: new(lines)}
	logger := slog.New(slog.NewTextHandler(k.lines, nil))
	jobs := must(queue.Open(ctx, db, 0, nil, logger))(t)
	needs := service.Config{
		DB: db, Queue: jobs, Log: k.log, Blobs: k.blobs, Rules: service.Rules{Catalog: testCatalog(t), Resolve: service.ResolveWorkflow, Confines: k.confines},
		Candidates: func(i autonoma.Intelligence) int { return map[autonoma.Intelligence]int{autonoma.Ultra: 2}[i] },
		Ready:      func(autonoma.Request) error { return nil },
		Source: func(_ context.Context, req autonoma.Request) error {
			if req.Source == "/outside" {
				return &autonoma.FieldError{Field: "source", Reason: "lies outside the allowed roots"}
			}
			if req.Source == "/local" && req.Delivery == autonoma.DeliverPullRequest {
				return autonoma.FieldErrors{{Field: "delivery", Reason: "needs a forge"}}
			}
			return nil
		},
		Target: outside, BranchAt: func(_, branch string) string { return k.branches[branch] },
	}
	k.tasks = service.NewTasks(needs)
	k.secrets, k.branches = must(secret.Open(filepath.Join(dir, "secret.key"), db))(t), map[string]string{}
	k.hooks = service.NewHooks(db, k.log, k.secrets, outside)
	keys := service.NewKeys(db)
	k.ann = must(keys.Create(ctx, "ann", autonoma.Startup, []autonoma.KeyScope{autonoma.ScopeRead, autonoma.ScopeWrite}))(t)
	k.reader = must(keys.Create(ctx, "ann", autonoma.Startup, []autonoma.KeyScope{autonoma.ScopeRead}))(t)
	k.chief = must(keys.Create(ctx, "ann", autonoma.Startup, []autonoma.KeyScope{autonoma.ScopeAdmin}))(t)
	k.bob = must(keys.Create(ctx, "bob", autonoma.Growth, []autonoma.KeyScope{autonoma.ScopeAdmin}))(t)
	k.operator = must(keys.Found(ctx, "admin"))(t)
	k.doc = must(document())(t)
	k.steps = service.Steps{Queue: jobs, Rules: needs.Rules}
	k.cfg = httpapi.Config{
		Feedback: service.NewFeedback(needs),
		Tasks:    k.tasks, Hooks: k.hooks, Knowledge: service.NewKnowledge(db), Approvals: service.NewApprovals(needs), Agents: service.NewAgents(needs), Workflows: must(service.NewWorkflows(k.tasks, testWorkflows()))(t), Tenants: service.NewTenants(db, testLevels), Keys: keys,
		SigningKeys: service.NewSigningKeys(db, k.secrets),
		Receipts:    service.NewReceipts(db, k.secrets, time.Now), Who: keys.Who, Version: "1.2.3", Features: []string{"branches"}, Log: logger,
		Health: func(context.Context) map[string]api.Service {
			return map[string]api.Service{"database": {Status: api.Healthy, Message: "ok"}}
		},
	}
	return k
}

// document is what all servers answer by. It is read once for all tests, none of which
// changes it.
var document = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(httpapi.Document()) })

// outside lets everything be called that is not inside.
func outside(_ context.Context, url string) error {
	if strings.HasPrefix(url, "http://inside") {
		return errors.New("leads inside")
	}
	return nil
}

// serve starts the server anew, as it is configured now.
func (k *kit) serve() {
	if k.Server != nil {
		k.Close()
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = httpapi.NewServer(k.cfg)
	srv.Start()
	k.Server = srv
	k.t.Cleanup(srv.Close)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// testCatalog is one agent that does everything, another that reviews what BUILD
// comes to, and a third that works for the platform.
func testCatalog(t testing.TB) *catalog.Catalog {
	agent := func(name, more string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("---\nname: " + name + "\ndescription: d\ncapability: BUILD\nyields: change\n" + more + "---\nWork.\n")}
	}
	agents := fstest.MapFS{
		"coder-ai.md": agent("Coder", "aliases: [doc-ai]\n"), "review-ai.md": agent("Reviewer", ""),
		"orchestrator-ai.md": agent("Orchestrator", "aliases: [meta-ai]\ninternal: true\n"),
	}
	agents["judge-ai.md"] = &fstest.MapFile{Data: []byte("---\nname: Judge\ndescription: d\ncapability: SECURE\nyields: judgment\naliases: [jury-ai]\n---\nJudge.\n")}
	flows := fstest.MapFS{}
	for _, c := range autonoma.Capabilities {
		steps := "steps:\n  - {id: work, agent: coder-ai, delivers: implementation, asks: Do it.}\n"
		if c == autonoma.Build {
			steps += "  - {id: review, agent: review-ai, delivers: review, asks: Look.}\n  - {id: again, agent: coder-ai, asks: Mend.}\n"
		}
		flows[strings.ToLower(string(c))+".yaml"] = &fstest.MapFile{Data: []byte("description: d\ncapability: " + string(c) + "\n" + steps)}
	}
	return must(catalog.Open([]fs.FS{agents}, []fs.FS{flows}))(t)
}

// testWorkflows is one workflow that is built in.
func testWorkflows() fs.FS {
	return fstest.MapFS{"mend.yaml": &fstest.MapFile{Data: []byte("description: Mends.\nsteps: [{id: fix, agent: coder-ai, task: Mend it.}]\n")}}
}

func (k *kit) client(key string) *client.Client { return &client.Client{BaseURL: k.URL, Key: key} }

// submit submits a task of ann's.
func (k *kit) submit() autonoma.RunID {
	k.t.Helper()
	out := must(k.client(k.ann).CreateTask(k.t.Context(), api.CreateTask{Task: "do it", Capabilities: []autonoma.Capability{autonoma.Build}}))(k.t)
	return out.TaskID
}

// become moves a run to a status, as a worker would.
func (k *kit) become(id autonoma.RunID, status autonoma.Status, detail string, why *autonoma.Failure) {
	k.t.Helper()
	k.change(id, func(run *autonoma.Run) autonoma.Event {
		return must(run.Become(status, detail, why, time.Now()))(k.t)
	})
}

// change changes a run and appends the event that tells of it.
func (k *kit) change(id autonoma.RunID, how func(*autonoma.Run) autonoma.Event) {
	k.t.Helper()
	if err := k.db.Update(k.t.Context(), func(tx *store.Tx) error {
		run, err := tx.Run(id)
		if err != nil {
			return err
		}
		told := how(&run)
		return tx.SaveRun(run, told)
	}); err != nil {
		k.t.Fatal(err)
	}
	k.log.Wake("")
}

// happen appends n notices to the log of a run.
func (k *kit) happen(id autonoma.RunID, n int) {
	k.t.Helper()
	for range n {
		k.change(id, func(*autonoma.Run) autonoma.Event {
			return autonoma.NewEvent(autonoma.EventNotice, "", time.Now(), autonoma.Notice{Code: "x", Message: "line\nline"})
		})
	}
}

// keep stores an artifact of a run.
func (k *kit) keep(id autonoma.RunID, a autonoma.Artifact, content string) autonoma.ArtifactID {
	k.t.Helper()
	digest, size, err := k.blobs.Put(func(w io.Writer) error { _, err := io.WriteString(w, content); return err })
	if err != nil {
		k.t.Fatal(err)
	}
	a.ID, a.Run, a.Digest, a.Size, a.CreatedAt = autonoma.NewArtifactID(), id, digest, size, time.Now()
	if err := k.db.Update(k.t.Context(), func(tx *store.Tx) error { _, err := tx.PutArtifact(a); return err }); err != nil {
		k.t.Fatal(err)
	}
	return a.ID
}

// A reply is an answer that was read to its end and found to be as documented.
type reply struct {
	*http.Response
	body []byte
}

func (r reply) problem(t testing.TB) api.Problem {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal(r.body, &p); err != nil {
		t.Fatalf("%d is no problem: %s", r.StatusCode, r.body)
	}
	return p
}

// do sends a request. Headers are pairs of names and values; an empty key sends
// none.
func (k *kit) do(key, method, path, body string, headers ...string) reply {
	k.t.Helper()
	req := must(http.NewRequestWithContext(k.t.Context(), method, k.URL+path, strings.NewReader(body)))(k.t)
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp := must(k.Client().Do(req))(k.t)
	defer resp.Body.Close()
	r := reply{resp, must(io.ReadAll(resp.Body))(k.t)}
	k.asDocumented(r)
	return r
}

// asDocumented checks an answer against the document.
func (k *kit) asDocumented(r reply) {
	k.t.Helper()
	if id := r.Header.Get("X-Request-Id"); id == "" {
		k.t.Errorf("%s %s: no request id", r.Request.Method, r.Request.URL.Path)
	}
	if r.StatusCode >= 400 && r.Request.Method != http.MethodHead && !strings.HasSuffix(r.Request.URL.Path, "z") && !strings.HasSuffix(r.Request.URL.Path, "health") {
		p := r.problem(k.t)
		if p.Status != r.StatusCode || p.Code == "" || p.Detail == "" || p.RequestID != r.Header.Get("X-Request-Id") || r.Header.Get("Content-Type") != "application/problem+json" {
			k.t.Errorf("%s %s: not a whole problem: %s", r.Request.Method, r.Request.URL.Path, r.body)
		}
	}
	op := operation(k.doc, r.Request)
	if op == nil {
		return
	}
	err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: r.Request, Route: &routers.Route{Spec: k.doc, Operation: op},
		},
		Status: r.StatusCode, Header: r.Header, Body: io.NopCloser(bytes.NewReader(r.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil && !errors.Is(err, errNoDecoder(err)) {
		k.t.Errorf("%s %s: %d is not as documented: %v\n%s", r.Request.Method, r.Request.URL.Path, r.StatusCode, err, r.body)
	}
}

// errNoDecoder returns err if it only says that a media type is opaque.
func errNoDecoder(err error) error {
	if parse, ok := errors.AsType[*openapi3filter.ParseError](err); ok && parse.Kind == openapi3filter.KindUnsupportedFormat {
		return err
	}
	return nil
}

// operation returns what the document says about a request, or nil.
func operation(doc *openapi3.T, r *http.Request) *openapi3.Operation {
	if item := doc.Paths.Value(r.URL.Path); item != nil { // what is said literally comes before {…}
		return item.GetOperation(r.Method)
	}
	parts := strings.Split(r.URL.Path, "/")
	for path, item := range doc.Paths.Map() {
		want := strings.Split(path, "/")
		if len(want) != len(parts) {
			continue
		}
		fits := true
		for i, w := range want {
			fits = fits && (w == parts[i] || strings.HasPrefix(w, "{") && parts[i] != "")
		}
		if fits {
			return item.GetOperation(r.Method)
		}
	}
	return nil
}

// lines collects what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func replace(text, id string) string { return strings.ReplaceAll(text, id, "ID") }

// runsOf chooses all runs of ann's.
func runsOf(k *kit) store.RunFilter {
	k.t.Helper()
	by := must(k.cfg.Who(k.t.Context(), k.ann))(k.t)
	return store.RunFilter{Tenant: by.Tenant, Limit: 1000}
}

// serveOne serves a submission without a connection.
func serveOne(h http.Handler, key string, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/v1/agents/tasks", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// anybody lets everybody in.
func anybody(context.Context, string) (autonoma.Actor, error) {
	return autonoma.Actor{Tenant: "ten_a1b2c3d4e5f6", Scopes: []autonoma.KeyScope{autonoma.ScopeAdmin}}, nil
}
